//! Whole runs: scenarios with their snapshots, determinism, broken relays, what targets claim, both engines.

mod blame;
mod broken;
mod captures;
mod claims;
mod determinism;
mod engines;
mod limits;
mod scenarios;
mod support;
mod trouble;
