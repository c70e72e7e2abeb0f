//! `docs/sdks.md`: what each SDK makes of each scenario, and what broken relays spoil for it.

use std::{collections::BTreeMap, fmt::Write as _};

use harness::{
    broken,
    profile::{self, Outcome},
    report::{self, Made, Report},
    scenario::catalogue,
    suite::{self, Case, Settings},
    target::Target,
};

use super::text::table;

/// Broken relays whose mistakes applications notice, or should.
const BROKEN: &[&str] = &[
    "drops-late-events",
    "keeps-data-lines-only",
    "decodes-each-chunk",
    "splits-on-two-newlines",
    "heartbeat-inside-events",
    "thirty-second-timeout",
    "always-done",
    "ends-cleanly",
    "splices-its-error",
    "appends-json",
    "replays-the-answer",
    "article-relay",
];

/// Where broken relays are tried.
const AREAS: &[&str] =
    &["any-cut", "dropped-connections", "heartbeats", "retries", "sdks", "slow-providers"];

pub(crate) fn page() -> Result<String, String> {
    let cases = cases()?;
    let reference = run(&cases, Target::reference());
    // Of these areas, what has something that an SDK would read.
    let is_meant = |id: &str| AREAS.iter().any(|area| id.split('/').next() == Some(area));
    let spoken_of: Vec<Case> = cases
        .into_iter()
        .zip(&reference.outcomes)
        .filter(|(case, outcome)| is_meant(&case.id) && !outcome.sdks.is_empty())
        .map(|(case, _)| case)
        .collect();
    let mut page = String::from(HEAD);
    page.push_str(&words());
    page.push_str(REFERENCE);
    page.push_str(&scenarios(&reference));
    let _ = write!(page, "{SPOILT}{}.\n\n", AREAS.join(", "));
    page.push_str(&spoilt(&spoken_of)?);
    let _ = write!(page, "\n{}", libraries());
    Ok(page)
}

const HEAD: &str = "# What SDKs make of it

A relay is used through an SDK. Six of them are modelled (`harness/src/profile`), each from its source
and compared with measurements of it. They read the exact bytes that the clients of a scenario got, and
what their applications see is held against what the provider meant: its own bytes, read as the HTML
standard says. `whitewater run --sdks` says the same of any relay and any scenario.

";

const REFERENCE: &str = "
## Scenarios with the reference relay

Of several answers each kind is counted. `+` marks answers with which an application is better off than
without a relay, where the SDK would have been deceived or left waiting by the provider's own bytes; `-`
marks those with which it is worse off. Scenarios without a chat completion that a client wanted to the
end are left out.

";

const SPOILT: &str = "
## What broken relays spoil

The answers with which an application is worse off than without the relay, over the scenarios of ";

fn cases() -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for file in catalogue::embedded(&[]).map_err(|error| error.to_string())? {
        let read = Case::read_all(&file);
        cases.extend(read.map_err(|mistakes| format!("{}: {mistakes:?}", file.id))?);
    }
    Ok(cases)
}

fn run(cases: &[Case], target: Target) -> Report {
    let settings = Settings { sdks: true, ..Settings::of(target) };
    suite::run(cases, &settings, &|_, _| {})
}

fn words() -> String {
    let row = |outcome: Outcome| vec![format!("`{}`", outcome.name()), outcome.says().to_owned()];
    table(&["word", "what the application sees"], Outcome::ALL.map(row))
}

fn libraries() -> String {
    let row = |profile: &profile::Profile| {
        vec![format!("`{}`", profile.name), profile.library.to_owned()]
    };
    table(&["profile", "written from"], profile::ALL.iter().map(row))
}

fn header(first: &str) -> Vec<&str> {
    std::iter::once(first).chain(profile::ALL.iter().map(|profile| profile.name)).collect()
}

/// How often each kind of answer came.
type Counts = BTreeMap<(Outcome, &'static str), usize>;

fn add(counts: &mut Counts, made: &Made) {
    let mark = match (made.is_better(), made.is_worse()) {
        (true, _) => "+",
        (_, true) => "-",
        (false, false) => "",
    };
    *counts.entry((made.outcome, mark)).or_default() += made.answers;
}

fn cell(counts: &Counts) -> String {
    let is_alone = counts.len() == 1;
    let one = |((outcome, mark), count): (&(Outcome, &str), &usize)| {
        let count = if is_alone { String::new() } else { format!(" {count}") };
        format!("{}{mark}{count}", outcome.name())
    };
    counts.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn of_sdk<'a>(
    outcomes: impl IntoIterator<Item = &'a report::Outcome>,
    sdk: &str,
    which: impl Fn(&Made) -> bool,
) -> Counts {
    let views = outcomes.into_iter().flat_map(|outcome| &outcome.sdks);
    let made = views.filter(|view| view.sdk == sdk).flat_map(|view| &view.made);
    made.filter(|made| which(made)).fold(Counts::new(), |mut counts, made| {
        add(&mut counts, made);
        counts
    })
}

fn scenarios(report: &Report) -> String {
    let cells = report.outcomes.chunk_by(|one, other| one.scenario == other.scenario);
    let rows = cells.filter(|cells| cells.iter().any(|cell| !cell.sdks.is_empty())).map(|cells| {
        let id = &cells[0].scenario;
        let mut row = vec![format!("[{id}](../scenarios/{id}.yaml)")];
        row.extend(profile::ALL.iter().map(|sdk| cell(&of_sdk(cells, sdk.name, |_| true))));
        row
    });
    table(&header("scenario"), rows.collect::<Vec<_>>())
}

fn spoilt(cases: &[Case]) -> Result<String, String> {
    let mut rows = Vec::new();
    for name in BROKEN {
        let relay = broken::find(name).ok_or_else(|| format!("there is no broken/{name}"))?;
        let report = run(cases, relay.target());
        let mut row = vec![format!("`broken/{name}`: {}", relay.mistake)];
        row.extend(profile::ALL.iter().map(|sdk| {
            let counts = of_sdk(&report.outcomes, sdk.name, Made::is_worse);
            // All of them are worse.
            let text = cell(&counts).replace('-', "");
            if text.is_empty() { "nothing".to_owned() } else { text }
        }));
        rows.push(row);
    }
    Ok(table(&header("relay"), rows))
}
