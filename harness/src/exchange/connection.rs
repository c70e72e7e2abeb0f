//! What went over each TCP connection: bytes with their times, both ways, and how each end left.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    net::SocketAddr,
    time::Duration,
};

use super::moment::{Marks, Moment, TimedBytes};
use crate::trace::{
    Connection, Fact, Fate, MiddleboxFact, Name, Packet, SocketFact, Trace, WorldFact,
};

/// Every connection of a run, and the connects that failed.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// By number.
    pub open: BTreeMap<Connection, Tcp>,
    /// Connects that came to nothing.
    pub failed: Vec<FailedConnect>,
    /// Those of a middlebox's client side that the box says it ended by itself.
    pub ended_by_hops: BTreeSet<Connection>,
    /// Those of a middlebox's client side on which a cut answer looks whole.
    pub whole_by_hops: BTreeSet<Connection>,
}

/// A connect that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedConnect {
    /// When.
    pub moment: Moment,
    /// Who called.
    pub from: Name,
    /// Who was called.
    pub to: Name,
    /// What the caller was told.
    pub error: ErrorKind,
}

/// One connection.
#[derive(Debug, Clone)]
pub struct Tcp {
    /// The end that called.
    pub opener: TcpEnd,
    /// The end that was called.
    pub acceptor: TcpEnd,
    /// From the opener to the acceptor: requests.
    pub up: Direction,
    /// From the acceptor to the opener: answers.
    pub down: Direction,
}

/// One end of a connection, and how it let go.
#[derive(Debug, Clone)]
pub struct TcpEnd {
    /// Its host.
    pub host: Name,
    /// Its address, once its application has the connection.
    pub address: Option<SocketAddr>,
    /// When its application got the connection.
    pub opened: Option<Moment>,
    /// When it first said that it sends no more: FIN, RST or letting go.
    pub finished: Option<Moment>,
    /// When its application let go.
    pub dropped: Option<Moment>,
    /// When its application learned that the other end had gone: FIN, or an error.
    pub saw_end: Option<Moment>,
}

/// One way of a connection.
#[derive(Debug, Clone, Default)]
pub struct Direction {
    /// As the sender's application wrote it.
    pub wrote: TimedBytes,
    /// When it arrived at the receiver's host; empty on an engine that shows no packets.
    pub arrived: Marks,
    /// When the receiver's application read it.
    pub read: Marks,
    /// From when to when the sender's application could not write.
    pub blocked: Vec<(Moment, Option<Moment>)>,
    /// Where pieces begin that a link kept back or lost at first, and when they arrived.
    pub kept_back: Vec<(usize, Moment)>,
    /// The sender's word that it sends no more, as packets show it.
    pub end: End,
    next_seq: Option<u32>,
}

/// A FIN or RST on its way; of a stream of HTTP/2, its `RST_STREAM` too.
#[derive(Debug, Clone, Copy, Default)]
pub struct End {
    /// When it first went out.
    pub sent: Option<Moment>,
    /// When it first arrived.
    pub arrived: Option<Moment>,
}

impl End {
    /// Whether it had gone out by then, and had not arrived.
    pub fn is_on_its_way(self, at: Duration) -> bool {
        self.sent.is_some_and(|sent| sent.at <= at)
            && self.arrived.is_none_or(|arrived| arrived.at > at)
    }
}

impl Direction {
    /// Its times without its bytes: the streams of a connection would hold them many times over.
    pub(super) fn without_bytes(&self) -> Self {
        let wrote = TimedBytes { bytes: Vec::new(), marks: self.wrote.marks.clone() };
        Self {
            wrote,
            arrived: self.arrived.clone(),
            read: self.read.clone(),
            blocked: self.blocked.clone(),
            kept_back: self.kept_back.clone(),
            end: self.end,
            next_seq: self.next_seq,
        }
    }

    /// A segment arrived: its new bytes count, and repeated or early ones do not.
    fn arrive(&mut self, packet: &Packet, moment: Moment) {
        if packet.flags.syn {
            self.next_seq = Some(packet.seq.wrapping_add(1));
        }
        if packet.flags.fin || packet.flags.rst {
            self.end.arrived.get_or_insert(moment);
        }
        let len = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
        if len == 0 {
            return;
        }
        let next = *self.next_seq.get_or_insert(packet.seq);
        let old = next.wrapping_sub(packet.seq);
        if old < len {
            self.next_seq = Some(packet.seq.wrapping_add(len));
            if !matches!(packet.fate, Fate::Due(_)) {
                self.kept_back.push((self.arrived.len(), moment));
            }
            self.arrived.push((len - old) as usize, moment);
        }
    }
}

impl TcpEnd {
    fn of(host: &Name) -> Self {
        Self {
            host: host.clone(),
            address: None,
            opened: None,
            finished: None,
            dropped: None,
            saw_end: None,
        }
    }
}

impl Connections {
    /// Gathers the socket and packet facts of a trace.
    pub fn of(trace: &Trace) -> Self {
        let mut all = Self::default();
        for (ordinal, event) in trace.events.iter().enumerate() {
            let moment = Moment { at: event.at, ordinal };
            match &event.fact {
                Fact::Socket(number, fact) => all.socket(*number, &event.actor, fact, moment),
                Fact::Packet(packet) => {
                    if packet.flags.fin || packet.flags.rst {
                        let end = &mut all.way(&event.actor, packet).end;
                        end.sent.get_or_insert(moment);
                    }
                }
                Fact::Arrived { packet } => {
                    if let Some(event) = trace.events.get(*packet)
                        && let Fact::Packet(packet) = &event.fact
                    {
                        all.way(&event.actor, packet).arrive(packet, moment);
                    }
                }
                Fact::Middlebox(number, MiddleboxFact::Ended { .. }) => {
                    all.ended_by_hops.insert(*number);
                }
                Fact::World(WorldFact::Exited { .. }) => all.host_is_gone(&event.actor),
                Fact::Middlebox(number, MiddleboxFact::CutShort { shows: false, .. }) => {
                    all.whole_by_hops.insert(*number);
                }
                Fact::Client(_)
                | Fact::Provider(_)
                | Fact::Middlebox(..)
                | Fact::World(_)
                | Fact::Logged { .. } => {}
            }
        }
        all
    }

    /// A host that was told to stop is gone, and with it what it had open.
    fn host_is_gone(&mut self, host: &Name) {
        let had_open = |end: &TcpEnd| end.host == *host && end.finished.is_none();
        let gone =
            |(_, tcp): &(&Connection, &Tcp)| had_open(&tcp.opener) || had_open(&tcp.acceptor);
        let numbers = self.open.iter().filter(gone).map(|(number, _)| *number);
        self.ended_by_hops.extend(numbers.collect::<Vec<_>>());
    }

    /// The connection of that number, made at its first fact.
    fn tcp(&mut self, number: Connection, opener: &Name, acceptor: &Name) -> &mut Tcp {
        self.open.entry(number).or_insert_with(|| Tcp {
            opener: TcpEnd::of(opener),
            acceptor: TcpEnd::of(acceptor),
            up: Direction::default(),
            down: Direction::default(),
        })
    }

    /// The way on which a packet goes.
    fn way(&mut self, from: &Name, packet: &Packet) -> &mut Direction {
        let (opener, acceptor) = match (packet.flags.syn, packet.flags.ack) {
            (true, true) => (&packet.to, from),
            _ => (from, &packet.to),
        };
        let tcp = self.tcp(packet.connection, opener, acceptor);
        if tcp.opener.host == *from { &mut tcp.up } else { &mut tcp.down }
    }

    fn socket(&mut self, number: Connection, actor: &Name, fact: &SocketFact, moment: Moment) {
        match fact {
            SocketFact::ConnectFailed { error, to } => {
                let (from, to) = (actor.clone(), to.clone());
                self.failed.push(FailedConnect { moment, from, to, error: *error });
            }
            SocketFact::Connected { local, to, .. } => {
                let end = &mut self.tcp(number, actor, to).opener;
                end.address.get_or_insert(*local);
                end.opened = Some(moment);
            }
            SocketFact::Accepted { local, peer, from } => {
                let tcp = self.tcp(number, from, actor);
                (tcp.acceptor.address, tcp.acceptor.opened) = (Some(*local), Some(moment));
                // As the other end sees it: an unbound caller may know its own as unspecified.
                tcp.opener.address = Some(*peer);
            }
            SocketFact::Read { .. }
            | SocketFact::Wrote { .. }
            | SocketFact::Blocked
            | SocketFact::Unblocked
            | SocketFact::ReadEnd
            | SocketFact::Failed { .. }
            | SocketFact::ShutDown
            | SocketFact::Reset
            | SocketFact::Dropped => {
                if let Some(tcp) = self.open.get_mut(&number) {
                    tcp.used(actor, fact, moment);
                }
            }
        }
    }
}

impl Tcp {
    fn used(&mut self, actor: &Name, fact: &SocketFact, moment: Moment) {
        let (end, sends, receives) = if self.opener.host == *actor {
            (&mut self.opener, &mut self.up, &mut self.down)
        } else {
            (&mut self.acceptor, &mut self.down, &mut self.up)
        };
        match fact {
            SocketFact::Read { len } => receives.read.push(*len, moment),
            SocketFact::Wrote { bytes } => sends.wrote.push(bytes, moment),
            SocketFact::Blocked => sends.blocked.push((moment, None)),
            SocketFact::Unblocked => {
                if let Some((_, until)) = sends.blocked.last_mut() {
                    until.get_or_insert(moment);
                }
            }
            SocketFact::ReadEnd | SocketFact::Failed { .. } => {
                end.saw_end.get_or_insert(moment);
            }
            SocketFact::ShutDown | SocketFact::Reset => {
                end.finished.get_or_insert(moment);
            }
            SocketFact::Dropped => {
                end.finished.get_or_insert(moment);
                end.dropped.get_or_insert(moment);
                if let Some((_, until)) = sends.blocked.last_mut() {
                    until.get_or_insert(moment);
                }
            }
            SocketFact::Connected { .. }
            | SocketFact::ConnectFailed { .. }
            | SocketFact::Accepted { .. } => {}
        }
    }
}
