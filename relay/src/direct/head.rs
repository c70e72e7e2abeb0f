//! The heads of an exchange: the request's is written, the answer's read.

use bytes::{Buf as _, Bytes};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use http_body_util::BodyExt as _;
use reqwest::Url;

use super::framing::Framing;

/// The most fields of a head, and its most bytes.
const FIELDS: usize = 100;
const BYTES: usize = 64 << 10;

/// The request has no host.
#[derive(Debug, thiserror::Error)]
#[error("the request's URL has no host")]
pub(super) struct NoHost;

/// Why an answer's head cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    #[error("the answer is not HTTP/1.1: {0}")]
    NotHttp(#[from] httparse::Error),
    #[error("the answer's head has more than {BYTES} bytes")]
    TooLong,
    #[error("the answer's head does not say where its body ends")]
    Length,
}

/// An answer's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// Whether another exchange may follow on the connection (RFC 9112 9.3).
    pub(super) keeps_alive: bool,
}

/// Host and port, as they stand in `Host`.
pub(super) fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// The request as it goes out: its head, and its body, which is taken out of it.
pub(super) fn write(request: &mut reqwest::Request, authority: &str) -> [Bytes; 2] {
    // One that is whole is there at once, and is not copied.
    let body = request.body_mut().take().and_then(|mut body| body.frame().now_or_never()?);
    let body = body.and_then(|frame| frame.ok()?.into_data().ok()).unwrap_or_default();
    let mut head = Vec::with_capacity(1 << 10);
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| head.extend_from_slice(part));
    put(&[request.method().as_str().as_bytes(), b" ", request.url().path().as_bytes()]);
    if let Some(query) = request.url().query() {
        put(&[b"?", query.as_bytes()]);
    }
    put(&[b" HTTP/1.1\r\n"]);
    if !request.headers().contains_key(header::HOST) {
        put(&[b"host: ", authority.as_bytes(), b"\r\n"]);
    }
    for (name, value) in request.headers() {
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    let bodiless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !(body.is_empty() && bodiless) {
        put(&[b"content-length: ", body.len().to_string().as_bytes(), b"\r\n"]);
    }
    put(&[b"\r\n"]);
    [head.into(), body]
}

/// Reads the head of an answer to a request by `method`; `None` before all of it has come. Those that
/// only say that the answer is still to come (RFC 9110 15.2) are passed over.
pub(super) fn read(input: &mut &[u8], method: &Method) -> Result<Option<Head>, HeadError> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = parsed.parse(input)? else {
            return if input.len() < BYTES { Ok(None) } else { Err(HeadError::TooLong) };
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(httparse::Error::Status)?;
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            input.advance(length);
            continue;
        }
        let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        let mut headers = HeaderMap::with_capacity(parsed.headers.len());
        for field in &*parsed.headers {
            let name = HeaderName::from_bytes(field.name.as_bytes());
            let value = HeaderValue::from_bytes(field.value);
            headers.append(
                name.map_err(|_| httparse::Error::HeaderName)?,
                value.map_err(|_| httparse::Error::HeaderValue)?,
            );
        }
        input.advance(length);
        let framing = framing(status, version, &headers, method)?;
        let keeps_alive = keeps_alive(version, &headers)
            && framing != Framing::Close
            && status != StatusCode::SWITCHING_PROTOCOLS;
        return Ok(Some(Head { status, version, headers, framing, keeps_alive }));
    }
}

/// RFC 9112 6.3.
fn framing(
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Framing, HeadError> {
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    if method == Method::HEAD || status.is_informational() || bodiless.contains(&status) {
        return Ok(Framing::Length(0));
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter().peekable();
    if codings.peek().is_some() {
        // HTTP/1.0 has none (RFC 9112 6.1).
        if version == Version::HTTP_10 {
            return Err(HeadError::Length);
        }
        let last = codings.last().and_then(|codings| codings.to_str().ok()?.rsplit(',').next());
        let chunked = last.is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"));
        return Ok(if chunked { Framing::CHUNKED } else { Framing::Close });
    }
    let mut length = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        for one in value.as_bytes().split(|byte| *byte == b',') {
            let one = digits(one.trim_ascii()).ok_or(HeadError::Length)?;
            if length.replace(one).is_some_and(|before| before != one) {
                return Err(HeadError::Length);
            }
        }
    }
    Ok(length.map_or(Framing::Close, Framing::Length))
}

/// A decimal number without sign.
fn digits(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

fn keeps_alive(version: Version, headers: &HeaderMap) -> bool {
    let says = |what: &str| {
        let values = headers.get_all(header::CONNECTION).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|option| option.trim().eq_ignore_ascii_case(what)))
    };
    !says("close") && (version != Version::HTTP_10 || says("keep-alive"))
}
