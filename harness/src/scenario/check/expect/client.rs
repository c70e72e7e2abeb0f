//! What is expected of a client.

use mock_openai::{
    script::is_header_name,
    yaml::{Diagnostic, Place},
};

use super::{super::Names, bound, ending, frames};
use crate::profile;
use crate::scenario::{Does, Expect, Kind, Scenario, client_names};

/// The keys that speak of a client, in the order of the language.
pub(super) const KEYS: &[&str] = &[
    "status",
    "headers",
    "frames",
    "first_frame",
    "longest_gap",
    "ends",
    "sees",
    "script_reads",
    "attempts",
];

pub(super) fn check(
    scenario: &Scenario,
    names: &Names,
    expect: &Expect,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let name = expect.client.as_deref().unwrap_or_default();
    let mut known = names.group_words().chain(names.clients.iter().map(String::as_str));
    if !known.any(|known| known == name) {
        let message = format!("unknown client `{name}`");
        wrong.push(place.key("client").wrong(message).known(name, names.group_words()));
        return;
    }
    if expect.status.is_some_and(|status| !(100..=599).contains(&status)) {
        let wanted = "wanted: 100 to 599";
        wrong.push(place.key("status").wrong("this is no status").wanted(wanted));
    }
    for name in expect.headers.keys().filter(|name| !is_header_name(name)) {
        let message = format!("`{name}` cannot be the name of a header");
        wrong.push(place.key("headers").key(name).at_key().wrong(message));
    }
    if let Some(ends) = &expect.ends {
        ending::check(scenario, names, ends, place.key("ends"), wrong);
    }
    bound::check(expect.first_frame, place.key("first_frame"), wrong);
    bound::check(expect.longest_gap, place.key("longest_gap"), wrong);
    bound::check(expect.attempts, place.key("attempts"), wrong);
    let group = scenario
        .clients
        .iter()
        .find(|client| client.name == name || client_names(client).any(|one| one == name));
    let Some(client) = group else { return };
    if expect.script_reads.is_some() && client.kind != Kind::Browser {
        let message = "only a browser has a script that reads";
        let help = format!("give `{name}` the kind `as: browser`");
        wrong.push(place.key("script_reads").at_key().wrong(message).help(help));
    }
    let sdk = if let Kind::Sdk(sdk) = client.kind { profile::find(sdk.name()) } else { None };
    if expect.sees.is_some() && sdk.is_none() {
        let message = "only a client that is an SDK tells what its application sees";
        let help = format!("give `{name}` the kind `as: {{ sdk: openai-python-3 }}`");
        wrong.push(place.key("sees").at_key().wrong(message).help(help));
    }
    let own = sdk.map(|profile| u64::from(profile.retries.max) + 1);
    let tries = client.retries.as_ref().map_or(1, |retries| retries.max.saturating_add(1));
    let returns = client.does.iter().filter(|step| matches!(step, Does::Reconnect(_))).count();
    let tries = own.unwrap_or_else(|| tries.saturating_mul(returns as u64 + 1));
    if let Some(least) = expect.attempts.and_then(|bound| bound.at_least)
        && least > tries
        && client.kind != Kind::Eventsource
    {
        let message = format!("`{name}` asks at most {tries} times");
        wrong.push(
            place
                .key("attempts")
                .wrong(message)
                .help("give it more `retries`, or let it `reconnect`"),
        );
    }
    if let Some(expected) = &expect.frames {
        frames::check(scenario, client, expected, place.key("frames"), wrong);
    }
}
