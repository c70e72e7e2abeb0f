//! Every key of an expectation, held and broken.

mod any_of;
mod ending;
mod frames;
mod relay;
mod upstream;

use mock_openai::{
    quantity::{Size, Time},
    script::End,
};

use super::judge;
use crate::{
    exchange::{
        Run,
        testing::{JSON, Story},
    },
    plan::RelayKind,
    scenario::{Bound, EndsAs, EndsHow, Expect, Frames, Leave, Relay, Upstream},
    trace::{BodyEnd, ClientFact, Fact, Sight, SocketFact},
    verdict::Verdict,
};

/// An expectation of the reader.
fn reader() -> Expect {
    Expect { client: Some("reader".to_owned()), ..Expect::default() }
}

fn exactly<T: Copy>(value: T) -> Bound<T> {
    Bound { at_least: Some(value), at_most: Some(value) }
}

fn at_most<T>(value: T) -> Bound<T> {
    Bound { at_least: None, at_most: Some(value) }
}

fn at_least<T>(value: T) -> Bound<T> {
    Bound { at_least: Some(value), at_most: None }
}

fn ms(millis: u64) -> Time {
    Time(std::time::Duration::from_millis(millis))
}

/// The one verdict, as `label`, or as `label at 5ms: wanted | got`.
fn said(story: &Story, expect: &Expect) -> String {
    let verdicts = judge(&Run::of(&story.trace, &story.plan), expect).verdicts;
    let [(label, verdict)] = verdicts.as_slice() else { panic!("one verdict: {verdicts:?}") };
    match verdict {
        Verdict::Held => label.clone(),
        Verdict::Broke(breach) => {
            let wanted = breach.wanted.join(" or ");
            format!("{label} at {}: {wanted} | {}", Time(breach.at), breach.got)
        }
        Verdict::NotApplicable { why } => panic!("an expectation always applies: {why}"),
    }
}

/// Three frames at 10, 30 and 90 ms, then a clean end.
fn three_frames() -> Story {
    let mut story = Story::streaming();
    for (at, text) in [(10, "data: 1\n\n"), (30, ": c\n\n"), (90, "data: [DONE]\n\n")] {
        story.relays(at, "reader", text);
    }
    story.finishes(100, "reader");
    story
}

#[test]
fn status_and_headers_are_those_of_the_last_response() {
    let mut story = Story::new();
    for status in [429, 200] {
        story.asks(1, "reader");
        story.replies(2, "reader", status, &[("Content-Type", "text/event-stream; a=b")]);
        story.closes(2, "reader", BodyEnd::Complete);
        story.trace.events.iter_mut().for_each(|event| event.at = std::time::Duration::ZERO);
    }
    let status = |status| Expect { status: Some(status), ..reader() };
    assert_eq!(said(&story, &status(200)), "reader: status");
    assert_eq!(said(&story, &status(502)), "reader: status at 0s: 502 | 200");
    let header = |value: &str| {
        let headers = [("content-type".to_owned(), value.to_owned())].into();
        said(&story, &Expect { headers, ..reader() })
    };
    assert_eq!(header("text/event-stream*"), "reader: header content-type");
    assert_eq!(header("text/event-stream; a=b"), "reader: header content-type");
    assert!(header("text/event-stream").contains("| `text/event-stream; a=b`"));
    assert!(header("absent").contains("at 0s: `absent` |"));
    let absent = [("x-more".to_owned(), "absent".to_owned())].into();
    assert_eq!(said(&story, &Expect { headers: absent, ..reader() }), "reader: header x-more");
    let attempts = |bound| said(&story, &Expect { attempts: Some(bound), ..reader() });
    assert_eq!(attempts(exactly(2)), "reader: attempts");
    assert_eq!(attempts(at_most(1)), "reader: attempts at 0s: at most 1 | 2");
}

#[test]
fn of_a_relay_that_writes_events_anew_frames_are_expected_as_it_says() {
    let frames = |story: &Story, frames| said(story, &Expect { frames: Some(frames), ..reader() });
    let mut story = Story::streaming();
    story.provides(1, "reader", ": note\n\ndata: 1\n\ndata: [DONE]\n\n");
    story.passes(1, "reader", "data:1\n\n");
    story.plan.claims.kind = RelayKind::Reframing;
    let first = frames(&story, Frames::AsSentFirst(2));
    assert_eq!(first, "reader: frames");
    let all = frames(&story, Frames::AsSent);
    assert!(all.ends_with("all 2 events of the provider | 1 of them"), "{all}");
    story.passes(2, "reader", "data:[DONE]\n\n");
    assert_eq!(frames(&story, Frames::AsSent), "reader: frames");
    assert_eq!(frames(&story, Frames::AsSentFirst(3)), "reader: frames");
    assert!(frames(&story, Frames::AsSentFirst(1)).ends_with("and no other | 2 of them"));

    let mut other = Story::streaming();
    other.provides(1, "reader", "data: 1\n\n");
    other.passes(1, "reader", "data: 2\n\n");
    other.plan.claims.kind = RelayKind::Reframing;
    assert!(frames(&other, Frames::AsSent).ends_with("0 of them, then `data: 2\\n\\n`"));
    other.plan.claims.kind = RelayKind::Translating;
    assert_eq!(frames(&other, Frames::AsSent), "reader: frames");
}

#[test]
fn frames_are_counted_and_compared_with_what_was_sent() {
    let frames = |story: &Story, frames| said(story, &Expect { frames: Some(frames), ..reader() });
    let story = three_frames();
    assert_eq!(frames(&story, Frames::AsSent), "reader: frames");
    assert_eq!(frames(&story, Frames::AsSentFirst(3)), "reader: frames");
    assert_eq!(frames(&story, Frames::Count(exactly(3))), "reader: frames");
    assert_eq!(
        frames(&story, Frames::Count(exactly(4))),
        "reader: frames at 100ms: 4 frames | 3 frames"
    );
    assert_eq!(
        frames(&story, Frames::AsSentFirst(2)),
        "reader: frames at 100ms: the first 2 frames of the provider, as sent, and no other | 3 of them"
    );

    let mut changed = Story::streaming();
    changed.provides(1, "reader", "data: 1\n\ndata: 2\n\n");
    changed.passes(1, "reader", "data: 1\n\n");
    changed.passes(4, "reader", "data: 3\n\n");
    changed.finishes(5, "reader");
    let wanted = "all 2 frames of the provider, as sent | 1 frames as sent, then `data: 3\\n\\n`";
    assert_eq!(frames(&changed, Frames::AsSent), format!("reader: frames at 4ms: {wanted}"));

    let mut short = Story::streaming();
    short.provides(1, "reader", "data: 1\n\ndata: 2\n\n");
    short.passes(1, "reader", "data: 1\n\n");
    short.leaves(5, "reader", Leave::Fin);
    assert_eq!(
        frames(&short, Frames::AsSent),
        "reader: frames at 5ms: all 2 frames of the provider, as sent | 1 of them"
    );
    assert_eq!(frames(&short, Frames::AsSentFirst(1)), "reader: frames");

    let mut twice = Story::streaming();
    twice.relays(1, "reader", "data: [DONE]\n\n");
    twice.passes(2, "reader", "data: [DONE]\n\n");
    twice.finishes(5, "reader");
    assert!(frames(&twice, Frames::AsSent).ends_with("as sent | 1 of them, and 2 `[DONE]`"));
}

#[test]
fn times_are_from_the_request_and_between_frames() {
    let story = three_frames();
    let first = |bound| said(&story, &Expect { first_frame: Some(bound), ..reader() });
    assert_eq!(first(exactly(ms(10))), "reader: first_frame");
    assert_eq!(first(at_most(ms(9))), "reader: first_frame at 10ms: at most 9ms | 10ms");
    let gap = |bound| said(&story, &Expect { longest_gap: Some(bound), ..reader() });
    assert_eq!(gap(exactly(ms(60))), "reader: longest_gap");
    assert_eq!(gap(at_most(ms(59))), "reader: longest_gap at 90ms: at most 59ms | 60ms");
}

#[test]
fn each_ending_has_its_word() {
    let ends = |story: &Story, hows: &[EndsHow]| {
        said(
            story,
            &Expect {
                ends: Some(EndsAs { how: hows.to_vec(), first_closed_by: None }),
                ..reader()
            },
        )
    };
    let after = |text: &str, how: BodyEnd| {
        let mut story = Story::streaming();
        story.passes(1, "reader", text);
        story.closes(2, "reader", how);
        story
    };
    let held = "reader: ends";
    let done = after("data: [DONE]\n\n", BodyEnd::Complete);
    assert_eq!(ends(&done, &[EndsHow::Clean]), held);
    let bare = after("data: 1\n\n", BodyEnd::Complete);
    assert_eq!(ends(&bare, &[EndsHow::NoTerminator]), held);
    let error = after("data: {\"error\":{}}\n\n", BodyEnd::Truncated);
    assert_eq!(ends(&error, &[EndsHow::ErrorEvent]), held);
    let cut = after("data: 1\n\n", BodyEnd::Reset);
    assert_eq!(ends(&cut, &[EndsHow::Broken]), held);
    let mut status = Story::new();
    status.asks(0, "reader");
    status.replies(1, "reader", 503, JSON);
    status.closes(1, "reader", BodyEnd::Complete);
    assert_eq!(ends(&status, &[EndsHow::Status]), held);
    let mut left = Story::streaming();
    left.leaves(3, "reader", Leave::Rst);
    assert_eq!(ends(&left, &[EndsHow::Clean, EndsHow::Left]), held);
    assert_eq!(
        ends(&bare, &[EndsHow::ErrorEvent, EndsHow::Broken]),
        "reader: ends at 2ms: error_event or broken | no_terminator: status 200 and 1 frame, then a clean end of the body"
    );
    let mut headless = Story::new();
    headless.asks(0, "reader");
    headless.closes(1, "reader", BodyEnd::Complete);
    assert_eq!(ends(&headless, &[EndsHow::Broken]), held);
    let open = Story::streaming();
    assert!(ends(&open, &[EndsHow::Left]).contains("| still open:"));
}

#[test]
fn a_script_reads_what_its_browser_lets_it_read() {
    let reads = |sight: Option<Sight>, may| {
        let mut story = Story::streaming();
        if let Some(sight) = sight {
            story.fact(7, "reader", Fact::Client(ClientFact::Saw(sight)));
        }
        said(&story, &Expect { script_reads: Some(may), ..reader() })
    };
    let response = || Some(Sight::Response { status: 200, headers: vec![] });
    let blocked = || Some(Sight::Blocked { why: "no origin".to_owned() });
    assert_eq!(reads(response(), true), "reader: script_reads");
    assert_eq!(reads(blocked(), false), "reader: script_reads");
    assert_eq!(reads(None, false), "reader: script_reads");
    let wanted = "script may read it";
    let got = "script may not read it: no origin";
    assert_eq!(reads(blocked(), true), format!("reader: script_reads at 7ms: {wanted} | {got}"));
    assert!(reads(response(), false).ends_with("script may not read it | script may read it"));
}

#[test]
fn the_provider_counts_requests_and_closings_and_waits() {
    let upstream = |story: &Story, upstream| {
        said(story, &Expect { upstream: Some(upstream), ..Expect::default() })
    };
    let requests = |bound| Upstream { requests: Some(bound), ..Upstream::default() };
    let within = |time| Upstream { closed_within: Some(time), ..Upstream::default() };
    let waits = |bound| Upstream { waits: Some(bound), ..Upstream::default() };
    let mut story = Story::streaming();
    assert_eq!(upstream(&story, requests(exactly(1))), "upstream: requests");
    assert_eq!(
        upstream(&story, requests(exactly(0))),
        "upstream: requests at 0s: 0 requests at the provider | 1"
    );
    assert!(upstream(&story, within(ms(9))).contains("no client left"));
    story.socket(5, "upstream", "reader", 1, SocketFact::Blocked);
    story.socket(25, "upstream", "reader", 1, SocketFact::Unblocked);
    story.leaves(100, "reader", Leave::Fin);
    assert!(upstream(&story, within(ms(300))).ends_with("| never closed"));
    story.provider_left(400, "reader");
    assert_eq!(upstream(&story, within(ms(300))), "upstream: closed_within");
    assert_eq!(
        upstream(&story, within(ms(299))),
        "upstream: closed_within at 400ms: closed within 299ms of the client's leaving | closed after 300ms"
    );
    assert_eq!(upstream(&story, waits(exactly(ms(20)))), "upstream: waits");
    assert_eq!(
        upstream(&story, waits(at_most(ms(19)))),
        "upstream: waits at 25ms: the provider waits at most 19ms for room to write | 20ms"
    );
}

#[test]
fn the_relay_holds_what_it_read_and_did_not_write() {
    let mut story = Story::streaming();
    story.provides(1, "reader", "data: 1\n\n");
    story.provides(2, "reader", "data: 2\n\n");
    story.writes(3, "reader", "data: 1\n\n");
    let held = |bytes| {
        let relay = Relay { held_bytes: Some(at_most(Size(bytes))), ..Relay::default() };
        said(&story, &Expect { relay: Some(relay), ..Expect::default() })
    };
    assert_eq!(held(18), "relay: held_bytes");
    assert_eq!(held(17), "relay: held_bytes at 2ms: at most 17B | 18B of one answer");
}

#[test]
fn a_group_is_each_of_its_clients_and_a_client_that_never_asked_breaks_everything() {
    let mut story = Story::new();
    story.client("reader-2", crate::scenario::Kind::Raw);
    story.plan.clients[1].group = "reader".to_owned();
    story.begins(0, "reader");
    let expect = Expect { status: Some(200), ..reader() };
    let verdicts = judge(&Run::of(&story.trace, &story.plan), &expect).verdicts;
    let labels: Vec<&str> = verdicts.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["reader: status", "reader-2: status"]);
    assert_eq!(verdicts[0].1, Verdict::Held);
    assert!(matches!(&verdicts[1].1, Verdict::Broke(b) if b.got == "the client sent no request"));
    let nobody = Expect { client: Some("nobody".to_owned()), ..expect };
    assert!(said(&story, &nobody).contains("named `nobody` | none"));
}

#[test]
fn an_error_that_stands_in_for_what_is_missing_is_no_strange_frame() {
    let mut story = Story::streaming();
    story.relays(1, "reader", "data: 1\n\n");
    story.provider_ends(2, "reader", End::Reset);
    story.passes(3, "reader", "data: {\"error\":{}}\n\n");
    story.closes(3, "reader", BodyEnd::Complete);
    let expect = Expect { frames: Some(Frames::AsSentFirst(1)), ..reader() };
    assert_eq!(said(&story, &expect), "reader: frames");
}
