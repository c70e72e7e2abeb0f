//! Names of streams and of the events in them.

use std::{fmt, str::FromStr};

use crate::names::name;

/// A stream's name: 128 bits, written as 32 hexadecimal digits in lower case. Who knows it may
/// read the stream, so it must not be guessable: it is as good as the seed that it is made from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u128);

/// An event's name, as `id` fields and `Last-Event-ID` carry it: the stream's, `-`, and the
/// event's number from 1. Number 0 stands before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The stream.
    pub stream: StreamId,
    /// The event.
    pub number: u64,
}

/// The text is not an id of this relay; most likely it is the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form <32 hexadecimal digits>-<number>")]
pub struct NotAnId;

impl StreamId {
    /// The name of stream number `ordinal` of the relay with that seed.
    pub fn new(seed: u64, ordinal: u64) -> Self {
        Self(name("whitewater relay stream id", seed, ordinal))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Only its beginning: logs must not hold what opens a stream.
impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({:08x}..)", self.0 >> 96)
    }
}

impl FromStr for StreamId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(NotAnId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.number)
    }
}

impl FromStr for EventId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (stream, number) = text.split_once('-').ok_or(NotAnId)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnId);
        }
        let number = number.parse().map_err(|_| NotAnId)?;
        Ok(Self { stream: stream.parse()?, number })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn streams_differ_by_seed_and_ordinal_and_are_the_same_again() {
        let all = [StreamId::new(1, 1), StreamId::new(1, 2), StreamId::new(2, 1)];
        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
        assert_eq!(all[0], StreamId::new(1, 1));
    }

    #[test]
    fn debug_output_does_not_open_a_stream() {
        let id = StreamId::new(1, 1);
        assert!(!format!("{id:?}").contains(&id.to_string()));
    }

    #[test]
    fn what_a_provider_calls_its_events_is_no_id() {
        let stream = StreamId::new(0, 0).to_string();
        for other in ["", "-", "7", "-7", &stream, &format!("{stream}-"), &format!("{stream}-+1")] {
            assert_eq!(other.parse::<EventId>(), Err(NotAnId), "{other}");
        }
        for other in [
            format!("{stream}-18446744073709551616"),
            format!("{}-1", stream.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A")),
            format!("{}-1", &stream[1..]),
            format!("{stream}-1-2"),
        ] {
            assert_eq!(other.parse::<EventId>(), Err(NotAnId), "{other}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_was_written(seed: u64, ordinal: u64, number: u64) {
            let id = EventId { stream: StreamId::new(seed, ordinal), number };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", hex in "[0-9a-f]{32}-.{0,30}") {
            let _ = (text.parse::<EventId>(), hex.parse::<EventId>());
        }
    }
}
