//! How many bytes and frames a second does the relay's stream core pass on, on one core?

use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use relay::{
    config::MissingDone,
    stream::{Core, Family, Input, Policy},
};

fn frame() -> Bytes {
    Bytes::from_static(
        b"data: {\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\
          \"created\":1767225600,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\
          \"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
    )
}

fn frame_path(criterion: &mut Criterion) {
    let frame = frame();
    let policy = Policy {
        ids: None,
        family: Family::Chat,
        heartbeat: None,
        first_byte: None,
        idle_warn: None,
        idle: None,
        missing_done: MissingDone::Error,
    };
    let mut group = criterion.benchmark_group("frame_path");
    group.throughput(Throughput::BytesDecimal(frame.len() as u64));
    group.bench_function("one frame", |bencher| {
        let mut core = Core::new(policy.clone());
        bencher.iter(|| core.feed(Duration::ZERO, Input::Bytes(frame.clone())));
    });
    group.finish();
}

criterion_group!(benches, frame_path);
criterion_main!(benches);
