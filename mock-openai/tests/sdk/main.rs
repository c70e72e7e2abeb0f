//! The official SDKs read what the program answers: what they make of it is what users get.
//!
//! They are found in `target/sdk`, where `.ci/run` installs them.

#[path = "../server/support.rs"]
#[expect(dead_code, reason = "the tests of the program need more of it")]
mod support;

mod runner;

use runner::{Api, EVERY, Sdk, here};
use serde_json::{Value, json};
use support::{Server, start};

const TEXT: &str = "Grüezi! Two lines\nand a 😀.";

fn run(sdk: Sdk, server: &Server, script: &str, api: Api, key: &str) -> Option<Value> {
    sdk.prepare(&here().join(script), &server.address, api, key).as_mut().map(runner::run)
}

fn scripted(arguments: &[&str]) -> Server {
    let script = here().join("answers.yaml");
    start(&[&["--script", script.to_str().expect("a plain path")], arguments].concat())
}

fn text_is_read(sdk: Sdk, api: Api) {
    let Some(got) = run(sdk, &scripted(&[]), "text", api, "k") else { return };
    let expected = match api {
        Api::Chat => json!({
            "streamed": { "text": TEXT, "finish": "stop", "deltas": true, "usage": true },
            "whole": { "text": TEXT, "finish": "stop", "usage": true },
        }),
        Api::Responses => json!({
            "streamed": {
                "text": TEXT, "finish": "response.completed", "deltas": true, "usage": true,
                "same": true,
            },
            "whole": { "text": TEXT, "finish": "completed", "usage": true },
        }),
    };
    assert_eq!(got, expected, "{sdk:?}");
}

fn tool_call_is_read(sdk: Sdk, api: Api) {
    let Some(got) = run(sdk, &scripted(&[]), "tool", api, "k") else { return };
    let finish = if api == Api::Chat { "tool_calls" } else { "completed" };
    let arguments = json!({ "city": "Zürich", "days": [1, 2] });
    let expected = json!({
        "streamed": {
            "name": "weather", "arguments": arguments, "id": true, "finish": finish,
            "fragments": true,
        },
        "whole": { "name": "weather", "arguments": arguments, "id": true, "finish": finish },
    });
    assert_eq!(got, expected, "{sdk:?}");
}

#[test]
fn python_reads_a_text_of_chat_completions() {
    text_is_read(Sdk::Python, Api::Chat);
}

#[test]
fn python_reads_a_text_of_responses() {
    text_is_read(Sdk::Python, Api::Responses);
}

#[test]
fn node_reads_a_text_of_chat_completions() {
    text_is_read(Sdk::Node, Api::Chat);
}

#[test]
fn node_reads_a_text_of_responses() {
    text_is_read(Sdk::Node, Api::Responses);
}

#[test]
fn python_reads_a_tool_call_of_chat_completions() {
    tool_call_is_read(Sdk::Python, Api::Chat);
}

#[test]
fn python_reads_a_tool_call_of_responses() {
    tool_call_is_read(Sdk::Python, Api::Responses);
}

#[test]
fn node_reads_a_tool_call_of_chat_completions() {
    tool_call_is_read(Sdk::Node, Api::Chat);
}

#[test]
fn node_reads_a_tool_call_of_responses() {
    tool_call_is_read(Sdk::Node, Api::Responses);
}

#[test]
fn a_missing_model_is_the_sdks_own_error() {
    let server = scripted(&[]);
    for (sdk, api) in EVERY {
        let Some(got) = run(sdk, &server, "refused", api, "k") else { continue };
        let error = json!({
            "class": "NotFoundError", "status": 404, "code": "model_not_found",
            "type": "invalid_request_error", "request_id": true,
        });
        assert_eq!(got, json!({ "streamed": error, "whole": error }), "{sdk:?} {api}");
    }
}

#[test]
fn a_wrong_key_is_the_sdks_own_error() {
    let server = scripted(&["--key", "sk-right"]);
    for (sdk, api) in EVERY {
        let Some(got) = run(sdk, &server, "refused", api, "sk-wrong") else { continue };
        let error = json!({
            "class": "AuthenticationError", "status": 401, "code": "invalid_api_key",
            "type": "invalid_request_error", "request_id": true,
        });
        assert_eq!(got, json!({ "streamed": error, "whole": error }), "{sdk:?} {api}");
        let Some(got) = run(sdk, &server, "refused", api, "sk-right") else { continue };
        assert_eq!(got["whole"]["status"], 404, "{sdk:?} {api}");
    }
}

#[test]
fn without_a_script_models_are_listed() {
    let server = start(&[]);
    for sdk in [Sdk::Python, Sdk::Node] {
        let Some(got) = run(sdk, &server, "models", Api::Chat, "k") else { continue };
        assert_eq!(got["object"], "model", "{sdk:?}");
        let ids = got["ids"].as_array().expect("a list");
        assert!(ids.contains(&json!("gpt-4o")), "{sdk:?}: {got}");
    }
}

#[test]
fn without_a_script_both_apis_are_served() {
    let server = start(&[]);
    for (sdk, api) in EVERY {
        let Some(got) = run(sdk, &server, "text", api, "k") else { continue };
        let said = got["whole"]["text"].as_str().expect("a text");
        assert!(!said.is_empty(), "{sdk:?} {api}");
        assert_eq!(got["streamed"]["text"], said, "{sdk:?} {api}");
        assert_eq!(got["streamed"]["deltas"], true, "{sdk:?} {api}");
    }
}

#[test]
fn without_a_script_offered_tools_are_called() {
    let server = start(&[]);
    for (sdk, api) in EVERY {
        let Some(got) = run(sdk, &server, "tool", api, "k") else { continue };
        for way in ["streamed", "whole"] {
            assert_eq!(got[way]["name"], "weather", "{sdk:?} {api} {way}");
            assert!(got[way]["arguments"]["city"].is_string(), "{sdk:?} {api} {way}: {got}");
            assert!(got[way]["arguments"]["days"].is_array(), "{sdk:?} {api} {way}: {got}");
        }
    }
}

#[test]
fn without_a_script_a_missing_model_is_refused() {
    let server = start(&[]);
    for (sdk, api) in EVERY {
        let Some(got) = run(sdk, &server, "refused", api, "k") else { continue };
        for way in ["streamed", "whole"] {
            assert_eq!(got[way]["class"], "NotFoundError", "{sdk:?} {api} {way}");
            assert_eq!(got[way]["code"], "model_not_found", "{sdk:?} {api} {way}");
        }
    }
}
