//! Several choices talk by turns, each from its opening to its finish.

use std::collections::VecDeque;

use crate::content::{Choice, Completion, Part};

/// What a chunk tells of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment<'a> {
    /// It begins. Where it says nothing in words, its first call is told with it.
    Opens(Option<Part<'a>>),
    /// It goes on.
    Says(Part<'a>),
    /// It ends.
    Ends,
}

/// All moments of a completion in order, each with the index of its choice.
///
/// At its first turn a choice opens and says its first part too; its end is a turn of its own.
pub(super) struct Turns<'a> {
    lengths: &'a [u64],
    voices: VecDeque<Voice<'a>>,
}

struct Voice<'a> {
    choice: usize,
    parts: Box<dyn Iterator<Item = Part<'a>> + Send + 'a>,
    next: Option<Part<'a>>,
    is_open: bool,
    turn: usize,
    said: u64,
}

impl<'a> Turns<'a> {
    pub(super) fn new(completion: &'a Completion) -> Self {
        let voices = completion.choices.iter().enumerate().map(Voice::new).collect();
        Self { lengths: &completion.turns, voices }
    }
}

impl<'a> Voice<'a> {
    fn new((index, choice): (usize, &'a Choice)) -> Self {
        let mut parts = Box::new(choice.parts());
        let next = parts.next();
        Self { choice: index, parts, next, is_open: false, turn: 0, said: 0 }
    }

    fn open(&mut self) -> Moment<'a> {
        self.is_open = true;
        let call = self.next.take_if(|part| matches!(part, Part::Call(_)));
        if call.is_some() {
            self.next = self.parts.next();
        }
        Moment::Opens(call)
    }

    /// Says the next part, and whether the turn is over with it.
    fn say(&mut self, part: Part<'a>, lengths: &[u64]) -> (Moment<'a>, bool) {
        self.next = self.parts.next();
        self.said += 1;
        let length = lengths.get(self.turn).copied().unwrap_or(1);
        let is_over = self.said >= length || self.next.is_none();
        if is_over {
            self.turn += 1;
            self.said = 0;
        }
        (Moment::Says(part), is_over)
    }
}

impl<'a> Iterator for Turns<'a> {
    type Item = (usize, Moment<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let voice = self.voices.front_mut()?;
        let choice = voice.choice;
        if !voice.is_open {
            return Some((choice, voice.open()));
        }
        let Some(part) = voice.next.take() else {
            self.voices.pop_front();
            return Some((choice, Moment::Ends));
        };
        let (moment, is_over) = voice.say(part, self.lengths);
        if is_over {
            self.voices.rotate_left(1);
        }
        Some((choice, moment))
    }
}
