//! Values that an author may write short, as a word or a number, or long.

use std::{fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{
        Error, MapAccess, SeqAccess, Unexpected, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
    forward_to_deserialize_any,
};

use super::nearest;

/// What a long form is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A mapping.
    Mapping,
    /// A list.
    List,
    /// There is none: the type is a text or a number.
    None,
}

/// The long form of a type that has none.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum Never {}

/// A type that has a short form beside its long one: `wait: 20ms` beside `wait: { until: ... }`.
pub trait Short: Sized {
    /// The long form: a mapping or a list, as [`Short::FORM`] says; [`Never`] where there is none.
    type Long: for<'de> Deserialize<'de> + Into<Self> + JsonSchema;

    /// What the long form is.
    const FORM: Form;

    /// What would be right, for a message: a fragment that names both forms.
    const WANTED: &'static str;

    /// The name of the type in the JSON Schema.
    const NAME: &'static str;

    /// The words among the short forms, so that a slip finds the nearest.
    const WORDS: &'static [&'static str] = &[];

    /// What a word or text means, if anything.
    fn text(_: &str) -> Option<Self> {
        None
    }

    /// What a number means, if anything.
    fn number(_: u64) -> Option<Self> {
        None
    }

    /// The schema of the short forms, one entry each.
    fn short_schema(generator: &mut SchemaGenerator) -> Vec<Schema>;
}

/// Reads either form.
///
/// # Errors
/// What is neither.
pub fn read<'de, D: Deserializer<'de>, T: Short>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Either(PhantomData))
}

/// The schema of either form.
pub fn schema<T: Short>(generator: &mut SchemaGenerator) -> Schema {
    let mut forms = T::short_schema(generator);
    if T::FORM != Form::None {
        forms.push(generator.subschema_for::<T::Long>());
    }
    json_schema!({ "anyOf": forms })
}

/// The words that a type is told by, where it is an enum.
fn words_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    match T::deserialize(AskForWords) {
        Err(Words(words)) => words,
        Ok(_) => &[],
    }
}

/// Reads nothing: what is asked of it tells the words of an enum.
struct AskForWords;

#[derive(Debug)]
struct Words(&'static [&'static str]);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Words {}

impl Error for Words {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for AskForWords {
    type Error = Words;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Words> {
        Err(Words(&[]))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Words> {
        Err(Words(words))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Short> Visitor<'de> for Either<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WANTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::text(text).ok_or_else(|| match nearest(text, T::WORDS.iter().copied()) {
            Some(_) => E::unknown_variant(text, T::WORDS),
            None if words_of::<T::Long>().contains(&text) => {
                E::custom(format!("`{text}` needs a value: write `{{ {text}: ... }}`"))
            }
            None => E::invalid_value(Unexpected::Str(text), &self),
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::number(number).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        if T::FORM != Form::Mapping {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        T::Long::deserialize(MapAccessDeserializer::new(map)).map(Into::into)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        if T::FORM != Form::List {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        T::Long::deserialize(SeqAccessDeserializer::new(list)).map(Into::into)
    }
}

/// Makes types that are [`Short`] readable by serde and describable by schemars.
#[macro_export]
macro_rules! short_forms {
    ($($name:ty),* $(,)?) => {$(
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                $crate::yaml::short::read(deserializer)
            }
        }
        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                <Self as $crate::yaml::short::Short>::NAME.into()
            }
            fn json_schema(
                generator: &mut ::schemars::SchemaGenerator,
            ) -> ::schemars::Schema {
                $crate::yaml::short::schema::<Self>(generator)
            }
        }
    )*};
}
