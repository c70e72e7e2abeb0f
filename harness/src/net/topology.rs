//! What both engines say alike of a plan's hosts: where they stand, and at which address.

use std::net::{IpAddr, Ipv4Addr};

use crate::plan::Plan;
pub(super) use crate::trace::WORLD;

/// The one port on which a host can be called.
pub(super) const PORT: u16 = 80;

/// The provider's host.
pub(super) const UPSTREAM: &str = "upstream";

/// Position on the path: 0 for clients, then the hops, then the provider.
pub(super) fn place(name: &str, plan: &Plan) -> Option<usize> {
    if name == UPSTREAM {
        return Some(plan.hops.len() + 1);
    }
    if plan.clients.iter().any(|client| client.from == name) {
        return Some(0);
    }
    let name = if plan.second_relay.as_deref() == Some(name) { plan.relay_name() } else { name };
    plan.hops.iter().position(|hop| hop.name == name).map(|at| at + 1)
}

/// 10.0.0.1 and on, in the order of the hosts (RFC 1918).
pub(super) fn address(index: usize) -> IpAddr {
    let number = u32::try_from(index).unwrap_or(u32::MAX) & 0x00ff_ffff;
    IpAddr::V4(Ipv4Addr::from(0x0a00_0001_u32.saturating_add(number)))
}
