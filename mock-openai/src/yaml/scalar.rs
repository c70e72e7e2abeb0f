//! What a scalar without quotes means (YAML 1.2.2, 10.3.2: the core schema).

/// A resolved plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Plain<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

pub(super) fn resolve(text: &str) -> Plain<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        _ => number(text).unwrap_or(Plain::Text(text)),
    }
}

fn number(text: &str) -> Option<Plain<'static>> {
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |c| c.is_ascii_hexdigit())
            .then(|| u64::from_str_radix(digits, 16).ok().map(Plain::Unsigned))?;
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |c| matches!(c, '0'..='7'))
            .then(|| u64::from_str_radix(digits, 8).ok().map(Plain::Unsigned))?;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if all(unsigned, |c| c.is_ascii_digit()) {
        if let Ok(number) = text.parse() {
            return Some(Plain::Unsigned(number));
        }
        if let Ok(number) = text.parse() {
            return Some(Plain::Signed(number));
        }
    }
    let shape = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    let begins = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let float: f64 = (begins && all(unsigned, shape)).then(|| text.parse().ok())??;
    float.is_finite().then_some(Plain::Float(float))
}

fn all(text: &str, fits: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_of_yaml_1_2_2_says() {
        // The examples of YAML 1.2.2, 10.3.2 (example 10.9), and what it leaves as text.
        for text in ["", "~", "null"] {
            assert_eq!(resolve(text), Plain::Null, "{text}");
        }
        assert_eq!(resolve("true"), Plain::Bool(true));
        assert_eq!(resolve("False"), Plain::Bool(false));
        assert_eq!(resolve("0"), Plain::Unsigned(0));
        assert_eq!(resolve("0o7"), Plain::Unsigned(7));
        assert_eq!(resolve("0x3A"), Plain::Unsigned(58));
        assert_eq!(resolve("-19"), Plain::Signed(-19));
        assert_eq!(resolve("0."), Plain::Float(0.0));
        assert_eq!(resolve("+12e03"), Plain::Float(12e3));
        assert_eq!(resolve("-2E+05"), Plain::Float(-2e5));
        for text in ["yes", "no", "on", "off", "20ms", "1_000", "0x", "e5", "-", ".", "1e999"] {
            assert_eq!(resolve(text), Plain::Text(text), "{text}");
        }
    }
}
