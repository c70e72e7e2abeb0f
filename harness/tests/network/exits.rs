//! What runs on a host is told to stop, and ends: in its own time, at once, or killed.

use std::io::ErrorKind;

use harness::{
    net::{Actor, Fault, Host, Stream},
    trace::{Exit, Fact, SocketFact, Trace, WorldFact},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::sleep,
};

use crate::support::{accept, actor, latency, ms, name, packets, pair, run, server, socket_facts};

/// Sends a line each 100 ms, ten of them.
async fn ten_lines(mut stream: Stream) {
    for number in 0..10 {
        stream.write_all(format!("{number}\n").as_bytes()).await.unwrap();
        sleep(ms(100)).await;
    }
}

/// Serves one connection; told to stop it ends when that is over, if ever.
fn draining(serve: fn(Stream) -> futures_util::future::BoxFuture<'static, ()>) -> Actor {
    actor("upstream", move |host| async move {
        let mut listener = host.listen().unwrap();
        let stop = listener.stop();
        let serving = tokio::spawn(serve(accept(&mut listener).await));
        stop.told().await;
        drop(listener);
        serving.await.unwrap();
    })
}

fn fault(host: &Host, fault: fn(harness::trace::Name) -> Fault) {
    host.stack().apply(&fault(name("upstream")));
}

fn terminate(host: &Host) {
    fault(host, |host| Fault::Terminate { host });
}

async fn rest(stream: &mut Stream) -> (String, Option<ErrorKind>) {
    let mut all = Vec::new();
    let end = stream.read_to_end(&mut all).await.err().map(|error| error.kind());
    (String::from_utf8(all).unwrap(), end)
}

/// When the provider's host was told to stop and when it exited, and why then.
fn told(trace: &Trace) -> Vec<(u128, Option<Exit>)> {
    let of = |event: &harness::trace::Event| {
        let Fact::World(fact) = &event.fact else { return None };
        let because = if let WorldFact::Exited { because } = fact { Some(*because) } else { None };
        assert!(because.is_some() || *fact == WorldFact::ToldToStop, "{fact:?}");
        Some((event.at.as_millis(), because))
    };
    trace.events.iter().filter(|event| &*event.actor == "upstream").filter_map(of).collect()
}

#[test]
fn what_acts_upon_the_word_ends_in_its_own_time_and_takes_nobody_new() {
    let upstream = draining(|stream| Box::pin(ten_lines(stream)));
    let (seen, trace) = run(&pair(latency(20)), vec![upstream], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(300)).await;
        terminate(&host);
        // Once more says nothing new.
        terminate(&host);
        sleep(ms(1)).await;
        let refused = host.connect(&name("upstream")).await.unwrap_err().kind();
        (rest(&mut stream).await, refused)
    });
    assert_eq!(seen.0, ("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n".to_owned(), None));
    assert_eq!(seen.1, ErrorKind::ConnectionRefused);
    // Accepted at 60, and ten times 100 ms more.
    assert_eq!(told(&trace), [(340, None), (1_060, Some(Exit::Drained))]);
}

#[test]
fn what_does_not_act_upon_the_word_ends_at_once_and_its_sockets_are_closed() {
    let upstream = server("upstream", ten_lines);
    let (seen, trace) = run(&pair(latency(20)), vec![upstream], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(300)).await;
        terminate(&host);
        rest(&mut stream).await
    });
    // By FIN, as the kernel closes for a process that died, and what it had spawned is not heard.
    assert_eq!(seen, ("0\n1\n2\n".to_owned(), None));
    assert_eq!(told(&trace), [(340, None), (340, Some(Exit::Unhandled))]);
    assert!(packets(&trace).iter().all(|(_, packet)| !packet.flags.rst));
    let hears = |(_, fact): &(_, &SocketFact)| matches!(fact, SocketFact::Failed { .. });
    assert!(!socket_facts(&trace, "upstream").iter().any(hears), "it learns how it ended");
}

#[test]
fn what_it_has_not_read_is_told_by_rst_when_it_ends() {
    let upstream = server("upstream", |stream| async move {
        sleep(ms(60_000)).await;
        drop(stream);
    });
    let (seen, _) = run(&pair(latency(20)), vec![upstream], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        stream.write_all(b"unread").await.unwrap();
        sleep(ms(300)).await;
        terminate(&host);
        rest(&mut stream).await
    });
    assert_eq!(seen, (String::new(), Some(ErrorKind::ConnectionReset)));
}

#[test]
fn what_outlasts_the_grace_is_killed_and_who_runs_is_not() {
    let upstream = draining(|stream| {
        Box::pin(async move {
            sleep(ms(60_000)).await;
            drop(stream);
        })
    });
    let (seen, trace) = run(&pair(latency(20)), vec![upstream], |host| async move {
        let mut stream = host.connect(&name("upstream")).await.unwrap();
        // Nobody told it to stop.
        fault(&host, |host| Fault::Kill { host });
        sleep(ms(300)).await;
        terminate(&host);
        sleep(ms(1_000)).await;
        fault(&host, |host| Fault::Kill { host });
        rest(&mut stream).await
    });
    assert_eq!(seen, (String::new(), None));
    assert_eq!(told(&trace), [(340, None), (1_340, Some(Exit::Killed))]);
}

#[test]
fn a_host_whose_process_ended_starts_again_and_brings_the_old_closes_to_their_end() {
    let upstream = server("upstream", ten_lines);
    let (seen, trace) = run(&pair(latency(20)), vec![upstream], |host| async move {
        let mut old = host.connect(&name("upstream")).await.unwrap();
        sleep(ms(300)).await;
        terminate(&host);
        fault(&host, |host| Fault::Restart { host });
        let end = rest(&mut old).await;
        drop(old);
        let mut new = host.connect(&name("upstream")).await.unwrap();
        (end, rest(&mut new).await)
    });
    assert_eq!(seen.0, ("0\n1\n2\n".to_owned(), None));
    assert_eq!(seen.1.0.lines().count(), 10);
    assert!(packets(&trace).iter().all(|(_, packet)| !packet.flags.rst));
}
