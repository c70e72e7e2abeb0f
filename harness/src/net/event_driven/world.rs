//! The state of a run's network: hosts, links, connections, and packets on their way.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::sync::Notify;
use turmoil_net::{Packet, TcpSegment};

use super::{
    ends::{Connection, End, EndId, Side},
    flights::Flights,
    hosts::{self, HostState},
    kernel::Kernel,
    late::Late,
    link::Link,
    segments::Route,
};
use crate::{
    net::{Actor, topology::PORT},
    plan::Plan,
    scenario::LinkSpec,
    trace::{Name, Recorder},
};

/// Everything that the engine knows. What owns sockets comes first: they are closed while the
/// layer below still stands.
pub(super) struct World {
    /// By number.
    pub(super) connections: Vec<Connection>,
    pub(super) hosts: Vec<HostState>,
    pub(super) kernel: Kernel,
    by_name: BTreeMap<Name, usize>,
    pub(super) links: Vec<Link>,
    /// Links between hosts that are no neighbours on the path: they take no time.
    direct: BTreeMap<(usize, usize), usize>,
    /// The newest connection of each calling host and port.
    by_caller: BTreeMap<(usize, u16), usize>,
    pub(super) flights: Flights,
    /// When each end that keeps its connection alive looks at it next.
    pub(super) looks: BTreeSet<(Duration, EndId)>,
    /// Applications of slow hosts that are to be woken.
    pub(super) late: Arc<Late>,
    /// Ends whose window has opened since the last pass.
    pub(super) opened: Vec<EndId>,
    /// Listening applications so far.
    pub(super) doors: u64,
    /// Reused from pass to pass.
    pub(super) leaving: Vec<Packet>,
    pub(super) seed: u64,
    pub(super) recorder: Recorder,
    pub(super) kick: Arc<Notify>,
}

impl World {
    pub(super) fn new(
        plan: &Plan,
        actors: &[Actor],
        recorder: Recorder,
        kick: Arc<Notify>,
    ) -> Self {
        let hosts = hosts::all(plan, actors);
        let addresses: Vec<_> = hosts.iter().map(|host| host.ip).collect();
        let send_buffer_max = hosts.iter().map(|host| host.send_buffer).max().unwrap_or_default();
        let name = |(index, host): (usize, &HostState)| (Arc::clone(&host.name), index);
        let link = |link: &crate::plan::Link| {
            Link::new(link.name.as_str().into(), link.up, link.down, link.mtu)
        };
        Self {
            connections: Vec::new(),
            kernel: Kernel::enter(
                &addresses,
                usize::try_from(send_buffer_max).unwrap_or(usize::MAX),
            ),
            by_name: hosts.iter().enumerate().map(name).collect(),
            hosts,
            links: plan.links.iter().map(link).collect(),
            direct: BTreeMap::new(),
            by_caller: BTreeMap::new(),
            flights: Flights::default(),
            looks: BTreeSet::new(),
            late: Late::new(Arc::clone(&kick), recorder.clone()),
            opened: Vec::new(),
            doors: 0,
            leaving: Vec::new(),
            seed: plan.seed,
            recorder,
            kick,
        }
    }

    /// Virtual time since the run began.
    pub(super) fn now(&self) -> Duration {
        self.recorder.now()
    }

    /// The host of that name.
    ///
    /// # Errors
    /// `NotFound`, as from a name server, where there is none.
    pub(super) fn host(&self, name: &str) -> io::Result<usize> {
        self.by_name.get(name).copied().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("no host is called `{name}`"))
        })
    }

    pub(super) fn end(&self, id: EndId) -> &End {
        self.connections[id.connection].end(id.side)
    }

    pub(super) fn end_mut(&mut self, id: EndId) -> &mut End {
        self.connections[id.connection].end_mut(id.side)
    }

    /// From this end to the other.
    pub(super) fn route(&self, from: EndId) -> Route {
        (self.end(from).address, self.end(from.peer()).address)
    }

    /// A connection whose SYN is about to leave; its calling port is not known yet.
    pub(super) fn add_connection(&mut self, from: usize, to: usize) -> EndId {
        let link = self.link_between(from, to);
        let end = |at: usize, port: u16| {
            let host = &self.hosts[at];
            let address = SocketAddr::new(host.ip, port);
            End::new(at, address, host.recv_buffer, host.send_buffer)
        };
        let ends = [end(from, 0), end(to, PORT)];
        self.connections.push(Connection::new(link, ends));
        let connection = self.connections.len() - 1;
        self.hosts[from].calling.push_back(connection);
        EndId { connection, side: Side::Caller }
    }

    fn link_between(&mut self, from: usize, to: usize) -> usize {
        let neighbours = self.hosts[from].link_to(&self.hosts[to]);
        if let Some(link) = neighbours.filter(|link| *link < self.links.len()) {
            return link;
        }
        let (links, hosts) = (&mut self.links, &self.hosts);
        *self.direct.entry((from.min(to), from.max(to))).or_insert_with(|| {
            let name = format!("{}-{}", hosts[from].name, hosts[to].name);
            links.push(Link::new(name.into(), LinkSpec::default(), LinkSpec::default(), None));
            links.len() - 1
        })
    }

    /// Whose packet this is. A SYN takes its number from the connect that made it.
    pub(super) fn sender(&mut self, packet: &Packet, segment: &TcpSegment) -> Option<EndId> {
        let (from, to) = (hosts::index(packet.src)?, hosts::index(packet.dst)?);
        if segment.src_port == PORT {
            let connection = *self.by_caller.get(&(to, segment.dst_port))?;
            return Some(EndId { connection, side: Side::Callee });
        }
        if segment.flags.syn {
            let connection = self.hosts.get_mut(from)?.calling.pop_front()?;
            self.by_caller.insert((from, segment.src_port), connection);
            let end = self.connections[connection].end_mut(Side::Caller);
            end.address.set_port(segment.src_port);
        }
        let connection = *self.by_caller.get(&(from, segment.src_port))?;
        Some(EndId { connection, side: Side::Caller })
    }
}
