//! Marks, and what waits for them.

use std::time::Duration;

use mock_openai::journal::Event;

use crate::support::{Bench, post};

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_the_mark_of_another_and_later_ones_find_it_passed() {
    let bench = Bench::new(
        "[{match: {path: /wait}, then: [{wait: {until: {mark: go-1}}}, {send: {raw: a}}]},
          {then: [{wait: 5s}, {repeat: {times: 2, steps: [{mark: 'go-{i}'}, {wait: 1s}]}}]}]",
    );
    let request = post("").replace("/v1/chat/completions", "/wait");
    let mut early = bench.connect();
    early.send(&request).await;
    let mut other = bench.connect();
    other.post("").await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut late = bench.connect();
    late.send(&request).await;
    tokio::time::sleep(Duration::from_mins(1)).await;

    let entries = bench.journal().entries();
    let wrote = |connection| {
        let mut of_one = entries.iter().filter(|(_, entry)| entry.connection == connection);
        of_one.find(|(_, entry)| matches!(entry.event, Event::Wrote { .. })).map(|(time, _)| *time)
    };
    assert_eq!(wrote(0), Some(Duration::from_secs(6)));
    assert_eq!(wrote(2), Some(Duration::from_mins(1)));
    let marked = entries.iter().filter(|(_, entry)| matches!(entry.event, Event::Marked { .. }));
    assert_eq!(marked.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_ends_the_wait() {
    let bench = Bench::new("[{then: [{wait: {until: {mark: never}}}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    peer.leave();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.events().last(), Some(&Event::Closed));
}
