//! How a response ended, in the words of the scenario language.

use crate::{
    exchange::{Exchange, Moment, Run},
    scenario::{EndsAs, EndsHow},
    trace::{BodyEnd, Name, first_end},
    verdict::{Breach, Verdict},
};

/// How a response ended as its client saw it; `None` while it is still open.
///
/// The first that fits: the client left; an error event came; broken framing, or no head at all; a
/// status of 400 or more; a stream's end without its terminator; a clean end.
pub fn ending(exchange: &Exchange) -> Option<EndsHow> {
    let frames = exchange.frames();
    let error = frames.iter().any(|(_, frame)| frame.error().is_some());
    let complete = exchange.family().is_complete(&frames);
    let Some((_, how)) = exchange.ended else {
        return exchange.left.map(|_| EndsHow::Left);
    };
    Some(if error {
        EndsHow::ErrorEvent
    } else if how != BodyEnd::Complete || exchange.head.is_none() {
        EndsHow::Broken
    } else if exchange.status().is_some_and(|status| status >= 400) {
        EndsHow::Status
    } else if exchange.is_stream() && !complete {
        EndsHow::NoTerminator
    } else {
        EndsHow::Clean
    })
}

/// Judges how a client's last response ended, and who closed first where that is asked.
pub(super) fn judge(
    run: &Run<'_>,
    index: usize,
    exchange: &Exchange,
    expected: &EndsAs,
) -> Verdict {
    let how = ending(exchange);
    let closed = expected.first_closed_by.as_deref().map(|host| Closed {
        wanted: host,
        right: own_host(run, exchange, host),
        first: first_closed(run, index, exchange),
    });
    let right_way = how.is_some_and(|how| expected.how.contains(&how));
    if right_way && closed.as_ref().is_none_or(Closed::holds) {
        return Verdict::Held;
    }
    let mut got = format!("{}: {}", how.map_or("still open", word), exchange.ending());
    let mut at = exchange.last_seen();
    let mut wanted: Vec<String> = expected.how.iter().map(|how| word(*how).to_owned()).collect();
    if let Some(closed) = closed {
        let by = closed.first.as_ref().map_or("nobody", |(_, host)| host);
        got = format!("{got}, first closed by {by}");
        for way in &mut wanted {
            *way = format!("{way}, first closed by {}", closed.wanted);
        }
        if let (true, Some((moment, _))) = (right_way, closed.first) {
            at = moment;
        }
    }
    let mut breach = Breach::new(at, &run.relay, "", got);
    breach.wanted = wanted;
    Verdict::Broke(breach.concerning(&exchange.client))
}

/// Who was to close first, and who did.
struct Closed<'a> {
    wanted: &'a str,
    right: Name,
    first: Option<(Moment, Name)>,
}

impl Closed<'_> {
    fn holds(&self) -> bool {
        self.first.as_ref().is_some_and(|(_, host)| *host == self.right)
    }
}

/// The host that a name means: `client` is the client's own.
fn own_host(run: &Run<'_>, exchange: &Exchange, name: &str) -> Name {
    let own = run.plan.clients.iter().find(|client| *client.name == *exchange.client);
    match own {
        Some(client) if name == "client" || name == client.name => client.from.as_str().into(),
        _ => name.into(),
    }
}

/// The first FIN or RST on the connections that carried an exchange: the client's own, and each
/// that a host on the way opened for it. A link that resets a connection stands for both its ends.
fn first_closed(run: &Run<'_>, index: usize, exchange: &Exchange) -> Option<(Moment, Name)> {
    let passages = run.passages(index);
    let above = passages.iter().filter_map(|passage| passage.above).map(|turn| turn.connection);
    let ends = above.chain([exchange.connection]).filter_map(|one| first_end(run.trace, one));
    let (ordinal, _) = ends.min_by_key(|(ordinal, _)| *ordinal)?;
    let event = run.trace.events.get(ordinal)?;
    Some((Moment { at: event.at, ordinal }, event.actor.clone()))
}

/// An ending as the language spells it.
fn word(how: EndsHow) -> &'static str {
    match how {
        EndsHow::Clean => "clean",
        EndsHow::NoTerminator => "no_terminator",
        EndsHow::ErrorEvent => "error_event",
        EndsHow::Broken => "broken",
        EndsHow::Status => "status",
        EndsHow::Left => "left",
    }
}
