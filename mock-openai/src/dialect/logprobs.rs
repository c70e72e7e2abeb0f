//! Log probabilities as both `OpenAI` dialects write them.

use std::{borrow::Cow, ops::Range};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::content::{Choice, Text};

/// Those of some pieces of a choice; none where the choice tells none.
#[derive(Debug, Clone)]
pub(super) struct Logprobs<'a> {
    pub(super) choice: &'a Choice,
    pub(super) pieces: Range<u64>,
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
        let pieces = choice.speech.words().map_or(0, Text::pieces);
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
            Token { logprob: logprobs.of(index, &piece), piece }
        }))
    }
}

struct Token<'a> {
    piece: Cow<'a, str>,
    logprob: f64,
}

impl Serialize for Token<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut token = serializer.serialize_struct("Token", 4)?;
        token.serialize_field("token", &self.piece)?;
        token.serialize_field("logprob", &self.logprob)?;
        token.serialize_field("bytes", self.piece.as_bytes())?;
        // Others than the one that was said are never told.
        token.serialize_field("top_logprobs", &[(); 0])?;
        token.end()
    }
}
