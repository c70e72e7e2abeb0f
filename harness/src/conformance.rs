//! The front door for other crates: every scenario as a test of the relay that they bring.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use axum::Router;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::{
    net::Upstream,
    plan::Limits,
    report::{Conclusion, Format, Outcome},
    rules::limits,
    scenario::catalogue::{self, NotFound, ScenarioFile},
    suite::{self, Case, Settings},
    target::Target,
};

/// Runs every scenario of the catalogue inside this library against a relay, as tests named by
/// their ids, with the options of `cargo test`.
///
/// The relay is an axum [`Router`] over the service through which it calls its provider. Whatever
/// host name its calls use, they reach the simulated provider.
///
/// ```no_run
/// use axum::{Router, routing::get};
///
/// fn my_relay(upstream: harness::Upstream) -> Router {
///     Router::new().route("/healthz", get(|| async { "ok" })).with_state(upstream)
/// }
///
/// fn main() -> std::process::ExitCode {
///     harness::conformance(my_relay)
/// }
/// ```
pub fn conformance<F>(relay: F) -> ExitCode
where
    F: Fn(Upstream) -> Router + Send + Sync + 'static,
{
    Conformance::of(relay).run()
}

/// A conformance run with a folder of scenarios beside the catalogue.
#[derive(Debug)]
pub struct Conformance {
    target: Target,
    folders: Vec<PathBuf>,
    limits: Limits,
}

impl Conformance {
    /// Of a relay that is an axum [`Router`].
    pub fn of<F>(relay: F) -> Self
    where
        F: Fn(Upstream) -> Router + Send + Sync + 'static,
    {
        Self::of_target(Target::router("relay", relay))
    }

    /// Of any target: one that owns its server settings, claims capabilities or maps switches.
    pub fn of_target(target: Target) -> Self {
        Self { target, folders: Vec::new(), limits: Limits::default() }
    }

    /// Also runs the scenarios of a folder of one's own.
    #[must_use]
    pub fn with_scenarios(mut self, folder: impl AsRef<Path>) -> Self {
        self.folders.push(folder.as_ref().to_owned());
        self
    }

    /// Judges by other numbers than the usual ones: `["prompt-frames=25ms", "bounded-memory=1MiB"]`.
    /// [`limits::ALL`] has every one.
    ///
    /// # Panics
    /// Where a text sets no limit, with what would be right.
    #[must_use]
    #[track_caller]
    pub fn with_limits<T: AsRef<str>>(mut self, texts: &[T]) -> Self {
        match limits::read(texts) {
            Ok(limits) => self.limits = limits,
            Err(error) => panic!("{error}"),
        }
        self
    }

    fn settings(&self) -> Settings {
        Settings { limits: self.limits.clone(), ..Settings::of(self.target.clone()) }
    }

    /// Runs them, prints as `cargo test` does, and says how it went.
    pub fn run(self) -> ExitCode {
        let arguments = Arguments::from_args();
        let settings = Arc::new(self.settings());
        let mut trials = trials("the catalogue", catalogue::embedded(&[]), &settings);
        for folder in &self.folders {
            let found = catalogue::find(&[], folder);
            trials.extend(self::trials(&folder.to_string_lossy(), found, &settings));
        }
        libtest_mimic::run(&arguments, trials).exit_code()
    }
}

/// One test a scenario, and one a cell where it has a matrix; where they are not found, one that says so.
fn trials(
    place: &str,
    found: Result<Vec<ScenarioFile>, NotFound>,
    settings: &Arc<Settings>,
) -> Vec<Trial> {
    let trials = |file: ScenarioFile| match Case::read_all(&file) {
        Ok(cases) => cases.into_iter().map(|case| trial(case, settings)).collect(),
        Err(mistakes) => {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            vec![Trial::test(file.id, move || Err(texts.join("\n").into()))]
        }
    };
    match found {
        Ok(files) => files.into_iter().flat_map(trials).collect(),
        Err(error) => vec![Trial::test(place, move || Err(error.into()))],
    }
}

/// A case that is skipped counts as ignored, with the reason beside its name.
fn trial(case: Case, settings: &Arc<Settings>) -> Trial {
    let skipped = suite::skipped(&case, settings);
    let settings = Arc::clone(settings);
    let trial = Trial::test(case.id.clone(), move || judge(&case, &settings));
    match skipped {
        Some(because) => trial.with_ignored_flag(true).with_kind(because),
        None => trial,
    }
}

fn judge(case: &Case, settings: &Settings) -> Result<(), Failed> {
    let outcome = suite::outcome(case, settings);
    match outcome.result {
        Conclusion::Broke => Err(text(outcome, settings).into()),
        Conclusion::Held | Conclusion::Skipped { .. } => Ok(()),
    }
}

/// The failure blocks of one outcome.
fn text(outcome: Outcome, settings: &Settings) -> String {
    let wall = outcome.wall;
    let report = suite::report(vec![outcome], settings, wall);
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    drop(Format::Text.render(&report, &mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: &str = "proxy-buffering/ten-events-come-one-by-one";

    /// What `cargo test` says of a relay that passes events on 200 ms late.
    fn judged_by(limits: &[&str]) -> Result<(), String> {
        let target = Target::broken("forgets-flush").ok_or("it is there")?;
        let settings = Conformance::of_target(target).with_limits(limits).settings();
        let files = catalogue::embedded(&[TEN.to_owned()]).map_err(|error| error.to_string())?;
        let cases = Case::read_all(&files[0]).map_err(|_| "it is right")?;
        judge(&cases[0], &settings)
            .map_err(|failed| failed.message().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_relay_is_judged_by_the_limits_of_its_own_test() {
        assert_eq!(judged_by(&["prompt-frames=200ms"]), Ok(()));
        let told = judged_by(&["prompt-frames=199ms"]).unwrap_err();
        assert!(told.starts_with("limit  prompt-frames=199ms, by default 10ms\n"), "{told}");
        assert!(told.contains("each event leaves within 199ms of its arrival, not"), "{told}");
    }

    #[test]
    #[should_panic(expected = "there is no limit `promt-frames`; did you mean `prompt-frames`?")]
    fn a_limit_that_is_none_is_told_before_anything_runs() {
        drop(judged_by(&["promt-frames=25ms"]));
    }
}
