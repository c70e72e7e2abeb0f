//! The same binary, scenario and seed give the same trace: in other processes, many times over,
//! and with other runs beside it.

use std::{collections::BTreeMap, process::Command, thread};

use harness::{
    net::Engine,
    plan::Plan,
    scenario::Expect,
    target::Target,
    trace::{Event, Fact, Trace},
    world,
};

use super::support;

fn plans() -> Result<Vec<Plan>, String> {
    Ok(support::cases()?.iter().map(|case| case.plan(1)).collect())
}

fn run(plan: &Plan) -> Trace {
    world::run(plan, &Target::reference(), Engine::TurmoilNet)
}

/// The first event that differs, by its line.
fn difference(a: &str, b: &str) -> String {
    let (mut left, mut right) = (a.lines(), b.lines());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return "no difference".to_owned(),
            (x, y) if x == y => {}
            (x, y) => return format!("first: {x:?}\nthen:  {y:?}"),
        }
    }
}

fn lines(trace: &Trace) -> String {
    let lines = trace.events.iter().enumerate();
    lines.map(|(ordinal, event)| event.line(ordinal) + "\n").collect()
}

/// What a process of its own prints of the traces of these scenarios.
fn printed(engine: &str, scenarios: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whitewater"));
    command.args(["run", "--trace", "--engine", engine, "--scenarios"]).arg(support::root());
    let output = command.args(scenarios).output().map_err(|error| error.to_string())?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Two processes, beside each other, print the same.
fn two_processes_agree(engine: &str, scenarios: &[&str], traces_min: usize) -> Result<(), String> {
    let (first, second) = thread::scope(|scope| {
        let other = scope.spawn(|| printed(engine, scenarios));
        let one = printed(engine, scenarios);
        (one, other.join().expect("it only runs a program"))
    });
    let (first, second) = (first?, second?);
    assert!(first.lines().filter(|line| line.starts_with("trace ")).count() >= traces_min);
    assert!(first == second, "two processes differ\n{}", difference(&first, &second));
    Ok(())
}

#[test]
fn two_processes_give_equal_traces_for_every_scenario() -> Result<(), String> {
    two_processes_agree("turmoil-net", &[], support::cases()?.len())
}

/// Small by default, since that engine ticks through idle time: `SECOND_ENGINE=all cargo test -p
/// harness --test runs second_engine` takes every scenario that it can carry.
#[test]
fn two_processes_give_equal_traces_on_the_second_engine() -> Result<(), String> {
    let all = std::env::var_os("SECOND_ENGINE").is_some_and(|value| value == "all");
    let few = ["dropped-connections/*", "stream-format/*", "retries/*"];
    two_processes_agree("turmoil", if all { &[] } else { &few }, 20)
}

#[test]
fn runs_on_all_cores_at_once_give_the_hash_of_a_run_alone() -> Result<(), String> {
    let plans = plans()?;
    let alone: BTreeMap<&str, Trace> =
        plans.iter().map(|plan| (plan.id.as_str(), run(plan))).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|shift| {
                let (plans, alone) = (&plans, &alone);
                scope.spawn(move || {
                    // Each worker begins elsewhere, so that different scenarios stand side by side.
                    for plan in plans.iter().cycle().skip(shift * 3).take(plans.len()) {
                        let (trace, expected) = (run(plan), &alone[plan.id.as_str()]);
                        assert!(
                            trace.digest() == expected.digest(),
                            "{}: {}",
                            plan.id,
                            difference(&lines(expected), &lines(&trace))
                        );
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().expect("a worker found a difference; it is printed above");
        }
    });
    Ok(())
}

#[test]
fn three_hundred_runs_in_one_process_give_each_scenario_one_hash() -> Result<(), String> {
    let plans = plans()?;
    let first: Vec<Trace> = plans.iter().map(run).collect();
    for (plan, first) in plans.iter().zip(&first).cycle().take(300) {
        let again = run(plan);
        assert!(
            again.digest() == first.digest(),
            "{}: {}",
            plan.id,
            difference(&lines(first), &lines(&again))
        );
    }
    Ok(())
}

#[test]
fn the_log_is_in_the_traces_that_ask_for_it_and_in_no_others() -> Result<(), String> {
    let plans = plans()?;
    let asks = |plan: &Plan| plan.expect.iter().any(Expect::asks_for_the_log);
    assert!(plans.iter().any(asks), "no scenario asks");
    // One asks while the others run, all at once.
    thread::scope(|scope| {
        for plan in &plans {
            scope.spawn(move || {
                let is_logged = |event: &Event| matches!(event.fact, Fact::Logged { .. });
                let heard = run(plan).events.iter().any(is_logged);
                assert_eq!(heard, asks(plan), "{}", plan.id);
            });
        }
    });
    Ok(())
}

#[test]
fn another_seed_gives_another_trace() -> Result<(), String> {
    let jittered = plans()?.into_iter().find(|plan| plan.clients.len() > 50);
    let plan = jittered.ok_or("no scenario has many clients")?;
    let other = Plan { seed: 2, ..plan.clone() };
    assert_ne!(run(&plan).digest(), run(&other).digest());
    Ok(())
}
