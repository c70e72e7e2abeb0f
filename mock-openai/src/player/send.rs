//! Puts body bytes on the socket: trip wires, cuts and framing.

use bytes::{Bytes, BytesMut};

use super::{
    Halt, Player,
    cuts::Place,
    frames::Scanner,
    head::{Ended, Kind},
    outgoing::Outgoing,
};
use crate::{journal::Event, script::Cut, socket::Socket, wire::Wire};

/// How far the body is. What a `joined` cut holds back counts as put and not as sent.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) bytes: u64,
    pub(super) frames: u64,
    scanner: Scanner,
    pub(super) sent: Sent,
}

/// How far the body is on the socket.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    pub(super) scanner: Scanner,
    /// Whether a write was broken off, so that the framing can no longer be completed.
    pub(super) is_torn: bool,
}

/// Bytes that leave together.
#[derive(Debug, Default)]
pub(super) struct Joined {
    kind: Option<Kind>,
    bytes: BytesMut,
}

impl<'a, W: Wire> Player<'a, W> {
    /// Sends a JSON text as the whole answer.
    pub(super) async fn whole(&mut self, text: String) -> Result<(), Halt> {
        let len = text.len() as u64;
        self.put(text.into(), Kind::Json(Some(len))).await
    }

    /// Sends body bytes up to the first trip wire in them.
    pub(super) async fn put(&mut self, bytes: Bytes, kind: Kind) -> Result<(), Halt> {
        let mut scanner = self.progress.scanner;
        let ends = scanner.ends(&bytes);
        let Progress { bytes: before, frames, .. } = self.progress;
        let Some((len, end)) = self.trips.reach(before, frames, bytes.len(), &ends) else {
            self.count(bytes.len(), ends.len(), scanner);
            return self.deliver(bytes, kind).await;
        };
        let bytes = bytes.slice(..len);
        let mut scanner = self.progress.scanner;
        let frames = scanner.ends(&bytes).len();
        self.count(len, frames, scanner);
        self.deliver(bytes, kind).await?;
        Err(Halt::End(end))
    }

    /// Stops where a trip wire is reached already.
    pub(super) fn check_trips(&self) -> Result<(), Halt> {
        let reached = self.trips.reach(self.progress.bytes, self.progress.frames, 0, &[]);
        reached.map_or(Ok(()), |(_, end)| Err(Halt::End(end)))
    }

    /// Plays the inner steps of a cut. A `joined` one gathers what they send, and then sends it as
    /// if it were one frame, also where an end stands among them.
    pub(super) async fn cut(&mut self, cut: &'a Cut) -> Result<(), Halt> {
        let (seed, label) = (self.answering.identity.seed, self.label("cut"));
        self.cuts.enter(cut, self.progress.bytes, seed, label);
        let joins = cut.joined && self.joined.is_none();
        if joins {
            self.joined = Some(Joined::default());
        }
        let played = self.play(&cut.steps).await;
        if let Some(Joined { kind: Some(kind), bytes }) = self.joined.take_if(|_| joins)
            && !matches!(played, Err(Halt::Gone(_)))
        {
            self.send(bytes.freeze(), kind).await?;
        }
        self.cuts.leave();
        played
    }

    fn count(&mut self, bytes: usize, frames: usize, scanner: Scanner) {
        if !self.is_bodiless() {
            self.progress.bytes += bytes as u64;
        }
        self.progress.frames += frames as u64;
        self.progress.scanner = scanner;
    }

    async fn deliver(&mut self, bytes: Bytes, kind: Kind) -> Result<(), Halt> {
        let Some(joined) = &mut self.joined else {
            return self.send(bytes, kind).await;
        };
        joined.kind.get_or_insert(kind);
        joined.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn send(&mut self, bytes: Bytes, kind: Kind) -> Result<(), Halt> {
        let mut sent = 0;
        let done = self.send_pieces(&bytes, kind, &mut sent).await;
        if done.is_ok() {
            self.progress.sent.scanner = self.progress.scanner;
        } else {
            self.progress.sent.scanner.ends(&bytes[..sent]);
        }
        done
    }

    async fn send_pieces(
        &mut self,
        bytes: &Bytes,
        kind: Kind,
        sent: &mut usize,
    ) -> Result<(), Halt> {
        let mut place = self.cuts.in_frame(bytes, self.progress.sent.bytes).into_iter().peekable();
        if let Some(Place { gap, .. }) = place.next_if(|place| place.at == 0)
            && self.progress.sent.bytes > 0
        {
            self.at_cut(gap).await?;
        }
        loop {
            let next = place.next();
            let end = next.map_or(bytes.len(), |place| place.at);
            let mut outgoing = Outgoing::default();
            let ended = self.add_head(kind, &mut outgoing);
            self.add_body(bytes.slice(*sent..end), ended, &mut outgoing);
            self.write(outgoing).await?;
            *sent = end;
            let Some(Place { gap, .. }) = next else { return Ok(()) };
            self.at_cut(gap).await?;
        }
    }

    fn add_body(&mut self, bytes: Bytes, ended: Ended, outgoing: &mut Outgoing) {
        // An empty chunk would end the body.
        if bytes.is_empty() || ended == Ended::NoBody {
            return;
        }
        let offset = self.progress.sent.bytes;
        self.progress.sent.bytes += bytes.len() as u64;
        if ended == Ended::Chunked {
            outgoing.framing(format!("{:x}\r\n", bytes.len()).as_bytes());
            outgoing.body(offset, bytes);
            outgoing.framing(b"\r\n");
        } else {
            outgoing.body(offset, bytes);
        }
    }

    /// Writes and flushes, in pieces where the script cuts segments, and tells the journal what
    /// the socket takes at the instant at which it takes it.
    pub(super) async fn write(&mut self, outgoing: Outgoing) -> Result<(), Halt> {
        let mut written = 0;
        let done = self.write_pieces(&outgoing, &mut written).await;
        self.progress.sent.is_torn |= done.is_err();
        if let (Err(_), bytes @ 1..) = (&done, outgoing.left(written)) {
            self.log.tell(Event::NotAccepted { bytes });
        }
        done
    }

    async fn write_pieces(&mut self, outgoing: &Outgoing, written: &mut usize) -> Result<(), Halt> {
        let mut place = self.cuts.in_write(outgoing).into_iter().peekable();
        if let Some(Place { gap, .. }) = place.next_if(|place| place.at == 0) {
            self.at_cut(gap).await?;
        }
        loop {
            let next = place.next();
            let end = next.map_or(outgoing.len(), |place| place.at);
            while *written < end {
                let bytes = &outgoing.bytes()[*written..end];
                let len = self.race(|socket, cx| socket.poll_write(cx, bytes)).await??;
                for event in outgoing.taken(&(*written..*written + len)) {
                    self.log.tell(event);
                }
                *written += len;
            }
            self.race(Socket::poll_flush).await??;
            let Some(Place { gap, .. }) = next else { return Ok(()) };
            self.at_cut(gap).await?;
        }
    }
}
