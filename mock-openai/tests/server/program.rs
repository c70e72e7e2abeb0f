//! The command line, and what goes wrong before the first request.

use std::process::{Command, Output};

use crate::support::{Script, play, program, start, start_command};

fn failing(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = program().args(arguments).output().expect("it runs");
    (status.code(), String::from_utf8(stderr).expect("text"))
}

#[test]
fn without_a_script_it_streams_and_lists_models() {
    let server = start(&[]);
    let answer =
        server.post("/v1/chat/completions", r#"{"model":"gpt-4o","stream":true,"messages":[]}"#);
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("\r\ncontent-type: text/event-stream"), "{}", answer.head);
    assert!(answer.body.contains(r#""delta":{"content":"#), "{}", answer.body);
    assert!(answer.body.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{}", answer.body);
    let body = server.get("/v1/models").json();
    assert_eq!(body["object"], "list");
    assert_eq!(body["data"][0]["object"], "model");
}

#[test]
fn a_script_is_played() {
    let server = play("- then:\n    - send: { raw: played }\n", &["--quiet"]);
    assert_eq!(server.post("/", "").body, "6\r\nplayed\r\n0\r\n\r\n");
}

#[test]
fn a_recording_is_found_from_the_scripts_folder() {
    let recording = Script::new("data: recorded\n\n");
    let name = recording.path().file_name().unwrap().to_str().unwrap();
    let server = play(&format!("- then: [{{ send: {{ file: {name} }} }}]\n"), &[]);
    assert_eq!(server.post("/", "").body, "10\r\ndata: recorded\n\n\r\n0\r\n\r\n");
    // What comes over HTTP has no folder, and reads no files of this host.
    let path = recording.path().display();
    let posted = format!("- then: [{{ send: {{ file: {path} }} }}]\n");
    let refused = server.post("/__mock/script", &posted);
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("this text cannot name files"), "{refused:?}");
}

#[test]
fn a_script_that_cannot_be_read_ends_it_with_code_2_and_its_name() {
    let (code, stderr) = failing(&["--script", "/nowhere/answer.yaml"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("mock-openai: /nowhere/answer.yaml: cannot be read:"), "{stderr}");
}

#[test]
fn a_wrong_script_ends_it_with_code_2_and_all_mistakes() {
    let script = Script::new("- thn: []\n- then: [{ wait: 5 }]\n");
    for more in [&[][..], &["--check"]] {
        let path = script.path().to_str().unwrap();
        let (code, stderr) = failing(&[&["--script", path], more].concat());
        assert_eq!(code, Some(2));
        for expected in ["the script is not right", "unknown key `thn`", ":1:3", ":2:18"] {
            assert!(stderr.contains(expected), "{expected} is not in\n{stderr}");
        }
    }
}

#[test]
fn a_check_says_that_a_script_is_right_and_does_not_serve() {
    let script = Script::new(
        "- { match: { model: m }, then: [{ send: { raw: a } }] }\n- then: [{ json: {} }]\n",
    );
    let path = script.path().to_str().unwrap();
    let output = program().args(["--check", "--script", path]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{path}: right, 2 rules\n"));
}

#[test]
fn an_address_that_is_in_use_is_named_with_what_to_do() {
    let server = start(&[]);
    let (code, stderr) = failing(&["--listen", &server.address]);
    assert_eq!(code, Some(1));
    let expected = format!(
        "mock-openai: cannot listen on {}: another program does; name another address with \
         --listen, or port 0 for a free one\n",
        server.address
    );
    assert_eq!(stderr, expected);
}

#[test]
fn an_address_that_others_reach_brings_a_warning() {
    let loopback = start(&[]);
    assert!(loopback.start_line.ends_with(" (control under /__mock/)"), "{}", loopback.start_line);
    let script = Script::new("[]");
    let path = script.path().to_str().unwrap();
    let mut child = program()
        .args(["--listen", "0.0.0.0:0", "--script", path])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stderr = child.stderr.as_mut().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(line, "warning: other hosts can reach it: --listen is no loopback address\n");
}

#[test]
fn a_lack_of_descriptors_does_not_end_it() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 16; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mock-openai")])
        .args(["--listen", "127.0.0.1:0"]);
    let server = start_command(command);
    let many: Vec<_> = (0..40).map(|_| server.connect()).collect();
    drop(many);
    assert_eq!(server.get("/__mock/healthz").body, "ok\n");
}

#[test]
fn the_help_says_what_each_option_does() {
    let output = program().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for expected in ["--no-control", "--journal-size", "[default: 10000]", "Examples:"] {
        assert!(help.contains(expected), "{expected} is not in\n{help}");
    }
}
