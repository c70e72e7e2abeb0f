//! Runs relays of LLM streams through simulated failures and judges what their clients receive.
//!
//! ```text
//! Scenario --plan(seed)--> Plan --run(target)--> Trace --judge--> Verdicts --tally--> Report --render--> text | json
//! ```
//!
//! Each stage is plain data, and each arrow is one function.

pub mod scenario;

pub mod plan;

pub mod client;
pub mod middlebox;
pub mod net;
pub mod target;
pub mod trace;
pub mod world;

pub mod exchange;
pub mod expect;
pub mod http1;
pub mod http2;
pub mod judge;
pub mod metrics;
pub mod profile;
pub mod rules;
pub mod verdict;
pub mod wire;

pub mod broken;
pub mod cli;
pub mod conformance;
pub mod report;
pub mod show;
pub mod suite;
pub mod visible;

pub use conformance::{Conformance, conformance};
pub use net::Upstream;
