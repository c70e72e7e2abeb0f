//! What a model says, apart from how any provider writes it down.

mod asked;
mod pieces;
mod sample;
mod text;
mod tools;

use std::borrow::Cow;

pub use text::{Text, Whole};

pub(crate) use asked::{Asked, completion};
pub(crate) use text::clip;

use crate::draw::draw_below;

/// An answer of a model: one choice or several, and what is billed for them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completion {
    /// What it says: one answer, or several to choose from.
    pub choices: Vec<Choice>,
    /// How many parts a choice says at each of its turns, where several talk by turns; one at each
    /// turn that the list does not reach.
    pub turns: Vec<u64>,
    /// What is billed, where that is told.
    pub usage: Option<Tokens>,
}

/// One of the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What it says in words.
    pub speech: Speech,
    /// How likely each piece of it was, where that is told.
    pub logprobs: Option<Logprobs>,
    /// Tools that it calls after that.
    pub calls: Vec<ToolCall>,
    /// Why it ends, in the words of chat completions: `stop`, `length`, or any other.
    pub finish: Cow<'static, str>,
}

/// What a choice says in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// Nothing: it calls tools alone.
    Silent,
    /// A text.
    Text(Text),
    /// That it refuses to answer.
    Refusal(Text),
}

/// Log probabilities of the pieces.
#[derive(Debug, Clone, PartialEq)]
pub enum Logprobs {
    /// Made up from the text of each piece.
    MadeUp,
    /// These, one a piece.
    Given(Vec<f64>),
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// `call_...`.
    pub id: String,
    /// The number by which its fragments are told from another call's.
    pub index: u64,
    /// The function's name.
    pub name: String,
    /// Its arguments, in fragments.
    pub arguments: Text,
}

/// Billed tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer.
    pub completion: u64,
}

/// A part of a choice that leaves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// The piece of the speech of that index.
    Piece(u64),
    /// A call begins.
    Call(&'a ToolCall),
    /// The fragment of a call's arguments of that index.
    Fragment(&'a ToolCall, u64),
}

impl Speech {
    /// The words, of a text and of a refusal alike.
    pub fn words(&self) -> Option<&Text> {
        match self {
            Self::Silent => None,
            Self::Text(text) | Self::Refusal(text) => Some(text),
        }
    }
}

impl Choice {
    /// What it says, part by part.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> + Send {
        let pieces = self.speech.words().map_or(0, Text::pieces);
        let calls = self.calls.iter().flat_map(|call| {
            let fragments = 0..call.arguments.pieces();
            let fragments = fragments.map(move |index| Part::Fragment(call, index));
            std::iter::once(Part::Call(call)).chain(fragments)
        });
        (0..pieces).map(Part::Piece).chain(calls)
    }

    /// Pieces and fragments, which stand for its tokens.
    fn tokens(&self) -> u64 {
        let pieces = self.speech.words().map_or(0, Text::pieces);
        pieces + self.calls.iter().map(|call| call.arguments.pieces()).sum::<u64>()
    }
}

impl Logprobs {
    /// The log probability of the piece of that index; made up, it is between -3 and 0.
    pub fn of(&self, index: u64, piece: &str) -> f64 {
        match self {
            Self::MadeUp => {
                let steps = draw_below(0, piece, index, 30_000);
                -f64::from(u32::try_from(steps).unwrap_or(0) + 1) / 10_000.0
            }
            Self::Given(given) => {
                usize::try_from(index).ok().and_then(|at| given.get(at)).copied().unwrap_or(0.0)
            }
        }
    }
}

impl Tokens {
    /// Both together.
    pub fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_says_its_words_and_then_calls_its_tools_one_after_the_other() {
        let call = |index| ToolCall {
            id: "call_1".into(),
            index,
            name: "f".into(),
            arguments: Text::given(["{", "}"]),
        };
        let choice = Choice {
            speech: Speech::Text(Text::given(["a"])),
            logprobs: None,
            calls: vec![call(0), call(7)],
            finish: "tool_calls".into(),
        };
        let (first, second) = (&choice.calls[0], &choice.calls[1]);
        let expected = [
            Part::Piece(0),
            Part::Call(first),
            Part::Fragment(first, 0),
            Part::Fragment(first, 1),
            Part::Call(second),
            Part::Fragment(second, 0),
            Part::Fragment(second, 1),
        ];
        assert_eq!(choice.parts().collect::<Vec<_>>(), expected);
        assert_eq!(choice.tokens(), 5);
    }

    #[test]
    fn made_up_log_probabilities_are_below_zero_and_depend_on_the_piece() {
        let of = |piece| Logprobs::MadeUp.of(0, piece);
        assert!((-3.0..0.0).contains(&of("river")));
        assert_ne!(of("river").to_bits(), of("stone").to_bits());
    }
}
