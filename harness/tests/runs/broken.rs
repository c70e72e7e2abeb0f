//! Each broken relay is caught by the rules that its file names, in some scenario, and by no other
//! rule in any: one test a relay. Each rule is needed: in some scenario it alone sees a mistake.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{LazyLock, OnceLock},
};

use harness::{
    broken::{self, Broken},
    report::EXPECTED,
    rules::Level,
    suite::{self, Case, Settings},
};
use rstest::rstest;

use super::support;

/// The catalogue, read once for all tests.
fn cases() -> Result<&'static [Case], String> {
    static CASES: OnceLock<Result<Vec<Case>, String>> = OnceLock::new();
    CASES.get_or_init(support::cases).as_deref().map_err(Clone::clone)
}

/// The rules that break in each cell where one does.
type Cells = BTreeMap<String, BTreeSet<String>>;

/// What a relay breaks; it is run once, whichever test asks first.
fn cells(relay: &Broken) -> Result<&'static Cells, String> {
    static ALL: LazyLock<BTreeMap<&str, OnceLock<Result<Cells, String>>>> =
        LazyLock::new(|| broken::ALL.iter().map(|relay| (relay.name, OnceLock::new())).collect());
    ALL[relay.name].get_or_init(|| run(relay)).as_ref().map_err(Clone::clone)
}

/// Expectations of scenarios are left aside: what their authors expect is mostly a consequence, and so
/// is a client that waits for what a relay keeps. A panic is not.
fn run(relay: &Broken) -> Result<Cells, String> {
    let report = suite::run(cases()?, &Settings::of(relay.target()), &|_, _| {});
    let informs = Level::Info.name();
    let mut cells = Cells::new();
    for outcome in report.outcomes {
        // What only informs fails nothing, and is told beside what a scenario excuses.
        let told = outcome.excused.into_iter().map(|excuse| excuse.failure);
        let told = told.filter(|failure| failure.level == informs);
        let broke = outcome.failures.into_iter().chain(told);
        let broke = broke
            .filter(|failure| failure.level != EXPECTED || failure.rule == "nothing panics")
            .map(|failure| failure.rule);
        let rules: BTreeSet<String> = broke.collect();
        if !rules.is_empty() {
            cells.insert(outcome.id, rules);
        }
    }
    Ok(cells)
}

#[rstest]
fn breaks_what_it_should(
    #[files("src/broken/**/*.rs")]
    #[exclude("/parts/|/mod.rs$")]
    path: PathBuf,
) -> Result<(), String> {
    let name = path.to_string_lossy().replace('_', "-");
    let below = name.rsplit_once("src/broken/").map_or(name.as_str(), |(_, below)| below);
    let name = below.trim_end_matches(".rs").replace('/', "-");
    let relay = broken::find(&name).ok_or_else(|| format!("there is no broken/{name}"))?;
    let broke: BTreeSet<&str> = cells(relay)?.values().flatten().map(String::as_str).collect();
    let should: BTreeSet<&str> = relay.caught_by.iter().copied().collect();
    if broke != should {
        return Err(format!("broken/{name} breaks {broke:?}, should break {should:?}"));
    }
    Ok(())
}

/// Switched off, each rule lets some relay go uncaught in some scenario: there nothing else breaks.
#[test]
fn without_any_one_judge_some_broken_relay_goes_uncaught() -> Result<(), String> {
    let mut alone: BTreeSet<&str> = BTreeSet::new();
    for relay in broken::ALL {
        let single = cells(relay)?.values().filter(|rules| rules.len() == 1);
        alone.extend(single.flatten().map(String::as_str));
    }
    let known: BTreeSet<&str> =
        broken::ALL.iter().flat_map(|relay| relay.caught_by).copied().collect();
    let missing: Vec<&&str> = known.difference(&alone).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("{missing:?} see no mistake that others do not see: write a relay for each"))
}
