//! `whitewater explain`: what a rule, a scenario or a broken relay is about, and why it exists.

use std::io;

use clap::Args;

use super::{Console, Exit, select::Selection};
use crate::{
    broken::{self, Broken},
    rules::{self, Rule},
};

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule's id, `broken/NAME`, or a scenario by path, id or pattern.
    #[command(flatten)]
    selection: Selection,
}

impl Explain {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let words = self.selection.words();
        if words.is_empty() {
            writeln!(console.log, "error: name a rule, a scenario or `broken/NAME`")?;
            return Ok(Exit::BadInput);
        }
        let (known, other): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| known(word).is_some());
        for word in known.into_iter().filter_map(|word| known_text(word)) {
            writeln!(console.out, "{word}")?;
        }
        if other.is_empty() {
            return Ok(Exit::Held);
        }
        let other: Vec<String> = other.into_iter().cloned().collect();
        let Some(cases) = self.selection.with_words(other).load(console)? else {
            return Ok(Exit::BadInput);
        };
        for case in cases {
            let scenario = &case.scenario;
            writeln!(console.out, "{}\n  shows     {}", case.id, scenario.title)?;
            writeln!(console.out, "  cites     {}", scenario.cites.join(", "))?;
            writeln!(console.out, "  proves    {}", scenario.proves.join(", "))?;
        }
        Ok(Exit::Held)
    }
}

enum Known {
    Rule(&'static Rule),
    Relay(&'static Broken),
}

fn known(word: &str) -> Option<Known> {
    let rule = rules::ALL.iter().find(|rule| rule.id == word).map(Known::Rule);
    rule.or_else(|| {
        let name = word.strip_prefix("broken/")?;
        broken::ALL.iter().find(|relay| relay.name == name).map(Known::Relay)
    })
}

fn known_text(word: &str) -> Option<String> {
    Some(match known(word)? {
        Known::Rule(rule) => format!(
            "{}\n  demands   {}\n  level     {}\n  stands in {}\n  caught    {}",
            rule.id,
            rule.demand,
            rule.level.name(),
            rule.citation,
            caught_by(rule.id),
        ),
        Known::Relay(relay) => format!(
            "broken/{}\n  mistake   {}\n  made by   {}\n  caught by {}",
            relay.name,
            relay.mistake,
            relay.made_by,
            relay.caught_by.join(", "),
        ),
    })
}

/// The broken relays that a rule catches.
fn caught_by(rule: &str) -> String {
    let names = broken::ALL.iter().filter(|relay| relay.caught_by.contains(&rule));
    names.map(|relay| format!("broken/{}", relay.name)).collect::<Vec<_>>().join(", ")
}
