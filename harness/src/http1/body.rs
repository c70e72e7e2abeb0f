//! The body of one message, by its framing.

use super::{
    chunked::{Chunked, Step},
    decoder::Garbled,
    head::Headers,
};

/// How the end of a body is told (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// It has so many bytes; none where there is no body.
    Length(u64),
    /// Chunked coding.
    Chunked,
    /// The connection's close ends it.
    UntilClose,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// What the start of the input is.
pub(crate) enum Part {
    Data(usize),
    Framing(usize),
    Over(usize, Headers),
}

impl Body {
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::new()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Looks at the start of `bytes`, which may be empty.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Part, Garbled> {
        match self {
            Self::Length(0) => Ok(Part::Over(0, Headers::new())),
            Self::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= len as u64;
                Ok(Part::Data(len))
            }
            Self::UntilClose => Ok(Part::Data(bytes.len())),
            Self::Chunked(chunked) => Ok(match chunked.step(bytes)? {
                Step::Data(len) => Part::Data(len),
                Step::Framing(len) => Part::Framing(len),
                Step::Over(len, trailers) => Part::Over(len, trailers),
            }),
        }
    }

    /// The fewest bytes that can still come; `None` where only the close tells.
    pub(crate) fn least_to_come(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(chunked) => Some(chunked.least_to_come()),
            Self::UntilClose => None,
        }
    }
}
