//! What does a frame cost in virtual time with 10, 100 and 1,000 clients on one relay, and how much
//! processor time and memory does a crowd take? A run has one thread, so on one core that is its time.
//!
//! Each client gets 20 events a second through the reference relay, and begins at a moment of its
//! own. A watcher takes each fact, looks at what clients get, and keeps none. `cargo test` runs it
//! small, and only looks whether all that was sent arrives.

use std::{
    fs,
    io::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use benches::cost::thread_cpu;
use harness::{
    plan::{self, Plan},
    scenario,
    target::Target,
    trace::{BodyEnd, ClientFact, Event, Fact},
    wire, world,
};

/// Events a second and client.
const RATE: u64 = 20;

/// Clients, how many virtual seconds they listen, and how often all of it is measured.
const FULL: [(u64, u64, u32); 3] = [(10, 60, 5), (100, 60, 3), (1_000, 60, 1)];
const SMALL: [(u64, u64, u32); 2] = [(2, 1, 1), (20, 1, 1)];

/// A crowd of so many, in parts: a scenario may not make more frames than a trace can hold, and here
/// no trace is kept.
fn crowd(clients: u64, seconds: u64) -> Plan {
    let parts = clients.div_ceil(PART);
    let mut crowd = part(clients / parts, seconds);
    let first = crowd.clients.clone();
    for nth in 1..parts {
        crowd.clients.extend(first.iter().cloned().map(|mut client| {
            client.name = format!("{}-of-{nth}", client.name);
            client.from.clone_from(&client.name);
            client.starts += APART * u32::try_from(nth).unwrap_or(0);
            client
        }));
    }
    crowd
}

fn part(clients: u64, seconds: u64) -> Plan {
    let chunks = RATE * seconds;
    let yaml = format!(
        "title: A crowd\n\
         upstream:\n  - then: [ {{ stream: {{ chunks: {chunks}, every: {}ms }} }} ]\n\
         network:\n  client-relay: {{ latency: 5ms }}\n  relay-upstream: {{ latency: 5ms }}\n\
         clients:\n  - {{ name: reader, count: {clients}, starts: {{ spread: 1s }} }}\n",
        1_000 / RATE
    );
    let scenario = scenario::load("crowd.yaml", yaml.as_bytes(), &[]);
    plan::plan(&scenario.expect("the scenario of the bench is right"), "crowd", 1)
}

/// Clients of one part of a crowd, and how much later than the one before each part begins.
const PART: u64 = 100;
const APART: Duration = Duration::from_millis(7);

/// What a watcher counts.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    facts: u64,
    frames: u64,
    whole: u64,
}

fn count(counts: &mut Counts, event: &Event) {
    counts.facts += 1;
    match &event.fact {
        Fact::Client(ClientFact::Body { bytes, .. }) => {
            // Each frame comes in a read of its own, or with whole neighbours.
            counts.frames += wire::whole_frames(bytes).len() as u64;
        }
        Fact::Client(ClientFact::Ended { how: BodyEnd::Complete, .. }) => counts.whole += 1,
        Fact::Packet(_)
        | Fact::Arrived { .. }
        | Fact::Socket(..)
        | Fact::Client(_)
        | Fact::Provider(_)
        | Fact::Middlebox(..)
        | Fact::World(_)
        | Fact::Logged { .. } => {}
    }
}

/// One run, and the processor time that it took.
fn run(plan: &Plan) -> (Counts, Duration) {
    let counts = Arc::new(Mutex::new(Counts::default()));
    let sink = Arc::clone(&counts);
    let begin = thread_cpu();
    let watcher = Box::new(move |event: Event| {
        count(&mut sink.lock().unwrap_or_else(PoisonError::into_inner), &event);
    });
    world::watch(plan, &Target::reference(), watcher);
    let counts = *counts.lock().unwrap_or_else(PoisonError::into_inner);
    (counts, thread_cpu().saturating_sub(begin))
}

/// The most memory that this process ever had, in MiB (`proc_pid_status(5)`: `VmHWM`).
fn memory_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? >> 10)
}

fn main() -> io::Result<()> {
    // cargo says so to benches, and not to tests.
    let full = std::env::args().any(|argument| argument == "--bench");
    let sizes = if full { &FULL[..] } else { &SMALL[..] };
    let mut out = io::stdout();
    writeln!(out, "clients     frames      facts         CPU  a frame    ratio  memory at most")?;
    let mut first = None;
    for (clients, seconds, rounds) in sizes {
        let plan = crowd(*clients, *seconds);
        let runs = (0..*rounds).map(|_| run(&plan));
        let (counts, took) = runs.min_by_key(|(_, took)| *took).expect("there is one");
        // The role chunk, the finish chunk and `[DONE]` come on top.
        assert_eq!(counts.frames, clients * (RATE * seconds + 3), "each frame arrives");
        assert_eq!(counts.whole, *clients, "each answer ends as it should");
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let micros = took.as_secs_f64() * 1e6 / counts.frames as f64;
        let ratio = micros / *first.get_or_insert(micros);
        let memory = memory_peak().map_or_else(|| "-".to_owned(), |peak| format!("{peak} MiB"));
        writeln!(
            out,
            "{clients:>7} {:>10} {:>10} {:>9.2} s {micros:>5.1} us {ratio:>8.2} {memory:>15}",
            counts.frames,
            counts.facts,
            took.as_secs_f64(),
        )?;
    }
    Ok(())
}
