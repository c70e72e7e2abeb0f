//! How many runs of a scenario a second does one core make, judging and hashing included?

use benches::one_stream;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use harness::{judge, net::Engine, target::Target, world};

fn scenario_rate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scenario_rate");
    let target = Target::reference();
    for (name, frames, every) in
        [("50 frames in 1 s", 50, "20ms"), ("300 frames in 300 s", 300, "1s")]
    {
        let plan = one_stream(frames, every);
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let trace = world::run(&plan, &target, Engine::TurmoilNet);
                (judge::judge(&plan, &trace), trace.digest())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, scenario_rate);
criterion_main!(benches);
