//! What can be wrong with a value, before it is put into words.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::{Diagnostic, document::Document, tree::Id, words};
use crate::quantity;

/// A serde error that knows at which node it arose.
#[derive(Debug)]
pub(super) struct Error {
    at: Option<Id>,
    kind: Box<Kind>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// In the words of the type that was to be read.
    Custom(String),
    /// One kind of value where another is wanted.
    Wrong {
        got: String,
        wanted: String,
        help: Option<String>,
    },
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownWord {
        word: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    /// A further key, where one key alone says what is meant.
    SecondKey {
        key: String,
        known: &'static [&'static str],
    },
    /// A word that stands alone but needs a value, as `stream` in `- stream: {}`.
    NeedsValue(String),
    /// A word that is given a value but takes none.
    TakesNoValue(String),
}

impl Error {
    pub(super) fn new(at: Id, kind: Kind) -> Self {
        Self { at: Some(at), kind: Box::new(kind) }
    }

    /// Says where it arose, unless that is known more exactly already.
    pub(super) fn or_at(self, at: Id) -> Self {
        Self { at: self.at.or(Some(at)), ..self }
    }

    pub(super) fn at(&self) -> Option<Id> {
        self.at
    }

    pub(super) fn into_diagnostic(self, document: &Document, at: Id) -> Diagnostic {
        let span = document.nodes[at.0].0;
        let wrong = |message: String| document.wrong(span, message);
        match *self.kind {
            Kind::Custom(message) => wrong(message),
            Kind::Wrong { got, wanted, help } => {
                let wrong = wrong(got).wanted(format!("wanted: {wanted}"));
                match help {
                    Some(help) => wrong.help(help),
                    None => wrong,
                }
            }
            Kind::UnknownKey { key, known } => {
                wrong(format!("unknown key `{key}`")).known(&key, known.iter().copied())
            }
            Kind::UnknownWord { word, known } => {
                wrong(format!("unknown word `{word}`")).known(&word, known.iter().copied())
            }
            Kind::MissingKey(key) => wrong(format!("the key `{key}` is missing"))
                .wanted(format!("this mapping needs `{key}`")),
            Kind::SecondKey { key, known } => {
                let wanted = if known.is_empty() {
                    "wanted: one key alone".to_owned()
                } else {
                    format!("wanted: one of {} alone", words::list(known.iter().copied()))
                };
                wrong(format!("`{key}` is a second key where one says what is meant"))
                    .wanted(wanted)
            }
            Kind::NeedsValue(word) => {
                wrong(format!("`{word}` needs a value")).help(format!("write `{word}: ...`"))
            }
            Kind::TakesNoValue(word) => {
                wrong(format!("`{word}` takes no value")).help(format!("write `{word}` alone"))
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { at: None, kind: Box::new(Kind::Custom(message.to_string())) }
    }

    fn invalid_type(got: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = wanted.to_string();
        let help = quotes(got, &wanted).or_else(|| meant(got, &wanted));
        let kind = Kind::Wrong { got: tell(got), wanted: plain(&wanted), help };
        Self { at: None, kind: Box::new(kind) }
    }

    fn invalid_value(got: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(got, wanted)
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        let kind = Kind::UnknownKey { key: key.to_owned(), known };
        Self { at: None, kind: Box::new(kind) }
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        let kind = Kind::UnknownWord { word: word.to_owned(), known };
        Self { at: None, kind: Box::new(kind) }
    }

    fn missing_field(key: &'static str) -> Self {
        Self { at: None, kind: Box::new(Kind::MissingKey(key)) }
    }
}

/// What stands there, as an author sees it.
fn tell(got: Unexpected<'_>) -> String {
    match got {
        Unexpected::Bool(value) => format!("`{value}` is a truth value"),
        Unexpected::Unsigned(value) => format!("`{value}` is a number"),
        Unexpected::Signed(value) => format!("`{value}` is a number"),
        Unexpected::Float(value) => format!("`{value}` is a number"),
        Unexpected::Char(value) => format!("`{value}` does not fit here"),
        Unexpected::Str(value) => format!("`{value}` does not fit here"),
        Unexpected::Unit | Unexpected::Option => "the value is missing".to_owned(),
        Unexpected::Seq => "a list stands here".to_owned(),
        Unexpected::Map => "a mapping stands here".to_owned(),
        Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => format!("{got} does not fit here"),
    }
}

/// A number or a truth value where a text is wanted lacks its quotes.
fn quotes(got: Unexpected<'_>, wanted: &str) -> Option<String> {
    let written = match got {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Char(_)
        | Unexpected::Str(_)
        | Unexpected::Bytes(_)
        | Unexpected::Unit
        | Unexpected::Option
        | Unexpected::NewtypeStruct
        | Unexpected::Seq
        | Unexpected::Map
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => return None,
    };
    (wanted == "a string").then(|| format!("put quotes around it: \"{written}\""))
}

/// What was meant by a unit, or a word for a truth value, that other programs know.
fn meant(got: Unexpected<'_>, wanted: &str) -> Option<String> {
    let Unexpected::Str(written) = got else { return None };
    let right = match (wanted, written) {
        ("a boolean", "yes" | "on") => Some("true".to_owned()),
        ("a boolean", "no" | "off") => Some("false".to_owned()),
        ("u16" | "u32" | "u64" | "f64", number) if number.parse::<f64>().is_ok() => {
            return Some(format!("leave its quotes out: {number}"));
        }
        _ => quantity::nearest(written, wanted),
    };
    right.map(|right| format!("did you mean `{right}`?"))
}

/// serde's names for the types, in an author's words; what a type says of itself stays.
fn plain(wanted: &str) -> String {
    let words = match wanted {
        "a string" => "a text",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "a boolean" => "`true` or `false`",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "unit" => "nothing",
        other => other,
    };
    words.to_owned()
}
