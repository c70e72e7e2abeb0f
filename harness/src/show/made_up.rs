//! A request that fits a rule, where no client of the plan makes one.

use mock_openai::script::{Matcher, Rule};
use serde_json::{Map, Value, json};

use crate::plan::Request;

/// As near to the rule's `match` as can be told from its text; the mock says whether it fits.
pub(super) fn request(rule: &Rule) -> Request {
    let Matcher { method, path, model, header, body } = &rule.matches;
    let method = method.clone().unwrap_or_else(|| "POST".to_owned());
    let target = path.clone().unwrap_or_else(|| "/v1/chat/completions".to_owned());
    let mut headers = vec![("host".to_owned(), "upstream".to_owned())];
    let mut asked = json!({
        "model": model.as_deref().unwrap_or("gpt-4o-mini"),
        "stream": true,
        "messages": [{ "role": "user", "content": "Tell me about rivers." }],
    });
    if let Some(wanted) = body {
        fit(&mut asked, wanted);
    }
    let has_body = model.is_some() || body.is_some() || !["GET", "HEAD"].contains(&&*method);
    let body = if has_body { asked.to_string() } else { String::new() };
    if has_body {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        headers.push(("content-length".to_owned(), body.len().to_string()));
    }
    if let Some(key) = rule.keys.first() {
        headers.push(("authorization".to_owned(), format!("Bearer {key}")));
    }
    for (name, value) in header {
        headers.retain(|(usual, _)| !usual.eq_ignore_ascii_case(name));
        headers.push((name.clone(), value.clone()));
    }
    Request { method, target, headers, body }
}

/// Puts into the body what a comparison or a path asks for; more than plain names and indices in
/// it is left alone.
fn fit(body: &mut Value, wanted: &str) {
    let operators = ["==", "!=", ">=", "<=", ">", "<"];
    let found = operators.iter().find_map(|one| Some((*one, wanted.split_once(one)?)));
    let (path, value) = match found {
        None => (wanted, json!(true)),
        Some((operator, (path, value))) => {
            let Ok(value) = serde_json::from_str::<Value>(value.trim()) else { return };
            (path, beside(operator, value))
        }
    };
    let Some(steps) = steps(path.trim()) else { return };
    let mut place = body;
    for step in steps {
        place = match step {
            Ok(name) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                let Value::Object(map) = place else { return };
                map.entry(name).or_insert(Value::Null)
            }
            Err(index) => {
                if !place.is_array() {
                    *place = json!([]);
                }
                let Value::Array(list) = place else { return };
                if list.len() <= index {
                    list.resize(index + 1, Value::Null);
                }
                &mut list[index]
            }
        };
    }
    // A path alone asks that something is there.
    if found.is_some() || place.is_null() {
        *place = value;
    }
}

/// A value for which the comparison is true.
fn beside(operator: &str, value: Value) -> Value {
    match (operator, value.as_i64()) {
        (">", Some(number)) => json!(number.saturating_add(1)),
        ("<", Some(number)) => json!(number.saturating_sub(1)),
        ("!=", Some(number)) => json!(number.wrapping_add(1)),
        ("!=", None) => json!(1),
        _ => value,
    }
}

/// The largest index that is followed: a list is filled up to it.
const INDEX_MAX: usize = 100;

/// The names and indices of `$.a.b[0]`; nothing for what is no plain path.
fn steps(path: &str) -> Option<Vec<Result<String, usize>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('[') {
            let (index, tail) = tail.split_once(']')?;
            steps.push(Err(index.parse().ok().filter(|index| *index <= INDEX_MAX)?));
            rest = tail;
        } else {
            let tail = rest.strip_prefix('.')?;
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            let name = &tail[..end];
            let is_plain = |c: char| c.is_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_plain) {
                return None;
            }
            steps.push(Ok(name.to_owned()));
            rest = &tail[end..];
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_made_to_fit_a_path_or_a_comparison() {
        for (wanted, expected) in [
            ("$.stream == false", json!({ "stream": false })),
            ("$.n != 1", json!({ "stream": true, "n": 2 })),
            ("$.max_tokens > 100", json!({ "stream": true, "max_tokens": 101 })),
            ("$.max_tokens >= 100", json!({ "stream": true, "max_tokens": 100 })),
            ("$.tools[0]", json!({ "stream": true, "tools": [true] })),
            ("$.m[0].role == \"user\"", json!({ "stream": true, "m": [{ "role": "user" }] })),
            ("$.stream", json!({ "stream": true })),
            // More than it understands.
            ("$..role", json!({ "stream": true })),
            ("$.m[99999999999] == 1", json!({ "stream": true })),
        ] {
            let mut body = json!({ "stream": true });
            fit(&mut body, wanted);
            assert_eq!(body, expected, "{wanted}");
        }
    }
}
