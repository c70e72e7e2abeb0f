//! What links and hosts have only so much of: packets, queues, one way of two, files.

use std::io;

use harness::{
    net::Fault,
    scenario::{HostLimits, Jitter, LinkSpec, Way},
    trace::Fate,
};
use mock_openai::{
    quantity::{Rate, Size, Time},
    script::{Distribution, Uniform},
    wire::Accept as _,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::support::{actor, arrivals, data_from, latency, ms, name, packets, pair, run, server};

#[test]
fn a_small_link_takes_a_segment_in_pieces_and_the_last_one_says_what_the_whole_did() {
    let mut plan = pair(latency(5));
    plan.links[0].mtu = Some(Size(540));
    let serve = server("upstream", |mut stream| async move {
        stream.write_all(&[b'x'; 1_200]).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let (read, trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all
    });
    assert_eq!(read, [b'x'; 1_200]);
    let sent: Vec<(usize, bool)> = data_from(&trace, "upstream")
        .into_iter()
        .map(|(_, (_, packet))| (packet.payload.len(), packet.flags.psh))
        .collect();
    // 540 B less 40 B of headers.
    let pushed = sent.last().unwrap().1;
    assert_eq!(sent, [(500, false), (500, false), (200, pushed)]);
}

#[test]
fn what_a_full_queue_has_no_room_for_is_sent_again_a_time_out_later() {
    // A packet of 1,500 B takes 100 ms; two of them may wait.
    let down =
        LinkSpec { bandwidth: Some(Rate(15_000)), queue: Some(Size(3_000)), ..LinkSpec::default() };
    let mut plan = pair(LinkSpec::default());
    plan.links[0].down = down;
    let serve = server("upstream", |mut stream| async move {
        sleep(ms(1_000)).await;
        stream.write_all(&[b'x'; 5 * 1_460]).await.unwrap();
        sleep(ms(5_000)).await;
    });
    let (read, trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.read_exact(&mut [0; 5 * 1_460]).await.unwrap()
    });
    assert_eq!(read, 5 * 1_460);
    let data = data_from(&trace, "upstream");
    let began = data[0].1.0.at;
    let after: Vec<u128> = data.iter().map(|(at, _)| at.abs_diff(began).as_millis()).collect();
    // The first is on the wire at once and the second waits 100 ms. The others find 200 ms of packets
    // before them, and a queue of 200 ms. Sent again at 200 ms (RFC 6298, Linux's least time-out), two
    // have room; the last one comes again at 200 + 400 ms.
    assert_eq!(after, [100, 200, 300, 400, 700]);
    let late = packets(&trace).into_iter().filter(|(_, p)| matches!(p.fate, Fate::Late(_)));
    assert_eq!(late.count(), 3);
}

#[test]
fn an_unbounded_queue_loses_nothing() {
    let down = LinkSpec { bandwidth: Some(Rate(15_000)), ..LinkSpec::default() };
    let mut plan = pair(LinkSpec::default());
    plan.links[0].down = down;
    let serve = server("upstream", |mut stream| async move {
        stream.write_all(&[b'x'; 5 * 1_460]).await.unwrap();
        sleep(ms(5_000)).await;
    });
    let (_, trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.read_exact(&mut [0; 5 * 1_460]).await.unwrap()
    });
    assert!(packets(&trace).iter().all(|(_, packet)| matches!(packet.fate, Fate::Due(_))));
}

#[test]
fn jitter_can_be_drawn_from_a_distribution() {
    let between = Uniform { min: Time(ms(10)), max: Time(ms(20)) };
    let jitter = Some(Jitter::Drawn(Distribution::Uniform(between)));
    let plan = pair(LinkSpec { jitter, ..latency(5) });
    let serve = server("upstream", |mut stream| async move {
        for _ in 0..200 {
            stream.write_all(b"x").await.unwrap();
            sleep(ms(50)).await;
        }
    });
    let (_, trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.read_exact(&mut [0; 200]).await.unwrap()
    });
    let data = data_from(&trace, "upstream");
    let times: Vec<_> = data.iter().map(|(at, (sent, _))| at.abs_diff(sent.at)).collect();
    assert_eq!((times.iter().min(), times.iter().max()), (Some(&ms(15)), Some(&ms(25))));
}

#[test]
fn silence_one_way_leaves_the_other_way_alone() {
    for way in [Way::Up, Way::Down] {
        let (give, mut heard) = mpsc::unbounded_channel();
        let serve = server("upstream", move |mut stream| {
            let give = give.clone();
            async move {
                let mut buf = [0; 1];
                while let Ok(1) = stream.read(&mut buf).await {
                    give.send(()).unwrap();
                    stream.write_all(&buf).await.unwrap();
                }
            }
        });
        let ((answered, arrived, later), trace) =
            run(&pair(latency(20)), vec![serve], move |host| async move {
                let mut stream = host.connect(&name("upstream")).await.unwrap();
                sleep(ms(100)).await;
                let (link, lasts) = ("client-upstream".to_owned(), Some(ms(500)));
                host.stack().apply(&Fault::Drop { link, way: Some(way), lasts });
                let start = Instant::now();
                stream.write_all(b"x").await.unwrap();
                let mut buf = [0; 1];
                let answered = timeout(ms(450), stream.read_exact(&mut buf)).await.is_ok();
                let arrived = heard.try_recv().is_ok();
                stream.read_exact(&mut buf).await.unwrap();
                (answered, arrived, start.elapsed())
            });
        assert!(!answered);
        // Down, the request gets through at once and the answer is sent again.
        assert_eq!(arrived, way == Way::Down);
        // Sent again after 200 ms and 400 ms more, and a round trip, whichever of the two was lost.
        assert_eq!(later, ms(200 + 400 + 40));
        let silenced = if way == Way::Up { "client" } else { "upstream" };
        let late: Vec<_> = packets(&trace)
            .into_iter()
            .filter(|(_, packet)| matches!(packet.fate, Fate::Late(_)))
            .map(|(event, _)| event.actor.to_string())
            .collect();
        assert!(!late.is_empty() && late.iter().all(|actor| actor == silenced), "{late:?}");
    }
}

fn files(files: u64) -> HostLimits {
    HostLimits { files: Some(files), ..HostLimits::default() }
}

const EMFILE: Option<i32> = Some(24);

#[test]
fn a_host_out_of_files_fails_to_accept_until_one_is_closed() {
    let mut plan = pair(latency(5));
    plan.hosts.insert("upstream".to_owned(), files(3));
    let serve = actor("upstream", |host| async move {
        let mut listener = host.listen().unwrap();
        let (_one, _) = listener.accept().await.unwrap();
        let (two, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            let full =
                listener.accept().await.err().and_then(|error: io::Error| error.raw_os_error());
            assert_eq!(full, EMFILE);
        }
        sleep(ms(1_000)).await;
        drop(two);
        let (mut three, _) = listener.accept().await.unwrap();
        three.write_all(b"at last").await.unwrap();
        sleep(ms(1_000)).await;
    });
    let (text, trace) = run(&plan, vec![serve], |host| async move {
        let upstream = name("upstream");
        let _one = host.connect(&upstream).await.unwrap();
        let _two = host.connect(&upstream).await.unwrap();
        // The kernel of the host shakes hands all the same.
        let mut three = host.connect(&upstream).await.unwrap();
        let mut text = [0; 7];
        three.read_exact(&mut text).await.unwrap();
        text
    });
    assert_eq!(&text, b"at last");
    assert!(arrivals(&trace).iter().all(|(_, (_, packet))| !packet.flags.rst));
}

#[test]
fn a_host_out_of_files_fails_to_connect_until_one_is_closed() {
    let mut plan = pair(latency(5));
    plan.hosts.insert("client".to_owned(), files(2));
    let serve = server("upstream", |stream| async move {
        sleep(ms(10_000)).await;
        drop(stream);
    });
    let (codes, _) = run(&plan, vec![serve], |host| async move {
        let upstream = name("upstream");
        let mut refused = Vec::new();
        // One that nobody listens for leaves nothing behind.
        refused.push(host.connect(&name("world")).await.unwrap_err().raw_os_error());
        let one = host.connect(&upstream).await.unwrap();
        let _two = host.connect(&upstream).await.unwrap();
        refused.push(host.connect(&upstream).await.unwrap_err().raw_os_error());
        drop(one);
        let _three = host.connect(&upstream).await.unwrap();
        refused.push(host.connect(&upstream).await.unwrap_err().raw_os_error());
        refused
    });
    assert_eq!(codes, [None, EMFILE, EMFILE]);
}

#[test]
fn a_restarted_host_has_all_its_files_again() {
    let mut plan = pair(latency(5));
    plan.hosts.insert("upstream".to_owned(), files(3));
    let serve = server("upstream", |stream| async move {
        sleep(ms(600_000)).await;
        drop(stream);
    });
    for fault in [|host| Fault::Restart { host }, |host| Fault::Terminate { host }] {
        let serve = serve.clone();
        let (greeted, _) = run(&plan, vec![serve], move |host| async move {
            let upstream = name("upstream");
            let _one = host.connect(&upstream).await.unwrap();
            let _two = host.connect(&upstream).await.unwrap();
            sleep(ms(100)).await;
            host.stack().apply(&fault(upstream.clone()));
            host.stack().apply(&Fault::Restart { host: upstream.clone() });
            sleep(ms(100)).await;
            let _three = host.connect(&upstream).await.unwrap();
            host.connect(&upstream).await.is_ok()
        });
        assert!(greeted);
    }
}
