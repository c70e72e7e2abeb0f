//! Each fact that a trace can hold is in the trace of some scenario: what clients, sockets, boxes, the
//! provider and the world can do and meet.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Write},
};

use harness::trace::{ClientFact, Fact, ProviderEvent, WorldFact};

use super::{Excuses, all_are_met, catalogue::seen, source::variants};

const TRACE: &str = "harness/src/trace/mod.rs";
const CLIENT: &str = "harness/src/trace/client.rs";
const BOXES: &str = "harness/src/trace/boxes.rs";
const JOURNAL: &str = "mock-openai/src/journal/mod.rs";

/// Where each kind of fact is declared.
const DECLARED: &[(&str, &str)] = &[
    (TRACE, "Fact"),
    (TRACE, "Fate"),
    (TRACE, "SocketFact"),
    (CLIENT, "BodyEnd"),
    (CLIENT, "ClientFact"),
    (CLIENT, "Sight"),
    (TRACE, "Exit"),
    (TRACE, "WorldFact"),
    (BOXES, "MiddleboxFact"),
    (JOURNAL, "Event"),
    (JOURNAL, "PeerEnd"),
];

/// What a good run of a good relay does not come to.
const NEVER: Excuses = &[
    ("WorldFact::Panicked", FAILS),
    ("WorldFact::Spins", FAILS),
    ("WorldFact::LimitReached", FAILS),
    ("WorldFact::TraceFull", FAILS),
    ("Event::Unmatched", FAILS),
    ("WorldFact::NotSettled", "the turmoil crate's engine tells it"),
    ("Fact::Logged", "these tests hear the log themselves, and it is recorded for others alone"),
    ("Event::BadRequest", "a relay that sends such is broken: mock-openai/tests/suite/requests.rs"),
    ("ClientFact::Trailers", "the reference relay drops them: harness/src/client/tests.rs"),
    ("BodyEnd::TurnedAway", "each client has a connection of its own, and no stream is left out"),
];

const FAILS: &str = "a scenario that comes to it fails";

#[test]
fn each_fact_is_in_the_trace_of_some_scenario() -> Result<(), String> {
    let all: Vec<String> = DECLARED.iter().flat_map(|(path, name)| variants(path, name)).collect();
    let all = all.iter().map(String::as_str);
    all_are_met("fact", all, |name| seen().facts.contains(name), NEVER)
}

/// The kinds of a fact, and of what it holds.
pub(crate) fn kinds(fact: &Fact, into: &mut BTreeSet<String>) {
    let mut add = |name, of: &dyn Debug| {
        let kind = kind(name, of);
        if !into.contains(&kind) {
            into.insert(kind);
        }
    };
    add("Fact", fact);
    match fact {
        Fact::Packet(packet) => add("Fate", &packet.fate),
        Fact::Socket(_, fact) => add("SocketFact", fact),
        Fact::Middlebox(_, fact) => add("MiddleboxFact", fact),
        Fact::Client(fact) => {
            add("ClientFact", fact);
            if let ClientFact::Ended { how, .. } = fact {
                add("BodyEnd", how);
            }
            if let ClientFact::Saw(sight) = fact {
                add("Sight", sight);
            }
        }
        Fact::Provider(entry) => {
            add("Event", &entry.event);
            if let ProviderEvent::PeerGone { how, .. } = &entry.event {
                add("PeerEnd", how);
            }
        }
        Fact::World(fact) => {
            add("WorldFact", fact);
            if let WorldFact::Exited { because } = fact {
                add("Exit", because);
            }
        }
        Fact::Arrived { .. } | Fact::Logged { .. } => {}
    }
}

/// The variant alone, by the text for programmers, whose first word it is.
fn kind(name: &str, of: &dyn Debug) -> String {
    let mut text = FirstWord(format!("{name}::"));
    // It stops at the end of the word, which is no failure.
    let _stopped = write!(text, "{of:?}");
    text.0
}

struct FirstWord(String);

impl Write for FirstWord {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        self.0.push_str(word);
        if word.len() == text.len() { Ok(()) } else { Err(std::fmt::Error) }
    }
}
