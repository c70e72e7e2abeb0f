//! What is found in a trace: which request serves whom, what went lost, what was held.

use std::time::Duration;

use bytes::Bytes;
use mock_openai::script::End;

use super::{
    Connections, Fate, Run,
    testing::{STREAM, Story},
};
use crate::{
    scenario::Kind,
    trace::{
        BodyEnd, Connection, Event, Fact, Fate as PacketFate, Flags, Name, Packet, SocketFact,
        Trace,
    },
};

fn exchanges_of_answers(story: &Story) -> Vec<Option<usize>> {
    let run = Run::of(&story.trace, &story.plan);
    let by_turn: Vec<_> = run
        .answers
        .iter()
        .map(|answer| answer.turn.and_then(|turn| run.turns[turn].exchange))
        .collect();
    let found: Vec<_> = run.answers.iter().map(|answer| answer.exchange).collect();
    assert!(by_turn.iter().all(Option::is_none) || by_turn == found);
    found
}

#[test]
fn a_request_serves_the_client_whose_name_it_carries_whatever_the_order() {
    let mut story = Story::new();
    story.client("second", Kind::Raw);
    story.asks(0, "reader");
    story.asks(0, "second");
    story.forwards(1, "second");
    story.forwards(2, "reader");
    assert_eq!(exchanges_of_answers(&story), [Some(1), Some(0)]);
}

#[test]
fn one_connection_carries_the_requests_of_several_clients() {
    let mut story = Story::new();
    story.client("second", Kind::Raw);
    story.begins(0, "reader");
    story.relays(1, "reader", "data: 1\n\n");
    story.finishes(2, "reader");
    story.asks(3, "second");
    story.forwards_over(3, "second", "reader");
    story.answers(3, "second", 200, STREAM);
    story.replies(3, "second", 200, STREAM);
    story.provides(4, "second", "data: 2\n\n");
    story.passes(8, "second", "data: 2\n\n");
    assert_eq!(exchanges_of_answers(&story), [Some(0), Some(1)]);
    let run = Run::of(&story.trace, &story.plan);
    assert_eq!(run.answers[0].connection, run.answers[1].connection);
    let passage = run.at_relay(1).expect("the second exchange passes the relay");
    let times = [passage.arrived(8), passage.left(8)].map(|at| at.map(|at| at.at.as_millis()));
    assert_eq!(times, [Some(4), Some(8)]);
    assert_eq!(
        passage.incoming().map(|message| message.body.as_slice()),
        Some(&b"data: 2\n\n"[..])
    );
}

#[test]
fn a_client_that_asks_again_is_served_by_the_requests_after_that() {
    let mut story = Story::new();
    story.asks(0, "reader");
    for ms in [1, 2] {
        story.forwards(ms, "reader");
        story.answers(ms, "reader", 503, &[]);
        story.provider_ends(ms, "reader", End::Clean);
    }
    story.replies(3, "reader", 503, &[]);
    story.closes(3, "reader", BodyEnd::Complete);
    story.begins(4, "reader");
    assert_eq!(exchanges_of_answers(&story), [Some(0), Some(0), Some(1)]);
    let run = Run::of(&story.trace, &story.plan);
    assert_eq!(run.answers_to(0).count(), 2);
    assert_eq!(run.answered().map(|(_, _, answer)| answer.request).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_request_is_never_counted_to_an_exchange_that_was_over_before_it() {
    let mut story = Story::new();
    story.asks(0, "reader");
    story.replies(1, "reader", 429, &[]);
    story.closes(1, "reader", BodyEnd::Complete);
    story.begins(2, "reader");
    assert_eq!(exchanges_of_answers(&story), [Some(1)]);
}

#[test]
fn without_sockets_the_journal_and_the_clients_tell_the_same() {
    let mut story = Story::new();
    story.client("second", Kind::Raw);
    story.asks(0, "reader");
    story.asks(0, "second");
    story.forwards(1, "second");
    story.forwards(2, "reader");
    let no_socket = |event: &Event| !matches!(event.fact, Fact::Socket(..));
    story.trace.events.retain(no_socket);
    assert_eq!(exchanges_of_answers(&story), [Some(1), Some(0)]);
}

#[test]
fn the_journal_knows_a_connection_by_the_address_that_its_own_end_saw() {
    let mut story = Story::streaming();
    for event in &mut story.trace.events {
        if let Fact::Socket(_, SocketFact::Connected { local, .. }) = &mut event.fact {
            *local = ([0, 0, 0, 0], 0).into();
        }
    }
    assert!(Run::of(&story.trace, &story.plan).answers[0].connection.is_some());
}

#[test]
fn an_answer_of_which_the_last_packets_never_came_is_cut() {
    let fate = |lost: bool| {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provider_ends(2, "reader", End::Clean);
        if lost {
            // The final chunk: its arrival and its reading are taken out.
            let ended = story.trace.events.len() - 1;
            story.trace.events.drain(ended - 2..ended);
        }
        let run = Run::of(&story.trace, &story.plan);
        run.fate(0, &run.answers[0])
    };
    assert_eq!([fate(false), fate(true)], [Fate::Whole, Fate::Cut]);
}

/// A link holds the last packets, and the relay gives up before they arrive.
#[test]
fn an_answer_of_which_the_last_packets_come_after_the_relay_gave_up_is_cut() {
    let fate = |held: bool, gave_up: bool| {
        let mut story = Story::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        if gave_up {
            let level = story.relay_level();
            story.socket(2, "relay", "reader", level, SocketFact::Dropped);
        }
        let sent = story.trace.events.len();
        story.provider_ends(3, "reader", End::Clean);
        for event in &mut story.trace.events[sent..] {
            if let Fact::Packet(packet) = &mut event.fact
                && held
            {
                packet.fate = PacketFate::Held;
            }
        }
        let run = Run::of(&story.trace, &story.plan);
        run.fate(0, &run.answers[0])
    };
    assert_eq!(fate(true, true), Fate::Cut);
    // It came late, and it came; and a relay that goes too early has no link to blame.
    assert_eq!([fate(true, false), fate(false, true)], [Fate::Whole, Fate::Whole]);
}

#[test]
fn how_the_script_ends_an_answer_is_its_fate() {
    let fate = |how| {
        let mut story = Story::streaming();
        story.provider_ends(2, "reader", how);
        let run = Run::of(&story.trace, &story.plan);
        run.fate(0, &run.answers[0])
    };
    assert_eq!(fate(End::NoTerminator), Fate::Unterminated);
    for cut in [End::Truncated, End::Fin, End::Reset, End::HalfClose, End::Hold] {
        assert_eq!(fate(cut), Fate::Cut);
    }
}

/// A segment of the provider to the relay, and that it arrived.
fn segment(trace: &mut Trace, ms: u64, seq: u32, payload: &'static [u8], syn: bool) {
    let at = Duration::from_millis(ms);
    let packet = Packet {
        connection: Connection(7),
        link: Name::from("relay-upstream"),
        to: Name::from("relay"),
        addresses: (([10, 0, 0, 1], 80).into(), ([10, 0, 0, 2], 40_000).into()),
        flags: Flags { syn, ack: true, ..Flags::default() },
        seq,
        ack: 0,
        window: 0,
        payload: Bytes::from_static(payload),
        fate: PacketFate::Due(at),
    };
    let ordinal = trace.events.len();
    let (sender, receiver) = (Name::from("upstream"), Name::from("relay"));
    trace.events.push(Event { at, actor: sender, fact: Fact::Packet(packet) });
    trace.events.push(Event { at, actor: receiver, fact: Fact::Arrived { packet: ordinal } });
}

#[test]
fn a_segment_counts_once_and_in_its_place_even_where_numbers_wrap() {
    let mut trace = Trace::default();
    segment(&mut trace, 0, u32::MAX - 2, b"", true);
    // What comes before its turn the receiver drops (RFC 9293 3.10.7.4 lets it).
    segment(&mut trace, 0, 1, b"xyz", false);
    segment(&mut trace, 1, u32::MAX - 1, b"abc", false);
    segment(&mut trace, 2, u32::MAX - 1, b"abc", false);
    segment(&mut trace, 3, 5, b"xyz", false);
    segment(&mut trace, 4, 0, b"cdef", false);
    let connections = Connections::of(&trace);
    let tcp = &connections.open[&Connection(7)];
    assert_eq!((&*tcp.opener.host, &*tcp.acceptor.host), ("relay", "upstream"));
    let times: Vec<Option<u128>> =
        (0..7).map(|at| tcp.down.arrived.when(at).map(|at| at.at.as_millis())).collect();
    let expected = [Some(1), Some(1), Some(1), Some(4), Some(4), Some(4), None];
    assert_eq!(times, expected);
}

#[test]
fn the_next_host_that_goes_first_is_not_this_hosts_doing() {
    let outside = |facts: &[(&str, SocketFact)]| {
        let mut story = Story::streaming();
        for (actor, fact) in facts {
            story.socket(1, actor, "reader", 0, fact.clone());
        }
        story.closes(2, "reader", BodyEnd::Truncated);
        let run = Run::of(&story.trace, &story.plan);
        run.ended_from_outside(0, &run.exchanges[0])
    };
    let error = std::io::ErrorKind::ConnectionReset;
    let failed = ("relay", SocketFact::Failed { error });
    let dropped = ("relay", SocketFact::Dropped);
    assert!(outside(&[failed.clone(), dropped.clone()]));
    assert!(!outside(&[dropped, failed]));
    assert!(!outside(&[]));
}

#[test]
fn what_the_world_asks_serves_no_client() {
    let mut story = Story::streaming();
    let of_client = Run::of(&story.trace, &story.plan).turns.len();
    // The relay's metrics, scraped as the run ends: the client's own, asked again by the world.
    let world = Name::from(crate::trace::WORLD);
    for mut event in story.trace.events.clone() {
        let Fact::Socket(Connection(0), mut fact) = event.fact else { continue };
        if let SocketFact::Accepted { from, .. } = &mut fact {
            *from = world.clone();
        }
        if *event.actor == *"reader" {
            event.actor = world.clone();
        }
        event.fact = Fact::Socket(Connection(9), fact);
        story.trace.events.push(event);
    }
    assert_eq!(Run::of(&story.trace, &story.plan).turns.len(), of_client);
}
