//! The server program.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::support::post;

/// A server that is stopped when the test is over, also when it fails.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was killed");
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mock-openai"))
}

fn start(arguments: &[&str]) -> Server {
    let mut child = program()
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
    let address = line.trim().strip_prefix("listening on http://").map(str::to_owned);
    Server { child, address: address.unwrap_or(line) }
}

fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("sockets have time-outs");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    answer
}

fn closing(request: &str) -> String {
    request.replacen("host: a\r\n", "host: a\r\nconnection: close\r\n", 1)
}

#[test]
fn without_a_script_it_streams_and_lists_models() {
    let server = start(&[]);
    let answer = ask(&server, &closing(&post(r#"{"model":"gpt-4o","stream":true,"messages":[]}"#)));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream"), "{answer}");
    assert!(answer.contains(r#""delta":{"content":"Hello!"}"#), "{answer}");
    assert!(answer.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{answer}");
    let answer = ask(&server, &closing("GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["object"], "list");
    assert_eq!(body["data"][0]["object"], "model");
}

#[test]
fn a_script_is_played() {
    let path = std::env::temp_dir().join(format!("mock-openai-{}.yaml", std::process::id()));
    std::fs::write(&path, "- then:\n    - send: { raw: played }\n").unwrap();
    let server = start(&["--script", path.to_str().unwrap()]);
    let answer = ask(&server, &closing(&post("")));
    std::fs::remove_file(&path).unwrap();
    assert!(answer.ends_with("6\r\nplayed\r\n0\r\n\r\n"), "{answer}");
}

#[test]
fn a_script_that_cannot_be_read_ends_it_with_code_2_and_its_name() {
    let output = program().args(["--script", "/nowhere/answer.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("mock-openai: /nowhere/answer.yaml: cannot be read:"), "{stderr}");
}
