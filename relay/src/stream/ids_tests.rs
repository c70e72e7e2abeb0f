//! What a reader that knows only the standard makes of numbered streams, at any cut.

use proptest::prelude::*;

use super::{super::lines::BOM, *};

const STREAM: &str = "5eed";

/// The events of a whole text, with the ids that a client would keep; written from HTML 9.2.6.
fn naive(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rest = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let (mut events, mut data, mut id) = (Vec::new(), None::<Vec<u8>>, Vec::new());
    while let Some(end) = rest.iter().position(|b| *b == b'\n' || *b == b'\r') {
        let line = &rest[..end];
        rest = &rest[end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 }..];
        let (name, value) = match line.iter().position(|b| *b == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"" if line.is_empty() => events.extend(data.take().map(|data| (data, id.clone()))),
            b"data" => {
                let data = data.get_or_insert_with(Vec::new);
                data.extend(value);
                data.push(b'\n');
            }
            b"id" => id = value.to_vec(),
            _ => {}
        }
    }
    events
}

/// Takes the id lines out again.
fn without_ids(numbered: &[u8]) -> Vec<u8> {
    let (mut kept, mut rest) = (Vec::new(), numbered);
    for number in 1.. {
        let id = format!("id: {STREAM}-{number}").into_bytes();
        let Some(at) = rest.windows(id.len()).position(|window| window == id) else { break };
        kept.extend(&rest[..at]);
        rest = &rest[at + id.len()..];
        rest = &rest[if rest.starts_with(b"\r\n") { 2 } else { 1 }..];
    }
    kept.extend(rest);
    kept
}

/// The whole output, and where events end in it.
fn number(input: &[u8], cuts: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let mut ids = Ids::new(STREAM.into());
    let (mut bytes, mut ends, mut rest) = (Vec::new(), Vec::new(), input);
    for cut in cuts.iter().copied().chain([input.len()]) {
        let (piece, behind) = rest.split_at(cut.min(rest.len()));
        rest = behind;
        let numbered = ids.number(Bytes::copy_from_slice(piece));
        assert!(
            numbered.ends.is_sorted() && numbered.ends.iter().all(|e| *e <= numbered.bytes.len())
        );
        ends.extend(numbered.ends.iter().map(|end| end + bytes.len()));
        bytes.extend(&numbered.bytes);
        assert_eq!(without_ids(&bytes), input[..input.len() - rest.len()], "nothing is held back");
    }
    assert_eq!(ids.last, ends.len() as u64);
    (bytes, ends)
}

fn text(input: &[u8]) -> String {
    String::from_utf8(number(input, &[]).0).unwrap()
}

#[test]
fn the_id_is_the_last_line_of_its_event_and_ends_as_the_lines_before() {
    assert_eq!(text(b"data: x\n\ndata: y\n\n"), "data: x\nid: 5eed-1\n\ndata: y\nid: 5eed-2\n\n");
    assert_eq!(text(b"data: x\r\n\r\n"), "data: x\r\nid: 5eed-1\r\n\r\n");
    assert_eq!(text(b"data: x\r\r"), "data: x\rid: 5eed-1\r\r");
    assert_eq!(text(b"data\n\n"), "data\nid: 5eed-1\n\n");
    assert_eq!(text(b"id: 7\ndata:x\n\n"), "id: 7\ndata:x\nid: 5eed-1\n\n");
    assert_eq!(text(b"\xEF\xBB\xBFdata:x\n\n"), "\u{feff}data:x\nid: 5eed-1\n\n");
}

#[test]
fn what_is_no_whole_event_gets_no_id() {
    for other in [
        "",
        "\n\n",
        ": data: x\n\n",
        "event: e\n\n",
        "data2: x\n\n",
        "dat\n\n",
        "data: x\n",
        "data: x",
    ] {
        assert_eq!(text(other.as_bytes()), other);
    }
}

#[test]
fn a_piece_without_an_end_is_passed_on_without_a_copy() {
    let piece = Bytes::from_static(b"data: a long line");
    let passed = Ids::new(STREAM.into()).number(piece.clone()).bytes;
    assert_eq!(passed.as_ptr(), piece.as_ptr());
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&str] = &[
        "data: x", "data", "data:", "dat", "a", ":", ": c", "id: 7", "event: e", "\n", "\r",
        "\r\n", "\n\n", "\r\n\r\n",
    ];
    let word = prop_oneof![
        9 => prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::sample::select(vec![BOM.to_vec(), BOM[..1].to_vec(), vec![0xFF], vec![0]]),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_reader_sees_the_same_events_numbered_in_order_at_any_cut(
        input in streams(),
        cuts in prop::collection::vec(0_usize..6, 0..40),
    ) {
        let (bytes, ends) = number(&input, &cuts);
        let seen = naive(&bytes);
        let sent: Vec<_> = naive(&input).into_iter().map(|(data, _)| data).collect();
        let ids: Vec<_> = (1..=sent.len()).map(|n| format!("{STREAM}-{n}").into_bytes()).collect();
        prop_assert_eq!(seen, sent.into_iter().zip(ids).collect::<Vec<_>>());
        for (before, end) in ends.iter().enumerate() {
            let blank = if bytes[..*end].ends_with(b"\r\n") { 2 } else { 1 };
            prop_assert_eq!(naive(&bytes[..*end]).len(), before + 1);
            prop_assert_eq!(naive(&bytes[..end - blank]).len(), before);
        }
    }

    #[test]
    fn any_bytes_pass_unchanged_but_for_the_ids(
        input in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(0_usize..6, 0..40),
    ) {
        number(&input, &cuts);
    }
}
