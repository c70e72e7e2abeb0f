//! What is expected of a client: status, headers, frames, times, ending.

use std::time::Duration;

use mock_openai::quantity::Time;

use super::{
    Labelled,
    bound::{holds, words},
    ending, frames,
};
use crate::{
    exchange::{Exchange, Moment, Run},
    profile::{self, Outcome},
    scenario::{Bound, Expect},
    trace::{ClientFact, Fact, Name, Sight},
    verdict::{Breach, Verdict},
};

/// Judges every key that speaks of a client, for each client of that name or group.
pub(super) fn judge(run: &Run<'_>, name: &str, expect: &Expect) -> Vec<Labelled> {
    let named: Vec<Name> = run
        .plan
        .clients
        .iter()
        .filter(|client| client.name == name || client.group == name)
        .map(|client| Name::from(client.name.as_str()))
        .collect();
    if named.is_empty() {
        let wanted = format!("a client or a group named `{name}`");
        let breach = Breach::new(Moment::last(run.trace), &run.relay, wanted, "none".to_owned());
        return vec![(name.to_owned(), Verdict::Broke(breach))];
    }
    named.iter().flat_map(|client| judge_one(run, client, expect)).collect()
}

fn judge_one(run: &Run<'_>, client: &Name, expect: &Expect) -> Vec<Labelled> {
    let mut found: Vec<Labelled> = Vec::new();
    let mut say = |key: &str, verdict| found.push((format!("{client}: {key}"), verdict));
    let of_client = || run.exchanges.iter().enumerate().filter(|(_, e)| e.client == *client);
    let mut asked = of_client().filter(|(_, exchange)| !exchange.is_preflight());
    let count = asked.clone().count() as u64;
    if let Some(bound) = &expect.attempts {
        let at = of_client().next_back().map_or_else(|| Moment::last(run.trace), |(_, e)| e.sent);
        let (wanted, got) = (words(bound), count);
        say("attempts", check(run, client, at, holds(bound, &got), wanted, got.to_string()));
    }
    if let Some(sees) = expect.sees {
        let got = profile::seen_by(run, client);
        let at =
            of_client().next_back().map_or_else(|| Moment::last(run.trace), |(_, e)| e.last_seen());
        say(
            "sees",
            check(
                run,
                client,
                at,
                got == Some(sees),
                sees.name().to_owned(),
                got.map_or("an answer that it left", Outcome::name).to_owned(),
            ),
        );
    }
    if let Some(may) = expect.script_reads {
        say("script_reads", script_reads(run, client, may));
    }
    let Some((index, last)) = asked.next_back() else {
        let at = Moment::last(run.trace);
        let got = || "the client sent no request".to_owned();
        let none = |key: &str| check(run, client, at, false, format!("{key} as expected"), got());
        for key in keys(expect) {
            say(key, none(key));
        }
        return found;
    };
    if let Some(status) = expect.status {
        let at = last.answered_at();
        let got = last.status().map_or_else(|| "no response".to_owned(), |got| got.to_string());
        say(
            "status",
            check(run, client, at, last.status() == Some(status), status.to_string(), got),
        );
    }
    for (name, value) in &expect.headers {
        say(&format!("header {name}"), header(run, last, name, value));
    }
    if let Some(expected) = &expect.frames {
        say("frames", frames::judge(run, index, last, expected));
    }
    if let Some(bound) = &expect.first_frame {
        say("first_frame", first_frame(run, last, bound));
    }
    if let Some(bound) = &expect.longest_gap {
        say("longest_gap", longest_gap(run, last, bound));
    }
    if let Some(expected) = &expect.ends {
        say("ends", ending::judge(run, index, last, expected));
    }
    found
}

/// The keys that need a response.
fn keys(expect: &Expect) -> Vec<&'static str> {
    let given = [
        (expect.status.is_some(), "status"),
        (!expect.headers.is_empty(), "headers"),
        (expect.frames.is_some(), "frames"),
        (expect.first_frame.is_some(), "first_frame"),
        (expect.longest_gap.is_some(), "longest_gap"),
        (expect.ends.is_some(), "ends"),
    ];
    given.into_iter().filter_map(|(given, key)| given.then_some(key)).collect()
}

fn check(
    run: &Run<'_>,
    client: &Name,
    at: Moment,
    holds: bool,
    wanted: String,
    got: String,
) -> Verdict {
    if holds {
        return Verdict::Held;
    }
    Verdict::Broke(Breach::new(at, &run.relay, wanted, got).concerning(client))
}

/// A header: a value, a beginning followed by `*`, or `absent`.
fn header(run: &Run<'_>, exchange: &Exchange, name: &str, expected: &str) -> Verdict {
    let at = exchange.answered_at();
    let got = exchange.header(name);
    let right = match (expected, got) {
        ("absent", got) => got.is_none() && exchange.head.is_some(),
        (_, None) => false,
        (expected, Some(got)) => match expected.strip_suffix('*') {
            Some(beginning) => got.starts_with(beginning),
            None => got == expected,
        },
    };
    let got = got.map_or_else(|| "absent".to_owned(), |got| format!("`{got}`"));
    check(run, &exchange.client, at, right, format!("`{expected}`"), got)
}

/// When each whole frame was there.
fn frame_moments(exchange: &Exchange) -> Vec<Moment> {
    let frames = exchange.frames();
    let whole = frames.iter().filter(|(_, frame)| !frame.is_blank());
    whole.map(|(range, _)| exchange.had(range.end)).collect()
}

fn first_frame(run: &Run<'_>, exchange: &Exchange, bound: &Bound<Time>) -> Verdict {
    let Some(first) = frame_moments(exchange).first().copied() else {
        let at = exchange.last_seen();
        return check(run, &exchange.client, at, false, words(bound), "no frame".to_owned());
    };
    let took = Time(first.at.saturating_sub(exchange.sent.at));
    check(run, &exchange.client, first, holds(bound, &took), words(bound), took.to_string())
}

fn longest_gap(run: &Run<'_>, exchange: &Exchange, bound: &Bound<Time>) -> Verdict {
    let moments = frame_moments(exchange);
    let gaps = moments.windows(2).map(|pair| (pair[1].at.saturating_sub(pair[0].at), pair[1]));
    // Of equal gaps the first: that is the event to look at.
    let (gap, at) = gaps.fold((Duration::ZERO, exchange.last_seen()), |longest, gap| {
        if gap.0 > longest.0 { gap } else { longest }
    });
    let gap = Time(gap);
    check(run, &exchange.client, at, holds(bound, &gap), words(bound), gap.to_string())
}

fn script_reads(run: &Run<'_>, client: &Name, may: bool) -> Verdict {
    let mut sights = run.trace.events.iter().enumerate().filter_map(|(ordinal, event)| {
        let at = Moment { at: event.at, ordinal };
        let Fact::Client(ClientFact::Saw(sight)) = &event.fact else { return None };
        match sight {
            _ if event.actor != *client => None,
            Sight::Response { .. } => Some((at, true, "script may read it".to_owned())),
            Sight::Blocked { why } => Some((at, false, format!("script may not read it: {why}"))),
            Sight::Open
            | Sight::Event { .. }
            | Sight::Error { .. }
            | Sight::End
            | Sight::Answer { .. }
            | Sight::Text { .. } => None,
        }
    });
    let none = || (Moment::last(run.trace), false, "script saw no response".to_owned());
    let (at, can, got) = sights.next_back().unwrap_or_else(none);
    let wanted = if may { "script may read it" } else { "script may not read it" };
    check(run, client, at, can == may, wanted.to_owned(), got)
}
