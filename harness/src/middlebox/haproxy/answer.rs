//! One answer on its way from the next hop, through what the kernel holds, to the client.

use std::time::Duration;

use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep_until},
};

use super::{PIECE_BYTES, connection::Client, heads};
use crate::{
    http1::{Closing, Framing, Item, RequestHead, ResponseDecoder},
    middlebox::{
        framing::wants_to_stay,
        teller::Teller,
        upstream::{self, Answered},
    },
    net::Stream,
    trace::BodyEnd,
};

/// Linux sends what `MSG_MORE` holds when its timer for unanswered windows fires: after its least
/// retransmission time-out of 200 ms, the round trip and its ticks.
const HELD_FOR: Duration = Duration::from_millis(208);

/// A full segment on Ethernet.
const SEGMENT_BYTES: usize = 1460;

/// One answer on its way to the client.
pub(super) struct Answer {
    teller: Teller,
    /// Nothing once it is over.
    upstream: Option<Stream>,
    decoder: ResponseDecoder,
    chunked: bool,
    /// Nothing is held, since more is not expected, or since it is told so.
    no_delay: bool,
    keeps_alive: bool,
    /// In the kernel, until a segment is full or the time is over.
    held: Vec<u8>,
    held_until: Instant,
    /// Leaves now.
    out: Vec<u8>,
    read_by: Instant,
}

/// What happens next.
enum Event {
    Wrote(usize),
    Read(Vec<u8>),
    UpstreamClosed(Closing),
    UpstreamSilent,
    HeldLongEnough,
    ClientGone,
}

impl Answer {
    pub(super) fn new(
        teller: Teller,
        method: &str,
        upstream: Stream,
        no_delay: bool,
        read_by: Instant,
    ) -> Self {
        Self {
            teller,
            upstream: Some(upstream),
            decoder: ResponseDecoder::answering(method),
            chunked: false,
            no_delay,
            keeps_alive: false,
            held: Vec::new(),
            held_until: read_by,
            out: Vec::new(),
            read_by,
        }
    }

    /// Takes the head, and what was read behind it.
    pub(super) fn begin(&mut self, request: &RequestHead, answered: &Answered) {
        let (_, end) = self.decode(answered.head_bytes());
        let framing = self.decoder.framing().unwrap_or(Framing::Length(0));
        let until_close = framing == Framing::UntilClose;
        self.chunked = framing == Framing::Chunked;
        self.no_delay |= until_close;
        self.keeps_alive = !until_close && wants_to_stay(request, 1);
        self.write(&heads::down(request, &answered.head, self.keeps_alive));
        match end {
            Some(end) => self.finish(end),
            None => self.read(answered.ahead()),
        }
    }

    /// Passes the answer on to its end; whether the connection serves another request.
    pub(super) async fn pass_on(mut self, client: &mut Client) -> bool {
        while self.upstream.is_some() || !self.out.is_empty() {
            match self.next(client).await {
                Event::Wrote(len) => drop(self.out.drain(..len)),
                Event::Read(bytes) => {
                    self.read_by = Instant::now() + client.silence;
                    self.read(&bytes);
                }
                Event::UpstreamClosed(how) => {
                    let end = self.decoder.close(how).unwrap_or(BodyEnd::Complete);
                    self.finish(end);
                }
                Event::HeldLongEnough => self.let_go("200 ms are over"),
                Event::UpstreamSilent => {
                    self.reset_upstream().await;
                    self.finish(BodyEnd::Truncated);
                }
                Event::ClientGone => {
                    self.reset_upstream().await;
                    return false;
                }
            }
        }
        self.keeps_alive
    }

    async fn reset_upstream(&mut self) {
        if let Some(mut upstream) = self.upstream.take() {
            drop(upstream.reset().await);
        }
    }

    async fn next(&mut self, client: &mut Client) -> Event {
        let (writes, holds) = (!self.out.is_empty(), !self.held.is_empty());
        if writes {
            return match client.writer.write(&self.out).await {
                Ok(len) if len > 0 => Event::Wrote(len),
                Ok(_) | Err(_) => Event::ClientGone,
            };
        }
        tokio::select! {
            biased;
            came = upstream::read(&mut self.upstream, PIECE_BYTES) => {
                came.map_or_else(Event::UpstreamClosed, Event::Read)
            }
            () = sleep_until(self.held_until), if holds => Event::HeldLongEnough,
            () = sleep_until(self.read_by) => Event::UpstreamSilent,
            () = client.gone() => Event::ClientGone,
        }
    }

    /// What one read brought becomes one chunk.
    fn read(&mut self, bytes: &[u8]) {
        let (body, end) = self.decode(bytes);
        if !body.is_empty() && self.chunked {
            self.write(&[format!("{:X}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat());
        } else {
            self.write(&body);
        }
        if let Some(end) = end {
            self.finish(end);
        } else if self.no_delay {
            self.let_go("nothing is held");
        } else if self.held.len() >= SEGMENT_BYTES {
            self.let_go("a segment is full");
        } else {
            self.teller.held(self.held.len(), "the kernel waits for a full segment");
        }
    }

    fn decode(&mut self, bytes: &[u8]) -> (Vec<u8>, Option<BodyEnd>) {
        let (mut body, mut end) = (Vec::new(), None);
        for item in self.decoder.feed(bytes).items {
            match item {
                Item::Body(piece) => body.extend_from_slice(&piece),
                Item::End(how) => end = Some(how),
                Item::Head(_) | Item::Trailers(_) => {}
            }
        }
        (body, end)
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.held.is_empty() {
            self.held_until = Instant::now() + HELD_FOR;
        }
        self.held.extend_from_slice(bytes);
    }

    fn let_go(&mut self, because: &'static str) {
        if !self.no_delay {
            self.teller.flushed(self.held.len(), because);
        }
        self.out.append(&mut self.held);
    }

    /// The next hop is done with, and closed. Only a whole answer ends well for the client.
    fn finish(&mut self, end: BodyEnd) {
        self.upstream = None;
        if end != BodyEnd::Complete {
            self.keeps_alive = false;
        } else if self.chunked {
            self.write(b"0\r\n\r\n");
        }
        self.let_go("end of the answer");
    }
}
