//! One case of a step: a script, what is asked, and the bytes that answer it.
//!
//! A case is two files in `mock-openai/tests/steps/`: `NAME.yaml` and `NAME.http`. The first is a
//! mapping with these keys:
//!
//! - `script`: the rules, as in a file of their own.
//! - `request`: `method`, `path`, `headers` and `body` (a text) of the request, each optional;
//!   left out: `POST /v1/chat/completions` with the body `{"model":"gpt-4o","stream":true}`.
//! - `requests`: a list of such, sent at once over one connection, in place of `request`.
//! - `ends`: what the peer sees behind the bytes: `open` (nothing; the default), `fin` or `reset`.
//!
//! The second holds the bytes that the peer reads, exactly: heads, chunk framing and all. They are
//! spelled out from the standards, apart from the encoder. What is drawn (ids, made-up words) stands
//! there as the seed 1 and the client `127.0.0.1` give it; so `stream-chunks`, `stream-logprobs`,
//! `stream-obfuscation`, `stream-dialect-openai-responses` and `send-preset-responses-failed` are what
//! the provider sent when their lines were read and accepted. It serves in virtual time that begins
//! at 1,700,000,000 s.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use mock_openai::{
    script::{self, Script},
    yaml::{self, OnDisk},
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(default)]
    request: Request,
    #[serde(default)]
    requests: Vec<Request>,
    #[serde(default)]
    pub(crate) ends: Ends,
    pub(crate) script: Script,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ends {
    #[default]
    Open,
    Fin,
    Reset,
}

/// Where the cases are.
pub(crate) fn folder() -> PathBuf {
    // From the folder of this crate, and of the harness beside it.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mock-openai/tests/steps")
}

/// The names of all cases, in order.
pub(crate) fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).expect("the cases are there");
    let paths = files.map(|file| file.expect("it can be read").path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let mut names: Vec<String> =
        yaml.map(|path| path.file_stem().expect("a name").to_string_lossy().into()).collect();
    names.sort();
    assert!(names.len() > 100, "{names:?}");
    names
}

/// Reads a case and checks its script.
pub(crate) fn read(name: &str) -> Result<Case, String> {
    let path = folder().join(format!("{name}.yaml"));
    let text = fs::read(&path).map_err(|error| error.to_string())?;
    let file = path.display().to_string();
    let told = |wrong: Vec<yaml::Diagnostic>| {
        wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let (mut case, document) = yaml::load_with_places::<Case>(&file, &text).map_err(told)?;
    let (place, mut wrong) = (document.root().key("script"), Vec::new());
    script::attach(&mut case.script, place, &OnDisk, &mut wrong);
    script::check(&case.script, place, &mut wrong);
    if wrong.is_empty() { Ok(case) } else { Err(told(wrong)) }
}

impl Case {
    /// All that is sent.
    pub(crate) fn sent(&self) -> String {
        let all = if self.requests.is_empty() {
            std::slice::from_ref(&self.request)
        } else {
            &self.requests
        };
        all.iter().map(Request::bytes).collect()
    }

    /// The bytes that are to be read.
    pub(crate) fn expected(name: &str) -> Result<Vec<u8>, String> {
        fs::read(folder().join(format!("{name}.http"))).map_err(|error| error.to_string())
    }
}

impl Request {
    fn bytes(&self) -> String {
        let method = self.method.as_deref().unwrap_or("POST");
        let path = self.path.as_deref().unwrap_or("/v1/chat/completions");
        let body = self.body.as_deref().unwrap_or(r#"{"model":"gpt-4o","stream":true}"#);
        let headers = self
            .headers
            .iter()
            .fold(String::new(), |headers, (name, value)| headers + name + ": " + value + "\r\n");
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {length}\r\n\r\n{body}"
        )
    }
}
