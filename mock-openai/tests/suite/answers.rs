//! Steps other than `stream`: heads, events, JSON, errors, loops, waits.

use crate::support::{
    Bench, DONE, Ended, STREAM_HEAD, answer, chunk, chunked, delta, finish, hide, json_head,
    opening,
};

#[tokio::test(start_paused = true)]
async fn an_event_and_raw_bytes_are_sent_as_the_script_says() {
    let got = answer(
        r#"[{then: [
            {send: {comment: hello, event: e, id: "1", retry: "5", data: "a\nb"}},
            {send: {raw: "data:x\r\r\0"}},
            {send: {raw: ""}}]}]"#,
    )
    .await;
    let event = ": hello\nevent: e\nid: 1\nretry: 5\ndata: a\ndata: b\n\n";
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&[event, "data:x\r\r\0"]));
}

#[tokio::test(start_paused = true)]
async fn a_head_replaces_usual_headers_by_name_and_adds_others_behind_them() {
    let got = answer(
        "[{then: [
            {head: {status: 299, headers: {Content-Type: text/x, openai-version: '1',
                x-request-id: r, openai-processing-ms: '7', x-more: m}}},
            {send: {raw: a}}]}]",
    )
    .await;
    let head = "HTTP/1.1 299 \r\nContent-Type: text/x\r\nx-request-id: r\r\n\
                openai-processing-ms: 7\r\nopenai-version: 1\r\ncache-control: no-cache\r\n\
                transfer-encoding: chunked\r\nx-more: m\r\n\r\n";
    assert_eq!(got, head.to_owned() + &chunked(&["a"]));
}

#[tokio::test(start_paused = true)]
async fn a_head_of_its_own_leaves_at_once() {
    let bench = Bench::new("[{then: [{head: {status: 200}}, {wait: 1s}, {send: {raw: a}}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    peer.all().await;
    let writes: Vec<_> = peer.writes().iter().map(|write| hide(write)).collect();
    assert_eq!(writes, [STREAM_HEAD, &chunk("a"), "0\r\n\r\n"]);
}

fn head_with(framing: &str) -> String {
    STREAM_HEAD.replace("transfer-encoding: chunked\r\n", framing)
}

#[tokio::test(start_paused = true)]
async fn a_true_length_keeps_the_connection_and_a_lie_closes_it() {
    for (length, keeps) in [(3, true), (9, false), (2, false)] {
        let head = format!("{{head: {{status: 200, framing: {{length: {length}}}}}}}");
        let bench = Bench::new(&format!("[{{then: [{head}, {{send: {{raw: abc}}}}]}}]"));
        let mut peer = bench.connect();
        peer.post("").await;
        let expected = head_with(&format!("content-length: {length}\r\n")) + "abc";
        if keeps {
            assert_eq!(hide(&peer.all().await), expected);
            peer.post("").await;
            assert_eq!(hide(&peer.all().await), expected);
        } else {
            let (got, ended) = peer.rest().await;
            assert_eq!((hide(&got), ended), (expected, Ended::Fin));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_until_close_ends_by_fin() {
    let bench =
        Bench::new("[{then: [{head: {status: 200, framing: until_close}}, {send: {raw: abc}}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    let (got, ended) = peer.rest().await;
    assert_eq!((hide(&got), ended), (head_with("connection: close\r\n") + "abc", Ended::Fin));
}

#[tokio::test(start_paused = true)]
async fn a_peer_of_http_1_0_gets_no_chunks_and_a_close() {
    let bench = Bench::new("[{then: [{send: {raw: abc}}]}]");
    let mut peer = bench.connect();
    peer.send("GET / HTTP/1.0\r\n\r\n").await;
    let (got, ended) = peer.rest().await;
    assert_eq!((hide(&got), ended), (head_with("connection: close\r\n") + "abc", Ended::Fin));
}

#[tokio::test(start_paused = true)]
async fn answers_that_can_have_no_body_have_none() {
    let bench = Bench::new(
        "[{match: {method: HEAD}, then: [{json: {a: 1}}]},
          {then: [{head: {status: 204}}, {send: {raw: abc}}]}]",
    );
    let mut peer = bench.connect();
    peer.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(hide(&peer.all().await), json_head("200 OK", 7));
    peer.post("").await;
    let head = head_with("").replace("200 OK", "204 No Content");
    assert_eq!(hide(&peer.all().await), head);
}

#[tokio::test(start_paused = true)]
async fn a_json_answer_has_its_length_and_the_status_of_the_head_before_it() {
    let got = answer("[{then: [{json: {b: [1, 2], a: 'é'}}]}]").await;
    assert_eq!(got, json_head("200 OK", 20) + r#"{"b":[1,2],"a":"é"}"#);
    let got = answer("[{then: [{head: {status: 404}}, {json: {}}]}]").await;
    assert_eq!(got, json_head("404 Not Found", 2) + "{}");
}

#[tokio::test(start_paused = true)]
async fn errors_have_the_four_keys_the_status_and_the_headers_asked_for() {
    for (preset, status, expected) in [
        (
            "invalid_request",
            "400 Bad Request",
            r#""type":"invalid_request_error","param":null,"code":null"#,
        ),
        (
            "invalid_api_key",
            "401 Unauthorized",
            r#""type":"invalid_request_error","param":null,"code":"invalid_api_key""#,
        ),
        (
            "model_not_found",
            "404 Not Found",
            r#""type":"invalid_request_error","param":null,"code":"model_not_found""#,
        ),
        (
            "rate_limit",
            "429 Too Many Requests",
            r#""type":"requests","param":null,"code":"rate_limit_exceeded""#,
        ),
        (
            "insufficient_quota",
            "429 Too Many Requests",
            r#""type":"insufficient_quota","param":null,"code":"insufficient_quota""#,
        ),
        (
            "server_error",
            "500 Internal Server Error",
            r#""type":"server_error","param":null,"code":null"#,
        ),
        (
            "overloaded",
            "503 Service Unavailable",
            r#""type":"service_unavailable_error","param":null,"code":"server_is_overloaded""#,
        ),
    ] {
        let script = format!(
            "[{{then: [{{error: {{preset: {preset}, message: No, headers: {{retry-after: '2'}}}}}}]}}]"
        );
        let body = format!(r#"{{"error":{{"message":"No",{expected}}}}}"#);
        let head = json_head(status, body.len());
        let head = head.strip_suffix("\r\n").unwrap().to_owned() + "retry-after: 2\r\n\r\n";
        assert_eq!(answer(&script).await, head + &body);
    }
    let got = answer("[{then: [{error: {preset: overloaded, status: 529}}]}]").await;
    assert!(got.starts_with("HTTP/1.1 529 \r\n"), "{got}");
}

#[tokio::test(start_paused = true)]
async fn loops_count_from_zero_and_from_one_and_nest() {
    let got = answer(
        "[{then: [
            {repeat: {times: 2, steps: [
                {send: {raw: '{i}{n}'}},
                {repeat: {times: 2, steps: [{send: {raw: 'x{i}'}}]}},
                {stream: {text: 's{n}'}},
            ]}},
            {send: {raw: '{i}'}}]}]",
    )
    .await;
    let (open, one, two, end) = (opening(), delta("s1"), delta("s2"), finish());
    let frames = [
        "01", "x0", "x1", &open, &one, &end, DONE, "12", "x0", "x1", &open, &two, &end, DONE, "{i}",
    ];
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&frames));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_no_steps_is_an_empty_stream() {
    assert_eq!(answer("[{then: []}]").await, STREAM_HEAD.to_owned() + "0\r\n\r\n");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_ever_sends_nothing_more() {
    let got = answer("[{then: [{send: {raw: a}}, {wait: forever}, {send: {raw: b}}]}]").await;
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunk("a"));
}
