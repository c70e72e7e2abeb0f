//! Reads a request line and a header section.

use super::{HEAD_MAX, NoRequest};
use crate::{socket::Socket, wire::Wire};

/// Most header fields of a request; more is answered 431. hyper's figure is 100.
const FIELDS_MAX: usize = 256;

/// A request line and its header section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    /// `HTTP/1.1`: 1; `HTTP/1.0`: 0.
    pub(crate) minor_version: u8,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// The values of a header, in order.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str())
    }

    /// The elements of a comma-separated header.
    pub(crate) fn elements<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(name).flat_map(|v| v.split(',')).map(str::trim).filter(|e| !e.is_empty())
    }

    /// The path without scheme, authority and query.
    pub(crate) fn path(&self) -> &str {
        let target = match self.target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                let path = rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]);
                if path.starts_with('/') { path } else { "/" }
            }
            _ => &self.target,
        };
        target.split(['?', '#']).next().unwrap_or(target)
    }

    /// Whether the peer would send another request over the same connection (RFC 9112 9.3). A peer
    /// of HTTP/1.0 is taken at its default: it reads until the connection ends.
    pub(crate) fn persists(&self) -> bool {
        self.minor_version == 1
            && !self.elements("connection").any(|e| e.eq_ignore_ascii_case("close"))
    }
}

/// Reads until the header section is whole and takes it off the socket.
pub(crate) async fn read<W: Wire>(socket: &mut Socket<W>) -> Result<Head, NoRequest> {
    let mut seen = 0;
    // Parsing begins anew each time; doubling the size keeps the sum linear, and bytes that can
    // never become a request are refused before they are many.
    let mut try_at = 1;
    loop {
        let ahead = socket.ahead();
        if ahead.len() >= try_at || has_blank_line(&ahead[seen..]) {
            if let Some((head, len)) = parse(ahead)? {
                if len > HEAD_MAX {
                    return Err(too_long());
                }
                socket.skip(len);
                return Ok(head);
            }
            try_at = ahead.len() * 2;
        }
        if ahead.len() > HEAD_MAX {
            return Err(too_long());
        }
        seen = ahead.len().saturating_sub(2);
        socket.more().await?;
    }
}

fn too_long() -> NoRequest {
    NoRequest::bad(431, format!("the header section is longer than {HEAD_MAX} bytes"))
}

fn has_blank_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|w| w == b"\n\n") || bytes.windows(3).any(|w| w == b"\n\r\n")
}

fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, NoRequest> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(NoRequest::bad(431, format!("it has more than {FIELDS_MAX} headers")));
        }
        Err(error) => return Err(NoRequest::bad(400, format!("it is not HTTP/1: {error}"))),
    };
    let (Some(method), Some(target), Some(minor_version)) =
        (request.method, request.path, request.version)
    else {
        return Ok(None);
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = request.headers.iter().map(|h| (h.name.to_owned(), text(h.value))).collect();
    let head =
        Head { method: method.to_owned(), target: target.to_owned(), minor_version, headers };
    // RFC 9112 3.2: a request of HTTP/1.1 without exactly one Host is answered 400.
    if head.minor_version == 1 && head.values("host").count() != 1 {
        return Err(NoRequest::bad(400, "it needs exactly one host header"));
    }
    Ok(Some((head, len)))
}
