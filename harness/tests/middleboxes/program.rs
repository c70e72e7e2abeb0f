//! nginx and haproxy on loopback, each for one case, ended when that is over.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::runner;

/// A program, and what stands in its configuration for the case.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Settings {
    /// In the `location`.
    Nginx(&'static str),
    /// In the `location`, and outside of all blocks, with a worker of its own.
    NginxWithWorker(&'static str, &'static str),
    /// In the `listen` section.
    Haproxy(&'static str),
    /// In the `listen` section, and in `global`.
    HaproxyWith(&'static str, &'static str),
}

/// Where a program of this name is; Debian puts servers where users do not look.
fn path(name: &str) -> Option<PathBuf> {
    let flag = "-v";
    [PathBuf::from(name), Path::new("/usr/sbin").join(name)]
        .into_iter()
        .find(|path| runner::works(path, &[flag]))
}

/// `false`, and a word about it, where the program is missing.
pub(crate) fn is_there(name: &str) -> bool {
    let found = path(name).is_some();
    if !found {
        runner::skip(&format!("no `{name}` on the path: apt-get install {name}"));
    }
    found
}

/// A program that is killed when the case is over, also when it fails.
pub(crate) struct Program {
    child: Child,
    settings: Settings,
    folder: PathBuf,
    pub(crate) port: u16,
}

impl Program {
    /// In front of a server on that port of loopback, listening.
    pub(crate) async fn start(settings: Settings, upstream: u16) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("middlebox-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let port = free();
        let (name, text) = match settings {
            Settings::Nginx(more) => {
                ("nginx", nginx(&folder, port, upstream, more, "master_process off;"))
            }
            Settings::NginxWithWorker(more, main) => {
                ("nginx", nginx(&folder, port, upstream, more, main))
            }
            Settings::Haproxy(more) => ("haproxy", haproxy(port, upstream, more, "")),
            Settings::HaproxyWith(more, global) => {
                ("haproxy", haproxy(port, upstream, more, global))
            }
        };
        let file = folder.join("conf");
        fs::write(&file, text).expect("a file");
        let mut command = Command::new(path(name).expect("it is there"));
        match settings {
            Settings::Nginx(_) | Settings::NginxWithWorker(..) => {
                command.arg("-e").arg(folder.join("log")).arg("-c").arg(&file);
            }
            Settings::Haproxy(_) | Settings::HaproxyWith(..) => {
                command.arg("-db").arg("-f").arg(&file);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let program = Self { child, settings, folder, port };
        let mut left = 1_500;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            left -= 1;
            assert!(left > 0, "{name} does not listen on {port}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        program
    }
}

impl Program {
    /// Tells it to end in good order, which each does in its own time.
    pub(crate) fn tell_to_stop(&self) {
        self.signal(self.settings.word_to_stop());
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.is_ok_and(|sent| sent.success()), "no signal can be sent");
    }
}

impl Settings {
    fn word_to_stop(self) -> &'static str {
        match self {
            Self::Nginx(_) | Self::NginxWithWorker(..) => "QUIT",
            Self::Haproxy(_) | Self::HaproxyWith(..) => "USR1",
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.settings, Settings::NginxWithWorker(..))
            && self.child.try_wait().is_ok_and(|ended| ended.is_none())
        {
            // Killed, it would leave its worker.
            self.signal("TERM");
            drop(self.child.wait());
        }
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn free() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// One process, without workers unless `main` says so: to kill it is to end it.
fn nginx(folder: &Path, port: u16, upstream: u16, more: &str, main: &str) -> String {
    let folder = folder.display();
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\n{main}\npid {folder}/pid;\nerror_log {folder}/log;\n\
         events {{ worker_connections 64; }}\nhttp {{\naccess_log off;\nserver_tokens off;\n{paths}\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{upstream}; {more} }} }}\n}}\n"
    )
}

/// Segments as on Ethernet: those of loopback are of 64 KiB.
fn haproxy(port: u16, upstream: u16, more: &str, global: &str) -> String {
    format!(
        "global\n  maxconn 64\n  {global}\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 50s\n  \
         timeout server 50s\nlisten hop\n  bind 127.0.0.1:{port} mss 1460\n  \
         server upstream 127.0.0.1:{upstream}\n  {more}\n"
    )
}
