//! How clients behave: one file a kind, and what all kinds share.
//!
//! A client connects to its next hop, writes its request, reads at its pace, does what its plan
//! says, and records what it did and saw. It judges nothing. Each request has a connection of its
//! own, which the client closes when the response is over.

mod application;
mod browser;
mod carrier;
mod course;
mod event_reader;
mod eventsource;
mod eventsource_stream;
mod exchange;
mod frame_counter;
mod http2;
#[cfg(test)]
mod http2_tests;
mod pace;
mod progress;
mod raw;
mod retry;
mod sdk;
mod session;
mod tabs;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;

pub use progress::Progress;
pub use session::{Shared, play};
pub use tabs::Tabs;
