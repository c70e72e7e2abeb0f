//! The heads that the proxy writes: to its next hop, and to its client.

use crate::{
    http1::{Headers, RequestHead, ResponseHead, header},
    middlebox::framing::{Down, Framing, field, nginx_page, wants_to_stay},
    scenario::UpstreamHttp,
};

/// Request fields that `ngx_http_proxy_module` sets or clears itself (`ngx_http_proxy_headers`).
const NOT_PASSED_UP: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Response fields that are never passed on: hidden ones (`ngx_http_proxy_hide_headers`), and those
/// that the proxy writes itself.
const NOT_PASSED_DOWN: [&str; 13] = [
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
    "x-accel-buffering",
    "x-accel-charset",
    "x-accel-expires",
    "x-accel-limit-rate",
    "x-accel-redirect",
    "x-pad",
];

/// The request as it goes to the next hop: no connection reuse, whatever the version. nginx takes no
/// note of what `Connection` names.
pub(super) fn up(
    request: &RequestHead,
    http: UpstreamHttp,
    next_hop: &str,
    body: &[u8],
) -> Vec<u8> {
    let version = match http {
        UpstreamHttp::H10 => "HTTP/1.0",
        UpstreamHttp::H1 => "HTTP/1.1",
    };
    let line = format!("{} {} {version}\r\n", request.method, request.target);
    let mut head = line + &field("Host", next_hop) + &field("Connection", "close");
    let has_framing = ["content-length", "transfer-encoding"]
        .iter()
        .any(|name| header(&request.headers, name).is_some());
    if has_framing {
        head += &field("Content-Length", &body.len().to_string());
    }
    head += &others(&request.headers, &NOT_PASSED_UP);
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

/// The answer's head as it goes to the client.
pub(super) fn down(request: &RequestHead, answer: &ResponseHead) -> Down {
    let (framing, length) = Framing::of(request, 1, answer);
    let keeps_alive = framing != Framing::UntilClose && wants_to_stay(request, 1);
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, answer.reason);
    if let Some(media_type) = header(&answer.headers, "content-type") {
        head += &field("Content-Type", &media_type);
    }
    if let Some(length) = &length {
        head += &field("Content-Length", length);
    }
    if framing == Framing::Chunked {
        head += &field("Transfer-Encoding", "chunked");
    }
    head += &field("Connection", if keeps_alive { "keep-alive" } else { "close" });
    head += &others(&answer.headers, &NOT_PASSED_DOWN);
    head += "\r\n";
    Down { head: head.into_bytes(), framing, keeps_alive }
}

/// The proxy's own error page.
pub(super) fn error(request: &RequestHead, status: u16, reason: &str) -> (Vec<u8>, bool) {
    let page = nginx_page(&format!("{status} {reason}"));
    let keeps_alive = wants_to_stay(request, 1);
    let head = format!("HTTP/1.1 {status} {reason}\r\n")
        + &field("Content-Type", "text/html")
        + &field("Content-Length", &page.len().to_string())
        + &field("Connection", if keeps_alive { "keep-alive" } else { "close" })
        + "\r\n";
    let page = if request.method == "HEAD" { String::new() } else { page };
    ((head + &page).into_bytes(), keeps_alive)
}

/// Whether the answer asks to be buffered, or not to be (`ngx_http_upstream_process_buffering`).
pub(super) fn asks_to_buffer(answer: &ResponseHead) -> Option<bool> {
    match header(&answer.headers, "x-accel-buffering")?.to_ascii_lowercase().as_str() {
        "no" => Some(false),
        "yes" => Some(true),
        _ => None,
    }
}

fn others(headers: &Headers, left_out: &[&str]) -> String {
    let kept =
        headers.iter().filter(|(name, _)| !left_out.contains(&name.to_ascii_lowercase().as_str()));
    kept.map(|(name, value)| field(name, value)).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::http1::Head as _;

    fn request(text: &str) -> RequestHead {
        RequestHead::parse(text.as_bytes()).unwrap().unwrap().0
    }

    fn answer(text: &str) -> ResponseHead {
        ResponseHead::parse(text.as_bytes()).unwrap().unwrap().0
    }

    /// What nginx 1.22.1 sent, byte for byte, but for the name of its next hop.
    #[rstest]
    #[case(
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        "",
        "GET / HTTP/1.0\r\nHost: relay\r\nConnection: close\r\n\r\n"
    )]
    #[case(
        "POST /v1/x?a=b HTTP/1.1\r\nhost: relay\r\nX-Y: z\r\nconnection: keep-alive, x-y\r\nauthorization: Bearer k\r\ncontent-type: application/json\r\naccept-encoding: gzip\r\nte: trailers\r\ncontent-length: 5\r\n\r\n",
        "hello",
        "POST /v1/x?a=b HTTP/1.0\r\nHost: relay\r\nConnection: close\r\nContent-Length: 5\r\nX-Y: z\r\nauthorization: Bearer k\r\ncontent-type: application/json\r\naccept-encoding: gzip\r\n\r\nhello"
    )]
    fn the_request_is_what_nginx_sends(
        #[case] sent: &str,
        #[case] body: &str,
        #[case] expected: &str,
    ) {
        let bytes = up(&request(sent), UpstreamHttp::H10, "relay", body.as_bytes());
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        // With `proxy_http_version 1.1` the line is all that differs.
        let bytes = up(&request(sent), UpstreamHttp::H1, "relay", body.as_bytes());
        assert_eq!(String::from_utf8(bytes).unwrap(), expected.replacen("1.0", "1.1", 1));
    }

    const SSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-a: 1\r\nX-Accel-Buffering: no\r\nconnection: keep-alive\r\nkeep-alive: x\r\n\r\n";

    /// What nginx 1.22.1 sent, less `Server` and `Date`.
    #[rstest]
    #[case::chunks(
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        SSE,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nx-a: 1\r\n\r\n",
        Framing::Chunked
    )]
    #[case::close(
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        SSE,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nx-a: 1\r\n\r\n",
        Framing::Chunked
    )]
    #[case::old_client(
        "GET / HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n",
        SSE,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\nx-a: 1\r\n\r\n",
        Framing::UntilClose
    )]
    #[case::length(
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 460\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 460\r\nConnection: keep-alive\r\n\r\n",
        Framing::AsSaid
    )]
    #[case::coding_beats_length(
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 460\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n",
        Framing::Chunked
    )]
    #[case::head(
        "HEAD / HTTP/1.1\r\nhost: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 460\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 460\r\nConnection: keep-alive\r\n\r\n",
        Framing::AsSaid
    )]
    #[case::no_content(
        "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n",
        Framing::AsSaid
    )]
    fn the_answer_is_what_nginx_sends(
        #[case] sent: &str,
        #[case] answered: &str,
        #[case] expected: &str,
        #[case] framing: Framing,
    ) {
        let down = down(&request(sent), &answer(answered));
        assert_eq!(String::from_utf8(down.head).unwrap(), expected);
        assert_eq!(down.framing, framing);
        assert_eq!(down.keeps_alive, expected.contains("keep-alive"));
    }
}
