//! The relay's own program on a free port.

use std::{
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Stdio},
    time::Duration,
};

/// Runs, and ends with the test at the latest.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The command that starts it before that provider, with these settings.
pub(crate) fn before(provider: SocketAddr, settings: &[&str]) -> Command {
    let upstream = format!("http://{provider}/v1");
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(["--listen", "127.0.0.1:0", "--upstream", &upstream]).args(settings);
    command
}

impl Program {
    /// Started, and listening; and what it says from then on.
    pub(crate) fn start(mut command: Command) -> io::Result<(Self, BufReader<ChildStderr>)> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut says = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut program = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut line = String::new();
        says.read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("listening on http://");
        program.address = address.and_then(|address| address.parse().ok()).expect(&line);
        Ok((program, says))
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status()?.success());
        Ok(())
    }

    pub(crate) async fn exit_code(&mut self) -> io::Result<Option<i32>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            // Another program can only be asked again.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
