//! Runs relays of LLM streams through simulated failures and judges what their clients receive.
//!
//! ```text
//! Scenario --plan(seed)--> Plan --run(target)--> Trace --judge--> Verdicts --tally--> Report --render--> text | json
//! ```
//!
//! Each stage is plain data, and each arrow is one function.

pub mod broken;
pub mod cli;
pub mod conformance;
pub mod exchange;
pub mod expect;
pub mod judge;
pub mod net;
pub mod plan;
pub mod report;
pub mod rules;
pub mod scenario;
pub mod suite;
pub mod target;
pub mod trace;
pub mod verdict;
pub mod world;

pub use conformance::{Conformance, conformance};
pub use net::Upstream;
