//! The event-driven network, by what applications see of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panic, and the lint's switch for tests does not reach their helpers"
)]

mod endings;
mod exits;
mod faults;
mod flow;
mod keepalive;
mod limits;
mod page;
mod real_sockets;
mod relayed;
mod same_again;
mod slow_hosts;
mod support;
mod whole_run;
