//! What the events of a stream say of its end.

use super::{
    family::{Family, Word},
    line::Line,
    lines::{Lines, Piece},
};

/// Reads a stream of events in any cuts, in constant memory.
#[derive(Debug, Clone)]
pub(crate) struct Boundary {
    family: Family,
    pub(crate) lines: Lines,
    line: Line,
    block: Block,
    /// What the last event that said anything of the end said of it.
    last: Word,
    /// The number of the last event that had one.
    sequence: Option<u64>,
    /// How many events with data are whole.
    events: u64,
}

/// What the current event holds so far, its last unfinished line left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Block {
    data_lines: DataLines,
    /// Whether it has a name.
    named: bool,
    /// By the event's name, or its first data line.
    word: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum DataLines {
    #[default]
    None,
    One,
    Many,
}

impl Boundary {
    pub(crate) fn new(family: Family) -> Self {
        Self {
            family,
            lines: Lines::START,
            line: Line::EMPTY,
            block: Block::default(),
            last: Word::More,
            sequence: None,
            events: 0,
        }
    }

    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (taken, piece) = self.lines.next(bytes);
            match piece {
                Piece::Text(text) => self.line.push(text, taken < bytes.len()),
                Piece::LineEnd => self.end_line(),
                Piece::BlankLine => self.end_block(),
                Piece::LateLf => {}
            }
            bytes = &bytes[taken..];
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::replace(&mut self.line, Line::EMPTY);
        if self.family == Family::Responses {
            self.sequence = line.sequence().or(self.sequence);
        }
        self.block = self.block.with(self.family, &line);
    }

    fn end_block(&mut self) {
        self.events += u64::from(self.block.data_lines != DataLines::None);
        let word = std::mem::take(&mut self.block).says(self.family);
        if word != Word::More {
            self.last = word;
        }
    }

    /// How many events with data have come whole.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// What must be sent first so that an event stands alone, when nothing more will come.
    ///
    /// After a CR the first LF only completes a CRLF. Where events have ids, a blank line ends only what
    /// would be a part of the event: openai-python takes any for an event once it knows an id.
    pub(crate) fn closing(&self, has_ids: bool) -> &'static [u8] {
        let begun = self.block.with(self.family, &self.line);
        let is_event = begun.named || begun.data_lines != DataLines::None;
        let needs_blank_line = if has_ids { is_event } else { self.lines.is_in_block() };
        let line_ends = usize::from(!self.lines.is_at_line_start()) + usize::from(needs_blank_line);
        &b"\n\n"[..line_ends]
    }

    /// What the stream's events, as far as they have ended, say of its end.
    pub(super) fn word(&self) -> Word {
        self.last
    }

    /// What the event that has begun would say if a blank line came now. Its last line may be a
    /// part of one, as if it were whole.
    pub(super) fn word_begun(&self) -> Word {
        self.block.with(self.family, &self.line).says_so_far(self.family)
    }

    /// Whether nothing but a blank line is missing from the event that has begun: `[DONE]` is known
    /// to be whole, any other line only by its end.
    pub(super) fn is_whole(&self) -> bool {
        self.line.is_done() || (self.line.is_empty() && self.block.data_lines != DataLines::None)
    }

    /// The number of the last event that had one (Responses API).
    pub(super) fn sequence(&self) -> Option<u64> {
        self.sequence
    }
}

impl Block {
    /// The block with one more line.
    fn with(self, family: Family, line: &Line) -> Self {
        if let Some(name) = line.event_name() {
            let word = family.name_word(name).unwrap_or(self.word);
            return Self { named: !name.is_empty(), word, ..self };
        }
        if !line.is_data() {
            return self;
        }
        match self.data_lines {
            DataLines::None => {
                let word = family.data_word(line);
                Self {
                    data_lines: DataLines::One,
                    word: if word == Word::More { self.word } else { word },
                    ..self
                }
            }
            DataLines::One | DataLines::Many => Self { data_lines: DataLines::Many, ..self },
        }
    }

    /// What the event says once its blank line has come; one without data is never dispatched
    /// (HTML 9.2.6).
    fn says(self, family: Family) -> Word {
        if self.data_lines == DataLines::None { Word::More } else { self.says_so_far(family) }
    }

    fn says_so_far(self, family: Family) -> Word {
        let lone = self.data_lines == DataLines::One;
        if self.word == Word::End && family.ends_by_a_lone_line() && !lone {
            return Word::More;
        }
        self.word
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::lines::BOM, *};

    /// An independent reader: looks at the whole text, written from HTML 9.2.6.
    struct Naive {
        between: bool,
        done: bool,
    }

    fn naive(bytes: &[u8]) -> Naive {
        let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
        let (mut lines, mut rest) = (Vec::new(), text);
        while let Some(end) = rest.iter().position(|b| *b == b'\n' || *b == b'\r') {
            let skip = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
            lines.push(&rest[..end]);
            rest = &rest[end + skip..];
        }
        let mut done = false;
        for event in lines.split_inclusive(|line| line.is_empty()) {
            let data: Vec<&[u8]> = event
                .iter()
                .filter_map(|line| {
                    let colon = line.iter().position(|b| *b == b':');
                    let (name, value) = match colon {
                        Some(colon) => (&line[..colon], &line[colon + 1..]),
                        None => (*line, &b""[..]),
                    };
                    (name == b"data").then(|| value.strip_prefix(b" ").unwrap_or(value))
                })
                .collect();
            let ended = event.last().is_some_and(|line| line.is_empty());
            done |= ended && data.join(&b'\n') == b"[DONE]";
        }
        let partial_bom = !bytes.is_empty() && bytes.len() < 3 && BOM.starts_with(bytes);
        let between =
            rest.is_empty() && lines.last().is_none_or(|line| line.is_empty()) && !partial_bom;
        Naive { between, done }
    }

    fn read(bytes: &[u8], cut: usize) -> Boundary {
        let mut boundary = Boundary::new(Family::Chat);
        for piece in bytes.chunks(cut) {
            boundary.read(piece);
        }
        boundary
    }

    /// Bytes that matter to the grammar, far more often than chance would give them.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"data: [DONE]".to_vec()),
            Just(b"data:[DONE]".to_vec()),
            Just(b"data".to_vec()),
            Just(b": comment".to_vec()),
            Just(BOM.to_vec()),
            Just(BOM[..2].to_vec()),
            proptest::collection::vec(any::<u8>(), 0..40),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_cut_reads_as_the_whole_does(bytes in stream(), cut in 1_usize..9) {
            let boundary = read(&bytes, cut);
            let naive = naive(&bytes);
            let closing = boundary.closing(false);
            let completes_crlf = closing == b"\n" && bytes.ends_with(b"\r");
            prop_assert_eq!(closing.is_empty() || completes_crlf, naive.between);
            prop_assert_eq!(boundary.word() == Word::End, naive.done);
            prop_assert!(!boundary.lines.is_between() || naive.between);
        }

        #[test]
        fn after_the_closing_every_stream_stands_between_events(bytes in stream()) {
            let mut boundary = read(&bytes, 3);
            let closing = boundary.closing(false);
            boundary.read(closing);
            prop_assert_eq!(boundary.closing(false), b"");
            let closed = [&bytes[..], closing].concat();
            prop_assert!(naive(&closed).between);
        }
    }

    #[test]
    fn a_cr_between_events_waits_for_its_lf_unless_crs_end_lines() {
        assert!(!read(b"data: x\r\n\r", 1).lines.is_between());
        assert!(read(b"data: x\r\n\r\n", 1).lines.is_between());
        assert!(read(b"data: x\r\r", 1).lines.is_between());
    }

    #[test]
    fn the_closing_depends_on_the_last_byte() {
        for (sent, closing) in [
            (&b""[..], &b""[..]),
            (b"data: x\n\n", b""),
            (b"data: x\n", b"\n"),
            (b"data: x", b"\n\n"),
            (b"data: x\r", b"\n\n"),
            (b"data: x\r\n", b"\n"),
            (b"data: x\r\n\r", b"\n"),
            (b"\xEF\xBB", b"\n\n"),
            (b"\xEF\xBB\xBF", b""),
        ] {
            assert_eq!(
                read(sent, 1).closing(false),
                closing,
                "{:?}",
                sent.escape_ascii().to_string()
            );
        }
    }

    fn word(sent: &str) -> Word {
        read(sent.as_bytes(), 1).word()
    }

    #[test]
    fn done_needs_its_blank_line_and_stands_alone() {
        assert_eq!(word("data: [DONE]\n\n"), Word::End);
        assert_eq!(word("data: [DONE]\r\r"), Word::End);
        assert_eq!(word("data: [DONE]\nevent: x\n\n"), Word::End, "names say nothing here");
        for other in ["data: [DONE]\n", "data: x\ndata: [DONE]\n\n", "data: [DONE]\ndata: x\n\n"] {
            assert_eq!(word(other), Word::More, "{other:?}");
        }
    }

    #[test]
    fn an_unfinished_done_is_seen_at_its_last_letter() {
        let begun = |sent: &str| read(sent.as_bytes(), 1).word_begun();
        assert_eq!(begun("data: [DONE]\n"), Word::End);
        assert_eq!(begun("data: [DONE]"), Word::End);
        assert_eq!(begun("data: [DON"), Word::More);
        assert_eq!(begun("data: x\ndata: [DONE]"), Word::More);
    }

    #[test]
    fn a_provider_error_is_seen_once_its_event_ended() {
        assert_eq!(word("data: {\"error\":{\"code\":1}}\n"), Word::More);
        assert_eq!(word("data: {\"error\":{\"code\":1}}\n\n"), Word::Error);
        assert_eq!(word("data: {\"error\":{\ndata: }}\n\n"), Word::Error);
    }

    #[test]
    fn an_answer_of_the_responses_api_ends_by_the_type_of_its_last_event() {
        let read = |sent: &str| {
            let mut boundary = Boundary::new(Family::Responses);
            sent.as_bytes().chunks(1).for_each(|piece| boundary.read(piece));
            boundary
        };
        let created = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0}\n\n";
        for (event, word) in [
            ("event: response.completed\ndata: {}\n\n", Word::End),
            ("data: {\"type\":\"response.incomplete\",\"sequence_number\":9}\n\n", Word::End),
            ("event: response.failed\ndata: {}\n\n", Word::Error),
            ("data: {\"type\":\"error\",\"code\":null}\n\n", Word::Error),
            ("data: {\"type\":\"keepalive\"}\n\n", Word::More),
            ("event: response.completed\n\n", Word::More),
            ("data: [DONE]\n\n", Word::More),
        ] {
            assert_eq!(read(&format!("{created}{event}")).word(), word, "{event}");
        }
        assert_eq!(read(created).sequence(), Some(0));
        let cut = read("event: response.completed\ndata: {\"type\":\"response.comp");
        assert_eq!((cut.word(), cut.word_begun(), cut.is_whole()), (Word::More, Word::End, false));
    }
}
