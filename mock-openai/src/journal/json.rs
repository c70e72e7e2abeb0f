//! The journal's entries as JSON.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Event, PeerEnd, Seen};

/// What events are called, in the order in which a request meets them.
pub(super) const NAMES: [&str; 14] = [
    "accepted",
    "request",
    "bad_request",
    "unauthorized",
    "matched",
    "unmatched",
    "limited",
    "head",
    "wrote",
    "marked",
    "not_accepted",
    "ended",
    "peer_gone",
    "closed",
];

pub(super) fn name(event: &Event) -> &'static str {
    match event {
        Event::Accepted { .. } => "accepted",
        Event::Request { .. } => "request",
        Event::BadRequest { .. } => "bad_request",
        Event::Unauthorized { .. } => "unauthorized",
        Event::Matched { .. } => "matched",
        Event::Unmatched { .. } => "unmatched",
        Event::Limited { .. } => "limited",
        Event::Head { .. } => "head",
        Event::Wrote { .. } => "wrote",
        Event::Marked { .. } => "marked",
        Event::NotAccepted { .. } => "not_accepted",
        Event::Ended { .. } => "ended",
        Event::PeerGone { .. } => "peer_gone",
        Event::Closed => "closed",
    }
}

/// An entry in its JSON form: `number`, `at_ms`, `connection`, `request`, `event`, and what belongs
/// to the event. Bodies stand in `text` where they are UTF-8, else in `base64`.
#[derive(Debug)]
pub struct Told<'a>(pub &'a Seen);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Seen { number, at, entry } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("number", number)?;
        map.serialize_entry("at_ms", &millis(*at))?;
        map.serialize_entry("connection", &entry.connection)?;
        if let Some(request) = entry.request {
            map.serialize_entry("request", &request)?;
        }
        map.serialize_entry("event", name(&entry.event))?;
        details(&entry.event, &mut map)?;
        map.end()
    }
}

/// Milliseconds with three decimals: finer than that a busy host tells nothing.
#[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}

fn details<M: SerializeMap>(event: &Event, map: &mut M) -> Result<(), M::Error> {
    match event {
        Event::Accepted { peer } => map.serialize_entry("peer", peer),
        Event::Request { method, target, headers, body } => {
            map.serialize_entry("method", method)?;
            map.serialize_entry("target", target)?;
            map.serialize_entry("headers", headers)?;
            payload(body, map)
        }
        Event::BadRequest { why } => map.serialize_entry("why", why),
        Event::Matched { rule }
        | Event::Limited { rule }
        | Event::Unauthorized { rule: Some(rule) } => map.serialize_entry("rule", rule),
        Event::Unmatched { nearest } => map.serialize_entry("nearest", nearest),
        Event::Head { status } => map.serialize_entry("status", status),
        Event::Wrote { offset, bytes } => {
            map.serialize_entry("offset", offset)?;
            payload(bytes, map)
        }
        Event::NotAccepted { bytes } => map.serialize_entry("bytes", bytes),
        Event::Marked { name } => map.serialize_entry("name", name),
        Event::Ended { how } => map.serialize_entry("how", how),
        Event::PeerGone { how, during_answer } => {
            let how = match how {
                PeerEnd::Fin => "fin",
                PeerEnd::Reset => "reset",
            };
            map.serialize_entry("how", how)?;
            map.serialize_entry("during_answer", during_answer)
        }
        Event::Unauthorized { rule: None } | Event::Closed => Ok(()),
    }
}

fn payload<M: SerializeMap>(bytes: &Bytes, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("length", &bytes.len())?;
    match std::str::from_utf8(bytes) {
        Ok(text) => map.serialize_entry("text", text),
        Err(_) => map.serialize_entry("base64", &BASE64.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journal::Entry, script::End};

    fn json(request: Option<u64>, event: Event) -> String {
        let at = Duration::from_nanos(1_234_567);
        let seen = Seen { number: 7, at, entry: Entry { connection: 3, request, event } };
        serde_json::to_string(&Told(&seen)).unwrap()
    }

    #[test]
    fn bytes_that_are_text_stand_as_text_and_others_in_base64() {
        let wrote = |bytes: &'static [u8]| Event::Wrote { offset: 5, bytes: bytes.into() };
        assert_eq!(
            json(Some(2), wrote(b"data: h\xc3\xa9\n\n")),
            r#"{"number":7,"at_ms":1.234,"connection":3,"request":2,"event":"wrote","offset":5,"length":11,"text":"data: hé\n\n"}"#
        );
        // RFC 4648 10 has "Zm8=" for "fo"; c3 alone is the first half of a letter.
        assert_eq!(
            json(Some(2), wrote(b"\xc3")),
            r#"{"number":7,"at_ms":1.234,"connection":3,"request":2,"event":"wrote","offset":5,"length":1,"base64":"ww=="}"#
        );
    }

    #[test]
    fn every_event_says_its_name_and_what_belongs_to_it() {
        let peer = "127.0.0.1:80".parse().unwrap();
        let request = Event::Request {
            method: "POST".into(),
            target: "/v1/models?x".into(),
            headers: vec![("Host".into(), "a".into()), ("x".into(), "1".into())],
            body: "{}".into(),
        };
        let gone = Event::PeerGone { how: PeerEnd::Reset, during_answer: true };
        let cases = [
            (Event::Accepted { peer }, r#""event":"accepted","peer":"127.0.0.1:80"}"#),
            (
                request,
                r#""event":"request","method":"POST","target":"/v1/models?x","headers":[["Host","a"],["x","1"]],"length":2,"text":"{}"}"#,
            ),
            (Event::BadRequest { why: "w".into() }, r#""event":"bad_request","why":"w"}"#),
            (Event::Unauthorized { rule: None }, r#""event":"unauthorized"}"#),
            (Event::Unauthorized { rule: Some(1) }, r#""event":"unauthorized","rule":1}"#),
            (Event::Matched { rule: 4 }, r#""event":"matched","rule":4}"#),
            (Event::Unmatched { nearest: "n".into() }, r#""event":"unmatched","nearest":"n"}"#),
            (Event::Limited { rule: 4 }, r#""event":"limited","rule":4}"#),
            (Event::Head { status: 200 }, r#""event":"head","status":200}"#),
            (Event::NotAccepted { bytes: 9 }, r#""event":"not_accepted","bytes":9}"#),
            (Event::Marked { name: "m".into() }, r#""event":"marked","name":"m"}"#),
            (Event::Ended { how: End::NoTerminator }, r#""event":"ended","how":"no_terminator"}"#),
            (gone, r#""event":"peer_gone","how":"reset","during_answer":true}"#),
            (Event::Closed, r#""event":"closed"}"#),
        ];
        for (event, expected) in cases {
            assert!(NAMES.contains(&name(&event)), "{event:?}");
            let expected = format!(r#"{{"number":7,"at_ms":1.234,"connection":3,{expected}"#);
            assert_eq!(json(None, event), expected);
        }
    }
}
