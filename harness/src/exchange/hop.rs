//! How one exchange passes one host: what arrives from the provider's side, what leaves to the client's.

use std::time::Duration;

use super::{connection::Tcp, message::Message, moment::Moment, turn::Turn};
use crate::trace::Name;

/// One exchange at one host between the client and the provider.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// The host.
    pub host: &'a Name,
    /// What it asked on the provider's side; the last, where it asked several times.
    pub above: Option<&'a Turn>,
    /// The connection of `above`.
    pub above_tcp: Option<&'a Tcp>,
    /// What it was asked on the client's side.
    pub below: &'a Turn,
    /// The connection of `below`.
    pub below_tcp: &'a Tcp,
}

impl<'a> Passage<'a> {
    /// The response that comes in from the provider's side.
    pub fn incoming(&self) -> Option<&'a Message> {
        self.above.and_then(|turn| turn.response.as_ref())
    }

    /// The response that goes out to the client's side.
    pub fn outgoing(&self) -> Option<&'a Message> {
        self.below.response.as_ref()
    }

    /// When a byte of the incoming body arrived here; `None` where it did not, or where the engine
    /// shows no packets.
    pub fn arrived(&self, offset: usize) -> Option<Moment> {
        self.above_tcp?.down.arrived.when(self.incoming()?.on_wire(offset))
    }

    /// When a byte of the outgoing body left the application here.
    pub fn left(&self, offset: usize) -> Option<Moment> {
        self.below_tcp.down.wrote.marks.when(self.outgoing()?.on_wire(offset))
    }

    /// Whether it was seen when the incoming response arrived: not so where the engine shows no packets, nor
    /// where nothing of it came.
    pub fn shows_arrival(&self) -> bool {
        self.above_tcp.is_some_and(|tcp| !tcp.down.arrived.is_empty())
    }

    /// Whether the incoming response came here whole, by its framing. A body that ends by the
    /// connection's close is whole once the sender has finished and everything has come. What a link
    /// kept back for longer than the application waited for it has not come.
    pub fn came_whole(&self) -> bool {
        let (Some(message), Some(tcp)) = (self.incoming(), self.above_tcp) else { return false };
        let came = tcp.down.arrived.len().max(tcp.down.read.len());
        let end = message.end.unwrap_or(tcp.down.wrote.bytes.len());
        let gave_up_before = |moment| tcp.opener.dropped.is_some_and(|dropped| dropped < moment);
        let too_late = |(start, moment): &(usize, Moment)| *start < end && gave_up_before(*moment);
        came >= end
            && !tcp.down.kept_back.iter().any(too_late)
            && (message.end.is_some() || (message.ends_by_close && tcp.acceptor.finished.is_some()))
    }

    /// For how long, between two moments, the application could not write toward the client.
    pub fn blocked(&self, from: Duration, to: Duration) -> Duration {
        let overlap = |(start, end): &(Moment, Option<Moment>)| {
            let end = end.map_or(to, |end| end.at).min(to);
            end.saturating_sub(start.at.max(from))
        };
        self.below_tcp.down.blocked.iter().map(overlap).sum()
    }

    /// Whether the connection toward the client was ever full.
    pub fn felt_pressure(&self) -> bool {
        !self.below_tcp.down.blocked.is_empty()
    }

    /// Body bytes that the application had read and not yet written, after each read and write;
    /// nothing is held any more once either connection was let go.
    pub fn held(&self) -> Vec<(Moment, usize)> {
        let (Some(incoming), Some(above)) = (self.incoming(), self.above_tcp) else {
            return Vec::new();
        };
        let reads = above.down.read.iter().map(|(end, at)| (at, incoming.body_before(end), 0));
        let writes = self.outgoing().into_iter().flat_map(|outgoing| {
            let marks = self.below_tcp.down.wrote.marks.iter();
            marks.map(|(end, at)| (at, 0, outgoing.body_before(end)))
        });
        let mut steps: Vec<(Moment, usize, usize)> = reads.chain(writes).collect();
        steps.sort_unstable();
        let gone = [above.opener.dropped, self.below_tcp.acceptor.dropped];
        let gone = gone.into_iter().flatten().min();
        let (mut taken, mut given) = (0, 0);
        steps
            .into_iter()
            .take_while(|(moment, ..)| gone.is_none_or(|gone| *moment < gone))
            .map(|(moment, read, wrote)| {
                taken = taken.max(read);
                given = given.max(wrote);
                (moment, taken.saturating_sub(given))
            })
            .collect()
    }
}
