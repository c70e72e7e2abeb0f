//! An answer of control: always whole, never played.

use bytes::Bytes;
use serde_json::json;

use crate::http::{Request, status::reason};

pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// Status, headers and body.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// A refusal, in JSON where that is asked for.
    pub(super) fn error(request: &Request, status: u16, why: &str) -> Self {
        if wants_json(request) {
            return Self::new(status, JSON, json!({ "error": why }).to_string());
        }
        Self::new(status, TEXT, format!("{why}\n"))
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn render(self, request: &Request) -> Bytes {
        let Self { status, headers, body } = self;
        let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        let connection = (!request.head.persists()).then(|| ("connection", "close".to_owned()));
        let length = [("content-length", body.len().to_string())];
        for (name, value) in headers.into_iter().chain(length).chain(connection) {
            for part in [name, ": ", &value, "\r\n"] {
                text.push_str(part);
            }
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if request.head.method != "HEAD" {
            bytes.extend(body);
        }
        bytes.into()
    }
}

/// Whether the request names JSON in its `accept`.
pub(super) fn wants_json(request: &Request) -> bool {
    request.head.elements("accept").any(|range| {
        range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(JSON))
    })
}
