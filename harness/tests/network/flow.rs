//! Time, order, windows and back-pressure.

use std::time::Duration;

use harness::{
    scenario::{Jitter, LinkSpec},
    trace::{Fact, Fate, SocketFact, Trace},
};
use mock_openai::quantity::{Rate, Share, Time};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::support::{
    arrivals, buffers, data_from, latency, most_unread, ms, name, packets, pair, run, server,
    socket_facts,
};

/// Bytes whose place can be told from their value.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// A reader of small pieces that pauses after each; gives what it read.
fn read_slowly(piece: usize, pause: Duration, recv_buffer: u64, len: usize) -> (Vec<u8>, Trace) {
    let mut plan = pair(latency(20));
    plan.hosts.insert("client".to_owned(), buffers(recv_buffer, 65_536));
    let serve = server("upstream", move |mut stream| async move {
        stream.write_all(&bytes(len)).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    run(&plan, vec![serve], move |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let (mut all, mut buf) = (Vec::new(), vec![0; piece]);
        loop {
            match stream.read(&mut buf).await.unwrap() {
                0 => return all,
                len => all.extend_from_slice(&buf[..len]),
            }
            sleep(pause).await;
        }
    })
}

#[test]
fn a_slow_reader_of_small_pieces_never_stalls_behind_a_small_buffer() {
    let (all, _) = read_slowly(1024, Duration::from_secs(1), 4096, 512 * 1024);
    assert!(all == bytes(512 * 1024));
}

#[test]
fn a_slow_reader_of_small_pieces_never_stalls_behind_a_large_buffer() {
    // turmoil-net by itself is dead after 65,616 to 69,632 bytes here (measured).
    let (all, _) = read_slowly(1024, ms(1), 65_536, 512 * 1024);
    assert!(all == bytes(512 * 1024));
}

#[test]
fn a_receive_buffer_is_filled_and_never_overrun() {
    for (recv_buffer, len) in
        [(1, 1_000), (100, 5_000), (4096, 50_000), (10_000, 100_000), (65_535, 200_000)]
    {
        let (all, trace) = read_slowly(700, ms(50), recv_buffer, len);
        assert_eq!(all.len(), len, "buffer {recv_buffer}");
        assert_eq!(most_unread(&trace, "client"), recv_buffer);
    }
}

#[test]
fn the_first_flight_of_a_caller_honours_the_buffer_too() {
    let mut plan = pair(latency(20));
    plan.hosts.insert("upstream".to_owned(), buffers(4096, 65_536));
    let serve = server("upstream", |mut stream| async move {
        sleep(ms(1_000)).await;
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let ((), trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.write_all(&bytes(60_000)).await.unwrap();
    });
    assert_eq!(most_unread(&trace, "upstream"), 4096);
}

#[test]
fn a_window_is_not_opened_by_silly_steps() {
    // RFC 9293 3.8.6.2.2: by a full segment or half the buffer, whichever is less.
    let (_, trace) = read_slowly(100, ms(10), 10_000, 100_000);
    let all = packets(&trace);
    let edges: Vec<u32> = all
        .into_iter()
        // The provider's FIN, which takes up a sequence number, comes after the last byte.
        .take_while(|(_, packet)| !packet.flags.fin)
        .filter(|(event, packet)| &*event.actor == "client" && packet.flags.ack)
        .map(|(_, packet)| packet.ack.wrapping_add(u32::from(packet.window)))
        .collect();
    assert!(edges.len() > 20);
    for step in edges.windows(2) {
        let grew = step[1].wrapping_sub(step[0]);
        assert!(grew == 0 || (1460..=10_000).contains(&grew), "the window's end moved by {grew}");
    }
}

#[test]
fn a_write_blocks_when_both_buffers_are_full_and_goes_on_when_the_peer_reads() {
    let mut plan = pair(latency(20));
    plan.hosts.insert("client".to_owned(), buffers(4096, 65_536));
    plan.hosts.insert("upstream".to_owned(), buffers(65_536, 8192));
    let serve = server("upstream", |mut stream| async move {
        stream.write_all(&bytes(100_000)).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let (all, trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        sleep(Duration::from_secs(5)).await;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all
    });
    assert!(all == bytes(100_000));
    let wrote_early: usize = socket_facts(&trace, "upstream")
        .into_iter()
        .filter(|(at, _)| *at < Duration::from_secs(5))
        .map(|(_, fact)| if let SocketFact::Wrote { bytes } = fact { bytes.len() } else { 0 })
        .sum();
    // What the reader's buffer took was acknowledged; the rest fills the writer's.
    assert_eq!(wrote_early, 4096 + 8192);
    let facts: Vec<_> = socket_facts(&trace, "upstream").into_iter().map(|(_, f)| f).collect();
    assert!(facts.contains(&&SocketFact::Blocked) && facts.contains(&&SocketFact::Unblocked));
}

#[test]
fn bytes_take_the_latency_and_a_handshake_takes_it_twice() {
    let serve = server("upstream", |mut stream| async move {
        stream.write_all(b"hello").await.unwrap();
        sleep(Duration::from_secs(1)).await;
    });
    let (times, _) = run(&pair(latency(20)), vec![serve], |host| async move {
        let start = Instant::now();
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let connected = start.elapsed();
        stream.read_exact(&mut [0; 5]).await.unwrap();
        (connected, start.elapsed())
    });
    // SYN 20, SYN-ACK 40; the ACK makes the server accept at 60, its bytes arrive at 80.
    assert_eq!(times, (ms(40), ms(80)));
}

#[test]
fn each_direction_has_its_own_latency() {
    let mut plan = pair(latency(5));
    plan.links[0].down = latency(300);
    let serve = server("upstream", |mut stream| async move {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        stream.write_all(&byte).await.unwrap();
    });
    let (took, _) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let start = Instant::now();
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        start.elapsed()
    });
    assert_eq!(took, ms(305));
}

#[test]
fn bandwidth_is_shared_by_all_flows_of_a_direction_and_counts_headers() {
    let spec = LinkSpec { bandwidth: Some(Rate(10_240)), ..LinkSpec::default() };
    let serve = server("upstream", |mut stream| async move {
        stream.write_all(&bytes(14_600)).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let (read, trace) = run(&pair(spec), vec![serve], |host| async move {
        let upstream = name("upstream");
        let (mut one, mut two) =
            tokio::try_join!(host.connect(&upstream), host.connect(&upstream)).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        tokio::try_join!(one.read_to_end(&mut first), two.read_to_end(&mut second)).unwrap()
    });
    assert_eq!(read, (14_600, 14_600));
    let data = data_from(&trace, "upstream");
    // Twice ten full segments of 1,500 bytes: 2.93 s, to which handshakes add a few packets.
    assert_eq!(data.len(), 20);
    let took = data[19].0.abs_diff(data[0].1.0.at);
    assert!((ms(2_929)..ms(2_950)).contains(&took), "{took:?}");

    let ((), trace) = run(&pair(spec), vec![], |host| async move {
        assert!(host.connect(&name("upstream")).await.is_err());
    });
    // 40 bytes at 10,240 a second: 3.9 ms up, and the RST 3.9 ms down.
    assert_eq!(arrivals(&trace).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [ms(4), ms(8)]);
}

#[test]
fn jitter_spreads_arrivals_and_keeps_each_flow_in_order() {
    let spec = LinkSpec { jitter: Some(Jitter::AtMost(Time(ms(50)))), ..latency(10) };
    let serve = server("upstream", |mut stream| async move {
        for piece in bytes(2_000).chunks(10) {
            stream.write_all(piece).await.unwrap();
            sleep(ms(10)).await;
        }
    });
    let (all, trace) = run(&pair(spec), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all
    });
    assert!(all == bytes(2_000));
    let down: Vec<_> = data_from(&trace, "upstream")
        .into_iter()
        .map(|(at, (sent, packet))| (packet.seq, at.abs_diff(sent.at)))
        .collect();
    assert_eq!(down.len(), 200);
    assert!(down.is_sorted_by_key(|(seq, _)| *seq));
    assert!(down.iter().all(|(_, took)| (ms(10)..=ms(60)).contains(took)));
    let distinct: std::collections::BTreeSet<_> = down.iter().map(|(_, took)| *took).collect();
    assert!(distinct.len() > 10, "{distinct:?}");
}

#[test]
fn a_lost_packet_arrives_a_time_out_later_and_everything_behind_it_waits() {
    let spec = LinkSpec { loss: Some(Share(1_000)), ..latency(10) };
    let plan = pair(spec);
    let serve = server("upstream", |mut stream| async move {
        for piece in bytes(10_000).chunks(50) {
            stream.write_all(piece).await.unwrap();
            sleep(ms(10)).await;
        }
    });
    let (all, trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all
    });
    assert!(all == bytes(10_000));
    let down = data_from(&trace, "upstream");
    assert!(down.is_sorted_by_key(|(at, (_, packet))| (*at, packet.seq)));
    let took = |late: bool| -> Vec<Duration> {
        let of_kind = down.iter().filter(|(_, (_, p))| matches!(p.fate, Fate::Late(_)) == late);
        of_kind.map(|(at, (sent, _))| at.abs_diff(sent.at)).collect()
    };
    let (lost, others) = (took(true), took(false));
    // A tenth of 200, give or take.
    assert!((8..40).contains(&lost.len()), "{} lost", lost.len());
    // 200 ms where it was lost once, 600 ms twice; longer behind an earlier one.
    assert!(lost.iter().all(|took| *took >= ms(210)) && lost.contains(&ms(210)));
    assert!(others.iter().filter(|took| **took > ms(10)).count() > lost.len());
    assert!(others.contains(&ms(10)));
    // A lost acknowledgement delays nothing: the next one says the same.
    let late = packets(&trace).into_iter().filter(|(_, p)| matches!(p.fate, Fate::Late(_)));
    assert!(late.into_iter().all(|(_, p)| !p.payload.is_empty() || p.flags.syn || p.flags.fin));
}

#[test]
fn a_link_that_loses_everything_is_silent() {
    let spec = LinkSpec { loss: Some(Share(10_000)), ..LinkSpec::default() };
    let (connected, trace) = run(&pair(spec), vec![], |host| async move {
        tokio::time::timeout(Duration::from_hours(1), host.connect(&name("upstream"))).await.is_ok()
    });
    assert!(!connected);
    assert!(packets(&trace).iter().all(|(_, packet)| packet.fate == Fate::Dropped));
}

#[test]
fn idle_time_costs_nothing() {
    // At a tick a millisecond this would be 10^11 ticks.
    let serve = server("upstream", |mut stream| async move {
        sleep(Duration::from_hours(24 * 365 * 3)).await;
        stream.write_all(b"done").await.unwrap();
    });
    let (text, trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    });
    assert_eq!(text, "done");
    assert!(trace.events.len() < 40);
}

#[test]
fn what_is_written_at_one_instant_leaves_together_whoever_woke_its_writer() {
    let serve = server("upstream", |mut stream| async move {
        let mut word = Vec::new();
        stream.read_to_end(&mut word).await.unwrap();
    });
    let ((), trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut direct = host.connect(&name("upstream")).await.unwrap();
        let mut woken = host.connect(&name("upstream")).await.unwrap();
        let (wake, asleep) = oneshot::channel();
        let writes = tokio::spawn(async move {
            asleep.await.unwrap();
            woken.write_all(b"woken").await.unwrap();
            woken
        });
        let mut before = host.connect(&name("upstream")).await.unwrap();
        before.write_all(b"before").await.unwrap();
        // At the instant at which that arrives, whoever carries packets is awake before them.
        sleep(ms(20)).await;
        wake.send(()).unwrap();
        direct.write_all(b"direct").await.unwrap();
        drop(writes.await.unwrap());
    });
    let place = |is: fn(&Fact) -> bool| {
        let found = trace.events.iter().enumerate().filter(|(_, event)| is(&event.fact));
        found.map(|(ordinal, _)| ordinal).collect::<Vec<_>>()
    };
    let wrote = place(|fact| matches!(fact, Fact::Socket(_, SocketFact::Wrote { .. })));
    let left = place(|fact| matches!(fact, Fact::Packet(packet) if !packet.payload.is_empty()));
    assert_eq!((wrote.len(), left.len()), (3, 3));
    assert!(wrote[2] < left[1], "one packet left before the other was written");
}
