//! The program as people call it: exit codes, what goes to stdout, what to stderr.

use std::{
    path::Path,
    process::{Command, Output},
};

fn whitewater(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whitewater"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    command.args(arguments).current_dir(root).output().expect("the program starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn log(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const TEN: &str = "proxy-buffering/ten-events-come-one-by-one";

#[test]
fn a_run_in_which_all_holds_ends_with_0_and_says_nothing_on_stderr() {
    let output = whitewater(&["run", TEN]);
    assert_eq!(output.status.code(), Some(0));
    assert!(out(&output).contains("1 scenarios against reference: 1 held, 0 broke"));
    assert_eq!(log(&output), "");
}

#[test]
fn a_broken_rule_ends_with_1_and_is_told_with_the_command_that_replays_it() {
    let output = whitewater(&["run", TEN, "--relay", "broken/forgets-flush", "--seed", "7"]);
    assert_eq!(output.status.code(), Some(1));
    let replay = format!("whitewater run '{TEN}' --relay broken/forgets-flush --seed 7");
    assert!(out(&output).contains(&replay), "{}", out(&output));
}

#[test]
fn a_file_elsewhere_is_named_by_its_path_and_can_be_replayed_by_it() {
    let folder = std::env::temp_dir().join(format!("whitewater-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    let path = folder.join("mine.yaml").display().to_string();
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../scenarios/{TEN}.yaml"));
    std::fs::copy(original, &path).expect("the scenario can be copied");
    let output = whitewater(&["run", &path, "--relay", "broken/forgets-flush"]);
    assert_eq!(output.status.code(), Some(1), "{}", log(&output));
    let replay = format!("whitewater run '{path}' --relay broken/forgets-flush --seed 1");
    assert!(out(&output).contains(&replay), "{}", out(&output));

    let written_otherwise = format!("./scenarios/{TEN}.yaml");
    assert!(out(&whitewater(&["run", &written_otherwise, "--format", "json"])).contains(TEN));
    std::fs::remove_dir_all(&folder).expect("the temporary folder can be removed");
}

#[test]
fn the_json_report_is_one_object_with_a_version() {
    let output = whitewater(&["run", TEN, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(report["format_version"], 1);
    assert_eq!(report["outcomes"][0]["id"], TEN);
    assert_eq!(report["outcomes"][0]["result"], "held");
    assert_eq!(report["outcomes"][0]["failures"].as_array().map(Vec::len), Some(0));
}

#[test]
fn bad_input_ends_with_2_and_runs_nothing() {
    for (arguments, told) in [
        (&["run", "no-such-folder/*"][..], "no scenario matches `no-such-folder/*`"),
        (&["run", TEN, "--tag", "no-such-tag"], "no scenario has the tags no-such-tag"),
        (&["run", "--relay", "broken/forgets-flsh"], "did you mean `broken/forgets-flush`?"),
        (&["check", "harness/tests/bad_input"], "nothing was run"),
        (&["explain"], "name a rule, a scenario, `broken/NAME` or a word of the language"),
        (&["explain", "promt-frames"], "did you mean `prompt-frames`?"),
        (&["explain", "strem"], "did you mean `stream`?"),
        (&["explain", "no-such-folder/*"], "no scenario matches `no-such-folder/*`"),
        (&["run", "--engine", "ns-3"], "turmoil-net"),
    ] {
        let output = whitewater(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", log(&output));
        assert!(log(&output).contains(told), "{arguments:?}: {}", log(&output));
        assert_eq!(out(&output), "", "{arguments:?}");
    }
}

#[test]
fn each_catalogue_is_listed_and_each_entry_explained() {
    for (catalogue, entry) in
        [("scenarios", TEN), ("rules", "honest-ending"), ("relays", "broken/forgets-flush")]
    {
        let listed = whitewater(&["list", catalogue]);
        assert_eq!(listed.status.code(), Some(0));
        assert!(out(&listed).lines().any(|line| line.starts_with(entry)), "{catalogue}");
        let explained = whitewater(&["explain", entry]);
        assert_eq!(explained.status.code(), Some(0));
        assert!(out(&explained).starts_with(entry), "{}", out(&explained));
    }
}

#[test]
fn away_from_the_checkout_the_catalogue_inside_the_program_serves() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whitewater"));
    let output = command.args(["run", TEN]).current_dir(std::env::temp_dir()).output();
    assert_eq!(output.expect("the program starts").status.code(), Some(0));
}
