//! What a model says, apart from how any provider writes it down.

use std::borrow::Cow;

use crate::{made_up::MadeUp, script::Stream};

/// An answer of a model: text in pieces, as it would come out token by token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What it says.
    pub text: Text,
    /// Why it ends.
    pub finish: Finish,
    /// What is billed for it, where that is told.
    pub usage: Option<Tokens>,
}

/// The text of an answer, in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// These pieces.
    Given(Vec<String>),
    /// Words made up on demand, so that an answer of a gigabyte needs no gigabyte.
    MadeUp(MadeUp),
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It is complete.
    Stop,
}

/// Billed tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer.
    pub completion: u64,
}

impl Text {
    /// How many pieces it has.
    pub fn pieces(&self) -> u64 {
        match self {
            Self::Given(pieces) => pieces.len() as u64,
            Self::MadeUp(words) => words.pieces,
        }
    }

    /// The piece of that index; empty past the end.
    pub fn piece(&self, index: u64) -> Cow<'_, str> {
        match self {
            Self::Given(pieces) => {
                let piece = usize::try_from(index).ok().and_then(|at| pieces.get(at));
                Cow::Borrowed(piece.map_or("", String::as_str))
            }
            Self::MadeUp(words) => Cow::Owned(words.piece(index)),
        }
    }

    /// All pieces together.
    pub fn whole(&self) -> String {
        (0..self.pieces()).map(|index| self.piece(index)).collect()
    }
}

/// How many deltas a stream has that says nothing of it.
const CHUNKS_DEFAULT: u64 = 10;

/// The text that a `stream` step asks for. `seed`, `label` and `client` decide what is made up.
pub(crate) fn text_of(step: &Stream, text: Option<&str>, made_up: MadeUp) -> Text {
    let size = step.chunk_size.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX));
    match (text, size, step.chunks) {
        (None, size, chunks) => {
            Text::MadeUp(MadeUp { pieces: chunks.unwrap_or(CHUNKS_DEFAULT), size, ..made_up })
        }
        (Some(text), Some(size), _) => Text::Given(by_size(text, size)),
        (Some(text), None, Some(chunks)) => Text::Given(by_count(text, chunks)),
        (Some(text), None, None) => Text::Given(by_word(text)),
    }
}

/// Words with the white space before them, as a model's tokens have it.
fn by_word(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_word = true;
    for c in text.chars() {
        let starts = c.is_whitespace() && in_word;
        in_word = !c.is_whitespace();
        match words.last_mut() {
            Some(word) if !starts => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    words
}

/// Pieces of at most so many bytes, but of at least one character.
fn by_size(text: &str, size: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for c in text.chars() {
        match pieces.last_mut() {
            Some(piece) if piece.len() + c.len_utf8() <= size => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

/// So many pieces, which differ by at most one character in length.
fn by_count(text: &str, count: u64) -> Vec<String> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut left = text.chars().count();
    let mut rest = text;
    (0..count)
        .map(|index| {
            let take = left.div_ceil(count - index);
            left -= take;
            let end = rest.char_indices().nth(take).map_or(rest.len(), |(at, _)| at);
            let (piece, behind) = rest.split_at(end);
            rest = behind;
            piece.to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_into_words_that_keep_the_space_before_them() {
        assert_eq!(by_word("I'm  sorry,\nno. "), ["I'm", "  sorry,", "\nno.", " "]);
        assert_eq!(by_word(" a"), [" a"]);
        assert!(by_word("").is_empty());
    }

    #[test]
    fn a_text_is_split_by_size_between_characters_alone() {
        assert_eq!(by_size("né豆腐!", 3), ["né", "豆", "腐", "!"]);
        assert_eq!(by_size("豆", 1), ["豆"]);
    }

    #[test]
    fn a_text_is_split_into_a_count_of_pieces() {
        assert_eq!(by_count("abcdefg", 3), ["abc", "de", "fg"]);
        assert_eq!(by_count("é", 2), ["é", ""]);
    }
}
