//! Reads a request's body: by length, by chunks, or none.

use bytes::{Bytes, BytesMut};

use super::{BODY_MAX, HEAD_MAX, Head, NoRequest};
use crate::{script::is_header_name, socket::Socket, wire::Wire};

/// Longest line that gives a chunk's size, extensions included.
const SIZE_LINE_MAX: usize = 4 << 10;

#[derive(Debug, PartialEq, Eq)]
enum Length {
    Exact(u64),
    Chunked,
}

/// Reads the body that follows a head, answering `Expect: 100-continue` (RFC 9110 10.1.1).
pub(crate) async fn read<W: Wire>(socket: &mut Socket<W>, head: &Head) -> Result<Bytes, NoRequest> {
    let length = length(head)?;
    let expects = head.elements("expect").any(|e| e.eq_ignore_ascii_case("100-continue"));
    let has_body = length != Length::Exact(0);
    if expects && has_body && head.minor_version == 1 && socket.ahead().is_empty() {
        socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = BytesMut::new();
    match length {
        Length::Exact(len) => take(socket, len, &mut body).await?,
        Length::Chunked => chunks(socket, &mut body).await?,
    }
    Ok(body.freeze())
}

/// RFC 9112 6.3. What could be read in two ways is refused, since that is how requests are
/// smuggled.
fn length(head: &Head) -> Result<Length, NoRequest> {
    let bad = |why: &str| Err(NoRequest::bad(400, why));
    // An empty element says nothing to one reader and zero to another.
    let mut fields = head.values("transfer-encoding").chain(head.values("content-length"));
    if fields.any(|value| value.split(',').any(|element| element.trim().is_empty())) {
        return bad("its transfer-encoding or content-length is empty");
    }
    let mut codings = head.elements("transfer-encoding");
    let mut lengths = head.elements("content-length");
    if let Some(coding) = codings.next() {
        if lengths.next().is_some() {
            return bad("it has both a transfer-encoding and a content-length");
        }
        if head.minor_version == 0 {
            return bad("HTTP/1.0 has no transfer-encoding");
        }
        if !coding.eq_ignore_ascii_case("chunked") || codings.next().is_some() {
            return bad("its transfer-encoding is not chunked alone");
        }
        return Ok(Length::Chunked);
    }
    let Some(first) = lengths.next() else {
        return Ok(Length::Exact(0));
    };
    if lengths.any(|other| other != first) {
        return bad("it has two different content-lengths");
    }
    if !first.bytes().all(|b| b.is_ascii_digit()) {
        return bad("its content-length is not a number");
    }
    // Digits that no u64 holds are too many in any case.
    match first.parse() {
        Ok(len) if len <= BODY_MAX => Ok(Length::Exact(len)),
        _ => Err(too_long()),
    }
}

fn too_long() -> NoRequest {
    NoRequest::bad(413, format!("the body is longer than {BODY_MAX} bytes"))
}

async fn take<W: Wire>(
    socket: &mut Socket<W>,
    len: u64,
    body: &mut BytesMut,
) -> Result<(), NoRequest> {
    let mut missing = usize::try_from(len).map_err(|_| too_long())?;
    while missing > 0 {
        if socket.ahead().is_empty() {
            socket.more().await?;
        }
        let bytes = socket.take(missing);
        missing -= bytes.len();
        body.extend_from_slice(&bytes);
    }
    Ok(())
}

async fn chunks<W: Wire>(socket: &mut Socket<W>, body: &mut BytesMut) -> Result<(), NoRequest> {
    loop {
        let size = chunk_size(socket).await?;
        if size == 0 {
            return trailers(socket).await;
        }
        if size > BODY_MAX - body.len() as u64 {
            return Err(too_long());
        }
        take(socket, size, body).await?;
        let mut end = BytesMut::new();
        take(socket, 2, &mut end).await?;
        if &end[..] != b"\r\n" {
            return Err(NoRequest::bad(400, "a chunk is longer than its size says"));
        }
    }
}

async fn chunk_size<W: Wire>(socket: &mut Socket<W>) -> Result<u64, NoRequest> {
    let bad = || NoRequest::bad(400, "a chunk's size is not a hexadecimal number");
    loop {
        let ahead = socket.ahead();
        // The parser would take a line without any digit for a zero.
        if ahead.first().is_some_and(|b| !b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        match httparse::parse_chunk_size(ahead).map_err(|_| bad())? {
            httparse::Status::Complete((len, size)) => {
                if ahead[..len - 1].contains(&b'\n') {
                    return Err(bad());
                }
                socket.skip(len);
                return Ok(size);
            }
            httparse::Status::Partial if ahead.len() > SIZE_LINE_MAX => return Err(bad()),
            httparse::Status::Partial => socket.more().await?,
        }
    }
}

/// Trailers are read and forgotten, up to the blank line.
async fn trailers<W: Wire>(socket: &mut Socket<W>) -> Result<(), NoRequest> {
    let mut taken = 0;
    loop {
        if let Some(at) = socket.ahead().iter().position(|b| *b == b'\n') {
            let line = socket.take(at + 1);
            taken += line.len();
            if matches!(&line[..], b"\r\n" | b"\n") {
                return Ok(());
            }
            let name = line[..].split(|b| *b == b':').next().unwrap_or_default();
            let has_colon = name.len() < line.len();
            if !has_colon || !std::str::from_utf8(name).is_ok_and(is_header_name) {
                return Err(NoRequest::bad(400, "a trailer is no header field"));
            }
        } else if taken + socket.ahead().len() > HEAD_MAX {
            return Err(NoRequest::bad(431, "the trailers are too long"));
        } else {
            socket.more().await?;
        }
        if taken > HEAD_MAX {
            return Err(NoRequest::bad(431, "the trailers are too long"));
        }
    }
}
