//! `scenarios/README.md`: the catalogue by area.

use std::fmt::Write as _;

use harness::{scenario::catalogue, suite::Case};

use super::text::{linked, table};

const HEAD: &str = "# Scenarios

What is played, one file a scenario, one folder an area. Beside each file stands the snapshot of all that
its clients get through the reference relay. Where a scenario has a matrix, the number of its cells stands
behind its name.

";

pub(crate) fn page() -> Result<String, String> {
    let mut scenarios = Vec::new();
    for file in catalogue::embedded(&[]).map_err(|error| error.to_string())? {
        let cases = Case::read_all(&file).map_err(|wrong| format!("{}: {wrong:?}", file.id))?;
        scenarios.push((file.id, cases));
    }
    let area = |id: &str| id.split('/').next().unwrap_or_default().to_owned();
    let mut page = String::from(HEAD);
    let areas: Vec<_> = scenarios.chunk_by(|(a, _), (b, _)| area(a) == area(b)).collect();
    for scenarios in &areas {
        let area = area(&scenarios[0].0);
        let _ = writeln!(page, "- [{area}](#{area}): {}", scenarios.len());
    }
    for scenarios in areas {
        let _ = write!(page, "\n## {}\n\n", area(&scenarios[0].0));
        let rows = scenarios.iter().map(|(id, cases)| row(id, cases));
        page.push_str(&table(&["scenario", "shows", "proves", "cites"], rows));
    }
    Ok(page)
}

fn row(id: &str, cases: &[Case]) -> Vec<String> {
    let (_, name) = id.split_once('/').unwrap_or(("", id));
    let cells = if cases.len() == 1 { String::new() } else { format!(" ({})", cases.len()) };
    let scenario = &cases[0].scenario;
    let proves: Vec<String> = scenario.proves.iter().map(|rule| format!("`{rule}`")).collect();
    let cites: Vec<String> = scenario.cites.iter().map(|cite| linked(cite)).collect();
    vec![
        format!("[{name}]({id}.yaml){cells}"),
        scenario.title.clone(),
        proves.join(", "),
        cites.join(", "),
    ]
}
