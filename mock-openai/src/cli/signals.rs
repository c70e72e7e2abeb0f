//! The signals that end the program: SIGINT and SIGTERM, or Ctrl-C where there are none.

use std::io;

/// Listens from its making on.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Ready at the next signal.
    pub(super) async fn first(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Ready at the next signal.
    pub(super) async fn first(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals the program is ended from outside.
            std::future::pending::<()>().await;
        }
    }
}

impl Signals {
    /// Ready at the next signal but one.
    pub(super) async fn second(&mut self) {
        self.first().await;
        self.first().await;
    }
}
