//! A body of which nothing comes, and no length is told.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};

/// Of a body that is empty, axum tells the length: 0. An answer to HEAD has the length of another one, and
/// with status 204 or 304 there must be none (RFC 9110 8.6). Of this one nothing is told that its head does
/// not say.
pub(crate) struct Unsaid;

impl Body for Unsaid {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}
