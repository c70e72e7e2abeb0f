//! One answer on its way from the next hop, through the buffers, to the client.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep_until},
};

use super::{
    buffers::{Because, Buffers},
    connection::Client,
    heads,
};
use crate::{
    http1::{Closing, Item, RequestHead, ResponseDecoder},
    middlebox::{
        framing::{Down, Framing},
        teller::Teller,
        upstream::{self, Answered},
    },
    net::Stream,
    scenario::BufferingProxy,
    trace::{BodyEnd, MiddleboxFact},
};

/// nginx `proxy_read_timeout`: between two reads.
pub(super) const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// nginx `send_timeout`: between two writes to the client.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);

/// nginx `postpone_output`: a head that is shorter waits for the first bytes of the body.
const POSTPONE_BYTES: usize = 1460;

/// An answer.
pub(super) struct Answer {
    teller: Teller,
    /// Nothing once it is over.
    upstream: Option<Stream>,
    decoder: ResponseDecoder,
    buffers: Buffers,
    /// The head, while it waits.
    head: Option<Vec<u8>>,
    framing: Framing,
    keeps_alive: bool,
    /// For the client; and whether a buffer is free when it has taken the piece.
    out: VecDeque<(Bytes, bool)>,
    read_by: Instant,
    send_by: Instant,
}

/// What happens next.
enum Event {
    Wrote(usize),
    Read(Vec<u8>),
    UpstreamClosed(Closing),
    ClientGone,
}

impl Answer {
    /// An answer whose head was read.
    pub(super) fn new(
        spec: &BufferingProxy,
        teller: &Teller,
        request: &RequestHead,
        upstream: Stream,
        answered: &Answered,
    ) -> Self {
        let (head, head_len) = (&answered.head, answered.head_bytes().len());
        let size = usize::try_from(spec.buffer.0).unwrap_or(usize::MAX).max(1);
        let asked = heads::asks_to_buffer(head).filter(|_| spec.honours_x_accel);
        let unbuffered = !asked.unwrap_or(spec.buffering);
        let buffers = if unbuffered {
            Buffers::unbuffered(size, head_len)
        } else {
            Buffers::new(spec.buffers, size, head_len)
        };
        let Down { head, framing, keeps_alive } = heads::down(request, head);
        let goes_at_once = unbuffered || head.len() >= POSTPONE_BYTES;
        let now = Instant::now();
        let mut answer = Self {
            teller: teller.clone(),
            upstream: Some(upstream),
            decoder: ResponseDecoder::answering(&request.method),
            buffers,
            head: Some(head),
            framing,
            keeps_alive,
            out: VecDeque::new(),
            read_by: now + READ_TIMEOUT,
            send_by: now + SEND_TIMEOUT,
        };
        if unbuffered {
            let because =
                if asked.is_some() { "X-Accel-Buffering: no" } else { "buffering is off" };
            answer.teller.tell(MiddleboxFact::PassedThrough { because });
        }
        if goes_at_once {
            answer.send_head();
        }
        answer.decode(answered.head_bytes());
        if answer.upstream.is_some() && !answered.ahead().is_empty() {
            answer.read(answered.ahead());
        }
        answer
    }

    /// Passes the answer on to its end; whether the connection serves another request.
    pub(super) async fn pass_on(mut self, client: &mut Client) -> bool {
        while self.upstream.is_some() || !self.out.is_empty() {
            match self.next(client).await {
                Event::Wrote(len) => self.wrote(len),
                Event::Read(bytes) => self.read(&bytes),
                Event::UpstreamClosed(how) => self.closed(how),
                Event::ClientGone => return false,
            }
        }
        self.keeps_alive
    }

    async fn next(&mut self, client: &mut Client) -> Event {
        let room = self.buffers.room();
        let writes = !self.out.is_empty();
        let reads = self.upstream.is_some() && room > 0;
        let front = self.out.front().map(|(bytes, _)| bytes.as_ref()).unwrap_or_default();
        tokio::select! {
            biased;
            written = client.writer.write(front), if writes => match written {
                Ok(len) if len > 0 => Event::Wrote(len),
                Ok(_) | Err(_) => Event::ClientGone,
            },
            came = upstream::read(&mut self.upstream, room), if reads => {
                came.map_or_else(Event::UpstreamClosed, Event::Read)
            }
            () = client.incoming.gone() => Event::ClientGone,
            // nginx ends both alike.
            () = sleep_until(self.read_by), if reads => Event::UpstreamClosed(Closing::Reset),
            () = sleep_until(self.send_by), if writes => Event::ClientGone,
        }
    }

    fn wrote(&mut self, len: usize) {
        self.send_by = Instant::now() + SEND_TIMEOUT;
        let Some((bytes, frees)) = self.out.front_mut() else { return };
        drop(bytes.split_to(len.min(bytes.len())));
        if !bytes.is_empty() {
            return;
        }
        if *frees {
            self.free_one();
        }
        self.out.pop_front();
    }

    /// A buffer is free again. The clock runs only while the proxy reads.
    fn free_one(&mut self) {
        if self.buffers.room() == 0 {
            self.read_by = Instant::now() + READ_TIMEOUT;
        }
        self.buffers.taken();
    }

    fn read(&mut self, bytes: &[u8]) {
        self.read_by = Instant::now() + READ_TIMEOUT;
        let least_to_come = self.decoder.least_to_come();
        if let Some((passed, because)) = self.buffers.fill(bytes, least_to_come) {
            if because != Because::Unbuffered {
                self.teller.flushed(passed.len(), because.text());
            }
            self.decode(&passed);
        }
        self.teller.held(self.buffers.held(), "buffer is not full");
    }

    /// An RST takes what was held back with it, as nginx drops its open buffer then.
    fn closed(&mut self, how: Closing) {
        if how == Closing::Fin && self.buffers.held() > 0 {
            let rest = self.buffers.pass_on();
            self.teller.flushed(rest.len(), "end of the answer");
            self.decode(&rest);
        }
        if self.upstream.is_some() {
            let end = self.decoder.close(how).unwrap_or(BodyEnd::Complete);
            self.finish(end);
        }
    }

    /// Takes what left a buffer, and hands the body's part of it to the client.
    fn decode(&mut self, bytes: &[u8]) {
        let mut frees = true;
        for item in self.decoder.feed(bytes).items {
            match item {
                Item::Body(bytes) => {
                    self.send_head();
                    self.send(self.framed(&bytes), frees);
                    // The first piece stands for the buffer.
                    frees = false;
                }
                Item::End(end) => self.finish(end),
                Item::Head(_) | Item::Trailers(_) => {}
            }
        }
        if frees {
            self.free_one();
        }
    }

    fn framed(&self, bytes: &Bytes) -> Bytes {
        match self.framing {
            Framing::AsSaid | Framing::UntilClose => bytes.clone(),
            Framing::Chunked => {
                [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat().into()
            }
        }
    }

    /// The next hop is done with, and closed. Only a whole answer ends well for the client.
    fn finish(&mut self, end: BodyEnd) {
        self.upstream = None;
        self.send_head();
        if end != BodyEnd::Complete {
            self.keeps_alive = false;
        } else if self.framing == Framing::Chunked {
            self.send(Bytes::from_static(b"0\r\n\r\n"), false);
        }
    }

    fn send_head(&mut self) {
        if let Some(head) = self.head.take() {
            self.send(head.into(), false);
        }
    }

    fn send(&mut self, bytes: Bytes, frees: bool) {
        if self.out.is_empty() {
            self.send_by = Instant::now() + SEND_TIMEOUT;
        }
        self.out.push_back((bytes, frees));
    }
}
