//! The same plan gives the same trace, however often and beside whatever else it runs.

use std::thread;

use harness::{
    net::{Fault, Host, Stream},
    plan::Plan,
    scenario::LinkSpec,
    trace::Trace,
};
use mock_openai::quantity::{Rate, Share, Time};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{accept, actor, latency, ms, name, path, run, server};

/// Everything that is drawn or can race: jitter, loss, shared bandwidth, unbiased `select!`s, many
/// tasks at one instant, faults.
fn busy(seed: u64) -> Plan {
    let link = LinkSpec {
        jitter: Some(harness::scenario::Jitter::AtMost(Time(ms(9)))),
        loss: Some(Share(300)),
        bandwidth: Some(Rate(200_000)),
        ..latency(10)
    };
    Plan { seed, ..path(&["client", "other"], &["relay"], link) }
}

async fn copy_both_ways(down: Stream, up: Stream) {
    let (mut down_read, mut down_write) = tokio::io::split(down);
    let (mut up_read, mut up_write) = tokio::io::split(up);
    let (mut one, mut two) = ([0; 512], [0; 512]);
    loop {
        let passed = if cfg!(tokio_unstable) {
            // Unbiased on purpose: the order in which branches are polled is the runtime's draw.
            tokio::select! {
                Ok(len @ 1..) = down_read.read(&mut one) => up_write.write_all(&one[..len]).await,
                Ok(len @ 1..) = up_read.read(&mut two) => down_write.write_all(&two[..len]).await,
                else => return,
            }
        } else {
            tokio::select! {
                biased;
                Ok(len @ 1..) = down_read.read(&mut one) => up_write.write_all(&one[..len]).await,
                Ok(len @ 1..) = up_read.read(&mut two) => down_write.write_all(&two[..len]).await,
                else => return,
            }
        };
        if passed.is_err() {
            return;
        }
    }
}

async fn ask(host: Host, number: u64) -> usize {
    let Ok(mut stream) = host.connect(&name("relay")).await else { return 0 };
    if stream.write_all(format!("{number}\n").as_bytes()).await.is_err() {
        return 0;
    }
    let mut all = Vec::new();
    match timeout(ms(20_000), stream.read_to_end(&mut all)).await {
        Ok(Ok(len)) => len,
        Ok(Err(_)) | Err(_) => 1_000_000 + all.len(),
    }
}

fn trace_of(seed: u64) -> (Vec<usize>, Trace) {
    let upstream = server("upstream", |mut stream| async move {
        let mut question = [0; 1];
        if stream.read_exact(&mut question).await.is_err() {
            return;
        }
        for frame in 0..40 {
            if stream.write_all(format!("data: {frame}\n\n").as_bytes()).await.is_err() {
                return;
            }
            sleep(ms(20)).await;
        }
    });
    let relay = actor("relay", |host| async move {
        let mut listener = host.listen().unwrap();
        loop {
            let (down, host) = (accept(&mut listener).await, host.clone());
            tokio::spawn(async move {
                if let Ok(up) = host.connect(&name("upstream")).await {
                    copy_both_ways(down, up).await;
                }
            });
        }
    });
    let other = actor("other", |host| async move {
        sleep(ms(300)).await;
        let _read = ask(host, 99).await;
    });
    run(&busy(seed), vec![upstream, relay, other], |host| async move {
        let mut clients = JoinSet::new();
        for number in 0..8 {
            clients.spawn(ask(host.clone(), number));
        }
        sleep(ms(400)).await;
        let link = "client-relay".to_owned();
        host.stack().apply(&Fault::Hold { link, lasts: Some(ms(300)) });
        sleep(ms(500)).await;
        host.stack().apply(&Fault::Restart { host: name("upstream") });
        let mut read = clients.join_all().await;
        read.sort_unstable();
        read
    })
}

#[test]
fn two_runs_of_one_plan_give_one_trace() {
    let (read, trace) = trace_of(1);
    assert!(trace.events.len() > 1_000, "{} events", trace.events.len());
    assert!(read.iter().all(|len| *len > 0), "{read:?}");
    assert!(trace_of(1) == (read, trace));
}

#[test]
fn another_seed_gives_another_trace() {
    assert!(trace_of(1).1 != trace_of(2).1);
}

#[test]
fn runs_on_four_threads_at_once_give_the_traces_that_they_give_alone() {
    let alone: Vec<_> = (0..4).map(trace_of).collect();
    let threads: Vec<_> =
        (0..4).map(|seed| thread::spawn(move || [trace_of(seed), trace_of(seed)])).collect();
    for (thread, alone) in threads.into_iter().zip(&alone) {
        let [first, second] = thread.join().unwrap();
        assert!(first == *alone && second == *alone);
    }
}

#[cfg(tokio_unstable)]
#[test]
fn the_order_in_which_a_select_polls_is_drawn_from_the_seed() {
    let drawn = |seed| {
        let plan = Plan { seed, ..path(&["client"], &[], latency(1)) };
        let (drawn, _) = run(&plan, vec![], |_| async {
            let mut drawn = String::new();
            for _ in 0..64 {
                // Both are ready, so that the draw alone decides.
                drawn.push(tokio::select! {
                    letter = std::future::ready('a') => letter,
                    letter = std::future::ready('b') => letter,
                });
            }
            drawn
        });
        drawn
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}
