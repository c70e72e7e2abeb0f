//! `whitewater explain`: what a rule, a relay, a scenario or a word of the language is about.

use std::{io, path::Path};

use clap::Args;
use mock_openai::yaml::nearest;

use super::{Console, Exit, select::Selection, word};
use crate::{
    broken::{self, Broken},
    plan::Limits,
    rules::{self, Rule, limits},
    scenario::schema,
};

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule's id, `broken/NAME`, a word of the language (`stream`, `expect.ends`), or a scenario
    /// by path, id or pattern.
    #[command(flatten)]
    selection: Selection,
}

impl Explain {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let words = self.selection.words();
        if words.is_empty() {
            let what = "name a rule, a scenario, `broken/NAME` or a word of the language";
            writeln!(console.log, "error: {what}")?;
            return Ok(Exit::BadInput);
        }
        for known in words.iter().filter_map(|word| known(word)) {
            writeln!(console.out, "{}", text(&known))?;
        }
        let other: Vec<&String> = words.iter().filter(|word| known(word).is_none()).collect();
        if other.is_empty() {
            return Ok(Exit::Held);
        }
        // What could be no scenario either is a slip in a word.
        let is_scenario = |word: &String| word.contains(['/', '*']) || Path::new(word).exists();
        if let Some(word) = other.iter().copied().find(|word| !is_scenario(word)) {
            writeln!(console.log, "error: {}", unknown(word))?;
            return Ok(Exit::BadInput);
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
    Words(Vec<&'static schema::Word>),
}

fn known(word: &str) -> Option<Known> {
    let limit = limits::ALL.iter().find(|limit| limit.name == word);
    if let Some(rule) = rules::find(limit.map_or(word, |limit| limit.rule())) {
        return Some(Known::Rule(rule));
    }
    if let Some(relay) = word.strip_prefix("broken/").and_then(broken::find) {
        return Some(Known::Relay(relay));
    }
    let words = schema::at(word);
    (!words.is_empty()).then_some(Known::Words(words))
}

fn text(known: &Known) -> String {
    match known {
        Known::Rule(rule) => format!(
            "{}\n  demands   {}\n{}  level     {}\n  stands in {}\n  caught    {}",
            rule.id,
            rule.demand(&Limits::default()),
            limits(rule),
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
        Known::Words(words) => match words.as_slice() {
            [one] => word::explain(one),
            several => word::choose(several),
        },
    }
}

/// The numbers that a rule judges by.
fn limits(rule: &Rule) -> String {
    let line = |limit: &limits::Limit| {
        let limits::Limit { name, default, bounds, source, least: _ } = limit;
        format!("  limit     {name}={default}: {bounds} ({source})\n")
    };
    limits::of_rule(rule.id).map(line).collect()
}

/// The broken relays that a rule catches.
fn caught_by(rule: &str) -> String {
    let names = broken::ALL.iter().filter(|relay| relay.caught_by.contains(&rule));
    names.map(|relay| format!("broken/{}", relay.name)).collect::<Vec<_>>().join(", ")
}

/// A word that nobody knows, and the nearest that somebody does.
fn unknown(asked: &str) -> String {
    let words = schema::words();
    let names = words.iter().map(|word| word.name.as_str());
    let places = words.iter().flat_map(|word| &word.places).map(String::as_str);
    let rules = rules::ALL.iter().map(|rule| rule.id);
    let meant = if asked.contains('.') {
        nearest(asked, places)
    } else {
        nearest(asked, rules.chain(names))
    };
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    format!(
        "there is no rule, word or scenario `{asked}`{meant} (`whitewater list words` shows all \
         words)"
    )
}
