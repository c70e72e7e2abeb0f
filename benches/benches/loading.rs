//! How long does it take to read and check a catalogue, with matrices and shared parts in it?

use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use harness::{
    scenario::catalogue::{ScenarioFile, embedded},
    suite::Case,
};

/// A catalogue of five hundred scenarios, a tenth of them with a matrix.
const FILES: usize = 500;

const MATRIX: &str = "
title: A stream of ${chunks} chunks, one every ${every}
include: ../common/one-reader-gets-all.yaml
matrix: { chunks: [1, 10, 100, 1000], every: [1ms, 20ms, 1s] }
upstream:
  - then:
      - stream: { chunks: \"${chunks}\", every: \"${every}\" }
";

fn files() -> Vec<ScenarioFile> {
    let catalogue = embedded(&[]).unwrap_or_default();
    let plain =
        catalogue.iter().filter(|file| !String::from_utf8_lossy(&file.text).contains("matrix"));
    let plain: Vec<_> = plain.cloned().collect();
    let file = |nth: usize| {
        let mut file = plain[nth % plain.len()].clone();
        if nth.is_multiple_of(10) {
            file.path = PathBuf::from("scenarios/any-cut/m.yaml");
            file.levels = 1;
            file.text = MATRIX.as_bytes().to_vec();
        }
        file
    };
    (0..FILES).map(file).collect()
}

fn loading(criterion: &mut Criterion) {
    let files = files();
    let count = |files: &[ScenarioFile]| -> usize {
        files.iter().filter_map(|file| Case::read_all(file).ok()).map(|cases| cases.len()).sum()
    };
    // Every file is right: one that is not would cost less.
    assert_eq!(count(&files), FILES + FILES / 10 * 11);
    let mut group = criterion.benchmark_group("loading");
    group.throughput(Throughput::Elements(FILES as u64));
    group.bench_function("500 scenarios, 50 of them of 12 cells", |bencher| {
        bencher.iter(|| count(&files));
    });
    let mut large = files[0].clone();
    large.text = MATRIX
        .replace("[1, 10, 100, 1000]", &format!("{:?}", (1..=100).collect::<Vec<_>>()))
        .replace(
            "[1ms, 20ms, 1s]",
            &format!("[{}ms]", (1..=100).map(|n| n.to_string()).collect::<Vec<_>>().join("ms, ")),
        )
        .into_bytes();
    assert_eq!(count(std::slice::from_ref(&large)), 10_000);
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("one matrix of 10,000 cells", |bencher| {
        bencher.iter(|| count(std::slice::from_ref(&large)));
    });
    group.finish();
}

criterion_group!(benches, loading);
criterion_main!(benches);
