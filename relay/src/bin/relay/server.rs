//! Listens, relays, and stops at a signal.

use std::{
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::serve::ListenerExt as _;
use relay::Config;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::settings::{Program, Settings};

/// Relays until it is told to stop.
///
/// # Errors
/// The reason and the remedy.
pub(crate) fn run(settings: Settings) -> Result<(), String> {
    let Settings { program, mut config } = settings;
    add_the_moment(&mut config);
    let runtime = Runtime::new().map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(serve(&program, config))
}

/// What only the moment of the start can give.
fn add_the_moment(config: &mut Config) {
    #[expect(clippy::disallowed_methods, reason = "a program on a real port lives in real time")]
    let now = SystemTime::now();
    config.epoch = Some(now);
    // Relays that start side by side must not wait in step.
    let nanos = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    config.seed = u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or_default()
        ^ u64::from(std::process::id()).rotate_left(32);
}

async fn serve(program: &Program, config: Config) -> Result<(), String> {
    let client = relay::dial::client(&config).map_err(|error| error.to_string())?;
    let listener = listen(program).await?;
    let listener = listener.tap_io(|socket| {
        // Without it the relay still works, only later.
        drop(socket.set_nodelay(true));
    });
    let mut signals = Signals::new().map_err(|error| format!("cannot hear signals: {error}"))?;
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
}

async fn listen(program: &Program) -> Result<TcpListener, String> {
    let listen = program.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!("cannot listen on {listen}: {error}; choose another --listen, or stop what uses it")
    })?;
    let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
    // Nobody is left to tell where standard error is closed.
    drop(writeln!(std::io::stderr(), "listening on http://{address}"));
    Ok(listener)
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
