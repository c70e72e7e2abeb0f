//! What bad input gets: for each kind of mistake, the whole message.

use std::path::PathBuf;

use harness::scenario::load;
use rstest::rstest;

/// Rules to speak of: the loader is told which exist.
const RULES: &[&str] = &["payload-intact", "prompt-frames", "honest-ending"];

#[rstest]
fn a_mistake_is_named_with_its_place_and_its_remedy(
    #[files("tests/bad_input/*.yaml")] path: PathBuf,
) {
    let text = std::fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    let wrong = load(&name, &text, RULES).expect_err("a file of this folder is wrong");
    let messages: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("bad_input");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!(path.file_stem().unwrap().to_str(), messages.join("\n\n"));
    });
}
