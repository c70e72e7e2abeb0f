//! The calls into turmoil-net, each made as the host that it concerns.

use std::{
    future::Future,
    io, mem,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use turmoil_net::{
    EnterGuard, HostId, KernelConfig, Net, Packet, ToIpAddr,
    shim::tokio::net::{TcpListener, TcpStream},
};

/// Buffers of the sockets below: so large that only the windows and the send buffers that the
/// engine itself keeps account of ever limit anything.
const BUFFER_MIN: usize = 1 << 20;

/// Connections that may wait to be accepted: more than a host has ports to call from.
const BACKLOG: usize = 1 << 20;

/// A connect below, under way.
pub(super) type Dialing = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The hosts' socket layers, installed on this thread until it is dropped.
pub(super) struct Kernel {
    guard: EnterGuard,
    hosts: Vec<HostId>,
    /// Something was done since the last egress that may make a host send. Each egress looks at
    /// every socket of every host, which is most of what a crowd costs.
    stirred: bool,
}

impl Kernel {
    /// One host for each address. No send buffer may be larger than `send_buffer_max`.
    pub(super) fn enter(addresses: &[IpAddr], send_buffer_max: usize) -> Self {
        let config = KernelConfig::default()
            .send_buf_cap(send_buffer_max.max(BUFFER_MIN))
            .recv_buf_cap(BUFFER_MIN)
            .default_backlog(BACKLOG)
            // Counted in passes of the pump, which say nothing of time: loss is the link's.
            .retx_threshold(u32::MAX);
        let mut net = Net::with_config(config);
        let hosts = addresses.iter().map(|address| add_host(&mut net, *address)).collect();
        Self { guard: net.enter(), hosts, stirred: false }
    }

    /// Makes the calls that follow on behalf of this host.
    pub(super) fn on(&mut self, host: usize) {
        self.stirred = true;
        turmoil_net::set_current(self.hosts[host]);
    }

    /// As [`Self::on`], for reads alone. They make nobody send: the layer below tells of a window
    /// that grew by half its buffer at once, and no window here is as large as that.
    pub(super) fn reads_on(&self, host: usize) {
        turmoil_net::set_current(self.hosts[host]);
    }

    /// Binds and listens.
    pub(super) fn listen(&mut self, host: usize, at: SocketAddr) -> io::Result<TcpListener> {
        self.on(host);
        match poll_once(Box::pin(TcpListener::bind(at)).as_mut()) {
            Poll::Ready(listener) => listener,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Takes the next connection whose handshake is done.
    pub(super) fn accept(&mut self, host: usize, listener: &TcpListener) -> Option<TcpStream> {
        self.on(host);
        match listener.poll_accept(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(accepted) => accepted.ok().map(|(stream, _)| stream),
            Poll::Pending => None,
        }
    }

    /// Sends a SYN.
    ///
    /// # Errors
    /// `AddrInUse` where no port is left to call from.
    pub(super) fn dial(&mut self, host: usize, to: SocketAddr) -> io::Result<Dialing> {
        let mut dialing: Dialing = Box::pin(TcpStream::connect(to));
        match self.dialed(host, &mut dialing) {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Err(io::ErrorKind::Unsupported.into()),
            None => Ok(dialing),
        }
    }

    /// What came of a connect, once something did.
    pub(super) fn dialed(
        &mut self,
        host: usize,
        dialing: &mut Dialing,
    ) -> Option<io::Result<TcpStream>> {
        self.on(host);
        match poll_once(dialing.as_mut()) {
            Poll::Ready(connected) => Some(connected),
            Poll::Pending => None,
        }
    }

    /// All that was received and not read.
    pub(super) fn unread(&mut self, host: usize, stream: &TcpStream) -> Bytes {
        self.on(host);
        let mut all = BytesMut::new();
        let mut piece = [0; 4096];
        while let Ok(len @ 1..) = stream.try_read(&mut piece) {
            all.extend_from_slice(&piece[..len]);
        }
        all.freeze()
    }

    /// Drops what belongs to a host.
    pub(super) fn drop_on<T>(&mut self, host: usize, owned: T) {
        self.on(host);
        drop(owned);
    }

    /// Every packet that waits to leave a host.
    pub(super) fn egress(&mut self, packets: &mut Vec<Packet>) {
        if mem::take(&mut self.stirred) {
            self.guard.egress_all(packets);
        }
    }

    /// Hands a packet to the host that it is addressed to.
    pub(super) fn deliver(&mut self, packet: Packet) {
        self.stirred = true;
        self.guard.deliver(packet);
    }

    /// As [`Self::deliver`], for an acknowledgement to an end that has nothing left to send.
    pub(super) fn deliver_to_idle(&self, packet: Packet) {
        self.guard.deliver(packet);
    }
}

fn add_host<A: ToIpAddr>(net: &mut Net, address: A) -> HostId {
    net.add_host(address)
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
