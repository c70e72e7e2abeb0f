//! How many answers are under way at one time, and how far apart requests come.

use super::*;

fn upstream(story: &Story, upstream: Upstream) -> String {
    said(story, &Expect { upstream: Some(upstream), ..Expect::default() })
}

fn concurrent(story: &Story, bound: Bound<u64>) -> String {
    upstream(story, Upstream { concurrent: Some(bound), ..Upstream::default() })
}

fn gaps(story: &Story, bound: Bound<Time>) -> String {
    upstream(story, Upstream { gaps: Some(bound), ..Upstream::default() })
}

/// Asked at 0, 10 and 20 ms; the first is over at 15, the others at 40 and 50 ms.
fn three_clients() -> Story {
    let mut story = Story::new();
    let names = ["reader", "second", "third"];
    names[1..].iter().for_each(|name| story.client(name, crate::scenario::Kind::Raw));
    story.begins(0, "reader");
    story.begins(10, "second");
    story.finishes(15, "reader");
    story.begins(20, "third");
    story.finishes(40, "second");
    story.finishes(50, "third");
    story
}

#[test]
fn answers_count_from_their_request_until_they_are_over() {
    let story = three_clients();
    assert_eq!(concurrent(&story, exactly(2)), "upstream: concurrent");
    assert_eq!(
        concurrent(&story, at_most(1)),
        "upstream: concurrent at 10ms: at most 1 answers under way at one time | 2"
    );
    assert_eq!(
        concurrent(&story, at_least(3)),
        "upstream: concurrent at 10ms: at least 3 answers under way at one time | 2"
    );
    assert!(concurrent(&Story::new(), at_least(1)).ends_with("| 0"));
}

#[test]
fn an_answer_that_is_held_open_is_over_when_its_peer_goes() {
    let story = |gone: bool| {
        let mut story = Story::new();
        story.client("second", crate::scenario::Kind::Raw);
        story.begins(0, "reader");
        story.provider_ends(1, "reader", End::Hold);
        if gone {
            story.provider_left(5, "reader");
        }
        story.begins(10, "second");
        story
    };
    assert_eq!(concurrent(&story(true), exactly(1)), "upstream: concurrent");
    assert_eq!(concurrent(&story(false), exactly(2)), "upstream: concurrent");
}

#[test]
fn each_gap_is_within_its_bound_and_the_first_that_is_not_is_the_breach() {
    let story = three_clients();
    assert_eq!(gaps(&story, exactly(ms(10))), "upstream: gaps");
    assert_eq!(
        gaps(&story, at_least(ms(11))),
        "upstream: gaps at 10ms: at least 11ms from one request to the next | 10ms before request 2"
    );
    let mut late = three_clients();
    late.client("fourth", crate::scenario::Kind::Raw);
    late.begins(100, "fourth");
    assert_eq!(
        gaps(&late, at_most(ms(10))),
        "upstream: gaps at 100ms: at most 10ms from one request to the next | 80ms before request 4"
    );
}

#[test]
fn one_request_has_no_gap() {
    let story = Story::streaming();
    assert!(gaps(&story, at_least(ms(1))).ends_with("| no gap: fewer than two requests came"));
}
