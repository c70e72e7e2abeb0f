//! The relay's own binary, built from the sources as they stand.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
};

use crate::{PATIENCE, mock::Upstream};

/// Builds the binary once a run and tells where it lies: a binary from an earlier build would test
/// other sources. Together with the whole workspace, so that the dependencies' features, and with
/// them most artefacts, are those of `cargo test`; and with Redis, which some tests need.
fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        cargo.args(["build", "--workspace", "--features", "relay/redis", "--bin", "relay"]);
        cargo.arg("--message-format=json");
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let output = cargo.output().expect("cargo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).expect("JSON");
        let executable = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "relay")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from));
        executable.expect("cargo names the executable")
    })
}

/// A relay that is killed when the test is over, also when it fails.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it wrote on standard error.
    log: Arc<Mutex<String>>,
}

impl Relay {
    /// In front of that provider, on a free port, with these flags.
    pub(crate) fn start(upstream: &Upstream, flags: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", &upstream.url(), flags)
    }

    pub(crate) fn start_at(listen: &str, upstream: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["--listen", listen, "--upstream", upstream])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let log = Arc::<Mutex<String>>::default();
        let (tell, told) = mpsc::channel();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|length| length > 0) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
                if let Some(address) = line.trim_end().strip_prefix("listening on http://") {
                    // A second such line would have no listener.
                    let _ = tell.send(address.parse().expect("an address"));
                }
                line.clear();
            }
        });
        let mut relay = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log };
        let listens = told.recv_timeout(PATIENCE);
        relay.address = listens.unwrap_or_else(|_| panic!("it does not listen: {}", relay.log()));
        relay
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill is there");
        assert!(sent.success());
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let (tell, told) = mpsc::channel();
        let mut ended = self.child.stdout.take();
        std::thread::spawn(move || {
            // The pipe closes with the process.
            let read = ended.as_mut().map(|pipe| pipe.read_to_end(&mut Vec::new()));
            let _ = tell.send(read.is_some());
        });
        told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it does not end: {}", self.log()));
        self.child.wait().expect("it was started")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An address on which nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}
