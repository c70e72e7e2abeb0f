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
