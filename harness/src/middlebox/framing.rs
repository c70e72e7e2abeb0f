//! How a hop frames an answer for its client, and whether the connection serves another request.

use crate::http1::{RequestHead, ResponseHead, header, header_names};

/// How the body goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// No body, or one with a length that the head says.
    AsSaid,
    Chunked,
    UntilClose,
}

/// An answer's head as it goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Down {
    pub(super) head: Vec<u8>,
    pub(super) framing: Framing,
    /// Whether the connection serves another request afterwards.
    pub(super) keeps_alive: bool,
}

impl Framing {
    /// That of an answer to a client who asked so, from a hop that speaks this minor version at most,
    /// and the length that the head says (RFC 9112 6.3: a coding beats it).
    pub(super) fn of(
        request: &RequestHead,
        minor_version: u8,
        answer: &ResponseHead,
    ) -> (Self, Option<String>) {
        let length = header(&answer.headers, "content-length")
            .filter(|_| header(&answer.headers, "transfer-encoding").is_none());
        let has_body = request.method != "HEAD" && !matches!(answer.status, 204 | 304);
        let framing = if length.is_some() || !has_body {
            Self::AsSaid
        } else if request.minor_version.min(minor_version) >= 1 {
            Self::Chunked
        } else {
            Self::UntilClose
        };
        (framing, length)
    }
}

/// Whether a client wants its connection kept by a hop that speaks this minor version at most
/// (RFC 9112 9.3).
pub(super) fn wants_to_stay(request: &RequestHead, minor_version: u8) -> bool {
    let options = header_names(&header(&request.headers, "connection").unwrap_or_default());
    let says = |option: &str| options.iter().any(|candidate| candidate == option);
    if request.minor_version.min(minor_version) >= 1 { !says("close") } else { says("keep-alive") }
}

/// The page of an error of nginx (`ngx_http_special_response.c`, with `server_tokens off`).
pub(super) fn nginx_page(title: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

/// One line of a head.
pub(super) fn field(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}
