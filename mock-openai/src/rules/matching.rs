//! Compares a request with what a rule asks of it.

use super::condition::Condition;
use crate::{http::Request, script::Matcher};

/// What of the request does not fit, each as a fragment of a sentence; empty where all fits.
/// `condition` is the matcher's `body` as it was read; `None` where it could not be.
pub(super) fn misses(
    matcher: &Matcher,
    condition: Option<&Condition>,
    request: &Request,
) -> Vec<String> {
    let Matcher { method, path, model, header, body } = matcher;
    let head = &request.head;
    let mut misses = Vec::new();
    let mut compare = |what: &str, wanted: Option<&str>, got: Option<&str>| match (wanted, got) {
        (Some(wanted), Some(got)) if wanted != got => {
            misses.push(format!("{what} is `{got}`, not `{wanted}`"));
        }
        (Some(wanted), None) => misses.push(format!("it names no {what}, not `{wanted}`")),
        _ => {}
    };
    compare("method", method.as_deref(), Some(&head.method));
    compare("path", path.as_deref(), Some(head.path()));
    compare("model", model.as_deref(), request.model());
    for (name, wanted) in header {
        let name = name.to_ascii_lowercase();
        let got = head.values(&name).find(|v| v == wanted).or_else(|| head.values(&name).next());
        compare(&format!("header {name}"), Some(wanted), got);
    }
    if let Some(text) = body {
        match (condition, request.json()) {
            (Some(condition), Some(body)) if condition.holds(body) => {}
            (Some(_), Some(_)) => misses.push(format!("its body does not fit `{text}`")),
            (Some(_), None) => misses.push(format!("its body is no JSON, which `{text}` asks for")),
            (None, _) => misses.push(format!("`{text}` is no condition")),
        }
    }
    misses
}
