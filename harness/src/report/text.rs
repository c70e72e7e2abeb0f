//! The report for people: a table by family, then one block for each failure.

use std::{io, time::Duration};

use comfy_table::{CellAlignment, Table, presets};

use super::{Conclusion, EXPECTED, Failure, Outcome, Report, cells, sdks};

/// How many unmet expectations are shown beside broken rules: a failure fits on a screen.
const EXPECTED_SHOWN_MAX: usize = 4;

pub(super) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    limits(report, out)?;
    writeln!(out, "{}", table(report))?;
    cells::held(&report.outcomes, out)?;
    for outcome in &report.outcomes {
        failures(outcome, out)?;
    }
    for outcome in &report.outcomes {
        for excuse in &outcome.excused {
            let rule = &excuse.failure.rule;
            writeln!(out, "\nexcused  {}: {rule}: {}", outcome.id, excuse.failure.got)?;
            writeln!(out, "  because  {}", excuse.because)?;
        }
        for lenience in &outcome.lenient {
            writeln!(out, "\n{}  {}: {}", lenience.grade, outcome.id, lenience.expectation)?;
            for better in &lenience.instead_of {
                writeln!(out, "  instead  {better}")?;
            }
        }
        if let Conclusion::Skipped { because } = &outcome.result {
            writeln!(out, "skipped  {}: {because}", outcome.id)?;
        }
    }
    sdks::render(&report.outcomes, out)?;
    closing(report, out)
}

/// The numbers that the rules judged by, where they are not the usual ones.
fn limits(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut others = report.limits.iter().filter(|(_, used)| used.value != used.default).peekable();
    let any = others.peek().is_some();
    for (name, used) in others {
        writeln!(out, "limit  {name}={}, by default {}", used.value, used.default)?;
    }
    if any { writeln!(out) } else { Ok(()) }
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "family",
        "scenarios",
        "held",
        "broke",
        "skipped",
        "simulated",
        "wall",
        "trace",
    ]);
    for family in families(report) {
        let count = |which: fn(&Conclusion) -> bool| {
            family.1.iter().filter(|outcome| which(&outcome.result)).count().to_string()
        };
        table.add_row([
            family.0.to_owned(),
            of_cells(cells::scenarios(family.1.iter().copied()), family.1.len()),
            count(|c| *c == Conclusion::Held),
            count(|c| *c == Conclusion::Broke),
            count(|c| matches!(c, Conclusion::Skipped { .. })),
            format!("{:.1} s", sum(&family.1, |o| o.simulated).as_secs_f64()),
            format!("{:.1} ms", sum(&family.1, |o| o.wall).as_secs_f64() * 1e3),
            combined(&family.1),
        ]);
    }
    for column in 1..=6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// How many scenarios there are, and in brackets how many cells where these are more.
fn of_cells(scenarios: usize, cells: usize) -> String {
    if scenarios == cells { cells.to_string() } else { format!("{scenarios} ({cells})") }
}

/// The scenarios of each folder, in order.
fn families(report: &Report) -> Vec<(&str, Vec<&Outcome>)> {
    let mut families: Vec<(&str, Vec<&Outcome>)> = Vec::new();
    for outcome in &report.outcomes {
        let name = outcome.id.rsplit_once('/').map_or("", |(folder, _)| folder);
        match families.last_mut() {
            Some((last, outcomes)) if *last == name => outcomes.push(outcome),
            _ => families.push((name, vec![outcome])),
        }
    }
    families
}

fn sum(outcomes: &[&Outcome], of: fn(&Outcome) -> Duration) -> Duration {
    outcomes.iter().map(|outcome| of(outcome)).sum()
}

/// One hash for many traces: of their hashes, in order.
fn combined(outcomes: &[&Outcome]) -> String {
    // A run alone is named by its own hash, as everywhere else.
    if let [one] = outcomes {
        return one.hash.chars().take(12).collect();
    }
    let mut hasher = blake3::Hasher::new();
    for outcome in outcomes {
        hasher.update(outcome.hash.as_bytes());
    }
    hasher.finalize().to_hex()[..12].to_owned()
}

/// A block for each rule. What the author expects beside them is mostly a consequence, so it gets a
/// block of its own only where no rule broke.
fn failures(outcome: &Outcome, out: &mut dyn io::Write) -> io::Result<()> {
    let (rules, mut expected): (Vec<&Failure>, Vec<&Failure>) =
        outcome.failures.iter().partition(|failure| failure.level != EXPECTED);
    for failure in &rules {
        block(outcome, failure, out)?;
    }
    if rules.is_empty() && !expected.is_empty() {
        block(outcome, expected.remove(0), out)?;
    }
    if expected.is_empty() {
        return Ok(());
    }
    let shown = expected.len().min(EXPECTED_SHOWN_MAX);
    for failure in &expected[..shown] {
        writeln!(out, "  also     {}: {}", failure.rule, failure.got)?;
    }
    match expected.len() - shown {
        0 => Ok(()),
        more => writeln!(out, "  also     {more} more expectations of the scenario"),
    }
}

fn block(outcome: &Outcome, failure: &Failure, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "\nBROKE  {}: {}", outcome.id, failure.got)?;
    writeln!(
        out,
        "  rule     {} ({}; {}): {}",
        failure.rule, failure.level, failure.citation, failure.demand
    )?;
    let client =
        failure.client.as_ref().map_or_else(String::new, |name| format!(", client {name}"));
    writeln!(
        out,
        "  where    host {}{client}, at {:.3} s, event {}",
        failure.host,
        failure.at.as_secs_f64(),
        failure.ordinal
    )?;
    for (index, wanted) in failure.wanted.iter().enumerate() {
        writeln!(out, "  {}{wanted}", if index == 0 { "wanted   " } else { "or       " })?;
    }
    writeln!(out, "  replay   {}", failure.replay)
}

fn closing(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let all: Vec<&Outcome> = report.outcomes.iter().collect();
    let skipped = report.count(|c| matches!(c, Conclusion::Skipped { .. }));
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    let cells = match report.outcomes.len() {
        count if count == report.scenarios() => String::new(),
        count => format!(" in {count} cells"),
    };
    let noun = if report.scenarios() == 1 { "scenario" } else { "scenarios" };
    writeln!(
        out,
        "\n{} {noun}{cells} against {}: {} held, {} broke{skipped}",
        report.scenarios(),
        report.target,
        report.count(|c| *c == Conclusion::Held),
        report.count(|c| *c == Conclusion::Broke),
    )?;
    writeln!(
        out,
        "seed {}, trace {}, select: {}, engine {}; {:.1} s simulated in {:.2} s",
        report.seed,
        combined(&all),
        report.select,
        report.engine,
        sum(&all, |o| o.simulated).as_secs_f64(),
        report.wall.as_secs_f64(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Format, Lenience};

    #[test]
    fn an_outcome_that_is_only_accepted_is_told_with_the_better_one_in_text_and_in_json() {
        let lenience = Lenience {
            expectation: "any_of: reader: ends".to_owned(),
            grade: "lenient",
            instead_of: vec!["strict: reader: ends: error_event, got broken: RST".to_owned()],
        };
        let outcome = Outcome {
            id: "dropped/cut".to_owned(),
            scenario: "dropped/cut".to_owned(),
            cell: indexmap::IndexMap::new(),
            title: String::new(),
            result: Conclusion::Held,
            hash: String::new(),
            simulated: Duration::ZERO,
            wall: Duration::ZERO,
            held: vec![],
            not_applicable: vec![],
            excused: vec![],
            lenient: vec![lenience],
            failures: vec![],
            sdks: vec![],
        };
        let report = Report {
            format_version: 1,
            target: "reference".to_owned(),
            engine: "turmoil-net",
            select: "seeded",
            seed: 1,
            limits: indexmap::IndexMap::new(),
            outcomes: vec![outcome],
            wall: Duration::ZERO,
        };
        let rendered = |format: Format| {
            let mut text = Vec::new();
            format.render(&report, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let told = "\nlenient  dropped/cut: any_of: reader: ends\n  \
                    instead  strict: reader: ends: error_event, got broken: RST\n";
        assert!(rendered(Format::Text).contains(told), "{}", rendered(Format::Text));
        let json: serde_json::Value = serde_json::from_str(&rendered(Format::Json)).unwrap();
        let lenient = serde_json::json!([{
            "expectation": "any_of: reader: ends",
            "grade": "lenient",
            "instead_of": ["strict: reader: ends: error_event, got broken: RST"],
        }]);
        assert_eq!(json["outcomes"][0]["lenient"], lenient);
        assert_eq!(json["outcomes"][0]["result"], "held");
    }
}
