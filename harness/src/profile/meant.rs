//! What a provider meant an application to see, by the oracle.

use serde_json::Value;

use super::{Seen, chunks::Text};
use crate::{exchange::Frames, wire};

/// What an answer says, read from the provider's own bytes by the HTML standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// What the model says.
    pub(super) text: Text,
    /// Whether it says why it stopped.
    pub(super) has_finish: bool,
    /// Whether all came that the model had to say; else whoever sees no error is deceived.
    pub(super) is_whole: bool,
    /// Whether an error is right also where all came: something else was wrong with the answer.
    pub(super) is_odd: bool,
}

impl Meant {
    /// What is meant by a provider's status and body; `None` where these are no chat completion.
    pub fn of(status: u16, body: &[u8]) -> Option<Self> {
        if !(200..300).contains(&status) {
            return Some(Self::failure());
        }
        let mut said = Seen::default();
        let (mut is_chat, mut is_odd) = (false, false);
        let events = wire::events(body);
        for event in events.iter().take_while(|event| event.data != "[DONE]") {
            let Ok(chunk) = serde_json::from_str::<Value>(&event.data) else {
                is_odd = true;
                continue;
            };
            is_chat |= chunk["choices"].is_array();
            said.take(&chunk);
        }
        let is_error = Frames::of(body).iter().any(|(_, frame)| frame.error().is_some());
        let has_finish = said.finish.is_some();
        let is_over = has_finish || events.iter().any(|event| event.data == "[DONE]");
        let is_whole = is_over && !is_error;
        let meant = Self { text: said.said(), has_finish, is_whole, is_odd };
        (is_chat || is_error).then_some(meant)
    }

    /// There is nothing but an error to tell.
    pub fn failure() -> Self {
        Self { text: Text::default(), has_finish: false, is_whole: false, is_odd: false }
    }

    /// The same, and an error is right.
    #[must_use]
    pub fn or_an_error(self, is_odd: bool) -> Self {
        Self { is_odd: self.is_odd || is_odd, ..self }
    }
}
