//! What does a relay variant cost beside a direct connection, on a real port through
//! `reqwest::Client`?
//!
//! Each measurement is one whole stream of 1,000 frames, sent as fast as it is taken.

use std::{net::SocketAddr, time::Duration};

use benches::variants::{self, Serving};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mock_openai::{
    Mock, journal,
    script::{Rule, Step, Stream},
    wire::RealListener,
};
use tokio::{net::TcpListener, runtime::Runtime};

const FRAMES: u64 = 1_000;

fn provider(listener: TcpListener) -> Serving {
    let stream = Stream { chunks: Some(FRAMES - 3), ..Stream::default() };
    let rule = Rule { then: vec![Step::Stream(Box::new(stream))], ..Rule::default() };
    let mock =
        Mock { script: vec![rule], seed: 1, epoch: Duration::ZERO, journal: journal::deaf() };
    Box::pin(async move { drop(mock_openai::serve(RealListener::new(listener), mock).await) })
}

/// Starts a server on a free loopback port.
fn start(runtime: &Runtime, serve: impl FnOnce(TcpListener) -> Serving) -> SocketAddr {
    let listener =
        runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a loopback port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    runtime.spawn(serve(listener));
    address
}

async fn whole_stream(client: reqwest::Client, url: String) -> usize {
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .body(r#"{"model":"gpt-4o-mini","stream":true,"messages":[]}"#);
    let answer = request.send().await.expect("the relay answers");
    answer.bytes().await.expect("the stream ends well").len()
}

fn variants(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let provider = start(&runtime, provider);
    let relays = variants::ALL.iter().map(|variant| {
        (variant.name, start(&runtime, |listener| (variant.serve)(listener, provider)))
    });
    let servers: Vec<(&str, SocketAddr)> =
        std::iter::once(("direct", provider)).chain(relays).collect();
    let mut group = criterion.benchmark_group("variants");
    group.sample_size(20).throughput(Throughput::Elements(FRAMES));
    for (name, address) in servers {
        let client = reqwest::Client::new();
        let url = format!("http://{address}/v1/chat/completions");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let length = runtime.block_on(whole_stream(client.clone(), url.clone()));
                assert!(length > 100_000, "{name} gave {length} bytes");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, variants);
criterion_main!(benches);
