//! The `stream` step.

use std::time::Duration;

use mock_openai::journal::Event;

use crate::support::{
    Bench, COMPLETION_ID, DONE, EPOCH, FINGERPRINT, STREAM_HEAD, answer, chunk, chunked, delta,
    finish, hide, json_head, opening,
};

#[tokio::test(start_paused = true)]
async fn a_stream_has_its_role_its_words_its_finish_and_its_terminator() {
    let got = answer("[{then: [{stream: {text: 'Hi 豆腐 é'}}]}]").await;
    let frames = [&opening(), &delta("Hi"), &delta(" 豆腐"), &delta(" é"), &finish(), DONE];
    assert_eq!(got, STREAM_HEAD.to_owned() + &chunked(&frames));
}

#[tokio::test(start_paused = true)]
async fn the_head_leaves_with_the_first_frame_and_each_frame_is_one_write() {
    let bench = Bench::new("[{then: [{stream: {text: 'a b'}}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    peer.all().await;
    let writes: Vec<_> = peer.writes().iter().map(|write| hide(write)).collect();
    let expected = [
        STREAM_HEAD.to_owned() + &chunk(&opening()),
        chunk(&delta("a")),
        chunk(&delta(" b")),
        chunk(&finish()),
        chunk(DONE),
        "0\r\n\r\n".to_owned(),
    ];
    assert_eq!(writes, expected);
}

#[tokio::test(start_paused = true)]
async fn frames_come_at_the_pace_that_the_script_says() {
    let bench = Bench::new("[{then: [{stream: {chunks: 2, every: 20ms}}]}]");
    let mut peer = bench.connect();
    peer.post("").await;
    peer.all().await;
    let wrote = |(at, entry): &(Duration, mock_openai::journal::Entry)| {
        matches!(entry.event, Event::Wrote { .. }).then_some(at.as_millis())
    };
    let times: Vec<_> = bench.journal().entries().iter().filter_map(wrote).collect();
    assert_eq!(times, [0, 20, 40, 60, 80]);
}

#[tokio::test(start_paused = true)]
async fn a_request_for_no_stream_gets_the_same_content_whole() {
    let bench = Bench::new("[{then: [{stream: {text: 'Hi é'}}]}]");
    let mut peer = bench.connect();
    let words = r#"{"model":"m-1","messages":[{"role":"user","content":"one two three"}]}"#;
    peer.post(words).await;
    let body = format!(
        "{{\"id\":\"{COMPLETION_ID}\",\"object\":\"chat.completion\",\"created\":{EPOCH},\
         \"model\":\"m-1\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
         \"content\":\"Hi é\",\"refusal\":null}},\"logprobs\":null,\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5,\
         \"completion_tokens_details\":{{\"reasoning_tokens\":0}}}},\
         \"system_fingerprint\":\"{FINGERPRINT}\"}}"
    );
    let expected = json_head("200 OK", body.len()) + &body;
    assert_eq!(hide(&peer.all().await), expected);
}

#[tokio::test(start_paused = true)]
async fn the_usage_chunk_comes_where_the_request_asks_and_the_script_agrees() {
    let usage = "\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":1,\
                 \"total_tokens\":1,\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n";
    let asks = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;
    for (step, body, expected) in [
        ("text: a", asks, true),
        ("text: a", r#"{"stream":true}"#, false),
        ("text: a, usage: always", r#"{"stream":true}"#, true),
        ("text: a, usage: never", asks, false),
    ] {
        let bench = Bench::new(&format!("[{{then: [{{stream: {{{step}}}}}]}}]"));
        let mut peer = bench.connect();
        peer.post(body).await;
        let got = peer.all().await;
        assert_eq!(got.contains(usage), expected, "{step} for {body}: {got}");
        if expected {
            let end = format!("{}\r\n{}0\r\n\r\n", usage, chunk(DONE));
            assert!(got.ends_with(&end), "{got}");
        }
    }
}

/// The text of each delta, read from the body's JSON.
fn texts(answer: &str) -> Vec<String> {
    let data = answer.lines().filter_map(|line| line.strip_prefix("data: {"));
    let json = data.map(|rest| {
        serde_json::from_str::<serde_json::Value>(&format!("{{{rest}")).expect("frames are JSON")
    });
    json.filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .skip(1)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn made_up_text_names_its_client_in_every_delta_and_has_the_size_asked_for() {
    let bench = Bench::new("[{then: [{stream: {chunks: 30, chunk_size: 48B}}]}]");
    let mut peer = bench.connect();
    peer.post(r#"{"stream":true,"user":"ann"}"#).await;
    let texts = texts(&peer.all().await);
    assert_eq!(texts.len(), 30);
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(text.len(), 48, "{text}");
        assert!(text.starts_with(&format!("ann#{index} ")), "{text}");
    }
    assert!(texts.concat().contains("豆腐") && texts.concat().contains('😀'));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_word_of_it_has_ten_deltas() {
    assert_eq!(texts(&answer("[{then: [{stream: {}}]}]").await).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn time_and_waiting_show_in_created_and_in_the_processing_time() {
    let bench = Bench::new("[{then: [{wait: 250ms}, {stream: {text: a}}]}]");
    let mut peer = bench.connect();
    tokio::time::sleep(Duration::from_secs(90)).await;
    peer.post("").await;
    let got = peer.all().await;
    assert!(got.contains(&format!("\"created\":{}", EPOCH + 90)), "{got}");
    assert!(got.contains("openai-processing-ms: 250\r\n"), "{got}");
}

/// The body of the answer to a request.
async fn body(script: &str, path: &str, request: &str) -> String {
    let bench = Bench::new(script);
    let mut peer = bench.connect();
    let length = request.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    peer.send(&(head + request)).await;
    let got = peer.all().await;
    got.split_once("\r\n\r\n").expect("a head and a body").1.to_owned()
}

/// The data of each frame of a chunked body, as JSON where it is that.
fn data(body: &str) -> Vec<serde_json::Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
}

const RESPONSES: &str = "/v1/responses";
const CHAT: &str = "/v1/chat/completions";

#[tokio::test(start_paused = true)]
async fn a_path_of_responses_gets_its_dialect_and_no_terminator() {
    let script = "[{then: [{stream: {text: 'Hi é'}}]}]";
    let got = body(script, RESPONSES, r#"{"stream":true,"model":"m-1","input":"one two"}"#).await;
    let types: Vec<_> =
        data(&got).iter().map(|event| event["type"].as_str().unwrap_or("").to_owned()).collect();
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(types, expected);
    assert!(!got.contains("[DONE]"), "{got}");
    let last = data(&got).pop().expect("events");
    assert_eq!(last["response"]["usage"]["input_tokens"], 2);
    assert_eq!(last["response"]["model"], "m-1");
    assert_eq!(last["response"]["created_at"], EPOCH);

    let whole = body(script, RESPONSES, r#"{"model":"m-1","input":"one two"}"#).await;
    let whole: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!(whole, last["response"], "the same answer, whole");
}

#[tokio::test(start_paused = true)]
async fn the_script_may_name_another_dialect_than_the_path_does() {
    let chat = "[{then: [{stream: {text: a, dialect: openai-chat}}]}]";
    assert!(body(chat, RESPONSES, "").await.contains("data: [DONE]"));
    let responses = "[{then: [{stream: {text: a, dialect: openai-responses}}]}]";
    assert!(body(responses, CHAT, "").await.contains("event: response.completed"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_responses_without_its_terminator_lacks_the_event_that_completes_it() {
    let script = "[{then: [{stream: {text: a}}, {end: no_terminator}]}]";
    let got = body(script, RESPONSES, "").await;
    let last = data(&got).pop().expect("events");
    assert_eq!(last["type"], "response.output_item.done");
    assert!(got.ends_with("0\r\n\r\n"), "{got}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_ends_cleanly_has_the_terminator_of_its_dialect() {
    let script = "[{then: [{stream: {text: a, stop: {after: {frames: 2}, end: clean}}}]}]";
    let chat = body(script, CHAT, "").await;
    assert_eq!(data(&chat).last().and_then(|last| last.as_str()), Some("[DONE]"));
    assert_eq!(data(&chat).len(), 3);
    let responses = body(script, RESPONSES, "").await;
    assert_eq!(data(&responses).last().expect("events")["type"], "response.in_progress");
    assert!(responses.ends_with("0\r\n\r\n"), "{responses}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_of_the_request_is_called_in_fragments_that_join_to_its_arguments() {
    let script = "[{then: [{stream: {tool_calls: [{}, {name: g, arguments: '{\"a', index: 0}]}}]}]";
    let request = r#"{"stream":true,"tools":[{"type":"function","function":{"name":"get_weather",
        "parameters":{"type":"object","properties":{"unit":{"enum":["c","f"]}},"required":["unit"]}}}]}"#;
    let got = data(&body(script, CHAT, request).await);
    let first = &got[0]["choices"][0]["delta"];
    assert_eq!(
        (&first["role"], &first["content"]),
        (&"assistant".into(), &serde_json::Value::Null)
    );
    assert_eq!(first["tool_calls"][0]["function"]["name"], "get_weather");
    let calls = got.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0));
    let mut arguments: Vec<String> = Vec::new();
    for call in calls {
        assert_eq!(call["index"], 0, "the script lets the second collide with the first");
        if call["id"].is_string() {
            arguments.push(String::new());
        }
        let fragment = call["function"]["arguments"].as_str().expect("a fragment");
        assert!(fragment.len() <= 13, "{fragment}");
        arguments.last_mut().expect("an opened call").push_str(fragment);
    }
    assert_eq!(arguments, ["{\"unit\":\"c\"}", "{\"a"]);
    let last = &got[got.len() - 2]["choices"][0];
    assert_eq!(last["finish_reason"], "tool_calls");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_comes_in_place_of_the_text() {
    let got = data(&body("[{then: [{stream: {refusal: 'No way'}}]}]", CHAT, "").await);
    let deltas: Vec<_> = got.iter().map(|chunk| chunk["choices"][0]["delta"].to_string()).collect();
    let expected = [
        r#"{"role":"assistant","content":null,"refusal":""}"#,
        r#"{"refusal":"No"}"#,
        r#"{"refusal":" way"}"#,
        "{}",
        "null",
    ];
    assert_eq!(deltas, expected);
}

#[tokio::test(start_paused = true)]
async fn several_choices_come_by_turns_and_share_one_usage() {
    let script = "[{then: [{stream: {choices: [{text: a b}, {text: c}], usage: always}}]}]";
    let got = data(&body(script, CHAT, "").await);
    let indexes: Vec<_> = got.iter().map(|chunk| chunk["choices"][0]["index"].as_u64()).collect();
    let expected = [0, 0, 1, 1, 0, 1, 0].map(Some);
    assert_eq!(indexes[..7], expected);
    assert_eq!(got[7]["usage"]["completion_tokens"], 3);
    assert_eq!(got[8], "[DONE]");
}

#[tokio::test(start_paused = true)]
async fn padding_is_left_out_where_the_request_declines_it() {
    let script = "[{then: [{stream: {text: a, obfuscation: true}}]}]";
    let declines = r#"{"stream":true,"stream_options":{"include_obfuscation":false}}"#;
    assert!(!body(script, CHAT, declines).await.contains("obfuscation"));
    for path in [CHAT, RESPONSES] {
        let one = body(script, path, r#"{"stream":true}"#).await;
        assert!(one.contains("\"obfuscation\":\""), "{one}");
        assert_eq!(one, body(script, path, r#"{"stream":true}"#).await, "drawn, not random");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preset_in_an_answer_repeats_its_id_and_counts_its_events() {
    let script = "[{then: [{stream: {text: a}}, {send: {preset: openrouter-error}}]}]";
    let chunks = data(&body(script, CHAT, r#"{"stream":true,"model":"m-1"}"#).await);
    let (first, last) = (&chunks[0], chunks.last().expect("chunks"));
    assert_eq!(last["error"]["code"], "server_error");
    for key in ["id", "model", "created"] {
        assert_eq!(first[key], last[key], "{key}");
    }
    let script = "[{then: [{send: {preset: responses-keepalive}}, {stream: {text: a}}]}]";
    let events = data(&body(script, RESPONSES, "").await);
    let numbers: Vec<_> = events.iter().filter_map(|e| e["sequence_number"].as_u64()).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}
