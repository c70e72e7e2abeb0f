//! What happens to links and hosts, and what applications see of it.

use std::{io::ErrorKind, time::Duration};

use harness::{
    net::{Fault, Host, Stream},
    trace::{Fate, Name, SocketFact},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep, timeout},
};

use crate::support::{
    accept, actor, arrivals, latency, ms, name, packets, pair, path, run, server, socket_facts,
};

/// Sends a line each 100 ms, for ever.
async fn count(mut stream: Stream) {
    for number in 0.. {
        if stream.write_all(format!("{number}\n").as_bytes()).await.is_err() {
            return;
        }
        sleep(ms(100)).await;
    }
}

async fn echo(mut stream: Stream) {
    let mut buf = [0; 1024];
    while let Ok(len @ 1..) = stream.read(&mut buf).await {
        if stream.write_all(&buf[..len]).await.is_err() {
            return;
        }
    }
}

async fn connect(host: &Host) -> Stream {
    host.connect(&name("upstream")).await.unwrap()
}

fn link() -> String {
    "client-upstream".to_owned()
}

/// What can be read within a time, and the error that ended it, if one did.
async fn read_for(stream: &mut Stream, time: Duration) -> (String, Option<ErrorKind>) {
    let (mut text, mut buf) = (String::new(), [0; 1024]);
    let end = Instant::now() + time;
    loop {
        match tokio::time::timeout_at(end, stream.read(&mut buf)).await {
            Ok(Ok(len)) => text.push_str(std::str::from_utf8(&buf[..len]).unwrap()),
            Ok(Err(error)) => return (text, Some(error.kind())),
            Err(_) => return (text, None),
        }
    }
}

fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.flat_map(|number| [number.to_string(), "\n".to_owned()]).collect()
}

#[test]
fn a_held_link_passes_nothing_and_then_everything_in_order() {
    let (seen, trace) =
        run(&pair(latency(20)), vec![server("upstream", count)], |host| async move {
            let mut stream = connect(&host).await;
            let before = read_for(&mut stream, ms(970)).await;
            host.stack().apply(&Fault::Hold { link: link(), lasts: Some(ms(2_000)) });
            let during = read_for(&mut stream, ms(1_999)).await;
            let release = Instant::now();
            let after = read_for(&mut stream, ms(2)).await;
            assert!(release.elapsed() <= ms(2));
            (before.0, during.0, after.0)
        });
    // Connected at 40; line n is sent at 60 + 100 n and arrives 20 later; held from 1,010 to 3,010.
    assert_eq!(seen, (lines(0..10), String::new(), lines(10..30)));
    assert!(packets(&trace).iter().any(|(_, packet)| packet.fate == Fate::Held));
}

#[test]
fn what_is_on_its_way_when_a_link_is_held_waits_too() {
    let (took, _) = run(&pair(latency(100)), vec![server("upstream", echo)], |host| async move {
        let mut stream = connect(&host).await;
        let start = Instant::now();
        stream.write_all(b"x").await.unwrap();
        sleep(ms(50)).await;
        host.stack().apply(&Fault::Hold { link: link(), lasts: Some(ms(1_000)) });
        stream.read_exact(&mut [0]).await.unwrap();
        start.elapsed()
    });
    assert_eq!(took, ms(50 + 1_000 + 100));
}

#[test]
fn a_short_hold_within_a_long_one_releases_nothing() {
    let (took, _) = run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
        let mut stream = connect(&host).await;
        let start = Instant::now();
        for lasts in [2_000, 100] {
            host.stack().apply(&Fault::Hold { link: link(), lasts: Some(ms(lasts)) });
        }
        sleep(ms(500)).await;
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        start.elapsed()
    });
    assert_eq!(took, ms(2_000 + 20));
}

#[test]
fn a_link_that_is_held_without_end_passes_nothing_more() {
    let (read, _) = run(&pair(latency(20)), vec![server("upstream", count)], |host| async move {
        let mut stream = connect(&host).await;
        let before = read_for(&mut stream, ms(470)).await.0;
        host.stack().apply(&Fault::Hold { link: link(), lasts: None });
        (before, read_for(&mut stream, Duration::from_hours(1)).await)
    });
    assert_eq!(read, (lines(0..5), (String::new(), None)));
}

#[test]
fn a_link_that_drops_for_a_while_delays_until_the_senders_try_again() {
    let (times, trace) =
        run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
            let mut stream = connect(&host).await;
            host.stack().apply(&Fault::Drop { link: link(), way: None, lasts: Some(ms(1_000)) });
            let start = Instant::now();
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            let first = start.elapsed();
            stream.write_all(b"y").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            (first, start.elapsed())
        });
    // Sent again 200, 600 and 1,400 ms after the first time.
    assert_eq!(times, (ms(1_400 + 40), ms(1_400 + 80)));
    assert!(packets(&trace).iter().any(|(_, packet)| matches!(packet.fate, Fate::Late(_))));
}

#[test]
fn a_link_that_drops_without_end_is_silent_and_tells_nobody() {
    let (read, trace) =
        run(&pair(latency(20)), vec![server("upstream", count)], |host| async move {
            let mut stream = connect(&host).await;
            let before = read_for(&mut stream, ms(470)).await.0;
            host.stack().apply(&Fault::Drop { link: link(), way: None, lasts: None });
            let after = read_for(&mut stream, Duration::from_hours(1)).await;
            let upstream = name("upstream");
            let connect = host.connect(&upstream);
            assert!(timeout(Duration::from_hours(1), connect).await.is_err());
            (before, after)
        });
    assert_eq!(read, (lines(0..5), (String::new(), None)));
    let facts = socket_facts(&trace, "upstream");
    assert!(!facts.iter().any(|(_, fact)| matches!(fact, SocketFact::Failed { .. })));
}

#[test]
fn a_host_that_vanishes_is_neither_heard_nor_reached_on_any_link() {
    let plan = path(&["client", "other"], &["relay"], latency(5));
    let actors = vec![
        server("relay", count),
        actor("other", |host| async move {
            let mut stream = host.connect(&name("relay")).await.unwrap();
            // Its world goes on.
            assert_eq!(read_for(&mut stream, ms(985)).await, (lines(0..10), None));
            sleep(Duration::from_hours(1)).await;
        }),
    ];
    let (read, trace) = run(&plan, actors, |host| async move {
        let mut stream = host.connect(&name("relay")).await.unwrap();
        let before = read_for(&mut stream, ms(485)).await.0;
        // The next line left at 515, and would arrive at 520.
        sleep(ms(22)).await;
        host.stack().apply(&Fault::Vanish { host: name("client") });
        stream.write_all(b"unheard").await.unwrap();
        (before, read_for(&mut stream, ms(5_000)).await)
    });
    assert_eq!(read, (lines(0..5), (String::new(), None)));
    let late = arrivals(&trace).into_iter().filter(|(at, _)| *at > ms(517));
    assert!(late.clone().all(|(_, (sent, p))| &*sent.actor != "client" && &*p.to != "client"));
    assert!(late.count() > 10);
    // Nor does it send: not what its application writes, and no FIN when that lets go.
    let sent = packets(&trace).into_iter().filter(|(event, _)| &*event.actor == "client");
    assert!(sent.clone().all(|(event, packet)| event.at <= ms(507) && !packet.flags.fin));
    assert!(sent.count() > 5);
}

#[test]
fn a_host_refuses_for_a_while() {
    let (results, _) = run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
        let mut old = connect(&host).await;
        host.stack().apply(&Fault::Refuse { host: name("upstream"), lasts: Some(ms(1_000)) });
        let start = Instant::now();
        let refused = host.connect(&name("upstream")).await.unwrap_err().kind();
        assert_eq!(start.elapsed(), ms(40));
        // What is connected stays so.
        old.write_all(b"x").await.unwrap();
        old.read_exact(&mut [0]).await.unwrap();
        sleep(ms(1_000)).await;
        (refused, host.connect(&name("upstream")).await.is_ok())
    });
    assert_eq!(results, (ErrorKind::ConnectionRefused, true));
}

#[test]
fn a_black_hole_answers_no_connect_until_it_is_over() {
    let (seen, trace) =
        run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
            let mut old = connect(&host).await;
            host.stack()
                .apply(&Fault::Blackhole { host: name("upstream"), lasts: Some(ms(2_000)) });
            let start = Instant::now();
            // What is connected stays so.
            old.write_all(b"x").await.unwrap();
            old.read_exact(&mut [0]).await.unwrap();
            assert_eq!(start.elapsed(), ms(40));
            let _new = connect(&host).await;
            start.elapsed()
        });
    // Called at 40; sent again after 1 s and after 2 s more (RFC 6298 2.1, 5.5), and then a round trip.
    assert_eq!(seen, ms(40 + 3_000 + 40));
    assert!(!packets(&trace).iter().any(|(_, packet)| packet.flags.rst));
}

#[test]
fn a_black_hole_without_end_answers_nobody() {
    let (seen, trace) =
        run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
            host.stack().apply(&Fault::Blackhole { host: name("upstream"), lasts: None });
            let upstream = name("upstream");
            timeout(Duration::from_hours(1), host.connect(&upstream)).await.is_err()
        });
    assert!(seen);
    let answers = packets(&trace).into_iter().filter(|(event, _)| &*event.actor == "upstream");
    assert_eq!(answers.count(), 0);
}

#[test]
fn a_reset_link_resets_both_ends_of_all_its_connections_and_no_others() {
    let plan = path(&["client"], &["relay"], latency(10));
    let relay = actor("relay", |host| async move {
        let mut listener = host.listen().unwrap();
        let mut down = accept(&mut listener).await;
        let mut up = host.connect(&name("upstream")).await.unwrap();
        let error = up.read(&mut [0]).await.unwrap_err();
        down.write_all(error.kind().to_string().as_bytes()).await.unwrap();
    });
    let upstream = server("upstream", |mut stream| async move {
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        stream.shutdown().await.unwrap();
    });
    let (text, trace) = run(&plan, vec![relay, upstream], |host| async move {
        let mut stream = host.connect(&name("relay")).await.unwrap();
        sleep(ms(500)).await;
        host.stack().apply(&Fault::Reset { link: "relay-upstream".to_owned() });
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    });
    assert_eq!(text, ErrorKind::ConnectionReset.to_string());
    assert!(socket_facts(&trace, "upstream").iter().any(|(_, f)| **f == SocketFact::ShutDown));
    let resets: Vec<&str> = packets(&trace)
        .into_iter()
        .filter(|(_, packet)| packet.flags.rst)
        .map(|(event, _)| &*event.actor)
        .collect();
    // Told by the link, not by the hosts in whose name they come.
    assert_eq!(resets, ["relay-upstream", "relay-upstream"]);
}

fn crashing() -> Vec<harness::net::Actor> {
    vec![server("upstream", |mut stream: Stream| async move {
        // As a relay does: a task that nobody can abort from outside.
        let spawned = tokio::spawn(async move {
            for number in 0.. {
                stream.write_all(format!("{number}\n").as_bytes()).await.unwrap();
                sleep(ms(100)).await;
            }
        });
        drop(spawned.await);
    })]
}

fn fault(host: &Host, fault: fn(Name) -> Fault) {
    host.stack().apply(&fault(name("upstream")));
}

#[test]
fn a_crash_is_silent_and_a_restarted_host_resets_old_connections() {
    let (seen, trace) = run(&pair(latency(20)), crashing(), |host| async move {
        let mut stream = connect(&host).await;
        // The acknowledgement of line 4 is still on its way.
        let before = read_for(&mut stream, ms(450)).await.0;
        fault(&host, |host| Fault::Crash { host });
        let during = read_for(&mut stream, Duration::from_mins(1)).await;
        fault(&host, |host| Fault::Restart { host });
        // It has nothing to say by itself.
        let restarted = read_for(&mut stream, Duration::from_mins(5)).await;
        stream.write_all(b"are you there?").await.unwrap();
        let after = read_for(&mut stream, ms(1_000)).await;
        let mut new = connect(&host).await;
        (before, during, restarted, after, read_for(&mut new, ms(150)).await.0)
    });
    let silence = (String::new(), None);
    let reset = (String::new(), Some(ErrorKind::ConnectionReset));
    assert_eq!(seen, (lines(0..5), silence.clone(), silence, reset, lines(0..2)));
    // The task of the first life is heard no more: one write a line, five before the crash.
    let wrote = socket_facts(&trace, "upstream");
    let early = wrote.iter().filter(|(at, fact)| {
        *at < Duration::from_mins(1) && matches!(fact, SocketFact::Wrote { .. })
    });
    assert_eq!(early.count(), 5);
}

#[test]
fn what_was_sent_to_a_crashed_host_is_sent_again_and_answered_after_its_restart() {
    let (took, _) = run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
        let mut stream = connect(&host).await;
        fault(&host, |host| Fault::Crash { host });
        let start = Instant::now();
        stream.write_all(b"lost").await.unwrap();
        sleep(ms(1_000)).await;
        fault(&host, |host| Fault::Restart { host });
        let error = stream.read(&mut [0]).await.unwrap_err().kind();
        assert_eq!(error, ErrorKind::ConnectionReset);
        start.elapsed()
    });
    // Sent again after 200, 600 and 1,400 ms.
    assert_eq!(took, ms(1_400 + 40));
}

#[test]
fn what_was_sent_to_a_crashed_host_dies_with_its_sender() {
    let ((), trace) = run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
        let mut stream = connect(&host).await;
        fault(&host, |host| Fault::Crash { host });
        stream.write_all(b"lost").await.unwrap();
        sleep(ms(50)).await;
        stream.reset().await.unwrap();
        sleep(ms(1_000)).await;
        fault(&host, |host| Fault::Restart { host });
        sleep(ms(5_000)).await;
    });
    assert!(arrivals(&trace).iter().all(|(at, _)| *at < ms(100)));
}

#[test]
fn what_cannot_be_delivered_for_long_is_given_up_with_all_behind_it() {
    let ((), trace) = run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
        let mut stream = connect(&host).await;
        sleep(ms(100)).await;
        // Longer than Linux tries: 15 times, about a quarter of an hour.
        let lasts = Some(Duration::from_hours(1));
        host.stack().apply(&Fault::Drop { link: link(), way: None, lasts });
        stream.write_all(b"lost").await.unwrap();
        sleep(Duration::from_hours(2)).await;
        stream.write_all(b"and what is behind it").await.unwrap();
        sleep(ms(5_000)).await;
    });
    assert!(arrivals(&trace).iter().all(|(at, _)| *at < ms(200)));
}

#[test]
fn a_connect_to_a_crashed_host_succeeds_after_its_restart() {
    let (took, _) = run(&pair(latency(20)), vec![server("upstream", echo)], |host| async move {
        sleep(ms(100)).await;
        fault(&host, |host| Fault::Crash { host });
        let start = Instant::now();
        let again = host.clone();
        tokio::spawn(async move {
            sleep(ms(500)).await;
            fault(&again, |host| Fault::Restart { host });
        });
        connect(&host).await;
        start.elapsed()
    });
    // RFC 6298: the first SYN is sent again after 1 s.
    assert_eq!(took, ms(1_000 + 40));
}

#[test]
fn what_runs_on_from_before_a_crash_cannot_act_for_the_restarted_host() {
    let plan = path(&["client"], &["relay"], latency(5));
    let relay = actor("relay", |host| async move {
        let mut listener = host.listen().unwrap();
        tokio::spawn(async move {
            sleep(ms(1_000)).await;
            // Dead since 500 ms: neither of these may have any effect.
            let refused = host.listen();
            drop(timeout(ms(100), host.connect(&name("upstream"))).await);
            drop(refused);
        });
        loop {
            tokio::spawn(echo(accept(&mut listener).await));
        }
    });
    let (answered, trace) = run(&plan, vec![relay], |host| async move {
        sleep(ms(500)).await;
        host.stack().apply(&Fault::Restart { host: name("relay") });
        sleep(ms(1_000 - 100)).await;
        let mut stream = host.connect(&name("relay")).await.unwrap();
        stream.write_all(b"x").await.unwrap();
        sleep(ms(50)).await;
        stream.read_exact(&mut [0]).await.is_ok()
    });
    assert!(answered);
    // The second life's own call, at 1,500 ms, is the only one.
    let calls: Vec<_> = packets(&trace)
        .into_iter()
        .filter(|(event, packet)| &*event.actor == "relay" && packet.flags.syn && !packet.flags.ack)
        .map(|(event, _)| event.at)
        .collect();
    assert_eq!(calls, [ms(1_500)]);
}

#[test]
fn faults_of_what_does_not_exist_do_nothing() {
    let ((), trace) = run(&pair(latency(5)), vec![], |host| async move {
        let (link, nobody) = ("no-link".to_owned(), name("nobody"));
        for fault in [
            Fault::Reset { link: link.clone() },
            Fault::Hold { link: link.clone(), lasts: None },
            Fault::Drop { link, way: None, lasts: None },
            Fault::Vanish { host: nobody.clone() },
            Fault::Refuse { host: nobody.clone(), lasts: None },
            Fault::Crash { host: nobody.clone() },
            Fault::Restart { host: nobody },
        ] {
            host.stack().apply(&fault);
        }
    });
    assert!(trace.events.is_empty());
}
