//! The program: starts with two flags, says what is wrong, and stops when told to.

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    io::{self, BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    process::{ChildStderr, Command, Output, Stdio},
    time::Duration,
};

use program::{Program, before};
use support::{Client, Provider, Step, chunk, soon, stream_head};

fn relay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_names_every_switch_with_its_default() -> io::Result<()> {
    let defaults = relay::Config::new("http://127.0.0.1:9/v1".parse().expect("it is a URL"));
    let help = String::from_utf8_lossy(&relay(&["--help"]).output()?.stdout).into_owned();
    for switch in relay::Config::SWITCHES {
        assert!(help.contains(&format!("--{}", switch.name.replace('_', "-"))), "{help}");
        let default =
            format!("{} [default: {}]", switch.field.about().takes, switch.value_of(&defaults));
        assert!(help.contains(&default), "{default} in {help}");
    }
    Ok(())
}

#[test]
fn input_that_makes_no_sense_is_refused_with_the_reason() -> io::Result<()> {
    let base = ["--upstream", "http://127.0.0.1:9/v1"];
    let cases = [
        (["--origins", "*", "--credentials", "on"], "cannot be combined with credentials"),
        (
            ["--idle", "5", "--listen", "127.0.0.1:0"],
            "`5` is not a value of the relay's switch `idle`",
        ),
        (["--heartbeat", "15s", "--idle", "15s"], "heartbeat must be shorter than idle"),
        (["--hartbeat", "15s", "--idle", "15s"], "a similar argument exists: '--heartbeat'"),
    ];
    for (arguments, reason) in cases {
        let output = relay(&base).args(arguments).output()?;
        assert!(told(&output).contains(reason), "{}", told(&output));
        assert_eq!(output.status.code(), Some(2));
    }
    Ok(())
}

#[test]
fn a_port_in_use_is_named() -> io::Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let output = relay(&["--listen", &address, "--upstream", "http://127.0.0.1:9/v1"]).output()?;
    assert!(told(&output).contains(&format!("cannot listen on {address}")), "{}", told(&output));
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}

/// The program before `provider`, and a client that has the first event of its stream. Nobody
/// reads on what the program says.
async fn started(provider: &Provider) -> io::Result<(Program, Client)> {
    let (program, client, _) = heard(provider, &[]).await?;
    Ok((program, client))
}

/// The same with more arguments, and with what the program says from then on.
async fn heard(
    provider: &Provider,
    arguments: &[&str],
) -> io::Result<(Program, Client, BufReader<ChildStderr>)> {
    let (program, says) = Program::start(before(provider.address, arguments))?;
    let mut client = Client::chat(program.address).await?;
    client.until("data: 1\n\n").await;
    Ok((program, client, says))
}

/// Sends SIGTERM, and lets it arrive.
async fn terminate(program: &Program) -> io::Result<()> {
    program.terminate()?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(())
}

#[tokio::test]
async fn it_relays_and_drains_on_sigterm() -> io::Result<()> {
    let first = [stream_head(), chunk("data: 1\n\n"), Step::Gate];
    let steps = [&first[..], &[chunk("data: [DONE]\n\n"), chunk("")]].concat();
    let provider = Provider::start(vec![steps]).await?;
    let (mut program, mut client) = started(&provider).await?;
    terminate(&program).await?;
    provider.go();
    let (body, complete) = client.rest().await.chunked();
    assert_eq!(
        (String::from_utf8_lossy(&body).as_ref(), complete),
        ("data: 1\n\ndata: [DONE]\n\n", true)
    );
    assert_eq!(soon(program.exit_code()).await?, Some(0));
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held]).await?;
    let (mut program, _client) = started(&provider).await?;
    terminate(&program).await?;
    assert!(program.child.try_wait()?.is_none(), "the first one lets the stream go on");
    terminate(&program).await?;
    // Well below the 25 s of the drain.
    assert_eq!(soon(program.exit_code()).await?, Some(0));
    Ok(())
}

/// All that the program says of one stream that ends well.
async fn said_of_a_stream(arguments: &[&str]) -> io::Result<String> {
    let steps = [stream_head(), chunk("data: 1\n\n"), chunk("data: [DONE]\n\n"), chunk("")];
    let provider = Provider::start(vec![steps.to_vec()]).await?;
    let (mut program, mut client, mut says) = heard(&provider, arguments).await?;
    assert!(client.until("0\r\n\r\n").await.chunked().1);
    terminate(&program).await?;
    assert_eq!(soon(program.exit_code()).await?, Some(0));
    let mut said = String::new();
    says.read_to_string(&mut said)?;
    Ok(said)
}

#[tokio::test]
async fn a_stream_is_told_in_one_json_line() -> io::Result<()> {
    let said = said_of_a_stream(&[]).await?;
    let line: serde_json::Value = serde_json::from_str(&said)?;
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{said}");
    let fields = ["level", "target", "message", "route", "end"].map(|name| line[name].as_str());
    let expected = ["INFO", "relay::stream", "stream", "/v1/chat/completions", "complete"];
    assert_eq!(fields, expected.map(Some), "{said}");
    assert_eq!(line["bytes"], 23, "{said}");
    Ok(())
}

#[tokio::test]
async fn the_providers_key_can_stand_in_a_file() -> io::Result<()> {
    let steps = [stream_head(), chunk("data: 1\n\n"), chunk("data: [DONE]\n\n"), chunk("")];
    let mut provider = Provider::start(vec![steps.to_vec()]).await?;
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("provider-key");
    std::fs::write(&file, "# of the provider\nsk-in-a-file\n")?;
    // Nothing is warned of then.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    let flag = file.to_str().expect("a path of this build");
    let (program, client, _says) = heard(&provider, &["--provider-key-file", flag]).await?;
    let seen = provider.next().await;
    drop(program);
    drop(client);
    let support::Seen::Request(request) = seen else { panic!("{seen:?}") };
    assert!(request.contains("\r\nauthorization: Bearer sk-in-a-file\r\n"), "{request}");
    Ok(())
}

#[tokio::test]
async fn the_line_can_be_text_or_nothing() -> io::Result<()> {
    let text = said_of_a_stream(&["--log", "text"]).await?;
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(" INFO relay::stream: stream ") && text.contains("bytes=23"), "{text}");
    assert_eq!(said_of_a_stream(&["--log", "off"]).await?, "");
    assert_eq!(said_of_a_stream(&["--log-level", "warn"]).await?, "");
    Ok(())
}

#[tokio::test]
async fn a_silence_is_warned_of_while_it_lasts() -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held]).await?;
    let switches = ["--log-level", "warn", "--idle-warn", "100ms"];
    let (program, client, mut says) = heard(&provider, &switches).await?;
    let read = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        says.read_line(&mut line).map(|_| line)
    });
    let line = tokio::time::timeout(support::PATIENCE, read).await;
    // Else the reader, and with it a test that fails, would wait for ever.
    drop(program);
    drop(client);
    let line: serde_json::Value = serde_json::from_str(&line.expect("nothing was said")??)?;
    assert_eq!((&line["message"], &line["level"]), (&"idle_warning".into(), &"WARN".into()));
    Ok(())
}

/// Streams whose lines are more than a pipe holds: 64 KiB, and each line has some 400 B.
const STREAMS: usize = 400;

#[tokio::test]
async fn streams_go_on_while_nobody_reads_their_lines_and_none_is_lost() -> io::Result<()> {
    let steps = vec![stream_head(), chunk("data: 1\n\n"), chunk("data: [DONE]\n\n"), chunk("")];
    let provider = Provider::start(vec![steps; STREAMS + 1]).await?;
    let (mut program, mut client, mut says) = heard(&provider, &["--threads", "1"]).await?;
    // One that left before its end would be told as gone.
    assert!(soon(client.until("0\r\n\r\n")).await.chunked().1);
    for _ in 0..STREAMS {
        let mut client = soon(Client::chat(program.address)).await?;
        assert!(soon(client.until("0\r\n\r\n")).await.chunked().1);
    }
    // Who comes back to it while the relay ends reads all of them.
    terminate(&program).await?;
    let read = std::thread::spawn(move || {
        let mut said = String::new();
        says.read_to_string(&mut said).map(|_| said)
    });
    assert_eq!(soon(program.exit_code()).await?, Some(0));
    let said = read.join().expect("it only reads")?;
    assert_eq!(said.lines().filter(|line| line.contains("\"complete\"")).count(), STREAMS + 1);
    Ok(())
}
