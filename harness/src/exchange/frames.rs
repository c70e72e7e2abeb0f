//! The frames of a body, split by the oracle, and what each of them says.

use std::{borrow::Cow, ops::Range};

use serde_json_borrow::{OwnedValue, Value};

use crate::wire::{self, FrameKind};

/// A body in frames, and what is left after the last blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames<'a> {
    body: &'a [u8],
    /// Where each frame lies, its blank line included. Blank lines that end nothing have a range
    /// too: one for each run of them.
    pub ranges: Vec<Range<usize>>,
}

impl<'a> Frames<'a> {
    /// Splits a body as the oracle does.
    pub fn of(body: &'a [u8]) -> Self {
        let ended = wire::frames(body).into_iter().filter(|f| f.kind != FrameKind::Unfinished);
        Self { body, ranges: ended.map(|frame| frame.range).collect() }
    }

    /// How many whole frames; blank lines that end nothing are none.
    pub fn count(&self) -> usize {
        self.iter().filter(|(_, frame)| !frame.is_blank()).count()
    }

    /// One frame.
    pub fn get(&self, index: usize) -> Option<Frame<'a>> {
        self.ranges.get(index).map(|range| self.frame(range))
    }

    /// All frames, in order, with where they lie.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Range<usize>, Frame<'a>)> + '_ {
        self.ranges.iter().map(|range| (range.clone(), self.frame(range)))
    }

    fn frame(&self, range: &Range<usize>) -> Frame<'a> {
        Frame(&self.body[range.clone()], range.start == 0)
    }

    /// Whether one of them is an error event.
    pub fn tell_error(&self) -> bool {
        // Few bodies speak of errors: the others are not worth taking apart.
        memchr::memmem::find(self.body, ERROR).is_some()
            && self.iter().any(|(_, frame)| frame.error().is_some())
    }

    /// Where the unfinished rest begins.
    pub fn tail_start(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// What follows the last blank line: empty, or a frame that was never finished.
    pub fn tail(&self) -> &'a [u8] {
        &self.body[self.tail_start()..]
    }
}

/// The terminator of a chat completion.
const DONE: &[u8] = b"[DONE]";

/// The name of an error event, and in quotes the key of an error in JSON.
const ERROR: &[u8] = b"error";

/// One frame, blank line included; and whether a body begins with it, where a byte order mark means
/// nothing.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a>(pub &'a [u8], bool);

impl<'a> Frame<'a> {
    /// Bytes that stand somewhere after a body's beginning, read as a frame.
    pub fn amid(bytes: &'a [u8]) -> Self {
        Self(bytes, false)
    }

    /// Its lines, without what ends them and without the blank one.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.0;
        if self.1 {
            rest = rest.strip_prefix(wire::BYTE_ORDER_MARK).unwrap_or(rest);
        }
        let lines = std::iter::from_fn(move || {
            let len = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let line = (!rest.is_empty()).then(|| &rest[..len]);
            rest = rest.get(len + 1..).unwrap_or_default();
            line
        });
        lines.filter(|line| !line.is_empty())
    }

    /// Whether it is blank lines that end nothing.
    pub fn is_blank(&self) -> bool {
        self.lines().next().is_none()
    }

    /// Whether it holds comments and nothing else: what a relay may add between events.
    pub fn is_comment(&self) -> bool {
        let mut lines = self.lines().peekable();
        lines.peek().is_some() && lines.all(|line| line[0] == b':')
    }

    /// Whether it says nothing but that its sender lives: a comment, the Responses API's `keepalive`,
    /// or a chunk with neither identity nor choices (as Azure opens its streams).
    pub fn is_heartbeat(&self) -> bool {
        self.is_comment() || self.object().is_some_and(|object| is_empty(&object))
    }

    /// The values of one field, joined by LF (HTML 9.2.6); `None` where it has none.
    fn field(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let mut values = self.lines().filter_map(|line| match line.strip_prefix(name)? {
            rest @ [] | [b':', b' ', rest @ ..] | [b':', rest @ ..] => Some(rest),
            _ => None,
        });
        let first = values.next()?;
        let Some(second) = values.next() else { return Some(Cow::Borrowed(first)) };
        let all: Vec<&[u8]> = [first, second].into_iter().chain(values).collect();
        Some(Cow::Owned(all.join(&b'\n')))
    }

    /// Its data.
    pub fn data(&self) -> Option<Cow<'a, [u8]>> {
        self.field(b"data")
    }

    /// The JSON in its data.
    fn object(&self) -> Option<OwnedValue> {
        OwnedValue::from_slice(&self.data()?).ok()
    }

    /// Its id: the last, where it has several (HTML 9.2.6).
    pub fn id(&self) -> Option<Vec<u8>> {
        let ids = self.field(b"id")?;
        ids.rsplit(|byte| *byte == b'\n').next().map(<[u8]>::to_vec)
    }

    /// The name of its event: its `event` field, or else the `type` of its data's object.
    pub fn event_type(&self) -> Option<String> {
        if let Some(name) = self.field(b"event") {
            // A parser takes the last of several (HTML 9.2.6).
            let last = name.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            return Some(String::from_utf8_lossy(last).into_owned());
        }
        let value: serde_json::Value = serde_json::from_slice(&self.data()?).ok()?;
        value.get("type")?.as_str().map(str::to_owned)
    }

    /// The name by which a reader hands it on: the usual one says no more than none (HTML 9.2.6).
    fn handed_on_as(&self) -> Option<String> {
        let name = self.event_type()?;
        let is_usual = matches!(name.as_str(), "" | "message");
        if !is_usual {
            return Some(name);
        }
        let value: serde_json::Value = serde_json::from_slice(&self.data()?).ok()?;
        value.get("type")?.as_str().map(str::to_owned)
    }

    /// Whether a reader makes the same of another frame: its data, the name of its event, and its id
    /// where it has one.
    pub fn says_the_same_as(&self, other: Frame<'_>) -> bool {
        let id = self.id();
        self.data() == other.data()
            && self.handed_on_as() == other.handed_on_as()
            && (id.is_none() || id == other.id())
    }

    /// Whether it is `[DONE]`, the terminator of a chat completion.
    pub fn is_done(&self) -> bool {
        // Most do not speak of it, and are not worth taking apart.
        memchr::memmem::find(self.0, DONE).is_some() && self.data().is_some_and(|data| data == DONE)
    }

    /// The error that it tells, where it is an error event: the data's object has an `error` that is
    /// not null, or the event is named `error`.
    pub fn error(&self) -> Option<serde_json::Value> {
        // Few frames speak of errors: the others are not worth parsing.
        memchr::memmem::find(self.0, ERROR)?;
        let value: serde_json::Value = serde_json::from_slice(&self.data()?).unwrap_or_default();
        let told = value.get("error").is_some_and(|error| !error.is_null());
        (told || self.is_named_error()).then_some(value)
    }

    fn is_named_error(&self) -> bool {
        self.field(b"event").is_some_and(|event| *event == *ERROR)
    }

    /// The object in its data, where that is a part of an answer: no error, and no heartbeat.
    pub fn chunk(&self) -> Option<OwnedValue> {
        let value = self.object()?;
        let error = value.as_object()?.get("error");
        let told = error.is_some_and(|error| !error.is_null());
        let is_other = told || is_empty(&value) || self.is_named_error();
        (!is_other).then_some(value)
    }
}

fn is_empty(value: &Value<'_>) -> bool {
    let Some(object) = value.as_object() else { return false };
    let is = |name: &str, text: &str| object.get(name).and_then(Value::as_str) == Some(text);
    is("type", "keepalive")
        || (object.get("choices").and_then(Value::as_array).is_some_and(<[_]>::is_empty)
            && is("id", "")
            && object.len() == 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> (Vec<&str>, &str) {
        let frames = Frames::of(body.as_bytes());
        let texts = frames.ranges.iter().map(|range| &body[range.clone()]).collect();
        (texts, &body[frames.tail_start()..])
    }

    #[test]
    fn a_blank_line_ends_a_frame_whatever_ends_the_lines() {
        // The line ends of HTML 9.2.5: LF, CR LF, CR, freely mixed.
        assert_eq!(texts("data:1\n\n:c\n\nda"), (vec!["data:1\n\n", ":c\n\n"], "da"));
        assert_eq!(texts("data:1\r\n\r\ndata:2\r\n"), (vec!["data:1\r\n\r\n"], "data:2\r\n"));
        assert_eq!(texts("data:1\r\rid\n\rx"), (vec!["data:1\r\r", "id\n\r"], "x"));
        assert_eq!(texts(""), (vec![], ""));
        assert_eq!(Frames::of(b"\n\ndata:1\n\n\n:c\n\n").count(), 2);
    }

    #[test]
    fn a_byte_order_mark_and_runs_of_blank_lines_are_told_as_the_oracle_tells_them() {
        let mark = "\u{feff}";
        // At the start the mark is nothing; later it is a line's first character (HTML 9.2.5).
        for (body, blank) in [
            (format!("{mark}\n\ndata:1\n\n"), vec![true, false]),
            (format!("{mark}data:1\n\n{mark}\n\n"), vec![false, false]),
            ("\n\r\n\rdata:1\n\n\n\n\n:c\n\n\n".to_owned(), vec![true, false, true, false, true]),
        ] {
            let frames = Frames::of(body.as_bytes());
            let told: Vec<_> = frames.iter().map(|(_, frame)| frame.is_blank()).collect();
            assert_eq!(told, blank, "{body:?}");
            let whole: Vec<&[u8]> =
                frames.iter().filter(|(_, f)| !f.is_blank()).map(|(_, f)| f.0).collect();
            assert_eq!(whole, wire::whole_frames(body.as_bytes()), "{body:?}");
            assert_eq!(frames.count(), whole.len(), "{body:?}");
        }
        let later = format!("data:1\n\n{mark}data: [DONE]\n\n");
        assert!(!Frames::of(later.as_bytes()).iter().any(|(_, frame)| frame.is_done()));
    }

    #[test]
    fn a_heartbeat_says_nothing() {
        assert!(Frame::amid(b": ping\n\n").is_heartbeat());
        let empty =
            b"data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[]}\n\n";
        assert!(Frame::amid(empty).is_heartbeat());
        assert!(Frame::amid(b"data: {\"type\":\"keepalive\"}\n\n").is_heartbeat());
        assert!(
            !Frame::amid(b"data: {\"id\":\"\",\"choices\":[],\"usage\":{}}\n\n").is_heartbeat()
        );
        assert!(!Frame::amid(b"data: [DONE]\n\n").is_heartbeat());
    }

    #[test]
    fn frames_tell_what_they_are() {
        assert!(Frame::amid(b": ping\n\n").is_comment());
        assert!(!Frame::amid(b"\n").is_comment());
        assert!(!Frame::amid(b": ping\ndata: 1\n\n").is_comment());
        assert!(Frame::amid(b"data:[DONE]\r\n\r\n").is_done());
        assert!(Frames::of(b"\xEF\xBB\xBFdata: [DONE]\n\n").get(0).unwrap().is_done());
        assert!(!Frame::amid(b"data: [DONE]x\n\n").is_done());
        assert_eq!(Frame::amid(b"data: 1\ndata:\ndata\n\n").data().as_deref(), Some(&b"1\n\n"[..]));
        assert_eq!(Frame::amid(b"database: 1\n\n").data(), None);
        assert_eq!(Frame::amid(b"id: a\ndata: 1\nid: b\n\n").id(), Some(b"b".to_vec()));
        assert_eq!(Frame::amid(b"data: 1\n\n").id(), None);
        // The shapes of OpenAI and of Anthropic, and a chunk whose error is null.
        assert!(Frame::amid(b"data: {\"error\":{\"message\":\"x\"}}\n\n").error().is_some());
        assert!(Frame::amid(b"event: error\ndata: {\"type\":\"error\"}\n\n").error().is_some());
        assert!(Frame::amid(b"data: {\"error\":null,\"id\":\"a\"}\n\n").error().is_none());
        assert!(Frame::amid(b"data: {\"id\":\"a\"}\n\n").error().is_none());
    }

    #[test]
    fn the_usual_name_of_an_event_says_no_more_than_none() {
        let same = |a: &str, b: &str| {
            Frame::amid(a.as_bytes()).says_the_same_as(Frame::amid(b.as_bytes()))
        };
        let plain = "data: {\"type\":\"x\"}\n\n";
        for name in ["event: message\n", "event\n", "event: x\n"] {
            assert!(same(&format!("{name}{plain}"), plain), "{name}");
            assert!(same(plain, &format!("{name}{plain}")), "{name}");
        }
        assert!(!same(&format!("event: note\n{plain}"), plain));
        assert!(same("data: 1\n\n", "event: message\ndata: 1\n\n"));
    }
}
