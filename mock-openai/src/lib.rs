//! A scriptable OpenAI-compatible provider that streams, refuses and fails the way real ones do.
//!
//! The same code plays a [`script`] on a real port and inside a simulator: it takes its transport
//! through [`wire`] and its time from tokio's clock. It writes HTTP/1 by itself, because a server
//! library can neither send an RST, nor cut segments, nor tell how the peer went.
//!
//! What it does *not* do: it never judges what it sees (it keeps a [`journal`]), and it knows
//! nothing of relays.
//!
//! # In a test
//!
//! A script, a store for what happens, and a free port; then the code under test is pointed at
//! `http://{address}/v1`, and the store is asked what came.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use mock_openai::{
//!     Mock, Provider,
//!     journal::{Event, Query, Store},
//!     script,
//!     wire::RealListener,
//!     yaml::NoFiles,
//! };
//! use tokio::{
//!     io::{AsyncReadExt as _, AsyncWriteExt as _},
//!     net::{TcpListener, TcpStream},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let yaml = b"- then: [{ error: { preset: rate_limit, headers: { retry-after: '2' } } }]";
//! let script = script::load("rate limit", yaml, &NoFiles).map_err(|wrong| wrong[0].to_string())?;
//! let store = Store::new(1_000);
//! let mock = Mock { script, seed: 1, epoch: Duration::ZERO, journal: store.listener() };
//! let provider = Arc::new(Provider::new(mock));
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! tokio::spawn(Arc::clone(&provider).serve(RealListener::new(listener)));
//!
//! // In place of the code under test:
//! let mut client = TcpStream::connect(address).await?;
//! client.write_all(b"GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer).await?;
//! assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
//!
//! let query = Query { event: Some("request".to_owned()), ..Query::default() };
//! let requests = store.select(&query);
//! let Event::Request { target, .. } = &requests[0].entry.event else { panic!("{requests:?}") };
//! assert_eq!(target, "/v1/models");
//! // The next test's script; counters and quotas begin anew.
//! provider.set_script(Vec::new());
//! # Ok(())
//! # }
//! ```
//!
//! Under tokio's paused clock an answer that waits costs no time. A transport of one's own needs
//! [`wire::Accept`] and [`wire::Wire`].

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

mod closing;
mod connection;
mod control;
mod distribution;
mod errors;
mod go_duration;
mod http;
mod http2;
mod keys;
mod log;
mod marks;
mod player;
mod presets;
mod provider;
mod rules;
mod socket;

pub use marks::Marks;
pub use provider::{Mock, Provider, serve};
