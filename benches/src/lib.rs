//! Helpers that the benches share: plans made from a few lines of YAML, and relay variants.

use harness::{plan, plan::Plan, scenario};

pub mod cost;
pub mod variants;

/// The plan of one reader of one stream of `frames` frames, `every` apart, over links of 5 ms.
///
/// `frames` counts the content deltas; the stream's role chunk, its finish chunk and `[DONE]` come
/// on top.
pub fn one_stream(frames: u64, every: &str) -> Plan {
    let yaml = format!(
        "title: One reader of one stream\n\
         upstream:\n  - then: [ {{ stream: {{ chunks: {frames}, every: {every} }} }} ]\n\
         network:\n  client-relay: {{ latency: 5ms }}\n  relay-upstream: {{ latency: 5ms }}\n\
         clients:\n  - name: reader\n"
    );
    let scenario = scenario::load("bench.yaml", yaml.as_bytes(), &[])
        .expect("the scenario of the benches is right");
    plan::plan(&scenario, "bench", 1)
}
