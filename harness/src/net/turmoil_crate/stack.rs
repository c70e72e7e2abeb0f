//! Connects and listens by the crate's sockets.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream};

use super::{hosts::Hosts, listening::Door, numbers::Numbers, socket::TurmoilSocket};
use crate::{
    net::{
        Connecting, Fault, Listening, Socket, Stack, TasksAlive,
        topology::{PORT, WORLD},
    },
    trace::Name,
};

/// The engine at work. Clones share it.
#[derive(Clone)]
pub(super) struct TurmoilStack {
    state: Arc<Mutex<State>>,
}

/// What the engine knows beside what the crate knows.
pub(super) struct State {
    pub(super) hosts: Hosts,
    numbers: Numbers,
}

/// What a connect meets.
struct Way {
    life: u64,
    to: SocketAddr,
    latency: Duration,
    refused: bool,
}

impl TurmoilStack {
    pub(super) fn new(hosts: Hosts) -> Self {
        Self { state: Arc::new(Mutex::new(State { hosts, numbers: Numbers::default() })) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of the world's host.
    pub(super) fn world_address(&self) -> IpAddr {
        let state = self.state();
        state.hosts.get(WORLD).map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |host| host.ip)
    }

    /// Whether a host is in this life still.
    pub(super) fn lives(&self, at: &str, life: u64) -> bool {
        self.state().hosts.get(at).is_some_and(|host| host.life == life)
    }

    /// Makes an end of a connection that its host can lose.
    pub(super) fn keep(
        &self,
        at: &str,
        stream: TcpStream,
        addresses: (SocketAddr, SocketAddr),
        caller_and_listener: (SocketAddr, SocketAddr),
    ) -> Box<dyn Socket> {
        let mut state = self.state();
        let connection = state.numbers.number(caller_and_listener.0, caller_and_listener.1);
        let peer = state.hosts.name_of(addresses.1.ip()).unwrap_or_else(|| WORLD.into());
        let (socket, slot) = TurmoilSocket::new(stream, connection, addresses, peer);
        if let Some(host) = state.hosts.get_mut(at) {
            host.sockets.retain(|known| known.strong_count() > 0);
            host.sockets.push(Arc::downgrade(&slot));
        }
        Box::new(socket)
    }

    /// Stops listening, so that connects are refused; nothing where the host has crashed since.
    pub(super) fn close_door(&self, at: &str, life: u64) {
        let closed = {
            let mut state = self.state();
            let host = state.hosts.get_mut(at).filter(|host| host.life == life);
            host.and_then(|host| {
                host.listens = false;
                host.listener.take()
            })
        };
        // Outside the lock: the crate unbinds.
        drop(closed);
    }

    fn way(&self, from: &str, to: &str) -> io::Result<Way> {
        let now = turmoil::sim_elapsed().unwrap_or_default();
        let state = self.state();
        let unknown = |name: &str| {
            io::Error::new(io::ErrorKind::NotFound, format!("there is no host `{name}`"))
        };
        let here = state.hosts.get(from).ok_or_else(|| unknown(from))?;
        let there = state.hosts.get(to).ok_or_else(|| unknown(to))?;
        let latency = state.hosts.latency(from, to);
        let refused = now < there.refuses_until;
        Ok(Way { life: here.life, to: there.address(), latency, refused })
    }

    async fn connected(self, from: Name, to: Name) -> io::Result<Box<dyn Socket>> {
        let way = self.way(&from, &to)?;
        let outcome = if way.refused {
            sleep(way.latency).await;
            Err(io::ErrorKind::ConnectionRefused.into())
        } else {
            TcpStream::connect(way.to).await
        };
        // The way back: the crate's SYN-ACK and RST take no time.
        sleep(way.latency).await;
        if !self.lives(&from, way.life) {
            if let (Ok(stream), Some(host)) = (outcome, self.state().hosts.get_mut(&from)) {
                host.buried.push(stream);
            }
            return std::future::pending().await;
        }
        let stream = outcome?;
        let local = stream.local_addr()?;
        Ok(self.keep(&from, stream, (local, way.to), (local, way.to)))
    }
}

impl Stack for TurmoilStack {
    fn connect(&self, from: &Name, to: &Name) -> Connecting {
        Box::pin(self.clone().connected(Arc::clone(from), Arc::clone(to)))
    }

    fn listen(&self, at: &Name) -> io::Result<Box<dyn Listening>> {
        let mut state = self.state();
        let host = state.hosts.get_mut(at).ok_or(io::ErrorKind::NotFound)?;
        if host.listens {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let listener = if let Some(kept) = &host.listener {
            Arc::clone(kept)
        } else {
            let any = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
            // Async by its signature alone (0.7.2).
            let bound = TcpListener::bind(any).now_or_never();
            Arc::new(bound.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))?)
        };
        host.listener = Some(Arc::clone(&listener));
        host.listens = true;
        let (life, address) = (host.life, host.address());
        Ok(Box::new(Door::new(self.clone(), Arc::clone(at), life, address, listener)))
    }

    fn apply(&self, fault: &Fault) {
        self.carry_out(fault);
    }

    /// Each host has a runtime of its own here.
    fn tasks_alive(&self, _: &dyn Fn(&str) -> bool) -> Option<TasksAlive> {
        None
    }
}
