//! The heads that a hop writes: to the next hop, and to its client.

use crate::{
    http1::{Headers, RequestHead, ResponseHead, header, header_names},
    middlebox::framing::{Down, Framing, field, nginx_page, wants_to_stay},
};

/// Fields of one connection, and of framing: each side has its own (RFC 9110 7.6.1).
const OF_ONE_CONNECTION: [&str; 7] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The request as it goes to the next hop, on a connection for it alone.
pub(super) fn up(request: &RequestHead, minor_version: u8, body: &[u8]) -> Vec<u8> {
    let RequestHead { method, target, headers, .. } = request;
    let mut head = format!("{method} {target} HTTP/1.{minor_version}\r\n");
    head += &others(headers);
    let has_framing =
        ["content-length", "transfer-encoding"].iter().any(|name| header(headers, name).is_some());
    if has_framing {
        head += &field("content-length", &body.len().to_string());
    }
    head += &field("connection", "close");
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

/// The answer as it goes to a client who asked so, in this minor version.
pub(super) fn down(request: &RequestHead, minor_version: u8, answer: &ResponseHead) -> Down {
    let (framing, length) = Framing::of(request, minor_version, answer);
    let keeps_alive = framing != Framing::UntilClose && wants_to_stay(request, minor_version);
    let mut head = format!("HTTP/1.{minor_version} {} {}\r\n", answer.status, answer.reason);
    head += &others(&answer.headers);
    if let Some(length) = &length {
        head += &field("content-length", length);
    }
    if framing == Framing::Chunked {
        head += &field("transfer-encoding", "chunked");
    }
    head += &field("connection", if keeps_alive { "keep-alive" } else { "close" });
    head += "\r\n";
    Down { head: head.into_bytes(), framing, keeps_alive }
}

/// The hop's own error page, and whether the connection serves another request afterwards.
pub(super) fn error(request: &RequestHead, status: u16) -> (Vec<u8>, bool) {
    let reason = reason(status);
    let title = format!("{status} {reason}");
    let page = nginx_page(&title);
    let keeps_alive = wants_to_stay(request, 1);
    let head = format!("HTTP/1.1 {title}\r\n")
        + &field("content-type", "text/html")
        + &field("content-length", &page.len().to_string())
        + &field("connection", if keeps_alive { "keep-alive" } else { "close" })
        + "\r\n";
    let page = if request.method == "HEAD" { String::new() } else { page };
    ((head + &page).into_bytes(), keeps_alive)
}

/// nginx's words where they are not those of RFC 9110.
fn reason(status: u16) -> &'static str {
    match status {
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error"),
    }
}

/// The fields that pass, in their order.
fn others(headers: &Headers) -> String {
    let named = header_names(&header(headers, "connection").unwrap_or_default());
    let passes = |name: &str| {
        let name = name.to_ascii_lowercase();
        !OF_ONE_CONNECTION.contains(&name.as_str()) && !named.contains(&name)
    };
    headers
        .iter()
        .filter(|(name, _)| passes(name))
        .map(|(name, value)| field(name, value))
        .collect()
}
