//! Every scenario is a test of its own: the reference relay holds all rules in each of its cells,
//! and each client receives exactly the frames of the snapshot beside it.

use std::path::PathBuf;

use harness::{
    report::{self, Conclusion},
    scenario::{CellName, catalogue},
    suite::{self, Settings},
    target::Target,
    trace, world,
};

use super::support;
use rstest::rstest;

#[rstest]
fn holds_and_gives_the_frames_of_its_snapshot(
    #[files("../scenarios/**/*.yaml")]
    #[exclude("/common/")]
    path: PathBuf,
) -> Result<(), String> {
    let root = support::root().canonicalize().map_err(|error| error.to_string())?;
    let path = path.canonicalize().map_err(|error| error.to_string())?;
    let found = catalogue::find(&[path.display().to_string()], &root);
    let file = found.map_err(|error| error.to_string())?.remove(0);
    let cases = support::read(&file)?;
    let id = &file.id;
    let settings = Settings::of(Target::reference());

    let outcomes: Vec<_> = cases.iter().map(|case| suite::outcome(case, &settings)).collect();
    let stories = cases.iter().map(|case| {
        let plan = case.plan(1);
        trace::story(&plan, &world::run(&plan, &settings.target, settings.engine))
    });
    let cells = cases.iter().map(|case| CellName::split(&case.id).1);
    let story = told(cells.zip(stories).collect());

    let mut snapshots = insta::Settings::clone_current();
    snapshots.set_snapshot_path(path.parent().unwrap_or(&root));
    snapshots.set_prepend_module_to_snapshot(false);
    snapshots.set_omit_expression(true);
    snapshots.set_description(format!("cargo run -p harness -- run '{id}'"));
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    snapshots.bind(|| insta::assert_snapshot!(name, story));

    if outcomes.iter().all(|outcome| outcome.result == Conclusion::Held) {
        return Ok(());
    }
    let mut text = Vec::new();
    let all = suite::report(outcomes, &settings, std::time::Duration::ZERO);
    report::Format::Text.render(&all, &mut text).map_err(|error| error.to_string())?;
    Err(format!("{id}\n{}", String::from_utf8_lossy(&text)))
}

/// The story of a scenario; of a matrix each story that differs, below the cells that come out so.
/// Stories are compared without their titles, which may name the cell.
fn told(stories: Vec<(CellName, String)>) -> String {
    let count = stories.len();
    let mut outcomes: Vec<(Vec<CellName>, String)> = Vec::new();
    for (cell, story) in stories {
        let body = |story: &str| story.split_once('\n').map(|(_, body)| body.to_owned());
        match outcomes.iter_mut().find(|(_, other)| body(other) == body(&story)) {
            Some((cells, _)) => cells.push(cell),
            None => outcomes.push((vec![cell], story)),
        }
    }
    if let [(cells, story)] = outcomes.as_slice()
        && cells.iter().all(|cell| cell.axes.is_empty())
    {
        return story.clone();
    }
    let mut text = format!("{count} cells, {} outcomes\n", outcomes.len());
    for (cells, story) in outcomes {
        text.push('\n');
        for cell in cells {
            text.push_str(&cell.to_string());
            text.push('\n');
        }
        text.push_str(&story);
    }
    text
}
