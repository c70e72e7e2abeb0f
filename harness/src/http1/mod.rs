//! HTTP/1 as clients, middleboxes and the rules read it: incremental, and honest about endings.
//!
//! It is our own, because a client library neither tells how a body ended (by its framing, by FIN
//! before that, by RST) nor when which byte of it came. Heads are parsed by httparse; framing is
//! RFC 9112 6 and 7. Nothing here panics, whatever the bytes and however they are cut.

mod body;
mod chunked;
mod coding;
mod decoder;
#[cfg(test)]
mod decoder_tests;
mod head;

pub use body::Framing;
pub(crate) use body::{Body, Part};
pub(crate) use coding::{Gunzip, is_gzip};
pub use decoder::{Closing, Decoder, Fed, Garbled, Item, RequestDecoder, ResponseDecoder};
pub(crate) use head::HEAD_BYTES_MAX;
pub use head::{Head, Headers, Method, RequestHead, ResponseHead, header, header_names};
