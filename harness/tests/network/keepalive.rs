//! Half-open connections, and the questions that find them.

use std::{io::ErrorKind, time::Duration};

use harness::{
    net::{Fault, Host, Stream},
    plan::Plan,
    scenario::{HostLimits, KeepAlive, Way},
    trace::{Fate, Trace},
};
use mock_openai::quantity::Time;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep},
};

use crate::support::{latency, ms, name, packets, pair, run, server};

/// A pair 20 ms apart; `client` asks after 10 s, then each 5 s, three times.
fn asking() -> Plan {
    let keepalive = KeepAlive { idle: Time(ms(10_000)), interval: Time(ms(5_000)), count: 3 };
    let mut plan = pair(latency(20));
    let limits = HostLimits { keepalive: Some(keepalive), ..HostLimits::default() };
    plan.hosts.insert("client".to_owned(), limits);
    plan
}

/// Holds a connection and neither reads nor writes.
async fn hold(stream: Stream) {
    sleep(Duration::from_hours(9)).await;
    drop(stream);
}

async fn connect(host: &Host) -> Stream {
    host.connect(&name("upstream")).await.unwrap()
}

fn silence(way: Option<Way>, lasts: Option<Duration>) -> Fault {
    Fault::Drop { link: "client-upstream".to_owned(), way, lasts }
}

/// How and when reading ends.
async fn ends(stream: &mut Stream, since: Instant) -> (ErrorKind, Duration) {
    let error = stream.read(&mut [0; 9]).await.unwrap_err();
    (error.kind(), since.elapsed())
}

/// When each packet without payload left the client after its handshake, and what became of it.
fn asked(trace: &Trace) -> Vec<(u64, bool)> {
    let of_client = packets(trace).into_iter().filter(|(event, packet)| {
        &*event.actor == "client" && packet.payload.is_empty() && !packet.flags.syn
    });
    // The first one ends the handshake.
    let asked = of_client.skip(1).map(|(event, packet)| {
        let millis = u64::try_from(event.at.as_millis()).unwrap();
        (millis, packet.fate != Fate::Dropped)
    });
    asked.collect()
}

#[test]
fn a_peer_that_lives_answers_each_question_and_the_connection_stays() {
    let (wrote, trace) = run(&asking(), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        sleep(ms(31_000)).await;
        stream.write_all(b"still there").await.map_err(|error| error.kind())
    });
    assert_eq!(wrote, Ok(()));
    // Connected at 40. An answer is heard 40 later, and the next question comes 10 s after it.
    let questions = [(10_040, true), (20_080, true), (30_120, true)];
    assert_eq!(asked(&trace)[..3], questions);
    let sent = packets(&trace);
    let (_, first) = sent.iter().find(|(event, _)| event.at == ms(10_040)).unwrap();
    let (_, answer) = sent.iter().find(|(event, _)| event.at == ms(10_060)).unwrap();
    // RFC 9293 3.8.4: what was acknowledged before is said again, and acknowledged again.
    assert_eq!(answer.ack, first.seq.wrapping_add(1));
    assert_eq!(answer.seq, first.ack);
}

#[test]
fn a_peer_that_crashed_is_given_up_after_three_questions() {
    let (end, trace) = run(&asking(), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        let start = Instant::now();
        host.stack().apply(&Fault::Crash { host: name("upstream") });
        ends(&mut stream, start).await
    });
    assert_eq!(end, (ErrorKind::TimedOut, ms(25_000)));
    // Questions after 10, 15 and 20 s; the last word is RST.
    let times: Vec<u64> = asked(&trace).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [10_040, 15_040, 20_040, 25_040]);
    assert!(packets(&trace).last().unwrap().1.flags.rst);
}

#[test]
fn a_peer_that_has_forgotten_the_connection_answers_the_first_question_with_rst() {
    let (end, _) = run(&asking(), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        // The handshake's last word has arrived by then.
        sleep(ms(100)).await;
        let start = Instant::now();
        host.stack().apply(&Fault::Crash { host: name("upstream") });
        host.stack().apply(&Fault::Restart { host: name("upstream") });
        ends(&mut stream, start).await
    });
    assert_eq!(end, (ErrorKind::ConnectionReset, ms(9_940)));
}

#[test]
fn without_questions_a_half_open_connection_is_never_found() {
    let (end, _) = run(&pair(latency(20)), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        host.stack().apply(&Fault::Crash { host: name("upstream") });
        tokio::time::timeout(Duration::from_hours(9), stream.read(&mut [0; 9])).await.is_err()
    });
    assert!(end);
}

#[test]
fn a_write_to_who_has_forgotten_the_connection_finds_it_after_one_round_trip() {
    let (end, _) = run(&pair(latency(20)), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        sleep(ms(100)).await;
        host.stack().apply(&Fault::Crash { host: name("upstream") });
        host.stack().apply(&Fault::Restart { host: name("upstream") });
        sleep(ms(60_000)).await;
        let start = Instant::now();
        stream.write_all(b"anybody there?").await.unwrap();
        ends(&mut stream, start).await
    });
    assert_eq!(end, (ErrorKind::ConnectionReset, ms(40)));
}

#[test]
fn what_waits_to_be_acknowledged_keeps_questions_back() {
    let (end, trace) = run(&asking(), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        host.stack().apply(&silence(None, None));
        stream.write_all(b"anybody there?").await.unwrap();
        tokio::time::timeout(ms(100_000), stream.read(&mut [0; 9])).await.is_err()
    });
    assert!(end, "a sender sends again, and asks nothing");
    // What is there beside the data is the FIN at the end.
    assert_eq!(asked(&trace), [(100_040, false)]);
}

#[test]
fn questions_that_a_silent_link_loses_are_not_sent_again() {
    let (end, trace) = run(&asking(), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        let start = Instant::now();
        host.stack().apply(&silence(None, Some(ms(20_001))));
        ends(&mut stream, start).await
    });
    // All three are lost, the last one by a millisecond.
    assert_eq!(end, (ErrorKind::TimedOut, ms(25_000)));
    let fates: Vec<(u64, bool)> = asked(&trace);
    assert_eq!(fates, [(10_040, false), (15_040, false), (20_040, false), (25_040, true)]);
}

#[test]
fn an_answer_in_time_begins_the_count_anew() {
    let (wrote, trace) = run(&asking(), vec![server("upstream", hold)], |host| async move {
        let mut stream = connect(&host).await;
        host.stack().apply(&silence(None, Some(ms(19_999))));
        sleep(ms(40_000)).await;
        stream.write_all(b"still there").await.map_err(|error| error.kind())
    });
    assert_eq!(wrote, Ok(()));
    let fates = asked(&trace);
    assert_eq!(
        fates[..4],
        [(10_040, false), (15_040, false), (20_040, true), (30_080, true)],
        "{fates:?}"
    );
}

#[test]
fn what_came_before_the_silence_is_read_before_the_error() {
    let says = |mut stream: Stream| async move {
        stream.write_all(b"data: 1\n\n").await.unwrap();
        hold(stream).await;
    };
    let (seen, _) = run(&asking(), vec![server("upstream", says)], |host| async move {
        let mut stream = connect(&host).await;
        sleep(ms(100)).await;
        host.stack().apply(&silence(None, None));
        sleep(ms(60_000)).await;
        let mut all = Vec::new();
        let end = stream.read_to_end(&mut all).await.map_err(|error| error.kind());
        let late = stream.write(b"late").await.map_err(|error| error.kind());
        (String::from_utf8(all).unwrap(), end, late)
    });
    let told = (Err(ErrorKind::TimedOut), Err(ErrorKind::BrokenPipe));
    assert_eq!(seen, ("data: 1\n\n".to_owned(), told.0, told.1));
}

#[test]
fn a_peer_that_has_shut_down_is_asked_and_given_up_too() {
    let shuts = |mut stream: Stream| async move {
        stream.shutdown().await.unwrap();
        hold(stream).await;
    };
    let (end, trace) = run(&asking(), vec![server("upstream", shuts)], |host| async move {
        let mut stream = connect(&host).await;
        assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
        let start = Instant::now();
        host.stack().apply(&silence(Some(Way::Up), None));
        sleep(ms(26_000)).await;
        (stream.write(b"x").await.unwrap_err().kind(), start.elapsed())
    });
    assert_eq!(end, (ErrorKind::TimedOut, ms(26_000)));
    assert_eq!(asked(&trace).len(), 5, "its acknowledgement of FIN, three questions, RST");
}
