//! How an answer ends: what was sent leaves first, then the fault.

use std::time::Duration;

use h2::Reason;

use super::{
    Halt, Player,
    cuts::Cuts,
    head::{Ended, Kind},
    outgoing::Outgoing,
};
use crate::{
    http2::Order,
    journal::{Event, PeerEnd},
    script::{Code, End},
    wire::Wire,
};

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It waits for another request.
    Keep,
    /// The same, and it is closed when none has begun after so long.
    KeepFor(Duration),
    /// It is over.
    Close,
}

impl<W: Wire> Player<'_, W> {
    pub(super) async fn finish(&mut self, played: Result<(), Halt>) -> Next {
        let end = match played {
            Ok(()) => End::Clean,
            Err(Halt::End(end)) => end,
            Err(Halt::Gone(how)) => return self.peer_gone(how, true),
        };
        // Nothing may fire while it is being carried out.
        self.trips.keep(0);
        self.cuts = Cuts::default();
        self.joined = None;
        match self.carry_out(end).await {
            Ok(next) => next,
            Err(Halt::Gone(how)) => self.peer_gone(how, true),
            Err(Halt::End(_)) => Next::Close,
        }
    }

    fn peer_gone(&mut self, how: PeerEnd, during_answer: bool) -> Next {
        // Told already where the script waited for it.
        if self.gone.is_none() {
            self.log.tell(Event::PeerGone { how, during_answer });
        }
        Next::Close
    }

    async fn carry_out(&mut self, end: End) -> Result<Next, Halt> {
        match end {
            End::Clean | End::NoTerminator | End::CloseIdleAfter(_) => {
                return self.complete(end).await;
            }
            End::Truncated => {
                self.open(Kind::Events).await?;
                self.socket.shut_down().await?;
            }
            End::Fin => self.socket.shut_down().await?,
            End::Reset => return self.reset().await,
            End::StreamReset(code) => {
                if !self.socket.is_stream() {
                    return self.reset().await;
                }
                self.socket.will_end(Order::ResetStream(reason(code)));
                self.socket.shut_down().await?;
            }
            End::Goaway(Code::NoError) => return self.complete(end).await,
            End::Goaway(code) => {
                self.socket.will_end(Order::GoAway(reason(code)));
                self.socket.shut_down().await?;
            }
            End::HalfClose => {
                self.socket.will_end(Order::HalfClose);
                self.socket.shut_down().await?;
                self.log.tell(Event::Ended { how: end });
                let how = self.wait_gone().await?;
                return Ok(self.peer_gone(how, false));
            }
            End::Hold => {
                self.log.tell(Event::Ended { how: end });
                let how = self.wait_gone().await?;
                return Ok(self.peer_gone(how, true));
            }
        }
        self.log.tell(Event::Ended { how: end });
        Ok(Next::Close)
    }

    /// Completes the body. `[DONE]` comes where a stream was broken off between two frames; inside
    /// one it would only become part of it.
    async fn complete(&mut self, end: End) -> Result<Next, Halt> {
        let mut is_complete = !self.progress.sent.is_torn;
        if is_complete {
            if end != End::NoTerminator
                && self.progress.sent.scanner.is_between()
                && let Some(terminator) = self.terminator.take()
            {
                self.put(terminator, Kind::Events).await?;
            }
            let mut outgoing = Outgoing::default();
            match self.add_head(Kind::Events, &mut outgoing) {
                Ended::Chunked => outgoing.framing(last_chunk(self.head.trailers()).as_bytes()),
                Ended::Length(len) => is_complete = len == self.progress.sent.bytes,
                Ended::UntilClose => is_complete = false,
                Ended::Stream => self.socket.will_trail(self.head.trailers()),
                Ended::NoBody => {}
            }
            self.write(outgoing).await?;
        }
        if self.socket.is_stream() {
            return self.end_stream(end).await;
        }
        // A peer that was told another length than it got cannot tell where the next answer
        // begins, so the connection is of no more use; unless the script says that it stays.
        let stays = is_complete || self.has_more_than_told(end);
        let keeps = stays
            && !matches!(end, End::Goaway(_))
            && self.request.head.persists()
            && self.gone.is_none();
        if !keeps {
            self.socket.shut_down().await?;
        }
        self.log.tell(Event::Ended { how: end });
        Ok(if !keeps {
            Next::Close
        } else if let End::CloseIdleAfter(time) = end {
            Next::KeepFor(time.0)
        } else {
            Next::Keep
        })
    }

    /// Whether the peer has had all that it was told of, and more, on a connection that is to stay.
    fn has_more_than_told(&self, end: End) -> bool {
        let told = self.head.sent;
        matches!(end, End::CloseIdleAfter(_))
            && !self.progress.sent.is_torn
            && matches!(told, Some(Ended::Length(len)) if len < self.progress.sent.bytes)
    }

    /// Ends a stream of HTTP/2, of which the frames tell the end whatever a length said.
    async fn end_stream(&mut self, end: End) -> Result<Next, Halt> {
        self.socket.will_end(Order::EndStream);
        self.socket.shut_down().await?;
        if matches!(end, End::Goaway(_)) {
            self.socket.will_end(Order::GoAway(Reason::NO_ERROR));
            self.socket.shut_down().await?;
        }
        self.log.tell(Event::Ended { how: end });
        Ok(Next::Keep)
    }

    async fn reset(&mut self) -> Result<Next, Halt> {
        let mut how = End::Reset;
        if self.socket.reset().await.is_err() {
            // A transport without RST: the journal tells what really happened.
            self.socket.shut_down().await?;
            how = End::Fin;
        }
        self.log.tell(Event::Ended { how });
        Ok(Next::Close)
    }
}

/// The chunk of no bytes and the trailer section, with which a chunked body ends (RFC 9112 7.1).
fn last_chunk<'a>(trailers: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = "0\r\n".to_owned();
    for (name, value) in trailers {
        for part in [name, ": ", value, "\r\n"] {
            text.push_str(part);
        }
    }
    text.push_str("\r\n");
    text
}

fn reason(code: Code) -> Reason {
    match code {
        Code::NoError => Reason::NO_ERROR,
        Code::ProtocolError => Reason::PROTOCOL_ERROR,
        Code::InternalError => Reason::INTERNAL_ERROR,
        Code::RefusedStream => Reason::REFUSED_STREAM,
        Code::Cancel => Reason::CANCEL,
        Code::EnhanceYourCalm => Reason::ENHANCE_YOUR_CALM,
    }
}
