//! The heads that the proxy writes: to its next hop, and to its client.

use crate::{
    http1::{Headers, RequestHead, ResponseHead, header},
    middlebox::framing::{field, wants_to_stay},
};

/// The request as it goes to the next hop, in the version in which it came, with names in lower case.
pub(super) fn up(request: &RequestHead, body: &[u8]) -> Vec<u8> {
    let RequestHead { method, target, headers, minor_version } = request;
    let mut head = format!("{method} {target} HTTP/1.{minor_version}\r\n");
    head += &others(headers, &["content-length", "transfer-encoding"]);
    let has_framing =
        ["content-length", "transfer-encoding"].iter().any(|name| header(headers, name).is_some());
    if has_framing {
        head += &field("content-length", &body.len().to_string());
    }
    if *minor_version == 0 {
        head += &field("connection", "keep-alive");
    }
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

/// The answer's head as it goes to the client: framed as it came.
pub(super) fn down(request: &RequestHead, answer: &ResponseHead, keeps_alive: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, answer.reason);
    head += &others(&answer.headers, &[]);
    head += &connection(request, keeps_alive);
    head += "\r\n";
    head.into_bytes()
}

/// The proxy's own error page, and whether the connection serves another request afterwards.
pub(super) fn error(
    request: &RequestHead,
    status: u16,
    reason: &str,
    words: &str,
) -> (Vec<u8>, bool) {
    let page = format!("<html><body><h1>{status} {reason}</h1>\n{words}\n</body></html>\n");
    let keeps_alive = wants_to_stay(request, 1);
    let head = format!("HTTP/1.1 {status} {reason}\r\n")
        + &field("content-length", &page.len().to_string())
        + &field("cache-control", "no-cache")
        + &field("content-type", "text/html")
        + &connection(request, keeps_alive)
        + "\r\n";
    let page = if request.method == "HEAD" { String::new() } else { page };
    ((head + &page).into_bytes(), keeps_alive)
}

/// It says only what the version does not say by itself.
fn connection(request: &RequestHead, keeps_alive: bool) -> String {
    match (keeps_alive, request.minor_version) {
        (false, _) => field("connection", "close"),
        (true, 0) => field("connection", "keep-alive"),
        (true, _) => String::new(),
    }
}

/// The fields that pass, in their order and in lower case.
fn others(headers: &Headers, left_out: &[&str]) -> String {
    let fields = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let of_this_hop = ["connection", "keep-alive", "proxy-connection"];
    fields
        .filter(|(name, _)| !of_this_hop.contains(&name.as_str()))
        .filter(|(name, _)| !left_out.contains(&name.as_str()))
        .map(|(name, value)| field(&name, value))
        .collect()
}
