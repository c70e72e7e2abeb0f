//! The provider gives the same bytes on the simulated network as on a real socket.
//!
//! Each case is a request and a script. The one network is the harness's, in virtual time; the other
//! is the kernel's, on the loopback, in real time. Where the provider's own tests have written bytes
//! out by hand (`mock-openai/tests/steps`), the simulated ones are compared with those too.

use std::{fs, path::Path, time::Duration};

use mock_openai::{
    Mock, journal,
    script::{self, Script},
    serve,
    wire::RealListener,
    yaml::NoFiles,
};
use rstest::rstest;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

#[cfg(test)]
#[path = "network/support.rs"]
#[expect(dead_code, reason = "it is shared with tests that use more of it")]
mod support;

use support::{actor, latency, name, pair, run};

/// A case in a file: what is sent, and what the provider does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    request: String,
    script: Script,
}

/// How a connection ended, as its client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Fin,
    Rst,
    /// Nothing more came for a while.
    Open,
}

/// It names its client: by itself the address would tell clients apart, and the addresses differ.
const REQUEST: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: upstream\r\n\
                       content-type: application/json\r\ncontent-length: 40\r\n\r\n\
                       {\"model\":\"m\",\"stream\":true,\"user\":\"bob\"}";

fn mock(script: &Script) -> Mock {
    Mock { script: script.clone(), seed: 1, epoch: harness::world::EPOCH, journal: journal::deaf() }
}

/// Reads until the end, or until nothing has come for so long.
async fn read(mut stream: impl AsyncRead + Unpin, patience: Duration) -> (Vec<u8>, End) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match timeout(patience, stream.read(&mut piece)).await {
            Err(_) => return (bytes, End::Open),
            Ok(Ok(0)) => return (bytes, End::Fin),
            Ok(Ok(len)) => bytes.extend_from_slice(&piece[..len]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
                return (bytes, End::Rst);
            }
        }
    }
}

fn simulated(case: &Case) -> (Vec<u8>, End) {
    let script = case.script.clone();
    let provider = actor("upstream", move |host| {
        let mock = mock(&script);
        async move {
            let listener = host.listen().expect("nothing else listens there");
            drop(serve(listener, mock).await);
        }
    });
    let request = case.request.clone();
    let (seen, _) = run(&pair(latency(5)), vec![provider], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it takes a request");
        read(stream, Duration::from_hours(1)).await
    });
    seen
}

async fn real(case: &Case, patience: Duration) -> (Vec<u8>, End) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let serving = tokio::spawn(serve(RealListener::new(listener), mock(&case.script)));
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(case.request.as_bytes()).await.expect("it takes a request");
    let seen = read(stream, patience).await;
    serving.abort();
    seen
}

#[rstest]
#[case::a_stream("- stream: { chunks: 5, every: 2ms }", End::Open)]
#[case::a_stream_without_a_terminator(
    "[{ stream: { chunks: 2 } }, { end: no_terminator }]",
    End::Open
)]
#[case::json("- json: { object: list, data: [1, null, é] }", End::Open)]
#[case::an_error("- error: { preset: rate_limit, headers: { retry-after: '1' } }", End::Open)]
#[case::an_event(
    "- send: { event: e, id: '1', retry: '10', comment: c, data: \"a\\nb\" }",
    End::Open
)]
#[case::exact_bytes("- send: { raw: \"\\uFEFFdata: \\0a\\r\\r\" }", End::Open)]
#[case::cut_chunks("- cut: { every: 1, steps: [{ send: { data: naïve } }] }", End::Open)]
#[case::cut_segments(
    "- cut: { every: 3, level: segment, gap: 1ms, steps: [{ stream: { chunks: 2 } }] }",
    End::Open
)]
#[case::a_loop(
    "- repeat: { times: 3, steps: [{ send: { data: 'piece {n}' } }, { wait: 1ms }] }",
    End::Open
)]
#[case::a_length(
    "[{ head: { status: 200, framing: { length: 9 } } }, { send: { raw: \"data: a\\n\\n\" } }]",
    End::Open
)]
#[case::until_close(
    "[{ head: { status: 200, framing: until_close } }, { send: { data: a } }]",
    End::Fin
)]
#[case::truncated("[{ send: { data: a } }, { end: truncated }]", End::Fin)]
#[case::fin("- end: fin", End::Fin)]
#[case::reset("[{ send: { data: a } }, { wait: 20ms }, { end: reset }]", End::Rst)]
#[case::reset_inside_an_event(
    "- stream: { chunks: 5, stop: { after: { bytes: 300B }, end: reset } }",
    End::Rst
)]
#[case::half_close("[{ send: { data: a } }, { end: half_close }]", End::Fin)]
#[case::hold("[{ send: { data: a } }, { end: hold }]", End::Open)]
#[case::tripped(
    "[{ trip: { after: { frames: 2 }, end: fin } }, { stream: { chunks: 5 } }]",
    End::Fin
)]
#[tokio::test]
async fn a_simulated_network_carries_what_a_real_one_does(#[case] steps: &str, #[case] end: End) {
    let script =
        script::load("case", format!("[{{ then: {} }}]", flow(steps)).as_bytes(), &NoFiles);
    let case = Case { request: REQUEST.to_owned(), script: script.expect("the script is right") };
    // The simulator is a runtime of its own.
    let (case, simulated) = tokio::task::spawn_blocking(move || {
        let seen = simulated(&case);
        (case, seen)
    })
    .await
    .expect("the simulation comes to its end");
    assert_eq!(simulated.1, end, "{}", String::from_utf8_lossy(&simulated.0));
    let real = real(&case, Duration::from_millis(400)).await;
    assert_eq!(String::from_utf8_lossy(&simulated.0), String::from_utf8_lossy(&real.0));
    assert_eq!(simulated, real);
}

/// One step in block style becomes a list in flow style.
fn flow(steps: &str) -> String {
    match steps.strip_prefix("- ") {
        Some(step) => format!("[{{ {step} }}]"),
        None => steps.to_owned(),
    }
}

/// The bytes that a person wrote out for the provider's steps.
#[test]
fn a_simulated_network_carries_the_bytes_that_are_written_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mock-openai/tests/steps");
    let Ok(entries) = fs::read_dir(&folder) else {
        // The harness is tested without its neighbour's folder too.
        println!("skipped: {} is not there", folder.display());
        return;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no case", folder.display());
    for path in paths {
        let text = fs::read(&path).expect("it can be read");
        let case: Case = mock_openai::yaml::load(&path.display().to_string(), &text)
            .unwrap_or_else(|wrong| panic!("{}", wrong[0]));
        let expected = fs::read(path.with_extension("http")).expect("its bytes are there");
        let (bytes, _) = simulated(&case);
        let (bytes, expected) =
            (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&expected));
        assert_eq!(bytes, expected, "{}", path.display());
    }
}
