//! Ordered facts of one run, in virtual time, and nothing that was concluded from them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;

mod boxes;
mod client;
mod digest;
mod recorder;
mod story;

pub use boxes::MiddleboxFact;
pub use client::{BodyEnd, ClientFact, Sight};
pub use digest::Digest;
pub use mock_openai::journal::{Entry as ProviderFact, Event as ProviderEvent, PeerEnd};
pub use recorder::{Recorder, Watcher};
pub use story::{first_end, story, visible};

/// The name of a host or an actor: `relay`, `upstream`, `reader-1`, a middlebox's name, `world`.
pub type Name = Arc<str>;

/// The host of the world itself, which stands on no link.
pub const WORLD: &str = "world";

/// Everything that happened, in order: an event's index is its ordinal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Trace {
    /// Ordered by ordinal; times never fall.
    pub events: Vec<Event>,
}

/// One fact, with its time and the host on which it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// Virtual time since the run began; resolution 1 ms.
    pub at: Duration,
    /// Where it was seen.
    pub actor: Name,
    /// What.
    pub fact: Fact,
}

impl Event {
    /// The event as one line of text: for people who look for the first difference of two traces.
    pub fn line(&self, ordinal: usize) -> String {
        format!("{ordinal:6} {:10.3} {:12} {:?}", self.at.as_secs_f64(), self.actor, self.fact)
    }
}

/// The kinds of fact: a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fact {
    /// A packet left a host. Only an engine that shows packets records it.
    Packet(Packet),
    /// A packet was taken in by the host that it was sent to.
    Arrived {
        /// Ordinal of its [`Fact::Packet`].
        packet: usize,
    },
    /// An application used a socket.
    Socket(Connection, SocketFact),
    /// A client did or saw something.
    Client(ClientFact),
    /// An entry of the provider's journal.
    Provider(ProviderFact),
    /// A middlebox did something with what passes through it, on a connection of its client's side.
    Middlebox(Connection, MiddleboxFact),
    /// The world itself: faults that fired, panics, what was left at the end.
    World(WorldFact),
    /// The relay logged a line. Recorded only where the scenario asks for its log.
    Logged {
        /// Level, message, and each field as `name=value`.
        text: String,
    },
}

/// A TCP connection, counted from 0 in the order of the connects; both ends share the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

/// A TCP segment as it left a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Its connection.
    pub connection: Connection,
    /// The link that it goes over: `client-relay`.
    pub link: Name,
    /// The host that it goes to; it comes from the event's actor.
    pub to: Name,
    /// Source and destination.
    pub addresses: (SocketAddr, SocketAddr),
    /// SYN, ACK, FIN, RST, PSH.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Advertised receive window in bytes (no scaling).
    pub window: u16,
    /// The bytes that it carries.
    pub payload: Bytes,
    /// What the link does with it.
    pub fate: Fate,
}

/// The control flags of a segment (RFC 9293 3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// Begins a connection.
    pub syn: bool,
    /// `ack` counts.
    pub ack: bool,
    /// The sender sends no more.
    pub fin: bool,
    /// The connection is gone.
    pub rst: bool,
    /// Hand over at once.
    pub psh: bool,
}

/// What a link does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It arrives at this virtual time.
    Due(Duration),
    /// It was lost and sent again: it arrives at this time, and all behind it on its flow waits.
    Late(Duration),
    /// The link is held: it arrives some time after the release.
    Held,
    /// It never arrives.
    Dropped,
}

/// What an application did with one end of a connection; the event's actor is that end's host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SocketFact {
    /// A connect succeeded.
    Connected {
        /// This end's address.
        local: SocketAddr,
        /// The other end's.
        peer: SocketAddr,
        /// The host at the other end.
        to: Name,
    },
    /// A connect failed.
    ConnectFailed {
        /// `ConnectionRefused`, `TimedOut`...
        error: std::io::ErrorKind,
        /// The host that was called.
        to: Name,
    },
    /// The application took a connection from its listener.
    Accepted {
        /// This end's address.
        local: SocketAddr,
        /// The other end's.
        peer: SocketAddr,
        /// The host at the other end.
        from: Name,
    },
    /// The application read so many bytes.
    Read {
        /// How many.
        len: usize,
    },
    /// The application handed these bytes to the socket.
    Wrote {
        /// The bytes that the socket took.
        bytes: Bytes,
    },
    /// A write found no room: the peer or the link is slower than the application.
    Blocked,
    /// A write that had found no room was told to try again.
    Unblocked,
    /// A read came to the peer's FIN.
    ReadEnd,
    /// A read or write failed.
    Failed {
        /// `ConnectionReset`, `BrokenPipe`...
        error: std::io::ErrorKind,
    },
    /// The application shut its sending side.
    ShutDown,
    /// The application asked for RST.
    Reset,
    /// The application let go of the socket.
    Dropped,
}

/// Why what was told to stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Its serving was over.
    Drained,
    /// Nothing on it acts upon the word: it ended at once.
    Unhandled,
    /// The grace of its deployment was over.
    Killed,
}

/// What the world did, or found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WorldFact {
    /// A scripted fault of the network fired.
    Fired {
        /// In words.
        what: String,
    },
    /// The event's actor was told to stop, as a process is by SIGTERM.
    ToldToStop,
    /// What ran on the event's actor has ended since it was told to stop, and its sockets were closed.
    Exited {
        /// Why it ended then.
        because: Exit,
    },
    /// The event's actor called on one socket again and again without letting time pass, and got no
    /// more answer at that instant.
    Spins {
        /// How often.
        calls: u64,
        /// `its listener`, `a connection`.
        on: &'static str,
    },
    /// A simulated task panicked.
    Panicked {
        /// Message and place.
        message: String,
    },
    /// The scenario's limit was reached before all clients were done.
    LimitReached {
        /// Who was not done.
        waiting: Vec<Name>,
    },
    /// The trace was full before all clients were done.
    TraceFull,
    /// The run ends with its last client: the engine cannot skip the time in which things settle.
    NotSettled,
    /// Tasks of the code under test: alive before the first client came, and after the last had
    /// gone and everything idle had had time to end. What others than the relay run more by then is left out.
    Tasks {
        /// Before.
        before: u64,
        /// After.
        after: u64,
    },
    /// The relay's own metrics after the last client had gone, as scraped from `/metrics`.
    Metrics {
        /// `OpenMetrics` or Prometheus text.
        text: String,
    },
    /// The run is over.
    Over,
}
