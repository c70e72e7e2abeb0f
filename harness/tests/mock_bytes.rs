//! The provider gives the same bytes on the simulated network as on a real socket.
//!
//! Its own tests play each case of `mock-openai/tests/steps` on a real socket and compare what is
//! read with the bytes that are spelled out there. Here the same cases are played on the harness's
//! network, and compared with the same bytes.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use mock_openai::{Mock, journal, script::Script, serve, wire::Accept};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

#[path = "../../mock-openai/tests/suite/case.rs"]
mod case;
#[cfg(test)]
#[path = "network/support.rs"]
#[expect(dead_code, reason = "it is shared with tests that use more of it")]
mod support;

use case::{Case, Ends};
use harness::net::{Listener, Stream};
use support::{actor, latency, name, pair, run};

/// Calls every client `127.0.0.1`, from which the cases' ids are drawn.
struct Loopback(Listener);

impl Accept for Loopback {
    type Wire = Stream;

    async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        let (stream, peer) = Accept::accept(&mut self.0).await?;
        Ok((stream, SocketAddr::from((Ipv4Addr::LOCALHOST, peer.port()))))
    }
}

/// Reads until the end, or until nothing has come for two hours, longer than any case waits.
async fn read(mut stream: Stream) -> (Vec<u8>, Ends) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match timeout(Duration::from_hours(2), stream.read(&mut piece)).await {
            Err(_) => return (bytes, Ends::Open),
            Ok(Ok(0)) => return (bytes, Ends::Fin),
            Ok(Ok(len)) => bytes.extend_from_slice(&piece[..len]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
                return (bytes, Ends::Reset);
            }
        }
    }
}

fn simulated(sent: String, script: Script) -> (Vec<u8>, Ends) {
    let provider = actor("upstream", move |host| {
        let epoch = Duration::from_secs(1_700_000_000);
        let mock = Mock { script: script.clone(), seed: 1, epoch, journal: journal::deaf() };
        async move {
            let listener = host.listen().expect("nothing else listens there");
            drop(serve(Loopback(listener), mock).await);
        }
    });
    let (seen, _) = run(&pair(latency(5)), vec![provider], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.expect("it listens");
        stream.write_all(sent.as_bytes()).await.expect("it takes a request");
        read(stream).await
    });
    seen
}

#[test]
fn a_simulated_network_carries_the_bytes_that_are_spelled_out() {
    let mut wrong = Vec::new();
    for name in case::names() {
        let case = case::read(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = Case::expected(&name).expect("its bytes are there");
        let ends = case.ends;
        let (bytes, end) = simulated(case.sent(), case.script);
        if bytes != expected {
            let (got, wanted) = (bytes.escape_ascii(), expected.escape_ascii());
            wrong.push(format!("{name}:\n  wanted: {wanted}\n  got:    {got}"));
        }
        if end != ends {
            wrong.push(format!("{name}: wanted {ends:?}, got {end:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
