//! Each profile makes of a stream what its SDK makes of it: the same bytes, over a real socket.

use std::{path::PathBuf, process::Command};

use harness::profile::{self, End, Ending, Received, Seen};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Duration, sleep},
};

use crate::runner::{skip, works};

const TYPE: (&str, &str) = ("content-type", "text/event-stream");

struct Case {
    name: &'static str,
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    end: Ending,
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    let chunk = json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [choice],
    });
    format!("data: {chunk}\n\n")
}

fn text(text: &str) -> String {
    chunk(&json!({ "content": text }), None)
}

const DONE: &str = "data: [DONE]\n\n";
const ERROR: &str =
    "{\"error\":{\"message\":\"too much\",\"type\":\"server_error\",\"code\":null}}";

fn opening() -> String {
    chunk(&json!({ "role": "assistant", "content": "" }), None)
}

fn finish() -> String {
    chunk(&json!({}), Some("stop"))
}

fn whole() -> String {
    [opening(), text("one "), text("zwö 😀"), finish(), DONE.to_owned()].concat()
}

/// A whole answer with this before its second text.
fn with(inside: &str) -> String {
    [&opening(), &text("one "), inside, &text("two"), &finish(), DONE].concat()
}

fn case(name: &'static str, body: impl Into<Vec<u8>>, end: Ending) -> Case {
    Case { name, status: 200, headers: vec![TYPE], body: body.into(), end }
}

fn refusal(name: &'static str, status: u16, body: &str) -> Case {
    let headers = vec![("content-type", "application/json")];
    Case { name, status, headers, body: body.into(), end: Ending::Complete }
}

/// By number: the model that is asked for.
fn cases() -> Vec<Case> {
    [endings(), errors(), blocks(), answers(), refusals()].into_iter().flatten().collect()
}

fn half() -> String {
    [opening(), text("one ")].concat()
}

fn endings() -> Vec<Case> {
    use Ending::{Complete, Reset, Silent, Truncated};
    let cut = [&half(), "data: {\"id\":\"c\",\"cho"].concat();
    let closing = vec![TYPE, ("connection", "close")];
    vec![
        case("whole answer", whole(), Complete),
        case("no [DONE]", [half(), finish()].concat(), Complete),
        case("no finish and no [DONE]", half(), Complete),
        case("cut mid event, clean end", cut.clone(), Complete),
        case("cut mid event, FIN", cut.clone(), Truncated),
        case("cut mid event, RST", cut, Reset),
        case("cut between events, FIN", half(), Truncated),
        Case { headers: closing, ..case("FIN with connection: close", half(), Truncated) },
        case("stall after an event", half(), Silent),
        case("FIN after [DONE]", whole(), Truncated),
        case("[DONE] twice", [&whole(), DONE].concat(), Complete),
        case("data after [DONE]", [whole(), text("more")].concat(), Complete),
        case(
            "last event without its blank line",
            [&half(), finish().trim_end()].concat(),
            Complete,
        ),
    ]
}

fn errors() -> Vec<Case> {
    let flat = "event: error\ndata: {\"type\":\"error\",\"code\":\"c\",\"message\":\"flat\"}\n\n";
    let in_chunk = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"error\":{\"message\":\"upstream\",\"code\":502},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n";
    let null = whole().replace("\"created\"", "\"error\":null,\"created\"");
    let complete = |name, body| case(name, body, Ending::Complete);
    vec![
        complete("error event", with(&format!("event: error\ndata: {ERROR}\n\n"))),
        complete("error without an event's name", with(&format!("data: {ERROR}\n\n"))),
        complete("error before any text", [&opening(), "data: ", ERROR, "\n\n"].concat()),
        complete("flat error of Responses", with(flat)),
        complete("error object in a chunk", [&half(), in_chunk].concat()),
        complete("\"error\": null in a chunk", null),
        complete("bare JSON error line", [&half(), ERROR, "\n\n"].concat()),
    ]
}

fn blocks() -> Vec<Case> {
    let complete = |name, body| case(name, body, Ending::Complete);
    let lines = whole().replace(",\"choices\"", ",\ndata: \"choices\"");
    vec![
        complete("comment heartbeats", with(": beat\n\n: beat\n\n")),
        complete("comment after an id", with("id: 7\n\n: beat\n\n")),
        complete("event heartbeats", with("event: keepalive\ndata: {}\n\n")),
        complete("event without data", with("event: ping\n\n")),
        complete("retry alone", ["retry: 3000\n\n", &whole()].concat()),
        complete("CRLF", whole().replace('\n', "\r\n")),
        complete("CR", whole().replace('\n', "\r")),
        complete("byte order mark", ["\u{feff}", &text("first "), &whole()].concat()),
        complete("no space after the colon", whole().replace("data: ", "data:")),
        complete("multi-line data", lines),
        complete("empty data", with("data:\n\n")),
        complete("invalid JSON", with("data: {\"id\":\n\n")),
        case("invalid UTF-8", invalid_utf_8(), Ending::Complete),
        complete("a line of 200 KB", with(&text(&"x".repeat(200_000)))),
    ]
}

fn invalid_utf_8() -> Vec<u8> {
    let mut body = [opening(), text("aYb"), finish(), DONE.to_owned()].concat().into_bytes();
    let spoilt = body.iter().position(|byte| *byte == b'Y').expect("it is there");
    body[spoilt] = 0xFF;
    body
}

fn answers() -> Vec<Case> {
    let tool = |arguments: &str, first: bool| {
        let function = json!({ "name": first.then_some("f"), "arguments": arguments });
        let (id, kind) = (first.then_some("t"), first.then_some("function"));
        let call = json!({ "index": 0, "id": id, "type": kind, "function": function });
        chunk(&json!({ "tool_calls": [call] }), None)
    };
    let tools = [
        opening(),
        tool("", true),
        tool("{\"ci", false),
        tool("ty\":1}", false),
        chunk(&json!({}), Some("tool_calls")),
        DONE.to_owned(),
    ];
    let refused = [
        chunk(&json!({ "role": "assistant", "content": null, "refusal": "" }), None),
        chunk(&json!({ "refusal": "No." }), None),
        finish(),
        DONE.to_owned(),
    ];
    let usage = json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
    });
    let usage = whole().replace(DONE, &format!("data: {usage}\n\n{DONE}"));
    vec![
        case("usage with empty choices", usage, Ending::Complete),
        case("tool calls", tools.concat(), Ending::Complete),
        case("refusal", refused.concat(), Ending::Complete),
    ]
}

fn refusals() -> Vec<Case> {
    let html = case("HTML with 200", "<html>\n\n<p>Sorry\n", Ending::Complete);
    let plain = case("wrong type", whole(), Ending::Complete);
    vec![
        Case { headers: vec![("content-type", "text/html")], ..html },
        Case { headers: vec![("content-type", "text/plain")], ..plain },
        refusal("JSON error with 200", 200, ERROR),
        refusal("429", 429, ERROR),
        refusal("401", 401, ERROR),
        refusal("500", 500, ERROR),
        refusal("502 without JSON", 502, "<html>"),
        Case { headers: vec![], ..refusal("204", 204, "") },
    ]
}

fn head(case: &Case) -> String {
    let mut head = format!("HTTP/1.1 {} X\r\n", case.status);
    let fields = case.headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]);
    head.extend(fields);
    if case.status != 204 {
        head.push_str("transfer-encoding: chunked\r\n");
    }
    head.push_str("\r\n");
    head
}

/// Plays the case whose number is the model that is asked for.
async fn play(mut stream: TcpStream) {
    let mut asked = Vec::new();
    loop {
        if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&asked);
        if !text.contains("\"model\":") || !text.trim_end().ends_with('}') {
            continue;
        }
        let rest = &text[text.find("\"model\":").expect("it is there") + 8..];
        let number: usize = rest
            .trim_start_matches([' ', '"'])
            .split('"')
            .next()
            .expect("a model")
            .parse()
            .expect("a number");
        let case = cases().swap_remove(number);
        asked.clear();
        let mut bytes = head(&case).into_bytes();
        if !case.body.is_empty() {
            bytes.extend(format!("{:x}\r\n", case.body.len()).into_bytes());
            bytes.extend(&case.body);
            bytes.extend(b"\r\n");
        }
        if case.end == Ending::Complete && case.status != 204 {
            bytes.extend(b"0\r\n\r\n");
        }
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        match case.end {
            Ending::Complete => {}
            Ending::Truncated => return,
            Ending::Reset => {
                // What was sent is read first: an RST throws it away.
                sleep(Duration::from_secs(1)).await;
                stream.set_zero_linger().expect("it is set");
                return;
            }
            Ending::Silent => sleep(Duration::from_secs(10)).await,
        }
    }
}

fn told(seen: &Seen) -> Value {
    let (error, message) = match &seen.end {
        End::Over => (None, None),
        End::Failed(problem) => (Some(problem.kind.as_str()), problem.message.as_deref()),
        End::Waits => (Some("stall"), None),
    };
    json!({
        "text": seen.text, "refusal": seen.refusal, "tools": seen.tool_arguments,
        "finish": seen.finish, "error": error, "message": message,
    })
}

fn expected(profile: &str, case: &Case) -> Value {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let headers: Vec<_> = case.headers.iter().map(own).collect();
    let received =
        Received { status: case.status, headers: &headers, body: &case.body, end: case.end };
    let profile = profile::ALL.iter().find(|one| one.name == profile).expect("it is there");
    told(&(profile.sees)(&received))
}

fn installed() -> PathBuf {
    crate::runner::installed().with_file_name("profiles")
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/real/profiles").join(name)
}

/// Asks an SDK for every case, and compares.
fn compare(profile: &str, mut command: Command) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream));
        }
    });
    let cases = cases();
    let output = command
        .args([&url, &cases.len().to_string()])
        .arg(installed())
        .env("NO_PROXY", "*")
        .output()
        .expect("it starts");
    let lines = String::from_utf8(output.stdout).expect("text");
    let got: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(got.len(), cases.len(), "{profile}: {errors}");
    let wrong: Vec<_> = cases
        .iter()
        .zip(&got)
        .filter_map(|(case, got)| {
            let expected = expected(profile, case);
            // The words of a broken transport are the library's and not the provider's.
            let mut got = got.clone();
            if expected["message"].is_null() {
                got["message"] = Value::Null;
            }
            let line = || format!("{}:\n  SDK     {got}\n  profile {expected}", case.name);
            (got != expected).then(line)
        })
        .collect();
    assert!(wrong.is_empty(), "{profile}:\n{}", wrong.join("\n"));
}

#[test]
fn what_openai_python_sees_is_what_its_profiles_say() {
    for (profile, folder) in [("openai-python-3", "python-3"), ("openai-python-1", "python-1")] {
        let python = installed().join(folder).join("bin/python");
        if !works(&python, &["-c", "import openai"]) {
            skip("no openai SDKs for Python in target/profiles: `.ci/run` installs them");
            continue;
        }
        let mut command = Command::new(python);
        command.arg("-B").arg(script("chat.py"));
        compare(profile, command);
    }
}

#[test]
fn what_openai_node_and_the_ai_sdk_see_is_what_their_profiles_say() {
    for (profile, name) in [("openai-node-6", "chat.mjs"), ("ai-sdk-6", "ai.mjs")] {
        if !works("node", &["--version"]) || !installed().join("node_modules/ai").exists() {
            skip("no SDKs for Node in target/profiles: `.ci/run` installs them");
            continue;
        }
        let mut command = Command::new("node");
        command.arg(script(name));
        compare(profile, command);
    }
}
