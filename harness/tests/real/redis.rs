//! A real Redis on a port of its own, so that relays share what they keep.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{PATIENCE, relay::nobody, runner};

/// A server that is killed when the test is over, also when it fails.
pub(crate) struct Redis {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Redis {
    /// `None`, and a word about it, where there is no `redis-server`.
    pub(crate) fn start() -> Option<Self> {
        if !runner::works("redis-server", &["--version"]) {
            runner::skip("no `redis-server` on the path: apt-get install redis-server");
            return None;
        }
        let address = nobody();
        let name = format!("redis-{}-{}", std::process::id(), address.port());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &address.port().to_string()])
            .arg("--dir")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let redis = Self { child, folder, address };
        let (step, mut waited) = (Duration::from_millis(20), Duration::ZERO);
        while !redis.answers() {
            assert!(waited < PATIENCE, "redis-server does not answer at {address}");
            // Another program can only be asked again.
            #[expect(clippy::disallowed_methods, reason = "it starts in real time")]
            std::thread::sleep(step);
            waited += step;
        }
        Some(redis)
    }

    fn answers(&self) -> bool {
        let Ok(mut socket) = TcpStream::connect(self.address) else { return false };
        let mut answer = [0; 5];
        let asked = socket.set_read_timeout(Some(PATIENCE)).and_then(|()| {
            socket.write_all(b"PING\r\n")?;
            socket.read_exact(&mut answer)
        });
        asked.is_ok() && answer == *b"+PONG"
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
