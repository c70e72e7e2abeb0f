//! Bodies in gzip (RFC 9110 8.4.1.3, RFC 1952), read as far as they have come.

use std::io::Write as _;

use flate2::write::GzDecoder;

use super::{decoder::Garbled, head::header};

/// Whether a head says that its body is in gzip, and in nothing else.
pub(crate) fn is_gzip(headers: &[(String, String)]) -> bool {
    header(headers, "content-encoding").is_some_and(|coding| {
        let coding = coding.trim();
        coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip")
    })
}

/// Reads one body.
#[derive(Debug)]
pub(crate) struct Gunzip(GzDecoder<Vec<u8>>);

impl Default for Gunzip {
    fn default() -> Self {
        Self(GzDecoder::new(Vec::new()))
    }
}

impl Gunzip {
    /// All that can be read now that these bytes have come, and could not before.
    ///
    /// # Errors
    /// [`Garbled`] where they are no gzip.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Garbled> {
        self.0.write_all(bytes).and_then(|()| self.0.flush()).map_err(|_| Garbled)?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf hello | gzip -n`, by GNU gzip.
    const HELLO: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10,
        0x36, 5, 0, 0, 0,
    ];

    #[test]
    fn what_gzip_wrote_is_read_however_it_is_cut() {
        assert_eq!(Gunzip::default().feed(HELLO), Ok(b"hello".to_vec()));
        let mut bytewise = Gunzip::default();
        let read: Vec<u8> =
            HELLO.iter().flat_map(|byte| bytewise.feed(&[*byte]).unwrap()).collect();
        assert_eq!(read, b"hello");
    }

    #[test]
    fn what_is_no_gzip_is_refused() {
        assert_eq!(Gunzip::default().feed(b"data: 1\n\ndata: 2\n\n"), Err(Garbled));
    }

    #[test]
    fn only_gzip_alone_is_gzip() {
        let says = |coding: &str| is_gzip(&[("Content-Encoding".to_owned(), coding.to_owned())]);
        assert!(says("gzip") && says(" GZIP") && says("x-gzip"));
        assert!(!says("br") && !says("gzip, br") && !says("identity") && !is_gzip(&[]));
    }
}
