//! Runs relays of LLM streams through simulated failures and judges what their clients receive.
//!
//! ```text
//! Scenario --plan(seed)--> Plan --run(target)--> Trace --judge--> Verdicts --tally--> Report --render--> text | json
//! ```
//!
//! Each stage is plain data, and each arrow is one function.

pub mod client;
pub mod http1;
pub mod middlebox;
pub mod net;
pub mod plan;
pub mod rules;
pub mod scenario;
pub mod trace;
pub mod verdict;
pub mod wire;
