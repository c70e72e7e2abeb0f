//! `whitewater explain`: what a rule, a relay, a scenario or a word of the language is about.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use mock_openai::yaml::nearest;

use super::{Console, Exit, select::Selection, word};
use crate::{
    broken::{self, Broken},
    plan::Limits,
    rules::{self, Rule, limits},
    scenario::{catalogue, schema},
    target::{Capability, Target, reference},
};

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Rules (`honest-ending`), limits (`drain.grace`), relays (`reference`, `forgets-flush`), words of
    /// the language (`stream`, `expect.ends`), and scenarios by path, id or pattern.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The folder that ids of scenarios count from. Without it `scenarios`, and for what is not found
    /// there the catalogue inside this program.
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
}

impl Explain {
    pub(super) fn carry_out(self, console: &mut Console<'_>) -> io::Result<Exit> {
        let words = &self.names;
        if words.is_empty() {
            let what = "name a rule, a scenario, a relay or a word of the language";
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
        let is_scenario = |word: &String| {
            let path = Path::new(word);
            let is_path = catalogue::is_scenario(path) || path.exists();
            !word.starts_with("broken/") && (is_path || word.contains(['/', '*']))
        };
        if let Some(word) = other.iter().copied().find(|word| !is_scenario(word)) {
            writeln!(console.log, "error: {}", unknown(word))?;
            return Ok(Exit::BadInput);
        }
        let other: Vec<String> = other.into_iter().cloned().collect();
        let Some(cases) = Selection::of(other, self.scenarios).load(console)? else {
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
    Reference,
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
    if !words.is_empty() {
        return Some(Known::Words(words));
    }
    let short = || broken::find(word).map(Known::Relay);
    if word == Target::REFERENCE { Some(Known::Reference) } else { short() }
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
        Known::Reference => reference(),
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

/// The relay that the others are compared with.
fn reference() -> String {
    let name = Target::REFERENCE;
    let target = Target::reference();
    let claims = Capability::ALL.iter().filter(|claim| target.claims(**claim));
    let claims: Vec<_> = claims.map(|claim| claim.name()).collect();
    let switches: Vec<_> = reference::switch_names().collect();
    format!(
        "{name}\n  is        the relay that the others are compared with: the program `relay`\n  \
         claims    {}\n  switches  {}\n  read      docs/relay-config.md",
        claims.join(", "),
        switches.join(", "),
    )
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
    let relays = broken::ALL.iter().map(|relay| relay.name);
    let meant = match asked.strip_prefix("broken/") {
        Some(relay) => nearest(relay, relays).map(|relay| format!("broken/{relay}")),
        None if asked.contains('.') => nearest(asked, places).map(str::to_owned),
        None => {
            let others = relays.chain([Target::REFERENCE]);
            nearest(asked, rules.chain(names).chain(others)).map(str::to_owned)
        }
    };
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    format!(
        "there is no rule, word, relay or scenario `{asked}`{meant} (`whitewater list words` shows all \
         words)"
    )
}
