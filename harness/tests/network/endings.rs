//! FIN, RST, and what an application is told of them.

use std::io::ErrorKind;

use harness::{
    net::Fault,
    trace::{Packet, SocketFact},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep, timeout},
};

use crate::support::{
    arrivals, buffers, latency, ms, name, packets, pair, run, server, socket_facts,
};

#[test]
fn a_reset_behind_three_frames_in_one_instant_still_leaves_the_three_frames_to_read() {
    let serve = server("upstream", |mut stream| async move {
        for frame in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            stream.write_all(frame.as_bytes()).await.unwrap();
        }
        stream.reset().await.unwrap();
    });
    let ((text, end), trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        // Everything is there before the first read.
        sleep(ms(500)).await;
        let (mut text, mut byte) = (String::new(), [0]);
        loop {
            match stream.read(&mut byte).await {
                Ok(0) => return (text, None),
                Ok(_) => text.push(char::from(byte[0])),
                Err(error) => return (text, Some(error.kind())),
            }
        }
    });
    assert_eq!(text, "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    let first = |which: fn(&Packet) -> bool| {
        let of_upstream =
            arrivals(&trace).into_iter().filter(|(_, (e, _))| &*e.actor == "upstream");
        of_upstream.filter(|(_, (_, packet))| which(packet)).map(|(at, _)| at).min()
    };
    // They came in one instant.
    assert_eq!(first(|packet| packet.flags.rst), first(|packet| packet.flags.psh));
}

#[test]
fn a_reset_before_the_connection_is_accepted_leaves_its_bytes_to_read() {
    let serve = crate::support::actor("upstream", |host| async move {
        let mut listener = host.listen().unwrap();
        sleep(ms(500)).await;
        let mut stream = crate::support::accept(&mut listener).await;
        let mut text = [0; 5];
        stream.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"hello");
        let error = stream.read(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        sleep(ms(1)).await;
        drop(stream);
    });
    let ((), trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.reset().await.unwrap();
        sleep(ms(600)).await;
    });
    let facts = socket_facts(&trace, "upstream");
    // It came to its end: the assertions above held.
    assert_eq!(facts.last().unwrap().1, &SocketFact::Dropped);
    assert_eq!(facts.last().unwrap().0, ms(501));
}

#[test]
fn a_blocked_writer_wakes_with_connection_reset() {
    let serve = server("upstream", |mut stream| async move {
        let error = stream.write_all(&vec![0; 300_000]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        stream.shutdown().await.unwrap();
    });
    let ((), trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(1_000)).await;
        stream.reset().await.unwrap();
        sleep(ms(1_000)).await;
    });
    let facts = socket_facts(&trace, "upstream");
    let failed = SocketFact::Failed { error: ErrorKind::ConnectionReset };
    let at = facts.iter().find(|(_, fact)| **fact == failed).unwrap().0;
    // Connected at 40, reset at 1,040, told 20 later.
    assert_eq!(at, ms(1_060));
    assert!(facts.iter().any(|(_, fact)| **fact == SocketFact::Blocked));
    assert!(facts.iter().any(|(_, fact)| **fact == SocketFact::ShutDown));
}

#[test]
fn the_second_write_to_a_closed_peer_fails() {
    let serve = server("upstream", |stream| async move { drop(stream) });
    let (second, _) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(100)).await;
        stream.write_all(b"first").await.unwrap();
        sleep(ms(100)).await;
        stream.write_all(b"second").await.unwrap_err().kind()
    });
    // Linux: EPIPE, since the peer's FIN had come.
    assert_eq!(second, ErrorKind::BrokenPipe);
}

#[test]
fn a_peer_that_closed_swallows_no_endless_stream() {
    // turmoil-net by itself takes 132,000 bytes, then stalls (measured).
    let serve = server("upstream", |mut stream| async move {
        let mut written = 0;
        while stream.write_all(&[0; 1_000]).await.is_ok() {
            written += 1_000;
            sleep(ms(10)).await;
        }
        assert!((1_000..20_000).contains(&written), "{written}");
        stream.shutdown().await.unwrap();
    });
    let ((), trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.read_exact(&mut [0; 1_000]).await.unwrap();
    });
    let facts = socket_facts(&trace, "upstream");
    assert!(facts.iter().any(|(_, fact)| **fact == SocketFact::ShutDown));
}

#[test]
fn closing_with_unread_bytes_resets_and_what_was_written_goes_first() {
    let serve = server("upstream", |mut stream| async move {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        stream.write_all(b"answer").await.unwrap();
    });
    let ((text, end), trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.write_all(b"question").await.unwrap();
        let mut text = Vec::new();
        let end = stream.read_to_end(&mut text).await.unwrap_err().kind();
        (text, end)
    });
    assert_eq!((text.as_slice(), end), (b"answer".as_slice(), ErrorKind::ConnectionReset));
    assert!(packets(&trace).iter().any(|(e, p)| &*e.actor == "upstream" && p.flags.rst));
}

#[test]
fn a_reset_waits_until_what_was_written_has_left() {
    let mut plan = pair(latency(20));
    plan.hosts.insert("client".to_owned(), buffers(10_000, 65_536));
    let serve = server("upstream", |mut stream| async move {
        stream.write_all(&vec![7; 50_000]).await.unwrap();
        stream.reset().await.unwrap();
        let error = stream.write(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    });
    let (read, trace) = run(&plan, vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(1_000)).await;
        let (mut all, mut piece) = (0, [0; 1_000]);
        while let Ok(len @ 1..) = stream.read(&mut piece).await {
            all += len;
        }
        all
    });
    assert_eq!(read, 50_000);
    let facts = socket_facts(&trace, "upstream");
    let reset = facts.iter().find(|(_, fact)| **fact == SocketFact::Reset).unwrap().0;
    assert!(reset > ms(1_000), "{reset:?}");
}

#[test]
fn a_half_closed_connection_still_carries_the_other_direction() {
    let serve = server("upstream", |mut stream| async move {
        let mut question = String::new();
        stream.read_to_string(&mut question).await.unwrap();
        sleep(ms(100)).await;
        stream.write_all(question.to_uppercase().as_bytes()).await.unwrap();
    });
    let (answer, _) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.write_all(b"question").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert_eq!(answer, "QUESTION");
}

#[test]
fn a_write_after_shutdown_fails_at_once_also_where_the_buffer_is_full() {
    let serve = server("upstream", |stream| async move {
        sleep(ms(1_000)).await;
        drop(stream);
    });
    let (error, _) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        let blocked = timeout(ms(100), stream.write_all(&vec![0; 300_000])).await;
        assert!(blocked.is_err());
        stream.shutdown().await.unwrap();
        timeout(ms(100), stream.write(b"more")).await.unwrap().unwrap_err().kind()
    });
    assert_eq!(error, ErrorKind::BrokenPipe);
}

#[test]
fn bytes_that_wait_for_a_reader_outlive_both_fins() {
    // To tell a peer that is gone of room in the buffer would be answered with RST.
    let serve = server("upstream", |mut stream| async move {
        stream.write_all(&vec![1; 60_000]).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    for piece in [1_000, 65_536] {
        let serve = serve.clone();
        let (read, trace) = run(&pair(latency(20)), vec![serve], move |host| async move {
            let mut stream = host.connect(&name("upstream")).await.unwrap();
            stream.shutdown().await.unwrap();
            // Both ends are done, and the provider's socket is gone, before the first read.
            sleep(ms(5_000)).await;
            let (mut all, mut buf) = (0, vec![0; piece]);
            while let len @ 1.. = stream.read(&mut buf).await.unwrap() {
                all += len;
                sleep(ms(100)).await;
            }
            all
        });
        assert_eq!(read, 60_000);
        assert!(packets(&trace).iter().all(|(_, packet)| !packet.flags.rst));
    }
}

#[test]
fn a_reset_that_finds_the_connection_over_changes_nothing() {
    let serve = server("upstream", |mut stream| async move {
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        stream.write_all(b"goodbye").await.unwrap();
    });
    let (seen, trace) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.shutdown().await.unwrap();
        // Its FIN arrives at 60, the answer's at 80; the acknowledgement of that is on its way.
        sleep(ms(45)).await;
        let link = "client-upstream".to_owned();
        host.stack().apply(&Fault::Reset { link });
        sleep(ms(100)).await;
        let mut text = String::new();
        let read = stream.read_to_string(&mut text).await.map_err(|error| error.kind());
        (text, read, stream.write(b"late").await.unwrap_err().kind())
    });
    assert_eq!(seen, ("goodbye".to_owned(), Ok(7), ErrorKind::BrokenPipe));
    assert!(arrivals(&trace).iter().any(|(_, (_, p))| p.flags.rst && &*p.to == "client"));
}

#[test]
fn a_reset_between_the_last_fin_and_its_acknowledgement_is_told_as_a_reset() {
    let serve = server("upstream", |stream| async move { drop(stream) });
    let (error, _) = run(&pair(latency(20)), vec![serve], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(100)).await;
        // The bytes are answered with RST; the FIN behind them makes this end LAST-ACK, where
        // `tcp_reset` of Linux says ECONNRESET and not EPIPE.
        stream.write_all(b"late").await.unwrap();
        stream.shutdown().await.unwrap();
        sleep(ms(100)).await;
        stream.write(b"later").await.unwrap_err().kind()
    });
    assert_eq!(error, ErrorKind::ConnectionReset);
}

#[test]
fn a_connect_that_nobody_listens_for_is_refused_after_a_round_trip() {
    let ((error, took), trace) = run(&pair(latency(20)), vec![], |host| async move {
        let start = Instant::now();
        let error = host.connect(&name("upstream")).await.unwrap_err();
        (error.kind(), start.elapsed())
    });
    assert_eq!((error, took), (ErrorKind::ConnectionRefused, ms(40)));
    let upstream = name("upstream");
    let failed = SocketFact::ConnectFailed { error, to: upstream };
    assert!(socket_facts(&trace, "client").iter().any(|(_, fact)| **fact == failed));
}

#[test]
fn a_connect_to_no_host_says_so() {
    let (errors, _) = run(&pair(latency(20)), vec![], |host| async move {
        let nowhere = host.connect(&name("nowhere")).await.unwrap_err().to_string();
        let itself = host.connect(&name("client")).await.unwrap_err().to_string();
        (nowhere, itself)
    });
    assert_eq!(errors.0, "no host is called `nowhere`");
    assert_eq!(errors.1, "a host cannot call itself");
}

#[test]
fn a_connect_that_is_called_off_leaves_no_connection_behind() {
    let serve = crate::support::actor("upstream", |host| async move {
        let mut listener = host.listen().unwrap();
        let stream = timeout(ms(5_000), crate::support::accept(&mut listener)).await;
        assert!(stream.is_err(), "it was accepted");
        drop(listener);
        // A clean end of this task is what the client waits for.
        let listener = host.listen().unwrap();
        sleep(ms(5_000)).await;
        drop(listener);
    });
    let ((), trace) = run(&pair(latency(100)), vec![serve], |host| async move {
        assert!(timeout(ms(50), host.connect(&name("upstream"))).await.is_err());
        sleep(ms(6_000)).await;
        host.connect(&name("upstream")).await.unwrap();
    });
    let client = packets(&trace);
    let reset = client.iter().filter(|(e, p)| &*e.actor == "client" && p.flags.rst).count();
    assert_eq!(reset, 1, "the SYN-ACK finds no socket");
}

#[test]
fn a_host_that_has_called_from_all_its_ports_calls_from_the_first_again() {
    let serve = server("upstream", |stream| async move { drop(stream) });
    let (reached, _) = run(&pair(latency(20)), vec![serve], |host| async move {
        let upstream = name("upstream");
        // The first is called off half-way, which must not spoil its port.
        assert!(timeout(ms(30), host.connect(&upstream)).await.is_err());
        // 49,152 to 65,535, less the first, and the first again.
        for _ in 0..16_384 {
            let connected = timeout(ms(10_000), host.connect(&upstream)).await;
            if !connected.is_ok_and(|connected| connected.is_ok()) {
                return false;
            }
        }
        true
    });
    assert!(reached);
}

#[test]
fn a_listener_that_goes_away_resets_what_nobody_took_and_can_come_back() {
    let serve = crate::support::actor("upstream", |host| async move {
        let mut listener = host.listen().unwrap();
        assert_eq!(host.listen().unwrap_err().kind(), ErrorKind::AddrInUse);
        let first = crate::support::accept(&mut listener).await;
        sleep(ms(100)).await;
        drop(listener);
        sleep(ms(100)).await;
        // As with SO_REUSEADDR: the first connection still lives.
        let mut listener = host.listen().unwrap();
        let third = crate::support::accept(&mut listener).await;
        sleep(ms(10_000)).await;
        drop((first, third));
    });
    let (second, _) = run(&pair(latency(10)), vec![serve], |host| async move {
        let upstream = name("upstream");
        let _first = host.connect(&upstream).await.unwrap();
        let mut second = host.connect(&upstream).await.unwrap();
        sleep(ms(150)).await;
        let refused = host.connect(&upstream).await.unwrap_err().kind();
        assert_eq!(refused, ErrorKind::ConnectionRefused);
        sleep(ms(150)).await;
        let _third = host.connect(&upstream).await.unwrap();
        second.read(&mut [0]).await.unwrap_err().kind()
    });
    assert_eq!(second, ErrorKind::ConnectionReset);
}

#[test]
fn a_stream_that_outlives_its_run_can_be_dropped() {
    let serve = server("upstream", |mut stream| async move {
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let (stream, _) = run(&pair(latency(10)), vec![serve], |host| async move {
        host.connect(&name("upstream")).await.unwrap()
    });
    drop(stream);
    let serve = server("upstream", |mut stream| async move {
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let (stream, _) = run(&pair(latency(10)), vec![serve], |host| async move {
        host.connect(&name("upstream")).await.unwrap()
    });
    std::thread::spawn(move || drop(stream)).join().unwrap();
}

#[test]
fn a_stream_that_is_dropped_on_another_thread_is_closed_all_the_same() {
    let serve = server("upstream", |mut stream| async move {
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let ((), trace) = run(&pair(latency(10)), vec![serve], |host| async move {
        let stream = host.connect(&name("upstream")).await.unwrap();
        tokio::task::spawn_blocking(move || drop(stream)).await.unwrap();
        sleep(ms(100)).await;
    });
    let ended = socket_facts(&trace, "upstream");
    assert!(ended.iter().any(|(_, fact)| **fact == SocketFact::ReadEnd));
}

#[test]
fn a_panic_of_main_reaches_whoever_runs_it_and_the_next_run_is_sound() {
    let plan = pair(latency(10));
    let panicked = std::panic::catch_unwind(|| {
        harness::net::run(
            harness::net::Engine::TurmoilNet,
            &plan,
            vec![],
            Box::new(|_| Box::pin(async { panic!("x") })),
        )
    });
    assert!(panicked.is_err());
    let (error, _) = run(&plan, vec![], |host| async move {
        host.connect(&name("upstream")).await.unwrap_err().kind()
    });
    assert_eq!(error, ErrorKind::ConnectionRefused);
}
