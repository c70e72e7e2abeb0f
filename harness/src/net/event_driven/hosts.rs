//! The hosts of a run: their addresses, their limits, and what listens on them.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    task::Waker,
    time::Duration,
};

use tokio::task::AbortHandle;
use turmoil_net::shim::tokio::net::TcpListener;

use super::{flights::Flight, spins::Calls};
use crate::{
    net::{
        Actor, Stop,
        topology::{PORT, UPSTREAM, WORLD, address, place},
    },
    plan::Plan,
    scenario::KeepAlive,
    trace::Name,
};

/// Receive and send buffer of a host of which the plan says nothing.
const BUFFER_DEFAULT: u64 = 64 << 10;

/// A host.
pub(super) struct HostState {
    pub(super) name: Name,
    pub(super) ip: IpAddr,
    /// Position on the path: 0 for clients, then the hops, then the provider.
    place: Option<usize>,
    pub(super) recv_buffer: u64,
    pub(super) send_buffer: u64,
    /// What its clock said when the run began.
    pub(super) clock: Duration,
    /// When its sockets ask a silent peer whether it lives.
    pub(super) keepalive: Option<KeepAlive>,
    /// How late its applications run after they are woken.
    pub(super) slow_cpu: Option<Duration>,
    /// How many sockets its applications may hold.
    files: u64,
    /// How many connections they hold.
    pub(super) sockets: u64,
    /// How often it crashed: what was started before cannot act for what was started after.
    pub(super) life: u64,
    /// It crashed, and was not started again.
    pub(super) down: bool,
    /// What ran on it was told to stop and has ended; the host itself is up.
    pub(super) exited: bool,
    /// What tells its actors to stop.
    pub(super) stop: Stop,
    /// Its actors that have not ended.
    pub(super) running: usize,
    /// It is cut off for ever.
    pub(super) vanished: bool,
    /// Until then connects are answered with RST.
    pub(super) refuses_until: Duration,
    /// Until then connects are not answered.
    pub(super) blackhole_until: Duration,
    /// Connects whose SYN has not left yet, in order.
    pub(super) calling: VecDeque<usize>,
    /// The listening socket below, bound at the first `listen` and kept.
    pub(super) listener: Option<TcpListener>,
    /// Where the application accepts, while it listens.
    pub(super) door: Option<Door>,
    /// What came while it was down and will be sent again.
    pub(super) missed: Vec<Flight>,
    /// The actors that run on it.
    pub(super) tasks: Vec<AbortHandle>,
}

/// A listening application.
pub(super) struct Door {
    pub(super) id: u64,
    /// Connections whose handshake is done.
    pub(super) waiting: VecDeque<usize>,
    pub(super) waker: Option<Waker>,
    pub(super) calls: Calls,
}

impl HostState {
    fn new(index: usize, name: Name, plan: &Plan) -> Self {
        let limits = plan.hosts.get(&*name).copied().unwrap_or_default();
        Self {
            place: place(&name, plan),
            ip: address(index),
            clock: plan.clock(&name),
            name,
            recv_buffer: limits.recv_buffer.map_or(BUFFER_DEFAULT, |size| size.0),
            send_buffer: limits.send_buffer.map_or(BUFFER_DEFAULT, |size| size.0).max(1),
            keepalive: limits.keepalive,
            slow_cpu: limits.slow_cpu.map(|late| late.0),
            files: limits.files.unwrap_or(u64::MAX),
            sockets: 0,
            life: 0,
            down: false,
            exited: false,
            stop: Stop::default(),
            running: 0,
            vanished: false,
            refuses_until: Duration::ZERO,
            blackhole_until: Duration::ZERO,
            calling: VecDeque::new(),
            listener: None,
            door: None,
            missed: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// Whether it has no file left for one more socket; the listening one takes one too.
    pub(super) fn is_out_of_files(&self) -> bool {
        self.sockets + u64::from(self.door.is_some()) >= self.files
    }

    /// Where it can be called.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, PORT)
    }

    /// Whether the way to the other host leads up, towards the provider.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        self.place < other.place
    }

    /// The link to the other host, as an index into the plan's, if the two are neighbours.
    pub(super) fn link_to(&self, other: &Self) -> Option<usize> {
        let (here, there) = (self.place?, other.place?);
        (here.abs_diff(there) == 1).then_some(here.min(there))
    }
}

/// The index of the host with this address.
pub(super) fn index(ip: IpAddr) -> Option<usize> {
    let IpAddr::V4(ip) = ip else { return None };
    let number = u32::from(ip).checked_sub(0x0a00_0001)?;
    usize::try_from(number).ok()
}

/// All hosts of a run, each once: the clients', the hops, the provider, the actors', the world's.
pub(super) fn all(plan: &Plan, actors: &[Actor]) -> Vec<HostState> {
    let clients = plan.clients.iter().map(|client| client.from.as_str());
    let hops = plan.hops.iter().map(|hop| hop.name.as_str());
    let others = actors.iter().map(|actor| &*actor.host);
    let mut names = indexmap::IndexSet::new();
    names.extend(clients.chain(hops).chain([UPSTREAM]).chain(others).chain([WORLD]));
    let numbered = names.into_iter().enumerate();
    numbered.map(|(index, name)| HostState::new(index, Name::from(name), plan)).collect()
}
