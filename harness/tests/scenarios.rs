//! Every scenario is a test of its own: the reference relay holds all rules in it, and each client
//! receives exactly the frames of the snapshot beside it.

use std::path::{Path, PathBuf};

use harness::{
    net::Engine,
    plan, report, rules,
    report::Conclusion,
    scenario::{self, catalogue},
    suite::{self, Case, Settings},
    target::Target,
    trace, world,
};
use rstest::rstest;

#[rstest]
fn holds_and_gives_the_frames_of_its_snapshot(
    #[files("../scenarios/**/*.yaml")]
    #[exclude("/common/")]
    path: PathBuf,
) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let root = root.canonicalize().map_err(|error| error.to_string())?;
    let id = catalogue::id(&path, &root);
    let case = load(&path, &id)?;
    let settings = Settings { target: Target::reference(), engine: Engine::TurmoilNet, seed: 1 };

    let outcome = suite::outcome(&case, &settings);
    let plan = plan::plan(&case.scenario, &id, 1);
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

fn load(path: &Path, id: &str) -> Result<Case, String> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rules: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    let scenario = scenario::load(&path.display().to_string(), &text, &rules).map_err(|all| {
        all.iter().map(|one| one.render(&text)).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Case { id: id.to_owned(), scenario })
}
