//! The official SDKs read what the program answers: what they make of it is what users get.
//!
//! They are found in `target/sdk`, where `.ci/run` installs them.

#[path = "../server/support.rs"]
#[expect(dead_code, reason = "the tests of the program need more of it")]
mod support;

use std::{
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use support::{Server, start};

const TEXT: &str = "Grüezi! Two lines\nand a 😀.";

/// An SDK, by the language that it is written for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sdk {
    Python,
    Node,
}

/// The API that is asked by it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Api {
    Chat,
    Responses,
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
        })
    }
}

const EVERY: [(Sdk, Api); 4] = [
    (Sdk::Python, Api::Chat),
    (Sdk::Python, Api::Responses),
    (Sdk::Node, Api::Chat),
    (Sdk::Node, Api::Responses),
];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sdk")
}

impl Sdk {
    /// The interpreter and the script, or how to install what is missing.
    fn command(self, script: &str) -> Result<Command, &'static str> {
        match self {
            Self::Python => {
                let python = installed().join("venv/bin/python");
                let has_sdk = python.exists()
                    && Command::new(&python)
                        .args(["-c", "import openai"])
                        .output()
                        .is_ok_and(|output| output.status.success());
                if !has_sdk {
                    return Err("no openai SDK for Python in target/sdk/venv: python3 -m venv \
                         target/sdk/venv && target/sdk/venv/bin/pip install -r \
                         mock-openai/tests/sdk/requirements.txt");
                }
                let mut command = Command::new(python);
                command.arg("-B").arg(here().join(format!("{script}.py")));
                Ok(command)
            }
            Self::Node => {
                let has_node = Command::new("node")
                    .arg("--version")
                    .output()
                    .is_ok_and(|o| o.status.success());
                if !has_node {
                    return Err("no `node` on the path: install Node.js 20 or newer");
                }
                if !installed().join("node_modules/openai/package.json").exists() {
                    return Err("no openai SDK for Node in target/sdk/node_modules: cp \
                         mock-openai/tests/sdk/package.json target/sdk && npm install --prefix \
                         target/sdk");
                }
                let mut command = Command::new("node");
                command.arg(here().join(format!("{script}.mjs")));
                Ok(command)
            }
        }
    }

    /// Runs a script against the server; what it prints, or `None` where the SDK is missing and
    /// may be.
    fn run(self, server: &Server, script: &str, api: Api, key: &str) -> Option<Value> {
        let mut command = match self.command(script) {
            Ok(command) => command,
            Err(missing) => {
                let must = std::env::var_os("CI").is_some_and(|value| value == "true");
                assert!(!must, "{missing}");
                // Past the test runner, which shows no output of tests that pass.
                drop(writeln!(std::io::stderr(), "skipped: {missing}"));
                return None;
            }
        };
        let url = format!("http://{}/v1", server.address);
        command.args([&url, &api.to_string(), key]).arg(installed());
        let output = command.env("NO_PROXY", "*").output().expect("the interpreter starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?} {script} {api}: {stderr}");
        let line = String::from_utf8(output.stdout).expect("text");
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }
}

fn scripted(arguments: &[&str]) -> Server {
    let script = here().join("answers.yaml");
    start(&[&["--script", script.to_str().expect("a plain path")], arguments].concat())
}

fn text_is_read(sdk: Sdk, api: Api) {
    let Some(got) = sdk.run(&scripted(&[]), "text", api, "k") else { return };
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
    let Some(got) = sdk.run(&scripted(&[]), "tool", api, "k") else { return };
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
        let Some(got) = sdk.run(&server, "refused", api, "k") else { continue };
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
        let Some(got) = sdk.run(&server, "refused", api, "sk-wrong") else { continue };
        let error = json!({
            "class": "AuthenticationError", "status": 401, "code": "invalid_api_key",
            "type": "invalid_request_error", "request_id": true,
        });
        assert_eq!(got, json!({ "streamed": error, "whole": error }), "{sdk:?} {api}");
        let Some(got) = sdk.run(&server, "refused", api, "sk-right") else { continue };
        assert_eq!(got["whole"]["status"], 404, "{sdk:?} {api}");
    }
}

#[test]
fn without_a_script_models_are_listed() {
    let server = start(&[]);
    for sdk in [Sdk::Python, Sdk::Node] {
        let Some(got) = sdk.run(&server, "models", Api::Chat, "k") else { continue };
        assert_eq!(got["object"], "model", "{sdk:?}");
        let ids = got["ids"].as_array().expect("a list");
        assert!(ids.contains(&json!("gpt-4o")), "{sdk:?}: {got}");
    }
}

#[test]
fn without_a_script_both_apis_are_served() {
    let server = start(&[]);
    for (sdk, api) in EVERY {
        let Some(got) = sdk.run(&server, "text", api, "k") else { continue };
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
        let Some(got) = sdk.run(&server, "tool", api, "k") else { continue };
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
        let Some(got) = sdk.run(&server, "refused", api, "k") else { continue };
        for way in ["streamed", "whole"] {
            assert_eq!(got[way]["class"], "NotFoundError", "{sdk:?} {api} {way}");
            assert_eq!(got[way]["code"], "model_not_found", "{sdk:?} {api} {way}");
        }
    }
}
