//! Which requests show all that a script can answer.

use std::{collections::BTreeSet, time::Duration};

use mock_openai::script::{End, Rule, Script, Step};

use super::{
    Answer, Asker, Choice, Shown, made_up,
    play::{Asked, Played, play},
};
use crate::plan::{Client, Plan, Request};

/// A rule that answers none of a client's first so many requests gets one that is made up.
const REQUESTS_MAX: u64 = 64;

/// Between requests that only bring the counters on.
const APART: Duration = Duration::from_millis(1);

/// What a relay speaks to its provider, whatever its clients speak.
const HTTP: &str = "HTTP/1.1";

/// Plays every answer that a plan can bring about.
pub fn show(plan: &Plan) -> Shown {
    let mut answers = first_requests(plan);
    let mut unshown = Vec::new();
    for rule in 0..plan.upstream.len() {
        let answered = |answer: &Answer| answer.choice == Choice::Answers(rule);
        if answers.iter().any(answered) {
            continue;
        }
        match later_request(plan, rule).or_else(|| made_up_request(plan, rule)) {
            Some(answer) => answers.push(answer),
            None => unshown.push(rule),
        }
    }
    Shown { plan: plan.clone(), answers, unshown }
}

/// The first request of each client, all of them on one provider, as they come.
fn first_requests(plan: &Plan) -> Vec<Answer> {
    // Who starts behind the limit never asks.
    let in_time = || plan.clients.iter().filter(|client| client.starts <= plan.limit);
    let asked: Vec<Asked> = in_time().map(|client| ask(plan, client, client.starts)).collect();
    let played = play(&plan.upstream, plan.seed, plan.limit, &asked);
    let mut answers: Vec<(&str, Answer)> = Vec::new();
    for (client, played) in in_time().zip(played) {
        let same = |(group, answer): &&mut (&str, Answer)| {
            *group == client.group && answer.choice == played.choice
        };
        if let Some((_, answer)) = answers.iter_mut().find(same) {
            if let Asker::Client { alike, .. } = &mut answer.asker {
                *alike += 1;
            }
            continue;
        }
        let who = Asker::Client { name: client.name.clone(), nth: 1, alike: 0 };
        answers.push((&client.group, answer(who, &client.request, played)));
    }
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The first request of some client that this rule answers, and not its first.
fn later_request(plan: &Plan, rule: usize) -> Option<Answer> {
    let mut groups = BTreeSet::new();
    let firsts = plan.clients.iter().filter(|client| groups.insert(client.group.clone()));
    let quick: Script = plan.upstream.iter().map(quick).collect();
    let most = most_counted(&plan.upstream);
    for client in firsts {
        let asked: Vec<Asked> = repeated(plan, client, most);
        let survey = play(&quick, plan.seed, limit(plan, most), &asked);
        let fits = |played: &Played| played.choice == Choice::Answers(rule);
        let Some(before) = survey.iter().position(fits) else { continue };
        let nth = u64::try_from(before).ok()? + 1;
        let mut script = quick.clone();
        script[rule].clone_from(&plan.upstream[rule]);
        let asked = repeated(plan, client, nth);
        let played = play(&script, plan.seed, limit(plan, nth), &asked).pop()?;
        let who = Asker::Client { name: client.name.clone(), nth, alike: 0 };
        return Some(answer(who, &client.request, played)).filter(|one| one.choice.is(rule));
    }
    None
}

/// A request that fits the rule, on a provider that has no other rule.
fn made_up_request(plan: &Plan, rule: usize) -> Option<Answer> {
    let alone = plan.upstream.get(rule)?;
    let request = made_up::request(alone);
    let nth = first_counted(alone);
    if nth > REQUESTS_MAX {
        return None;
    }
    let bytes = request.on_the_wire(HTTP);
    let asked: Vec<Asked> = (0..nth)
        .map(|before| Asked { at: after(before), address: 1, bytes: bytes.clone() })
        .collect();
    let script = vec![alone.clone()];
    let mut played = play(&script, plan.seed, limit(plan, nth), &asked).pop()?;
    if played.choice != Choice::Answers(0) {
        return None;
    }
    played.choice = Choice::Answers(rule);
    Some(answer(Asker::MadeUp { nth }, &request, played))
}

impl Choice {
    fn is(&self, rule: usize) -> bool {
        *self == Self::Answers(rule)
    }
}

fn answer(asker: Asker, request: &Request, played: Played) -> Answer {
    let Played { choice, writes, left_out, ending, ended_at } = played;
    let request = format!("{} {}", request.method, request.target);
    Answer { asker, request, choice, writes, left_out, ending, ended_at }
}

fn ask(plan: &Plan, client: &Client, at: Duration) -> Asked {
    let position = plan.clients.iter().position(|other| other.from == client.from);
    let address = u32::try_from(position.unwrap_or_default()).unwrap_or(u32::MAX);
    // 10.0.0.1 and on: clients of one host share an address.
    let address = 0x0A00_0001_u32.saturating_add(address);
    Asked { at, address, bytes: client.request.on_the_wire(HTTP) }
}

fn repeated(plan: &Plan, client: &Client, times: u64) -> Vec<Asked> {
    (0..times).map(|before| ask(plan, client, after(before))).collect()
}

fn after(requests: u64) -> Duration {
    APART.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX))
}

/// The scenario's limit, for the last of so many requests.
fn limit(plan: &Plan, requests: u64) -> Duration {
    plan.limit.saturating_add(after(requests.saturating_sub(1)))
}

/// The same rule with an answer that is over at once.
fn quick(rule: &Rule) -> Rule {
    Rule { then: vec![Step::End(End::Fin)], ..rule.clone() }
}

/// So many requests of a client bring every counter of the script once round, or far enough.
fn most_counted(script: &Script) -> u64 {
    let counts = script.iter().filter_map(|rule| rule.when).flat_map(|when| {
        let nth = when.nth.map(|nth| nth.last.min(nth.first.saturating_add(1)));
        [nth, when.first, when.every]
    });
    counts.flatten().max().unwrap_or(0).saturating_add(1).min(REQUESTS_MAX)
}

/// The count of the first request that the rule's `when` picks.
fn first_counted(rule: &Rule) -> u64 {
    rule.when.and_then(|when| when.nth.map(|nth| nth.first).or(when.every)).unwrap_or(1).max(1)
}
