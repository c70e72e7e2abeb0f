//! What a middlebox does, and its lines in a story: by which hop a client's stream was held or ended.
//!
//! Times are since the run began. What was held is told with what lets it go.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{Connection, Event, Fact, Name, SocketFact, Trace};
use crate::scenario::CutterEnd;

/// What a middlebox did with what passes through it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MiddleboxFact {
    /// It holds back bytes of a response.
    Held {
        /// How many it holds now.
        bytes: u64,
        /// Why: `buffer is not full`.
        because: &'static str,
    },
    /// It let go of what it held.
    Flushed {
        /// How many bytes.
        bytes: u64,
        /// Why: `buffer is full`, `end of the answer`.
        because: &'static str,
    },
    /// It does not buffer this response.
    PassedThrough {
        /// Why: `X-Accel-Buffering: no`.
        because: &'static str,
    },
    /// It ends a connection by itself, on both its sides.
    Ended {
        /// How.
        how: CutterEnd,
        /// Why: `no bytes for 60s`.
        because: String,
    },
    /// The answer that it passes on broke off.
    CutShort {
        /// How it came: `FIN inside the body`, `RST`.
        how: &'static str,
        /// Whether its client can tell.
        shows: bool,
    },
    /// It takes a header away.
    TookAway {
        /// As it came: `X-Accel-Buffering`.
        header: String,
        /// `request` or `answer`.
        from: &'static str,
    },
    /// It gives a connection to one of several hosts.
    Chose {
        /// Which.
        host: Name,
        /// Why that one: `its turn`, `relay is drained`.
        because: String,
    },
    /// It does not let a connection or a request pass.
    Refused {
        /// Why: `relay does not take it: ConnectionRefused`.
        because: String,
    },
}

/// A box of many clients repeats itself.
const LINES_MAX: usize = 40;

/// The lines of the box on a host; empty where it did nothing worth telling.
pub(super) fn told(trace: &Trace, host: &str) -> String {
    let peers = peers(trace, host);
    let mut held: BTreeMap<Connection, Duration> = BTreeMap::new();
    let mut lines = Vec::new();
    for event in trace.events.iter().filter(|event| *event.actor == *host) {
        let Fact::Middlebox(connection, fact) = &event.fact else { continue };
        let since = match fact {
            MiddleboxFact::Held { .. } => {
                held.entry(*connection).or_insert(event.at);
                None
            }
            MiddleboxFact::TookAway { .. } | MiddleboxFact::Chose { .. } => None,
            MiddleboxFact::Flushed { .. }
            | MiddleboxFact::PassedThrough { .. }
            | MiddleboxFact::CutShort { .. }
            | MiddleboxFact::Ended { .. }
            | MiddleboxFact::Refused { .. } => held.remove(connection),
        };
        let Some(what) = what(fact, event, since) else { continue };
        let peer = peers.get(connection).copied().unwrap_or("somebody");
        lines.push(format!("{:9.3} for {peer}: {what}\n", event.at.as_secs_f64()));
    }
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    let mut text = lines.concat();
    if more > 0 {
        let _infallible = writeln!(text, "          and {more} more");
    }
    text
}

/// Who is at the other end of each connection that the host accepted.
fn peers<'a>(trace: &'a Trace, host: &str) -> BTreeMap<Connection, &'a str> {
    let accepted = trace.events.iter().filter(|event| *event.actor == *host);
    let accepted = accepted.filter_map(|event| {
        let Fact::Socket(connection, SocketFact::Accepted { from, .. }) = &event.fact else {
            return None;
        };
        Some((*connection, &**from))
    });
    accepted.collect()
}

fn what(fact: &MiddleboxFact, event: &Event, since: Option<Duration>) -> Option<String> {
    Some(match fact {
        MiddleboxFact::Held { .. } => return None,
        MiddleboxFact::Flushed { bytes, because } => {
            let held = since.map(|since| event.at.saturating_sub(since));
            let held = held.filter(|held| !held.is_zero()).map_or_else(String::new, |held| {
                format!(", the oldest held for {:.3} s", held.as_secs_f64())
            });
            format!("lets {bytes} B go{held} ({because})")
        }
        MiddleboxFact::PassedThrough { because } => format!("holds nothing ({because})"),
        MiddleboxFact::Ended { how, because } => match how {
            CutterEnd::Fin => format!("ends both connections by FIN ({because})"),
            CutterEnd::Reset => format!("ends both connections by RST ({because})"),
            CutterEnd::Forget => format!("forgets both connections ({because})"),
        },
        MiddleboxFact::CutShort { how, shows } => {
            let tells = if *shows { "breaks off too" } else { "looks whole to its client" };
            format!("passes on an answer that breaks off ({how}) and {tells}")
        }
        MiddleboxFact::TookAway { header, from } => {
            format!("takes {header} away from the {from}")
        }
        MiddleboxFact::Chose { host, because } => format!("gives it to {host} ({because})"),
        MiddleboxFact::Refused { because } => format!("refuses ({because})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Name;

    fn fact(ms: u64, connection: u64, fact: MiddleboxFact) -> Event {
        let fact = Fact::Middlebox(Connection(connection), fact);
        Event { at: Duration::from_millis(ms), actor: Name::from("edge"), fact }
    }

    #[test]
    fn what_was_held_is_told_with_what_lets_it_go_for_each_connection() {
        let held = |bytes| MiddleboxFact::Held { bytes, because: "buffer is not full" };
        let flushed = |bytes| MiddleboxFact::Flushed { bytes, because: "buffer is full" };
        let events = vec![
            fact(10, 1, held(5)),
            fact(20, 2, held(7)),
            fact(30, 1, held(9)),
            fact(310, 1, flushed(9)),
            fact(320, 2, flushed(7)),
            fact(330, 1, flushed(3)),
        ];
        let expected = "    0.310 for somebody: lets 9 B go, the oldest held for 0.300 s (buffer is full)\n    0.320 for somebody: lets 7 B go, the oldest held for 0.300 s (buffer is full)\n    0.330 for somebody: lets 3 B go (buffer is full)\n";
        assert_eq!(told(&Trace { events }, "edge"), expected);
    }

    #[test]
    fn a_box_of_many_clients_is_cut_short() {
        let refused = |at| fact(at, at, MiddleboxFact::Refused { because: "full".to_owned() });
        let trace = Trace { events: (0..43).map(refused).collect() };
        let text = told(&trace, "edge");
        assert_eq!(text.lines().count(), LINES_MAX + 1);
        assert!(text.ends_with("          and 3 more\n"), "{text}");
        assert_eq!(told(&trace, "relay"), "");
    }
}
