//! What a rule asks of a JSON body: a path that must find something, or one that is compared.

use std::cmp::Ordering;

use serde_json::{Number, Value};
use serde_json_path::JsonPath;

/// A condition that was read from its text.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    path: JsonPath,
    /// Where it is left out, the path must find something.
    compared: Option<(Comparison, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Longer operators first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// Why a text is no condition, and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoCondition {
    pub(crate) why: String,
    pub(crate) help: String,
}

impl Condition {
    /// Reads a path, or a path, an operator and a JSON literal.
    pub(crate) fn parse(text: &str) -> Result<Self, NoCondition> {
        let (path, compared) = match operator(text) {
            None => (text, None),
            Some((at, operator, comparison)) => {
                let literal = text[at + operator.len()..].trim();
                let value = serde_json::from_str(literal).map_err(|_| NoCondition {
                    why: format!("`{literal}` behind `{operator}` is no JSON"),
                    help: "a text stands in double quotes: `$.messages[0].role == \"user\"`".into(),
                })?;
                (&text[..at], Some((comparison, value)))
            }
        };
        bounded(path.trim())?;
        let path = JsonPath::parse(path.trim()).map_err(|error| NoCondition {
            why: format!("`{}` is no JSONPath (RFC 9535): {error}", path.trim()),
            help: "a path begins with `$`: `$.stream`, `$.messages[0].role`".to_owned(),
        })?;
        Ok(Self { path, compared })
    }

    /// Whether it holds of a body. What a path finds several of is compared one by one, and one
    /// that fits is enough; `!=` holds where `==` does not, so also where nothing is found (RFC
    /// 9535 2.3.5.2.2).
    pub(crate) fn holds(&self, body: &Value) -> bool {
        let found = self.path.query(body);
        let Some((comparison, wanted)) = &self.compared else {
            return !found.is_empty();
        };
        let any = |fits: fn(Option<Ordering>) -> bool| {
            found.iter().any(|value| fits(compare(value, wanted)))
        };
        let equal = || found.iter().any(|value| equals(value, wanted));
        match comparison {
            Comparison::Equal => equal(),
            Comparison::Unequal => !equal(),
            Comparison::Less => any(|order| order == Some(Ordering::Less)),
            Comparison::Greater => any(|order| order == Some(Ordering::Greater)),
            Comparison::AtMost => equal() || any(|order| order == Some(Ordering::Less)),
            Comparison::AtLeast => equal() || any(|order| order == Some(Ordering::Greater)),
        }
    }
}

/// Longest path, in bytes.
const PATH_MAX: usize = 256;

/// How deep brackets and parentheses may stand in each other.
const DEPTH_MAX: usize = 8;

/// How many commas may stand in a path: each doubles what it can find.
const COMMAS_MAX: usize = 3;

/// Refuses a path that could take for ever. The parser's time grows with the power of nested
/// filters, and what a path finds with the product of its selectors.
fn bounded(path: &str) -> Result<(), NoCondition> {
    let (mut depth, mut deepest, mut commas, mut filters, mut descents) = (0_usize, 0, 0, 0, 0);
    let mut last = ' ';
    for (_, character) in outside_quotes(path) {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' => commas += 1,
            '?' => filters += 1,
            '.' if last == '.' => descents += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
        last = character;
    }
    let why = if path.len() > PATH_MAX {
        format!("the path is longer than {PATH_MAX} bytes")
    } else if deepest > DEPTH_MAX {
        format!("brackets stand more than {DEPTH_MAX} deep in each other")
    } else if commas > COMMAS_MAX {
        format!("the path has more than {COMMAS_MAX} commas")
    } else if filters + descents > 1 {
        "the path has more than one filter `?` or descent `..`".to_owned()
    } else {
        return Ok(());
    };
    Err(NoCondition { why, help: "ask for one place: `$.messages[-1].role`".to_owned() })
}

/// The characters that stand in no quoted name or text, with their places.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut is_escaped = false;
    text.char_indices().filter(move |(_, character)| {
        let Some(open) = quote else {
            quote = Some(*character).filter(|c| matches!(c, '"' | '\''));
            return quote.is_none();
        };
        if is_escaped {
            is_escaped = false;
        } else if *character == '\\' {
            is_escaped = true;
        } else if *character == open {
            quote = None;
        }
        false
    })
}

/// The first operator outside of brackets and quotes, where the path's own filters stand.
fn operator(text: &str) -> Option<(usize, &'static str, Comparison)> {
    let mut depth = 0_usize;
    for (at, character) in outside_quotes(text) {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => {
                let found = COMPARISONS.iter().find(|(word, _)| text[at..].starts_with(word));
                if let Some((word, comparison)) = found {
                    return Some((at, word, *comparison));
                }
            }
            _ => {}
        }
    }
    None
}

/// Numbers are compared by their value, so that `1` equals `1.0`.
fn equals(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => numbers(one, other) == Some(Ordering::Equal),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| equals(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, value)| other.get(key).is_some_and(|other| equals(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

/// Numbers and texts have an order; nothing else does.
fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => numbers(one, other),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_that_could_take_for_ever_is_refused() {
        let nested = format!("${}{}", "[?@".repeat(25), "]".repeat(25));
        let parentheses = format!("$[?{}@.a{}]", "(".repeat(10_000), ")".repeat(10_000));
        let deep = format!("$[?{}@.a{}]", "(".repeat(9), ")".repeat(9));
        let several = "$['a','a']['a','a']['a','a']['a','a']";
        for (path, why) in [
            (nested.as_str(), "brackets stand"),
            (parentheses.as_str(), "the path is longer"),
            (deep.as_str(), "brackets stand"),
            (several, "more than 3 commas"),
            ("$..a..b", "more than one filter"),
            ("$[?@..a]", "more than one filter"),
        ] {
            let wrong = Condition::parse(path).unwrap_err();
            assert!(wrong.why.contains(why), "{path}: {}", wrong.why);
        }
        for path in ["$..a", "$[?@.role == 'user, [(?..']", "$['a,b,c,d,e', 'f']", "$[0,1]"] {
            assert!(Condition::parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn a_condition_holds_as_rfc_9535_compares() {
        let body = json!({
            "stream": true, "n": 1, "max_tokens": 100, "model": "gpt-4o",
            "messages": [{"role": "system"}, {"role": "user", "content": "a > b"}],
            "stop": ["a", {"b": 1.0}], "none": null,
        });
        for (text, expected) in [
            ("$.tools", false),
            ("$.messages[1]", true),
            ("$.none", true),
            ("$.stream == true", true),
            ("$.stream==false", false),
            ("$.n != 1", false),
            ("$.n == 1.0", true),
            ("$.tools != 1", true),
            ("$.tools == null", false),
            ("$.none == null", true),
            ("$.max_tokens > 99.5", true),
            ("$.max_tokens >= 100", true),
            ("$.max_tokens < 100", false),
            ("$.max_tokens <= 100", true),
            ("$.stream <= true", true),
            ("$.stream < true", false),
            ("$.model >= \"gpt-4\"", true),
            ("$.model > 4", false),
            ("$.messages[0].role == \"user\"", false),
            ("$.messages[*].role == \"user\"", true),
            ("$.messages[?@.role == 'user'].content == \"a > b\"", true),
            ("$['messages'][?@.role != 'user']", true),
            ("$.stop == [\"a\", {\"b\": 1}]", true),
        ] {
            assert_eq!(Condition::parse(text).unwrap().holds(&body), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_says_which_half_is_wrong() {
        let why = |text| Condition::parse(text).unwrap_err().why;
        assert_eq!(why("$.a == user"), "`user` behind `==` is no JSON");
        assert_eq!(why("$.a >"), "`` behind `>` is no JSON");
        assert!(why("stream == true").starts_with("`stream` is no JSONPath (RFC 9535): "));
        assert!(why("$.a[").starts_with("`$.a[` is no JSONPath"));
        assert!(why("").starts_with("`` is no JSONPath"));
    }
}
