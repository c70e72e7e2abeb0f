//! How the program ends.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{Server, play};

/// Waits for the end of the program; its exit code, and how long it took.
fn end(server: &mut Server, signal: &str) -> (Option<i32>, Duration) {
    #[expect(clippy::disallowed_methods, reason = "a real process takes real time")]
    let start = Instant::now();
    let pid = server.child.id().to_string();
    let sent = Command::new("kill").args([signal, &pid]).status().expect("kill is there");
    assert!(sent.success());
    (server.child.wait().expect("it ends").code(), start.elapsed())
}

#[test]
fn a_signal_ends_it_at_once_where_no_answer_is_under_way() {
    for signal in ["-TERM", "-INT"] {
        let mut server = play("- then: [{ send: { raw: a } }]\n", &[]);
        let mut idle = server.connect();
        let (code, took) = end(&mut server, signal);
        assert_eq!(code, Some(0), "{signal}");
        assert!(took < Duration::from_secs(4), "{signal}: {took:?}");
        assert_eq!(idle.rest(), "");
    }
}

#[test]
fn an_answer_that_is_under_way_is_finished_first() {
    let mut server =
        play("- then: [{ send: { raw: a } }, { wait: 500ms }, { send: { raw: z } }]\n", &[]);
    let mut asking = server.begin("POST", "/", "", "");
    asking.read("1\r\na\r\n");
    assert_eq!(end(&mut server, "-TERM").0, Some(0));
    assert_eq!(asking.rest(), "1\r\nz\r\n0\r\n\r\n");
}

#[test]
fn a_second_signal_cuts_answers_off() {
    let mut server = play("- then: [{ send: { raw: a } }, { wait: forever }]\n", &[]);
    let mut asking = server.begin("POST", "/", "", "");
    asking.read("1\r\na\r\n");
    let pid = server.child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
    assert!(sent.success());
    // Signals that come together are one; the listening socket is gone when the first was heard.
    while std::net::TcpStream::connect(&server.address).is_ok() {}
    let (code, took) = end(&mut server, "-TERM");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(4), "{took:?}");
}
