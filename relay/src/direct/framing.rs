//! Where an answer's body ends, and what of the bytes is body (RFC 9112 6.3 and 7.1): a state machine
//! without input or output.

use bytes::{Buf as _, Bytes};

/// The longest line with a chunk's size, extensions included, in bytes. No provider sends extensions.
const SIZE_LINE: usize = 1 << 10;
/// The most bytes and fields of trailers.
const TRAILERS: usize = 16 << 10;
const TRAILER_FIELDS: usize = 100;

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    #[error("a chunk's size is no hexadecimal number that fits")]
    Size,
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    #[error("the trailers are no header fields, or too many")]
    Trailers,
    #[error("the connection ended within the body")]
    Incomplete,
}

/// How the rest of a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// Chunks, and where in them.
    Chunks(Chunks),
    /// All up to the end of the connection.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// Before a chunk's size.
    Size,
    /// So many bytes of a chunk are left.
    Data(u64),
    /// Before the line end behind a chunk's data.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
    /// Behind it all.
    Ended,
}

/// What there is of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Some of it; never empty.
    Data(Bytes),
    End,
}

/// What can be taken from what has come.
enum Taken<'a> {
    /// Some of the body; never empty.
    Data(&'a [u8]),
    /// Nothing before more has come.
    Nothing,
    End,
}

impl Framing {
    pub(super) const CHUNKED: Self = Self::Chunks(Chunks::Size);

    pub(super) fn has_ended(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunks(Chunks::Ended))
    }

    /// What may be left of the body, in bytes, where that is known.
    pub(super) fn left(self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(left),
            Self::Chunks(Chunks::Ended) => Some(0),
            Self::Chunks(_) | Self::Close => None,
        }
    }

    /// Takes all that can be taken of `input` now, as one piece: many small chunks in one read cost no
    /// more turns than a large one. `None` before more has come.
    pub(super) fn piece(&mut self, input: &mut &[u8]) -> Result<Option<Piece>, FramingError> {
        let first = match self.take(input)? {
            Taken::Data(first) => first,
            Taken::Nothing => return Ok(None),
            Taken::End => return Ok(Some(Piece::End)),
        };
        // A mistake behind it is found again.
        let Ok(Taken::Data(second)) = self.take(input) else {
            return Ok(Some(Piece::Data(Bytes::copy_from_slice(first))));
        };
        let mut all = [first, second].concat();
        while let Ok(Taken::Data(next)) = self.take(input) {
            all.extend_from_slice(next);
        }
        Ok(Some(Piece::Data(all.into())))
    }

    fn take<'a>(&mut self, input: &mut &'a [u8]) -> Result<Taken<'a>, FramingError> {
        match self {
            Self::Length(left) => Ok(data(left, input)),
            Self::Chunks(chunks) => chunks.take(input),
            Self::Close if input.is_empty() => Ok(Taken::Nothing),
            Self::Close => Ok(Taken::Data(std::mem::take(input))),
        }
    }

    /// The connection has ended: whether the body may end there.
    pub(super) fn close(self) -> Result<(), FramingError> {
        if self.has_ended() || self == Self::Close { Ok(()) } else { Err(FramingError::Incomplete) }
    }
}

impl Chunks {
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> Result<Taken<'a>, FramingError> {
        loop {
            *self = match self {
                Self::Size => match httparse::parse_chunk_size(input) {
                    Ok(httparse::Status::Complete((length, size)))
                        if is_size_line(&input[..length]) =>
                    {
                        input.advance(length);
                        if size == 0 { Self::Trailers } else { Self::Data(size) }
                    }
                    Ok(httparse::Status::Partial) if input.len() < SIZE_LINE => {
                        return Ok(Taken::Nothing);
                    }
                    Ok(_) | Err(_) => return Err(FramingError::Size),
                },
                Self::Data(0) => Self::DataEnd,
                Self::Data(left) => return Ok(data(left, input)),
                Self::DataEnd => {
                    if !b"\r\n".starts_with(&input[..input.len().min(2)]) {
                        return Err(FramingError::ChunkEnd);
                    }
                    if input.len() < 2 {
                        return Ok(Taken::Nothing);
                    }
                    input.advance(2);
                    Self::Size
                }
                Self::Trailers => {
                    let mut fields = [httparse::EMPTY_HEADER; TRAILER_FIELDS];
                    match httparse::parse_headers(input, &mut fields) {
                        // They are dropped, as RFC 9110 6.5.1 allows.
                        Ok(httparse::Status::Complete((length, _)))
                            if has_whole_line_ends(&input[..length]) =>
                        {
                            input.advance(length);
                        }
                        Ok(httparse::Status::Partial) if input.len() < TRAILERS => {
                            return Ok(Taken::Nothing);
                        }
                        Ok(_) | Err(_) => return Err(FramingError::Trailers),
                    }
                    Self::Ended
                }
                Self::Ended => return Ok(Taken::End),
            }
        }
    }
}

/// What `httparse` lets pass: a line without any digit.
fn is_size_line(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_hexdigit) && has_whole_line_ends(line)
}

/// Whether no LF stands alone, which `httparse` takes for the end of a line.
pub(super) fn has_whole_line_ends(lines: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', lines).all(|at| lines[..at].ends_with(b"\r"))
}

fn data<'a>(left: &mut u64, input: &mut &'a [u8]) -> Taken<'a> {
    if *left == 0 {
        return Taken::End;
    }
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    if length == 0 {
        return Taken::Nothing;
    }
    *left -= length as u64;
    let (data, rest) = input.split_at(length);
    *input = rest;
    Taken::Data(data)
}
