//! The hosts from the clients to the provider.

use mock_openai::{
    quantity::Time,
    yaml::{Diagnostic, Place},
};

use super::{NAME, RESERVED, is_name};
use crate::scenario::{Middlebox, PathStep, Scenario};

pub(super) fn check(scenario: &Scenario, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    check_order(&scenario.path, place, wrong);
    for (index, step) in scenario.path.iter().enumerate() {
        let here = place.nth(index);
        let name = step.host_name();
        if scenario.path[..index].iter().any(|before| before.host_name() == name) {
            let duplicate = here.wrong(format!("`{name}` stands twice on the path"));
            wrong.push(match step {
                PathStep::Middlebox(_) => duplicate.help("give one of them a `name`"),
                PathStep::Client | PathStep::Relay | PathStep::Upstream => duplicate,
            });
        }
        let PathStep::Middlebox(middlebox) = step else { continue };
        let balances = matches!(middlebox, Middlebox::LoadBalancer(_));
        if balances && scenario.path.get(index + 1) != Some(&PathStep::Relay) {
            let message = "a load balancer stands right before the relays that it asks";
            let help = "write it right before `relay`";
            wrong.push(here.key(middlebox.kind()).at_key().wrong(message).help(help));
        }
        let here = here.key(middlebox.kind());
        if RESERVED.contains(&name) {
            let message = format!("`{name}` is no name for a middlebox: it means something else");
            wrong.push(here.key("name").wrong(message));
        } else if !is_name(name) {
            wrong.push(here.key("name").wrong(format!("`{name}` is no name")).wanted(NAME));
        }
        settings(middlebox, here, wrong);
    }
}

/// Settings with which a middlebox would do nothing, or everything at once.
fn settings(middlebox: &Middlebox, here: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    match middlebox {
        Middlebox::BufferingProxy(proxy) => {
            if proxy.buffers == 0 {
                let help = "for a proxy that does not buffer write `buffering: false`";
                wrong.push(here.key("buffers").wrong("no buffer holds nothing").help(help));
            }
            if proxy.buffer.0 == 0 {
                wrong.push(here.key("buffer").wrong("a buffer of no bytes holds nothing"));
            }
        }
        Middlebox::Haproxy(proxy) => no_time(proxy.timeout, here.key("timeout"), wrong),
        Middlebox::IdleCutter(cutter) => no_time(cutter.after, here.key("after"), wrong),
        Middlebox::Deadline(deadline) => no_time(Some(deadline.after), here.key("after"), wrong),
        Middlebox::ReChunker(re_chunker) => {
            no_time(re_chunker.window, here.key("window"), wrong);
            if re_chunker.every == Some(0) {
                wrong.push(here.key("every").wrong("a piece of no bytes passes nothing"));
            }
            if re_chunker.every.is_none() && re_chunker.window.is_none() {
                let help = "write `every: 1` to cut, or `window: 40ms` to merge";
                wrong.push(here.at_key().wrong("it neither cuts nor merges").help(help));
            }
        }
        Middlebox::ConnectionLimit(limit) => {
            if limit.per_address == 0 {
                let help = "a hop that refuses everything is a provider that does: see `upstream`";
                wrong.push(here.key("per_address").wrong("nobody would pass").help(help));
            }
            if limit.status.is_some_and(|status| !(400..600).contains(&status)) {
                let refusal = here.key("status").wrong("a refusal is a status from 400 to 599");
                wrong.push(refusal.help("leave it out for 503, or write `status: 429`"));
            }
        }
        Middlebox::HeaderStripper(stripper) => stripped(&stripper.headers, here, wrong),
        Middlebox::Http10Downgrade(_) | Middlebox::Compressor(_) | Middlebox::LoadBalancer(_) => {}
    }
}

/// Fields without which a message cannot be read, or reaches nobody.
const CANNOT_BE_TAKEN: [&str; 4] = ["connection", "content-length", "host", "transfer-encoding"];

fn stripped(headers: &[String], here: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if headers.is_empty() {
        let help = "name one, such as `x-accel-buffering`, or leave the box out";
        wrong.push(here.key("headers").wrong("it takes nothing away").help(help));
    }
    for (index, name) in headers.iter().enumerate() {
        let here = here.key("headers").nth(index);
        let lower = name.to_ascii_lowercase();
        if CANNOT_BE_TAKEN.contains(&lower.as_str()) {
            let message = format!("without `{lower}` a message cannot be read, or reaches nobody");
            wrong.push(here.wrong(message).help("take it out of the list"));
        } else if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            let message = format!("`{name}` is no name of a header");
            wrong.push(
                here.wrong(message).wanted("letters, digits and hyphens, as in `retry-after`"),
            );
        }
    }
}

fn no_time(time: Option<Time>, here: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if time.is_some_and(|time| time.0.is_zero()) {
        let message = "no time at all: nothing would pass";
        wrong.push(here.wrong(message).help("write a time such as `30s`"));
    }
}

fn check_order(path: &[PathStep], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    const HELP: &str = "write `path: [client, relay, upstream]`, middleboxes in between";
    for needed in [PathStep::Client, PathStep::Relay, PathStep::Upstream] {
        if !path.contains(&needed) {
            let message = format!("the path has no `{}`", needed.host_name());
            wrong.push(place.at_key().wrong(message).help(HELP));
        }
    }
    let at = |needed: &PathStep| path.iter().position(|step| step == needed);
    if at(&PathStep::Client).is_some_and(|index| index > 0) {
        wrong.push(place.nth(0).wrong("something stands before `client`").help(HELP));
    }
    if let Some(index) = at(&PathStep::Upstream)
        && index + 1 < path.len()
    {
        wrong.push(place.nth(index + 1).wrong("something stands behind `upstream`").help(HELP));
    }
}
