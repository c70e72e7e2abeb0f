//! One direction of a connection: its streams, and what it says of the other direction's windows.

use std::collections::BTreeMap;

use super::{
    frame::{Frame, PREFACE, flag, kind, number},
    head::Heads,
};
use crate::http1::{HEAD_BYTES_MAX, Headers};

/// The setting that changes the windows of all streams (RFC 9113 6.5.2).
const INITIAL_WINDOW_SIZE: u32 = 4;

/// What one side sent over a connection.
#[derive(Debug, Clone, Default)]
pub struct Half {
    /// By number: a client's in the order in which it opened them.
    pub streams: BTreeMap<u32, Stream>,
    /// What it allows the other side to send, in order.
    pub credits: Vec<Credit>,
    /// Body frames as flow control counts them, padding included: where each ends on the wire, its
    /// stream, its length.
    pub data: Vec<(usize, u32, i64)>,
    /// That it takes no more streams, as often as it said so.
    pub goodbyes: Vec<Goodbye>,
    /// Where it stopped being HTTP/2.
    pub broken: Option<usize>,
}

/// One side of a stream: a message, as far as it was sent.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// Where its first frame begins on the wire.
    pub start: usize,
    /// Where its head ends.
    pub head_end: usize,
    /// Its fields, pseudo-header fields first; interim heads (1xx) are left out.
    pub fields: Headers,
    /// Its body.
    pub body: Vec<u8>,
    /// Pieces of the body: offset in the body, offset on the wire.
    pub pieces: Vec<(usize, usize)>,
    /// The fields that came behind it.
    pub trailers: Headers,
    /// Where the frame ends that ends it in good form, by `END_STREAM`.
    pub end: Option<usize>,
    /// Its `RST_STREAM`.
    pub reset: Option<Reset>,
}

/// A stream was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// Where its frame ends on the wire.
    pub end: usize,
    /// Why.
    pub code: u32,
}

/// A `GOAWAY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goodbye {
    /// Where its frame ends on the wire.
    pub end: usize,
    /// The last stream of the other side that it deals with.
    pub last_stream: u32,
    /// Why.
    pub code: u32,
}

/// The other side may send more, or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// Where its frame ends on the wire.
    pub end: usize,
    /// What of.
    pub window: Window,
}

/// A window, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The connection's grows by so much.
    Connection(i64),
    /// A stream's grows by so much.
    Stream(u32, i64),
    /// Every stream begins with so much, and those that are there change with it.
    Initial(i64),
}

impl Half {
    /// Whether a client's bytes begin as HTTP/2 does.
    pub fn begins(wire: &[u8]) -> bool {
        wire.starts_with(PREFACE)
    }

    /// What a client sent, its preface included.
    pub fn of_client(wire: &[u8]) -> Self {
        Self::read(wire, PREFACE.len())
    }

    /// What a server sent.
    pub fn of_server(wire: &[u8]) -> Self {
        Self::read(wire, 0)
    }

    fn read(wire: &[u8], mut at: usize) -> Self {
        let mut reading = Reading { half: Self::default(), heads: Heads::new(), block: None, wire };
        while let Some(frame) = Frame::at(wire, at) {
            if reading.take(&frame).is_none() {
                reading.half.broken = Some(at);
                break;
            }
            at = frame.end();
        }
        reading.half
    }
}

/// A header block that goes on.
struct Block {
    stream: u32,
    start: usize,
    bytes: Vec<u8>,
    ends_stream: bool,
    /// A promise's fields are of a stream that nobody asked for.
    promised: bool,
}

struct Reading<'a> {
    half: Half,
    heads: Heads,
    block: Option<Block>,
    wire: &'a [u8],
}

impl Reading<'_> {
    /// Takes one frame; `None` where it cannot be (RFC 9113 calls that a connection error).
    fn take(&mut self, frame: &Frame<'_>) -> Option<()> {
        if self.block.is_some() && frame.kind != kind::CONTINUATION {
            return None;
        }
        if frame.kind == kind::DATA {
            return self.data(frame);
        }
        if !frame.is_whole() {
            return Some(());
        }
        let payload = frame.payload();
        match frame.kind {
            kind::HEADERS | kind::PUSH_PROMISE => self.begin_block(frame),
            kind::CONTINUATION => self.go_on(frame),
            kind::RST_STREAM => {
                let code = number(payload.get(..4)?);
                let reset = Reset { end: frame.end(), code };
                // One side may give up what it has said nothing of: a server, a request.
                self.half.streams.entry(frame.stream).or_default().reset.get_or_insert(reset);
                Some(())
            }
            kind::SETTINGS => self.settings(frame),
            kind::GOAWAY => {
                let last_stream = number(payload.get(..4)?) & 0x7fff_ffff;
                let code = number(payload.get(4..8)?);
                self.half.goodbyes.push(Goodbye { end: frame.end(), last_stream, code });
                Some(())
            }
            kind::WINDOW_UPDATE => {
                let more = i64::from(number(payload.get(..4)?) & 0x7fff_ffff);
                let window = match frame.stream {
                    0 => Window::Connection(more),
                    stream => Window::Stream(stream, more),
                };
                self.half.credits.push(Credit { end: frame.end(), window });
                Some(())
            }
            // PING, PRIORITY, and what is not known, which must be passed over (RFC 9113 4.1).
            _ => Some(()),
        }
    }

    fn data(&mut self, frame: &Frame<'_>) -> Option<()> {
        let stream = self.half.streams.get_mut(&frame.stream)?;
        let between = frame.unpadded()?;
        if !between.is_empty() {
            let at = frame.on_wire(between.start);
            stream.pieces.push((stream.body.len(), at));
            stream.body.extend_from_slice(&self.wire[at..at + between.len()]);
        }
        if frame.len > 0 {
            let len = i64::try_from(frame.len).unwrap_or(i64::MAX);
            self.half.data.push((frame.end(), frame.stream, len));
        }
        if frame.is_whole() && frame.has(flag::END_STREAM) {
            stream.end.get_or_insert_with(|| frame.end());
        }
        Some(())
    }

    fn settings(&mut self, frame: &Frame<'_>) -> Option<()> {
        if frame.has(flag::ACK) {
            return Some(());
        }
        let (settings, rest) = frame.payload().as_chunks::<6>();
        if !rest.is_empty() {
            return None;
        }
        for setting in settings {
            if number(&setting[..2]) == INITIAL_WINDOW_SIZE {
                let window = Window::Initial(i64::from(number(&setting[2..])));
                self.half.credits.push(Credit { end: frame.end(), window });
            }
        }
        Some(())
    }

    fn begin_block(&mut self, frame: &Frame<'_>) -> Option<()> {
        let between = frame.unpadded()?;
        let promised = frame.kind == kind::PUSH_PROMISE;
        // A promise names its stream, a priority the stream that it hangs on and its weight.
        let skipped = match (promised, frame.has(flag::PRIORITY)) {
            (true, _) => 4,
            (false, true) => 5,
            (false, false) => 0,
        };
        let bytes = frame.payload().get(between)?.get(skipped..)?.to_vec();
        let ends_stream = !promised && frame.has(flag::END_STREAM);
        let (stream, start) = (frame.stream, frame.start);
        self.block = Some(Block { stream, start, bytes, ends_stream, promised });
        self.end_block(frame)
    }

    fn go_on(&mut self, frame: &Frame<'_>) -> Option<()> {
        let block = self.block.as_mut().filter(|block| block.stream == frame.stream)?;
        block.bytes.extend_from_slice(frame.payload());
        if block.bytes.len() > HEAD_BYTES_MAX {
            return None;
        }
        self.end_block(frame)
    }

    /// Where a frame ends a header block, reads it.
    fn end_block(&mut self, frame: &Frame<'_>) -> Option<()> {
        if !frame.has(flag::END_HEADERS) {
            return Some(());
        }
        let block = self.block.take()?;
        let fields = self.heads.decode(&block.bytes)?;
        if block.promised {
            return Some(());
        }
        let is_interim =
            fields.iter().any(|(name, value)| name == ":status" && value.starts_with('1'));
        let stream = self.half.streams.entry(block.stream).or_default();
        if stream.fields.is_empty() && !is_interim {
            (stream.start, stream.head_end, stream.fields) = (block.start, frame.end(), fields);
        } else if !is_interim {
            stream.trailers = fields;
        }
        if block.ends_stream {
            stream.end.get_or_insert_with(|| frame.end());
        }
        Some(())
    }
}
