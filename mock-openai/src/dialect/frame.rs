//! Frames around JSON: LF line ends, one space behind a colon, as `OpenAI` writes them.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;

/// Most frames of an answer fit in it.
const USUAL_BYTES: usize = 384;

/// A frame of data alone.
pub(super) fn data(value: &impl Serialize) -> Bytes {
    finish(BytesMut::with_capacity(USUAL_BYTES), value)
}

/// A frame with a name.
pub(super) fn event(name: &str, value: &impl Serialize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(USUAL_BYTES);
    bytes.put_slice(b"event: ");
    bytes.put_slice(name.as_bytes());
    bytes.put_slice(b"\n");
    finish(bytes, value)
}

fn finish(mut bytes: BytesMut, value: &impl Serialize) -> Bytes {
    bytes.put_slice(b"data: ");
    serde_json::to_writer((&mut bytes).writer(), value).expect("memory takes all bytes");
    bytes.put_slice(b"\n\n");
    bytes.freeze()
}
