//! From the facts of a trace to exchanges: who asked what, what went where and when. Nothing is judged here.

use std::time::Duration;

use crate::{
    plan::{HopKind, Plan},
    trace::{Fact, Name, Trace},
};

mod client;
mod connection;
mod fate;
mod frames;
mod hop;
mod message;
mod moment;
mod provider;
mod streams;
mod terminator;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod turn;

pub use client::{Exchange, Head, Leaving};
pub use connection::{Connections, Direction, End, FailedConnect, Tcp, TcpEnd};
pub use fate::Fate;
pub use frames::{Frame, Frames};
pub use hop::Passage;
pub use message::{Message, essence, header, is_event_stream};
pub use moment::{Marks, Moment, TimedBytes};
pub use provider::Answer;
pub use terminator::Family;
pub use turn::Turn;

/// A run as the rules see it: its trace, its plan, and what the two say of each exchange.
#[derive(Debug)]
pub struct Run<'a> {
    /// What happened.
    pub trace: &'a Trace,
    /// What was to happen.
    pub plan: &'a Plan,
    /// The code under test: its host's name; the first one's, where there are two.
    pub relay: Name,
    /// Every connection.
    pub connections: Connections,
    /// What clients asked, in order.
    pub exchanges: Vec<Exchange>,
    /// What hosts asked each other, in order.
    pub turns: Vec<Turn>,
    /// What the provider answered, in order.
    pub answers: Vec<Answer>,
}

impl<'a> Run<'a> {
    /// Gathers what the rules need, once for all of them.
    pub fn of(trace: &'a Trace, plan: &'a Plan) -> Self {
        let relay = Name::from(plan.relay_name());
        let connections = Connections::of(trace);
        let exchanges = Exchange::all(trace);
        let turns = Turn::all(&connections, &exchanges);
        let answers = Answer::all(trace, &connections, &turns, &exchanges);
        Self { trace, plan, relay, connections, exchanges, turns, answers }
    }

    /// Whether the engine shows packets: without them many rules have nothing to judge by.
    pub fn shows_packets(&self) -> bool {
        self.trace.events.iter().any(|event| matches!(event.fact, Fact::Packet(_)))
    }

    /// How much too early or too late something may seem: without packets, the step of 1 ms in which that
    /// engine's hosts see time.
    pub fn grain(&self) -> Duration {
        if self.shows_packets() { Duration::ZERO } else { Duration::from_millis(1) }
    }

    /// The provider's answers to one exchange: several where someone on the way tries again.
    pub fn answers_to(&self, exchange: usize) -> impl DoubleEndedIterator<Item = &Answer> {
        self.answers.iter().filter(move |answer| answer.exchange == Some(exchange))
    }

    /// Exchanges that the provider answered, each with its last answer.
    pub fn answered(&self) -> impl Iterator<Item = (usize, &Exchange, &Answer)> {
        self.exchanges.iter().enumerate().filter_map(|(index, exchange)| {
            self.answers_to(index).next_back().map(|answer| (index, exchange, answer))
        })
    }

    /// How one exchange passes the hosts on its way, the client's side first.
    pub fn passages(&self, exchange: usize) -> Vec<Passage<'_>> {
        let of_exchange = |turn: &&Turn| turn.exchange == Some(exchange);
        let turns = || self.turns.iter().filter(of_exchange);
        self.plan
            .hops
            .iter()
            .filter_map(|hop| {
                let is_here = |name: &str| {
                    name == hop.name || (hop.what == HopKind::Relay && self.plan.is_relay(name))
                };
                let below = turns().rfind(|turn| is_here(&turn.to))?;
                let above = turns().rfind(|turn| turn.from == below.to);
                Some(Passage {
                    host: &below.to,
                    above,
                    above_tcp: above.and_then(|turn| self.tcp_of(turn)),
                    below,
                    below_tcp: self.tcp_of(below)?,
                })
            })
            .collect()
    }

    /// The connection of a turn; of a stream, as that stream has it.
    fn tcp_of<'b>(&'b self, turn: &'b Turn) -> Option<&'b Tcp> {
        turn.stream.as_deref().or_else(|| self.connections.open.get(&turn.connection))
    }

    /// The connection to the provider on which an answer comes, where sockets are recorded.
    pub fn provider_tcp(&self, answer: &Answer) -> Option<&Tcp> {
        self.tcp_of(&self.turns[answer.turn?])
    }

    /// How one exchange passes the relay.
    pub fn at_relay(&self, exchange: usize) -> Option<Passage<'_>> {
        self.passages(exchange).into_iter().find(|passage| self.plan.is_relay(passage.host))
    }

    /// The hop nearest the provider of which a statement is true, else the relay: who is to blame
    /// for what the client saw.
    pub fn blame(&self, exchange: usize, is_true: impl Fn(&Passage<'_>) -> bool) -> Name {
        let passages = self.passages(exchange);
        let guilty = passages.iter().rev().find(|passage| is_true(passage));
        guilty.map_or_else(|| self.relay_of(exchange), |passage| passage.host.clone())
    }

    /// Who gave an answer its head: of the relay and what stands before it, the host nearest the
    /// provider whose own answer had the status and these headers as the client got them.
    pub fn head_by(&self, exchange: usize, names: &[&str]) -> Name {
        let passages = self.passages(exchange);
        let relay = passages.iter().position(|passage| self.plan.is_relay(passage.host));
        let before = &passages[..relay.map_or(passages.len(), |relay| relay + 1)];
        let got = self.exchanges[exchange].head.as_ref();
        let same = |passage: &&Passage<'_>| {
            let (Some(said), Some(got)) = (passage.outgoing(), got) else { return false };
            let one = |name: &&str| header(&said.headers, name) == header(&got.headers, name);
            said.status == got.status && names.iter().all(one)
        };
        before.iter().rfind(same).map_or_else(|| self.relay_of(exchange), |at| at.host.clone())
    }

    /// The relay that one exchange passes; the first, where it passes none.
    pub(crate) fn relay_of(&self, exchange: usize) -> Name {
        self.at_relay(exchange).map_or_else(|| self.relay.clone(), |at| at.host.clone())
    }

    /// The value of one of the relay's switches.
    pub fn switch(&self, name: &str) -> Option<&str> {
        self.plan.switches.get(name).map(String::as_str)
    }
}
