//! Responses and requests as RFC 9112 frames them, and bytes as nobody does.

use proptest::prelude::*;
use rstest::rstest;

use super::{
    decoder::*,
    head::{HEAD_BYTES_MAX, ResponseHead},
};
use crate::trace::BodyEnd;

/// The body, and how it ended, when `pieces` come one by one and then the connection closes.
fn decode(method: &str, pieces: &[&[u8]], closing: Closing) -> (Vec<Item<ResponseHead>>, BodyEnd) {
    let mut decoder = ResponseDecoder::answering(method);
    let mut items: Vec<Item<ResponseHead>> = Vec::new();
    for piece in pieces {
        for item in decoder.feed(piece).items {
            match (items.last_mut(), item) {
                (Some(Item::Body(last)), Item::Body(more)) => {
                    *last = [last.as_ref(), more.as_ref()].concat().into();
                }
                (_, item) => items.push(item),
            }
        }
    }
    let end = match items.last() {
        Some(Item::End(end)) => *end,
        _ => decoder.close(closing).expect("a message that is not over ends with its connection"),
    };
    items.retain(|item| !matches!(item, Item::End(_)));
    (items, end)
}

fn body(items: &[Item<ResponseHead>]) -> Vec<u8> {
    let pieces = items.iter().filter_map(|item| match item {
        Item::Body(bytes) => Some(bytes.as_ref()),
        Item::Head(_) | Item::Trailers(_) | Item::End(_) => None,
    });
    pieces.collect::<Vec<_>>().concat()
}

use BodyEnd::{Complete, Garbled as Nonsense, Reset, Truncated};

#[rstest]
// RFC 9112 6.3, item 1: no body, whatever the fields say.
#[case::head("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "", Complete)]
#[case::no_content("GET", "HTTP/1.1 204 No Content\r\n\r\n", "", Complete)]
#[case::not_modified("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", "", Complete)]
#[case::interim_skipped(
    "POST",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "hi",
    Complete
)]
// Items 3 and 4: transfer codings.
#[case::chunked(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n",
    "abc0123456789",
    Complete
)]
#[case::chunk_extensions(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a=b;c=\"d\"\r\nabc\r\n0 ;x\r\n\r\n",
    "abc",
    Complete
)]
#[case::lone_line_feed_in_an_extension(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a\n\r\nhi",
    "",
    Nonsense
)]
#[case::coding_beats_length(
    "GET",
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "hi",
    Complete
)]
#[case::other_last_coding(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhi",
    "hi",
    Complete
)]
#[case::final_chunk_missing(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
    "hi",
    Truncated
)]
#[case::inside_a_chunk(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi",
    "hi",
    Truncated
)]
#[case::final_blank_line_missing(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n",
    "hi",
    Truncated
)]
#[case::chunk_too_long(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi!\r\n",
    "hi",
    Nonsense
)]
#[case::no_size("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\nhi", "", Nonsense)]
#[case::plain_text_for_a_size(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{\"error\":1}",
    "",
    Nonsense
)]
#[case::size_too_great(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n11112222333344445\r\n",
    "",
    Nonsense
)]
#[case::lone_line_feed_after_a_size(
    "GET",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nhi",
    "",
    Nonsense
)]
// Item 5 and 6: lengths.
#[case::length("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "hi", Complete)]
#[case::equal_lengths(
    "GET",
    "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\ncontent-length: 2\r\n\r\nhi",
    "hi",
    Complete
)]
#[case::short_of_its_length(
    "GET",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi",
    "hi",
    Truncated
)]
#[case::lengths_differ(
    "GET",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi",
    "",
    Nonsense
)]
#[case::no_number("GET", "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nhi", "", Nonsense)]
// Item 8: until the connection closes.
#[case::until_close("GET", "HTTP/1.0 200 OK\r\n\r\nhi", "hi", Complete)]
#[case::until_close_and_empty("GET", "HTTP/1.1 200\r\n\r\n", "", Complete)]
// No message at all.
#[case::nothing("GET", "", "", Truncated)]
#[case::half_a_head("GET", "HTTP/1.1 200 OK\r\ncontent-len", "", Truncated)]
#[case::only_interim("GET", "HTTP/1.1 100 Continue\r\n\r\n", "", Truncated)]
#[case::another_protocol("GET", "SSH-2.0-OpenSSH_9.2\r\n", "", Nonsense)]
#[case::http_2("GET", "HTTP/2.0 200 OK\r\n\r\n", "", Nonsense)]
fn a_response_ends_as_its_framing_says(
    #[case] method: &str,
    #[case] bytes: &str,
    #[case] expected: &str,
    #[case] end: BodyEnd,
) {
    let (items, got) = decode(method, &[bytes.as_bytes()], Closing::Fin);
    assert_eq!((body(&items), got), (expected.as_bytes().to_vec(), end));
    // RST changes what FIN would have ended, and nothing that was over before.
    let (_, after_reset) = decode(method, &[bytes.as_bytes()], Closing::Reset);
    let by_close = bytes.starts_with("HTTP/1.0")
        || bytes.starts_with("HTTP/1.1 200\r\n")
        || bytes.contains("gzip");
    let expected = if end == Truncated || by_close { Reset } else { end };
    assert_eq!(after_reset, expected);
}

#[test]
fn a_head_is_given_as_it_was_sent() {
    let bytes = b"HTTP/1.1 429 Too Many Requests\r\nX-A: 1\r\nx-a: 2\r\nname: caf\xC3\xA9\r\nraw: \xFF\r\n\r\n";
    let (items, _) = decode("GET", &[bytes], Closing::Fin);
    let pairs = [("X-A", "1"), ("x-a", "2"), ("name", "café"), ("raw", "\u{fffd}")];
    assert_eq!(
        items,
        [Item::Head(ResponseHead {
            version: http::Version::HTTP_11,
            status: 429,
            reason: "Too Many Requests".to_owned(),
            headers: pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        })]
    );
}

#[test]
fn trailers_are_apart_from_the_headers() {
    let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-usage: 7\r\n\r\n";
    let (items, end) = decode("GET", &[bytes], Closing::Fin);
    assert_eq!(items[1], Item::Trailers(vec![("x-usage".to_owned(), "7".to_owned())]));
    assert_eq!(end, Complete);
}

#[test]
fn what_follows_a_message_is_left_for_the_next() {
    let mut decoder = ResponseDecoder::answering("GET");
    let first = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    let fed = decoder.feed(&[&first[..], b"HTTP/1.1 204 No Content\r\n\r\n"].concat());
    assert_eq!(fed.taken, first.len());
    assert!(decoder.is_over());
    assert_eq!(decoder.feed(b"more").taken, 0);
    decoder.next_message("GET");
    assert!(decoder.is_idle());
}

#[rstest]
#[case::no_body("GET / HTTP/1.1\r\nhost: a\r\n\r\n", Some(Complete))]
#[case::length("POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi", Some(Complete))]
#[case::chunked("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Some(Complete))]
#[case::body_to_come("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nhi", None)]
#[case::unreadable_coding("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\nhi", Some(Nonsense))]
fn a_request_without_framing_has_no_body(#[case] bytes: &str, #[case] end: Option<BodyEnd>) {
    let ends = RequestDecoder::new()
        .feed(bytes.as_bytes())
        .items
        .into_iter()
        .find_map(|item| if let Item::End(end) = item { Some(end) } else { None });
    assert_eq!(ends, end);
}

#[test]
fn a_head_is_bounded_with_or_without_its_end() {
    let endless = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(HEAD_BYTES_MAX));
    let (_, end) = decode("GET", &[endless.as_bytes()], Closing::Fin);
    assert_eq!(end, Nonsense);
    let whole = format!("{endless}\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(decode("GET", &[whole.as_bytes()], Closing::Fin).1, Nonsense);
}

#[rstest]
#[case::extension("1;", "x")]
#[case::trailers("0\r\n", "a: b\r\n")]
fn what_surrounds_chunks_is_bounded(#[case] start: &str, #[case] filler: &str) {
    let mut decoder = ResponseDecoder::answering("GET");
    decoder.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    decoder.feed(start.as_bytes());
    decoder.feed(filler.repeat(60 * 1024 / filler.len()).as_bytes());
    assert!(!decoder.is_over());
    let fed = decoder.feed(filler.repeat(5 * 1024 / filler.len()).as_bytes());
    assert_eq!(fed.items, [Item::End(Nonsense)]);
}

/// The figures of nginx 1.22, `ngx_http_parse_chunked`, label `data`.
#[rstest]
#[case("", 3)]
#[case("6", 1 + 6 + 4)]
#[case("6\r\n", 6 + 4)]
#[case("6\r\nabcd", 2 + 4)]
#[case("6\r\nabcdef", 4)]
#[case("6\r\nabcdef\r\n", 3)]
#[case("0\r\n", 1)]
fn the_least_that_is_to_come_counts_single_line_feeds(#[case] so_far: &str, #[case] least: u64) {
    let mut decoder = ResponseDecoder::answering("GET");
    decoder.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    decoder.feed(so_far.as_bytes());
    assert_eq!(decoder.least_to_come(), Some(least));
}

/// Bytes that look like HTTP now and then, so that every state is reached.
fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 204 No Content\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "transfer-encoding: chunked\r\n",
        "content-length: 4\r\n",
        "\r\n",
        "0\r\n",
        "4\r\n",
        "4;x\r\n",
        "data",
        "a: b\r\n",
        "\n",
        "\r",
        "\0",
        "f",
        "\u{fffd}",
    ]);
    prop::collection::vec(words, 0..12).prop_map(|words| words.concat().into_bytes())
}

fn cut<'a>(bytes: &'a [u8], at: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = at.iter().map(|index| index.index(bytes.len() + 1)).collect();
    at.sort_unstable();
    let mut start = 0;
    let mut pieces: Vec<&[u8]> = Vec::new();
    for end in at {
        pieces.push(&bytes[start..end]);
        start = end;
    }
    pieces.push(&bytes[start..]);
    pieces
}

proptest! {
    #[test]
    fn no_bytes_and_no_cuts_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pieces = cut(&bytes, &cuts);
        decode("GET", &pieces, Closing::Fin);
        for piece in pieces {
            RequestDecoder::new().feed(piece);
        }
    }

    #[test]
    fn cuts_change_nothing(
        bytes in nearly_http(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = decode("GET", &[&bytes], Closing::Fin);
        let each: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&decode("GET", &cut(&bytes, &cuts), Closing::Fin), &whole);
        prop_assert_eq!(&decode("GET", &each, Closing::Fin), &whole);
    }

    #[test]
    fn what_is_put_into_chunks_comes_out_of_them(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in &chunks {
            bytes.extend(format!("{:X}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        let (items, end) = decode("GET", &cut(&bytes, &cuts), Closing::Fin);
        prop_assert_eq!((body(&items), end), (chunks.concat(), Complete));
    }
}
