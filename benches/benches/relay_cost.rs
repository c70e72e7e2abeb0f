//! What does the relay cost beside a direct connection, and beside nginx's `proxy_pass`?
//!
//! The relay and nginx run as programs of their own; the provider and the clients are two threads
//! of this process. Whatever is measured is measured in turns, several rounds in one run, so that
//! what else the machine does falls on all. Times count from the moment at which something was due
//! and not from when it was sent. `cargo test` runs it small, and only looks whether it runs.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use benches::cost::{
    END,
    client::{Readers, ask, first_event, histogram},
    event, pace,
    program::Program,
    provider::{LONG, Provider, SHORT},
    raise_open_files,
};
use hdrhistogram::Histogram;

/// How much is measured.
struct Size {
    rounds: u32,
    /// How long each measurement lasts.
    lasting: Duration,
    /// Idle streams whose memory is measured.
    idle: usize,
}

const FULL: Size = Size { rounds: 5, lasting: Duration::from_secs(3), idle: 5_000 };
const SMALL: Size = Size { rounds: 1, lasting: Duration::from_millis(300), idle: 50 };

/// Requests a second, each on a new connection.
const REQUESTS: u32 = 200;
/// Streams among which events are dealt, one event at a time.
const STREAMS: usize = 100;
/// Events a second where their delay is measured: ten a stream and second, and no queue anywhere.
const EVENTS: u32 = 1_000;
/// Events a second where the processor's time is measured: many, and still one at a time.
const EVENTS_BUSY: u32 = 8_000;

/// One way from the client to the provider, and what was measured of it.
struct Way {
    name: &'static str,
    address: SocketAddr,
    program: Option<Program>,
    first_byte: Histogram<u64>,
    first_byte_cpu: Duration,
    event: Histogram<u64>,
    busy_event: Histogram<u64>,
    busy_event_cpu: Duration,
    /// Bytes a stream.
    memory: Option<u64>,
}

impl Way {
    fn new(name: &'static str, address: SocketAddr, program: Option<Program>) -> Self {
        Self {
            name,
            address,
            program,
            first_byte: histogram(),
            first_byte_cpu: Duration::ZERO,
            event: histogram(),
            busy_event: histogram(),
            busy_event_cpu: Duration::ZERO,
            memory: None,
        }
    }

    fn through(name: &'static str, program: Program) -> Self {
        Self::new(name, program.address, Some(program))
    }

    fn cpu(&self) -> io::Result<Duration> {
        self.program.as_ref().map_or(Ok(Duration::ZERO), Program::cpu)
    }

    fn measure(&mut self, provider: &Provider, lasting: Duration) -> io::Result<()> {
        let before = self.cpu()?;
        add(&mut self.first_byte, &first_bytes(self.address, lasting)?);
        self.first_byte_cpu += self.cpu()?.saturating_sub(before);
        add(&mut self.event, &Events::open(self.address, provider)?.deal(EVENTS, lasting)?);
        let mut busy = Events::open(self.address, provider)?;
        // Streams are opened before and ended after: what that costs is no event's.
        settle();
        let before = self.cpu()?;
        busy.send(EVENTS_BUSY, lasting)?;
        self.busy_event_cpu += self.cpu()?.saturating_sub(before);
        add(&mut self.busy_event, &busy.end()?);
        Ok(())
    }

    /// Opens idle streams; what each costs the program in memory.
    fn measure_memory(&mut self, provider: &Provider, streams: usize) -> io::Result<()> {
        let Some(program) = &self.program else { return Ok(()) };
        let before = program.memory()?;
        let held = open(self.address, provider, streams)?;
        settle();
        let after = program.memory()?;
        drop(held);
        self.memory = Some(after.saturating_sub(before) / streams as u64);
        Ok(())
    }
}

fn add(all: &mut Histogram<u64>, more: &Histogram<u64>) {
    all.add(more).expect("both have the same bounds");
}

/// Lets what has just happened come to rest in the other program.
fn settle() {
    #[expect(
        clippy::disallowed_methods,
        reason = "another program cannot be asked whether it rests"
    )]
    thread::sleep(Duration::from_millis(500));
}

/// How long each request waits for its first event.
fn first_bytes(address: SocketAddr, lasting: Duration) -> io::Result<Histogram<u64>> {
    let readers = Readers::start()?;
    pace(REQUESTS, lasting, |due| readers.give(ask(address, SHORT)?, Some(due)))?;
    readers.finish()
}

/// Both ends of streams that have had their first event: the clients' and the provider's.
fn open(
    address: SocketAddr,
    provider: &Provider,
    streams: usize,
) -> io::Result<(Vec<TcpStream>, Vec<TcpStream>)> {
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..streams {
        let mut client = ask(address, LONG)?;
        first_event(&mut client)?;
        near.push(client);
        far.push(provider.long.recv().map_err(io::Error::other)?);
    }
    Ok((near, far))
}

/// Streams that are read, and among which events are dealt.
struct Events {
    far: Vec<TcpStream>,
    readers: Readers,
    sent: usize,
}

impl Events {
    fn open(address: SocketAddr, provider: &Provider) -> io::Result<Self> {
        let (near, far) = open(address, provider, STREAMS)?;
        let readers = Readers::start()?;
        for client in near {
            readers.give(client, None)?;
        }
        Ok(Self { far, readers, sent: 0 })
    }

    /// Sends events to one stream after the other, ends all, and tells how late they came.
    fn deal(mut self, rate: u32, lasting: Duration) -> io::Result<Histogram<u64>> {
        self.send(rate, lasting)?;
        self.end()
    }

    fn send(&mut self, rate: u32, lasting: Duration) -> io::Result<()> {
        // A full socket is an error here: the provider never waits for anybody.
        pace(rate, lasting, |due| {
            let socket = &mut self.far[self.sent % STREAMS];
            self.sent += 1;
            socket.write_all(event(due).as_bytes())
        })
    }

    /// Ends the streams; how late each event came.
    fn end(mut self) -> io::Result<Histogram<u64>> {
        for socket in &mut self.far {
            socket.write_all(END.as_bytes())?;
        }
        let late = self.readers.finish()?;
        assert_eq!(late.len(), self.sent as u64, "each event comes once");
        Ok(late)
    }
}

fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}

/// A way's figures: what it adds to the direct way, in microseconds, then what it takes.
fn figures(way: &Way, direct: &Way) -> [Option<f64>; 9] {
    let added = |of: fn(&Way) -> &Histogram<u64>, quantile: f64| {
        let [own, direct] = [way, direct].map(|way| micros(of(way).value_at_quantile(quantile)));
        Some(own - direct)
    };
    // As many microseconds for one as seconds for a million.
    let each = |cpu: Duration, of: &Histogram<u64>| {
        let count = u32::try_from(of.len().max(1)).unwrap_or(u32::MAX);
        Some(cpu.as_secs_f64() * 1e6 / f64::from(count))
    };
    [
        added(|way| &way.first_byte, 0.5),
        added(|way| &way.first_byte, 0.99),
        added(|way| &way.event, 0.5),
        added(|way| &way.event, 0.99),
        added(|way| &way.busy_event, 0.5),
        added(|way| &way.busy_event, 0.99),
        each(way.busy_event_cpu, &way.busy_event),
        each(way.first_byte_cpu, &way.first_byte),
        way.memory.and_then(|bytes| Some(f64::from(u32::try_from(bytes).ok()?) / 1024.0)),
    ]
}

/// What is measured, its unit, and the relay's goal.
const ROWS: [(&str, &str, &str); 9] = [
    ("added to the first event, median", "µs", ""),
    ("added to the first event, p99", "µs", ""),
    ("added per event at 1,000/s, median", "µs", ""),
    ("added per event at 1,000/s, p99", "µs", "< 200, < nginx"),
    ("added per event at 8,000/s, median", "µs", ""),
    ("added per event at 8,000/s, p99", "µs", ""),
    ("processor, per million events", "s", "<= nginx"),
    ("processor, per request", "µs", ""),
    ("memory per idle stream", "KiB", "<= 24"),
];

fn table(ways: &[Way]) -> String {
    let direct = &ways[0];
    let mut text = String::from("direct, with nobody between (from due to read), µs:\n");
    for (name, histogram) in [
        ("first event", &direct.first_byte),
        ("event at 1,000/s", &direct.event),
        ("event at 8,000/s", &direct.busy_event),
    ] {
        let [median, p99] = [0.5, 0.99].map(|at| micros(histogram.value_at_quantile(at)));
        text.extend([format!("  {name:<20}{median:>9.1} median{p99:>9.1} p99\n")]);
    }
    let all: Vec<_> = ways[1..].iter().map(|way| figures(way, direct)).collect();
    text.extend([format!("\n{:<38}", "")]);
    for way in &ways[1..] {
        text.extend([format!("{:>10}", way.name)]);
    }
    text += if all.len() > 1 { "     ratio  goal\n" } else { "  goal\n" };
    for (row, (name, unit, goal)) in ROWS.iter().enumerate() {
        let label = format!("{name}, {unit}");
        text.extend([format!("{label:<38}")]);
        for figure in &all {
            text += &figure[row].map_or_else(|| format!("{:>10}", "-"), |f| format!("{f:>10.1}"));
        }
        if let [Some(relay), Some(nginx)] = [0, 1].map(|way| all.get(way).and_then(|all| all[row]))
        {
            text.extend([format!("{:>10.2}", relay / nginx)]);
        }
        text.extend([format!("  {goal}\n")]);
    }
    text
}

fn main() -> io::Result<()> {
    // cargo says so to benches, and not to tests.
    let size = if std::env::args().any(|argument| argument == "--bench") { FULL } else { SMALL };
    let mut out = io::stdout();
    let open_files = raise_open_files();
    let provider = Provider::start()?;
    let (relay, built) = Program::relay(provider.address)?;
    let mut ways = vec![Way::new("direct", provider.address, None), Way::through("relay", relay)];
    match Program::nginx(provider.address, open_files)? {
        Some(nginx) => ways.push(Way::through("nginx", nginx)),
        None => writeln!(out, "nginx is not installed (Debian: nginx-light): measured without it")?,
    }
    for round in 0..=size.rounds {
        for way in &mut ways {
            if round == 0 {
                // Warms up; what it costs to begin is nobody's question.
                Events::open(way.address, &provider)?.deal(EVENTS, size.lasting / 3)?;
            } else {
                way.measure(&provider, size.lasting)?;
            }
        }
    }
    // This process has both ends, nginx and the relay too; some are needed for other things.
    let idle = size.idle.min(usize::try_from(open_files).unwrap_or(usize::MAX) / 2 - 100);
    if idle < size.idle {
        writeln!(out, "open files are limited to {open_files}: only {idle} idle streams")?;
    }
    for way in &mut ways {
        way.measure_memory(&provider, idle)?;
    }
    write!(out, "\n{}", table(&ways))?;
    writeln!(out, "{} rounds, {idle} idle streams; the relay is built {built}", size.rounds)
}
