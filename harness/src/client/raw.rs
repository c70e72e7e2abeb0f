//! A client that takes bytes as they come, and the browser's own part of a preflight.

use bytes::Bytes;

use super::application::Application;
use crate::{
    http1::ResponseHead,
    trace::{BodyEnd, Sight},
};

/// Sees nothing beyond what the connection records.
#[derive(Debug)]
pub(super) struct Raw;

impl Application for Raw {
    fn head(&mut self, _: &ResponseHead) -> Vec<Sight> {
        Vec::new()
    }

    fn body(&mut self, _: &Bytes) -> Vec<Sight> {
        Vec::new()
    }

    fn ended(&mut self, _: BodyEnd) -> Vec<Sight> {
        Vec::new()
    }
}
