//! What stands behind a connection: the application that sees a response through its library.

use bytes::Bytes;

use crate::{
    http1::ResponseHead,
    trace::{BodyEnd, Sight},
};

/// Sees one response, and says what it sees of it.
pub(super) trait Application: Send {
    /// The head came.
    fn head(&mut self, head: &ResponseHead) -> Vec<Sight>;
    /// A piece of the body came.
    fn body(&mut self, bytes: &Bytes) -> Vec<Sight>;
    /// The response is over, or the connection before it.
    fn ended(&mut self, how: BodyEnd) -> Vec<Sight>;
    /// Whether it reads on; a client whose application does not closes its connection.
    fn reads_on(&self) -> bool {
        true
    }
}
