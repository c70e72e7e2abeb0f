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
        got: Got,
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

/// What stands there.
#[derive(Debug)]
pub(super) enum Got {
    Number(String),
    Truth(String),
    /// In an author's words.
    Other(String),
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(written) => write!(f, "`{written}` is a number"),
            Self::Truth(written) => write!(f, "`{written}` is a truth value"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

impl Error {
    pub(super) fn new(at: Id, kind: Kind) -> Self {
        Self { at: Some(at), kind: Box::new(kind) }
    }

    /// Says where it arose, unless that is known more exactly already.
    pub(super) fn or_at(self, at: Id) -> Self {
        Self { at: self.at.or(Some(at)), ..self }
    }

    /// Quotes the number or truth value as it is written: `2.0` and `1e20` come out of serde as others.
    pub(super) fn quoting(mut self, written: &str) -> Self {
        if let Kind::Wrong { got: Got::Number(got) | Got::Truth(got), help, .. } = &mut *self.kind {
            written.clone_into(got);
            if let Some(help) = help {
                *help = quoted(written);
            }
        }
        self
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
                let wrong = wrong(got.to_string()).wanted(format!("wanted: {wanted}"));
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
        let told = tell(got);
        let help = quotes(&told, &wanted).or_else(|| meant(got, &wanted));
        let kind = Kind::Wrong { got: told, wanted: plain(&wanted), help };
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
fn tell(got: Unexpected<'_>) -> Got {
    let words = match got {
        Unexpected::Bool(value) => return Got::Truth(value.to_string()),
        Unexpected::Unsigned(value) => return Got::Number(value.to_string()),
        Unexpected::Signed(value) => return Got::Number(value.to_string()),
        Unexpected::Float(value) => return Got::Number(value.to_string()),
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
    };
    Got::Other(words)
}

/// A number or a truth value where a text is wanted lacks its quotes.
fn quotes(got: &Got, wanted: &str) -> Option<String> {
    match got {
        Got::Number(written) | Got::Truth(written) if wanted == "a string" => Some(quoted(written)),
        Got::Number(_) | Got::Truth(_) | Got::Other(_) => None,
    }
}

fn quoted(written: &str) -> String {
    format!("put quotes around it: \"{written}\"")
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
