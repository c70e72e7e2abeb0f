//! What the provider does: rules that match requests, and the steps that answer them.

mod attach;
mod check;
pub(crate) mod dates;
pub(crate) mod exact;
mod extent;
mod load;
mod rule;
mod step;

pub use attach::attach;
pub use check::{check, check_distribution, is_header_name, is_header_value, marks, passes};
pub use extent::Extent;
pub use load::load;
pub use rule::{Headers, Limit, Matcher, Nth, Rule, Scope, Values, When};
pub use step::{
    After, Choice, Choices, Code, Cut, CutBy, CutLevel, Dialect, Distribution, End, Eol,
    ErrorAnswer, ErrorPreset, Exponential, Framing, Head, HeadWhen, Inside, Lognormal, LongWait,
    Normal, Pareto, Pause, Random, Recording, Repeat, Send, SendPreset, Step, Stop, Stream,
    ToolCall, Trip, Uniform, Until, Usage, Wait,
};

/// A whole script: its rules are tried in order, and the first that matches answers.
///
/// A request that no rule matches is answered 501 and reported with the nearest miss.
pub type Script = Vec<Rule>;
