//! The `mock-openai` server: a script on a real port.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use mock_openai::{
    Mock,
    journal::{Entry, Event, Listener},
    script, serve,
    wire::RealListener,
};
use tokio::net::TcpListener;

/// Answers as an OpenAI-compatible provider would, or fails as a script says.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// What to answer, as YAML; without it, chat completions and the list of models are served.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// What ids and made-up words are drawn from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, why)) => {
            say(&mut io::stderr(), &format!("mock-openai: {why}"));
            code
        }
    }
}

/// Exit code 2 is for bad input, 1 for what the system refuses.
fn run(options: &Options) -> Result<(), (ExitCode, String)> {
    let bad_input = |why: String| (ExitCode::from(2), why);
    let failed = |error: io::Error| (ExitCode::FAILURE, error.to_string());
    let script = match &options.script {
        None => script::load("helpful.yaml", include_bytes!("helpful.yaml")),
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read(path)
                .map_err(|error| bad_input(format!("{name}: cannot be read: {error}")))?;
            script::load(&name, &text)
        }
    };
    let script = script.map_err(|mistakes| {
        let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        bad_input(format!("the script is not right\n{}", texts.join("\n")))
    })?;
    let mock = Mock { script, seed: options.seed, epoch: unix_time(), journal: journal() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(failed)?.block_on(async {
        let listener = TcpListener::bind(options.listen).await.map_err(|error| {
            (ExitCode::FAILURE, format!("cannot listen on {}: {error}", options.listen))
        })?;
        let address = listener.local_addr().map_err(failed)?;
        say(&mut io::stdout(), &format!("listening on http://{address}"));
        serve(RealListener::new(listener), mock).await.map_err(failed)
    })
}

#[expect(clippy::disallowed_methods, reason = "a real server's answers carry the real time")]
fn unix_time() -> Duration {
    // A clock before 1970 counts as 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// One line on stderr for what one wants to see while one tries things out.
fn journal() -> Listener {
    Arc::new(|Entry { connection, request, event }| {
        let what = match event {
            Event::Request { method, target, body, .. } => {
                format!("{method} {target}, {} bytes", body.len())
            }
            Event::BadRequest { why } => format!("bad request: {why}"),
            Event::Matched { rule } => format!("rule {rule} answers"),
            Event::Unmatched { nearest } => format!("no rule matches; {nearest}"),
            Event::Limited { rule } => format!("over the quota of rule {rule}"),
            Event::Head { status } => format!("answered {status}"),
            Event::Marked { name } => format!("mark {name}"),
            Event::Ended { how } => format!("ended: {how:?}"),
            Event::PeerGone { how, during_answer: true } => format!("peer left early: {how:?}"),
            Event::PeerGone { .. }
            | Event::Accepted { .. }
            | Event::Wrote { .. }
            | Event::Closed => return,
        };
        let request = request.map_or_else(String::new, |number| format!(" request {number}"));
        say(&mut io::stderr(), &format!("connection {connection}{request}: {what}"));
    })
}

/// Prints a line; a closed terminal or pipe is no reason to stop serving.
fn say(to: &mut dyn io::Write, line: &str) {
    drop(writeln!(to, "{line}").and_then(|()| to.flush()));
}
