//! How answers end: the `end` step, `stop` and `trip`.

use std::time::Duration;

use mock_openai::{
    journal::{Event, PeerEnd},
    script::End,
};

use crate::support::{
    Bench, DONE, Ended, STREAM_HEAD, answer, chunk, chunked, delta, finish, hide, opening, post,
};

/// Bytes and end of an answer that closes the connection.
async fn closing(steps: &str) -> (String, Ended, Vec<Event>) {
    let bench = Bench::new(&format!("[{{then: [{steps}]}}]"));
    let mut peer = bench.connect();
    peer.post(r#"{"stream":true}"#).await;
    let (got, ended) = peer.rest().await;
    (hide(&got), ended, bench.events())
}

#[tokio::test(start_paused = true)]
async fn a_clean_end_keeps_the_connection() {
    let bench = Bench::new("[{then: [{send: {raw: a}}, {end: clean}, {send: {raw: b}}]}]");
    let mut peer = bench.connect();
    for _ in 0..2 {
        peer.post("").await;
        assert_eq!(hide(&peer.all().await), STREAM_HEAD.to_owned() + &chunked(&["a"]));
    }
}

#[tokio::test(start_paused = true)]
async fn truncated_and_fin_and_reset_leave_the_last_chunk_out() {
    for (end, how, told) in [
        ("truncated", Ended::Fin, End::Truncated),
        ("fin", Ended::Fin, End::Fin),
        ("reset", Ended::Reset, End::Reset),
    ] {
        let (got, ended, events) = closing(&format!("{{send: {{raw: a}}}}, {{end: {end}}}")).await;
        assert_eq!((got, ended), (STREAM_HEAD.to_owned() + &chunk("a"), how), "{end}");
        assert_eq!(events[events.len() - 2..], [Event::Ended { how: told }, Event::Closed]);
    }
}

#[tokio::test(start_paused = true)]
async fn before_any_body_only_truncated_sends_the_head() {
    for (end, expected, how) in [
        ("truncated", STREAM_HEAD, Ended::Fin),
        ("fin", "", Ended::Fin),
        ("reset", "", Ended::Reset),
    ] {
        let (got, ended, _) = closing(&format!("{{end: {end}}}")).await;
        assert_eq!((got.as_str(), ended), (expected, how), "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_terminator_after_a_stream_leaves_done_out_and_completes_the_body() {
    let got = answer("[{then: [{stream: {text: a}}, {mark: m}, {end: no_terminator}]}]").await;
    let frames = [&*opening(), &delta("a"), &finish()];
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&frames));
    let got =
        answer("[{then: [{stream: {text: a}}, {send: {raw: x}}, {end: no_terminator}]}]").await;
    let frames = [&*opening(), &delta("a"), &finish(), DONE, "x"];
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&frames));
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_connection_is_read_until_the_peer_closes_too() {
    let bench = Bench::new("[{then: [{send: {raw: a}}, {end: half_close}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    let (got, ended) = peer.rest().await;
    assert_eq!((hide(&got), ended), (STREAM_HEAD.to_owned() + &chunk("a"), Ended::Fin));
    // More than is read ahead: it is thrown away.
    peer.send(&"x".repeat(200_000)).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(bench.events().last(), Some(&Event::Ended { how: End::HalfClose }));
    peer.leave();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gone = Event::PeerGone { how: PeerEnd::Fin, during_answer: false };
    assert!(bench.events().ends_with(&[gone, Event::Closed]), "{:?}", bench.events());
}

#[tokio::test(start_paused = true)]
async fn a_held_answer_goes_on_until_the_peer_goes() {
    let bench = Bench::new("[{then: [{send: {raw: a}}, {end: hold}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    assert_eq!(hide(&peer.all().await), STREAM_HEAD.to_owned() + &chunk("a"));
    assert_eq!(bench.events().last(), Some(&Event::Ended { how: End::Hold }));
    peer.send(&"x".repeat(200_000)).await;
    peer.reset();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gone = Event::PeerGone { how: PeerEnd::Reset, during_answer: true };
    assert!(bench.events().ends_with(&[gone, Event::Closed]), "{:?}", bench.events());
}

#[tokio::test(start_paused = true)]
async fn a_stream_stops_after_frames_the_role_frame_included() {
    let stream = "{stream: {text: 'a b c', stop: {after: {frames: 2}, end: reset}}}";
    let (got, ended, _) = closing(stream).await;
    let expected = STREAM_HEAD.to_owned() + &chunk(&opening()) + &chunk(&delta("a"));
    assert_eq!((got, ended), (expected, Ended::Reset));
}

#[tokio::test(start_paused = true)]
async fn a_stream_stops_after_bytes_in_the_middle_of_a_frame() {
    let stream = "{stream: {text: a, stop: {after: {bytes: 15B}, end: truncated}}}";
    let (got, ended, _) = closing(stream).await;
    let expected = STREAM_HEAD.to_owned() + "f\r\ndata: {\"id\":\"ch\r\n";
    assert_eq!((got, ended), (expected, Ended::Fin));
}

#[tokio::test(start_paused = true)]
async fn a_stream_stopped_cleanly_between_frames_says_done() {
    let got = answer(
        "[{then: [{stream: {text: 'a b', stop: {after: {frames: 2}, end: clean}}}, {send: {raw: x}}]}]",
    )
    .await;
    let frames = [&*opening(), &delta("a"), DONE];
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&frames));
}

#[tokio::test(start_paused = true)]
async fn a_stream_stopped_cleanly_inside_a_frame_cannot_say_done() {
    let stream = "{stream: {text: a, stop: {after: {bytes: 5B}, end: clean}}}";
    let got = answer(&format!("[{{then: [{stream}]}}]")).await;
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&["data:"]));
}

#[tokio::test(start_paused = true)]
async fn a_stop_counts_within_its_stream_and_ends_with_it() {
    // The first stream is over at 5 frames and has no more to do with the second.
    let got = answer(
        "[{then: [
            {stream: {text: 'a b', stop: {after: {frames: 6}, end: reset}}},
            {stream: {text: 'a b', stop: {after: {frames: 1}, end: no_terminator}}}]}]",
    )
    .await;
    let (open, end) = (opening(), finish());
    let frames = [&*open, &delta("a"), &delta(" b"), &end, DONE, &open];
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&frames));
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_nothing_comes_before_the_head() {
    for point in ["frames: 0", "bytes: 0B"] {
        let stream = format!("{{stream: {{stop: {{after: {{{point}}}, end: reset}}}}}}");
        let (got, ended, _) = closing(&stream).await;
        assert_eq!((got.as_str(), ended), ("", Ended::Reset), "{point}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_counts_over_all_steps() {
    let sends = "{send: {data: a}}, {send: {data: b}}, {send: {data: c}}";
    for (point, bodies) in [
        ("frames: 2", vec!["data: a\n\n", "data: b\n\n"]),
        ("bytes: 12B", vec!["data: a\n\n", "dat"]),
        ("bytes: 9B", vec!["data: a\n\n"]),
    ] {
        let trip = format!("{{trip: {{after: {{{point}}}, end: truncated}}}}");
        let (got, _, _) = closing(&format!("{trip}, {sends}")).await;
        let chunks: String = bodies.iter().map(|body| chunk(body)).collect();
        assert_eq!(got, STREAM_HEAD.to_owned() + &chunks, "{point}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_trips_the_nearest_fires_and_of_equals_the_first() {
    let send = "{send: {data: a}}, {send: {data: b}}";
    for (first, second, body, expected) in [
        ("bytes: 12B", "frames: 1", "data: a\n\n", Ended::Fin),
        ("bytes: 9B", "frames: 1", "data: a\n\n", Ended::Reset),
        ("frames: 1", "bytes: 3B", "dat", Ended::Fin),
    ] {
        let trips = format!(
            "{{trip: {{after: {{{first}}}, end: reset}}}}, {{trip: {{after: {{{second}}}, end: fin}}}}"
        );
        let (got, ended, _) = closing(&format!("{trips}, {send}")).await;
        assert_eq!((got, ended), (STREAM_HEAD.to_owned() + &chunk(body), expected), "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_counts_frames_inside_raw_bytes_too() {
    let trip = "{trip: {after: {frames: 2}, end: truncated}}";
    let raw = r#"{send: {raw: "data: a\r\n\r\ndata: b\r\n\r\ndata: c\r\n\r\n"}}"#;
    let (got, _, _) = closing(&format!("{trip}, {raw}")).await;
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunk("data: a\r\n\r\ndata: b\r\n\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_trip_of_time_interrupts_whatever_runs() {
    for steps in
        ["{wait: 1h}", "{wait: forever}", "{wait: { until: peer_closed }}", "{stream: {every: 1h}}"]
    {
        let trip = "{trip: {after: {time: 70ms}, end: reset}}";
        let bench = Bench::new(&format!("[{{then: [{trip}, {steps}]}}]"));
        let mut peer = bench.connect();
        peer.post("").await;
        assert_eq!(peer.rest().await.1, Ended::Reset, "{steps}");
        let entries = bench.journal().entries();
        let ended = entries.iter().find(|(_, e)| matches!(e.event, Event::Ended { .. })).unwrap();
        assert_eq!(ended.0, Duration::from_millis(70), "{steps}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trip_that_breaks_off_a_blocked_write_closes_whatever_end_it_names() {
    let bench = Bench::new(
        "[{then: [{trip: {after: {time: 1s}, end: clean}}, {stream: {chunks: 9, chunk_size: 1KiB}}]}]",
    );
    let mut peer = bench.connect_from("10.0.0.1:1", 2000);
    peer.post("").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (got, ended) = peer.rest().await;
    // What fitted into the pipe, and nothing behind it: the chunk can no longer be completed.
    assert_eq!((got.len(), ended), (2000, Ended::Fin));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_time_and_not_before() {
    let bench = Bench::new("[{then: [{send: {raw: a}}, {end: {close_idle_after: 5s}}]}]");
    let mut peer = bench.connect();
    let whole = STREAM_HEAD.to_owned() + &chunked(&["a"]);
    peer.post("").await;
    assert_eq!(hide(&peer.read(whole.len()).await), whole);
    tokio::time::sleep(Duration::from_millis(4_999)).await;
    peer.post("").await;
    let (got, ended) = peer.rest().await;
    assert_eq!((hide(&got), ended), (whole, Ended::Fin));
    let (closed, _) = bench.journal().entries().pop().unwrap();
    assert_eq!(closed, Duration::from_millis(4_999 + 5_000));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_sent_ahead_keeps_the_connection_in_use() {
    let bench = Bench::new("[{then: [{end: {close_idle_after: 0s}}]}]");
    let mut peer = bench.connect();
    peer.send(&post("").repeat(2)).await;
    let (got, ended) = peer.rest().await;
    assert_eq!((hide(&got), ended), ((STREAM_HEAD.to_owned() + "0\r\n\r\n").repeat(2), Ended::Fin));
}
