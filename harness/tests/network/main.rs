//! The event-driven network, by what applications see of it.

mod endings;
mod faults;
mod flow;
mod real_sockets;
mod relayed;
mod same_again;
mod support;
