//! A hop that cuts or merges what passes, and changes no byte.
//!
//! With `every` each piece of so many bytes leaves in a TCP segment of its own, as through a path of
//! a small MTU or a TLS proxy of small records. With `window` what comes is kept from its first byte
//! on and leaves as one, as from a sender with Nagle's algorithm before a receiver that delays its
//! acknowledgements (RFC 9293 3.7.4; Linux delays them by 40 ms at least, `TCP_DELACK_MIN` in
//! `include/net/tcp.h`). What is kept leaves before its time when it fills a buffer, or with FIN.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use super::pipe::{self, Event, Forgotten, HELD_BYTES_MAX, Pipe, Way};
use crate::{net::Host, scenario::ReChunker, trace::Name};

pub(super) async fn serve(spec: ReChunker, host: Host, next_hop: Name) {
    pipe::serve(host, next_hop, move |pipe| pass(spec.clone(), pipe)).await;
}

/// What is kept of one way, and until when.
#[derive(Debug)]
struct Kept {
    way: Way,
    bytes: Vec<u8>,
    until: Option<Instant>,
}

async fn pass(spec: ReChunker, mut pipe: Pipe) -> Forgotten {
    pipe.keep_apart();
    let mut kept = [Way::Up, Way::Down].map(|way| Kept { way, bytes: Vec::new(), until: None });
    loop {
        let due = kept.iter().filter_map(|one| one.until).min();
        let event = tokio::select! {
            biased;
            event = pipe.next() => Some(event?),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => None,
        };
        match event {
            Some(Event::Came(way, bytes)) => match spec.window {
                Some(window) => keep(&spec, &mut pipe, of(&mut kept, way), &bytes, window.0),
                None => send(&spec, &mut pipe, way, &bytes),
            },
            Some(Event::Ended(way)) => {
                flush(&spec, &mut pipe, of(&mut kept, way), "end of the way");
                pipe.finish(way);
            }
            None => {
                let now = Instant::now();
                for one in kept.iter_mut().filter(|one| one.until.is_some_and(|at| at <= now)) {
                    flush(&spec, &mut pipe, one, "window is over");
                }
            }
        }
    }
}

fn of(kept: &mut [Kept; 2], way: Way) -> &mut Kept {
    let [up, down] = kept;
    match way {
        Way::Up => up,
        Way::Down => down,
    }
}

fn keep(spec: &ReChunker, pipe: &mut Pipe, kept: &mut Kept, bytes: &[u8], window: Duration) {
    kept.bytes.extend_from_slice(bytes);
    kept.until.get_or_insert_with(|| Instant::now() + window);
    if kept.bytes.len() >= HELD_BYTES_MAX {
        return flush(spec, pipe, kept, "buffer is full");
    }
    if kept.way == Way::Down {
        pipe.teller().held(kept.bytes.len(), "window is open");
    }
}

fn flush(spec: &ReChunker, pipe: &mut Pipe, kept: &mut Kept, because: &'static str) {
    kept.until = None;
    let bytes = std::mem::take(&mut kept.bytes);
    if kept.way == Way::Down {
        pipe.teller().flushed(bytes.len(), because);
    }
    send(spec, pipe, kept.way, &bytes);
}

fn send(spec: &ReChunker, pipe: &mut Pipe, way: Way, bytes: &[u8]) {
    let every = spec.every.and_then(|every| usize::try_from(every).ok());
    for piece in bytes.chunks(every.unwrap_or(usize::MAX).max(1)) {
        pipe.send(way, Bytes::copy_from_slice(piece));
    }
}
