//! How much a packet is late beside its link's latency.

use std::time::Duration;

use mock_openai::{
    draw::{draw_below, draw_time},
    quantity::Time,
    script::{Distribution, Exponential, Lognormal, Normal, Pareto, Uniform},
    short_forms,
    yaml::short::{Form, Short},
};
use schemars::{Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

/// What is added to each packet's latency: at most so much, uniformly (`5ms`), or as a distribution
/// draws it. Packets of one flow stay in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// At most so much, every whole millisecond as likely.
    AtMost(Time),
    /// As a distribution draws it.
    Drawn(Distribution),
}

impl Jitter {
    /// What is added to the packet of this ordinal.
    pub(crate) fn draw(&self, seed: u64, label: &str, ordinal: u64) -> Duration {
        match self {
            Self::AtMost(most) => {
                let millis = u64::try_from(most.0.as_millis()).unwrap_or(u64::MAX);
                let drawn = draw_below(seed, label, ordinal, millis.saturating_add(1));
                Duration::from_millis(drawn)
            }
            Self::Drawn(distribution) => draw_time(distribution, seed, label, ordinal),
        }
    }

    /// The most that it ever adds, where it has a bound.
    pub(crate) fn most(&self) -> Option<Duration> {
        let bound = match self {
            Self::AtMost(most) => Some(*most),
            Self::Drawn(Distribution::Uniform(Uniform { max, .. })) => Some(*max),
            Self::Drawn(
                Distribution::Normal(Normal { max, .. })
                | Distribution::Lognormal(Lognormal { max, .. })
                | Distribution::Exponential(Exponential { max, .. })
                | Distribution::Pareto(Pareto { max, .. }),
            ) => *max,
        };
        bound.map(|time| time.0)
    }
}

impl From<Distribution> for Jitter {
    fn from(distribution: Distribution) -> Self {
        Self::Drawn(distribution)
    }
}

impl Short for Jitter {
    type Long = Distribution;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "Jitter";
    const WANTED: &'static str = "a time with its unit, such as `5ms`, or a distribution, such as \
                                  `{ pareto: { least: 1ms, shape: 2, max: 1s } }`";

    fn text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::AtMost)
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![generator.subschema_for::<Time>()]
    }
}

impl Serialize for Jitter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AtMost(most) => most.serialize(serializer),
            Self::Drawn(distribution) => distribution.serialize(serializer),
        }
    }
}

short_forms!(Jitter);
