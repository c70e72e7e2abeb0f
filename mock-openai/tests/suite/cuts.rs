//! The `cut` step.

use std::time::Duration;

use mock_openai::journal::Event;

use crate::support::{Bench, STREAM_HEAD, chunk, hide};

async fn writes(steps: &str) -> Vec<String> {
    let bench = Bench::new(&format!("[{{then: [{steps}]}}]"));
    let mut peer = bench.connect();
    peer.post("").await;
    peer.all().await;
    peer.writes().iter().map(|write| hide(write)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cut_of_chunks_makes_each_piece_a_chunk_of_its_own() {
    let got = writes(
        "{cut: {every: 4, steps: [{send: {raw: abcdefghij}}, {send: {raw: kl}}]}}, {send: {raw: mnopqrs}}",
    )
    .await;
    let expected = [
        STREAM_HEAD.to_owned() + &chunk("abcd"),
        chunk("efgh"),
        chunk("ij"),
        chunk("kl"),
        chunk("mnopqrs"),
        "0\r\n\r\n".to_owned(),
    ];
    assert_eq!(got, expected);
}

#[tokio::test(start_paused = true)]
async fn a_cut_of_segments_keeps_the_chunk_and_writes_it_in_pieces() {
    let got = writes("{cut: {every: 4, level: segment, steps: [{send: {raw: abcdefghij}}]}}").await;
    // The chunk is `a CRLF abcdefghij CRLF`.
    let expected = [
        STREAM_HEAD.to_owned() + "a\r\na",
        "bcde".into(),
        "fghi".into(),
        "j\r\n".into(),
        "0\r\n\r\n".into(),
    ];
    assert_eq!(got, expected);
}

#[tokio::test(start_paused = true)]
async fn a_cut_does_not_reach_the_end_of_an_answer_that_ends_inside_it() {
    let steps = "{cut: {every: 4, level: segment, steps: [{send: {raw: ab}}, {end: clean}]}}";
    let expected = [STREAM_HEAD.to_owned() + "2\r\na", "b\r\n".into(), "0\r\n\r\n".into()];
    assert_eq!(writes(steps).await, expected);
}

#[tokio::test(start_paused = true)]
async fn cuts_of_both_levels_work_together() {
    let got = writes(
        "{cut: {every: 3, steps: [{cut: {every: 6, level: segment, steps: [{send: {raw: abcde}}]}}]}}",
    )
    .await;
    let expected = [
        STREAM_HEAD.to_owned() + "3\r\nabc",
        "\r\n".into(),
        "2\r\nde\r".into(),
        "\n".into(),
        "0\r\n\r\n".into(),
    ];
    assert_eq!(got, expected);
}

#[tokio::test(start_paused = true)]
async fn a_gap_lies_at_each_cut_and_nowhere_else() {
    for level in ["chunk", "segment"] {
        let bench = Bench::new(&format!(
            "[{{then: [{{cut: {{every: 7, gap: 5ms, level: {level}, steps: [{{send: {{raw: abcdefghijklmnopqrst}}}}]}}}},
                {{mark: done}}]}}]"
        ));
        let mut peer = bench.connect();
        peer.post("").await;
        peer.all().await;
        let entries = bench.journal().entries();
        let done = entries.iter().find(|(_, e)| matches!(e.event, Event::Marked { .. })).unwrap();
        // 20 bytes are three pieces; as a chunk they are 26 bytes, which are four.
        let gaps = if level == "chunk" { 2 } else { 3 };
        assert_eq!(done.0, Duration::from_millis(5 * gaps), "{level}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_lies_between_two_frames_has_its_gap_too() {
    let bench = Bench::new(
        "[{then: [{cut: {at: [3], gap: 5ms, steps: [{send: {raw: abc}}, {send: {raw: def}}]}},
            {mark: done}]}]",
    );
    let mut peer = bench.connect();
    peer.post("").await;
    peer.all().await;
    let entries = bench.journal().entries();
    let done = entries.iter().find(|(_, e)| matches!(e.event, Event::Marked { .. })).unwrap();
    assert_eq!(done.0, Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn places_in_the_body_are_found_among_the_framing_of_segments() {
    let got = writes("{cut: {at: [0, 2], level: segment, steps: [{send: {raw: abc}}]}}").await;
    let expected =
        [STREAM_HEAD.to_owned() + "3\r\n", "ab".into(), "c\r\n".into(), "0\r\n\r\n".into()];
    assert_eq!(got, expected);
    let got = writes("{cut: {inside: utf8, level: segment, steps: [{send: {raw: \"aé\"}}]}}");
    // Half a character is no text to this reader.
    assert!(tokio::spawn(got).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_joined_has_no_pauses_and_is_one_write() {
    let bench = Bench::new(
        "[{then: [{cut: {by: none, joined: true, steps: [{stream: {text: a, every: 1s}}, {wait: 5s}, {send: {raw: x}}]}},
            {mark: done}]}]",
    );
    let mut peer = bench.connect();
    peer.post(r#"{"stream":true}"#).await;
    peer.all().await;
    let writes = peer.writes();
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert!(writes[0].ends_with("data: [DONE]\n\nx\r\n"), "{writes:?}");
    let entries = bench.journal().entries();
    let done = entries.iter().find(|(_, e)| matches!(e.event, Event::Marked { .. })).unwrap();
    assert_eq!(done.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_between_two_pieces_of_a_frame_gets_no_terminator() {
    let got = writes(
        "{trip: {after: {time: 7ms}, end: clean}}, {cut: {every: 200, gap: 5ms, steps: [{stream: {chunks: 3}}]}}",
    )
    .await;
    let [.., before, last] = got.as_slice() else { panic!("{got:?}") };
    assert!(before.starts_with("c8\r\ndata: {"), "{got:?}");
    assert_eq!(last, "0\r\n\r\n", "{got:?}");
}
