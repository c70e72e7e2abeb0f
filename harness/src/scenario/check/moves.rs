//! Whether a client can do what it is told, in that order.

use mock_openai::{
    quantity::Time,
    script::{Script, is_header_value},
    yaml::{Diagnostic, Place},
};

use super::{clients::check_point, marks};
use crate::scenario::{
    Client, ClientWait, Does, Kind, LastEventId, Leave, ReadPoint, Reads, Reconnect,
};

pub(super) fn check(
    client: &Client,
    script: &Script,
    frames: Option<u64>,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    // The points of an EventSource count over all of its connections.
    let frames = frames.filter(|_| client.kind != Kind::Eventsource);
    if let Reads::Pause(pause) = client.reads {
        let here = place.key("reads").key("pause");
        check_point(pause.after, frames, here.key("after"), wrong);
        if pause.lasts == Time::default() {
            wrong.push(here.key("for").wrong("a pause of no time is none"));
        }
    }
    let does = place.key("does");
    let mut left = None;
    let mut last: Option<ReadPoint> = None;
    for (index, step) in client.does.iter().enumerate() {
        let here = does.nth(index);
        if let Some(how) = left
            && !check_after_leaving(how, index, step, client, here, wrong)
        {
            return;
        }
        match *step {
            Does::Leave(how) => left = Some(how),
            Does::Reconnect(ref how) => {
                check_reconnect(client, how, here.key("reconnect"), wrong);
                (left, last) = (None, None);
            }
            Does::Wait(ClientWait::For(_)) => {}
            Does::Wait(ClientWait::Mark(ref name)) => {
                let here = here.key("wait").key("until").key("mark");
                marks::check(script, name, here, wrong);
            }
            Does::Read(point) => {
                let here = here.key("read");
                if client.reads == Reads::None {
                    let message = "a client with `reads: none` never comes to this point";
                    wrong.push(here.at_key().wrong(message));
                }
                if last.is_some_and(|last| is_behind(point, last)) {
                    let message = "the client has read so far already";
                    let help = "points count from the first byte of the answer: each is further on";
                    wrong.push(here.wrong(message).help(help));
                }
                last = Some(point);
                check_point(point, frames, here, wrong);
            }
        }
    }
}

/// Whether what follows is worth a look: after `leave`, a client waits and comes back.
fn check_after_leaving(
    left: Leave,
    index: usize,
    step: &Does,
    client: &Client,
    here: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) -> bool {
    let comes_back = || client.does[index..].iter().any(|step| matches!(step, Does::Reconnect(_)));
    match (left, step) {
        (Leave::HalfClose, Does::Leave(Leave::HalfClose)) => {
            let message = "its sending side is shut already";
            wrong.push(here.wrong(message).help("keep the first `leave: half_close`"));
            true
        }
        (Leave::HalfClose, _) | (Leave::StreamReset, Does::Wait(_) | Does::Reconnect(_)) => true,
        (Leave::StreamReset, Does::Read(_) | Does::Leave(_)) => {
            let help = "`wait` keeps the connection open for so long";
            wrong.push(here.wrong("its stream is given up already").help(help));
            false
        }
        (Leave::Vanish, Does::Wait(_) | Does::Reconnect(_)) if comes_back() => {
            let message = "a host that has vanished is never heard again";
            wrong.push(here.wrong(message).help("write `leave: rst` for one that comes back"));
            false
        }
        (Leave::Fin | Leave::Rst, Does::Wait(_) | Does::Reconnect(_)) if comes_back() => true,
        (Leave::Fin | Leave::Rst | Leave::Vanish, _) => {
            let help = "`reconnect` comes back; `leave: half_close` shuts the sending side alone, and reads on";
            wrong.push(here.wrong("nothing can be done after `leave`").help(help));
            false
        }
    }
}

fn check_reconnect(
    client: &Client,
    how: &Reconnect,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    match client.kind {
        Kind::Raw => {}
        Kind::Eventsource => {
            let message = "an EventSource comes back by itself";
            wrong.push(place.at_key().wrong(message).help("leave it out"));
        }
        Kind::EventsourceStream | Kind::Browser | Kind::Sdk(_) => {
            let message = "only a raw client is told to come back";
            wrong.push(place.at_key().wrong(message).help("write `as: raw`"));
        }
    }
    if let LastEventId::Given(id) = &how.last_event_id
        && (id.is_empty() || !is_header_value(id))
    {
        let message = "this cannot stand in `Last-Event-ID`";
        let help = "`last_event_id: forgotten` leaves the header out";
        wrong.push(place.key("last_event_id").key("given").wrong(message).help(help));
    }
}

fn is_behind(point: ReadPoint, last: ReadPoint) -> bool {
    match (point, last) {
        (ReadPoint::Frames(point), ReadPoint::Frames(last)) => point <= last,
        (ReadPoint::Bytes(point), ReadPoint::Bytes(last)) => point <= last,
        (ReadPoint::Frames(_), ReadPoint::Bytes(_))
        | (ReadPoint::Bytes(_), ReadPoint::Frames(_)) => false,
    }
}
