//! A scriptable OpenAI-compatible provider that streams, refuses and fails the way real ones do.
//!
//! The same code plays a [`script`] on a real port and inside a simulator: it takes its transport
//! through [`wire`] and its time from tokio's clock. It writes HTTP/1 by itself, because a server
//! library can neither send an RST, nor cut segments, nor tell how the peer went.
//!
//! What it does *not* do: it never judges what it sees (it keeps a [`journal`]), and it knows
//! nothing of relays.

pub mod content;
pub mod dialect;
pub mod draw;
pub mod identity;
pub mod journal;
pub mod made_up;
pub mod quantity;
pub mod script;
pub mod wire;
pub mod yaml;

mod connection;
mod errors;
mod go_duration;
mod http;
mod log;
mod player;
mod presets;
mod provider;
mod rules;
mod socket;

pub use provider::{Mock, serve};
