//! The program's sockets send at once (`TCP_NODELAY`), towards clients and towards the provider, and the
//! latter notice that nobody is there any more. They are looked at from outside, through copies of
//! its descriptors.

#![cfg(target_os = "linux")]

#[path = "support/program.rs"]
#[expect(dead_code, reason = "this program ends with its test")]
mod program;
mod support;

use std::{
    fs, io,
    net::{SocketAddr, TcpStream},
    process::Child,
    time::Duration,
};

use program::{Program, before};
use rustix::{
    net::sockopt,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};
use support::{Client, Provider, Step, chunk, post, stream_head};

/// A connected socket.
#[derive(Debug)]
struct Socket {
    other_end: SocketAddr,
    sends_at_once: bool,
    /// Silence before the kernel asks for the other end, between two questions, and how many there are;
    /// none where it never does.
    keepalive: Option<(Duration, Duration, u32)>,
    /// How long what was sent may go without an acknowledgement, in milliseconds; 0 leaves it to the kernel.
    user_timeout: u32,
}

impl Socket {
    /// None of a listener, which has no other end, and of what is no TCP.
    fn of(socket: &TcpStream) -> io::Result<Option<Self>> {
        let (Ok(_), Ok(other_end)) = (socket.local_addr(), socket.peer_addr()) else {
            return Ok(None);
        };
        let keepalive = if sockopt::socket_keepalive(socket)? {
            let (idle, interval) =
                (sockopt::tcp_keepidle(socket)?, sockopt::tcp_keepintvl(socket)?);
            Some((idle, interval, sockopt::tcp_keepcnt(socket)?))
        } else {
            None
        };
        Ok(Some(Self {
            other_end,
            sends_at_once: socket.nodelay()?,
            keepalive,
            user_timeout: sockopt::tcp_user_timeout(socket)?,
        }))
    }
}

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
        found.extend(Socket::of(&socket)?);
    }
    Ok(found)
}

#[tokio::test]
async fn sockets_send_at_once_and_notice_that_the_provider_is_gone() -> io::Result<()> {
    // A whole request, and one that is passed on as it comes, by another client.
    for request in [post("/v1/chat/completions", ""), post("/v1/x", "incremental: ?1\r\n")] {
        match looked_at(&request).await {
            // Sandboxes forbid one process to look into another.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
                assert!(!is_ci, "descriptors of a child cannot be copied here: {error}");
                println!("skipped: descriptors of a child cannot be copied here: {error}");
            }
            seen => seen?,
        }
    }
    Ok(())
}

async fn looked_at(request: &str) -> io::Result<()> {
    let held = vec![stream_head(), chunk("data: 1\n\n"), Step::Hold];
    let provider = Provider::start(vec![held]).await?;
    let (program, _says) = Program::start(before(provider.address, &[]))?;
    let mut client = Client::send(program.address, request).await?;
    client.until("data: 1\n\n").await;
    let found = sockets(&program.child)?;
    let towards = |wanted: SocketAddr| found.iter().find(|socket| socket.other_end == wanted);
    let client = towards(client.socket.local_addr()?).expect("the client's connection");
    let provider = towards(provider.address).expect("the provider's connection");
    assert!(client.sends_at_once && provider.sends_at_once, "{found:?}");
    assert_eq!(found.len(), 2, "there are no others: {found:?}");
    // As reqwest has it by itself (0.13: `tcp_keepalive` and the like).
    let often = Duration::from_secs(15);
    let watched = (provider.keepalive, provider.user_timeout);
    assert_eq!(watched, (Some((often, often, 3)), 30_000));
    Ok(())
}
