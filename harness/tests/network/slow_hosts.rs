//! Hosts whose applications run late, and applications that never rest.

use std::io::ErrorKind;

use harness::{
    net::Stream,
    plan::Plan,
    scenario::HostLimits,
    trace::{Fact, Trace, WorldFact},
};
use mock_openai::{quantity::Time, wire::Accept as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep, timeout},
};

use crate::support::{actor, latency, ms, name, pair, run, server};

/// A pair 20 ms apart, of which one host wakes up late.
fn slow(host: &str, late: u64) -> Plan {
    let mut plan = pair(latency(20));
    let limits = HostLimits { slow_cpu: Some(Time(ms(late))), ..HostLimits::default() };
    plan.hosts.insert(host.to_owned(), limits);
    plan
}

/// Three lines, 10 ms apart, and then silence.
async fn three_lines(mut stream: Stream) {
    for line in [b"1\n", b"2\n", b"3\n"] {
        stream.write_all(line).await.unwrap();
        sleep(ms(10)).await;
    }
    sleep(ms(1_000)).await;
}

/// What each read gives, and when after the connect.
async fn reads(stream: &mut Stream, count: usize) -> Vec<(u64, String)> {
    let (start, mut all, mut piece) = (Instant::now(), Vec::new(), [0; 64]);
    for _ in 0..count {
        let len = stream.read(&mut piece).await.unwrap();
        let text = String::from_utf8(piece[..len].to_vec()).unwrap();
        all.push((u64::try_from(start.elapsed().as_millis()).unwrap(), text));
    }
    all
}

#[test]
fn a_slow_reader_sees_each_line_late() {
    let lines = vec![server("upstream", three_lines)];
    let (seen, _) = run(&slow("client", 7), lines, |host| async move {
        let before = Instant::now();
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        assert_eq!(before.elapsed(), ms(47));
        reads(&mut stream, 3).await
    });
    // Sent at 60, 70 and 80, they arrive at 80, 90 and 100; the connect was noticed at 47.
    let expected = [(40, "1\n"), (50, "2\n"), (60, "3\n")];
    assert_eq!(seen, expected.map(|(at, text)| (at, text.to_owned())));
}

#[test]
fn who_wakes_up_later_than_the_next_line_finds_both() {
    let lines = vec![server("upstream", three_lines)];
    let (seen, _) = run(&slow("client", 15), lines, |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        reads(&mut stream, 2).await
    });
    // The first arrives at 80 and wakes the reader at 95, when the second has been there for 5 ms.
    let expected = [(40, "1\n2\n"), (60, "3\n")];
    assert_eq!(seen, expected.map(|(at, text)| (at, text.to_owned())));
}

#[test]
fn a_timer_rings_on_time_and_who_it_wakes_finds_what_is_there() {
    let lines = vec![server("upstream", three_lines)];
    let (seen, _) = run(&slow("client", 500), lines, |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        // All three came long before the connect was noticed: a read waits for nothing.
        let all = reads(&mut stream, 1).await;
        let start = Instant::now();
        let quiet = timeout(ms(3), stream.read(&mut [0; 9])).await.is_err();
        (all, quiet, start.elapsed())
    });
    assert_eq!(seen, (vec![(0, "1\n2\n3\n".to_owned())], true, ms(3)));
}

#[test]
fn a_slow_server_accepts_late_and_writes_at_once() {
    let lines = vec![server("upstream", three_lines)];
    let (seen, _) = run(&slow("upstream", 9), lines, |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        reads(&mut stream, 3).await
    });
    // Accepted at 69 in the place of 60.
    let expected = [(49, "1\n"), (59, "2\n"), (69, "3\n")];
    assert_eq!(seen, expected.map(|(at, text)| (at, text.to_owned())));
}

#[test]
fn a_writer_that_waits_for_room_goes_on_late() {
    let took = |late: u64| {
        let mut plan = slow("client", late);
        plan.hosts["client"].send_buffer = Some("1KiB".parse().unwrap());
        let reader = |mut stream: Stream| async move {
            let mut all = Vec::new();
            drop(stream.read_to_end(&mut all).await);
        };
        let (took, _) = run(&plan, vec![server("upstream", reader)], |host| async move {
            let mut stream = host.connect(&name("upstream")).await.unwrap();
            let start = Instant::now();
            stream.write_all(&[0; 3 << 10]).await.unwrap();
            start.elapsed()
        });
        took
    };
    // Twice it waits for a round trip.
    assert_eq!((took(0), took(6)), (ms(80), ms(92)));
}

fn spinning(trace: &Trace) -> Vec<(&str, &'static str)> {
    let spins = trace.events.iter().filter_map(|event| {
        let Fact::World(WorldFact::Spins { on, .. }) = &event.fact else { return None };
        Some((&*event.actor, *on))
    });
    spins.collect()
}

#[test]
fn a_server_that_accepts_again_at_once_when_it_is_out_of_files_hangs_nobody() {
    let mut plan = pair(latency(20));
    let limits = HostLimits { files: Some(2), ..HostLimits::default() };
    plan.hosts.insert("upstream".to_owned(), limits);
    let spins = actor("upstream", |host| async move {
        let mut listener = host.listen().unwrap();
        loop {
            if let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    sleep(ms(500)).await;
                    drop(stream.write_all(b"served").await);
                });
            }
        }
    });
    let (seen, trace) = run(&plan, vec![spins], |host| async move {
        let mut first = host.connect(&name("upstream")).await.unwrap();
        let second = host.connect(&name("upstream")).await.unwrap();
        let mut text = String::new();
        first.read_to_string(&mut text).await.unwrap();
        drop(second);
        text
    });
    assert_eq!(seen, "served");
    assert_eq!(spinning(&trace), [("upstream", "its listener")]);
}

#[test]
fn who_reads_on_behind_the_end_for_ever_hangs_nobody() {
    let spins = |mut stream: Stream| async move {
        let mut piece = [0; 9];
        while let Ok(_len) = stream.read(&mut piece).await {}
    };
    let (seen, trace) =
        run(&pair(latency(20)), vec![server("upstream", spins)], |host| async move {
            let mut stream = host.connect(&name("upstream")).await.unwrap();
            stream.write_all(b"goodbye").await.unwrap();
            stream.shutdown().await.unwrap();
            timeout(ms(1_000), stream.read(&mut [0; 9])).await.is_err()
        });
    assert!(seen, "it is never answered");
    assert_eq!(spinning(&trace), [("upstream", "a connection")]);
}

#[test]
fn a_long_text_read_byte_by_byte_is_no_spinning() {
    let writes = |mut stream: Stream| async move {
        stream.write_all(&vec![7; 200_000]).await.unwrap();
    };
    let (read, trace) =
        run(&pair(latency(0)), vec![server("upstream", writes)], |host| async move {
            let mut stream = host.connect(&name("upstream")).await.unwrap();
            let mut read = 0;
            loop {
                match stream.read_u8().await {
                    Ok(_) => read += 1,
                    Err(error) => return (read, error.kind()),
                }
            }
        });
    assert_eq!(read, (200_000, ErrorKind::UnexpectedEof));
    assert_eq!(spinning(&trace), []);
}
