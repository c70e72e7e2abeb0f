//! How the provider's answer came to its end, as far as the next host could tell.

use mock_openai::script::{Code, End};

use super::{Answer, Exchange, Passage, Run};
use crate::trace::BodyEnd;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// By its framing's end, as the provider meant it to.
    Whole,
    /// By its framing's end, but without its terminator.
    Unterminated,
    /// Before its framing's end, or not at all.
    Cut,
}

impl Run<'_> {
    /// How an answer that serves an exchange ended, as it came to the host next to the provider.
    ///
    /// The provider's journal says what it did; where sockets are recorded, what was lost on the
    /// way counts too. A body that ends by the connection's close (RFC 9112 6.3) cannot be seen to
    /// be cut: it only lacks its terminator.
    pub fn fate(&self, exchange: usize, answer: &Answer) -> Fate {
        let passages = self.passages(exchange);
        let nearest = passages.last().filter(|passage| passage.incoming().is_some());
        let lost = nearest.is_some_and(|passage| !passage.came_whole());
        let until_close =
            nearest.and_then(Passage::incoming).is_some_and(|message| message.ends_by_close);
        match answer.ended.map(|(_, how)| how) {
            Some(End::Clean | End::CloseIdleAfter(_) | End::Goaway(Code::NoError)) if !lost => {
                if answer.lacks_terminator() {
                    Fate::Unterminated
                } else {
                    Fate::Whole
                }
            }
            Some(End::NoTerminator) if !lost => Fate::Unterminated,
            Some(End::Truncated | End::Fin | End::HalfClose) if until_close => Fate::Unterminated,
            Some(
                End::Clean
                | End::CloseIdleAfter(_)
                | End::NoTerminator
                | End::Truncated
                | End::Fin
                | End::HalfClose
                | End::Reset
                | End::StreamReset(_)
                | End::Goaway(_)
                | End::Hold,
            )
            | None => Fate::Cut,
        }
    }

    /// Whether someone other than the relay ended an exchange early: the client by its own will, the
    /// network or a hop on the client's side, or nobody before the run was over.
    pub fn ended_from_outside(&self, index: usize, exchange: &Exchange) -> bool {
        let passages = self.passages(index);
        let is_cut_off = |passage: &Passage<'_>| {
            let end = &passage.below_tcp.acceptor;
            end.saw_end.is_some_and(|saw| end.finished.is_none_or(|finished| saw < finished))
        };
        let cut_off = passages.first().is_some_and(is_cut_off);
        // Where a hop passes a cut on as an end in good form, only the relay's own end tells.
        let hop = |passage: &Passage<'_>| {
            self.connections.whole_by_hops.contains(&passage.below.connection)
        };
        let relay = passages.iter().find(|passage| self.plan.is_relay(passage.host));
        let hidden = passages.iter().any(hop) && relay.is_some_and(is_cut_off);
        let complete = !hidden && matches!(exchange.ended, Some((_, BodyEnd::Complete)));
        exchange.ended.is_none()
            || (!complete && (cut_off || hidden || self.ended_by_a_hop(&passages)))
    }

    /// Whether the client shut its sending side, and the relay, not told to tolerate that, took it for one
    /// that has gone: on the wire both are a FIN (RFC 9112 9.6). It wrote nothing more then, be it in the
    /// midst of an event.
    pub fn taken_for_gone(&self, index: usize, exchange: &Exchange) -> bool {
        if exchange.half_closed.is_none() || self.switch("half_close") == Some("tolerate") {
            return false;
        }
        let Some(at) = self.at_relay(index) else { return false };
        let end = &at.below_tcp.acceptor;
        end.saw_end.is_some_and(|saw| {
            let wrote = at.below_tcp.down.wrote.marks.iter().last().map(|(_, moment)| moment);
            let stopped = wrote.is_none_or(|wrote| wrote < saw);
            stopped && end.finished.is_none_or(|finished| saw < finished)
        })
    }

    /// Whether a hop between the client and the relay says that it ended the connection by itself.
    fn ended_by_a_hop(&self, passages: &[Passage<'_>]) -> bool {
        let mut before_relay =
            passages.iter().take_while(|passage| !self.plan.is_relay(passage.host));
        before_relay.any(|hop| self.connections.ended_by_hops.contains(&hop.below.connection))
    }
}
