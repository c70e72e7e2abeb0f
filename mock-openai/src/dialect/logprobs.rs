//! Log probabilities as both `OpenAI` dialects write them.

use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::content::Choice;

/// Those of some pieces of a choice; none where the choice tells none.
#[derive(Debug, Clone)]
pub(super) struct Logprobs<'a> {
    pub(super) choice: &'a Choice,
    pub(super) pieces: Range<u64>,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
    /// Never asked for.
    top_logprobs: [(); 0],
}

impl<'a> Logprobs<'a> {
    /// No piece's.
    pub(super) fn none(choice: &'a Choice) -> Self {
        Self { choice, pieces: 0..0 }
    }

    /// One piece's.
    pub(super) fn one(choice: &'a Choice, piece: u64) -> Self {
        Self { choice, pieces: piece..piece + 1 }
    }

    /// All pieces'.
    pub(super) fn all(choice: &'a Choice) -> Self {
        let pieces = choice.speech.words().map_or(0, |words| words.pieces());
        Self { choice, pieces: 0..pieces }
    }
}

impl Serialize for Logprobs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Some(logprobs), Some(words)) = (&self.choice.logprobs, self.choice.speech.words())
        else {
            return serializer.collect_seq([(); 0]);
        };
        serializer.collect_seq(self.pieces.clone().map(|index| {
            let piece = words.piece(index);
            TokenOf { logprob: logprobs.of(index, &piece), piece }
        }))
    }
}

/// Owns the piece for as long as it is written.
struct TokenOf<'a> {
    piece: std::borrow::Cow<'a, str>,
    logprob: f64,
}

impl Serialize for TokenOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (token, bytes) = (self.piece.as_ref(), self.piece.as_bytes());
        Token { token, logprob: self.logprob, bytes, top_logprobs: [] }.serialize(serializer)
    }
}
