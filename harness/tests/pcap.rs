//! Captures, read by an independent program: tshark sees every packet of every scenario as the trace
//! has it, follows every connection to the bytes that were written to it, and finds in them the
//! bodies that clients got.
//!
//! Many runs are put into one capture, each with addresses of its own, so that tshark starts a few
//! times and not once a run.

#[path = "../../mock-openai/tests/sdk/runner.rs"]
#[expect(dead_code, reason = "of the SDKs' runner only its words about what is missing are used")]
mod runner;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock},
};

use harness::{
    plan::EPOCH,
    report::pcapng,
    scenario::catalogue,
    suite::{self, Case, Settings},
    target::Target,
    trace::{BodyEnd, ClientFact, Connection, Event, Fact, Fate, Name, Packet, SocketFact, Trace},
};

/// So many addresses has each run.
const ADDRESSES: u32 = 1 << 10;

/// The traces of all scenarios, each with addresses of its own.
fn traces() -> &'static [(String, Trace)] {
    static TRACES: OnceLock<Vec<(String, Trace)>> = OnceLock::new();
    TRACES.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        let files = catalogue::find(&[], &root).expect("there are scenarios");
        let cases: Vec<Case> =
            files.iter().flat_map(|file| Case::read_all(file).expect("it is right")).collect();
        let target = Target::named(Target::REFERENCE).expect("it is there");
        let traces = Mutex::new(BTreeMap::new());
        suite::run(&cases, &Settings::of(target), &|outcome, trace| {
            if let Some(trace) = trace {
                traces.lock().expect("no panic").insert(outcome.id.clone(), trace.clone());
            }
        });
        let mut traces: Vec<_> = traces.into_inner().expect("no panic").into_iter().collect();
        assert!(traces.len() > 200, "{} runs", traces.len());
        for (run, (_, trace)) in traces.iter_mut().enumerate() {
            for event in &mut trace.events {
                move_to(run, event);
            }
        }
        traces
    })
}

fn move_to(run: usize, event: &mut Event) {
    let moved = |address: &mut SocketAddr| {
        let IpAddr::V4(ip) = address.ip() else { panic!("hosts have addresses of IPv4") };
        let run = u32::try_from(run).expect("few runs");
        address.set_ip(Ipv4Addr::from(u32::from(ip) + run * ADDRESSES).into());
    };
    let ends = match &mut event.fact {
        Fact::Packet(packet) => Some((&mut packet.addresses.0, &mut packet.addresses.1)),
        Fact::Socket(
            _,
            SocketFact::Connected { local, peer, .. } | SocketFact::Accepted { local, peer, .. },
        ) => Some((local, peer)),
        Fact::Socket(..)
        | Fact::Arrived { .. }
        | Fact::Client(_)
        | Fact::Provider(_)
        | Fact::Middlebox(..)
        | Fact::World(_)
        | Fact::Logged { .. } => None,
    };
    if let Some((from, to)) = ends {
        moved(from);
        moved(to);
    }
}

fn packet(event: &Event) -> Option<&Packet> {
    if let Fact::Packet(packet) = &event.fact { Some(packet) } else { None }
}

fn packets() -> impl Iterator<Item = (&'static str, &'static Event, &'static Packet)> {
    traces().iter().flat_map(|(id, trace)| {
        let with = move |event| Some((id.as_str(), event, packet(event)?));
        trace.events.iter().filter_map(with)
    })
}

/// A capture of runs, of the packets that are meant.
fn capture(
    name: &str,
    runs: &[(String, Trace)],
    meant: impl Fn(&Trace, &Packet) -> bool,
) -> PathBuf {
    let events = runs.iter().flat_map(|(_, trace)| {
        let meant = |event: &&Event| packet(event).is_some_and(|packet| meant(trace, packet));
        trace.events.iter().filter(meant).cloned().collect::<Vec<_>>()
    });
    let mut bytes = Vec::new();
    let all = Trace { events: events.collect() };
    pcapng::write(&all, "all scenarios", &mut bytes).expect("memory takes it");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).expect("it can be written");
    path
}

/// What tshark prints about a capture.
fn tshark(capture: &Path, arguments: &[String]) -> String {
    let checked = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-N", "n"];
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(checked).args(arguments);
    let output = command.output().expect("it starts");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    String::from_utf8(output.stdout).expect("text")
}

/// `false`, and a word about it, where there is no `tshark`.
fn is_there() -> bool {
    let works = runner::works("tshark", &["--version"]);
    if !works {
        runner::skip("no `tshark` on the path: apt-get install tshark");
    }
    works
}

const FIELDS: [&str; 20] = [
    "frame.interface_name",
    "frame.time_epoch",
    "ip.src_host",
    "ip.dst_host",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.len",
    "frame.comment",
    "ip.checksum.status",
    "tcp.checksum.status",
    "_ws.malformed",
    "tcp.analysis.retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.lost_segment",
    "tcp.analysis.ack_lost_segment",
    "tcp.options",
];

/// The first fields of a packet, from the trace. A link sends in the name of a host: then the
/// sender's name is not the actor's.
fn facts(event: &Event, packet: &Packet, sender: &str) -> String {
    let at = EPOCH + event.at;
    let (from, to) = packet.addresses;
    let flags = packet.flags;
    let bits = [flags.fin, flags.syn, flags.rst, flags.psh, flags.ack];
    let bits = bits.iter().rev().fold(0, |bits, bit| bits << 1 | u8::from(*bit));
    let comment = match (event.actor == packet.link, packet.fate) {
        (true, _) => format!("made by the link {}", packet.link),
        (false, Fate::Due(_)) => String::new(),
        (false, Fate::Late(due)) => {
            format!("was lost once: arrives at {}.{:03} s", due.as_secs(), due.subsec_millis())
        }
        (false, Fate::Held) => "held by the link".to_owned(),
        (false, Fate::Dropped) => "never arrives".to_owned(),
    };
    [
        packet.link.to_string(),
        format!("{}.{:09}", at.as_secs(), at.subsec_nanos()),
        sender.to_owned(),
        packet.to.to_string(),
        from.port().to_string(),
        to.port().to_string(),
        packet.seq.to_string(),
        packet.ack.to_string(),
        format!("0x{bits:04x}"),
        packet.window.to_string(),
        packet.payload.len().to_string(),
        comment,
    ]
    .join("|")
}

#[test]
fn every_packet_is_as_the_trace_has_it_and_tshark_complains_of_none() {
    if !is_there() {
        return;
    }
    let fields = FIELDS.iter().flat_map(|field| ["-e", field]);
    let arguments = ["-T", "fields", "-E", "separator=|"].into_iter().chain(fields);
    let arguments: Vec<String> = arguments.map(str::to_owned).collect();
    let told = tshark(&capture("packets.pcapng", traces(), |_, _| true), &arguments);
    let mut told = told.lines();
    let (good, no_complaint) = ("|1|1", "||||||");
    for (number, (id, event, packet)) in packets().enumerate() {
        let seen = told.next().unwrap_or_else(|| panic!("{id}: no packet {}", number + 1));
        let made = event.actor == packet.link;
        let sender = if made { seen.split('|').nth(2).unwrap_or("") } else { &event.actor };
        let wanted = facts(event, packet, sender) + good + no_complaint;
        assert_eq!(seen, wanted, "{id}, packet {} of all", number + 1);
    }
    assert_eq!(told.next(), None);
}

/// What the applications at both ends of a connection wrote: the one that connected first.
#[derive(Default)]
struct Written {
    ends: Option<(SocketAddr, SocketAddr)>,
    connects: Option<Name>,
    bytes: [Vec<u8>; 2],
    /// Something of it never came: an RST, a host that went away, a link that swallowed.
    was_cut: bool,
}

fn written(trace: &Trace) -> BTreeMap<Connection, Written> {
    let mut all: BTreeMap<Connection, Written> = BTreeMap::new();
    for event in &trace.events {
        if let Some(packet) = packet(event) {
            let one = all.entry(packet.connection).or_default();
            one.ends.get_or_insert(packet.addresses);
            one.connects.get_or_insert_with(|| event.actor.clone());
            one.was_cut |= packet.flags.rst || packet.fate == Fate::Dropped;
        }
        if let Fact::Socket(connection, SocketFact::Wrote { bytes }) = &event.fact {
            let one = all.entry(*connection).or_default();
            let other = usize::from(one.connects.as_ref() != Some(&event.actor));
            one.bytes[other].extend_from_slice(bytes);
        }
    }
    all
}

/// Each stream that tshark followed: its two ends, and the bytes from each.
fn followed(text: &str) -> BTreeMap<(SocketAddr, SocketAddr), [Vec<u8>; 2]> {
    let mut streams = BTreeMap::new();
    let (mut first, mut current) = (None, None);
    for line in text.lines() {
        if let Some(node) = line.strip_prefix("Node 0: ") {
            first = Some(node.parse::<SocketAddr>().expect("an address"));
        } else if let Some(node) = line.strip_prefix("Node 1: ") {
            let ends = (first.expect("node 0"), node.parse().expect("an address"));
            assert!(streams.insert(ends, [vec![], vec![]]).is_none(), "{ends:?} twice");
            current = Some(ends);
        } else if let Some(ends) = current
            && !line.contains(['=', ':'])
        {
            let (from, hex) = line.strip_prefix('\t').map_or((0, line), |hex| (1, hex));
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
            let bytes = (0..hex.len()).step_by(2).map(byte);
            streams.get_mut(&ends).expect("it is there")[from].extend(bytes);
        }
    }
    streams
}

#[test]
fn every_connection_is_followed_to_the_bytes_that_were_written_to_it() {
    if !is_there() {
        return;
    }
    // tshark asks of each packet whether it is of each stream: parts are faster than the whole.
    for runs in traces().chunks(traces().len().div_ceil(6)) {
        follow(runs);
    }
}

fn follow(runs: &[(String, Trace)]) {
    let written: Vec<_> = runs.iter().map(|(id, trace)| (id, written(trace))).collect();
    let connections = written.iter().map(|(_, all)| all.len()).sum();
    let follow = (0..connections).flat_map(|n| ["-z".to_owned(), format!("follow,tcp,raw,{n}")]);
    let arguments: Vec<String> = ["-q".to_owned()].into_iter().chain(follow).collect();
    let capture = capture("streams.pcapng", runs, |_, _| true);
    let mut followed = followed(&tshark(&capture, &arguments));
    for (id, connection, one) in
        written.iter().flat_map(|(id, all)| all.iter().map(move |(number, one)| (id, number, one)))
    {
        let ends = one.ends.expect("it has packets");
        let seen = followed.remove(&ends).unwrap_or_default();
        for (seen, wrote) in seen.iter().zip(&one.bytes) {
            let whole = if one.was_cut { wrote.starts_with(seen) } else { seen == wrote };
            let lens = (seen.len(), wrote.len());
            assert!(whole, "{id}, {connection:?}, {ends:?}: other bytes, {lens:?}");
        }
    }
    assert_eq!(followed.len(), 0, "streams that no trace has");
}

#[test]
fn the_bodies_that_tshark_puts_together_are_those_that_clients_sent_and_got() {
    if !is_there() {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bodies");
    drop(fs::remove_dir_all(&folder));
    let of_clients = |trace: &Trace, packet: &Packet| {
        packet.link.starts_with("client-") && !http2(trace).contains(&packet.connection)
    };
    let capture = capture("clients.pcapng", traces(), of_clients);
    let export = format!("http,{}", folder.display());
    let all = "gui.max_export_objects:100000".to_owned();
    tshark(
        &capture,
        &["-q".to_owned(), "-o".to_owned(), all, "--export-objects".to_owned(), export],
    );
    let mut found: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for file in fs::read_dir(&folder).expect("bodies were written") {
        *found.entry(fs::read(file.expect("a file").path()).expect("a body")).or_default() += 1;
    }
    let mut compared = 0;
    for (id, trace) in traces() {
        for body in bodies(trace) {
            compared += 1;
            let text = String::from_utf8_lossy(&body);
            let count = found.get_mut(&body).filter(|count| **count > 0);
            *count.unwrap_or_else(|| panic!("{id}: tshark finds no such body: {text}")) -= 1;
        }
    }
    // A client that went away does not get what is on its way to it.
    let left: usize = found.values().sum();
    assert!(left * 100 < compared, "{left} bodies beside {compared} that are known");
}

/// Connections that speak HTTP/2: tshark would have to be told where they begin.
fn http2(trace: &Trace) -> BTreeSet<Connection> {
    let preface = |packet: &&Packet| packet.payload.starts_with(b"PRI * ");
    let packets = trace.events.iter().filter_map(packet).filter(preface);
    packets.map(|packet| packet.connection).collect()
}

/// What clients sent and got, where it is whole.
fn bodies(trace: &Trace) -> Vec<Vec<u8>> {
    let http2 = http2(trace);
    let mut bodies = Vec::new();
    let mut open: BTreeMap<(&Name, u64), Vec<u8>> = BTreeMap::new();
    for event in &trace.events {
        let Fact::Client(fact) = &event.fact else { continue };
        if let ClientFact::Sent { connection, request, body, .. } = fact
            && !http2.contains(connection)
        {
            bodies.push(body.to_vec());
            open.insert((&event.actor, *request), Vec::new());
        }
        if let ClientFact::Body { request, bytes } = fact
            && let Some(body) = open.get_mut(&(&event.actor, *request))
        {
            body.extend_from_slice(bytes);
        }
        if let ClientFact::Ended { request, how: BodyEnd::Complete } = fact {
            bodies.extend(open.remove(&(&event.actor, *request)));
        }
    }
    bodies.retain(|body| !body.is_empty());
    bodies
}
