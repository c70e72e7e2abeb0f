//! The bytes of a `send` step.

use bytes::Bytes;

use super::counters::fill;
use crate::script::Send;

/// An event in the customary order of fields, each with one space after its colon, or the exact
/// bytes that the script gives.
pub(super) fn encode(send: &Send, counter: Option<u64>) -> Bytes {
    let Send { comment, event, id, retry, data, raw, .. } = send;
    if let Some(raw) = raw {
        return fill(raw, counter).into_owned().into();
    }
    let mut block = String::new();
    let mut lines = |name: &str, text: &Option<String>| {
        for line in text.iter().flat_map(|text| text.split('\n')) {
            for part in [name, ": ", &fill(line, counter), "\n"] {
                block.push_str(part);
            }
        }
    };
    lines("", comment);
    lines("event", event);
    lines("id", id);
    lines("retry", retry);
    lines("data", data);
    block.push('\n');
    block.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_line_for_each_line_of_its_data() {
        let send = Send {
            comment: Some("ping".into()),
            event: Some("update".into()),
            id: Some("{i}".into()),
            retry: Some("3000".into()),
            data: Some("one\n\ntwo {n}".into()),
            raw: None,
            ..Send::default()
        };
        assert_eq!(
            encode(&send, Some(4)),
            ": ping\nevent: update\nid: 4\nretry: 3000\ndata: one\ndata: \ndata: two 5\n\n"
        );
    }

    #[test]
    fn raw_bytes_are_sent_as_they_are() {
        let send = Send { raw: Some("\u{feff}data:a\r\r\0{i}".into()), ..Send::default() };
        assert_eq!(encode(&send, None), "\u{feff}data:a\r\r\0{i}");
    }
}
