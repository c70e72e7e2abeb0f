//! The program's sockets send at once (`TCP_NODELAY`), towards clients and towards the provider.
//! They are looked at from outside, through copies of its descriptors.

#![cfg(target_os = "linux")]

#[path = "support/program.rs"]
#[expect(dead_code, reason = "this program ends with its test")]
mod program;
mod support;

use std::{
    fs, io,
    net::{SocketAddr, TcpStream},
    process::Child,
};

use program::{Program, before};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use support::{Client, Provider, Step, chunk, post, stream_head};

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

#[tokio::test]
async fn both_sides_send_at_once() -> io::Result<()> {
    // A whole request, and one that is passed on as it comes, by another client.
    for request in [post("/v1/chat/completions", ""), post("/v1/x", "incremental: ?1\r\n")] {
        match sends_at_once(&request).await {
            // Sandboxes forbid one process to look into another.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
                assert!(!is_ci, "descriptors of a child cannot be copied here: {error}");
                println!("skipped: descriptors of a child cannot be copied here: {error}");
            }
            sent => sent?,
        }
    }
    Ok(())
}

async fn sends_at_once(request: &str) -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held]).await?;
    let (program, _says) = Program::start(before(provider.address, &[]))?;
    let mut client = Client::send(program.address, request).await?;
    client.until("data: 1\n\n").await;
    let found = sockets(&program.child)?;
    let other_end = |wanted: SocketAddr| found.iter().find(|(_, there, _)| *there == wanted);
    let towards_client = other_end(client.socket.local_addr()?).expect("the client's connection");
    let towards_provider = other_end(provider.address).expect("the provider's connection");
    assert!(towards_client.2 && towards_provider.2, "{found:?}");
    assert_eq!(found.len(), 2, "there are no others: {found:?}");
    Ok(())
}
