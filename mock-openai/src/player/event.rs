//! The bytes of a `send` step.

use bytes::Bytes;

use super::{Player, counters::fill, frames::Scanner};
use crate::{
    presets,
    script::{Eol, Send, exact},
    wire::Wire,
};

impl<W: Wire> Player<'_, W> {
    /// What a `send` step sends, frame by frame.
    pub(super) fn frames_of(&self, send: &Send) -> Vec<Bytes> {
        let of_preset = send.preset.map(|preset| presets::frames(preset, &self.preset_envelope()));
        encode(send, self.counter, of_preset)
    }
}

/// The frames of an event, of a preset (whose texts are given), or of exact bytes. A text that
/// cannot be decoded, which `check` refuses, is sent as nothing.
fn encode(send: &Send, counter: Option<u64>, of_preset: Option<Vec<String>>) -> Vec<Bytes> {
    let mut frames = if let Some(raw) = &send.raw {
        vec![fill(raw, counter).into_owned().into()]
    } else if let Some(hex) = &send.hex {
        vec![exact::hex(hex).unwrap_or_default().into()]
    } else if let Some(base64) = &send.base64 {
        vec![exact::base64(base64).unwrap_or_default().into()]
    } else if let Some(file) = &send.file {
        split(&file.bytes)
    } else {
        written(of_preset.unwrap_or_else(|| vec![event(send, counter)]), send)
    };
    if send.bom {
        match frames.first_mut() {
            Some(first) => *first = ["\u{feff}".as_bytes(), first].concat().into(),
            None => frames.push(Bytes::from_static("\u{feff}".as_bytes())),
        }
    }
    frames
}

/// An event in the customary order of fields, each with one space after its colon.
fn event(send: &Send, counter: Option<u64>) -> String {
    let mut block = String::new();
    let mut lines = |name: &str, text: &Option<String>| {
        for line in text.iter().flat_map(|text| text.split('\n')) {
            for part in [name, ": ", &fill(line, counter), "\n"] {
                block.push_str(part);
            }
        }
    };
    lines("", &send.comment);
    lines("event", &send.event);
    lines("id", &send.id);
    lines("retry", &send.retry);
    lines("data", &send.data);
    block.push('\n');
    block
}

/// Recorded bytes, divided behind each blank line.
fn split(bytes: &Bytes) -> Vec<Bytes> {
    let mut start = 0;
    let ends = Scanner::default().ends(bytes);
    let rest = (ends.last() != Some(&bytes.len())).then_some(bytes.len());
    let frame = |end| bytes.slice(std::mem::replace(&mut start, end)..end);
    ends.into_iter().chain(rest).map(frame).filter(|frame| !frame.is_empty()).collect()
}

/// Frames with LF line ends in the line ends that are asked for, and with the last blank line or
/// without it.
fn written(mut frames: Vec<String>, send: &Send) -> Vec<Bytes> {
    if let (false, Some(last)) = (send.final_blank_line, frames.last_mut())
        && last.ends_with("\n\n")
    {
        last.pop();
    }
    let mut turn = Turn { eol: send.eol, next: 0, after_cr: false };
    let ended = |frame: String| match send.eol {
        Eol::Lf => frame.into(),
        Eol::Crlf | Eol::Cr | Eol::Mixed => turn.write(&frame).into(),
    };
    frames.into_iter().map(ended).collect()
}

/// Which line end comes next.
struct Turn {
    eol: Eol,
    next: usize,
    /// Whether the line before ended in CR.
    after_cr: bool,
}

impl Turn {
    fn write(&mut self, frame: &str) -> String {
        let mut text = String::with_capacity(frame.len() * 2);
        for line in frame.split_inclusive('\n') {
            let Some(line) = line.strip_suffix('\n') else {
                text.push_str(line);
                continue;
            };
            let end = self.end(line.is_empty());
            text.push_str(line);
            text.push_str(end);
            self.after_cr = end == "\r";
        }
        text
    }

    fn end(&mut self, line_is_empty: bool) -> &'static str {
        const MIXED: [&str; 3] = ["\n", "\r\n", "\r"];
        match self.eol {
            Eol::Lf => "\n",
            Eol::Crlf => "\r\n",
            Eol::Cr => "\r",
            Eol::Mixed => {
                // An LF here would only complete the CR, and the blank line would be none.
                if line_is_empty && self.after_cr && MIXED[self.next] == "\n" {
                    self.next = 1;
                }
                let end = MIXED[self.next];
                self.next = (self.next + 1) % MIXED.len();
                end
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Recording;

    fn one(send: &Send, counter: Option<u64>) -> Bytes {
        let [one] = encode(send, counter, None).try_into().expect("one frame");
        one
    }

    #[test]
    fn an_event_has_a_line_for_each_line_of_its_data() {
        let send = Send {
            comment: Some("ping".into()),
            event: Some("update".into()),
            id: Some("{i}".into()),
            retry: Some("3000".into()),
            data: Some("one\n\ntwo {n}".into()),
            ..Send::default()
        };
        assert_eq!(
            one(&send, Some(4)),
            ": ping\nevent: update\nid: 4\nretry: 3000\ndata: one\ndata: \ndata: two 5\n\n"
        );
    }

    #[test]
    fn raw_bytes_are_sent_as_they_are() {
        let send = Send { raw: Some("\u{feff}data:a\r\r\0{i}".into()), ..Send::default() };
        assert_eq!(one(&send, None), "\u{feff}data:a\r\r\0{i}");
    }

    #[test]
    fn line_ends_are_as_asked_for_and_a_blank_line_stays_one() {
        let send = |eol, data: &str| Send { eol, data: Some(data.into()), ..Send::default() };
        for (eol, data, expected) in [
            (Eol::Crlf, "a\nb", "data: a\r\ndata: b\r\n\r\n"),
            (Eol::Cr, "a\nb", "data: a\rdata: b\r\r"),
            (Eol::Mixed, "a", "data: a\n\r\n"),
            (Eol::Mixed, "a\nb", "data: a\ndata: b\r\n\r"),
            (Eol::Mixed, "a\nb\nc", "data: a\ndata: b\r\ndata: c\r\r\n"),
            (Eol::Mixed, "a\nb\nc\nd", "data: a\ndata: b\r\ndata: c\rdata: d\n\r\n"),
        ] {
            let bytes = one(&send(eol, data), None);
            assert_eq!(bytes, expected, "{eol:?} {data:?}");
            assert_eq!(Scanner::default().ends(&bytes), [bytes.len()], "{eol:?} {data:?}");
        }
    }

    #[test]
    fn the_last_blank_line_can_be_left_out_of_a_preset_of_several_frames() {
        let frames = || Some(vec!["data: a\n\n".to_owned(), "data: [DONE]\n\n".to_owned()]);
        let send = Send { eol: Eol::Crlf, final_blank_line: false, ..Send::default() };
        assert_eq!(encode(&send, None, frames()), ["data: a\r\n\r\n", "data: [DONE]\r\n"]);
    }

    #[test]
    fn a_recording_is_sent_frame_by_frame_and_loses_nothing() {
        let recording = |text: &'static str| {
            let file = Recording { path: String::new(), bytes: text.into() };
            encode(&Send { file: Some(file), ..Send::default() }, None, None)
        };
        assert_eq!(recording("data: a\n\n: c\r\n\r\ndata"), ["data: a\n\n", ": c\r\n\r\n", "data"]);
        assert_eq!(recording("data: a\n\n\n\n"), ["data: a\n\n", "\n\n"]);
        assert!(recording("").is_empty());
    }

    #[test]
    fn a_byte_order_mark_stands_before_the_first_frame() {
        let send = Send { hex: Some("ff".into()), bom: true, ..Send::default() };
        assert_eq!(one(&send, None), &b"\xef\xbb\xbf\xff"[..]);
    }
}
