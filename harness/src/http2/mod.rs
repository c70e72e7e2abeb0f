//! HTTP/2 as the rules read it: the frames that one side of a connection sent, put together to streams.
//!
//! It is our own, and naive: it holds the whole of what was sent, and so can tell where on the wire
//! each byte of a body lay, and how a stream ended. Frames are RFC 9113 4 and 6, heads are RFC 7541,
//! decoded by a library. Nothing here panics, whatever the bytes.

mod code;
mod frame;
mod half;
mod head;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use code::code_name;
pub use frame::PREFACE;
pub use half::{Credit, Goodbye, Half, Reset, Stream, Window};

/// The window of a stream or a connection where nothing else was said (RFC 9113 6.9.2).
pub const WINDOW: i64 = 65_535;
