//! Frames and times on the turmoil crate, each worked out by hand from the links.

use std::{
    io::{ErrorKind, IoSlice},
    sync::Mutex,
    time::Duration,
};

use axum::{Router, body::Body, response::Response, routing::post};
use bytes::Bytes;
use futures_util::stream;
use indexmap::IndexMap;
use mock_openai::{quantity::Time, script::Script};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _},
    sync::mpsc,
    time::sleep,
};

use super::*;
use crate::{
    net::{Fault, Listener, Stream, Task},
    plan::{Client, Hop, HopKind, Link, Request},
    scenario::{
        Bound, CutterEnd, Does, Expect, HostLimits, IdleCutter, Jitter, Kind, Leave, LinkSpec,
        Middlebox, NetEvent, NetFault, Patience, Reads,
    },
    target::{Target, WriteBuffer, serve},
    trace::{Connection, Fact, SocketFact},
};

const REQUEST: &[u8] = b"POST /v1/chat/completions HTTP/1.1\r\nhost: relay\r\n\
                         connection: close\r\ncontent-length: 2\r\n\r\n{}";

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// `reader` - `relay` - `upstream`, with 5 ms on each link.
fn plan() -> Plan {
    let way = LinkSpec { latency: Some(Time(millis(5))), ..LinkSpec::default() };
    let link = |name: &str| Link { name: name.to_owned(), down: way, up: way, mtu: None };
    let request = Request {
        method: "POST".to_owned(),
        target: "/v1/chat/completions".to_owned(),
        headers: Vec::new(),
        body: String::new(),
    };
    let reader = Client {
        name: "reader".to_owned(),
        group: "reader".to_owned(),
        starts: Duration::ZERO,
        from: "reader".to_owned(),
        tab_of: None,
        kind: Kind::Raw,
        http: crate::scenario::Http::H1,
        recv_buffer: None,
        request,
        origin: None,
        credentials: false,
        reads: Reads::Eagerly,
        does: Vec::new(),
        gives_up: Patience::default(),
        retries: None,
    };
    Plan {
        second_relay: None,
        id: "test".to_owned(),
        title: "A test".to_owned(),
        cites: Vec::new(),
        proves: Vec::new(),
        seed: 1,
        limit: Duration::from_mins(10),
        hops: vec![Hop { name: "relay".to_owned(), what: HopKind::Relay }],
        links: vec![link("client-relay"), link("relay-upstream")],
        hosts: IndexMap::new(),
        events: Vec::new(),
        switches: IndexMap::new(),
        claims: crate::plan::Claims::default(),
        limits: crate::plan::Limits::default(),
        upstream: Script::new(),
        clients: vec![reader],
        expect: Vec::new(),
    }
}

fn actor<F>(host: &str, start: impl Fn(Host) -> F + Send + Sync + 'static) -> Actor
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = move |host| Box::pin(start(host)) as Task;
    Actor { host: host.into(), start: Arc::new(start) }
}

/// What a client notes, with its times.
type Notes<T> = Vec<(Duration, T)>;

/// Runs `client` on the host `reader` until it drops its pen, and `world` beside it.
fn notes<T, C, W>(
    mut actors: Vec<Actor>,
    client: impl Fn(Host, Pen<T>) -> C + Send + Sync + 'static,
    world: impl FnOnce(Host) -> W + Send + 'static,
) -> (Notes<T>, Trace)
where
    T: Send + 'static,
    C: Future<Output = ()> + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let pen = Mutex::new(Some(sender));
    actors.push(actor("reader", move |host: Host| {
        let sender = pen.lock().unwrap().take().expect("the client starts once");
        client(host.clone(), Pen { recorder: host.recorder().clone(), sender })
    }));
    let collected: Arc<Mutex<Notes<T>>> = Arc::default();
    let sink = Arc::clone(&collected);
    let main: Main = Box::new(move |host| {
        Box::pin(async move {
            tokio::spawn(world(host));
            while let Some(note) = receiver.recv().await {
                sink.lock().unwrap().push(note);
            }
        })
    });
    let trace = run(&plan(), actors, main);
    let notes = std::mem::take(&mut *collected.lock().unwrap());
    (notes, trace)
}

#[derive(Clone)]
struct Pen<T> {
    recorder: Recorder,
    sender: mpsc::UnboundedSender<(Duration, T)>,
}

impl<T> Pen<T> {
    fn note(&self, what: T) {
        let _over = self.sender.send((self.recorder.now(), what));
    }
}

async fn nothing(_: Host) {}

async fn accept(listener: &mut Listener) -> Stream {
    axum::serve::Listener::accept(listener).await.0
}

/// A host that sends back what it gets.
fn echo(at: &str) -> Actor {
    actor(at, async |host: Host| {
        let mut listener = host.listen().unwrap();
        loop {
            let mut stream = accept(&mut listener).await;
            tokio::spawn(async move {
                let (mut read, mut write) = tokio::io::split(&mut stream);
                let _ended = tokio::io::copy(&mut read, &mut write).await;
                let _ended = write.shutdown().await;
            });
        }
    })
}

/// A provider that sends 50 frames, the first at once, and 20 ms after each the next or the end.
fn provider() -> Actor {
    let frames = async || {
        let frames = stream::unfold(0_u32, async |n| {
            if n > 0 {
                sleep(millis(20)).await;
            }
            let frame = Bytes::from(format!("data: {n}\n\n"));
            (n < 50).then_some((Ok::<_, std::convert::Infallible>(frame), n + 1))
        });
        let body = Body::from_stream(frames);
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    };
    actor("upstream", move |host: Host| async move {
        let router = Router::new().route("/v1/chat/completions", post(frames));
        serve(host.listen().unwrap(), router, WriteBuffer::HyperDefault).await;
    })
}

fn relay() -> Actor {
    let target = Target::broken("default-write-buffer").unwrap();
    actor("relay", move |host: Host| {
        let target = target.clone();
        async move {
            target
                .serve(host, "upstream".into(), crate::scenario::ProviderHttp::H1, IndexMap::new())
                .await
                .unwrap();
        }
    })
}

async fn read_frames(host: Host, pen: Pen<String>) {
    let mut stream = host.connect(&"relay".into()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return pen.note("FIN".to_owned()),
            Ok(len) => pen.note(String::from_utf8_lossy(&buffer[..len]).into_owned()),
            Err(error) => return pen.note(error.kind().to_string()),
        }
    }
}

#[test]
fn an_echo_takes_four_trips_with_its_handshake() {
    let client = async |host: Host, pen: Pen<Vec<u8>>| {
        let mut stream = host.connect(&"relay".into()).await.unwrap();
        pen.note(Vec::new());
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        pen.note(all);
    };
    let (notes, trace) = notes(vec![echo("relay")], client, nothing);
    assert_eq!(notes, [(millis(10), vec![]), (millis(20), b"hello".to_vec())]);
    let mut connected = Vec::new();
    for event in &trace.events {
        if let Fact::Socket(
            connection,
            SocketFact::Connected { .. } | SocketFact::Accepted { .. },
        ) = event.fact
        {
            connected.push((event.at.as_millis(), &*event.actor, connection));
        }
    }
    assert_eq!(connected, [(5, "relay", Connection(0)), (10, "reader", Connection(0))]);
}

#[test]
fn fifty_frames_come_through_a_relay_at_their_times() {
    let (notes, trace) = notes(vec![provider(), relay()], read_frames, nothing);
    // Handshake 10, request 5, the relay's own handshake 10, request 5, two links back 10.
    let mut times = notes.iter().map(|(at, _)| *at);
    assert_eq!(times.next(), Some(millis(40)));
    for n in 1..50 {
        assert_eq!(times.next(), Some(millis(40 + 20 * n)), "frame {n}");
    }
    let text: String = notes.iter().map(|(_, text)| text.as_str()).collect();
    let frames: Vec<_> = text.match_indices("data: ").map(|(at, _)| &text[at..]).collect();
    assert_eq!(frames.len(), 50);
    for (n, frame) in frames.iter().enumerate() {
        assert!(frame.starts_with(&format!("data: {n}\n\n")), "{frame}");
    }
    assert!(text.contains("0\r\n\r\n") && text.ends_with("FIN"), "{text}");
    assert!(trace.events.is_sorted_by_key(|event| event.at));
}

#[test]
fn two_runs_give_one_trace() {
    let once = || notes(vec![provider(), relay()], read_frames, nothing).1;
    assert_eq!(once(), once());
}

#[test]
fn a_connect_where_nobody_listens_is_refused_after_one_round_trip() {
    let client = async |host: Host, pen: Pen<ErrorKind>| {
        pen.note(host.connect(&"relay".into()).await.unwrap_err().kind());
    };
    let (noted, _) = notes(vec![], client, nothing);
    assert_eq!(noted, [(millis(10), ErrorKind::ConnectionRefused)]);

    let refused = Fault::Refuse { host: "relay".into(), lasts: Some(millis(30)) };
    let client = async |host: Host, pen: Pen<Option<ErrorKind>>| {
        for _ in 0..2 {
            sleep(millis(20)).await;
            pen.note(host.connect(&"relay".into()).await.map(|_| ()).err().map(|e| e.kind()));
        }
    };
    let (noted, _) = notes(vec![echo("relay")], client, async move |host: Host| {
        host.stack().apply(&refused);
    });
    let expected = [(millis(30), Some(ErrorKind::ConnectionRefused)), (millis(60), None)];
    assert_eq!(noted, expected);
}

#[test]
fn a_vectored_write_is_one_write_of_all_its_slices() {
    let client = async |host: Host, pen: Pen<(usize, Vec<u8>)>| {
        let mut stream = host.connect(&"relay".into()).await.unwrap();
        assert!(stream.is_write_vectored());
        let slices = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"write")];
        let len = stream.write_vectored(&slices).await.unwrap();
        let mut buffer = [0; 16];
        let read = stream.read(&mut buffer).await.unwrap();
        pen.note((len, buffer[..read].to_vec()));
    };
    let (notes, _) = notes(vec![echo("relay")], client, nothing);
    assert_eq!(notes, [(millis(20), (9, b"one write".to_vec()))]);
}

#[test]
fn what_a_held_link_holds_arrives_when_it_is_released_and_in_order() {
    let world = async |host: Host| {
        sleep(millis(97)).await;
        host.stack().apply(&Fault::Hold { link: "client-relay".into(), lasts: Some(millis(193)) });
    };
    let (notes, _) = notes(vec![provider(), relay()], read_frames, world);
    let times: Vec<_> = notes.iter().map(|(at, _)| at.as_millis()).collect();
    // Frames leave the relay at 35 + 20n: the one of 95 is on its way when the link is held at 97.
    assert_eq!(times[..3], [40, 60, 80]);
    assert!(times[3..13].iter().all(|at| *at == 290), "{times:?}");
    assert_eq!(times[13], 300);
    let text: String = notes.iter().map(|(_, text)| text.as_str()).collect();
    let numbers = text.split("data: ").skip(1).filter_map(|frame| frame.split('\n').next());
    assert!(numbers.eq((0..50).map(|n| n.to_string())), "{text}");
    // The provider ends its answer 20 ms after its last frame.
    assert_eq!(times.last(), Some(&(40 + 20 * 50)));
}

#[test]
fn a_crash_says_nothing_and_a_restart_answers_old_connections_with_rst() {
    let client = async |host: Host, pen: Pen<String>| {
        let mut stream = host.connect(&"relay".into()).await.unwrap();
        let mut buffer = [0; 8];
        // The relay crashes at 50 and starts again at 100.
        for text in ["one", "two"] {
            stream.write_all(text.as_bytes()).await.unwrap();
            let outcome = tokio::time::timeout(millis(60), stream.read(&mut buffer)).await;
            pen.note(format!("{text}: {outcome:?}", outcome = outcome.map(Result::unwrap)));
            sleep(millis(40)).await;
        }
        stream.write_all(b"three").await.unwrap();
        pen.note(format!("three: {}", stream.read(&mut buffer).await.unwrap_err().kind()));
        let mut stream = host.connect(&"relay".into()).await.unwrap();
        stream.write_all(b"four").await.unwrap();
        let len = stream.read(&mut buffer).await.unwrap();
        pen.note(String::from_utf8_lossy(&buffer[..len]).into_owned());
    };
    let world = async |host: Host| {
        sleep(millis(50)).await;
        host.stack().apply(&Fault::Crash { host: "relay".into() });
        sleep(millis(50)).await;
        host.stack().apply(&Fault::Restart { host: "relay".into() });
    };
    let (noted, _) = notes(vec![echo("relay")], client, world);
    let texts: Vec<_> = noted.iter().map(|(at, text)| (at.as_millis(), text.as_str())).collect();
    let expected = [
        (20, "one: Ok(3)"),
        (120, "two: Err(Elapsed(()))"),
        (170, "three: connection reset"),
        (190, "four"),
    ];
    assert_eq!(texts, expected);
}

/// A run of 200 ms in which the relay crashes at 50, and starts again at 100 if it is said so.
fn crash_at_50(actors: Vec<Actor>, restart: bool) {
    let client = async |_: Host, _pen: Pen<()>| sleep(millis(200)).await;
    notes(actors, client, async move |host: Host| {
        sleep(millis(50)).await;
        host.stack().apply(&Fault::Crash { host: "relay".into() });
        sleep(millis(50)).await;
        if restart {
            host.stack().apply(&Fault::Restart { host: "relay".into() });
        }
    });
}

#[test]
fn a_crash_ends_what_runs_on_its_host() {
    let ticks: Arc<Mutex<Vec<u128>>> = Arc::default();
    let times = Arc::clone(&ticks);
    let ticking = actor("relay", move |host: Host| {
        let times = Arc::clone(&times);
        async move {
            loop {
                sleep(millis(20)).await;
                times.lock().unwrap().push(host.recorder().now().as_millis());
            }
        }
    });
    crash_at_50(vec![ticking.clone()], false);
    assert_eq!(std::mem::take(&mut *ticks.lock().unwrap()), [20, 40]);
    // The host is told at 100, after it has had its turn of that tick.
    crash_at_50(vec![ticking], true);
    assert_eq!(*ticks.lock().unwrap(), [20, 40, 121, 141, 161, 181]);
}

#[test]
fn a_task_that_a_crashed_host_left_behind_is_heard_no_more() {
    let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
    let sink = Arc::clone(&heard);
    let upstream = actor("upstream", move |host: Host| {
        let sink = Arc::clone(&sink);
        async move {
            let mut listener = host.listen().unwrap();
            loop {
                let mut stream = accept(&mut listener).await;
                while let Ok(byte) = stream.read_u8().await {
                    sink.lock().unwrap().push(byte);
                }
            }
        }
    });
    // The handshake that begins at 45 would be over at 55, after the crash.
    let relay = actor("relay", async |host: Host| {
        tokio::spawn(async move {
            for (wait, byte) in [(5, b'a'), (30, b'b')] {
                sleep(millis(wait)).await;
                let mut stream = host.connect(&"upstream".into()).await.unwrap();
                stream.write_all(&[byte]).await.unwrap();
            }
        });
    });
    crash_at_50(vec![upstream, relay], false);
    assert_eq!(*heard.lock().unwrap(), b"a");
}

#[test]
fn who_listens_after_a_restart_gets_every_connection() {
    // Its accept loop is a task of its own, which outlives the crash.
    let server = actor("relay", async |host: Host| {
        tokio::spawn(async move {
            let mut listener = host.listen().unwrap();
            loop {
                let mut stream = accept(&mut listener).await;
                stream.write_all(b"x").await.unwrap();
            }
        });
    });
    let client = async |host: Host, pen: Pen<u8>| {
        for wait in [0, 200] {
            sleep(millis(wait)).await;
            let mut stream = host.connect(&"relay".into()).await.unwrap();
            pen.note(stream.read_u8().await.unwrap());
        }
    };
    let world = async |host: Host| {
        sleep(millis(50)).await;
        host.stack().apply(&Fault::Restart { host: "relay".into() });
    };
    let (notes, _) = notes(vec![server], client, world);
    assert_eq!(notes, [(millis(10), b'x'), (millis(220), b'x')]);
}

#[test]
fn no_queue_is_full_when_a_reader_sleeps() {
    // More than the 64 of each that the crate holds by itself.
    const COUNT: usize = 200;
    let server = actor("relay", async |host: Host| {
        let mut listener = host.listen().unwrap();
        sleep(millis(50)).await;
        for _ in 0..COUNT {
            let mut stream = accept(&mut listener).await;
            tokio::spawn(async move {
                for _ in 0..COUNT {
                    stream.write_all(b"x").await.unwrap();
                }
            });
        }
    });
    let client = async |host: Host, pen: Pen<usize>| {
        for _ in 0..COUNT {
            let (host, pen) = (host.clone(), pen.clone());
            tokio::spawn(async move {
                let mut stream = host.connect(&"relay".into()).await.unwrap();
                sleep(millis(100)).await;
                let mut all = Vec::new();
                pen.note(stream.read_to_end(&mut all).await.unwrap());
            });
        }
    };
    let (notes, _) = notes(vec![server], client, nothing);
    assert_eq!(notes.iter().map(|(_, len)| len).collect::<Vec<_>>(), [&COUNT; COUNT]);
}

#[test]
fn a_host_listens_once_at_a_time_and_refuses_when_it_listens_no_more() {
    let seen: Arc<Mutex<Vec<ErrorKind>>> = Arc::default();
    let sink = Arc::clone(&seen);
    let server = actor("relay", move |host: Host| {
        let sink = Arc::clone(&sink);
        async move {
            let mut listener = host.listen().unwrap();
            sink.lock().unwrap().extend(host.listen().err().map(|error| error.kind()));
            let _stream = accept(&mut listener).await;
            drop(listener);
            sleep(millis(100)).await;
            let mut listener = host.listen().unwrap();
            let _stream = accept(&mut listener).await;
            sleep(millis(100)).await;
        }
    });
    let client = async |host: Host, pen: Pen<Option<ErrorKind>>| {
        for wait in [0, 20, 100] {
            sleep(millis(wait)).await;
            pen.note(host.connect(&"relay".into()).await.err().map(|error| error.kind()));
        }
    };
    let (notes, _) = notes(vec![server], client, nothing);
    let refused = Some(ErrorKind::ConnectionRefused);
    assert_eq!(notes, [(millis(10), None), (millis(40), refused), (millis(150), None)]);
    assert_eq!(*seen.lock().unwrap(), [ErrorKind::AddrInUse]);
}

#[test]
fn what_is_expected_finer_than_it_steps_is_refused_and_so_are_connections_left_waiting() {
    let exact = |least: &str, most: &str| {
        let bound = Bound { at_least: least.parse().ok(), at_most: most.parse().ok() };
        let mut plan = plan();
        plan.expect = vec![Expect { first_frame: Some(bound), ..Expect::default() }];
        cannot(&plan)
    };
    let told =
        "a first frame is expected to the millisecond, in which the crate steps from host to host";
    assert_eq!(exact("208ms", "208ms").as_deref(), Some(told));
    assert_eq!(exact("", "1ms").as_deref(), Some(told));
    assert_eq!([exact("1s", "3s"), exact("1s", "")], [None, None]);
    let mut waiting = plan();
    waiting.switches.insert("max_connections".to_owned(), "1".to_owned());
    let told = cannot(&waiting).unwrap();
    assert!(told.starts_with("the relay leaves connections waiting"), "{told}");
}

#[test]
fn what_the_crate_cannot_model_is_refused_with_its_reason() {
    assert_eq!(cannot(&plan()), None);
    let because = |change: fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        cannot(&plan).unwrap()
    };
    let lossy = because(|plan| plan.links[0].up.loss = Some("1%".parse().unwrap()));
    assert_eq!(lossy, "link `client-relay` has loss, and the crate never sends again");
    let jumpy =
        because(|plan| plan.links[1].down.jitter = Some(Jitter::AtMost("1ms".parse().unwrap())));
    assert!(jumpy.starts_with("link `relay-upstream` has jitter"), "{jumpy}");
    let narrow = because(|plan| plan.links[1].down.bandwidth = Some("1KiB/s".parse().unwrap()));
    assert!(narrow.contains("bandwidth"), "{narrow}");
    let pieces = because(|plan| plan.links[1].mtu = Some("576B".parse().unwrap()));
    assert!(pieces.contains("largest packet"), "{pieces}");
    let limited = |limits: HostLimits| {
        let mut plan = plan();
        plan.hosts.insert("relay".to_owned(), limits);
        cannot(&plan).unwrap()
    };
    let files = limited(HostLimits { files: Some(9), ..HostLimits::default() });
    assert_eq!(files, "host `relay` has so many files, and the crate's sockets take none up");
    let buffer = limited(HostLimits { recv_buffer: "9KiB".parse().ok(), ..HostLimits::default() });
    assert!(buffer.contains("buffers of its own"), "{buffer}");
    let uneven = because(|plan| plan.links[1].down.latency = Some("1ms".parse().unwrap()));
    assert!(uneven.contains("two latencies"), "{uneven}");
    let slow = because(|plan| plan.clients[0].reads = Reads::None);
    assert!(slow.starts_with("client `reader` does not read at once"), "{slow}");
    let leaver = because(|plan| plan.clients[0].does = vec![Does::Leave(Leave::Rst)]);
    assert_eq!(leaver, "client `reader` leaves by RST, which the crate does not send");
    let reset = because(|plan| {
        let fault = NetFault::Reset;
        plan.events = vec![NetEvent {
            at: None,
            after: None,
            link: None,
            host: None,
            fault,
            way: None,
            lasts: None,
        }];
    });
    assert_eq!(reset, "an event resets a link, and the crate sends no RST");
    let blackhole = because(|plan| {
        let (host, fault) = (Some("upstream".to_owned()), NetFault::Blackhole);
        plan.events = vec![NetEvent {
            at: None,
            after: None,
            link: None,
            host,
            fault,
            way: None,
            lasts: None,
        }];
    });
    let why = "an event leaves connects unanswered, and the crate sends no SYN again";
    assert_eq!(blackhole, why);
    let provider = because(|plan| {
        let steps = r#"[{"then":[{"repeat":{"times":2,"steps":[
            {"stream":{"stop":{"after":{"frames":3},"end":"reset"}}}]}}]}]"#;
        plan.upstream = serde_json::from_str(steps).unwrap();
    });
    assert!(provider.starts_with("the provider ends an answer by RST"), "{provider}");
}

#[test]
fn hops_that_reset_or_forget_are_refused() {
    for (by, why) in [(CutterEnd::Reset, "by RST"), (CutterEnd::Forget, "stops reading")] {
        let mut plan = plan();
        let cutter = IdleCutter { name: None, after: None, by, only_data_counts: false };
        let what = HopKind::Middlebox(Middlebox::IdleCutter(cutter));
        plan.hops.push(Hop { name: "edge".into(), what });
        let refused = cannot(&plan).unwrap();
        assert!(refused.starts_with("`edge`") && refused.contains(why), "{refused}");
    }
}
