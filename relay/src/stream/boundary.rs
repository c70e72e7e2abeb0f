//! Where a stream of events stands: between two events, or inside one.

use super::{
    family::{Family, Word},
    line::Line,
};

/// The byte-order mark that may open a stream (HTML 9.2.5).
const BOM: &[u8; 3] = b"\xEF\xBB\xBF";

/// Reads a stream of events in any cuts, in constant memory (HTML 9.2.6: lines end with LF, CRLF
/// or CR, freely mixed; a blank line ends an event).
#[derive(Debug, Clone)]
pub(super) struct Boundary {
    family: Family,
    at: At,
    /// A CR was seen that no LF followed: CRs end lines in this stream.
    lone_cr: bool,
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
    data_lines: Lines,
    /// By the event's name, or its first data line.
    word: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lines {
    #[default]
    None,
    One,
    Many,
}

/// Where the last byte left the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the very start, after this many bytes of a byte-order mark.
    Bom(usize),
    /// Between events.
    Between,
    /// Between events, after a CR: an LF that follows belongs to it.
    BetweenAfterCr,
    /// Inside an event, at the start of a line.
    LineStart,
    /// The same after a CR: an LF that follows belongs to it.
    LineStartAfterCr,
    /// Inside a line.
    MidLine,
}

impl Boundary {
    pub(super) fn new(family: Family) -> Self {
        Self {
            family,
            at: At::Bom(0),
            lone_cr: false,
            line: Line::EMPTY,
            block: Block::default(),
            last: Word::More,
            sequence: None,
            events: 0,
        }
    }

    /// Something of the relay's own came first: a byte-order mark would be part of a line.
    pub(super) fn begin(&mut self) {
        if self.at == At::Bom(0) {
            self.at = At::Between;
        }
    }

    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some(&first) = bytes.first() {
            let taken = match self.at {
                At::Bom(matched) if BOM.get(matched) == Some(&first) => {
                    self.at = if matched == 2 { At::Between } else { At::Bom(matched + 1) };
                    1
                }
                At::Bom(0) => {
                    self.at = At::Between;
                    0
                }
                At::Bom(matched) => {
                    self.line.push(&BOM[..matched]);
                    self.at = At::MidLine;
                    0
                }
                At::BetweenAfterCr => {
                    self.at = At::Between;
                    self.finish_cr(first)
                }
                At::LineStartAfterCr => {
                    self.at = At::LineStart;
                    self.finish_cr(first)
                }
                At::Between | At::LineStart | At::MidLine => self.read_line(bytes),
            };
            bytes = &bytes[taken..];
        }
    }

    /// How many bytes belong to the CR before: one if it is an LF.
    fn finish_cr(&mut self, first: u8) -> usize {
        self.lone_cr |= first != b'\n';
        usize::from(first == b'\n')
    }

    /// Reads to the end of the line, or of the bytes; tells how many that were.
    fn read_line(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let text = &bytes[..end.unwrap_or(bytes.len())];
        if !text.is_empty() {
            self.line.push(text);
            self.at = At::MidLine;
        }
        let Some(end) = end else { return bytes.len() };
        let cr = bytes[end] == b'\r';
        self.at = if self.at == At::MidLine {
            self.end_line();
            if cr { At::LineStartAfterCr } else { At::LineStart }
        } else {
            self.end_block();
            if cr { At::BetweenAfterCr } else { At::Between }
        };
        end + 1
    }

    fn end_line(&mut self) {
        let line = std::mem::replace(&mut self.line, Line::EMPTY);
        if self.family == Family::Responses {
            self.sequence = line.sequence().or(self.sequence);
        }
        self.block = self.block.with(self.family, &line);
    }

    fn end_block(&mut self) {
        self.events += u64::from(self.block.data_lines != Lines::None);
        let word = std::mem::take(&mut self.block).says(self.family);
        if word != Word::More {
            self.last = word;
        }
    }

    /// How many events with data have come whole.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Whether a whole event can be put here and nobody can tell that it is not the provider's.
    ///
    /// After a CR it can only where CRs end lines: else the LF that belongs to it is on its way.
    pub(super) fn is_between(&self) -> bool {
        match self.at {
            At::Between | At::Bom(0) => true,
            At::BetweenAfterCr => self.lone_cr,
            At::Bom(_) | At::LineStart | At::LineStartAfterCr | At::MidLine => false,
        }
    }

    /// What must be sent first so that an event stands alone, when nothing more will come.
    ///
    /// After a CR the first LF only completes a CRLF.
    pub(super) fn closing(&self) -> &'static [u8] {
        match self.at {
            At::Between | At::Bom(0) => b"",
            At::BetweenAfterCr | At::LineStart => b"\n",
            At::Bom(_) | At::LineStartAfterCr | At::MidLine => b"\n\n",
        }
    }

    /// What the stream's events, as far as they have ended, say of its end.
    pub(super) fn word(&self) -> Word {
        self.last
    }

    /// What the event that has begun would say if a blank line came now. Its last line may be a
    /// part of one, as if it were whole.
    pub(super) fn word_begun(&self) -> Word {
        match self.at {
            At::MidLine => self.block.with(self.family, &self.line).says_so_far(self.family),
            At::LineStart | At::LineStartAfterCr => self.block.says_so_far(self.family),
            At::Bom(_) | At::Between | At::BetweenAfterCr => Word::More,
        }
    }

    /// Whether nothing but a blank line is missing from the event that has begun: `[DONE]` is known
    /// to be whole, any other line only by its end.
    pub(super) fn is_whole(&self) -> bool {
        match self.at {
            At::MidLine => self.line.is_done(),
            At::LineStart | At::LineStartAfterCr => self.block.data_lines != Lines::None,
            At::Bom(_) | At::Between | At::BetweenAfterCr => true,
        }
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
            return Self { word: family.name_word(name).unwrap_or(self.word), ..self };
        }
        if !line.is_data() {
            return self;
        }
        match self.data_lines {
            Lines::None => {
                let word = family.data_word(line);
                Self {
                    data_lines: Lines::One,
                    word: if word == Word::More { self.word } else { word },
                }
            }
            Lines::One | Lines::Many => Self { data_lines: Lines::Many, ..self },
        }
    }

    /// What the event says once its blank line has come; one without data is never dispatched
    /// (HTML 9.2.6).
    fn says(self, family: Family) -> Word {
        if self.data_lines == Lines::None { Word::More } else { self.says_so_far(family) }
    }

    fn says_so_far(self, family: Family) -> Word {
        let lone = self.data_lines == Lines::One;
        if self.word == Word::End && family.ends_by_a_lone_line() && !lone {
            return Word::More;
        }
        self.word
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            prop_assert_eq!(boundary.closing().is_empty() || boundary.at == At::BetweenAfterCr,
                naive.between);
            prop_assert_eq!(boundary.word() == Word::End, naive.done);
            prop_assert!(!boundary.is_between() || naive.between);
        }

        #[test]
        fn after_the_closing_every_stream_stands_between_events(bytes in stream()) {
            let mut boundary = read(&bytes, 3);
            let closing = boundary.closing();
            boundary.read(closing);
            prop_assert_eq!(boundary.at == At::Between || boundary.at == At::Bom(0), true);
            let closed = [&bytes[..], closing].concat();
            prop_assert!(naive(&closed).between);
        }
    }

    #[test]
    fn a_cr_between_events_waits_for_its_lf_unless_crs_end_lines() {
        assert!(!read(b"data: x\r\n\r", 1).is_between());
        assert!(read(b"data: x\r\n\r\n", 1).is_between());
        assert!(read(b"data: x\r\r", 1).is_between());
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
            assert_eq!(read(sent, 1).closing(), closing, "{:?}", sent.escape_ascii().to_string());
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
