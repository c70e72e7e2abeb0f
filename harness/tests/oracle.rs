//! The oracle and the relay's own reading of a stream agree on where events end, whatever the bytes
//! and their cuts; they share no line of code.

use std::time::Duration;

use bytes::Bytes;
use harness::wire::{self, FrameKind};
use proptest::prelude::*;
use relay::{
    config::MissingDone,
    stream::{Core, Family, Input, Policy},
};

fn core() -> Core {
    Core::new(Policy {
        ids: None,
        idle_warn: None,
        family: Family::Chat,
        heartbeat: None,
        first_byte: None,
        idle: None,
        missing_done: MissingDone::Error,
    })
}

/// What the relay sends of its own when the provider breaks after these bytes.
fn last_words(pieces: &[&[u8]]) -> Vec<u8> {
    let mut core = core();
    for piece in pieces {
        core.feed(Duration::ZERO, Input::Bytes(Bytes::copy_from_slice(piece)));
    }
    core.feed(Duration::ZERO, Input::Failed).emit.unwrap_or_default().to_vec()
}

/// A byte order mark before the first line belongs to no line.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Pieces of which streams are made, the awkward ones among them.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "data: a", "data:", ": c", "id: 1", "\n", "\r", "\r\n", "\n\n", "\r\r", "x", "\u{feff}",
        "é",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_relay_closes_an_event_exactly_where_the_oracle_sees_one_half_sent(
        body in stream(),
        cut in 0_usize..40,
    ) {
        let cut = cut.min(body.len());
        let said = last_words(&[&body[..cut], &body[cut..]]);
        let mut whole = body.clone();
        whole.extend_from_slice(&said);
        // The relay's last words are an event of their own, and all before it is as it was.
        let frames = wire::frames(&whole);
        let last = frames.iter().rev().find(|frame| frame.kind == FrameKind::Whole);
        let last = without_mark(&whole[last.expect("the error event is there").range.clone()]);
        prop_assert!(last.starts_with(b"data: {\"error\""), "{:?}", String::from_utf8_lossy(&whole));

        let event = said.windows(6).position(|six| six == b"data: ").unwrap_or(said.len());
        // Only the first mark belongs to no line: a second one is a line's content.
        let last = wire::frames(&body).last().filter(|f| f.kind == FrameKind::Unfinished).cloned();
        let half = last.is_some_and(|f| match f.range.start {
            0 => !without_mark(&body).is_empty(),
            _ => true,
        });
        // After a CR an LF belongs to the line that the CR has ended already.
        let nothing = event == 0 || (said[..event] == *b"\n" && body.ends_with(b"\r"));
        prop_assert_eq!(half, !nothing, "{:?} then {:?}", String::from_utf8_lossy(&body), said);
    }
}
