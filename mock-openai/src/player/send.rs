//! Puts body bytes on the socket: trip wires, cuts and framing.

use bytes::Bytes;

use super::{
    Halt, Player, cuts,
    frames::Scanner,
    head::{Ended, Kind},
    outgoing::Outgoing,
};
use crate::{journal::Event, socket::Socket, wire::Wire};

/// How far the body is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) bytes: u64,
    pub(super) frames: u64,
    pub(super) scanner: Scanner,
    /// Whether a write was broken off, so that the framing can no longer be completed.
    pub(super) is_torn: bool,
}

impl<W: Wire> Player<'_, W> {
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
            self.send(bytes, kind).await?;
            self.progress.scanner = scanner;
            self.progress.frames += ends.len() as u64;
            return Ok(());
        };
        let bytes = bytes.slice(..len);
        self.progress.frames += self.progress.scanner.ends(&bytes).len() as u64;
        self.send(bytes, kind).await?;
        Err(Halt::End(end))
    }

    /// Stops where a trip wire is reached already.
    pub(super) fn check_trips(&self) -> Result<(), Halt> {
        let reached = self.trips.reach(self.progress.bytes, self.progress.frames, 0, &[]);
        reached.map_or(Ok(()), |(_, end)| Err(Halt::End(end)))
    }

    async fn send(&mut self, bytes: Bytes, kind: Kind) -> Result<(), Halt> {
        let cut = self.cuts.chunk;
        let mut start = 0;
        for end in cuts::piece_ends(cut, 0, bytes.len()) {
            if start > 0 {
                self.at_cut(cut.and_then(|cut| cut.gap)).await?;
            }
            let mut outgoing = Outgoing::default();
            let ended = self.add_head(kind, &mut outgoing);
            self.add_body(bytes.slice(start..end), ended, &mut outgoing);
            self.write(outgoing).await?;
            start = end;
        }
        Ok(())
    }

    fn add_body(&mut self, bytes: Bytes, ended: Ended, outgoing: &mut Outgoing) {
        // An empty chunk would end the body.
        if bytes.is_empty() || ended == Ended::NoBody {
            return;
        }
        let offset = self.progress.bytes;
        self.progress.bytes += bytes.len() as u64;
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
        self.progress.is_torn |= done.is_err();
        if let (Err(_), bytes @ 1..) = (&done, outgoing.left(written)) {
            self.log.tell(Event::NotAccepted { bytes });
        }
        done
    }

    async fn write_pieces(&mut self, outgoing: &Outgoing, written: &mut usize) -> Result<(), Halt> {
        let cut = self.cuts.segment;
        for end in cuts::piece_ends(cut, outgoing.head_end(), outgoing.len()) {
            if *written > 0 {
                self.at_cut(cut.and_then(|cut| cut.gap)).await?;
            }
            while *written < end {
                let bytes = &outgoing.bytes()[*written..end];
                let len = self.race(|socket, cx| socket.poll_write(cx, bytes)).await??;
                for event in outgoing.taken(&(*written..*written + len)) {
                    self.log.tell(event);
                }
                *written += len;
            }
            self.race(Socket::poll_flush).await??;
        }
        Ok(())
    }
}
