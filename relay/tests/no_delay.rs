//! The program's sockets send at once (`TCP_NODELAY`), towards clients and towards the provider.
//! They are looked at from outside, through copies of its descriptors.

#![cfg(target_os = "linux")]

mod support;

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use support::{Client, Provider, Step, chunk, stream_head};

/// A connected socket: its own end, the other end, and whether it sends at once.
type Socket = (SocketAddr, SocketAddr, bool);

/// The sockets of a child.
fn sockets(child: &Child) -> io::Result<Vec<Socket>> {
    let pid = Pid::from_child(child);
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{}/fd", child.id()))? {
        let path = entry?.path();
        if !fs::read_link(&path)?.to_string_lossy().starts_with("socket:") {
            continue;
        }
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        let number = number.expect("descriptors are numbers");
        let socket: TcpStream = pidfd_getfd(&process, number, PidfdGetfdFlags::empty())?.into();
        // Listeners have no other end, and what is no TCP has no address.
        if let (Ok(here), Ok(there)) = (socket.local_addr(), socket.peer_addr()) {
            found.push((here, there, socket.nodelay()?));
        }
    }
    Ok(found)
}

/// Ends the program with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn both_sides_send_at_once() -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held]).await?;
    let upstream = format!("http://{}/v1", provider.address);
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(["--listen", "127.0.0.1:0", "--upstream", &upstream]).stderr(Stdio::piped());
    let mut program = Program(command.spawn()?);
    let mut line = String::new();
    let mut says = BufReader::new(program.0.stderr.take().expect("it is piped"));
    says.read_line(&mut line)?;
    let address = line.trim_end().strip_prefix("listening on http://").expect("an address");
    let mut client = Client::chat(address.parse().expect("an address")).await?;
    client.until("data: 1\n\n").await;
    let found = match sockets(&program.0) {
        // Sandboxes forbid one process to look into another.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!is_ci, "descriptors of a child cannot be copied here: {error}");
            println!("skipped: descriptors of a child cannot be copied here: {error}");
            return Ok(());
        }
        found => found?,
    };
    let other_end = |wanted: SocketAddr| found.iter().find(|(_, there, _)| *there == wanted);
    let towards_client = other_end(client.socket.local_addr()?).expect("the client's connection");
    let towards_provider = other_end(provider.address).expect("the provider's connection");
    assert!(towards_client.2 && towards_provider.2, "{found:?}");
    assert_eq!(found.len(), 2, "there are no others: {found:?}");
    Ok(())
}
