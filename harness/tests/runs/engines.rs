//! Two independent network stacks give every client the same frames and the same endings, and the relay the
//! same verdicts as far as both can be judged: what a snapshot shows is the relay, and not the simulator.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use bytes::BytesMut;
use harness::{
    judge,
    net::{self, Engine},
    suite::{self, Case, Settings},
    target::Target,
    trace::{BodyEnd, ClientFact, Fact, Trace},
    world,
};

use super::support;

/// What one client got for one request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    status: Option<u16>,
    body: BytesMut,
    end: Option<BodyEnd>,
}

fn answers(trace: &Trace) -> BTreeMap<(String, u64), Answer> {
    let mut answers: BTreeMap<(String, u64), Answer> = BTreeMap::new();
    for event in &trace.events {
        let Fact::Client(fact) = &event.fact else { continue };
        let mut of = |request: &u64, tell: &dyn Fn(&mut Answer)| {
            tell(answers.entry((event.actor.to_string(), *request)).or_default());
        };
        match fact {
            ClientFact::Sent { request, .. } => of(request, &|_| {}),
            ClientFact::Head { request, status, .. } => of(request, &|a| a.status = Some(*status)),
            ClientFact::Body { request, bytes } => {
                of(request, &|a| a.body.extend_from_slice(bytes));
            }
            ClientFact::Ended { request, how } => of(request, &|a| a.end = Some(*how)),
            ClientFact::Queues
            | ClientFact::NoConnection { .. }
            | ClientFact::Trailers { .. }
            | ClientFact::Left { .. }
            | ClientFact::GaveUp { .. }
            | ClientFact::Waits { .. }
            | ClientFact::Saw(_)
            | ClientFact::Done => {}
        }
    }
    answers
}

/// Scenarios that both engines carry and that come out differently, each with its cause.
const DIFFER: &[(&str, &str)] = &[(
    "429-storms/hundred-clients-against-ten-a-second",
    "the turmoil crate accepts a connection one way earlier, so requests meet other quota windows",
)];

/// How many scenarios come out alike, at least.
const ALIKE_MIN: usize = 200;

/// In the second engine virtual time passes millisecond by millisecond: three hours of it take five minutes.
/// What takes longer than this is compared where [`ALL`] is set.
const SHORT: Duration = Duration::from_mins(20);
const ALL: &str = "LONG_RUNS";

/// What came of one scenario in both engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Alike,
    /// As [`DIFFER`] says.
    Differs,
    /// The second engine cannot carry it.
    NotCarried,
    /// It lasts too long in the second engine.
    LeftOut,
}

fn compare(case: &Case, target: &Target) -> Compared {
    let mut plan = case.plan(1);
    if net::cannot(Engine::Turmoil, &plan).is_some() {
        return Compared::NotCarried;
    }
    plan.claims = target.says.clone();
    let ours = world::run(&plan, target, Engine::TurmoilNet);
    let lasted = ours.events.last().map_or(Duration::ZERO, |event| event.at);
    if lasted > SHORT && env::var_os(ALL).is_none() {
        return Compared::LeftOut;
    }
    let ours = answers(&ours);
    let trace = world::run(&plan, target, Engine::Turmoil);
    let judged = judge::judge(&plan, &trace);
    let broke: Vec<_> = judged.failures().map(|(name, breach)| (name, &breach.got)).collect();
    assert!(broke.is_empty(), "{}: {broke:?}", plan.id);
    let theirs = answers(&trace);
    if DIFFER.iter().any(|(id, _)| *id == plan.id) {
        assert_ne!(ours, theirs, "{} does not differ any more", plan.id);
        return Compared::Differs;
    }
    assert_eq!(ours, theirs, "{}", plan.id);
    Compared::Alike
}

/// On all cores.
#[test]
fn what_both_engines_model_comes_out_alike() -> Result<(), String> {
    let (cases, target) = (support::cases()?, Target::reference());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut all = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            all.push((case.id.as_str(), compare(case, &target)));
        }
        all
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let done = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        // What one of them finds ends the test when all are done.
        workers.into_iter().map(ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let (mut families, mut alike) = (BTreeSet::new(), 0);
    for all in done {
        for (id, compared) in all.map_err(|_| "two engines differ: see above".to_owned())? {
            match compared {
                Compared::Alike => {
                    alike += 1;
                    families.extend(id.split_once('/').map(|(family, _)| family));
                }
                Compared::LeftOut => println!("skipped: {id} is long; {ALL}=1 compares it"),
                Compared::Differs | Compared::NotCarried => {}
            }
        }
    }
    for family in
        ["slow-clients", "dropped-connections", "proxy-buffering", "429-storms", "cors-preflight"]
    {
        assert!(families.contains(family), "no scenario of {family} runs on both engines");
    }
    assert!(alike >= ALIKE_MIN, "only {alike} scenarios come out alike on both engines");
    Ok(())
}

#[test]
fn what_the_second_engine_cannot_carry_is_skipped_with_its_reason() -> Result<(), String> {
    let settings = Settings { engine: Engine::Turmoil, ..Settings::of(Target::reference()) };
    let (mut carried, mut refused) = (0, 0);
    for case in support::cases()? {
        let reason = net::cannot(Engine::Turmoil, &case.plan(1));
        assert_eq!(net::cannot(Engine::TurmoilNet, &case.plan(1)), None, "{}", case.id);
        let Some(reason) = reason else {
            carried += 1;
            continue;
        };
        refused += 1;
        let skipped = suite::skipped(&case, &settings);
        assert!(skipped.is_some(), "{} is not skipped: {reason}", case.id);
    }
    assert!(carried > ALIKE_MIN && refused > 10, "{carried} carried, {refused} refused");
    Ok(())
}

#[test]
fn the_page_of_the_engines_names_each_exception_with_its_cause() -> Result<(), String> {
    let page = support::root().join("../docs/engines.md");
    let page = std::fs::read_to_string(page).map_err(|error| error.to_string())?;
    let (_, section) = page.split_once("## Where the two come out alike").ok_or("no section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<_> = rows.map(str::to_owned).collect();
    let known: BTreeSet<_> =
        DIFFER.iter().map(|(id, cause)| format!("| `{id}` | {cause} |")).collect();
    assert_eq!(told, known, "docs/engines.md is left, the comparison's list is right");
    Ok(())
}
