//! Lets the mock answer requests in paused time, and gathers what it did.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mock_openai::{
    Mock,
    journal::{Entry, Event},
    script::{End, Script},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Choice, Ending, LeftOut, Write,
    pipe::{Pipe, Pipes, Recording},
};
use crate::plan::EPOCH;

/// A request, and when it is made.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) at: Duration,
    /// Requests without a `user` are told apart by it.
    pub(super) address: u32,
    /// As it goes over the wire.
    pub(super) bytes: Vec<u8>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Played {
    pub(super) choice: Choice,
    pub(super) writes: Vec<Write>,
    pub(super) left_out: Option<LeftOut>,
    pub(super) ending: Ending,
    pub(super) ended_at: Duration,
}

/// What the journal says of a connection.
#[derive(Debug, Default)]
struct Told {
    choice: Option<Choice>,
    /// How the answer ended, and when.
    ended: Option<(End, Instant)>,
}

/// Makes the requests, each on a connection of its own, in the order of their times, and gives what
/// was seen at the limit.
pub(super) fn play(script: &Script, seed: u64, limit: Duration, asked: &[Asked]) -> Vec<Played> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets asks nothing of the system");
    runtime.block_on(all(script, seed, limit, asked))
}

async fn all(script: &Script, seed: u64, limit: Duration, asked: &[Asked]) -> Vec<Played> {
    let told = Arc::new(Mutex::new(BTreeMap::<u64, Told>::new()));
    let hears = Arc::clone(&told);
    let journal = Arc::new(move |entry: Entry| {
        hear(&mut hears.lock().unwrap_or_else(PoisonError::into_inner), entry);
    });
    let mock = Mock { script: script.clone(), seed, epoch: EPOCH, journal };
    let (connect, connections) = mpsc::unbounded_channel();
    let began = Instant::now();
    let serving = tokio::spawn(mock_openai::serve(Pipes(connections), mock));

    let mut recordings = vec![None; asked.len()];
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|index| asked[*index].at);
    for index in &order {
        let one = &asked[*index];
        sleep_until(began + one.at).await;
        let (pipe, recording) = Pipe::new(one.bytes.clone());
        let address = IpAddr::V4(Ipv4Addr::from_bits(one.address));
        if connect.send((pipe, SocketAddr::new(address, 50_000))).is_err() {
            break;
        }
        recordings[*index] = Some((recording, Instant::now()));
        // Requests of one instant are read in this order.
        tokio::task::yield_now().await;
    }
    let over = began + limit;
    sleep_until(over).await;
    let mut told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    let mut played = vec![None; asked.len()];
    for (connection, index) in (0_u64..).zip(order) {
        let Some((recording, began)) = &recordings[index] else { continue };
        let recording = recording.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let told = told.remove(&connection).unwrap_or_default();
        played[index] = Some(sum_up(recording, told, *began, over));
    }
    serving.abort();
    played.into_iter().flatten().collect()
}

fn hear(told: &mut BTreeMap<u64, Told>, entry: Entry) {
    let of = told.entry(entry.connection).or_default();
    match entry.event {
        Event::Matched { rule } => of.choice = Some(Choice::Answers(rule)),
        Event::Limited { rule } => of.choice = Some(Choice::Limited(rule)),
        Event::Unmatched { nearest } => of.choice = Some(Choice::Unmatched(nearest)),
        Event::Unauthorized { .. } => {
            of.choice = Some(Choice::Refused("it brings none of the keys".to_owned()));
        }
        Event::BadRequest { why } => of.choice = Some(Choice::Refused(why)),
        Event::Ended { how } => of.ended = Some((how, Instant::now())),
        Event::Accepted { .. }
        | Event::Request { .. }
        | Event::NotAccepted { .. }
        | Event::Head { .. }
        | Event::Wrote { .. }
        | Event::Marked { .. }
        | Event::PeerGone { .. }
        | Event::Closed => {}
    }
}

fn sum_up(recording: Recording, told: Told, began: Instant, over: Instant) -> Played {
    let limit = over.saturating_duration_since(began);
    let Recording { fin, rst, dropped, .. } = recording;
    let ended = told.ended.map(|(how, at)| (how, at.saturating_duration_since(began)));
    let (ending, ended_at) = match (rst, fin, dropped, ended) {
        (Some(at), ..) => (Ending::Rst, at),
        (None, Some(at), Some(_), _) | (None, None, Some(at), _) => (Ending::Fin, at),
        (None, Some(at), None, _) => (Ending::HalfClosed, at),
        (None, None, None, Some((End::Hold, at))) => (Ending::Held, at),
        (None, None, None, Some((_, at))) => (Ending::Kept, at),
        (None, None, None, None) => (Ending::StillAtLimit, limit),
    };
    let left_out = (recording.left_out != LeftOut::default()).then_some(recording.left_out);
    let not_read = || Choice::Refused("it was not read to its end".to_owned());
    Played {
        choice: told.choice.unwrap_or_else(not_read),
        writes: recording.writes,
        left_out,
        ending,
        ended_at,
    }
}
