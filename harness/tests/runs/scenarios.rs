//! Every scenario is a test of its own: the reference relay holds all rules in it, and each client
//! receives exactly the frames of the snapshot beside it.

use std::path::PathBuf;

use harness::{
    net::Engine,
    report::{self, Conclusion},
    scenario::catalogue,
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
    let case = support::read(&file)?;
    let id = case.id.clone();
    let settings = Settings { target: Target::reference(), engine: Engine::TurmoilNet, seed: 1 };

    let outcome = suite::outcome(&case, &settings);
    let plan = case.plan(1);
    let story = trace::story(&plan, &world::run(&plan, &settings.target, settings.engine));

    let mut snapshots = insta::Settings::clone_current();
    snapshots.set_snapshot_path(path.parent().unwrap_or(&root));
    snapshots.set_prepend_module_to_snapshot(false);
    snapshots.set_omit_expression(true);
    snapshots.set_description(format!("cargo run -p harness -- run '{id}'"));
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    snapshots.bind(|| insta::assert_snapshot!(name, story));

    if outcome.result == Conclusion::Held {
        return Ok(());
    }
    let mut text = Vec::new();
    let all = suite::report(vec![outcome], &settings, std::time::Duration::ZERO);
    report::Format::Text.render(&all, &mut text).map_err(|error| error.to_string())?;
    Err(format!("{id}\n{}", String::from_utf8_lossy(&text)))
}
