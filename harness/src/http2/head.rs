//! Heads: header blocks, and the decoder that all of one direction share.

use crate::http1::{HEAD_BYTES_MAX, Headers};

/// The largest table that a peer may be allowed: more than any library's default (RFC 7541 4.2).
const TABLE_BYTES_MAX: usize = 1 << 20;

/// What a field counts beside its bytes (RFC 9113 6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// Decodes the header blocks of one direction, in their order.
pub(super) struct Heads(loona_hpack::Decoder<'static>);

impl Heads {
    pub(super) fn new() -> Self {
        let mut decoder = loona_hpack::Decoder::new();
        decoder.set_max_allowed_table_size(TABLE_BYTES_MAX);
        Self(decoder)
    }

    /// The fields of a block, pseudo-header fields included; `None` where it is none, or where its
    /// fields are too many to be real.
    pub(super) fn decode(&mut self, block: &[u8]) -> Option<Headers> {
        let mut fields = Headers::new();
        let mut bytes = 0;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let decoded = self.0.decode_with_cb(block, |name, value| {
            bytes += name.len() + value.len() + FIELD_OVERHEAD;
            if bytes <= HEAD_BYTES_MAX {
                fields.push((text(&name), text(&value)));
            }
        });
        (decoded.is_ok() && bytes <= HEAD_BYTES_MAX).then_some(fields)
    }
}
