//! The program: starts with two flags, says what is wrong, and stops when told to.

mod support;

use std::{
    io::{self, BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

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
        let default = format!("{} [default: {}]", switch.takes(), switch.value_of(&defaults));
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

/// The program before `provider`, and a client that has the first event of its stream.
async fn started(provider: &Provider) -> io::Result<(Child, Client)> {
    let upstream = format!("http://{}/v1/", provider.address);
    let mut child = relay(&["--listen", "127.0.0.1:0", "--upstream", &upstream]).spawn()?;
    let mut says = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    says.read_line(&mut line)?;
    let address = line.trim_end().strip_prefix("listening on http://").expect("an address");
    let mut client = Client::chat(address.parse().expect("an address")).await?;
    client.until("data: 1\n\n").await;
    Ok((child, client))
}

/// Sends SIGTERM, and lets it arrive.
async fn terminate(child: &Child) -> io::Result<()> {
    assert!(Command::new("kill").arg(child.id().to_string()).status()?.success());
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(())
}

async fn exit_code(mut child: Child) -> io::Result<Option<i32>> {
    Ok(soon(tokio::task::spawn_blocking(move || child.wait())).await??.code())
}

#[tokio::test]
async fn it_relays_and_drains_on_sigterm() -> io::Result<()> {
    let first = [stream_head(), chunk("data: 1\n\n"), Step::Gate];
    let steps = [&first[..], &[chunk("data: [DONE]\n\n"), chunk("")]].concat();
    let provider = Provider::start(vec![steps]).await?;
    let (child, mut client) = started(&provider).await?;
    terminate(&child).await?;
    provider.go();
    let (body, complete) = client.rest().await.chunked();
    assert_eq!(
        (String::from_utf8_lossy(&body).as_ref(), complete),
        ("data: 1\n\ndata: [DONE]\n\n", true)
    );
    assert_eq!(exit_code(child).await?, Some(0));
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held]).await?;
    let (mut child, _client) = started(&provider).await?;
    terminate(&child).await?;
    assert!(child.try_wait()?.is_none(), "the first one lets the stream go on");
    terminate(&child).await?;
    // Well below the 25 s of the drain.
    assert_eq!(exit_code(child).await?, Some(0));
    Ok(())
}
