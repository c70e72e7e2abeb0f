//! What a relay's metrics say once everybody has gone, and what its log says.

use indexmap::IndexMap;

use super::*;
use crate::trace::WorldFact;

const TEXT: &str = "# TYPE relay_retries counter\nrelay_retries_total 2\n\
    relay_open_streams 1\nrelay_requests_total{status=\"200\"} 3\n\
    relay_requests_total{status=\"429\"} 4\n";

fn settled(text: Option<&str>) -> Story {
    let mut story = Story::streaming();
    if let Some(text) = text {
        story.fact(300, "world", Fact::World(WorldFact::Metrics { text: text.to_owned() }));
    }
    story.over(400);
    story
}

fn metric(story: &Story, name: &str, bound: Bound<u64>) -> String {
    let metric = IndexMap::from([(name.to_owned(), bound)]);
    let relay = Some(Relay { metric, ..Relay::default() });
    said(story, &Expect { relay, ..Expect::default() })
}

fn open_streams(story: &Story, bound: Bound<u64>) -> String {
    let relay = Some(Relay { open_streams: Some(bound), ..Relay::default() });
    said(story, &Expect { relay, ..Expect::default() })
}

#[test]
fn open_streams_are_those_of_the_gauge() {
    let story = settled(Some(TEXT));
    assert_eq!(open_streams(&story, exactly(1)), "relay: open_streams");
    assert_eq!(
        open_streams(&story, exactly(0)),
        "relay: open_streams at 300ms: 0 streams open at the end | 1"
    );
    let none = settled(Some("relay_retries_total 2\n"));
    let got = "no metric whose name ends with `open_streams` or `in_flight`";
    assert!(
        open_streams(&none, exactly(0))
            .ends_with(&format!("at 300ms: 0 streams open at the end | {got}"))
    );
}

#[test]
fn a_metric_is_called_by_its_name_and_summed_over_its_labels() {
    let story = settled(Some(TEXT));
    assert_eq!(
        metric(&story, "relay_requests_total", exactly(7)),
        "relay: metric relay_requests_total"
    );
    let label = "requests_total{status=\"429\"}";
    assert_eq!(metric(&story, label, at_least(4)), format!("relay: metric {label}"));
    assert_eq!(
        metric(&story, "retries_total", at_most(1)),
        "relay: metric retries_total at 300ms: `retries_total` at most 1 | 2"
    );
    assert_eq!(
        metric(&story, "retrys_total", exactly(2)),
        "relay: metric retrys_total at 300ms: `retrys_total` 2 | no metric of that name among 3"
    );
}

#[test]
fn a_relay_that_tells_no_metrics_breaks_it_and_a_run_that_never_settled_says_nothing() {
    let silent = open_streams(&settled(None), exactly(0));
    assert!(silent.ends_with(
        "at 400ms: 0 streams open at the end | the relay answers no metrics at `/metrics`"
    ));
    let unsettled = |fact| {
        let mut story = Story::streaming();
        story.fact(300, "world", Fact::World(fact));
        let relay = Some(Relay { open_streams: Some(exactly(0)), ..Relay::default() });
        let expect = Expect { relay, ..Expect::default() };
        judge(&Run::of(&story.trace, &story.plan), &expect).verdicts.remove(0).1
    };
    let why = |why: &str| Verdict::NotApplicable { why: why.to_owned() };
    let engine = "the engine does not let the world settle before it ends";
    assert_eq!(unsettled(WorldFact::NotSettled), why(engine));
    let limit = WorldFact::LimitReached { waiting: vec![] };
    assert_eq!(unsettled(limit), why("the run did not come to its end"));
}

fn logged(lines: &[&str], word: &str) -> String {
    let mut story = Story::streaming();
    for text in lines {
        story.fact(300, "relay", Fact::Logged { text: (*text).to_owned() });
    }
    story.over(400);
    let relay = Some(Relay { logged: Some(word.to_owned()), ..Relay::default() });
    said(&story, &Expect { relay, ..Expect::default() })
}

#[test]
fn a_word_of_the_log_is_whole_and_in_any_line() {
    let lines = ["WARN idle_warning silence_ms=60000", "INFO stream end=complete"];
    for word in ["idle_warning", "60000", "silence_ms", "complete", "INFO"] {
        assert_eq!(logged(&lines, word), format!("relay: logged {word}"));
    }
    for word in ["idle", "warning", "6000", "end=complete"] {
        let wanted =
            format!("relay: logged {word} at 400ms: `{word}` in its log | 2 lines without it");
        assert_eq!(logged(&lines, word), wanted);
    }
    assert!(logged(&lines[..1], "stream").ends_with(" | 1 line without it"));
    assert!(logged(&[], "stream").ends_with(" | it logged nothing"));
}
