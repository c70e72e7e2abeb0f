//! Starts the program and speaks to it over the standard library's sockets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::Value;

/// No read of these tests waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mock-openai"))
}

/// A server that is stopped when the test is over, also when it fails.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) start_line: String,
    script: Option<Script>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A script in a file of its own, which goes with it.
pub(crate) struct Script(PathBuf);

impl Script {
    pub(crate) fn new(text: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mock-openai-{}-{count}.yaml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("there is room for a script");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

pub(crate) fn start(arguments: &[&str]) -> Server {
    let mut command = program();
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(arguments);
    start_command(command)
}

pub(crate) fn start_command(mut command: Command) -> Server {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
    let address = line.strip_prefix("listening on http://").expect("its first line");
    let address = address.split_whitespace().next().expect("an address").to_owned();
    let address = address.replace("0.0.0.0", "127.0.0.1");
    Server { child, address, start_line: line.trim_end().to_owned(), script: None }
}

pub(crate) fn play(script: &str, arguments: &[&str]) -> Server {
    let script = Script::new(script);
    let path = script.path().to_str().expect("a plain path").to_owned();
    let mut server = start(&[&["--script", &path], arguments].concat());
    server.script = Some(script);
    server
}

/// An answer, its body as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A connection with a request on it.
pub(crate) struct Asking(TcpStream);

impl Asking {
    /// Reads some of the answer.
    pub(crate) fn read(&mut self, until: &str) -> String {
        let mut got = Vec::new();
        while !String::from_utf8_lossy(&got).contains(until) {
            let mut byte = [0];
            assert_eq!(self.0.read(&mut byte).expect("it answers"), 1, "ended: {got:?}");
            got.extend(byte);
        }
        String::from_utf8(got).expect("text")
    }

    /// Reads to the end of the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).expect("it answers and closes");
        answer
    }

    pub(crate) fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).expect("it reads");
    }
}

impl Server {
    pub(crate) fn connect(&self) -> Asking {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("sockets have time-outs");
        Asking(stream)
    }

    pub(crate) fn begin(&self, method: &str, path: &str, headers: &str, body: &str) -> Asking {
        let mut asking = self.connect();
        asking.send(&request(method, path, &format!("connection: close\r\n{headers}"), body));
        asking
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let answer = self.begin(method, path, headers, body).rest();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, "", body)
    }

    /// The journal's entries.
    pub(crate) fn journal(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/__mock/journal{query}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["entries"].as_array().expect("a list").clone()
    }
}

/// What each entry is called.
pub(crate) fn names(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["event"].as_str().expect("a name")).collect()
}

/// `headers` are whole lines.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}
