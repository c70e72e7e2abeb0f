//! The oracle: a naive whole-buffer reader of Server-Sent Events, written from WHATWG HTML 9.2.6.
//!
//! It is shared with no relay and with no decoder, so that a mistake in one of those shows against
//! it. It is not incremental and not fast: the whole body lies before it, and each step of the
//! standard is one line of code that can be held against the text.

use std::ops::Range;

/// UTF-8's byte order mark: HTML 9.2.5 allows one at the start of a stream.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A stretch of a stream. The frames of a body follow one another without a gap and cover it whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where it stands in the body.
    pub range: Range<usize>,
    /// What it is.
    pub kind: FrameKind,
}

/// What a stretch of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// One block with its blank line: an event, comments, or fields that dispatch nothing. Only
    /// these are counted as frames.
    Whole,
    /// What stands after the last blank line at the end of the stream: a parser discards it.
    Unfinished,
    /// Blank lines that end no block; they mean nothing.
    BlankLines,
}

/// An event, as a standard parser dispatches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` where the stream gives none.
    pub event: String,
    /// Its data, lines joined by LF.
    pub data: String,
    /// The last event id in force, perhaps from an earlier block.
    pub id: String,
    /// The reconnection time in force, in milliseconds, where the stream has set one so far. Digits
    /// beyond a `u64` count as its greatest value.
    pub retry: Option<u64>,
}

/// All that a standard parser takes from a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// What it dispatches, in order.
    pub events: Vec<Event>,
    /// The last event id at the end: what a reconnect would send.
    pub last_event_id: String,
    /// The reconnection time at the end, in milliseconds, where the stream set one.
    pub retry: Option<u64>,
}

/// The frames of a body: blocks up to and including their blank lines, as received.
pub fn frames(body: &[u8]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut start = 0;
    let mut has_content = false;
    for line in lines(body) {
        if !line.ended {
            break;
        }
        has_content |= !line.text.is_empty();
        if !line.text.is_empty() {
            continue;
        }
        let end = line.end;
        match frames.last_mut() {
            Some(last) if !has_content && last.kind == FrameKind::BlankLines => {
                last.range.end = end;
            }
            _ => {
                let kind = if has_content { FrameKind::Whole } else { FrameKind::BlankLines };
                frames.push(Frame { range: start..end, kind });
            }
        }
        start = end;
        has_content = false;
    }
    if start < body.len() {
        frames.push(Frame { range: start..body.len(), kind: FrameKind::Unfinished });
    }
    frames
}

/// The bytes of the whole frames of a body, in order.
pub fn whole_frames(body: &[u8]) -> Vec<&[u8]> {
    let whole = frames(body).into_iter().filter(|frame| frame.kind == FrameKind::Whole);
    whole.map(|frame| &body[frame.range]).collect()
}

/// The events that a standard parser dispatches from a body.
pub fn events(body: &[u8]) -> Vec<Event> {
    read(body).events
}

/// Reads a body as HTML 9.2.6 "Interpreting an event stream" says.
pub fn read(body: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let (mut data, mut event_type, mut id) = (String::new(), String::new(), String::new());
    for line in lines(body).filter(|line| line.ended) {
        // "UTF-8 decode": bad bytes become U+FFFD.
        let line = String::from_utf8_lossy(line.text);
        if line.is_empty() {
            reading.last_event_id.clone_from(&id);
            if !data.is_empty() {
                data.pop();
                reading.events.push(Event {
                    event: if event_type.is_empty() { "message" } else { &event_type }.to_owned(),
                    data: data.clone(),
                    id: id.clone(),
                    retry: reading.retry,
                });
            }
            data.clear();
            event_type.clear();
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut event_type),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                reading.retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            // Comments (the name before a leading colon is empty) and unknown fields.
            _ => {}
        }
    }
    reading
}

/// One line of a body.
struct Line<'a> {
    /// Without its line end, and without the byte order mark of the first line.
    text: &'a [u8],
    /// Position after its line end.
    end: usize,
    /// Whether a line end stands there, and not the end of the stream.
    ended: bool,
}

/// Lines end at CRLF, at LF, or at CR (HTML 9.2.5, `end-of-line`).
fn lines(body: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut start = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    std::iter::from_fn(move || {
        let rest = body.get(start..).filter(|rest| !rest.is_empty())?;
        let Some(len) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
            start = body.len();
            return Some(Line { text: rest, end: body.len(), ended: false });
        };
        let end_len = if rest[len..].starts_with(b"\r\n") { 2 } else { 1 };
        start += len + end_len;
        Some(Line { text: &rest[..len], end: start, ended: true })
    })
}

#[cfg(test)]
mod tests;
