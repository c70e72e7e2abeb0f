//! A number that is expected exactly, or within bounds.

use std::borrow::Cow;

use mock_openai::{
    quantity::{Size, Time},
    yaml::short::{self, Form, Short},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::value::{Error, StrDeserializer, U64Deserializer},
};

/// A number, exact or bounded: `3`, `{ at_least: 3 }`, `{ at_most: 50ms }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bound<T> {
    /// Inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<T>,
    /// Inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<T>,
}

/// Bounds, both included; one or both are given.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BoundsOf{T}")]
pub struct Bounds<T> {
    /// The least that is right.
    at_least: Option<T>,
    /// The most that is right.
    at_most: Option<T>,
}

impl<T> From<Bounds<T>> for Bound<T> {
    fn from(Bounds { at_least, at_most }: Bounds<T>) -> Self {
        Self { at_least, at_most }
    }
}

impl<T: Copy> Bound<T> {
    fn exact(value: T) -> Self {
        Self { at_least: Some(value), at_most: Some(value) }
    }
}

/// What a bound can bound.
pub trait Quantity: Copy + JsonSchema + for<'de> Deserialize<'de> {
    /// What would be right, for a message.
    const WANTED: &'static str;
}

impl Quantity for u64 {
    const WANTED: &'static str = "a whole number, `{ at_least: ... }` or `{ at_most: ... }`";
}

impl Quantity for Time {
    const WANTED: &'static str = "a time with its unit, such as `50ms`, `{ at_least: 50ms }` or \
                                  `{ at_most: 50ms }`";
}

impl Quantity for Size {
    const WANTED: &'static str = "a size with its unit, such as `4KiB`, `{ at_least: 4KiB }` or \
                                  `{ at_most: 4KiB }`";
}

impl<T: Quantity> Short for Bound<T> {
    type Long = Bounds<T>;
    const FORM: Form = Form::Mapping;
    const NAME: &'static str = "Bound";
    const WANTED: &'static str = T::WANTED;

    fn number(number: u64) -> Option<Self> {
        T::deserialize(U64Deserializer::<Error>::new(number)).ok().map(Self::exact)
    }

    fn text(text: &str) -> Option<Self> {
        T::deserialize(StrDeserializer::<Error>::new(text)).ok().map(Self::exact)
    }

    fn short_schema(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![generator.subschema_for::<T>()]
    }
}

impl<'de, T: Quantity> Deserialize<'de> for Bound<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        short::read(deserializer)
    }
}

impl<T: Quantity> JsonSchema for Bound<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("BoundOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short::schema::<Self>(generator)
    }
}
