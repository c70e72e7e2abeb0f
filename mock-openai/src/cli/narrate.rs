//! One line on stderr for each thing that one wants to see while one tries things out.

use std::io;

use mock_openai::journal::{Entry, Event};

use super::say;

/// Tells an entry, unless it is one of many.
pub(super) fn narrate(entry: &Entry) {
    let Entry { connection, request, event } = entry;
    let Some(what) = words(event) else { return };
    let request = request.map_or_else(String::new, |number| format!(" request {number}"));
    say(&mut io::stderr(), &format!("connection {connection}{request}: {what}"));
}

fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::Request { method, target, body, .. } => {
            format!("{method} {target}, {} bytes", body.len())
        }
        Event::BadRequest { why } => format!("bad request: {why}"),
        Event::Matched { rule } => format!("rule {rule} answers"),
        Event::Unmatched { nearest } => format!("no rule matches; {nearest}"),
        Event::Limited { rule } => format!("over the quota of rule {rule}"),
        Event::Unauthorized { .. } => "it brings no valid key".to_owned(),
        Event::Head { status } => format!("answered {status}"),
        Event::NotAccepted { bytes } => format!("{bytes} bytes were not taken"),
        Event::Marked { name } => format!("mark {name}"),
        Event::Ended { how } => format!("ended: {how:?}"),
        Event::PeerGone { how, during_answer: true } => format!("peer left early: {how:?}"),
        Event::PeerGone { .. } | Event::Accepted { .. } | Event::Wrote { .. } | Event::Closed => {
            return None;
        }
    })
}
