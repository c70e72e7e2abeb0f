//! The hosts of a run: where they stand on the path, and what each of them holds.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use indexmap::{IndexMap, IndexSet};
use tokio::{sync::Notify, task::AbortHandle};
use turmoil::net::{TcpListener, TcpStream};

use super::socket::Slot;
use crate::{
    net::{
        Actor,
        topology::{PORT, UPSTREAM, WORLD, address, place},
    },
    plan::Plan,
    trace::Name,
};

/// A host.
pub(super) struct HostState {
    pub(super) ip: IpAddr,
    /// Position on the path: 0 for clients, then the hops, then the provider.
    place: Option<usize>,
    /// How often it crashed: what was started before cannot act for what was started after.
    pub(super) life: u64,
    /// Bound at the first `listen` of a life, and kept through a crash.
    pub(super) listener: Option<Arc<TcpListener>>,
    /// Whether something listens in this life.
    pub(super) listens: bool,
    /// The sockets that its code holds.
    pub(super) sockets: Vec<Weak<Slot>>,
    /// The sockets that its code held when it crashed.
    pub(super) buried: Vec<TcpStream>,
    /// The actors that run on it.
    pub(super) tasks: Vec<AbortHandle>,
    /// Until then connects are answered with RST.
    pub(super) refuses_until: Duration,
    /// Told when it is to start again.
    pub(super) restart: Arc<Notify>,
}

impl HostState {
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, PORT)
    }
}

/// A link of the plan: between the hosts at a place of the path and those at the next.
struct Link {
    name: String,
    latency: Duration,
}

/// All hosts of a run, in the order of their addresses, and the links between them.
pub(super) struct Hosts {
    by_name: IndexMap<Name, HostState>,
    links: Vec<Link>,
}

impl Hosts {
    /// Each host once: the clients', the hops, the provider, the actors', the world's.
    pub(super) fn of(plan: &Plan, actors: &[Actor]) -> Self {
        let clients = plan.clients.iter().map(|client| client.from.as_str());
        let hops = plan.hops.iter().map(|hop| hop.name.as_str());
        let others = actors.iter().map(|actor| &*actor.host);
        let mut names = IndexSet::new();
        names.extend(clients.chain(hops).chain([UPSTREAM]).chain(others).chain([WORLD]));
        let host = |(index, name): (usize, &str)| {
            let state = HostState {
                ip: address(index),
                place: place(name, plan),
                life: 0,
                listener: None,
                listens: false,
                sockets: Vec::new(),
                buried: Vec::new(),
                tasks: Vec::new(),
                refuses_until: Duration::ZERO,
                restart: Arc::default(),
            };
            (Name::from(name), state)
        };
        let link = |link: &crate::plan::Link| Link {
            name: link.name.clone(),
            latency: link.down.latency.unwrap_or_default().0,
        };
        Self {
            by_name: names.into_iter().enumerate().map(host).collect(),
            links: plan.links.iter().map(link).collect(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&HostState> {
        self.by_name.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut HostState> {
        self.by_name.get_mut(name)
    }

    /// The name of the host that has an address.
    pub(super) fn name_of(&self, ip: IpAddr) -> Option<Name> {
        self.by_name.iter().find(|(_, host)| host.ip == ip).map(|(name, _)| Arc::clone(name))
    }

    /// Every host but the world's, the provider's side first: an answer that meets no latency
    /// comes to its client within one tick.
    pub(super) fn in_order_of_running(&self) -> Vec<(Name, IpAddr)> {
        let mut hosts: Vec<_> = self.by_name.iter().filter(|(name, _)| &***name != WORLD).collect();
        hosts.sort_by_key(|(_, host)| std::cmp::Reverse(host.place));
        hosts.into_iter().map(|(name, host)| (Arc::clone(name), host.ip)).collect()
    }

    /// Every other host than this one.
    pub(super) fn others(&self, name: &str) -> Vec<IpAddr> {
        let others = self.by_name.iter().filter(|(other, _)| &***other != name);
        others.map(|(_, host)| host.ip).collect()
    }

    /// The pairs of hosts that a link joins, one at each of its ends.
    pub(super) fn joined_by(&self, link: &str) -> Vec<(IpAddr, IpAddr)> {
        let joined = |at: usize| {
            let below = self.by_name.values().filter(move |host| host.place == Some(at));
            below.flat_map(move |one| {
                let above = self.by_name.values().filter(move |host| host.place == Some(at + 1));
                above.map(move |other| (one.ip, other.ip))
            })
        };
        let places = self.links.iter().enumerate().filter(|(_, known)| known.name == link);
        places.flat_map(|(at, _)| joined(at)).collect()
    }

    /// How long a segment takes between two hosts that are neighbours on the path.
    pub(super) fn latencies(&self) -> Vec<(IpAddr, IpAddr, Duration)> {
        let pairs = self.links.iter().flat_map(|link| {
            let joined = self.joined_by(&link.name);
            joined.into_iter().map(move |(one, other)| (one, other, link.latency))
        });
        pairs.collect()
    }

    /// How long a segment takes from one host to the other; no time between hosts that are no
    /// neighbours.
    pub(super) fn latency(&self, from: &str, to: &str) -> Duration {
        let place = |name| self.get(name).and_then(|host| host.place);
        let (Some(from), Some(to)) = (place(from), place(to)) else { return Duration::ZERO };
        if from.abs_diff(to) != 1 {
            return Duration::ZERO;
        }
        self.links.get(from.min(to)).map_or(Duration::ZERO, |link| link.latency)
    }
}
