//! Quantities that carry their unit: `20ms`, `4KiB`, `1KiB/s`, `30%`.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Unexpected, Visitor},
};

/// A length of time: a whole number and `ms`, `s`, `m` or `h`. Resolution is 1 ms, that of tokio's timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub Duration);

/// A number of bytes: a whole number and `B`, `KiB` or `MiB`; a bare number counts bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

/// Bytes a second: a [`Size`] with its unit and `/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// A share in hundredths of a per cent: `30%` is 3,000; at most `100%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Share(pub u16);

/// Why a text is not the quantity that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotAQuantity {
    /// What was read.
    pub text: String,
    /// What would have been right, with an example.
    pub wanted: &'static str,
}

impl NotAQuantity {
    /// The quantity that was meant, where its unit is one of other programs: `20ms` by `20msec`.
    pub fn meant(&self) -> Option<String> {
        nearest(&self.text, self.wanted)
    }
}

const TIME: &str = "a time: a whole number with its unit, such as `20ms`, `5s`, `10m` or `1h`";
const SIZE: &str = "a size: a whole number with its unit, such as `417B`, `64KiB` or `1MiB`";
const RATE: &str = "a rate: a size for each second, such as `1KiB/s` or `10MiB/s`";
const SHARE: &str =
    "a share: a number with a per cent sign from 0% to 100%, such as `30%` or `0.5%`";

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    digits.parse().ok().map(|number| (number, unit))
}

fn wrong(text: &str, wanted: &'static str) -> NotAQuantity {
    NotAQuantity { text: text.to_owned(), wanted }
}

/// Units of other programs, and ours.
const OTHER_UNITS: &[(&str, &str)] = &[
    ("msec", "ms"),
    ("millis", "ms"),
    ("sec", "s"),
    ("secs", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minutes", "m"),
    ("hours", "h"),
    ("b", "B"),
    ("k", "KiB"),
    ("kb", "KiB"),
    ("kib", "KiB"),
    ("m", "MiB"),
    ("mb", "MiB"),
    ("mib", "MiB"),
];

/// The quantity that was meant by a text with a unit that is not ours; `wanted` is what the
/// quantity says of itself.
pub(crate) fn nearest(text: &str, wanted: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (_, unit) = split(&text)?;
    let digits = text.strip_suffix(unit)?;
    // What may be short or long says `a time with its unit, such as ..., or ...`.
    let is_a = |quantity: &str| wanted.starts_with(quantity);
    let is_right = |text: &str| {
        (is_a("a time") && text.parse::<Time>().is_ok())
            || (is_a("a size") && text.parse::<Size>().is_ok())
            || (is_a("a rate") && text.parse::<Rate>().is_ok())
            || (is_a("a share") && text.parse::<Share>().is_ok())
    };
    let lower = unit.to_ascii_lowercase();
    let bare = lower.strip_suffix("/s").unwrap_or(&lower);
    let ours = OTHER_UNITS.iter().filter(|(other, _)| *other == bare).map(|(_, ours)| *ours);
    let candidates = ours.chain([bare, unit]);
    candidates
        .flat_map(|unit| [format!("{digits}{unit}"), format!("{digits}{unit}/s")])
        .find(|candidate| is_right(candidate))
}

impl FromStr for Time {
    type Err = NotAQuantity;
    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let (number, unit) = split(text).ok_or_else(|| wrong(text, TIME))?;
        let millis_each = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong(text, TIME)),
        };
        let millis = number.checked_mul(millis_each).ok_or_else(|| wrong(text, TIME))?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

fn bytes(text: &str, wanted: &'static str) -> Result<u64, NotAQuantity> {
    let (number, unit) = split(text).ok_or_else(|| wrong(text, wanted))?;
    let bytes_each = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return Err(wrong(text, wanted)),
    };
    number.checked_mul(bytes_each).ok_or_else(|| wrong(text, wanted))
}

impl FromStr for Size {
    type Err = NotAQuantity;
    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        bytes(text, SIZE).map(Self)
    }
}

impl FromStr for Rate {
    type Err = NotAQuantity;
    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let size = text.strip_suffix("/s").ok_or_else(|| wrong(text, RATE))?;
        match bytes(size, RATE).map_err(|_| wrong(text, RATE))? {
            0 => Err(wrong(text, RATE)),
            each_second => Ok(Self(each_second)),
        }
    }
}

impl FromStr for Share {
    type Err = NotAQuantity;
    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let error = || wrong(text, SHARE);
        let number = text.strip_suffix('%').ok_or_else(error)?;
        let (whole, hundredths) = match number.split_once('.') {
            None => (number, 0),
            Some((whole, tenths)) if tenths.len() == 1 => {
                (whole, tenths.parse::<u16>().map_err(|_| error())? * 10)
            }
            Some((whole, both)) if both.len() == 2 => {
                (whole, both.parse::<u16>().map_err(|_| error())?)
            }
            Some(_) => return Err(error()),
        };
        let whole: u16 = whole.parse().map_err(|_| error())?;
        let share = whole.checked_mul(100).and_then(|w| w.checked_add(hundredths));
        share.filter(|s| *s <= 10_000).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            0 => f.write_str("0s"),
            m if m % 3_600_000 == 0 => write!(f, "{}h", m / 3_600_000),
            m if m % 60_000 == 0 => write!(f, "{}m", m / 60_000),
            m if m % 1_000 == 0 => write!(f, "{}s", m / 1_000),
            m => write!(f, "{m}ms"),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0B"),
            n if n % (1 << 20) == 0 => write!(f, "{}MiB", n >> 20),
            n if n % (1 << 10) == 0 => write!(f, "{}KiB", n >> 10),
            n => write!(f, "{n}B"),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Size(self.0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}%"),
            (whole, h) if h % 10 == 0 => write!(f, "{whole}.{}%", h / 10),
            (whole, h) => write!(f, "{whole}.{h:02}%"),
        }
    }
}

macro_rules! read_and_write_as_text {
    ($($name:ident: $wanted:expr, $pattern:literal, $says:literal);*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $says })
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($wanted)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
read_and_write_as_text!(
    Time: TIME, "^[0-9]+(ms|s|m|h)$",
        "A time: a whole number with its unit (`20ms`, `5s`, `10m`, `1h`). Resolution is 1 ms.";
    Size: SIZE, "^[0-9]+(B|KiB|MiB)$",
        "A size: a whole number with its unit (`417B`, `64KiB`, `1MiB`).";
    Rate: RATE, "^0*[1-9][0-9]*(B|KiB|MiB)/s$",
        "A rate: a size for each second (`1KiB/s`, `10MiB/s`).";
    Share: SHARE, "^0*(100(\\.00?)?|[0-9]{1,2}(\\.[0-9]{1,2})?)%$",
        "A share: a number with a per cent sign, 0% to 100% (`30%`, `0.5%`)."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quantity_reads_its_units_and_prints_them_back() {
        for text in ["0s", "20ms", "5s", "10m", "1h", "1500ms"] {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), text);
        }
        for text in ["417B", "64KiB", "1MiB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("1KiB/s".parse::<Rate>().unwrap(), Rate(1024));
        for text in ["30%", "0.5%", "0.25%", "100%"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_unit_is_refused_with_what_would_be_right() {
        for text in ["20", "20 ms", "20sec", "-1s", "1.5s", "", "ms", "99999999999999999999s"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        for text in ["4KB", "4kib", "KiB", "18446744073709551615KiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        for text in ["1KiB", "0B/s", "1KiB/m"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["101%", "30", "1.234%", "%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        assert_eq!(
            "20".parse::<Time>().unwrap_err().to_string(),
            "`20` is not a time: a whole number with its unit, such as `20ms`, `5s`, `10m` or `1h`"
        );
    }

    #[test]
    fn a_unit_of_other_programs_finds_ours() {
        for (text, wanted, right) in [
            ("20sec", TIME, Some("20s")),
            ("5 min", TIME, Some("5m")),
            ("20MS", TIME, Some("20ms")),
            ("4KB", SIZE, Some("4KiB")),
            ("4kib", SIZE, Some("4KiB")),
            ("1KB/s", RATE, Some("1KiB/s")),
            ("1KiB", RATE, Some("1KiB/s")),
            ("1.5s", TIME, None),
            ("20", TIME, None),
            ("soon", TIME, None),
            ("4KB", TIME, None),
            ("5sec", "a time with its unit, such as `20ms`, or `forever`", Some("5s")),
            ("5sec", "a truth value", None),
        ] {
            assert_eq!(nearest(text, wanted).as_deref(), right, "{text}");
        }
    }
}
