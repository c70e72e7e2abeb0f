//! Kinds of values of switches: times, sizes, counts, keys and others, as people write them.

use std::time::Duration;

use reqwest::Url;

use crate::{
    bucket::Rate,
    config::{Secret, shown},
    switches::{Form, HIDDEN, Kind},
};

/// A time, which may be zero.
pub const TIME: Kind<Duration> =
    Kind::new("a time such as `500ms` or `15s`", time, |time| show_time(*time));

/// A time above zero.
pub const SOME_TIME: Kind<Duration> =
    Kind { takes: "a time above zero, such as `500ms` or `15s`", ..BUDGET };

/// A time that is not zero, where there is another way to say so.
pub const BUDGET: Kind<Duration> =
    Kind { read: |text| time(text).filter(|time| !time.is_zero()), ..TIME };

/// A number of bytes.
pub const SIZE: Kind<usize> =
    Kind::new("a size such as `64KiB` or `1MiB`", size, |bytes| show_size(*bytes));

/// A whole number above zero.
pub const COUNT: Kind<usize> =
    Kind { form: Form::Number, ..Kind::new("a whole number above 0", count, usize::to_string) };

/// Yes or no; `true` and `false`, which YAML writes, are the same.
pub const ON_OFF: Kind<bool> = Kind {
    form: Form::OnOff,
    ..Kind::new("`on` or `off`", on_or_off, |on| if *on { "on" } else { "off" }.to_owned())
};

/// How often something may happen.
pub const RATE: Kind<Rate> =
    Kind::new("a rate such as `10/s`, `600/m` or `10/s burst 20`", Rate::read, Rate::to_string);

/// A URL.
pub const URL: Kind<Url> = Kind::new("a URL", |text| text.parse().ok(), shown);

/// Any text but none.
pub const TEXT: Kind<String> =
    Kind::new("a text", |text| (!text.is_empty()).then(|| text.to_owned()), String::clone);

/// Keys.
pub const KEY: Kind<Secret> = Kind {
    is_secret: true,
    ..Kind::new("a key", |text| (TEXT.read)(text).map(Secret), |_| HIDDEN.to_owned())
};

/// A whole number within bounds.
#[macro_export]
#[doc(hidden)]
macro_rules! number {
    ($least:literal to $most:literal) => {
        $crate::switches::Kind {
            form: $crate::switches::Form::Number,
            ..$crate::switches::Kind::new(
                concat!("a whole number from ", $least, " to ", $most),
                |text| text.parse().ok().filter(|number| ($least..=$most).contains(number)),
                u32::to_string,
            )
        }
    };
}

/// A whole number with its unit: `20ms`, `5s`, `10m`, `1h`.
fn time(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let millis_each = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis_each).map(Duration::from_millis)
}

/// A whole number with its unit: `417B`, `64KiB`, `1MiB`.
fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let bytes_each = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    number.checked_mul(bytes_each).and_then(|bytes| usize::try_from(bytes).ok())
}

/// As [`time`] reads it, in the largest unit that needs no fraction; below a millisecond is lost.
fn show_time(time: Duration) -> String {
    const UNITS: [(u128, &str); 3] = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let millis = time.as_millis();
    let unit = UNITS.into_iter().find(|(each, _)| millis > 0 && millis.is_multiple_of(*each));
    let (each, name) = unit.unwrap_or((1, "ms"));
    format!("{}{name}", millis / each)
}

/// As [`size`] reads it, in the largest unit that needs no fraction.
fn show_size(bytes: usize) -> String {
    const UNITS: [(usize, &str); 2] = [(1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.into_iter().find(|(each, _)| bytes > 0 && bytes.is_multiple_of(*each));
    let (each, name) = unit.unwrap_or((1, "B"));
    format!("{}{name}", bytes / each)
}

/// A whole number above zero.
fn count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|count| *count > 0)
}

/// `on` or `off`; `true` and `false`, which YAML writes, are the same.
fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

/// Words between commas, or `off`. None may be empty: a variable that was forgotten must not mean
/// that there are no keys.
pub(crate) fn list(text: &str) -> Option<Vec<String>> {
    if text == "off" {
        return Some(Vec::new());
    }
    let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
    (!words.iter().any(String::is_empty)).then_some(words)
}

/// Units of other programs, in small letters, and ours.
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
    ("/sec", "/s"),
    ("/second", "/s"),
    ("/min", "/m"),
    ("/minute", "/m"),
];

/// What a text may mean whose unit is one of other programs: `20msec` is `20ms` to us.
pub(crate) fn in_our_units(text: &str) -> Vec<String> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let Some((_, unit)) = split(&text) else { return Vec::new() };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    let unit = unit.to_ascii_lowercase();
    let ours = OTHER_UNITS.iter().filter(|(other, _)| *other == unit).map(|(_, ours)| *ours);
    ours.chain([unit.as_str()]).map(|unit| format!("{digits}{unit}")).collect()
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    digits.parse().ok().map(|number| (number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_its_unit() {
        assert_eq!(time("1500ms"), Some(Duration::from_millis(1500)));
        assert_eq!(time("2m"), Some(Duration::from_mins(2)));
        for wrong in ["", "15", "s", "-1s", "1.5s", "1 s", "99999999999999999999s"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
        assert_eq!(time("18446744073709551615h"), None);
    }

    #[test]
    fn a_budget_and_a_cap_are_above_zero() {
        assert_eq!((BUDGET.read)("1ms"), Some(Duration::from_millis(1)));
        assert_eq!((BUDGET.read)("0s"), None);
        assert_eq!(count("10"), Some(10));
        assert_eq!(count("0"), None);
        assert_eq!(count("-1"), None);
    }

    #[test]
    fn a_list_has_no_empty_word() {
        assert_eq!(list("a, b"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(list("a,,b"), None);
        assert_eq!(list(""), None);
        assert_eq!(list("off"), Some(Vec::new()));
    }

    #[test]
    fn a_size_needs_its_unit() {
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("64"), None);
        assert_eq!(size("64KB"), None);
    }

    #[test]
    fn a_unit_of_other_programs_is_known_as_ours() {
        for (text, ours) in [
            ("20msec", &["20ms", "20msec"][..]),
            ("5 Min", &["5m", "5min"]),
            ("10kb", &["10KiB", "10kb"]),
            ("10S", &["10s"]),
            ("10/min", &["10/m", "10/min"]),
            ("soon", &[]),
            ("10", &[]),
        ] {
            assert_eq!(in_our_units(text), ours, "{text}");
        }
    }

    #[test]
    fn a_time_and_a_size_are_shown_as_they_are_read() {
        for (text, shown) in [("0s", "0ms"), ("1500ms", "1500ms"), ("120s", "2m"), ("24h", "24h")] {
            assert_eq!(show_time(time(text).unwrap()), shown);
        }
        for (text, shown) in [("0B", "0B"), ("1025B", "1025B"), ("2048KiB", "2MiB")] {
            assert_eq!(show_size(size(text).unwrap()), shown);
        }
    }
}
