//! Where eventsource-stream 0.2.3 and the standard part ways, as a table.

use rstest::rstest;

use super::*;
use crate::wire;

/// What an application sees when the body comes in these pieces and ends well.
fn sees(pieces: &[&[u8]]) -> Vec<String> {
    let mut application = EventsourceStream::default();
    let mut sights = Vec::new();
    for piece in pieces {
        sights.extend(application.body(&Bytes::copy_from_slice(piece)));
    }
    sights.extend(application.ended(BodyEnd::Complete));
    let line = |sight| match sight {
        Sight::Event { event, id, data } => format!("{event}|{id}|{data}"),
        Sight::Error { text } => format!("error: {}", text.split(':').next().unwrap_or_default()),
        Sight::End => "end".to_owned(),
        Sight::Response { .. } | Sight::Text { .. } | Sight::Blocked { .. } => "?".to_owned(),
    };
    sights.into_iter().map(line).collect()
}

fn standard(body: &[u8]) -> Vec<String> {
    let line = |e: wire::Event| format!("{}|{}|{}", e.event, e.id, e.data);
    wire::events(body).into_iter().map(line).chain(["end".to_owned()]).collect()
}

#[rstest]
#[case::one_line("data: Hello\n\n")]
#[case::two_lines("data: Hello\r\ndata: World\r\n\r\n")]
#[case::comments(": a\n\ndata: x\n:b\n\n")]
#[case::type_resets("event: test\ndata: x\n\ndata: x\n\n")]
#[case::type_without_data_resets("event: lost\n\ndata: x\n\n")]
#[case::empty_data("data:\n\ndata\ndata\n\n")]
#[case::unknown_fields("color: blue\n data\ndata: x\n\n")]
#[case::id_with_null("id: a\0bc\ndata: x\n\n")]
#[case::id_persists("id: 1\ndata: a\n\ndata: b\n\n")]
#[case::id_without_data_counts("id: 1\n\ndata: b\n\nid\ndata: c\n\n")]
#[case::two_colons("::\ndata: a\n\n")]
#[case::spaces("data:\ttest\ndata:  x\n\n")]
#[case::many_blank_lines("data: x\n\n\n\n\ndata: y\n\n")]
#[case::unfinished("data: x\n\ndata: lost\n")]
#[case::done("data: [DONE]\n\n")]
#[case::multi_byte("data: €豆腐\n\n")]
fn it_agrees_with_the_oracle(#[case] body: &str) {
    assert_eq!(sees(&[body.as_bytes()]), standard(body.as_bytes()));
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(sees(&bytes), standard(body.as_bytes()), "byte by byte");
}

/// The body, what the standard gives, and what an application on this crate gets instead.
#[rstest]
#[case::byte_order_mark(b"\xEF\xBB\xBFdata: x\n\n", &["message||x", "end"], &["error: eventsource-stream panics"])]
#[case::the_last_return_waits(b"data: a\r\rdata: b\r\r", &["message||a", "message||b", "end"], &["message||a", "end"])]
#[case::invalid_utf8_stalls_all_that_follows(b"data: a\n\ndata: \xFF\n\ndata: c\n\n", &["message||a", "message||\u{fffd}", "message||c", "end"], &["message||a", "error: UTF8 error", "end"])]
fn it_departs_from_the_standard(
    #[case] body: &[u8],
    #[case] by_the_standard: &[&str],
    #[case] by_the_crate: &[&str],
) {
    assert_eq!(standard(body), by_the_standard);
    assert_eq!(sees(&[body]), by_the_crate);
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(sees(&bytes), by_the_crate, "byte by byte");
}

/// The reason why the body is looked at before the crate sees it.
#[test]
fn the_crate_itself_panics_on_a_byte_order_mark() {
    let feed = Feed::default();
    feed.with(|fed| fed.pieces.push_back(Ok(Bytes::from_static(b"\xEF\xBB\xBFdata: x\n\n"))));
    let mut parser = feed.eventsource();
    let polled = catch_unwind(AssertUnwindSafe(|| {
        Pin::new(&mut parser).poll_next(&mut Context::from_waker(Waker::noop()))
    }));
    assert!(polled.is_err());
}

#[test]
fn an_error_page_is_not_parsed() {
    let mut application = EventsourceStream::default();
    let head =
        ResponseHead { minor_version: 1, status: 429, reason: String::new(), headers: Vec::new() };
    application.head(&head);
    assert_eq!(application.body(&Bytes::from_static(b"data: x\n\n")), []);
    assert_eq!(application.ended(BodyEnd::Complete), []);
}
