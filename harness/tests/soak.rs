//! Streams that are left and broken at drawn times, in virtual time, leave nothing: no task, no
//! place, no socket, no bytes.
//!
//! Small by default; `SOAK_STREAMS=50000 cargo test -p harness --release --test soak` is the full size.
//! Unoptimised it took 247 s of processor time and 37 MiB at its peak (measured).

use harness::{
    scenario,
    suite::{self, Case, Settings},
    target::Target,
};

const SEED: u64 = 20_261_128;
/// Streams of one world; more worlds follow one another.
const WORLD: u64 = 500;
/// Clients that leave alike, at starts of their own.
const ALIKE: u64 = 5;

/// A draw that is the same in each run (splitmix64 of its place).
fn draw(world: u64, nth: u64, bound: u64) -> u64 {
    let mixed = (SEED ^ (world << 32) ^ nth).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % bound
}

/// Clients that come within ten seconds. Three of four leave: before the head, between events, or
/// after the end; a fifth of the streams break by themselves. Every other world keeps its streams.
fn world(number: u64, streams: u64) -> Case {
    let relay = if number % 2 == 1 { "relay: { resume: on, resume_wait: 1s }\n" } else { "" };
    let mut yaml = format!(
        "title: Many streams that end at any time
needs: [metrics]
{relay}upstream:
  - when: {{ nth: 1-{} }}
    then:
      - stream: {{ chunks: 20, every: 50ms, stop: {{ after: {{ frames: 7 }}, end: reset }} }}
  - then:
      - wait: 300ms
      - stream: {{ chunks: 20, every: 50ms }}
clients:
",
        streams.div_ceil(5)
    );
    for nth in 0..streams.div_ceil(ALIKE) {
        let count = ALIKE.min(streams - nth * ALIKE);
        let wait = draw(number, 3 * nth + 1, 2_000);
        let leave = if draw(number, 3 * nth + 2, 2) == 0 { "fin" } else { "rst" };
        let leaves = format!("does: [{{ wait: {wait}ms }}, {{ leave: {leave} }}]");
        let does = if draw(number, 3 * nth, 4) > 0 { &*leaves } else { "" };
        let group = format!("name: group-{nth}\n    count: {count}\n    starts: {{ spread: 10s }}");
        yaml.extend(["  - ", &group, "\n    ", does, "\n"]);
    }
    yaml.push_str("expect:\n  - relay: { open_streams: 0, metric: { held_bytes: 0 } }\n");
    let scenario = scenario::load("soak.yaml", yaml.as_bytes(), &[]);
    let scenario = scenario.unwrap_or_else(|wrong| panic!("{wrong:?}\n{yaml}"));
    Case { id: format!("soak-{number}"), scenario }
}

#[test]
fn streams_that_end_at_any_time_leave_nothing() {
    #[expect(clippy::disallowed_methods, reason = "the size of a test is nobody's setting")]
    let streams = std::env::var("SOAK_STREAMS").ok().and_then(|text| text.parse().ok());
    let mut left: u64 = streams.unwrap_or(1_000);
    println!("seed {SEED}, {left} streams");
    for number in 0.. {
        let streams = left.min(WORLD);
        if streams == 0 {
            break;
        }
        left -= streams;
        let settings = Settings { seed: number, ..Settings::of(Target::reference()) };
        let outcome = suite::outcome(&world(number, streams), &settings);
        for judged in ["nothing-left", "relay: metric held_bytes"] {
            assert!(outcome.held.iter().any(|held| held == judged), "{number}: {outcome:#?}");
        }
    }
}
