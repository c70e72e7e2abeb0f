//! Runs scenarios one by one or side by side, and tallies what their judges say.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use mock_openai::yaml::Diagnostic;

use crate::{
    exchange::Run,
    judge::{self, Judged},
    net::{self, Engine},
    plan::{self, Limits, Plan},
    profile,
    report::{
        Conclusion, EXPECTED, Excuse, FORMAT_VERSION, Failure, Lenience, LimitUsed, Note, Outcome,
        Report, SdkView,
    },
    rules::{self, Level, Rule, limits},
    scenario::{self, CellName, Http, Scenario, catalogue::ScenarioFile},
    target::{Capability, Target},
    trace::{ClientFact, Fact, Trace},
    verdict::{Breach, Verdict},
    world,
};

/// A scenario that was loaded and checked.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its id: the path below `scenarios/` without the ending, and in brackets its cell where it is
    /// one of a matrix.
    pub id: String,
    /// What it says.
    pub scenario: Scenario,
}

impl Case {
    /// Reads and checks a file: one case, or one for each cell of its matrix, in their order and
    /// whatever its filters say.
    ///
    /// # Errors
    /// Every mistake in it and in what it includes, or that it cannot be read.
    pub fn read_all(file: &ScenarioFile) -> Result<Vec<Self>, Vec<Diagnostic>> {
        if let Some(why) = &file.unread {
            return Err(vec![Diagnostic::of_file(&file.path.to_string_lossy(), why)]);
        }
        let rules: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
        let cells = scenario::load_all(&file.path, &file.text, &file.files(), &rules)?;
        let case =
            |(cell, scenario): (CellName, Scenario)| Self { id: cell.id(&file.id), scenario };
        Ok(cells.into_iter().map(case).collect())
    }

    /// Its plan.
    pub fn plan(&self, seed: u64) -> Plan {
        plan::plan(&self.scenario, &self.id, seed)
    }
}

/// How scenarios are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is under test.
    pub target: Target,
    /// The network engine.
    pub engine: Engine,
    /// From which everything is drawn.
    pub seed: u64,
    /// Whether the report says what each SDK would have made of what clients got.
    pub sdks: bool,
    /// What is said otherwise of the numbers that rules judge by; see [`limits::read`]. A run and its
    /// trace are the same with any.
    pub limits: Limits,
}

impl Settings {
    /// The usual way to run a target.
    pub fn of(target: Target) -> Self {
        let limits = Limits::default();
        Self { target, engine: Engine::TurmoilNet, seed: 1, sdks: false, limits }
    }
}

/// Who is told of each case as it is done, in no fixed order, with its trace where it was run.
pub type Seen<'a> = &'a (dyn Fn(&Outcome, Option<&Trace>) + Sync);

/// Runs all cases, as many side by side as there are cores, and reports them in their order.
pub fn run(cases: &[Case], settings: &Settings, seen: Seen<'_>) -> Report {
    let began = wall_clock();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::with_capacity(cases.len()));
    let workers = thread::available_parallelism().map_or(1, usize::from).min(cases.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, case)) = claim(&next, cases) {
                    let (outcome, trace) = outcome_and_trace(case, settings);
                    seen(&outcome, trace.as_ref());
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                }
            });
        }
    });
    let mut outcomes = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(index, _)| *index);
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    report(outcomes, settings, wall_clock() - began)
}

/// A report of outcomes that are there already.
pub fn report(outcomes: Vec<Outcome>, settings: &Settings, wall: Duration) -> Report {
    Report {
        format_version: FORMAT_VERSION,
        target: settings.target.name.clone(),
        engine: settings.engine.name(),
        select: if cfg!(tokio_unstable) { "seeded" } else { "unseeded" },
        seed: settings.seed,
        limits: LimitUsed::all(&settings.limits),
        outcomes,
        wall,
    }
}

fn claim<'a>(next: &AtomicUsize, cases: &'a [Case]) -> Option<(usize, &'a Case)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    cases.get(index).map(|case| (index, case))
}

/// Plans, runs and judges one case.
pub fn outcome(case: &Case, settings: &Settings) -> Outcome {
    outcome_and_trace(case, settings).0
}

fn outcome_and_trace(case: &Case, settings: &Settings) -> (Outcome, Option<Trace>) {
    let began = wall_clock();
    let plan = plan_for(case, settings);
    let (scenario, cell) = CellName::split(&case.id);
    let mut outcome = Outcome {
        id: case.id.clone(),
        scenario: scenario.to_owned(),
        cell: cell.axes.into_iter().collect(),
        title: plan.title.clone(),
        result: Conclusion::Held,
        hash: String::new(),
        simulated: Duration::ZERO,
        wall: Duration::ZERO,
        held: Vec::new(),
        not_applicable: Vec::new(),
        excused: Vec::new(),
        lenient: Vec::new(),
        failures: Vec::new(),
        sdks: Vec::new(),
    };
    if let Some(because) = cannot_run(&case.scenario, &plan, settings) {
        outcome.result = Conclusion::Skipped { because };
        return (outcome, None);
    }
    let trace = world::run(&plan, &settings.target, settings.engine);
    tally(&mut outcome, judge::judge(&plan, &trace), settings);
    if settings.sdks {
        outcome.sdks = SdkView::all(&profile::readings(&Run::of(&trace, &plan)));
    }
    outcome.hash = trace.digest().to_string();
    outcome.simulated = until_the_last_client(&trace);
    outcome.wall = wall_clock() - began;
    (outcome, Some(trace))
}

fn plan_for(case: &Case, settings: &Settings) -> Plan {
    let mut plan = case.plan(settings.seed);
    plan.claims = settings.target.says.clone();
    plan.limits = settings.limits.clone();
    plan
}

/// Why the target or the engine cannot take a case, if so: it is skipped then.
pub fn skipped(case: &Case, settings: &Settings) -> Option<String> {
    cannot_run(&case.scenario, &case.plan(settings.seed), settings)
}

fn cannot_run(scenario: &Scenario, plan: &Plan, settings: &Settings) -> Option<String> {
    let target = &settings.target;
    let unclaimed = |need: &&String| !need.parse().is_ok_and(|claim| target.claims(claim));
    if let Some(missing) = scenario.needs.iter().find(unclaimed) {
        return Some(format!("{} does not claim `{missing}`", target.name));
    }
    let speaks_http2 = plan.clients.iter().any(|client| client.http == Http::H2);
    if speaks_http2 && !target.claims(Capability::Http2) {
        let missing = Capability::Http2;
        return Some(format!(
            "{} does not claim `{missing}`, which its clients speak",
            target.name
        ));
    }
    let unmapped =
        plan.switches.iter().find_map(|(switch, value)| target.maps_switch(switch, value).err());
    unmapped.or_else(|| net::cannot(settings.engine, plan))
}

fn tally(outcome: &mut Outcome, judged: Judged, settings: &Settings) {
    let replay = replay(&outcome.id, settings);
    for excused in judged.excused {
        let failure = of_rule(excused.rule, excused.breach, settings, &replay);
        outcome.excused.push(Excuse { failure, because: excused.because });
    }
    outcome.lenient.extend(judged.lenient.into_iter().map(|one| Lenience {
        expectation: one.label,
        grade: "lenient",
        instead_of: one.instead_of,
    }));
    for (rule, verdict) in judged.rules {
        match verdict {
            Verdict::Held => outcome.held.push(rule.id.to_owned()),
            Verdict::NotApplicable { why } => {
                outcome.not_applicable.push(Note { rule: rule.id.to_owned(), because: why });
            }
            Verdict::Broke(breach) if rule.level == Level::Info => {
                let because = "it only informs".to_owned();
                let failure = of_rule(rule, breach, settings, &replay);
                outcome.excused.push(Excuse { failure, because });
            }
            Verdict::Broke(breach) => {
                outcome.failures.push(of_rule(rule, breach, settings, &replay));
            }
        }
    }
    for (label, verdict) in judged.expectations {
        match verdict {
            Verdict::Held => outcome.held.push(label),
            Verdict::NotApplicable { why } => {
                outcome.not_applicable.push(Note { rule: label, because: why });
            }
            Verdict::Broke(breach) => outcome.failures.push(expected(label, breach, &replay)),
        }
    }
    if !outcome.failures.is_empty() {
        outcome.result = Conclusion::Broke;
    }
}

fn of_rule(rule: &Rule, breach: Breach, settings: &Settings, replay: &str) -> Failure {
    Failure {
        rule: rule.id.to_owned(),
        level: rule.level.name(),
        citation: rule.citation.to_owned(),
        demand: rule.demand(&settings.limits),
        ..expected(String::new(), breach, replay)
    }
}

fn expected(label: String, breach: Breach, replay: &str) -> Failure {
    Failure {
        rule: label,
        level: EXPECTED,
        citation: "its own expectation".to_owned(),
        demand: "it comes out as its author expects".to_owned(),
        at: breach.at,
        ordinal: breach.ordinal,
        host: breach.host.to_string(),
        client: breach.client.map(|name| name.to_string()),
        wanted: breach.wanted,
        got: breach.got,
        replay: replay.to_owned(),
    }
}

/// The one command that runs a scenario again in the same way.
fn replay(id: &str, settings: &Settings) -> String {
    let Settings { target, engine, seed, sdks: _, limits } = settings;
    let mut command = vec![format!("whitewater run '{id}'")];
    if target.name != Target::REFERENCE {
        command.push(format!("--relay {}", target.name));
    }
    if *engine != Engine::TurmoilNet {
        command.push(format!("--engine {engine}"));
    }
    command.push(format!("--seed {seed}"));
    command
        .extend(limits::changed(limits).map(|(limit, is)| format!("--limit {}={is}", limit.name)));
    command.join(" ")
}

fn until_the_last_client(trace: &Trace) -> Duration {
    let done = |event: &&crate::trace::Event| matches!(event.fact, Fact::Client(ClientFact::Done));
    let last = trace.events.iter().rev().find(done).or_else(|| trace.events.last());
    last.map_or(Duration::ZERO, |event| event.at)
}

#[expect(clippy::disallowed_methods, reason = "what a run costs is wall time, outside of any run")]
fn wall_clock() -> Instant {
    Instant::now()
}
