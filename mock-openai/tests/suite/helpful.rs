//! The answers of a server that was given no script.

use serde_json::Value;

use crate::support::Bench;

const HELPFUL: &str = include_str!("../../src/helpful.yaml");

/// Status and body of the answer to a request, which wants no stream.
async fn asked(method: &str, path: &str, body: &str) -> (String, Value) {
    let bench = Bench::new(HELPFUL);
    let mut peer = bench.connect();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    peer.send(&(head + body)).await;
    let got = peer.all().await;
    let (head, body) = got.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status").to_owned();
    (status, serde_json::from_str(body).expect("a JSON body"))
}

const TOOL: &str = r#""tools":[{"type":"function","name":"f","function":{"name":"f"}}]"#;

#[tokio::test(start_paused = true)]
async fn chat_calls_a_tool_until_its_result_is_there() {
    let said = |messages: &str, more: &str| {
        let body = format!(r#"{{"model":"m","messages":[{messages}],{TOOL}{more}}}"#);
        async move {
            let (status, answer) = asked("POST", "/v1/chat/completions", &body).await;
            assert_eq!(status, "200", "{answer}");
            answer["choices"][0]["message"].clone()
        }
    };
    let user = r#"{"role":"user","content":"hi"}"#;
    let called = said(user, "").await;
    assert_eq!(called["tool_calls"][0]["function"]["name"], "f", "{called}");
    assert_eq!(called["content"], Value::Null);
    let result = format!(r#"{user},{{"role":"tool","content":"9"}}"#);
    let told = said(&result, "").await;
    assert!(told["content"].is_string() && told.get("tool_calls").is_none(), "{told}");
    let declined = said(user, r#","tool_choice":"none""#).await;
    assert!(declined["content"].is_string(), "{declined}");
}

#[tokio::test(start_paused = true)]
async fn responses_call_a_tool_until_its_result_is_there() {
    let first = |input: &str| {
        let body = format!(r#"{{"model":"m","input":{input},{TOOL}}}"#);
        async move { asked("POST", "/v1/responses", &body).await.1["output"][0]["type"].clone() }
    };
    assert_eq!(first("\"hi\"").await, "function_call");
    let result = r#"[{"role":"user","content":"hi"},{"type":"function_call_output"}]"#;
    assert_eq!(first(result).await, "message");
    let (_, plain) = asked("POST", "/v1/responses", r#"{"input":"hi"}"#).await;
    assert_eq!(plain["output"][0]["content"][0]["type"], "output_text", "{plain}");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_exist_is_not_found_and_listed_ones_are() {
    let missing = r#"{"model":"no-such-model","messages":[],"input":""}"#;
    for (method, path, body) in [
        ("POST", "/v1/chat/completions", missing),
        ("POST", "/v1/responses", missing),
        ("GET", "/v1/models/no-such-model", ""),
    ] {
        let (status, answer) = asked(method, path, body).await;
        assert_eq!((status.as_str(), &answer["error"]["code"]), ("404", &"model_not_found".into()));
    }
    let (_, list) = asked("GET", "/v1/models", "").await;
    let models = list["data"].as_array().expect("a list");
    assert_eq!(models.len(), 2);
    for model in models {
        let id = model["id"].as_str().expect("an id");
        assert_eq!(asked("GET", &format!("/v1/models/{id}"), "").await.1, *model);
    }
}
