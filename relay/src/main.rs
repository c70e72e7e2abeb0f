//! The relay as a program.

use std::{
    io::Write as _,
    net::SocketAddr,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::serve::ListenerExt as _;
use clap::{Arg, ArgMatches, Command, value_parser};
use relay::Config;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

/// Exit codes: 1 what was asked for could not be done, 2 what was asked for makes no sense.
const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let result = configure(&matches)
        .map_err(|error| (BAD_INPUT, error))
        .and_then(|(listen, config)| run(listen, config).map_err(|error| (FAILED, error)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            // Nobody is left to tell where standard error is closed.
            drop(writeln!(std::io::stderr(), "error: {error}"));
            ExitCode::from(code)
        }
    }
}

/// The command line; each switch of the relay is a flag, and a variable of the environment.
fn command() -> Command {
    let switches = Config::SWITCHES.iter().map(|switch| {
        Arg::new(switch.name)
            .long(switch.name.replace('_', "-"))
            .value_name("VALUE")
            .help(format!("{}; takes {}", switch.help, switch.takes))
            .env(format!("RELAY_{}", switch.name.to_uppercase()))
            .hide_env_values(switch.secret)
    });
    Command::new("relay")
        .about("Relays OpenAI-compatible streams to clients, byte for byte and as they come")
        .after_help("Example: relay --listen 127.0.0.1:8080 --upstream https://api.openai.com/v1")
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .help("Address and port to listen on")
                .default_value("127.0.0.1:8080")
                .value_parser(value_parser!(SocketAddr)),
        )
        .arg(
            Arg::new("upstream")
                .long("upstream")
                .value_name("URL")
                .help("The provider's base, with or without a slash at its end")
                .required(true)
                .env("RELAY_UPSTREAM")
                .value_parser(|text: &str| text.parse::<reqwest::Url>()),
        )
        .next_help_heading("Switches")
        .args(switches)
}

fn configure(matches: &ArgMatches) -> Result<(SocketAddr, Config), String> {
    let listen = matches.get_one::<SocketAddr>("listen").ok_or("--listen is missing")?;
    let upstream = matches.get_one::<reqwest::Url>("upstream").ok_or("--upstream is missing")?;
    let mut config = Config::new(upstream.clone());
    for switch in Config::SWITCHES {
        if let Some(value) = matches.get_one::<String>(switch.name) {
            config.set(switch.name, value).map_err(|error| error.to_string())?;
        }
    }
    config.check().map_err(|error| error.to_string())?;
    #[expect(clippy::disallowed_methods, reason = "a program on a real port lives in real time")]
    let now = SystemTime::now();
    config.epoch = Some(now);
    // Relays that start side by side must not wait in step.
    let nanos = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    config.seed = u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or_default()
        ^ u64::from(std::process::id()).rotate_left(32);
    Ok((*listen, config))
}

fn run(listen: SocketAddr, config: Config) -> Result<(), String> {
    let runtime = Runtime::new().map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let client = relay::dial::client(&config).map_err(|error| error.to_string())?;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            format!(
                "cannot listen on {listen}: {error}; choose another --listen, or stop what uses it"
            )
        })?;
        let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
        // Nobody is left to tell where standard error is closed.
        drop(writeln!(std::io::stderr(), "listening on http://{address}"));
        let listener = listener.tap_io(|socket| {
            // Without it the relay still works, only later.
            drop(socket.set_nodelay(true));
        });
        let mut signals =
            Signals::new().map_err(|error| format!("cannot hear signals: {error}"))?;
        let (tell, told) = tokio::sync::oneshot::channel();
        let twice = async move {
            signals.next().await;
            let _ = tell.send(());
            signals.next().await;
        };
        let told = async {
            let _ = told.await;
        };
        tokio::select! {
            biased;
            // The second signal ends at once what the first one let finish.
            () = twice => Ok(()),
            served = relay::serve(listener, client, config, told) => {
                served.map_err(|error| error.to_string())
            }
        }
    })
}

/// SIGTERM and SIGINT, one after the other. Two listeners would both hear the first one.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
