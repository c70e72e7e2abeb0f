//! The heads of requests and responses, and the framing of the body that follows.

use super::{body::Framing, decoder::Garbled};

/// Header fields in order, names as received. Values are read as UTF-8; what is not, is U+FFFD.
pub type Headers = Vec<(String, String)>;

/// A request's method: `HEAD`.
pub type Method = String;

/// More than any real head, and enough that no scenario meets it by accident.
pub(crate) const HEAD_BYTES_MAX: usize = 256 * 1024;

/// As many fields as hyper takes at most are 100; a test of many headers needs more.
const FIELDS_MAX: usize = 1024;

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// `HTTP/1.1`; `HTTP/2` where it came as such.
    pub version: http::Version,
    /// Status code.
    pub status: u16,
    /// Reason phrase; empty where there is none.
    pub reason: String,
    /// In order.
    pub headers: Headers,
}

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// `HTTP/1.1`: 1; `HTTP/1.0`: 0.
    pub minor_version: u8,
    /// `POST`.
    pub method: Method,
    /// `/v1/chat/completions`.
    pub target: String,
    /// In order.
    pub headers: Headers,
}

/// A head as a decoder needs it.
pub trait Head: Sized {
    /// Parses a head from the start of `bytes`: itself and its length, or nothing yet.
    ///
    /// # Errors
    /// [`Garbled`] where no further bytes can make it a head.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Garbled>;

    /// How the body that follows is framed; `method` is that of the request that a response answers.
    ///
    /// # Errors
    /// [`Garbled`] where the head contradicts itself.
    fn framing(&self, method: &str) -> Result<Framing, Garbled>;

    /// Whether it only announces another head (RFC 9110 15.2).
    fn is_interim(&self) -> bool;
}

impl Head for ResponseHead {
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Garbled> {
        let mut fields = vec![httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(len) = head.parse(bytes)? else { return Ok(None) };
        let head = Self {
            version: match head.version {
                Some(0) => http::Version::HTTP_10,
                Some(_) | None => http::Version::HTTP_11,
            },
            status: head.code.unwrap_or(0),
            reason: head.reason.unwrap_or("").to_owned(),
            headers: owned(head.headers),
        };
        Ok(Some((head, len)))
    }

    /// RFC 9112 6.3, in its order.
    fn framing(&self, method: &str) -> Result<Framing, Garbled> {
        if method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        if let Some(framing) = transfer_coding(&self.headers) {
            return Ok(framing);
        }
        Ok(content_length(&self.headers)?.map_or(Framing::UntilClose, Framing::Length))
    }

    fn is_interim(&self) -> bool {
        matches!(self.status, 100..=199)
    }
}

impl Head for RequestHead {
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Garbled> {
        let mut fields = vec![httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Request::new(&mut fields);
        let httparse::Status::Complete(len) = head.parse(bytes)? else { return Ok(None) };
        let head = Self {
            minor_version: head.version.unwrap_or(1),
            method: head.method.unwrap_or("").to_owned(),
            target: head.path.unwrap_or("").to_owned(),
            headers: owned(head.headers),
        };
        Ok(Some((head, len)))
    }

    /// RFC 9112 6.3: a request without framing has no body, and one whose last coding is not
    /// chunked cannot be read.
    fn framing(&self, _: &str) -> Result<Framing, Garbled> {
        match transfer_coding(&self.headers) {
            Some(Framing::Chunked) => Ok(Framing::Chunked),
            Some(_) => Err(Garbled),
            None => Ok(Framing::Length(content_length(&self.headers)?.unwrap_or(0))),
        }
    }

    fn is_interim(&self) -> bool {
        false
    }
}

pub(super) fn owned(fields: &[httparse::Header<'_>]) -> Headers {
    let text = |value| String::from_utf8_lossy(value).into_owned();
    fields.iter().map(|field| (field.name.to_owned(), text(field.value))).collect()
}

/// The values of a field, lines joined by a comma and a space (RFC 9110 5.3); `None` where it is
/// absent.
pub fn header(headers: &[(String, String)], name: &str) -> Option<String> {
    let mut values = headers
        .iter()
        .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str());
    let first = values.next()?;
    Some(values.fold(first.to_owned(), |joined, value| joined + ", " + value))
}

/// The elements of a comma-separated list of tokens, in lower case.
pub fn header_names(list: &str) -> Vec<String> {
    let elements = list.split(',').map(|name| name.trim_matches([' ', '\t']).to_ascii_lowercase());
    elements.filter(|name| !name.is_empty()).collect()
}

fn transfer_coding(headers: &[(String, String)]) -> Option<Framing> {
    let codings = header_names(&header(headers, "transfer-encoding")?);
    match codings.last() {
        Some(last) if last == "chunked" => Some(Framing::Chunked),
        _ => Some(Framing::UntilClose),
    }
}

/// Several equal lengths count as one (RFC 9112 6.3, item 5).
fn content_length(headers: &[(String, String)]) -> Result<Option<u64>, Garbled> {
    let Some(values) = header(headers, "content-length") else { return Ok(None) };
    let mut lengths = values.split(',').map(|value| {
        let digits = value.trim_matches([' ', '\t']);
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if all_digits { digits.parse::<u64>().map_err(|_| Garbled) } else { Err(Garbled) }
    });
    let first = lengths.next().ok_or(Garbled)??;
    for length in lengths {
        if length? != first {
            return Err(Garbled);
        }
    }
    Ok(Some(first))
}
