//! One hash for a whole trace: equal hashes mean that every fact was equal, in order.

use std::hash::{Hash, Hasher};

use super::Trace;

/// A BLAKE3 hash of a trace. It is stable for one build: the same binary, scenario and seed give the
/// same hash in any process. It is not meant to be compared across toolchains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(blake3::Hash);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl Trace {
    /// Hashes every fact with its time, place and order.
    pub fn digest(&self) -> Digest {
        let mut feed = Feed { hasher: blake3::Hasher::new(), buffer: Vec::with_capacity(BUFFER) };
        self.events.hash(&mut feed);
        feed.flush();
        Digest(feed.hasher.finalize())
    }
}

/// A power of two, so that no chunk of BLAKE3's 1,024 bytes is hashed in two parts.
const BUFFER: usize = 1 << 16;

/// Gathers the small pieces that `Hash` feeds: BLAKE3 is fast on long input alone, and on as much at
/// once as fills its widest registers with whole chunks.
struct Feed {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

impl Feed {
    fn flush(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }
}

impl Hasher for Feed {
    fn write(&mut self, mut bytes: &[u8]) {
        while self.buffer.len() + bytes.len() > BUFFER {
            let (fits, rest) = bytes.split_at(BUFFER - self.buffer.len());
            self.buffer.extend_from_slice(fits);
            self.flush();
            bytes = rest;
        }
        self.buffer.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the whole hash is taken, never 64 bits of it")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::*;

    fn over(at: u64, actor: &str) -> Trace {
        let event = Event {
            at: Duration::from_millis(at),
            actor: actor.into(),
            fact: Fact::World(WorldFact::Over),
        };
        Trace { events: vec![event] }
    }

    #[test]
    fn each_part_of_an_event_changes_the_hash() {
        let digest = |trace: Trace| trace.digest();
        assert_eq!(digest(over(1, "a")), digest(over(1, "a")));
        assert_ne!(digest(over(1, "a")), digest(over(2, "a")));
        assert_ne!(digest(over(1, "a")), digest(over(1, "b")));
        assert_ne!(digest(over(1, "a")), digest(Trace::default()));
    }

    #[test]
    fn pieces_longer_than_the_buffer_are_hashed_whole() {
        let long = |last: u8| {
            let mut bytes = vec![0; 1 << 16];
            bytes.push(last);
            let mut trace = over(1, "a");
            trace.events[0].fact =
                Fact::Socket(Connection(0), SocketFact::Wrote { bytes: bytes.into() });
            trace.digest()
        };
        assert_ne!(long(1), long(2));
        assert_eq!(long(1), long(1));
    }
}
