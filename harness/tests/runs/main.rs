//! Whole runs: scenarios with their snapshots, determinism, broken relays, both engines.

mod blame;
mod broken;
mod captures;
mod determinism;
mod engines;
mod limits;
mod scenarios;
mod support;
mod trouble;
