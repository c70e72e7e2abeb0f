//! Relay variants that are measured side by side: one file each, and one line here.

use std::{future::Future, net::SocketAddr, pin::Pin};

use tokio::net::TcpListener;

mod buffering;
mod reference;
mod reserialising;

/// Something that serves until it is dropped.
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A relay to measure.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Its name in the table.
    pub name: &'static str,
    /// Serves on a listener, in front of the provider at the address.
    pub serve: fn(TcpListener, SocketAddr) -> Serving,
}

/// All variants, in the order of the table.
pub const ALL: &[Variant] = &[
    Variant { name: "reference", serve: reference::serve },
    Variant { name: "reserialising", serve: reserialising::serve },
    Variant { name: "buffering", serve: buffering::serve },
];
