//! Out of file descriptors the program waits and goes on: what runs is unharmed, and what waits is
//! served once there is room.

#[path = "support/program.rs"]
#[expect(dead_code, reason = "this program ends with its test")]
mod program;
mod support;

use std::{
    io::{self, BufRead as _, BufReader},
    process::{ChildStderr, Command},
};

use program::{Program, before};
use support::{Client, Provider, Step, bare, chunk, soon, stream_head, whole};
use tokio::{io::AsyncReadExt as _, net::TcpStream, sync::mpsc, time::Instant};

/// Descriptors that the program may have; it needs some ten for itself.
const FILES: usize = 48;

/// So many events pass while it is out of files.
const EVENTS: usize = 300;

/// The program under that limit, and the lines that it says. On two threads, however many processors
/// there are: each takes descriptors.
fn start(provider: &Provider) -> io::Result<(Program, mpsc::UnboundedReceiver<String>)> {
    let program = before(provider.address, &["--log-level", "warn", "--threads", "2"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {FILES} && exec \"$0\" \"$@\"")]);
    limited.arg(program.get_program()).args(program.get_args());
    let (program, says) = Program::start(limited)?;
    Ok((program, lines(says)))
}

/// Reads lines on a thread of its own, which ends with the program.
fn lines(says: BufReader<ChildStderr>) -> mpsc::UnboundedReceiver<String> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in says.lines().map_while(Result::ok) {
            drop(tell.send(line));
        }
    });
    told
}

async fn next(lines: &mut mpsc::UnboundedReceiver<String>) -> String {
    soon(lines.recv()).await.expect("the program lives as long as the test")
}

#[tokio::test]
async fn it_waits_and_goes_on_and_what_runs_is_unharmed() -> io::Result<()> {
    let event = [Step::Gate, chunk("data: 1\n\n")];
    let last = [Step::Gate, chunk("data: [DONE]\n\n"), chunk("")];
    let events = std::iter::repeat_n(event, EVENTS).flatten();
    let steps = std::iter::once(stream_head()).chain(events).chain(last).collect();
    let provider = Provider::start(vec![steps, whole("200 OK", "", "ok")]).await?;
    let (program, mut lines) = start(&provider)?;
    let address = program.address;
    let begun = Instant::now();
    let mut stream = Client::chat(address).await?;
    stream.until("\r\n\r\n").await;

    // The kernel accepts them all; the program cannot.
    let mut idle = Vec::new();
    for _ in 0..FILES {
        idle.push(TcpStream::connect(address).await?);
    }
    let mut waiting = Client::send(address, &bare("GET", "/v1/models", "")).await?;
    // The second line shows that it waits, and does not give up.
    for _ in 0..2 {
        let line = next(&mut lines).await;
        assert!(line.contains("accept error") && line.contains("os error 24"), "{line}");
    }
    for events in 1..=EVENTS {
        provider.go();
        while stream.text().matches("data: 1").count() < events {
            let read = soon(stream.socket.read_buf(&mut stream.received)).await?;
            assert_ne!(read, 0, "{}", stream.text());
        }
    }
    let mut refused = 2;
    while lines.try_recv().is_ok() {
        refused += 1;
    }
    // It tries again after a second; a loop would have tried a thousand times meanwhile.
    let seconds = begun.elapsed().as_secs();
    assert!(refused <= 2 + seconds, "{refused} tries in {seconds} s");
    assert!(waiting.received.is_empty());

    drop(idle);
    assert_eq!((waiting.rest().await.status(), waiting.plain().as_str()), (200, "ok"));
    provider.go();
    assert!(stream.until("\r\n0\r\n\r\n").await.chunked().1);
    Ok(())
}
