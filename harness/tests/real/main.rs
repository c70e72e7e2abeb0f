//! Real programs on real ports: the relay's binary, what official SDKs and a browser make of it.
//!
//! A program that is not there is said on standard error and its tests pass; with `CI=true` they
//! fail. Nothing here is timed: the waits are only guards against hanging.

mod mock;
mod redis;
mod relay;
#[path = "../../../mock-openai/tests/sdk/runner.rs"]
mod runner;

mod browser;
mod profiles;
mod resume;
mod sdk;
mod shutdown;

use std::time::Duration;

/// No wait of these tests is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
