//! Listens, relays, and stops at a signal.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::{self, SocketAddr},
    time::SystemTime,
};

use relay::Config;
use tokio::{
    net::TcpListener,
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use crate::{settings::Program, threads};

/// The kernel's randomness.
const ENTROPY: &str = "/dev/urandom";

/// Relays until it is told to stop.
///
/// # Errors
/// The reason and the remedy.
pub(crate) fn run(program: &Program, mut config: Config) -> Result<(), String> {
    add_the_moment(&mut config)?;
    let (listener, address) = listen(program.listen)?;
    let (tell, told) = oneshot::channel();
    let told = async {
        let _ = told.await;
    };
    // The second signal ends at once what the first one let finish.
    let twice = async {
        let mut signals =
            Signals::new().map_err(|error| format!("cannot hear signals: {error}"))?;
        // Nobody is left to tell where standard error is closed.
        drop(writeln!(io::stderr(), "listening on http://{address}"));
        signals.next().await;
        let _ = tell.send(());
        signals.next().await;
        Ok(())
    };
    threads::serve(program.threads, listener, config, told, twice)
}

/// As tokio does it, in a runtime of its own: the one that accepts comes later.
fn listen(listen: SocketAddr) -> Result<(net::TcpListener, SocketAddr), String> {
    let bind = async {
        let listener = TcpListener::bind(listen).await?.into_std()?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let runtime = Builder::new_current_thread().enable_io().build();
    runtime.and_then(|runtime| runtime.block_on(bind)).map_err(|error| {
        format!("cannot listen on {listen}: {error}; choose another --listen, or stop what uses it")
    })
}

/// What only the moment of the start can give.
fn add_the_moment(config: &mut Config) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "a program on a real port lives in real time")]
    let now = SystemTime::now();
    config.epoch = Some(now);
    // Relays that start side by side must not wait in step, and names of streams, which are made of
    // the seed, must not be guessed.
    let mut seed = [0; 8];
    File::open(ENTROPY).and_then(|mut source| source.read_exact(&mut seed)).map_err(|error| {
        format!("cannot read {ENTROPY}: {error}; the relay needs its randomness")
    })?;
    config.seed = u64::from_le_bytes(seed);
    Ok(())
}

/// SIGTERM and SIGINT, one after the other. Two listeners would both hear the first one.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
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
