//! The oracle: a naive whole-buffer reader of Server-Sent Events, written from WHATWG HTML 9.2.6.
//!
//! It is shared with no relay and with no decoder, so that a mistake in one of those shows against
//! it. It is not incremental and not fast: the whole body lies before it, and each step of the
//! standard is one line of code that can be held against the text.

use std::ops::Range;

/// UTF-8's byte order mark: HTML 9.2.5 allows one at the start of a stream.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

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
        let Some(len) = memchr::memchr2(b'\r', b'\n', rest) else {
            start = body.len();
            return Some(Line { text: rest, end: body.len(), ended: false });
        };
        let end_len = if rest[len..].starts_with(b"\r\n") { 2 } else { 1 };
        start += len + end_len;
        Some(Line { text: &rest[..len], end: start, ended: true })
    })
}

/// The cases of web-platform-tests and of `LaunchDarkly`'s SSE contract tests, as tables: what is
/// sent, and what those suites say a parser dispatches.
#[cfg(test)]
pub(crate) mod tests {
    use rstest::rstest;

    use super::*;

    fn data(body: &[u8]) -> Vec<String> {
        events(body).into_iter().map(|event| event.data).collect()
    }

    /// WPT's `message.py` appends three line feeds to what a test sends.
    fn wpt(stimulus: &str) -> Vec<u8> {
        format!("{stimulus}\n\n\n").into_bytes()
    }

    /// ... and one where the test says `newline=none`.
    fn wpt_newline_none(stimulus: &str) -> Vec<u8> {
        format!("{stimulus}\n").into_bytes()
    }

    /// Data, where WPT's server appends three line feeds.
    const WPT: &[(&str, &str, &[&str])] = &[
        ("format_bom", "\u{feff}data:1\n\n\u{feff}data:2\n\ndata:3", &["1", "3"]),
        ("format_bom_2", "\u{feff}\u{feff}data:1\n\ndata:2\n\ndata:3", &["2", "3"]),
        ("format_field_data", "data:\n\ndata\ndata\n\ndata:test", &["", "\n", "test"]),
        ("format_field_retry_empty", "retry\ndata:test", &["test"]),
        (
            "format_field_unknown",
            "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:comment\ndata:test",
            &["test\n\ntest"],
        ),
        ("format_leading_space", "data:\ttest\rdata: \ndata:test", &["\ttest\n\ntest"]),
        ("format_null_character", "data:\0\n\n", &["\0"]),
        ("format_utf_8", "data:ok\u{2026}", &["ok\u{2026}"]),
        (
            "event_data",
            "data:msg\ndata: msg\n\n:\n\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end",
            &["msg\nmsg", "", "end"],
        ),
    ];

    /// Data, where it appends one.
    const WPT_NEWLINE_NONE: &[(&str, &str, &[&str])] = &[
        ("format_newlines", "data:test\r\ndata\ndata:test\r\n\r", &["test\n\ntest"]),
        (
            "format_field_parsing",
            "data:\0\ndata:  2\rData:1\ndata\u{0}:2\ndata:1\r\u{0}data:4\nda-ta:3\ndata_5\ndata:3\rdata:\r\n data:32\ndata:4\n",
            &["\0\n 2\n1\n3\n\n4"],
        ),
        (
            "format_data_before_final_empty_line",
            "retry:1000\ndata:test1\n\nid:test\ndata:test2",
            &["test1"],
        ),
    ];

    /// Every stimulus of the tables, by name.
    pub(crate) fn stimuli() -> Vec<(&'static str, Vec<u8>)> {
        let three = [WPT, IDS].concat().into_iter().map(|(name, sent, _)| (name, wpt(sent)));
        let types = TYPES.iter().map(|(name, sent, _)| (*name, wpt(sent)));
        let one = WPT_NEWLINE_NONE.iter().map(|(name, sent, _)| (*name, wpt_newline_none(sent)));
        let none = LAUNCHDARKLY.iter().map(|(name, sent, _)| (*name, sent.as_bytes().to_vec()));
        three.chain(types).chain(one).chain(none).collect()
    }

    #[test]
    fn data_is_what_both_suites_say() {
        for (name, sent, expected) in WPT {
            assert_eq!(data(&wpt(sent)), *expected, "{name}");
        }
        for (name, sent, expected) in WPT_NEWLINE_NONE {
            assert_eq!(data(&wpt_newline_none(sent)), *expected, "{name}");
        }
        for (name, sent, expected) in LAUNCHDARKLY {
            assert_eq!(data(sent.as_bytes()), *expected, "{name}");
        }
    }

    #[test]
    fn types_and_ids_are_what_both_suites_say() {
        for (name, sent, expected) in TYPES {
            let events = events(&wpt(sent));
            let got: Vec<_> = events.iter().map(|e| (e.event.as_str(), e.data.as_str())).collect();
            assert_eq!(got, *expected, "{name}");
        }
        for (name, sent, expected) in IDS {
            let ids: Vec<_> = events(&wpt(sent)).into_iter().map(|event| event.id).collect();
            assert_eq!(ids, *expected, "{name}");
        }
    }

    #[test]
    fn wpt_format_comments() {
        let long = "x".repeat(2048);
        let stimulus =
            format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\n:data:fail\r:{long}\ndata:4\n");
        assert_eq!(data(&wpt_newline_none(&stimulus)), ["1\n2\n3\n4"]);
    }

    #[test]
    fn an_unfinished_block_neither_dispatches_nor_commits_its_id() {
        // WPT format-data-before-final-empty-line; LaunchDarkly "discards partial on retry".
        let reading = read(b"retry:1000\ndata:test1\n\nid:test\ndata:test2\n");
        assert_eq!((reading.last_event_id.as_str(), reading.retry), ("", Some(1000)));
        let reading = read(b"id: abc\ndata: Hello\n\nid: def\ndata: Goodbye");
        assert_eq!(reading.last_event_id, "abc");
        assert_eq!(reading.events.len(), 1);
    }

    /// A name, what is sent, and the types and data that are dispatched.
    type Typed = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

    /// Types and data; three line feeds are appended.
    const TYPES: &[Typed] = &[
        ("format_field_event", "event:test\ndata:x\n\ndata:x", &[("test", "x"), ("message", "x")]),
        ("format_field_event_empty", "event: \ndata:data", &[("message", "data")]),
        ("ld_specific_type", "event: hello\ndata: Hello", &[("hello", "Hello")]),
        ("ld_reverse_order", "data: Hello\nevent: hello", &[("hello", "Hello")]),
        ("event_only_block", "event: lost\n\ndata: x", &[("message", "x")]),
    ];

    /// Ids; three line feeds are appended.
    const IDS: &[(&str, &str, &[&str])] = &[
        ("format_field_id", "id: \u{2026}\ndata:x", &["\u{2026}"]),
        (
            "format_field_id_3",
            "id: 1\ndata:1\n\ndata:2\n\nid: 2\ndata:3\n\ndata:4",
            &["1", "1", "2", "2"],
        ),
        ("format_field_id_3_empty", "id: 1\ndata:1\n\nid:\ndata:2", &["1", ""]),
        ("format_field_id_3_bare", "id: 1\ndata:1\n\nid\ndata:2", &["1", ""]),
        ("format_field_id_null_1", "id:\0\0\ndata:x", &[""]),
        ("format_field_id_null_2", "id:x\0\ndata:x", &[""]),
        ("format_field_id_null_3", "id:\0x\ndata:x", &[""]),
        ("format_field_id_null_4", "id:x\0x\ndata:x", &[""]),
        ("format_field_id_null_5", "id: \0\ndata:x", &[""]),
        ("ld_id_with_null", "id: a\0bc\ndata: Hello", &[""]),
        ("ld_last_id_persists", "id: abc\ndata: a\n\ndata: b", &["abc", "abc"]),
        ("ld_overridden_by_empty", "id: abc\ndata: a\n\nid: \ndata: b", &["abc", ""]),
        ("id_only_block_commits", "id: abc\n\ndata: a", &["abc"]),
    ];

    #[rstest]
    #[case::format_field_retry("retry:03000", Some(3000))]
    #[case::format_field_retry_bogus("retry:3000\nretry:1000x", Some(3000))]
    #[case::format_field_retry_empty("retry\ndata:test", None)]
    #[case::empty_after_colon("retry:\ndata:test", None)]
    #[case::sign("retry:+5\ndata:test", None)]
    #[case::fraction("retry:1.5\ndata:test", None)]
    #[case::other_digits("retry:\u{0663}\ndata:test", None)]
    #[case::more_digits_than_a_number_holds("retry:99999999999999999999999", Some(u64::MAX))]
    fn retries(#[case] stimulus: &str, #[case] expected: Option<u64>) {
        assert_eq!(read(&wpt(stimulus)).retry, expected);
    }

    /// Data of `LaunchDarkly`'s cases, as they stand.
    const LAUNCHDARKLY: &[(&str, &str, &[&str])] = &[
        ("one_line", "data: Hello\n\n", &["Hello"]),
        ("two_one_line", "data: Hello\n\ndata: World\n\n", &["Hello", "World"]),
        ("one_two_line", "data: Hello\ndata: World\n\n", &["Hello\nWorld"]),
        ("two_spanning_three_chunks", "data: testtest\n\ndata:test\n\n", &["testtest", "test"]),
        ("empty_data", "data:\n\n", &[""]),
        ("unknown_field", "color: blue\ndata: Hello\n\n", &["Hello"]),
        ("no_leading_space", "data:Hello\n\n", &["Hello"]),
        ("extra_leading_space", "data:  Hello\n\n", &[" Hello"]),
        ("no_colon", "data\n\ndata\ndata\n\n", &["", "\n"]),
        ("multi_byte", "data: €豆腐\n\n", &["€豆腐"]),
        (
            "crlf_where_cr_ends_a_chunk",
            "data: Hello\r\ndata: World\r\n\r\ndata: OK\r\n\r\n",
            &["Hello\nWorld", "OK"],
        ),
        ("bom_at_start", "\u{feff}data: Hello\n\n", &["Hello"]),
        ("bom_before_event_and_id", "\u{feff}event: e\nid: 1\ndata: Hello\n\n", &["Hello"]),
        ("bom_then_several", "\u{feff}data: a\n\ndata: b\n\n", &["a", "b"]),
        ("a_later_bom_in_data_is_kept", "data: a\n\ndata: \u{feff}b\n\n", &["a", "\u{feff}b"]),
        ("bom_before_two_lines", "\u{feff}data: a\ndata: b\n\n", &["a\nb"]),
        ("bom_before_a_comment", "\u{feff}:hi\ndata: a\n\n", &["a"]),
        ("bom_before_empty_data", "\u{feff}data:\n\n", &[""]),
        ("comments", ":Hello\n:World\ndata: a\n:after\n\n:Hello\n\n", &["a"]),
        ("comment_inside_a_block", "data: a\n: hm\ndata: b\n\n", &["a\nb"]),
    ];

    /// `LaunchDarkly`'s "linefeeds" group; the splits do not concern a reader of whole bodies.
    #[rstest]
    fn launchdarkly_linefeeds(#[values("\n", "\r\n", "\r")] eol: &str) {
        let cases: [(&str, &[&str]); 6] = [
            ("data: Hello|", &["Hello"]),
            ("data: Hello||data: Wide|data: World|", &["Hello", "Wide\nWorld"]),
            ("data:|data: Hello|data: World|", &["\nHello\nWorld"]),
            ("data: Hello|data:|data: World|", &["Hello\n\nWorld"]),
            ("data: Hello||", &["Hello"]),
            ("data: Hello|||", &["Hello"]),
        ];
        for (stimulus, expected) in cases {
            let body = format!("{stimulus}|").replace('|', eol);
            assert_eq!(data(body.as_bytes()), expected, "{body:?}");
        }
    }

    #[test]
    fn a_hundred_messages_and_a_large_one_come_whole() {
        let many: String = (0..100)
            .flat_map(|i| ["data: message ".to_owned(), i.to_string(), "\n\n".to_owned()])
            .collect();
        let expected: Vec<_> = (0..100).map(|i| format!("message {i}")).collect();
        assert_eq!(data(many.as_bytes()), expected);
        let large = "A".repeat(6_700_000);
        assert_eq!(data(format!("data: {large}\n\n").as_bytes()), [large]);
    }

    /// The number of U+FFFD is the Encoding standard's: one for each maximal part of a sequence.
    #[rstest]
    #[case::lone_byte(b"data: a\xFFb\n\n", "a\u{fffd}b")]
    #[case::surrogate(b"data: \xED\xA0\x80\n\n", "\u{fffd}\u{fffd}\u{fffd}")]
    #[case::cut_sequence_before_line_end(b"data: \xE8\xB1\n\n", "\u{fffd}")]
    #[case::overlong(b"data: \xC0\xAF\n\n", "\u{fffd}\u{fffd}")]
    fn bad_bytes_become_replacement_characters(#[case] body: &[u8], #[case] expected: &str) {
        assert_eq!(data(body), [expected]);
    }

    fn kinds(body: &[u8]) -> Vec<(&[u8], FrameKind)> {
        frames(body).into_iter().map(|f| (&body[f.range], f.kind)).collect()
    }

    #[test]
    fn frames_hold_their_blank_line_and_cover_the_body() {
        use FrameKind::{BlankLines, Unfinished, Whole};
        assert_eq!(
            kinds(b": hi\n\ndata: a\r\n\r\n\r\n\ndata: [DONE]\r\rdata: half\n"),
            [
                (&b": hi\n\n"[..], Whole),
                (b"data: a\r\n\r\n", Whole),
                (b"\r\n\n", BlankLines),
                (b"data: [DONE]\r\r", Whole),
                (b"data: half\n", Unfinished),
            ]
        );
        assert_eq!(kinds(b""), []);
        assert_eq!(
            kinds(b"\xEF\xBB\xBF\ndata\n\n"),
            [(&b"\xEF\xBB\xBF\n"[..], BlankLines), (b"data\n\n", Whole)]
        );
        assert_eq!(kinds(b"\xEF\xBB\xBF"), [(&b"\xEF\xBB\xBF"[..], Unfinished)]);
        assert_eq!(whole_frames(b"\ndata\n\nx"), [b"data\n\n"]);
    }

    /// Recorded streams hold one event a `data:` line, and nothing else: grep counts them.
    #[test]
    fn recorded_streams_give_one_event_for_each_data_line() {
        let captures =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures");
        let Ok(entries) = std::fs::read_dir(&captures) else {
            eprintln!("skipped: there are no recorded streams at {}", captures.display());
            return;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|ending| ending == "sse") {
                let body = std::fs::read(&path).unwrap();
                let text = String::from_utf8(body.clone()).unwrap();
                let lines: Vec<_> =
                    text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
                assert_eq!(data(&body), lines, "{}", path.display());
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_and_their_frames_cover_them(
            body in proptest::collection::vec(
                proptest::sample::select(b"data: \r\n\r\n:id\0\xEF\xBB\xBF\xFF".to_vec()), 0..60),
        ) {
            let frames = frames(&body);
            let mut end = 0;
            for frame in &frames {
                proptest::prop_assert_eq!(frame.range.start, end);
                proptest::prop_assert!(frame.range.end > end);
                end = frame.range.end;
            }
            proptest::prop_assert_eq!(end, body.len());
            // No event without a whole frame.
            let whole = frames.iter().filter(|f| f.kind == FrameKind::Whole).count();
            proptest::prop_assert!(events(&body).len() <= whole);
        }
    }
}
