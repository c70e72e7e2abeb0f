//! Small plans, and two hosts that talk.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use harness::{
    net::{self, Actor, Engine, Host, Listener, Stream},
    plan::{Client, Hop, HopKind, Link, Plan, Request},
    scenario::{HostLimits, Http, Kind, LinkSpec, Patience, Reads},
    trace::{Event, Fact, Name, Packet, SocketFact, Trace},
};
use indexmap::IndexMap;
use mock_openai::{
    quantity::{Size, Time},
    wire::Accept as _,
};
use tokio::sync::mpsc;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn latency(millis: u64) -> LinkSpec {
    LinkSpec { latency: Some(Time(ms(millis))), ..LinkSpec::default() }
}

pub(crate) fn buffers(recv: u64, send: u64) -> HostLimits {
    HostLimits {
        recv_buffer: Some(Size(recv)),
        send_buffer: Some(Size(send)),
        ..HostLimits::default()
    }
}

fn client(name: &str) -> Client {
    Client {
        name: name.to_owned(),
        group: name.to_owned(),
        starts: Duration::ZERO,
        from: name.to_owned(),
        tab_of: None,
        kind: Kind::Raw,
        http: Http::H1,
        recv_buffer: None,
        request: Request {
            method: "GET".to_owned(),
            target: "/".to_owned(),
            headers: Vec::new(),
            body: String::new(),
        },
        origin: None,
        credentials: false,
        reads: Reads::default(),
        does: Vec::new(),
        gives_up: Patience::default(),
        retries: None,
    }
}

/// Clients of these names, then these hops, then the provider; each link like the given one.
pub(crate) fn path(clients: &[&str], hops: &[&str], each: LinkSpec) -> Plan {
    let hop = |name: &&str| Hop { name: (*name).to_owned(), what: HopKind::Relay };
    let names: Vec<&str> = ["client"].iter().chain(hops).chain(&["upstream"]).copied().collect();
    let link = |pair: &[&str]| Link { name: pair.join("-"), down: each, up: each, mtu: None };
    Plan {
        second_relay: None,
        id: "test".to_owned(),
        title: "a test".to_owned(),
        cites: Vec::new(),
        proves: Vec::new(),
        seed: 7,
        limit: Duration::from_mins(10),
        hops: hops.iter().map(hop).collect(),
        links: names.windows(2).map(link).collect(),
        hosts: IndexMap::new(),
        events: Vec::new(),
        switches: IndexMap::new(),
        claims: harness::plan::Claims::default(),
        limits: harness::plan::Limits::default(),
        upstream: Vec::new(),
        clients: clients.iter().map(|name| client(name)).collect(),
        expect: Vec::new(),
    }
}

/// A client and the provider, with one link between them: `client-upstream`.
pub(crate) fn pair(link: LinkSpec) -> Plan {
    path(&["client"], &[], link)
}

pub(crate) fn name(name: &str) -> Name {
    Name::from(name)
}

pub(crate) fn actor<F>(host: &str, start: impl Fn(Host) -> F + Send + Sync + 'static) -> Actor
where
    F: Future<Output = ()> + Send + 'static,
{
    Actor { host: name(host), start: Arc::new(move |host| Box::pin(start(host))) }
}

/// Accepts connections of a host and gives each to `serve`, in a task of its own.
pub(crate) fn server<F>(
    host: &str,
    serve: impl Fn(Stream) -> F + Clone + Send + Sync + 'static,
) -> Actor
where
    F: Future<Output = ()> + Send + 'static,
{
    actor(host, move |host| {
        let serve = serve.clone();
        async move {
            let mut listener = host.listen().unwrap();
            loop {
                let stream = accept(&mut listener).await;
                tokio::spawn(serve(stream));
            }
        }
    })
}

pub(crate) async fn accept(listener: &mut Listener) -> Stream {
    listener.accept().await.unwrap().0
}

/// How long a run goes on after its client is done, so that what is on its way arrives.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// How long a client may take.
const LIMIT: Duration = Duration::from_hours(24 * 365 * 10);

/// Runs the actors, and `client` on the host `client`; ends when that is done. Gives what it
/// returned.
pub(crate) fn run<T, F>(
    plan: &Plan,
    mut actors: Vec<Actor>,
    client: impl FnOnce(Host) -> F + Send + 'static,
) -> (T, Trace)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (done, mut is_done) = mpsc::unbounded_channel();
    let result = Arc::new(Mutex::new(None));
    let (once, slot) = (Mutex::new(Some((client, done))), Arc::clone(&result));
    actors.push(actor("client", move |host| {
        let (client, done) = once.lock().unwrap().take().unwrap();
        let slot = Arc::clone(&slot);
        async move {
            let value = client(host).await;
            *slot.lock().unwrap() = Some(value);
            done.send(()).unwrap();
        }
    }));
    let trace = net::run(
        Engine::TurmoilNet,
        plan,
        actors,
        Box::new(|_| {
            Box::pin(async move {
                let done = tokio::time::timeout(LIMIT, is_done.recv()).await;
                done.expect("the client comes to an end").expect("the client does not panic");
                tokio::time::sleep(AFTERWARDS).await;
            }) as Pin<Box<dyn Future<Output = ()> + Send>>
        }),
    );
    let value = result.lock().unwrap().take().unwrap();
    (value, trace)
}

/// A packet as it left, with the event that tells of it.
pub(crate) type Sent<'a> = (&'a Event, &'a Packet);

/// All packets, in the order in which they left.
pub(crate) fn packets(trace: &Trace) -> Vec<Sent<'_>> {
    trace.events.iter().filter_map(packet).collect()
}

fn packet(event: &Event) -> Option<Sent<'_>> {
    if let Fact::Packet(packet) = &event.fact { Some((event, packet)) } else { None }
}

/// All packets that arrived, in the order in which they did, and when.
pub(crate) fn arrivals(trace: &Trace) -> Vec<(Duration, Sent<'_>)> {
    let mut all = Vec::new();
    for event in &trace.events {
        if let Fact::Arrived { packet: ordinal } = event.fact {
            all.push((event.at, packet(&trace.events[ordinal]).unwrap()));
        }
    }
    all
}

/// All packets with payload from one host that arrived.
pub(crate) fn data_from<'a>(trace: &'a Trace, host: &str) -> Vec<(Duration, Sent<'a>)> {
    let mut all = arrivals(trace);
    all.retain(|(_, (event, packet))| &*event.actor == host && !packet.payload.is_empty());
    all
}

/// The socket facts of one host, in order.
pub(crate) fn socket_facts<'a>(trace: &'a Trace, host: &str) -> Vec<(Duration, &'a SocketFact)> {
    let of_host = |event: &&Event| &*event.actor == host;
    let fact = |event: &'a Event| {
        if let Fact::Socket(_, fact) = &event.fact { Some((event.at, fact)) } else { None }
    };
    trace.events.iter().filter(of_host).filter_map(fact).collect()
}

/// The most bytes that ever lay unread at `host` on one connection, by the trace alone.
pub(crate) fn most_unread(trace: &Trace, host: &str) -> u64 {
    let (mut unread, mut most) = (std::collections::BTreeMap::new(), 0);
    for event in &trace.events {
        if let Fact::Arrived { packet: ordinal } = event.fact
            && let Some((_, packet)) = packet(&trace.events[ordinal])
            && &*packet.to == host
        {
            let held = unread.entry(packet.connection).or_insert(0_u64);
            *held += u64::try_from(packet.payload.len()).unwrap();
            most = most.max(*held);
        }
        if let Fact::Socket(connection, SocketFact::Read { len }) = &event.fact
            && &*event.actor == host
        {
            *unread.entry(*connection).or_insert(0) -= u64::try_from(*len).unwrap();
        }
    }
    most
}
