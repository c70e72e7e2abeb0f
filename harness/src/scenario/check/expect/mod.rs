//! What is expected beyond the rules: that each entry speaks of one thing, and can hold.

mod any_of;
mod bound;
mod client;
mod ending;
mod frames;
mod relay;
mod upstream;

use mock_openai::yaml::{Diagnostic, Place};

use super::{Names, head};
use crate::scenario::{Expect, Scenario};

pub(super) fn check(
    scenario: &Scenario,
    names: &Names,
    rules: &[&str],
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    for (index, expect) in scenario.expect.iter().enumerate() {
        let here = place.nth(index);
        check_entry(scenario, names, expect, here, wrong);
        if let Some(rule) = &expect.excused {
            head::check_rule(rule, rules, here.key("excused"), wrong);
        }
        any_of::check(scenario, names, expect, here, wrong);
    }
}

/// An entry of the list, or one outcome of an `any_of`.
fn check_entry(
    scenario: &Scenario,
    names: &Names,
    expect: &Expect,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    check_subject(expect, place, wrong);
    if expect.client.is_some() {
        client::check(scenario, names, expect, place, wrong);
    }
    if let Some(upstream) = &expect.upstream {
        upstream::check(upstream, place.key("upstream"), wrong);
    }
    if let Some(relay) = &expect.relay {
        relay::check(scenario, relay, place.key("relay"), wrong);
    }
}

/// One thing that it speaks of, and something that is said of it.
fn check_subject(expect: &Expect, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let subjects: Vec<&str> = ["client", "upstream", "relay", "excused", "any_of"]
        .into_iter()
        .filter(|subject| place.key(subject).exists())
        .collect();
    let of_client = client::KEYS.iter().find(|key| place.key(key).exists());
    match (subjects.as_slice(), of_client) {
        ([], Some(key)) => {
            let message = format!("`{key}` speaks of no client");
            let help = "say of which: `client: reader`";
            wrong.push(place.key(key).at_key().wrong(message).help(help));
        }
        ([], None) => wrong.push(
            place
                .wrong("the expectation is about nothing")
                .wanted("wanted: one of `client`, `upstream`, `relay`, `excused`, `any_of`"),
        ),
        (["client"], None) => {
            let message = "nothing is expected of the client";
            let help = "say what, such as `frames: as_sent` or `ends: clean`";
            wrong.push(place.key("client").at_key().wrong(message).help(help));
        }
        (["client"], Some(_)) | ([_], None) => {}
        ([subject], Some(key)) => {
            let message = format!("`{key}` speaks of a client, and this is about `{subject}`");
            let help = "make it an expectation of its own, with `client: ...`";
            wrong.push(place.key(key).at_key().wrong(message).help(help));
        }
        ([first, second, ..], _) => {
            let message = format!("`{first}` and `{second}` stand in one expectation");
            let help = "make each an expectation of its own";
            wrong.push(place.key(second).at_key().wrong(message).help(help));
        }
    }
    let says_why = expect.because.as_ref().is_some_and(|why| !why.trim().is_empty());
    match (&expect.excused, &expect.because) {
        (Some(_), _) if !says_why => {
            let message = "an excuse needs its reason";
            let help = "write `because: ...`: the report prints it";
            wrong.push(place.key("excused").at_key().wrong(message).help(help));
        }
        (None, Some(_)) => {
            let message = "`because` excuses no rule";
            let help = "say which: `excused: prompt-frames`";
            wrong.push(place.key("because").at_key().wrong(message).help(help));
        }
        (Some(_), _) | (None, None) => {}
    }
}
