//! Events from a stream while it comes, by HTML 9.2.6.

use super::text::TextDecoder;
use crate::trace::Sight;

/// Reads one stream piece by piece. It is no part of the oracle, which a test compares it with.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    text: TextDecoder,
    line: String,
    after_return: bool,
    data: String,
    event_type: String,
    id: String,
    last_event_id: String,
    retry_ms: Option<u64>,
}

impl EventReader {
    /// A reader of the next stream of a source. The id of the streams before counts until another
    /// comes: web-platform-tests, `format-field-id-2`.
    pub(super) fn continuing(last_event_id: &str) -> Self {
        let id = last_event_id.to_owned();
        Self { id: id.clone(), last_event_id: id, ..Self::default() }
    }

    /// What the next reconnect says in `Last-Event-ID`.
    pub(super) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time, where this stream has set one. Digits beyond a `u64` count as its
    /// greatest value.
    pub(super) fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Takes more of the stream; the events that it completes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Sight> {
        let mut events = Vec::new();
        for character in self.text.decode(bytes).chars() {
            let ends_return = std::mem::take(&mut self.after_return) && character == '\n';
            match character {
                '\n' if ends_return => {}
                '\r' | '\n' => {
                    self.after_return = character == '\r';
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&line));
                }
                _ => self.line.push(character),
            }
        }
        events
    }

    fn end_line(&mut self, line: &str) -> Option<Sight> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event_type),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry_ms = Some(value.parse().unwrap_or(u64::MAX));
            }
            // Comments (the name before a leading colon is empty) and unknown fields.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Sight> {
        self.last_event_id.clone_from(&self.id);
        let mut data = std::mem::take(&mut self.data);
        let event_type = std::mem::take(&mut self.event_type);
        // Each line of data has brought a line feed, of which the last is taken away.
        data.pop()?;
        let event = if event_type.is_empty() { "message".to_owned() } else { event_type };
        Some(Sight::Event { event, id: self.id.clone(), data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire;

    fn assert_like_the_oracle(pieces: &[&[u8]]) {
        let mut reader = EventReader::default();
        let got: Vec<Sight> = pieces.iter().flat_map(|piece| reader.feed(piece)).collect();
        let oracle = wire::read(&pieces.concat());
        let expected = oracle.events.into_iter().map(|event| Sight::Event {
            event: event.event,
            id: event.id,
            data: event.data,
        });
        assert_eq!(got, expected.collect::<Vec<_>>(), "{:?}", pieces.concat().escape_ascii());
        assert_eq!(reader.last_event_id(), oracle.last_event_id);
        assert_eq!(reader.retry_ms(), oracle.retry);
    }

    #[test]
    fn it_reads_the_cases_of_both_suites_as_the_oracle_does_wherever_they_are_cut() {
        for (_, body) in wire::tests::stimuli() {
            for cut in 0..=body.len() {
                assert_like_the_oracle(&[&body[..cut], &body[cut..]]);
            }
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_nobody_thought_of_as_the_oracle_does(
            words in prop::collection::vec(prop::sample::select(vec![
                "data", "id", "event", "retry", ":", " ", "\r", "\n", "\r\n", "\n\n", "7", "0x", "\0",
                "\u{feff}", "\u{e9}", "x",
            ]), 0..24),
            at in any::<prop::sample::Index>(),
        ) {
            let body = words.concat().into_bytes();
            let at = at.index(body.len() + 1);
            assert_like_the_oracle(&[&body[..at], &body[at..]]);
        }
    }

    #[test]
    fn an_id_with_nul_and_one_of_an_unfinished_block_do_not_count() {
        let mut reader = EventReader::continuing("kept");
        assert_eq!(
            reader.feed(b"data: 1\nid: a\0b\n\nid: never"),
            [Sight::Event {
                event: "message".to_owned(),
                id: "kept".to_owned(),
                data: "1".to_owned(),
            }]
        );
        assert_eq!(reader.last_event_id(), "kept");
        reader.feed(b"\n\nid\n\n");
        assert_eq!(reader.last_event_id(), "");
    }
}
