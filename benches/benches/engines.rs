//! What does the event-driven engine save over the `turmoil` crate's fixed tick, on the same three
//! hosts?

use benches::one_stream;
use criterion::{Criterion, criterion_group, criterion_main};
use harness::{net::Engine, target::Target, world};

fn engines(criterion: &mut Criterion) {
    let target = Target::reference();
    for (name, frames, every) in
        [("50 frames in 1 s", 50, "20ms"), ("300 frames in 300 s", 300, "1s")]
    {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        let plan = one_stream(frames, every);
        for engine in [Engine::TurmoilNet, Engine::Turmoil] {
            group.bench_function(engine.name(), |bencher| {
                bencher.iter(|| world::run(&plan, &target, engine));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, engines);
criterion_main!(benches);
