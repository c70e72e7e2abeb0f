//! Rules: which requests are answered, how often, and under which quota.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::Step;
use crate::{
    quantity::Time,
    short_forms,
    yaml::short::{Form, Never, Short},
};

/// One rule: which requests it answers, how often, and how.
///
/// Rules are tried in order; the first that matches answers. A request that none matches is
/// answered 501 and reported with the nearest miss.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests it answers; every one where this is left out.
    #[serde(default, rename = "match", skip_serializing_if = "Matcher::is_any")]
    pub matches: Matcher,
    /// Which of the matching requests it answers, by their count; every one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// The keys that it accepts: a request without `authorization: Bearer <one of them>` is
    /// answered 401 `invalid_api_key`, and takes nothing of the quota. No key is asked for where it
    /// is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// A quota: what exceeds it is answered 429 with a true `retry-after`, `retry-after-ms` and
    /// `x-ratelimit-*`, from the clock in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The answer: steps, run in order.
    pub then: Vec<Step>,
}

/// Which requests a rule answers: all that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// The method, as sent: `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path without its query, as sent: `/v1/chat/completions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The `model` of a JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Headers with their exact values; names are compared without regard to case.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub header: IndexMap<String, String>,
    /// What a JSON body must hold: a path (`JSONPath`, RFC 9535) that must find something
    /// (`$.tools[0]`), or a path, `==`, `!=`, `<`, `<=`, `>` or `>=`, and a JSON literal:
    /// `$.stream == true`, `$.messages[0].role == "user"`, `$.max_tokens > 100`. Of several values
    /// one that fits is enough; `!=` also fits where the path finds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Matcher {
    /// Whether it fits every request.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

/// Which of the matching requests a rule answers, counted from 1 for each client (by the body's
/// `user`, or by address where it has none), or over all clients.
///
/// A request that fits `match` counts also where an earlier rule answers it. One of `nth`, `first`
/// and `every` is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// This one alone (`2`), or those of a range, both ends included (`2-4`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<Nth>,
    /// The first so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// Each so-manieth: `3` picks the 3rd, 6th, 9th...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// What is counted; `client` where it is left out.
    #[serde(default)]
    pub scope: Scope,
}

/// A count or a range of counts, both ends included: `2`, `2-4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nth {
    /// The first that is meant, from 1.
    pub first: u64,
    /// The last that is meant.
    pub last: u64,
}

/// Over what a rule counts requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each client by itself.
    #[default]
    Client,
    /// All clients together.
    All,
}

/// A quota in a fixed window that begins with the first request of each window, shared by all
/// clients. Over it the provider answers 429, and what is refused does not count.
///
/// `requests`, `tokens` or both are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many requests a window admits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// How many tokens a window admits: words of the prompt, as the mock counts them. A request of
    /// more tokens than are left is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// How long a window is.
    pub per: Time,
}

/// Headers in the order of the file; a name may have several values.
pub type Headers = IndexMap<String, Values>;

/// One value (`"1"`) or several (`["1", "2"]`, one header line each).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(pub Vec<String>);

impl From<&str> for Values {
    fn from(value: &str) -> Self {
        Self(vec![value.to_owned()])
    }
}

impl From<Vec<String>> for Values {
    fn from(values: Vec<String>) -> Self {
        Self(values)
    }
}

impl Short for Values {
    type Long = Vec<String>;
    const NAME: &'static str = "Values";
    const WANTED: &'static str = "a text in quotes, or a list of texts";
    const FORM: Form = Form::List;

    fn text(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn short_schema(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![json_schema!({ "type": "string" })]
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl From<Never> for Nth {
    fn from(never: Never) -> Self {
        match never {}
    }
}

impl Short for Nth {
    type Long = Never;
    const FORM: Form = Form::None;
    const NAME: &'static str = "Nth";
    const WANTED: &'static str = "a count from 1, such as `2`, or a range, such as `2-4`";

    fn number(number: u64) -> Option<Self> {
        Some(Self { first: number, last: number })
    }

    fn text(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        Some(Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? })
    }

    fn short_schema(_: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            json_schema!({ "type": "integer", "minimum": 1 }),
            json_schema!({ "type": "string", "pattern": "^ *[0-9]+ *- *[0-9]+ *$" }),
        ]
    }
}

impl Serialize for Nth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last {
            serializer.serialize_u64(self.first)
        } else {
            serializer.collect_str(&format_args!("{}-{}", self.first, self.last))
        }
    }
}

short_forms!(Values, Nth);
