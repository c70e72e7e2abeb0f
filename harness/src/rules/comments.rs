//! Comment lines that were put into an event on its way.

use std::ops::Range;

/// An event on which comment lines were put that its sender did not write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commented {
    /// The event without them.
    pub(super) event: Vec<u8>,
    /// Where those of them stand that are inside of it, behind its first line: from the start of what was
    /// received.
    pub(super) inside: Vec<Range<usize>>,
    /// Where those of them stand that come before its first line.
    pub(super) before: Vec<Range<usize>>,
}

/// Takes out of a frame the comment lines that the event does not have. Each line of the event's own is
/// found as it was sent, its comments too, and what is missing is missing in the result.
pub(super) fn taken_out(event: &[u8], frame: &[u8]) -> Commented {
    let mut sent = lines(event).map(|range| &event[range]).peekable();
    let event = Vec::with_capacity(event.len());
    let mut found = Commented { event, inside: Vec::new(), before: Vec::new() };
    for range in lines(frame) {
        let line = &frame[range.clone()];
        if sent.next_if(|own| *own == line).is_some() || !line.starts_with(b":") {
            found.event.extend_from_slice(line);
        } else if found.event.is_empty() {
            found.before.push(range);
        } else {
            found.inside.push(range);
        }
    }
    found
}

/// The lines of some bytes, each with what ends it: CR LF, LF or CR (HTML 9.2.6).
fn lines(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let len = match rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        start += len;
        Some(start - len..start)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::between_two_lines("event: a\ndata: 1\n\n", "event: a\n: ping\ndata: 1\n\n", &[(9, 16)])]
    #[case::crlf("event: a\r\ndata: 1\r\n\r\n", "event: a\r\n:\ndata: 1\r\n\r\n", &[(10, 12)])]
    #[case::twice("data: 1\n\n", "data: 1\n:\n:\n\n", &[(8, 10), (10, 12)])]
    #[case::cr("event: a\rdata: 1\r\r", "event: a\r:\rdata: 1\r\r", &[(9, 11)])]
    #[case::before_the_blank_line("data: 1\n\n", "data: 1\n:\n\n", &[(8, 10)])]
    #[case::before_the_event("data: 1\n\n", ": ping\n: ping\ndata: 1\n\n", &[])]
    #[case::beside_a_comment_of_the_senders("data: 1\n: a\n\n", "data: 1\n:\n: a\n\n", &[(8, 10)])]
    #[case::nothing_added("data: 1\n: a\n\n", "data: 1\n: a\n\n", &[])]
    fn what_is_left_is_the_event(
        #[case] event: &str,
        #[case] frame: &str,
        #[case] inside: &[(usize, usize)],
    ) {
        let found = taken_out(event.as_bytes(), frame.as_bytes());
        assert_eq!(String::from_utf8(found.event).unwrap(), event);
        let lines: Vec<_> = found.inside.iter().map(|line| (line.start, line.end)).collect();
        assert_eq!(lines, inside);
    }

    #[rstest]
    #[case::a_comment_of_the_senders_is_gone("data: 1\n: a\n\n", "data: 1\n\n")]
    #[case::a_comment_of_the_senders_is_another("data: 1\n: a\n\n", "data: 1\n: b\n\n")]
    #[case::a_line_became_a_comment("data: 1\ndata: 2\n\n", "data: 1\n: 2\n\n")]
    #[case::inside_a_line("data: 1\n\n", "da: ping\nta: 1\n\n")]
    #[case::lines_changed_places("data: 1\n: a\n\n", ": a\ndata: 1\n\n")]
    #[case::a_blank_line_was_added("event: a\ndata: 1\n\n", "event: a\n: ping\n\n")]
    fn what_is_left_is_not_the_event(#[case] event: &str, #[case] frame: &str) {
        let found = taken_out(event.as_bytes(), frame.as_bytes());
        assert_ne!(String::from_utf8(found.event).unwrap(), event);
    }
}
