//! What the stream core decides, at any cut and at any time.

use proptest::prelude::*;

use super::{super::Heartbeat, *};

fn policy() -> Policy {
    Policy {
        family: Family::Chat,
        ids: None,
        heartbeat: None,
        idle_warn: None,
        first_byte: Some(Duration::from_mins(5)),
        idle: Some(Duration::from_mins(2)),
        missing_done: MissingDone::Error,
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn comments(every: u64) -> Heartbeat {
    Heartbeat { every: secs(every), form: HeartbeatForm::Comment }
}

/// Feeds the pieces, then the ending; returns all that was emitted, and how it ended.
fn run(policy: Policy, pieces: &[&[u8]], ending: Input) -> (String, Then) {
    let mut core = Core::new(policy);
    let mut sent = Vec::new();
    for piece in pieces {
        let output = core.feed(secs(1), Input::Bytes(Bytes::copy_from_slice(piece)));
        assert_eq!(output.then, Then::Continue);
        sent.extend(output.emit.unwrap());
    }
    let output = core.feed(secs(1), ending);
    sent.extend(output.emit.unwrap_or_default());
    (String::from_utf8(sent).unwrap(), output.then)
}

const BROKEN_EVENT: &str = concat!(
    r#"data: {"error":{"message":"the provider's connection broke before the stream's end","#,
    r#""type":"server_error","param":null,"code":"upstream_broken"}}"#,
    "\n\n"
);

#[test]
fn a_broken_stream_ends_with_an_error_event_and_broken_framing() {
    let (sent, then) = run(policy(), &[b"data: 1\n\n"], Input::Failed);
    assert_eq!(sent, format!("data: 1\n\n{BROKEN_EVENT}"));
    assert_eq!(then, Then::Break(EndReason::UpstreamBroken));
}

#[test]
fn an_error_event_stands_alone_after_half_an_event() {
    for (half, closing) in [
        ("data: {\"a", "\n\n"),
        ("data: 1\n", "\n"),
        ("data: 1\r", "\n\n"),
        ("data: 1\r\n\r", "\n"),
        ("", ""),
    ] {
        let (sent, _) = run(policy(), &[half.as_bytes()], Input::Failed);
        assert_eq!(sent, format!("{half}{closing}{BROKEN_EVENT}"));
    }
}

#[test]
fn where_events_have_ids_no_blank_line_ends_what_is_no_event() {
    let policy = Policy { ids: Some("s".into()), ..policy() };
    let error = BROKEN_EVENT.replace("\n\n", "\nid: s-1\n\n");
    for (half, closing) in [
        (": ping\n", ""),
        (": pi", "\n"),
        (": ping\r", "\n"),
        ("retry: 1\nunk", "\n"),
        ("event: e\nevent\n", ""),
        ("event: e\n", "\n"),
        ("event: e", "\n\n"),
    ] {
        let (sent, _) = run(policy.clone(), &[half.as_bytes()], Input::Failed);
        assert_eq!(sent, format!("{half}{closing}{error}"), "{half:?}");
    }
}

#[test]
fn a_stream_that_is_cut_in_its_terminator_does_not_become_complete() {
    for half in ["data: [DONE]", "data: [DONE]\n", "data: [DONE]\r\n"] {
        let (sent, then) = run(policy(), &[half.as_bytes()], Input::Failed);
        assert_eq!(sent, half);
        assert_eq!(then, Then::Break(EndReason::UpstreamBroken));
    }
}

#[test]
fn nothing_follows_the_terminator() {
    let done = "data: [DONE]\n\n";
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    for last in [done, error] {
        for ending in [Input::Failed, Input::Shutdown] {
            let (sent, then) = run(policy(), &[last.as_bytes()], ending);
            assert_eq!(sent, last);
            assert!(matches!(then, Then::Break(_)));
        }
    }
    let (sent, then) = run(policy(), &[done.as_bytes()], Input::End);
    assert_eq!((sent.as_str(), then), (done, Then::Finish(EndReason::Complete)));
}

#[test]
fn a_clean_end_without_done_is_an_error_or_tolerated() {
    let (sent, then) = run(policy(), &[b"data: 1\n\n"], Input::End);
    assert!(sent.contains("\"code\":\"upstream_missing_done\""), "{sent}");
    assert!(!sent.contains("data: [DONE]"), "{sent}");
    assert_eq!(then, Then::Break(EndReason::MissingDone));

    let tolerant = Policy { missing_done: MissingDone::Tolerate, ..policy() };
    let (sent, then) = run(tolerant, &[b"data: 1\n\ndata: 2"], Input::End);
    assert_eq!(sent, "data: 1\n\ndata: 2", "half an event stays half an event");
    assert_eq!(then, Then::Finish(EndReason::MissingDone));
}

#[test]
fn a_providers_own_error_event_is_the_last_word() {
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let (sent, then) = run(policy(), &[error.as_bytes()], Input::End);
    assert_eq!((sent.as_str(), then), (error, Then::Finish(EndReason::ProviderError)));
}

#[test]
fn nothing_is_put_into_a_body_that_is_not_events() {
    let opaque = Policy { family: Family::Opaque, ..policy() };
    let (sent, then) = run(opaque.clone(), &[b"{\"id\":"], Input::Failed);
    assert_eq!((sent.as_str(), then), ("{\"id\":", Then::Break(EndReason::UpstreamBroken)));
    let (sent, then) = run(opaque, &[b"{}"], Input::End);
    assert_eq!((sent.as_str(), then), ("{}", Then::Finish(EndReason::Complete)));
}

#[test]
fn the_first_byte_and_each_silence_have_their_own_budget() {
    let mut core = Core::new(policy());
    assert_eq!(core.feed(secs(10), Input::Silence).then, Then::Continue);
    assert_eq!(core.wake_at(), Some(secs(300)), "counted from the request");
    assert_eq!(
        core.clone().feed(secs(300), Input::Silence).then,
        Then::Break(EndReason::FirstByteTimeout)
    );
    core.feed(secs(200), Input::Bytes(Bytes::from_static(b"data: 1\n\n")));
    assert_eq!(core.wake_at(), None, "nobody waits yet");
    // A slow client kept everybody from looking for 500 s: that is no silence.
    assert_eq!(core.feed(secs(700), Input::Silence).then, Then::Continue);
    assert_eq!(core.wake_at(), Some(secs(820)));
    assert_eq!(core.feed(secs(819), Input::Silence).then, Then::Continue);
    assert_eq!(core.feed(secs(820), Input::Silence).then, Then::Break(EndReason::IdleTimeout));
}

fn beats(sent: &'static [u8], until: u64) -> usize {
    let policy = Policy { heartbeat: Some(comments(15)), ..policy() };
    let mut core = Core::new(policy);
    core.feed(secs(0), Input::Bytes(Bytes::from_static(sent)));
    core.feed(secs(0), Input::Silence);
    let mut beats = 0;
    while let Some(at) = core.wake_at().filter(|at| *at <= secs(until)) {
        if let Some(bytes) = core.feed(at, Input::Silence).emit {
            assert_eq!(bytes, ": heartbeat\n\n");
            beats += 1;
        }
    }
    beats
}

#[test]
fn one_heartbeat_is_sent_for_each_interval_of_silence() {
    assert_eq!(beats(b"data: 1\n\n", 14), 0);
    assert_eq!(beats(b"data: 1\n\n", 15), 1);
    assert_eq!(beats(b"data: 1\n\n", 100), 6);
    assert_eq!(beats(b"data: 1\r\r", 100), 6);
}

#[test]
fn no_heartbeat_is_sent_inside_an_event_or_after_the_end() {
    for sent in [&b"data: 1"[..], b"data: 1\n", b"data: 1\r\n\r", b"data: [DONE]\n\n"] {
        assert_eq!(beats(sent, 119), 0, "{}", sent.escape_ascii());
    }
}

#[test]
fn heartbeats_do_not_prolong_the_idle_budget() {
    let policy = Policy { heartbeat: Some(comments(50)), ..policy() };
    let mut core = Core::new(policy);
    core.feed(secs(0), Input::Bytes(Bytes::from_static(b"data: 1\n\n")));
    core.feed(secs(0), Input::Silence);
    assert!(core.feed(secs(50), Input::Silence).emit.is_some());
    assert!(core.feed(secs(100), Input::Silence).emit.is_some());
    assert_eq!(core.feed(secs(120), Input::Silence).then, Then::Break(EndReason::IdleTimeout));
}

const CREATED: &str = "event: response.created\n\
    data: {\"type\":\"response.created\",\"sequence_number\":7,\"response\":{}}\n\n";

#[test]
fn an_answer_of_the_responses_api_breaks_with_an_error_event_of_its_own_shape() {
    let responses = Policy { family: Family::Responses, ..policy() };
    let (sent, then) = run(responses.clone(), &[CREATED.as_bytes(), b"event: x"], Input::Failed);
    let error = concat!(
        "\n\nevent: error\n",
        r#"data: {"type":"error","code":"upstream_broken","#,
        r#""message":"the provider's connection broke before the stream's end","#,
        r#""param":null,"sequence_number":8}"#,
        "\n\n"
    );
    assert_eq!(sent, format!("{CREATED}event: x{error}"));
    assert_eq!(then, Then::Break(EndReason::UpstreamBroken));
    let (_, then) = run(responses.clone(), &[CREATED.as_bytes()], Input::End);
    assert_eq!(then, Then::Break(EndReason::MissingDone));
    for (last, reason) in [
        ("event: response.completed\ndata: {}\n\n", EndReason::Complete),
        ("event: response.completed\ndata: {}\n", EndReason::Complete),
        ("event: response.failed\ndata: {}\n\n", EndReason::ProviderError),
    ] {
        let (sent, then) = run(responses.clone(), &[last.as_bytes()], Input::End);
        assert_eq!((sent.as_str(), then), (last, Then::Finish(reason)));
    }
}

/// What the provider's breaker is told of a stream of these pieces, which ends cleanly.
fn verdict(policy: Policy, pieces: &[&[u8]]) -> Verdict {
    let mut core = Core::new(policy);
    for piece in pieces {
        core.feed(secs(1), Input::Bytes(Bytes::copy_from_slice(piece)));
    }
    match core.feed(secs(1), Input::End).then {
        Then::Finish(reason) | Then::Break(reason) => core.verdict(reason),
        Then::Continue => panic!("it goes on"),
    }
}

#[test]
fn an_error_event_says_of_the_provider_what_its_status_says() {
    let responses = || Policy { family: Family::Responses, ..policy() };
    for (policy, event, wanted) in [
        (policy(), r#"data: {"error":{"message":"m","code":429}}"#, Verdict::Good),
        (
            policy(),
            r#"data: {"error":{"message":"m","type":"invalid_request_error"}}"#,
            Verdict::Good,
        ),
        (policy(), r#"data: {"error":{"message":"m","code":"insufficient_quota"}}"#, Verdict::Good),
        (policy(), r#"data: {"error":{"message":"m","code":503}}"#, Verdict::Bad),
        (policy(), r#"data: {"error":{"message":"overloaded"}}"#, Verdict::Bad),
        (
            responses(),
            r#"data: {"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#,
            Verdict::Good,
        ),
        (
            responses(),
            r#"data: {"type":"error","code":"server_error","message":"m"}"#,
            Verdict::Bad,
        ),
        (responses(), "event: response.failed\ndata: {}", Verdict::Bad),
    ] {
        let event = format!("{event}\n\n");
        assert_eq!(verdict(policy.clone(), &[event.as_bytes()]), wanted, "{event}");
        let with_others = format!("data: 1\n\n{event}");
        assert_eq!(verdict(policy, &[with_others.as_bytes()]), wanted, "{event}");
    }
    let (begun, rest) = (r#"data: {"error":{"mess"#, "age\":\"m\",\"code\":429}}\n\n");
    let cut = verdict(policy(), &[begun.as_bytes(), rest.as_bytes()]);
    assert_eq!(cut, Verdict::Bad, "nothing is held for it");
}

#[test]
fn a_missing_last_event_is_no_failure_where_it_is_tolerated() {
    assert_eq!(verdict(policy(), &[b"data: 1\n\n"]), Verdict::Bad);
    let tolerant = Policy { missing_done: MissingDone::Tolerate, ..policy() };
    assert_eq!(verdict(tolerant, &[b"data: 1\n\n"]), Verdict::Good);
}

#[test]
fn a_last_event_of_the_responses_api_that_is_cut_does_not_become_complete() {
    let responses = Policy { family: Family::Responses, ..policy() };
    let cut = "event: response.completed\ndata: {\"type\":\"resp";
    for (ending, reason) in
        [(Input::Failed, EndReason::UpstreamBroken), (Input::End, EndReason::MissingDone)]
    {
        let (sent, then) = run(responses.clone(), &[cut.as_bytes()], ending);
        assert_eq!((sent.as_str(), then), (cut, Then::Break(reason)));
    }
}

#[test]
fn a_heartbeat_can_be_an_event_that_says_nothing() {
    let beat = |family, sent: &str| {
        let heartbeat = Some(Heartbeat { every: secs(15), form: HeartbeatForm::Event });
        let mut core = Core::new(Policy { family, heartbeat, ..policy() });
        core.feed(secs(0), Input::Bytes(Bytes::copy_from_slice(sent.as_bytes())));
        core.feed(secs(0), Input::Silence);
        let output = core.feed(secs(15), Input::Silence);
        assert_eq!(output.note, Some(Note::Heartbeat));
        String::from_utf8(output.emit.unwrap().to_vec()).unwrap()
    };
    assert_eq!(
        beat(Family::Responses, CREATED),
        "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":7}\n\n"
    );
    let chunk = beat(Family::Chat, "data: 1\n\n");
    let json: serde_json::Value =
        serde_json::from_str(chunk.strip_prefix("data: ").unwrap().trim()).unwrap();
    assert_eq!(json["choices"], serde_json::json!([]));
}

#[test]
fn a_long_silence_is_warned_of_once_and_the_next_one_again() {
    let mut core = Core::new(Policy { idle_warn: Some(secs(60)), ..policy() });
    core.feed(secs(0), Input::Silence);
    assert_eq!(core.wake_at(), Some(secs(300)), "before the first byte the provider thinks");
    for begin in [10, 500] {
        core.feed(secs(begin), Input::Bytes(Bytes::from_static(b"data: 1\n\n")));
        core.feed(secs(begin), Input::Silence);
        assert_eq!(core.wake_at(), Some(secs(begin + 60)));
        assert_eq!(core.feed(secs(begin + 59), Input::Silence).note, None);
        let note = core.feed(secs(begin + 60), Input::Silence).note;
        assert_eq!(note, Some(Note::IdleWarning));
        assert_eq!(core.feed(secs(begin + 61), Input::Silence).note, None);
        assert_eq!(core.wake_at(), Some(secs(begin + 120)));
    }
}

#[test]
fn before_the_answer_only_heartbeats_are_due() {
    let mut core = Core::unanswered(Policy { heartbeat: Some(comments(15)), ..policy() });
    core.feed(secs(0), Input::Silence);
    assert_eq!(core.wake_at(), Some(secs(15)));
    assert_eq!(core.feed(secs(15), Input::Silence).emit.unwrap(), ": heartbeat\n\n");
    assert_eq!(core.feed(secs(900), Input::Silence).then, Then::Continue);
    core.answered(secs(890));
    assert_eq!(core.feed(secs(1189), Input::Silence).then, Then::Continue);
    let over = core.feed(secs(1190), Input::Silence).then;
    assert_eq!(over, Then::Break(EndReason::FirstByteTimeout));
}

proptest! {
    #[test]
    fn any_bytes_in_any_cut_pass_through_byte_equal(
        pieces in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r'), Just(b':')], 1..20),
            0..20),
        ending in prop_oneof![Just(Input::End), Just(Input::Failed), Just(Input::Shutdown)],
    ) {
        let mut core = Core::new(policy());
        for piece in &pieces {
            let output = core.feed(secs(0), Input::Bytes(Bytes::from(piece.clone())));
            prop_assert_eq!(output.emit.as_deref(), Some(&piece[..]));
            core.feed(secs(0), Input::Silence);
        }
        let output = core.feed(secs(0), ending);
        prop_assert_ne!(output.then, Then::Continue);
        if let Some(event) = output.emit {
            let text = std::str::from_utf8(&event).unwrap();
            let event = text.trim_start_matches('\n');
            let stands_alone = event.starts_with("data: {\"error\":{") && event.ends_with("}}\n\n");
            prop_assert!(stands_alone, "{}", text);
        }
    }
}

#[test]
fn events_get_ids_where_a_stream_has_a_name_and_our_own_error_gets_one_too() {
    let named = Policy { ids: Some("s".into()), heartbeat: Some(comments(15)), ..policy() };
    let mut core = Core::new(named);
    let output =
        core.feed(secs(0), Input::Bytes(Bytes::from_static(b": hi\n\ndata: 1\n\ndata: 2")));
    assert_eq!(output.emit.unwrap(), ": hi\n\ndata: 1\nid: s-1\n\ndata: 2");
    assert_eq!(output.ends, [23]);
    let output = core.feed(secs(0), Input::Bytes(Bytes::from_static(b"\n\n")));
    assert_eq!((output.emit.unwrap(), output.ends), ("\nid: s-2\n\n".into(), vec![10]));
    core.feed(secs(0), Input::Silence);
    // No blank line: openai-python would take it for an event without data.
    assert_eq!(core.feed(secs(15), Input::Silence).emit.unwrap(), ": heartbeat\n");
    let output = core.feed(secs(15), Input::Failed);
    let text = String::from_utf8(output.emit.unwrap().to_vec()).unwrap();
    assert_eq!(text, format!("{}\nid: s-3\n\n", BROKEN_EVENT.trim_end()));
    assert_eq!(output.ends, [text.len()]);
}

#[test]
fn an_error_that_the_provider_tells_in_any_dialect_is_the_last_word() {
    for told in [
        "event: error\ndata: overloaded\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{}}\n\n",
        "data: {\"object\":\"error\",\"message\":\"m\"}\n\n",
        "data: {\"id\":\"gen-1\",\"error\":{\"code\":502},\"choices\":[]}\n\n",
    ] {
        for (ending, then) in [
            (Input::End, Then::Finish(EndReason::ProviderError)),
            (Input::Failed, Then::Break(EndReason::UpstreamBroken)),
        ] {
            let mut core = Core::new(policy());
            core.feed(secs(0), Input::Bytes(Bytes::from(told)));
            let output = core.feed(secs(0), ending);
            assert_eq!((output.emit, output.then), (None, then), "{told}");
        }
    }
    let mut core = Core::new(policy());
    // Nothing is dispatched without data (HTML 9.2.6), so nobody was told.
    core.feed(secs(0), Input::Bytes(Bytes::from_static(b"event: error\n\n")));
    assert_eq!(core.feed(secs(0), Input::End).then, Then::Break(EndReason::MissingDone));
}
