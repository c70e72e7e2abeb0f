//! Whole clients against scripted servers, in virtual time.

use std::time::Duration;

use mock_openai::quantity::{Rate, Size, Time};
use rstest::rstest;

use super::{
    play,
    session::Shared,
    tabs::Tabs,
    testing::{Pipes, Seen, Step, client_facts, send, serve},
};
use crate::{
    plan::{Client, Request},
    scenario::{
        Backoff, ClientWait, Does, Http, Kind, LastEventId, Leave, Patience, Pause, ReadPoint,
        Reads, Reconnect, Retries,
    },
    trace::{BodyEnd, ClientFact, Recorder, Sight},
};

const SSE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

pub(super) fn reader() -> Client {
    let headers =
        [("host", "relay"), ("content-type", "application/json"), ("content-length", "2")];
    Client {
        name: "reader".to_owned(),
        group: "reader".to_owned(),
        starts: Duration::ZERO,
        from: "reader".to_owned(),
        tab_of: None,
        kind: Kind::Raw,
        http: Http::H1,
        recv_buffer: None,
        request: Request {
            method: "POST".to_owned(),
            target: "/v1/chat/completions".to_owned(),
            headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
            body: "{}".to_owned(),
        },
        origin: None,
        credentials: false,
        reads: Reads::Eagerly,
        does: Vec::new(),
        gives_up: Patience::default(),
        retries: None,
    }
}

pub(super) fn millis(millis: u64) -> Time {
    Time(Duration::from_millis(millis))
}

/// Plays a client against a server; its facts, and what the server saw.
async fn run(
    client: Client,
    scripts: Vec<Vec<Step>>,
) -> (Vec<(u64, ClientFact)>, Seen, Vec<crate::net::Fault>) {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(16 * 1024);
    let seen = serve(&pipes.host("relay", &recorder), scripts);
    let host = pipes.host("reader", &recorder);
    tokio::spawn(play(client, "relay".into(), host, 7, Shared::default())).await.unwrap();
    // Lets the server notice that the client is gone.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let faults = pipes.faults.lock().unwrap().clone();
    (client_facts(&recorder), seen, faults)
}

/// What happened when, in words.
pub(super) fn story(facts: &[(u64, ClientFact)]) -> Vec<String> {
    let line = |(at, fact): &(u64, ClientFact)| {
        let what = match fact {
            ClientFact::Sent { request, method, target, .. } => {
                format!("sent {request} {method} {target}")
            }
            ClientFact::Queues => "queues".to_owned(),
            ClientFact::NoConnection { error } => format!("no connection {error:?}"),
            ClientFact::Head { request, status, .. } => format!("head {request} {status}"),
            ClientFact::Body { bytes, .. } => format!("body {}", bytes.escape_ascii()),
            ClientFact::Trailers { fields, .. } => format!("trailers {fields:?}"),
            ClientFact::Ended { how, .. } => format!("ended {how:?}"),
            ClientFact::Left { how } => format!("left {how:?}"),
            ClientFact::GaveUp { budget } => format!("gave up {budget}"),
            ClientFact::Waits { time, because } => format!("waits {} {because}", time.as_millis()),
            ClientFact::Saw(sight) => format!("saw {sight:?}"),
            ClientFact::Done => "done".to_owned(),
        };
        format!("{at} {what}")
    };
    facts.iter().map(line).collect()
}

fn two_frames_then(last: Vec<Step>) -> Vec<Step> {
    let mut steps = vec![
        send(SSE),
        Step::Wait(20),
        send("9\r\ndata: 1\n\n\r\n"),
        Step::Wait(20),
        send("9\r\ndata: 2\n\n\r\n"),
    ];
    steps.extend(last);
    steps
}

#[rstest]
#[case::complete(vec![send("0\r\n\r\n")], BodyEnd::Complete)]
#[case::no_final_chunk(vec![], BodyEnd::Truncated)]
#[case::reset(vec![Step::Reset], BodyEnd::Reset)]
#[case::nonsense(vec![send("oops\r\n")], BodyEnd::Garbled)]
#[tokio::test(start_paused = true)]
async fn a_reader_sees_each_piece_at_its_time_and_how_it_ended(
    #[case] last: Vec<Step>,
    #[case] how: BodyEnd,
) {
    let (facts, seen, _) = run(reader(), vec![two_frames_then(last)]).await;
    assert_eq!(
        story(&facts),
        [
            "0 sent 0 POST /v1/chat/completions".to_owned(),
            "0 head 0 200".to_owned(),
            r"20 body data: 1\n\n".to_owned(),
            r"40 body data: 2\n\n".to_owned(),
            format!("40 ended {how:?}"),
            "40 done".to_owned(),
        ]
    );
    assert_eq!(
        seen.requests[0].1,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: relay\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    );
}

#[tokio::test(start_paused = true)]
async fn trailers_are_seen_apart_from_the_body() {
    let last = vec![send("0\r\nx-usage: 7\r\n\r\n")];
    let (facts, ..) = run(reader(), vec![two_frames_then(last)]).await;
    assert_eq!(story(&facts)[4..6], ["40 trailers [(\"x-usage\", \"7\")]", "40 ended Complete"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_starts_at_its_time_and_a_refused_one_says_so() {
    let client = Client { starts: Duration::from_millis(300), ..reader() };
    let recorder = Recorder::starting_now();
    let host = Pipes::new(1).host("reader", &recorder);
    play(client, "relay".into(), host, 7, Shared::default()).await;
    assert_eq!(
        story(&client_facts(&recorder)),
        ["300 no connection ConnectionRefused", "300 done"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_leaver_reads_to_its_point_waits_and_closes() {
    let does = vec![
        Does::Read(ReadPoint::Frames(1)),
        Does::Wait(ClientWait::For(millis(5))),
        Does::Leave(Leave::Fin),
    ];
    let (facts, seen, _) =
        run(Client { does, ..reader() }, vec![two_frames_then(vec![Step::Watch])]).await;
    assert_eq!(story(&facts)[2..], [r"20 body data: 1\n\n", "25 left Fin", "25 done"]);
    assert_eq!(seen.gone, [], "the second frame could not be written");
}

#[tokio::test(start_paused = true)]
async fn a_client_can_leave_before_any_answer() {
    let does = vec![Does::Wait(ClientWait::For(millis(50))), Does::Leave(Leave::Fin)];
    let (facts, seen, _) = run(Client { does, ..reader() }, vec![vec![Step::Watch]]).await;
    assert_eq!(story(&facts)[1..], ["50 left Fin", "50 done"]);
    assert_eq!(seen.gone, [(Duration::from_millis(50), None)]);
}

#[tokio::test(start_paused = true)]
async fn a_leaver_can_reset() {
    let does = vec![Does::Read(ReadPoint::Bytes(Size(9))), Does::Leave(Leave::Rst)];
    let script = vec![send(SSE), send("9\r\ndata: 1\n\n\r\n"), Step::Watch];
    let (facts, seen, _) = run(Client { does, ..reader() }, vec![script]).await;
    assert!(story(&facts).ends_with(&["0 left Rst".to_owned(), "0 done".to_owned()]));
    assert_eq!(seen.gone, [(Duration::ZERO, Some(std::io::ErrorKind::ConnectionReset))]);
}

#[tokio::test(start_paused = true)]
async fn a_leaver_can_fall_silent() {
    let does = vec![Does::Read(ReadPoint::Frames(1)), Does::Leave(Leave::Vanish)];
    let (facts, _, faults) = run(Client { does, ..reader() }, vec![two_frames_then(vec![])]).await;
    assert_eq!(story(&facts)[3..], ["20 left Vanish", "20 done"]);
    assert_eq!(faults, [crate::net::Fault::Vanish { host: "reader".into() }]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_shuts_its_sending_side_reads_on_and_does_what_stands_behind() {
    let does = vec![
        Does::Read(ReadPoint::Frames(1)),
        Does::Leave(Leave::HalfClose),
        Does::Read(ReadPoint::Frames(2)),
        Does::Wait(ClientWait::For(millis(5))),
    ];
    let script = vec![
        send(SSE),
        Step::Wait(20),
        send("9\r\ndata: 1\n\n\r\n"),
        Step::Watch,
        Step::Wait(30),
        send("9\r\ndata: 2\n\n\r\n0\r\n\r\n"),
    ];
    let (facts, seen, _) = run(Client { does, ..reader() }, vec![script]).await;
    assert_eq!(
        story(&facts)[2..],
        [
            r"20 body data: 1\n\n",
            "20 left HalfClose",
            r"50 body data: 2\n\n",
            "50 ended Complete",
            "50 done"
        ]
    );
    // The server reads the end of what the client says, and no error.
    assert_eq!(seen.gone, [(Duration::from_millis(20), None)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_for_a_mark_and_one_that_was_passed_before_counts() {
    for (passed_at, left_at) in [(70, "70 left Fin"), (5, "20 left Fin")] {
        let recorder = Recorder::starting_now();
        let pipes = Pipes::new(16 * 1024);
        serve(&pipes.host("relay", &recorder), vec![two_frames_then(vec![Step::Watch])]);
        let does = vec![
            Does::Read(ReadPoint::Frames(1)),
            Does::Wait(ClientWait::Mark("half".to_owned())),
            Does::Leave(Leave::Fin),
        ];
        let shared = Shared::default();
        let (client, host) = (Client { does, ..reader() }, pipes.host("reader", &recorder));
        let playing = tokio::spawn(play(client, "relay".into(), host, 7, shared.clone()));
        tokio::time::sleep(Duration::from_millis(passed_at)).await;
        shared.marks.pass("another");
        shared.marks.pass("half");
        playing.await.unwrap();
        let facts = client_facts(&recorder);
        assert_eq!(story(&facts)[3..4], [left_at]);
    }
}

#[rstest]
#[case::until_close(
    "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n",
    r"0 body data: 1\n\n"
)]
#[case::chunks_are_bytes(
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n",
    r"0 body 9\r\ndata: 1\n\n\r\n0\r\n\r\n"
)]
#[case::length("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "0 body hi")]
#[tokio::test(start_paused = true)]
async fn a_client_of_http_1_0_says_so_and_knows_no_chunks(
    #[case] answer: &str,
    #[case] body: &str,
) {
    let client = Client { http: Http::H10, ..reader() };
    let (facts, seen, _) = run(client, vec![vec![send(answer)]]).await;
    assert_eq!(story(&facts)[2..], [body, "0 ended Complete", "0 done"]);
    let line = seen.requests[0].1.lines().next();
    assert_eq!(line, Some("POST /v1/chat/completions HTTP/1.0"));
}

fn patience(set: impl Fn(&mut Patience, Time)) -> Patience {
    let mut patience = Patience::default();
    set(&mut patience, millis(1_000));
    patience
}

#[rstest]
#[case::first_byte(patience(|p, t| p.first_byte = Some(t)), vec![Step::Wait(5_000), send(SSE)], "1000 gave up first_byte")]
#[case::first_byte_came(patience(|p, t| p.first_byte = Some(t)), vec![send(SSE), Step::Wait(5_000), send("0\r\n\r\n")], "5000 ended Complete")]
#[case::silence(patience(|p, t| p.silence = Some(t)), vec![Step::Wait(2_000), send(SSE), Step::Wait(5_000)], "3000 gave up silence")]
#[case::comments_end_silence(
    patience(|p, t| p.silence = Some(t)),
    vec![send(SSE), Step::Wait(900), send("3\r\n:\n\n\r\n"), Step::Wait(900), send("0\r\n\r\n")],
    "1800 ended Complete"
)]
#[case::total(patience(|p, t| p.total = Some(t)), vec![send(SSE), Step::Wait(900), send("3\r\n:\n\n\r\n"), Step::Wait(900)], "1000 gave up total")]
#[tokio::test(start_paused = true)]
async fn patience_ends_by_its_own_budget(
    #[case] gives_up: Patience,
    #[case] script: Vec<Step>,
    #[case] expected: &str,
) {
    let (facts, ..) = run(Client { gives_up, ..reader() }, vec![script]).await;
    let story = story(&facts);
    assert_eq!(story[story.len() - 2], expected);
    assert!(story.last().is_some_and(|last| last.ends_with("done")));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_keeps_its_rate_and_the_server_feels_it() {
    let body = "x".repeat(64 * 1024);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let script = vec![send(&head), send(&body)];
    let client = Client { reads: Reads::Rate(Rate(1024)), ..reader() };
    let (facts, seen, _) = run(client, vec![script]).await;
    let (ended, _) = facts[facts.len() - 2];
    // 64 KiB and 43 bytes of head at 1 KiB a second; the last read ends less than one piece early.
    assert!((63_900..=64_050).contains(&ended), "{ended}");
    for second in [10_000, 30_000] {
        let read: usize = facts
            .iter()
            .filter(|(at, _)| *at < second)
            .map(
                |(_, fact)| if let ClientFact::Body { bytes, .. } = fact { bytes.len() } else { 0 },
            )
            .sum();
        let due = usize::try_from(second).unwrap() * 1024 / 1000;
        assert!(read.abs_diff(due) <= 256, "{read} of {due}");
    }
    assert_eq!(seen.written, body.len() as u64 + head.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_reader_can_pause_once() {
    let pause = Pause { after: ReadPoint::Frames(1), lasts: millis(500) };
    let client = Client { reads: Reads::Pause(pause), ..reader() };
    let (facts, ..) = run(client, vec![two_frames_then(vec![send("0\r\n\r\n")])]).await;
    assert_eq!(
        story(&facts)[2..],
        [r"20 body data: 1\n\n", r"520 body data: 2\n\n", "520 ended Complete", "520 done"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_never_reads_gives_up_by_its_budget() {
    let gives_up = patience(|p, t| p.first_byte = Some(t));
    let client = Client { reads: Reads::None, gives_up, ..reader() };
    let (facts, ..) = run(client, vec![two_frames_then(vec![])]).await;
    assert_eq!(story(&facts)[1..], ["1000 gave up first_byte", "1000 done"]);
}

fn retries(max: u64) -> Retries {
    Retries { max, on: vec![429], backoff: Backoff::default(), honours_retry_after: true }
}

const LIMITED: &str =
    "HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_tried_again_after_what_the_answer_says() {
    // What it does is meant for the answer that it wants: it neither counts a 429 nor leaves it.
    let does = vec![Does::Read(ReadPoint::Bytes(Size(1))), Does::Leave(Leave::Fin)];
    let client = Client { retries: Some(retries(2)), does, ..reader() };
    let (facts, ..) = run(client, vec![vec![send(LIMITED)], two_frames_then(vec![])]).await;
    assert_eq!(
        story(&facts),
        [
            "0 sent 0 POST /v1/chat/completions",
            "0 head 0 429",
            "0 body {}",
            "0 ended Complete",
            "0 waits 2000 retry-after",
            "2000 sent 1 POST /v1/chat/completions",
            "2000 head 1 200",
            "2020 body d",
            "2020 left Fin",
            "2020 done",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn retries_are_bounded() {
    let client = Client { retries: Some(retries(1)), ..reader() };
    let (facts, seen, _) = run(client, vec![vec![send(LIMITED)]; 3]).await;
    assert_eq!(seen.requests.len(), 2);
    assert_eq!(story(&facts)[8..], ["2000 ended Complete", "2000 gave up retries", "2000 done"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_tried_again_is_the_one_it_wanted() {
    let does = vec![Does::Read(ReadPoint::Bytes(Size(1))), Does::Leave(Leave::Fin)];
    let client = Client { retries: Some(retries(0)), does, ..reader() };
    let (facts, ..) = run(client, vec![vec![send(LIMITED)]]).await;
    assert_eq!(story(&facts)[2..], ["0 body {", "0 left Fin", "0 done"]);
}

#[tokio::test(start_paused = true)]
async fn a_preflight_is_no_progress() {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(16 * 1024);
    let preflight = PREFLIGHT_OK.replace("204 No Content", "200 OK");
    let preflight = preflight.replace("\r\n\r\n", "\r\ncontent-length: 9\r\n\r\ndata: 0\n\n");
    let answer = SSE.replace("\r\n\r\n", "\r\naccess-control-allow-origin: *\r\n\r\n");
    let answer = vec![send(&answer), Step::Wait(50), send("9\r\ndata: 1\n\n\r\n")];
    serve(&pipes.host("relay", &recorder), vec![vec![send(&preflight)], answer]);
    let shared = Shared::default();
    let host = pipes.host("reader", &recorder);
    tokio::spawn(play(page(), "relay".into(), host, 7, shared.clone()));
    shared.progress.reached(ReadPoint::Frames(1)).await;
    assert_eq!(recorder.now().as_millis(), 50);
}

#[tokio::test(start_paused = true)]
async fn progress_counts_what_was_received() {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(16 * 1024);
    serve(&pipes.host("relay", &recorder), vec![two_frames_then(vec![send("0\r\n\r\n")])]);
    let shared = Shared::default();
    tokio::spawn(play(
        reader(),
        "relay".into(),
        pipes.host("reader", &recorder),
        7,
        shared.clone(),
    ));
    shared.progress.reached(ReadPoint::Bytes(Size(9))).await;
    assert_eq!(recorder.now().as_millis(), 20);
    shared.progress.reached(ReadPoint::Frames(2)).await;
    assert_eq!(recorder.now().as_millis(), 40);
}

fn saw(facts: &[(u64, ClientFact)]) -> Vec<Sight> {
    let sights = facts.iter().filter_map(|(_, fact)| {
        if let ClientFact::Saw(sight) = fact { Some(sight.clone()) } else { None }
    });
    sights.collect()
}

fn error(text: &str) -> Sight {
    Sight::Error { text: text.to_owned() }
}

#[rstest]
#[case::complete(vec![send("0\r\n\r\n")], Sight::End)]
#[case::cut(vec![], error("Transport error: unexpected end of file"))]
#[case::reset(vec![Step::Reset], error("Transport error: connection reset"))]
#[tokio::test(start_paused = true)]
async fn an_application_on_eventsource_stream_sees_events_and_the_end(
    #[case] last: Vec<Step>,
    #[case] end: Sight,
) {
    let client = Client { kind: Kind::EventsourceStream, ..reader() };
    let (facts, ..) = run(client, vec![two_frames_then(last)]).await;
    let event = |data: &str| Sight::Event {
        event: "message".to_owned(),
        id: String::new(),
        data: data.to_owned(),
    };
    assert_eq!(saw(&facts), [event("1"), event("2"), end]);
}

const PAGE: &str = "https://app.example";

fn page() -> Client {
    Client { kind: Kind::Browser, origin: Some(PAGE.to_owned()), ..reader() }
}

const PREFLIGHT_OK: &str = "HTTP/1.1 204 No Content\r\naccess-control-allow-origin: *\r\naccess-control-allow-headers: content-type\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_page_asks_first_then_reads_text() {
    let answer = "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-type: text/event-stream\r\nx-request-id: 1\r\ncontent-length: 5\r\n\r\na\u{8c46}";
    let cut = answer.len() - 1;
    let script = vec![
        Step::Send(answer.as_bytes()[..cut].to_vec()),
        Step::Wait(10),
        Step::Send([&answer.as_bytes()[cut..], b"b"].concat()),
    ];
    let (facts, seen, _) = run(page(), vec![vec![send(PREFLIGHT_OK)], script]).await;
    assert_eq!(
        seen.requests[0].1,
        "OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: relay\r\naccept: */*\r\naccess-control-request-method: POST\r\naccess-control-request-headers: content-type\r\norigin: https://app.example\r\n\r\n"
    );
    assert!(seen.requests[1].1.contains("\r\norigin: https://app.example\r\n"));
    let header = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    assert_eq!(
        saw(&facts),
        [
            Sight::Response {
                status: 200,
                headers: vec![
                    header("content-type", "text/event-stream"),
                    header("content-length", "5")
                ],
            },
            Sight::Text { text: "a".to_owned() },
            Sight::Text { text: "\u{8c46}b".to_owned() },
            Sight::End,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_preflight_is_refused_never_sends_its_request() {
    let refused =
        "HTTP/1.1 401 Unauthorized\r\naccess-control-allow-origin: *\r\ncontent-length: 0\r\n\r\n";
    let (facts, seen, _) = run(page(), vec![vec![send(refused)]; 2]).await;
    assert_eq!(seen.requests.len(), 1);
    let why = "preflight: status 401 is not ok".to_owned();
    assert_eq!(saw(&facts), [Sight::Blocked { why }]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    let moved = "HTTP/1.1 307 Temporary Redirect\r\naccess-control-allow-origin: *\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n";
    let (facts, ..) = run(page(), vec![vec![send(PREFLIGHT_OK)], vec![send(moved)]]).await;
    let why = "status 307: redirects are not followed here".to_owned();
    assert_eq!(saw(&facts), [Sight::Blocked { why }]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_the_header_is_kept_from_script_and_its_connection_is_closed() {
    let script = two_frames_then(vec![]);
    let (facts, ..) = run(page(), vec![vec![send(PREFLIGHT_OK)], script]).await;
    let why = "CORS check: no Access-Control-Allow-Origin".to_owned();
    assert_eq!(saw(&facts), [Sight::Blocked { why }]);
    let last = &story(&facts)[facts.len() - 2..];
    assert_eq!(last, ["0 left Fin", "0 done"]);
}

#[rstest]
#[case::hidden("", "backoff")]
#[case::exposed("access-control-expose-headers: retry-after\r\n", "retry-after")]
#[tokio::test(start_paused = true)]
async fn a_page_honours_only_the_retry_after_that_it_can_see(
    #[case] expose: &str,
    #[case] because: &str,
) {
    let limited = LIMITED
        .replace("\r\nretry", &format!("\r\naccess-control-allow-origin: *\r\n{expose}retry"));
    let client = Client { retries: Some(retries(1)), ..page() };
    let preflight = vec![send(PREFLIGHT_OK)];
    let scripts = vec![preflight.clone(), vec![send(&limited)], preflight, vec![send(&limited)]];
    let (facts, ..) = run(client, scripts).await;
    let waits = facts.iter().find_map(|(_, fact)| {
        if let ClientFact::Waits { because, .. } = fact { Some(*because) } else { None }
    });
    assert_eq!(waits, Some(because));
}

#[tokio::test(start_paused = true)]
async fn a_page_of_the_same_origin_asks_nothing() {
    let client = Client { origin: None, ..page() };
    let (facts, seen, _) = run(client, vec![two_frames_then(vec![send("0\r\n\r\n")])]).await;
    assert_eq!(seen.requests.len(), 1);
    assert!(seen.requests[0].1.contains("\r\norigin: http://relay\r\n"));
    assert_eq!(saw(&facts).last(), Some(&Sight::End));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_reads_nothing_still_reads_its_preflight() {
    let gives_up = patience(|p, t| p.first_byte = Some(t));
    let client = Client { reads: Reads::None, gives_up, ..page() };
    let (facts, seen, _) =
        run(client, vec![vec![send(PREFLIGHT_OK)], two_frames_then(vec![])]).await;
    assert_eq!(seen.requests.len(), 2);
    assert_eq!(story(&facts)[4..], ["1000 gave up first_byte", "1000 done"]);
}

fn event_source() -> Client {
    Client {
        kind: Kind::Eventsource,
        request: Request {
            method: "GET".to_owned(),
            target: "/v1/streams/1".to_owned(),
            headers: vec![("host".to_owned(), "relay".to_owned())],
            body: String::new(),
        },
        ..reader()
    }
}

/// An answer of this head whose chunked body is `events`, ended in good form.
fn answer(head: &str, events: &str) -> Vec<Step> {
    let chunk = format!("{:x}\r\n{events}\r\n", events.len());
    vec![send(&format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"))]
}

const OPEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const STOP: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// The story without what the connection records: what script saw, and when it asked.
fn seen_by_script(facts: &[(u64, ClientFact)]) -> Vec<String> {
    let all = story(facts).into_iter();
    let own = |line: &String| ["saw", "sent", "waits"].iter().any(|word| line.contains(word));
    all.filter(own).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_source_comes_back_with_its_last_id_after_the_time_it_was_told() {
    let first = answer(OPEN, "retry: 700\nid: 7\ndata: a\n\nid: 8\ndata: unfinished");
    let broken = vec![send(SSE), send("9\r\ndata: b\n\n\r\n")];
    let (facts, seen, _) =
        run(event_source(), vec![first, broken, vec![send(STOP)], vec![send(STOP)]]).await;
    assert_eq!(
        seen_by_script(&facts),
        [
            "0 sent 0 GET /v1/streams/1",
            "0 saw Open",
            r#"0 saw Event { event: "message", id: "7", data: "a" }"#,
            r#"0 saw Error { text: "readyState CONNECTING (the stream is over)" }"#,
            "0 waits 700 retry",
            "700 sent 1 GET /v1/streams/1",
            "700 saw Open",
            r#"700 saw Event { event: "message", id: "7", data: "b" }"#,
            r#"700 saw Error { text: "readyState CONNECTING (network error)" }"#,
            "700 waits 700 retry",
            "1400 sent 2 GET /v1/streams/1",
            r#"1400 saw Error { text: "readyState CLOSED (status 204)" }"#,
        ]
    );
    let asked = |id: &str| format!("GET /v1/streams/1 HTTP/1.1\r\nhost: relay\r\n{id}\r\n");
    let asked = [asked(""), asked("last-event-id: 7\r\n"), asked("last-event-id: 7\r\n")];
    assert_eq!(seen.requests.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), asked);
}

#[rstest]
#[case::no_content(STOP, "status 204")]
#[case::another_success(
    "HTTP/1.1 201 Created\r\ncontent-type: text/event-stream\r\n\r\n",
    "status 201"
)]
#[case::overload("HTTP/1.1 503 Busy\r\nretry-after: 1\r\n\r\n", "status 503")]
#[case::redirect("HTTP/1.1 307 There\r\nlocation: /\r\n\r\n", "status 307")]
#[case::wrong_type(
    "HTTP/1.1 200 OK\r\ncontent-type: text/x-bogus\r\n\r\n",
    "content type `text/x-bogus`"
)]
#[case::no_type("HTTP/1.1 200 OK\r\n\r\n", "content type ``")]
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_stream_closes_an_event_source_for_good(
    #[case] head: &str,
    #[case] why: &str,
) {
    let (facts, seen, _) = run(event_source(), vec![vec![send(head)], vec![send(STOP)]]).await;
    let closed = format!("0 saw Error {{ text: \"readyState CLOSED ({why})\" }}");
    assert_eq!(seen_by_script(&facts), ["0 sent 0 GET /v1/streams/1".to_owned(), closed]);
    assert_eq!(seen.requests.len(), 1);
}

#[rstest]
#[case::parameter("text/event-stream;charset=windows-1252")]
#[case::trailing_semicolon("text/event-stream;")]
#[case::upper_case("TEXT/Event-Stream")]
#[tokio::test(start_paused = true)]
async fn a_types_case_and_parameters_tell_an_event_source_nothing(#[case] kind: &str) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n");
    let (facts, ..) = run(event_source(), vec![answer(&head, ": x\n\n"), vec![send(STOP)]]).await;
    assert_eq!(seen_by_script(&facts)[1], "0 saw Open");
}

#[tokio::test(start_paused = true)]
async fn an_event_source_comes_back_after_3_s_where_nobody_answers_or_says_when() {
    let cut = vec![send("HTTP/1.1 200"), Step::Reset];
    let (facts, ..) = run(event_source(), vec![cut, vec![send(STOP)]]).await;
    let expected = [
        "0 sent 0 GET /v1/streams/1",
        r#"0 saw Error { text: "readyState CONNECTING (network error)" }"#,
        "0 waits 3000 the browser's own time",
        "3000 sent 1 GET /v1/streams/1",
        r#"3000 saw Error { text: "readyState CLOSED (status 204)" }"#,
    ];
    assert_eq!(seen_by_script(&facts), expected);
}

#[tokio::test(start_paused = true)]
async fn what_an_event_source_does_counts_over_all_its_connections() {
    let does = vec![Does::Read(ReadPoint::Frames(3)), Does::Leave(Leave::Fin)];
    let source = Client { does, ..event_source() };
    let two = answer(OPEN, "retry: 5\ndata: 1\n\ndata: 2\n\n");
    let (facts, seen, _) = run(source, vec![two.clone(), two.clone(), two]).await;
    assert_eq!(story(&facts).last().map(String::as_str), Some("5 done"));
    assert_eq!(seen.requests.len(), 2);
}

#[rstest]
#[case::allowed(Some("https://app.example"), "0 saw Open")]
#[case::another(
    Some("https://other.example"),
    "0 saw Error { text: \"readyState CLOSED (CORS check: Access-Control-Allow-Origin \
     `https://other.example` is not `https://app.example`)\" }"
)]
#[case::none(
    None,
    r#"0 saw Error { text: "readyState CLOSED (CORS check: no Access-Control-Allow-Origin)" }"#
)]
#[tokio::test(start_paused = true)]
async fn an_event_source_of_another_origin_is_checked_and_sends_no_preflight(
    #[case] allowed: Option<&str>,
    #[case] expected: &str,
) {
    let page = Client { origin: Some("https://app.example".to_owned()), ..event_source() };
    let allow = allowed.map_or(String::new(), |a| format!("access-control-allow-origin: {a}\r\n"));
    let script = answer(&format!("{OPEN}{allow}"), ": x\n\n");
    let (facts, seen, _) = run(page, vec![script, vec![send(STOP)]]).await;
    assert_eq!(seen_by_script(&facts)[1], expected);
    assert!(seen.requests[0].1.contains("origin: https://app.example\r\n"), "{seen:?}");
}

fn comes_back(last_event_id: LastEventId) -> Does {
    Does::Reconnect(Reconnect { last_event_id })
}

#[tokio::test(start_paused = true)]
async fn a_client_comes_back_when_it_is_told_to_and_says_what_it_is_told_to_say() {
    let does = vec![
        Does::Read(ReadPoint::Frames(1)),
        Does::Leave(Leave::Rst),
        Does::Wait(ClientWait::For(millis(50))),
        comes_back(LastEventId::Kept),
        comes_back(LastEventId::Given("x".to_owned())),
        comes_back(LastEventId::Kept),
        comes_back(LastEventId::Forgotten),
    ];
    let client = Client { does, ..reader() };
    let with_id = answer(OPEN, "id: 1\ndata: a\n\nid: 2\ndata: half");
    let without = answer(OPEN, "data: b\n\n");
    let stays = vec![send(SSE), send("17\r\nid: 1\ndata: a\n\nid: 2\nda\r\n"), Step::Watch];
    let scripts = vec![stays, without.clone(), with_id, without.clone(), without];
    let (facts, seen, _) = run(client, scripts).await;
    let ids = seen.requests.iter().map(|(at, text)| {
        let id = text.lines().find_map(|line| line.strip_prefix("last-event-id: "));
        (at.as_millis(), id)
    });
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids, [(0, None), (50, Some("1")), (50, Some("x")), (50, Some("1")), (50, None)]);
    assert!(story(&facts).contains(&"0 left Rst".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_server_went_first_comes_back_all_the_same() {
    let does = vec![
        Does::Read(ReadPoint::Frames(5)),
        Does::Leave(Leave::Fin),
        Does::Wait(ClientWait::For(millis(50))),
        comes_back(LastEventId::Kept),
        Does::Read(ReadPoint::Frames(1)),
        Does::Leave(Leave::Fin),
    ];
    let client = Client { does, ..reader() };
    let two = two_frames_then(vec![Step::Reset]);
    let (facts, seen, _) = run(client, vec![two.clone(), two]).await;
    let times: Vec<_> = seen.requests.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [0, 90]);
    let story = story(&facts);
    assert_eq!(story.last().map(String::as_str), Some("110 done"), "{story:#?}");
}

/// What so many tabs of one browser do that ask at once for answers of 2 s.
async fn tabs_ask(tab: &Client, count: u64) -> Vec<(u64, ClientFact)> {
    let recorder = Recorder::starting_now();
    let pipes = Pipes::new(16 * 1024);
    let script = || vec![send(SSE), Step::Wait(2_000), send("0\r\n\r\n")];
    serve(&pipes.host("relay", &recorder), (0..count).map(|_| script()).collect());
    let browsers = Tabs::of(std::slice::from_ref(tab));
    let mut tabs = tokio::task::JoinSet::new();
    for nth in 1..=count {
        let shared = Shared { tabs: browsers.get("firefox").cloned(), ..Shared::default() };
        let (tab, host) = (tab.clone(), pipes.host("laptop", &recorder));
        let client = Client { name: format!("tab-{nth}"), ..tab };
        tabs.spawn(play(client, "relay".into(), host, 7, shared));
    }
    tabs.join_all().await;
    client_facts(&recorder)
}

fn tab() -> Client {
    Client { tab_of: Some("firefox".to_owned()), ..reader() }
}

#[tokio::test(start_paused = true)]
async fn a_browsers_seventh_tab_waits_until_one_of_six_connections_is_closed() {
    let facts = tabs_ask(&tab(), 8).await;
    let at = |what: fn(&ClientFact) -> bool| -> Vec<u64> {
        facts.iter().filter(|(_, fact)| what(fact)).map(|(at, _)| *at).collect()
    };
    let sent = at(|fact| matches!(fact, ClientFact::Sent { .. }));
    assert_eq!(sent, [0, 0, 0, 0, 0, 0, 2_000, 2_000]);
    assert_eq!(at(|fact| *fact == ClientFact::Queues), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_tab_that_waits_for_a_connection_spends_its_patience() {
    let gives_up = patience(|patience, time| patience.connect = Some(time));
    let facts = tabs_ask(&Client { gives_up, ..tab() }, 7).await;
    let seventh: Vec<String> =
        story(&facts).into_iter().filter(|l| l.contains("gave up")).collect();
    assert_eq!(seventh, ["1000 gave up connect"]);
}
