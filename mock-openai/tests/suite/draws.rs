//! What is drawn and counted depends on nobody else.

use std::{collections::BTreeMap, time::Duration};

use mock_openai::journal::Event;

use crate::support::{Bench, post};

/// When each frame of each client's two answers came, counted from the begin of that answer.
async fn times(order: &[&str]) -> BTreeMap<String, Vec<Vec<Duration>>> {
    let bench = Bench::new(
        "[{when: {nth: 2}, then: [{wait: {lognormal: {median: 50ms, sigma: 1}}},
            {cut: {random: {min: 1, max: 9}, steps: [{send: {data: 'a second answer, in pieces'}}]}}]},
          {then: [{repeat: {times: 3, steps: [{wait: {exponential: {mean: 50ms}}}, {send: {data: '{i}'}}]}},
            {stream: {chunks: 2, every: {uniform: {min: 1ms, max: 99ms}}}}]}]",
    );
    let mut peers = Vec::new();
    for (at, client) in order.iter().enumerate() {
        let mut peer = bench.connect_from(&format!("10.0.0.9:{}", 1000 + at), 1 << 20);
        peer.send(&post(&format!(r#"{{"stream":true,"user":"{client}"}}"#))).await;
        // Arrivals are apart, and answers overlap.
        tokio::time::sleep(Duration::from_millis(3)).await;
        peers.push(peer);
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut times = BTreeMap::<String, Vec<_>>::new();
    for (at, client) in order.iter().enumerate() {
        let entries = bench.journal().entries();
        let of_one = entries.iter().filter(|(_, entry)| entry.connection == at as u64);
        let of_one = of_one.collect::<Vec<_>>();
        let when = |is: fn(&Event) -> bool| {
            of_one.iter().filter(move |(_, entry)| is(&entry.event)).map(|(time, _)| *time)
        };
        let began = when(|event| matches!(event, Event::Request { .. })).next().unwrap_or_default();
        let wrote = when(|event| matches!(event, Event::Wrote { .. }));
        let since = wrote.map(|time| time.saturating_sub(began)).collect();
        times.entry((*client).to_owned()).or_default().push(since);
    }
    times
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_first_the_drawn_times_and_cuts_are_the_same() {
    let expected = times(&["ann", "bob", "eve", "ann", "bob", "eve"]).await;
    assert_ne!(expected["ann"], expected["bob"]);
    assert_ne!(expected["bob"], expected["eve"]);
    for order in [
        ["eve", "bob", "ann", "eve", "bob", "ann"],
        ["bob", "bob", "eve", "ann", "ann", "eve"],
        ["ann", "eve", "eve", "bob", "ann", "bob"],
    ] {
        assert_eq!(times(&order).await, expected, "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_pass_of_a_loop_and_each_pause_of_a_stream_is_drawn_anew() {
    let times = times(&["ann"]).await;
    let first = &times["ann"][0];
    let mut gaps: Vec<Duration> =
        first.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    gaps.push(first[0]);
    // Three waits, and pauses between the five frames of the stream; its first comes at once.
    let drawn: std::collections::BTreeSet<_> = gaps.iter().filter(|gap| !gap.is_zero()).collect();
    assert_eq!((gaps.len(), drawn.len()), (8, 7), "{gaps:?}");
}
