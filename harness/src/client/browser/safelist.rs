//! Which request headers go to another origin without being asked for (Fetch, "CORS-safelisted
//! request-header").

use crate::plan::Request;

/// Fetch, "CORS-safelisted request-header": values longer than this need a preflight.
const VALUE_BYTES_MAX: usize = 128;

/// Fetch, "CORS-unsafe request-header names": and so do safelisted values that are longer together.
const VALUES_BYTES_MAX: usize = 1024;

/// What the browser sets by itself: Fetch's forbidden request-headers that a plan may hold, and
/// `user-agent`, which script could set but hardly any does.
const THE_BROWSERS_OWN: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "te",
    "transfer-encoding",
    "user-agent",
];

/// Fetch, "CORS-unsafe request-header names" of the headers that script set: lower case, sorted,
/// each once.
pub(super) fn unsafe_names(request: &Request) -> Vec<String> {
    let mut unsafe_names = Vec::new();
    let mut maybe_unsafe = Vec::new();
    let mut safelisted_bytes = 0;
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        if is_the_browsers_own(&name) {
            continue;
        }
        if is_safelisted(&name, value) {
            safelisted_bytes += value.len();
            maybe_unsafe.push(name);
        } else {
            unsafe_names.push(name);
        }
    }
    if safelisted_bytes > VALUES_BYTES_MAX {
        unsafe_names.append(&mut maybe_unsafe);
    }
    unsafe_names.sort_unstable();
    unsafe_names.dedup();
    unsafe_names
}

fn is_the_browsers_own(name: &str) -> bool {
    THE_BROWSERS_OWN.contains(&name) || name.starts_with("sec-") || name.starts_with("proxy-")
}

fn is_safelisted(name: &str, value: &str) -> bool {
    if value.len() > VALUE_BYTES_MAX {
        return false;
    }
    match name {
        "accept" => !value.bytes().any(is_unsafe_byte),
        "accept-language" | "content-language" => {
            value.bytes().all(|b| b.is_ascii_alphanumeric() || b" *,-.;=".contains(&b))
        }
        "content-type" => !value.bytes().any(is_unsafe_byte) && is_a_forms_type(value),
        "range" => is_simple_range(value),
        _ => false,
    }
}

/// Fetch, "CORS-unsafe request-header byte".
fn is_unsafe_byte(byte: u8) -> bool {
    byte < 0x20 && byte != b'\t' || b"\"():<>?@[\\]{}\x7F".contains(&byte)
}

/// The essences that a form can send.
fn is_a_forms_type(value: &str) -> bool {
    let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let forms = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
    forms.contains(&essence.as_str())
}

/// Fetch, "simple range header value": `bytes=5-` or `bytes=5-9`.
fn is_simple_range(value: &str) -> bool {
    let Some((first, last)) = value.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return false;
    };
    match (first.parse::<u64>(), last) {
        (Ok(_), "") => !first.starts_with('+'),
        (Ok(first_byte), _) => {
            !first.starts_with('+')
                && !last.starts_with('+')
                && last.parse().is_ok_and(|last: u64| first_byte <= last)
        }
        (Err(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing(&[], &[])]
    #[case::the_browsers_own(&[("host", "a"), ("content-length", "2"), ("Sec-Fetch-Mode", "cors")], &[])]
    #[case::chat_request(
        &[("content-type", "application/json"), ("Authorization", "Bearer k"), ("accept", "text/event-stream")],
        &["authorization", "content-type"]
    )]
    #[case::form(&[("content-type", "text/plain;charset=UTF-8")], &[])]
    #[case::resume(&[("Last-Event-ID", "7")], &["last-event-id"])]
    #[case::sorted_and_once(&[("x-b", "1"), ("X-A", "1"), ("x-b", "2")], &["x-a", "x-b"])]
    #[case::unsafe_byte(&[("accept", "a(b)")], &["accept"])]
    #[case::odd_language(&[("accept-language", "de_DE")], &["accept-language"])]
    #[case::language(&[("accept-language", "de-DE, en;q=0.5")], &[])]
    #[case::range(&[("range", "bytes=5-")], &[])]
    #[case::suffix_range(&[("range", "bytes=-5")], &["range"])]
    #[case::backward_range(&[("range", "bytes=9-5")], &["range"])]
    fn what_must_be_asked_for(#[case] headers: &[(&str, &str)], #[case] expected: &[&str]) {
        assert_eq!(unsafe_names(&request(headers)), expected);
    }

    #[test]
    fn long_values_must_be_asked_for() {
        let long = "a".repeat(129);
        assert_eq!(unsafe_names(&request(&[("accept", &long)])), ["accept"]);
        let value = "a".repeat(128);
        let eight = [("accept", value.as_str()); 8];
        assert_eq!(unsafe_names(&request(&eight)), [""; 0]);
        let nine = [("accept", value.as_str()); 9];
        assert_eq!(unsafe_names(&request(&nine)), ["accept"]);
    }

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Request { method: "GET".to_owned(), target: "/".to_owned(), headers, body: String::new() }
    }
}
