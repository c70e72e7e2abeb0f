//! Time that passes, fixed or drawn, and causes that are waited for.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    quantity::Time,
    short_forms,
    yaml::short::{Form, Short},
};

/// Lets time pass, or waits for a cause: `20ms`, `forever`, `{ lognormal: ... }`,
/// `{ until: ... }`.
#[derive(Debug, Clone, PartialEq)]
pub enum Wait {
    /// So long.
    For(Time),
    /// As long as is drawn.
    Drawn(Distribution),
    /// Until something happens.
    Until(Until),
    /// For ever; the peer's leaving ends it.
    Forever,
}

/// A pause: a time (`20ms`), or a distribution that it is drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pause {
    /// So long.
    For(Time),
    /// As long as is drawn, anew each time.
    Drawn(Distribution),
}

/// What a wait waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// The peer goes away; the answer then goes on, into the void.
    PeerClosed,
    /// A `mark` of that name is passed, in this answer or another, before or after the wait began. A
    /// mark that was passed once stays passed. Counters stand in the name as in text.
    Mark(String),
}

/// How times are drawn: by hash of the seed, the client's request and the step, so that equal seeds
/// give equal times whatever the order of arrival, on every machine. Rounded to whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Every time between two bounds is as likely.
    Uniform(Uniform),
    /// The logarithm is normally distributed: the shape of measured response times.
    Lognormal(Lognormal),
    /// As intervals between independent events are.
    Exponential(Exponential),
    /// Symmetrical about a mean.
    Normal(Normal),
    /// Mostly short, with rare ones that are very long: the shape of queues on the Internet.
    Pareto(Pareto),
}

/// A time drawn between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uniform {
    /// The shortest.
    pub min: Time,
    /// The longest.
    pub max: Time,
}

/// A time drawn from a log-normal distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// Half of the times are shorter.
    pub median: Time,
    /// The standard deviation of the natural logarithm, 0 to 5: at 0.5 two thirds of the times lie
    /// between 0.6 and 1.6 medians.
    pub sigma: f64,
    /// Longer times are cut to it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Time>,
}

/// A time drawn from an exponential distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// The average.
    pub mean: Time,
    /// Longer times are cut to it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Time>,
}

/// A time drawn from a normal distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// The average; what would be less than nothing is nothing.
    pub mean: Time,
    /// The standard deviation: two thirds of the times lie that near to the mean.
    pub deviation: Time,
    /// Longer times are cut to it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Time>,
}

/// A time drawn from a Pareto distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pareto {
    /// The shortest.
    pub least: Time,
    /// How fast long times get rare, above 0 and up to 100: at 2 one in a hundred is longer than ten
    /// times the shortest, at 1 one in ten.
    pub shape: f64,
    /// Longer times are cut to it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Time>,
}

/// The long form of a wait.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LongWait {
    /// Every time between two bounds is as likely.
    Uniform(Uniform),
    /// The logarithm is normally distributed: the shape of measured response times.
    Lognormal(Lognormal),
    /// As intervals between independent events are.
    Exponential(Exponential),
    /// Symmetrical about a mean.
    Normal(Normal),
    /// Mostly short, with rare ones that are very long: the shape of queues on the Internet.
    Pareto(Pareto),
    /// Until something happens.
    Until(Until),
}

impl From<LongWait> for Wait {
    fn from(long: LongWait) -> Self {
        match long {
            LongWait::Uniform(uniform) => Self::Drawn(Distribution::Uniform(uniform)),
            LongWait::Lognormal(lognormal) => Self::Drawn(Distribution::Lognormal(lognormal)),
            LongWait::Exponential(one) => Self::Drawn(Distribution::Exponential(one)),
            LongWait::Normal(normal) => Self::Drawn(Distribution::Normal(normal)),
            LongWait::Pareto(pareto) => Self::Drawn(Distribution::Pareto(pareto)),
            LongWait::Until(until) => Self::Until(until),
        }
    }
}

impl Short for Wait {
    type Long = LongWait;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "Wait";
    const WANTED: &'static str = "a time with its unit, such as `20ms`, or `forever`, \
                                  `{ until: ... }`, `{ lognormal: ... }`, `{ uniform: ... }`";

    const WORDS: &'static [&'static str] = &["forever"];

    fn text(text: &str) -> Option<Self> {
        match text {
            "forever" => Some(Self::Forever),
            other => other.parse().ok().map(Self::For),
        }
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Vec<Schema> {
        let forever = json_schema!({ "const": "forever", "description": "Until the peer leaves." });
        vec![generator.subschema_for::<Time>(), forever]
    }
}

impl Serialize for Wait {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::For(time) => time.serialize(serializer),
            Self::Drawn(distribution) => distribution.serialize(serializer),
            Self::Until(until) => serializer.collect_map(std::iter::once(("until", until))),
            Self::Forever => serializer.serialize_str("forever"),
        }
    }
}

impl From<Distribution> for Pause {
    fn from(distribution: Distribution) -> Self {
        Self::Drawn(distribution)
    }
}

impl Short for Pause {
    type Long = Distribution;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "Pause";
    const WANTED: &'static str = "a time with its unit, such as `20ms`, or a distribution, such as \
                                  `{ lognormal: { median: 20ms, sigma: 0.5 } }`";

    fn text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::For)
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![generator.subschema_for::<Time>()]
    }
}

impl Serialize for Pause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::For(time) => time.serialize(serializer),
            Self::Drawn(distribution) => distribution.serialize(serializer),
        }
    }
}

short_forms!(Wait, Pause);
