//! The chunked coding (RFC 9112 7.1), a byte at a time where it is not data.

use super::{
    decoder::Garbled,
    head::{Headers, owned},
};

/// Chunk extensions and trailers beyond this are nonsense or an attack (RFC 9112 7.1.1 asks for a
/// bound).
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Sixteen hexadecimal digits are a `u64`.
const SIZE_DIGITS_MAX: u8 = 16;

const TRAILERS_MAX: usize = 128;

/// Where in the coding a decoder stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Size {
        digits: u8,
    },
    /// White space or an extension after the size.
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailers,
    Over,
}

/// Decodes one chunked body.
#[derive(Debug, Clone)]
pub(crate) struct Chunked {
    state: State,
    /// Of the chunk: what is still to come.
    size: u64,
    /// Bytes of the extension or of the trailers so far.
    line: usize,
    trailers: Vec<u8>,
}

/// One step over the input.
pub(super) enum Step {
    /// So many bytes were framing.
    Framing(usize),
    /// So many bytes are data.
    Data(usize),
    /// So many bytes, and the body is over.
    Over(usize, Headers),
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { state: State::Size { digits: 0 }, size: 0, line: 0, trailers: Vec::new() }
    }

    /// The fewest bytes that can still come before the body is over, counted as nginx counts them
    /// (`ngx_http_parse_chunked`, 1.22): a lone LF as a line end.
    pub(super) fn least_to_come(&self) -> u64 {
        let rest = self.size.saturating_add(4);
        match self.state {
            State::Size { digits: 0 } => 3,
            State::Size { .. } | State::Extension | State::SizeLineFeed => {
                1 + if self.size == 0 { 1 } else { rest }
            }
            State::Data => rest,
            State::DataReturn | State::DataLineFeed => 4,
            State::Trailers => 1,
            State::Over => 0,
        }
    }

    /// Takes one step; `bytes` is not empty.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, Garbled> {
        let Some(&byte) = bytes.first() else { return Ok(Step::Framing(0)) };
        match self.state {
            State::Size { digits } => self.size_byte(digits, byte)?,
            State::Extension => self.extension_byte(byte)?,
            State::SizeLineFeed => {
                self.state = match (byte, self.size) {
                    (b'\n', 0) => State::Trailers,
                    (b'\n', _) => State::Data,
                    _ => return Err(Garbled),
                };
            }
            State::Data => {
                let len = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len());
                self.size -= len as u64;
                if self.size == 0 {
                    self.state = State::DataReturn;
                }
                return Ok(Step::Data(len));
            }
            State::DataReturn => self.expect(byte, b'\r', State::DataLineFeed)?,
            State::DataLineFeed => self.expect(byte, b'\n', State::Size { digits: 0 })?,
            State::Trailers => return self.trailer_byte(byte),
            State::Over => return Err(Garbled),
        }
        Ok(Step::Framing(1))
    }

    fn expect(&mut self, byte: u8, wanted: u8, next: State) -> Result<(), Garbled> {
        if byte != wanted {
            return Err(Garbled);
        }
        self.state = next;
        Ok(())
    }

    fn size_byte(&mut self, digits: u8, byte: u8) -> Result<(), Garbled> {
        let digit = char::from(byte).to_digit(16);
        self.state = match (digit, byte) {
            (Some(digit), _) if digits < SIZE_DIGITS_MAX => {
                self.size = self.size << 4 | u64::from(digit);
                State::Size { digits: digits + 1 }
            }
            (None, b'\r') if digits > 0 => State::SizeLineFeed,
            (None, b';' | b' ' | b'\t') if digits > 0 => State::Extension,
            _ => return Err(Garbled),
        };
        self.line = 0;
        Ok(())
    }

    fn extension_byte(&mut self, byte: u8) -> Result<(), Garbled> {
        self.line += 1;
        match byte {
            b'\r' => self.state = State::SizeLineFeed,
            b'\n' => return Err(Garbled),
            _ if self.line > LINE_BYTES_MAX => return Err(Garbled),
            _ => {}
        }
        Ok(())
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<Step, Garbled> {
        self.trailers.push(byte);
        let over = self.trailers == b"\r\n" || self.trailers.ends_with(b"\r\n\r\n");
        if !over {
            let too_long = self.trailers.len() > LINE_BYTES_MAX;
            return if too_long { Err(Garbled) } else { Ok(Step::Framing(1)) };
        }
        let mut fields = [httparse::EMPTY_HEADER; TRAILERS_MAX];
        match httparse::parse_headers(&self.trailers, &mut fields)? {
            httparse::Status::Complete((_, fields)) => {
                let trailers = owned(fields);
                self.state = State::Over;
                Ok(Step::Over(1, trailers))
            }
            httparse::Status::Partial => Err(Garbled),
        }
    }
}
