//! The steps of an answer, each doing one thing, run in order.

mod answer;
mod cut;
mod end;
mod flags;
mod head;
mod send;
mod stream;
mod wait;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use answer::{ErrorAnswer, ErrorPreset};
pub use cut::{Cut, CutBy, CutLevel, Inside, Random};
pub use end::{After, Code, End, Stop, Trip};
pub use head::{Framing, Head, HeadWhen};
pub use send::{Eol, Recording, Send, SendPreset};
pub use stream::{Choice, Choices, Dialect, Stream, ToolCall, Usage};
pub use wait::{
    Distribution, Exponential, Lognormal, LongWait, Normal, Pareto, Pause, Uniform, Until, Wait,
};

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The status line and the headers. Left out: 200 and the provider's usual headers.
    Head(Head),
    /// A whole well-formed streamed completion.
    Stream(Box<Stream>),
    /// One event, exact bytes, a named oddity, or a recorded stream.
    Send(Box<Send>),
    /// A JSON answer that is no stream.
    Json(serde_json::Value),
    /// An error object as the whole answer, with its status.
    Error(ErrorAnswer),
    /// Cuts the bytes of inner steps at chosen places.
    Cut(Cut),
    /// Lets time pass, or waits for a cause.
    Wait(Wait),
    /// Runs inner steps several times. Inside text `{i}` stands for the count from 0 and `{n}` for
    /// the count from 1.
    Repeat(Repeat),
    /// Stands before other steps and ends the answer at a point, whatever step runs then.
    Trip(Trip),
    /// How the answer ends; `clean` where it is left out.
    End(End),
    /// A named point that a `wait`, a client or a network event can wait for.
    Mark(String),
}

impl Step {
    /// The steps inside of it, and how often they run; nothing where it holds none.
    pub fn inner(&self) -> Option<(&[Self], u64)> {
        match self {
            Self::Cut(cut) => Some((&cut.steps, 1)),
            Self::Repeat(repeat) => Some((&repeat.steps, repeat.times)),
            Self::Head(_)
            | Self::Stream(_)
            | Self::Send(_)
            | Self::Json(_)
            | Self::Error(_)
            | Self::Wait(_)
            | Self::Trip(_)
            | Self::End(_)
            | Self::Mark(_) => None,
        }
    }
}

/// Runs inner steps several times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often: 1 to 1,000,000.
    pub times: u64,
    /// The steps that are run so often.
    pub steps: Vec<Step>,
}
