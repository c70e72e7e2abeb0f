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
    assert!(out(&output).contains("1 scenario against reference: 1 held, 0 broke"));
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

/// All six SDKs are deceived by a body that ends as if it were whole; none is by an error event.
#[test]
fn a_run_tells_what_sdks_make_of_it_where_that_is_asked_and_json_always_does() {
    let cut = "dropped-connections/provider-truncates-the-body";
    let cleanly = whitewater(&["run", cut, "--relay", "broken/ends-cleanly", "--sdks"]);
    let told = out(&cleanly);
    assert!(told.contains("sdk  go-openai is worse off than without it: silent truncation 1"));
    assert!(told.contains("reader sees: silent truncation; without it: error"), "{told}");
    assert!(out(&whitewater(&["run", cut, "--sdks"])).contains("sdk  fine with this relay: "));
    assert!(!out(&whitewater(&["run", cut])).contains("sdk"));
    let output = whitewater(&["run", cut, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let sdks = report["outcomes"][0]["sdks"].as_array().expect("it is a list");
    assert_eq!(sdks.len(), 6);
    let made = serde_json::json!({ "outcome": "error", "direct": "error", "answers": 1, "client": "reader" });
    for (key, value) in made.as_object().expect("it is an object") {
        assert_eq!(&sdks[0]["made"][0][key], value, "{sdks:?}");
    }
}

#[test]
fn bad_input_ends_with_2_and_runs_nothing() {
    for (arguments, told) in [
        (&["run", "no-such-folder/*"][..], "no scenario matches `no-such-folder/*`"),
        (&["run", "no-such-file.yaml"], "there is no file or folder `no-such-file.yaml`"),
        (&["check", "./no-such-folder"], "there is no file or folder `./no-such-folder`"),
        (&["explain", "no-such-file.yaml"], "there is no file or folder `no-such-file.yaml`"),
        (&["run", "scenarios/common"], "no scenario stands in the folder `scenarios/common`"),
        (
            &["run", "any-cut/*", "--scenarios", "no-such-folder"],
            "there is no file or folder `no-such-folder`",
        ),
        (&["run", TEN, "--tag", "no-such-tag"], "no scenario has the tags no-such-tag"),
        (
            &["run", "--tag", "buffring"],
            "no scenario has the tags buffring; did you mean `buffering`?",
        ),
        (&["list", "rules", "honest-ending"], "`list rules` lists all of them, and takes no names"),
        (&["list", "relays", "--tag", "buffering"], "and no options"),
        (&["list", "steps", "--scenarios", "scenarios"], "`list steps` lists all of them"),
        (&["explain", TEN, "--tag", "buffering"], "unexpected argument '--tag'"),
        (&["explain", "forgets-flsh"], "did you mean `forgets-flush`?"),
        (&["explain", "broken/forgets-flsh"], "did you mean `broken/forgets-flush`?"),
        (&["explain", "refrence"], "did you mean `reference`?"),
        (&["run", "--relay", "broken/forgets-flsh"], "did you mean `broken/forgets-flush`?"),
        (&["run", "harness/tests/bad_input"], "nothing was run"),
        (&["list", "no-such-catalogue"], "possible values: scenarios, tags, rules, limits, relays"),
        (&["new", "Two Words"], "did you mean `two-words`?"),
        (&["new", "a/b/c"], "is not in kebab-case"),
        (&["new", "../a"], "the area `..` is not in kebab-case"),
        (&["new", "a/b", "--area", "c"], "are two areas: name one"),
        (&["new", "a", "--from", "strem"], "possible values: stream, refusal, slow-client"),
        (&["check", TEN, "--show", "--format", "github"], "`--show` goes with"),
        (&["check", TEN, "--tag", "no-such-tag"], "no scenario has the tags no-such-tag"),
        (&["check", TEN, "--seed", "2"], "--show"),
        (&["completions", "tcsh"], "possible values: bash"),
        (&["no-such-command"], "unrecognized subcommand"),
        (&["explain"], "name a rule, a scenario, a relay or a word of the language"),
        (&["explain", "promt-frames"], "did you mean `prompt-frames`?"),
        (&["explain", "strem"], "did you mean `stream`?"),
        (&["explain", "no-such-folder/*"], "no scenario matches `no-such-folder/*`"),
        (&["run", "--engine", "ns-3"], "turmoil-net"),
        (&["run", TEN, "--limit", "promt-frames=5ms"], "did you mean `prompt-frames`? (limits: "),
        (
            &["run", TEN, "--limit", "prompt-frames=5"],
            "`5` is not a time: a whole number with its unit",
        ),
        (&["run", TEN, "--limit", "prompt-frames=5ms", "--trace"], "cannot be used with"),
        (&["run", TEN, "--pcap", "Cargo.toml"], "cannot make the folder Cargo.toml for --pcap: "),
        (&["run", TEN, "--pcap", "Cargo.toml/below"], "name one that can be written"),
        (&["run", TEN, "--pcap", "target/tmp", "--engine", "turmoil"], "turmoil shows no packets"),
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
    let short = out(&whitewater(&["explain", "forgets-flush"]));
    assert_eq!(short, out(&whitewater(&["explain", "broken/forgets-flush"])));
    let reference = out(&whitewater(&["explain", "reference"]));
    assert!(reference.starts_with("reference\n"), "{reference}");
    assert!(reference.contains("  switches  heartbeat, "), "{reference}");
}

#[test]
fn the_help_of_explain_speaks_of_what_it_explains() {
    let help = out(&whitewater(&["explain", "--help"]));
    for word in ["[NAME]", "Rules (`honest-ending`)", "--scenarios"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for word in ["--tag", "everything where none is"] {
        assert!(!help.contains(word), "{word}: {help}");
    }
}

/// Several tags are needed all together, which the help says and what is listed shows.
#[test]
fn tags_are_listed_with_their_scenarios_and_several_narrow_a_selection() {
    let count = |tags: &[&str]| {
        let with: Vec<&str> = tags.iter().flat_map(|tag| ["--tag", tag]).collect();
        let listed = out(&whitewater(&[&["list", "scenarios"], &with[..]].concat()));
        listed.lines().count()
    };
    let (headers, middlebox) = (count(&["headers"]), count(&["middlebox"]));
    let both = count(&["headers", "middlebox"]);
    assert!(0 < both && both < headers && both < middlebox, "{headers} {middlebox} {both}");
    let tags = out(&whitewater(&["list", "tags"]));
    for (tag, scenarios) in [("headers", headers), ("middlebox", middlebox)] {
        let line = format!("{tag}: {scenarios} scenarios");
        assert!(tags.lines().any(|told| told == line), "{line}: {tags}");
    }
    let mut sorted: Vec<&str> = tags.lines().collect();
    sorted.sort_unstable();
    assert_eq!(sorted, tags.lines().collect::<Vec<_>>());
    let help = out(&whitewater(&["run", "--help"]));
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("several times, and then all of the tags are needed"), "{help}");
}

/// The command that a failure gives for running it again is the whole of what was said.
#[test]
fn a_limit_is_said_in_the_head_and_in_the_command_that_replays() {
    let limit = "--limit prompt-frames=199ms";
    let said = ["--limit", "prompt-frames=199ms", "--limit", "bounded-memory=256KiB"];
    let run = ["run", TEN, "--relay", "broken/forgets-flush"];
    let output = whitewater(&[&run[..], &said].concat());
    let told = out(&output);
    assert_eq!(output.status.code(), Some(1), "{}", log(&output));
    assert!(told.starts_with("limit  prompt-frames=199ms, by default 10ms\n\n"), "{told}");
    let replay = format!("whitewater run '{TEN}' --relay broken/forgets-flush --seed 1 {limit}\n");
    assert!(told.contains(&replay), "{told}");
    let arguments: Vec<&str> = replay.split_whitespace().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(|word| word.trim_matches('\'')).collect();
    let again = out(&whitewater(&arguments));
    let blocks =
        |text: &str| text.split("\n\n").filter(|b| b.starts_with("BROKE")).collect::<String>();
    assert_eq!(blocks(&again), blocks(&told));
    assert_eq!(
        whitewater(&[&run[..], &["--limit", "prompt-frames=200ms"]].concat()).status.code(),
        Some(0)
    );
}

#[test]
fn limits_are_listed_with_their_defaults_and_explained_with_their_rule() {
    let listed = out(&whitewater(&["list", "limits"]));
    let line =
        "drain.last-words=2s: how long the last words to clients may take after the grace (ours)";
    assert!(listed.lines().any(|told| told == line), "{listed}");
    let explained = out(&whitewater(&["explain", "drain.grace"]));
    assert_eq!(explained, out(&whitewater(&["explain", "drain"])));
    assert!(explained.contains(&format!("\n  limit     {line}\n")), "{explained}");
    assert!(explained.contains("and is gone 2s after it\n"), "{explained}");
    assert!(!out(&whitewater(&["explain", "honest-ending"])).contains("limit"));
}

#[test]
fn away_from_the_checkout_the_catalogue_inside_the_program_serves() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whitewater"));
    let output = command.args(["run", TEN]).current_dir(std::env::temp_dir()).output();
    assert_eq!(output.expect("the program starts").status.code(), Some(0));
}

/// A folder of its own, below the target folder.
fn folder(test: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(test);
    match std::fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
    }
    std::fs::create_dir_all(&folder).expect("the target folder takes folders");
    folder
}

/// Every file below a folder, by its path there.
fn files(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if entry.path().is_dir() {
            let below = self::files(&entry.path());
            files.extend(below.into_iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else {
            files.insert(name, std::fs::read(entry.path()).expect("it can be read"));
        }
    }
    files
}

#[test]
fn pcap_writes_a_capture_for_each_cell_the_same_bytes_each_time() {
    let cells = "any-cut/every-line-end-at-every-cut[space=one,cut=1]";
    let captured = |name: &str, more: &[&str]| {
        let folder = folder("pcap").join(name);
        let arguments = ["run", TEN, cells, "--pcap", &folder.display().to_string()];
        let output = whitewater(&[&arguments[..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", log(&output));
        assert_eq!(log(&output), format!("4 captures written below {}\n", folder.display()));
        files(&folder)
    };
    let first = captured("first", &[]);
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    let cell = |eol: &str| {
        format!("any-cut/every-line-end-at-every-cut[eol={eol},space=one,cut=1].pcapng")
    };
    assert_eq!(names, [&cell("cr"), &cell("crlf"), &cell("lf"), &format!("{TEN}.pcapng")]);
    assert_eq!(first, captured("second", &[]));
    assert_eq!(first, captured("with-trace", &["--trace"]));
    assert_ne!(first, captured("other-seed", &["--seed", "2"]));
}

#[test]
fn a_capture_that_cannot_be_written_is_told_and_the_run_ends_with_2() {
    let folder = folder("pcap-in-the-way");
    std::fs::create_dir_all(folder.join(format!("{TEN}.pcapng"))).expect("a folder");
    let output = whitewater(&["run", TEN, "--pcap", &folder.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(log(&output).contains(&format!("{TEN}.pcapng: Is a directory")), "{}", log(&output));
}

/// Two files with mistakes, one with weaknesses, one that is right.
fn mixed(test: &str) -> String {
    let folder = folder(test);
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../scenarios/{TEN}.yaml"));
    let right = std::fs::read_to_string(right).expect("the scenario can be read");
    let weak = right.replace("title: ", "title: \"").replacen('\n', ".\"\n", 1);
    for (name, text) in [
        ("a.yaml", format!("nonsense: 1\n{right}")),
        ("b.yaml", format!("{right}clients:\n  - name: x\n")),
        ("c.yaml", weak),
        ("d.yaml", right.clone()),
    ] {
        std::fs::write(folder.join(name), text).expect("the target folder takes files");
    }
    folder.display().to_string()
}

#[test]
fn check_tells_the_mistakes_of_all_files_on_stdout_and_sums_up_on_stderr() {
    let folder = mixed("all-files");
    let output = whitewater(&["check", &folder]);
    assert_eq!(output.status.code(), Some(2));
    let told = out(&output);
    for (file, message) in [
        ("a.yaml:1:1", "error: unknown key `nonsense`"),
        ("b.yaml", "error: the key `clients` stands twice"),
        ("c.yaml:1:8", "warning: the title ends with a full stop"),
    ] {
        assert!(told.contains(file) && told.contains(message), "{message}\n{told}");
    }
    assert!(!told.contains("d.yaml"), "{told}");
    assert!(!told.contains('\u{1b}'), "no colours where nobody watches: {told}");
    assert_eq!(log(&output), "4 files checked: 2 mistakes, 1 warning\n");
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_a_mistake_of_its_own_and_stops_no_other_file() {
    let folder = mixed("links");
    let link = Path::new(&folder).join("gone.yaml");
    std::os::unix::fs::symlink("nowhere.yaml", link).expect("the target folder takes links");
    let lock = Path::new(&folder).join(".#d.yaml");
    std::os::unix::fs::symlink("me@here.123", lock).expect("the target folder takes links");
    let output = whitewater(&["check", &folder]);
    assert_eq!(output.status.code(), Some(2));
    let told = "error: the file is a link to nothing: there is no `nowhere.yaml`\n--> ";
    assert!(out(&output).contains(&format!("{told}{folder}/gone.yaml\n")), "{}", out(&output));
    assert_eq!(log(&output), "5 files checked: 3 mistakes, 1 warning\n");
    for command in ["check", "list", "run"] {
        let scenarios = if command == "list" { &["list", "scenarios"][..] } else { &[command] };
        let asked = |name: &str| {
            whitewater(&[scenarios, &["--scenarios", &folder, name]].concat()).status.code()
        };
        assert_eq!((asked("d"), asked("gone")), (Some(0), Some(2)), "{command}");
    }
}

#[test]
fn a_warning_alone_is_no_mistake_unless_it_is_meant_strictly() {
    let file = format!("{}/c.yaml", mixed("warning"));
    let output = whitewater(&["check", &file]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(log(&output), "1 file checked: 1 warning\n");
    assert_eq!(whitewater(&["check", &file, "--strict"]).status.code(), Some(2));
    let right = whitewater(&["check", TEN, "--strict"]);
    assert_eq!(right.status.code(), Some(0));
    assert_eq!((out(&right), log(&right)), (String::new(), "1 file checked: no mistakes\n".into()));
}

#[test]
fn nothing_in_the_catalogue_is_weak() {
    let output = whitewater(&["check", "--strict"]);
    assert_eq!(out(&output), "");
    assert!(log(&output).ends_with(" files checked: no mistakes\n"), "{}", log(&output));
    assert_eq!(output.status.code(), Some(0));
}

/// A scenario with these switches, in a folder of its own.
fn with_switches(test: &str, switches: &str) -> String {
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../scenarios/{TEN}.yaml"));
    let right = std::fs::read_to_string(right).expect("the scenario can be read");
    let path = folder(test).join("one.yaml");
    std::fs::write(&path, format!("{switches}{right}")).expect("the target folder takes files");
    path.display().to_string()
}

#[test]
fn a_slip_in_a_relays_switch_is_told_with_its_place_and_the_nearest() {
    for (switches, place, told) in [
        (
            "heartbeatt: 5s",
            "one.yaml:1:10",
            "error: the reference relay has no switch `heartbeatt`",
        ),
        ("heartbeatt: 5s", "one.yaml:1:10", "help: did you mean `heartbeat`?"),
        ("resume_radis: off", "one.yaml:1:10", "did you mean `resume_redis`?"),
        ("heartbeat: 5", "one.yaml:1:21", "error: `5` is not a value of the relay's switch"),
        ("idle: 1m, heartbeat: 2m", "one.yaml:1:", "error: heartbeat must be shorter than idle"),
    ] {
        let file = with_switches("switches", &format!("relay: {{ {switches} }}\n"));
        let output = whitewater(&["check", &file]);
        assert_eq!(output.status.code(), Some(2), "{switches}: {}", out(&output));
        assert!(out(&output).contains(place), "{switches}: {}", out(&output));
        assert!(out(&output).contains(told), "{switches}: {}", out(&output));
        assert!(log(&output).ends_with("1 file checked: 1 mistake\n"), "{}", log(&output));
    }
}

#[test]
fn a_switch_of_an_axis_is_checked_in_each_cell_and_told_once() {
    let relay = "relay: { heartbeat: \"${beat}\", idle: \"${idle}\" }\n\
                 matrix: { beat: [5s, 5, 1h], idle: [90s, 2m] }\n";
    let output = whitewater(&["check", &with_switches("switches-of-axes", relay)]);
    let told = out(&output);
    assert_eq!(told.matches("error: `5` is not a value").count(), 1, "{told}");
    assert_eq!(told.matches("error: heartbeat must be shorter").count(), 1, "{told}");
    assert!(log(&output).ends_with("1 file checked: 2 mistakes\n"), "{}", log(&output));
}

#[test]
fn a_unit_of_other_programs_is_told_with_ours_wherever_it_stands() {
    let folder = folder("units");
    let path = folder.join("one.yaml");
    let text = "title: T\nrelay: { heartbeat: 5sec }\nhosts: { relay: { recv_buffer: 10kb } }\n\
                upstream: [{ then: [{ wait: 5sec }, { stream: { every: 5msec } }] }]\n\
                network: { client-relay: { bandwidth: 10kb, jitter: 5sec } }\n\
                clients: [{ name: a, does: [{ wait: 5sec }] }]\n\
                expect: [{ client: a, first_frame: 5sec }, { relay: { held_bytes: 10kb } }]\n";
    let wrong = |text: &str| {
        std::fs::write(&path, text).expect("the target folder takes files");
        out(&whitewater(&["check", &path.display().to_string()]))
    };
    let told = wrong(text);
    let meant = told.lines().filter_map(|line| line.trim().strip_prefix("= help: did you mean "));
    let expected =
        ["`10KiB`?", "`5s`?", "`5ms`?", "`10KiB/s`?", "`5s`?", "`5s`?", "`5s`?", "`10KiB`?"];
    assert_eq!(meant.collect::<Vec<_>>(), expected, "{told}");
    let relay = with_switches("unit-of-a-switch", "relay: { heartbeat: 5sec }\n");
    assert!(out(&whitewater(&["check", &relay])).contains("; did you mean `5s`?"));
}

/// A relay of somebody's own may have it.
#[test]
fn a_switch_like_none_is_a_warning_and_right_ones_are_nothing() {
    let foreign = with_switches("foreign-switch", "relay: { zigzag: on }\n");
    let output = whitewater(&["check", &foreign]);
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert!(out(&output).contains("warning: the reference relay has no switch `zigzag`"));
    assert!(out(&output).contains("help: only a relay of your own that maps it"));
    assert_eq!(whitewater(&["check", &foreign, "--strict"]).status.code(), Some(2));
    let right = "relay: { heartbeat: 5s, resume: true, resume_redis: \"redis://r\" }\n";
    let output = whitewater(&["check", &with_switches("right-switches", right), "--strict"]);
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
}

#[test]
fn mistakes_are_one_json_object_of_a_stable_form() {
    let output = whitewater(&["check", &mixed("json"), "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!((&told["format"], &told["files"]), (&1.into(), &4.into()));
    let first = &told["mistakes"][0];
    assert!(first["file"].as_str().is_some_and(|file| file.ends_with("a.yaml")), "{first}");
    assert_eq!(
        (&first["line"], &first["column"], &first["length"]),
        (&1.into(), &1.into(), &8.into())
    );
    assert_eq!(first["severity"], "error");
    assert_eq!(first["message"], "unknown key `nonsense`");
    assert_eq!(first["source"], "nonsense: 1");
    assert_eq!(told["mistakes"][2]["severity"], "warning");
}

#[test]
fn mistakes_become_annotations_of_a_pull_request() {
    let folder = mixed("github");
    let output = whitewater(&["check", &format!("{folder}/a.yaml"), "--format", "github"]);
    assert_eq!(output.status.code(), Some(2));
    let told = out(&output);
    let start = format!("::error file={folder}/a.yaml,line=1,col=1,endColumn=8,title=unknown key ");
    assert!(told.starts_with(&start), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn show_prints_the_plan_and_the_bytes_of_the_answers() {
    let output = whitewater(&["check", TEN, "--show"]);
    assert_eq!(output.status.code(), Some(0));
    let told = out(&output);
    assert!(told.starts_with("{\n  \"id\": \"proxy-buffering/ten-events-come-one-by-one\""));
    assert!(told.contains("upstream[0] answers request 1 of `"), "{told}");
    assert!(told.contains(" | HTTP/1.1 200 OK\\r\\n"), "{told}");

    let output = whitewater(&["check", TEN, "--show", "--format", "json", "--seed", "9"]);
    let lines: Vec<serde_json::Value> = out(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is an object"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["plan"]["seed"], 9);
    assert_eq!(lines[0]["answers"][0]["choice"]["answers"], 0);
    assert_eq!(lines[1]["mistakes"], serde_json::json!([]));
}

#[test]
fn a_new_scenario_is_written_once_and_passes_check_and_run() {
    let folder = folder("new");
    let scenarios = folder.display().to_string();
    for template in ["stream", "refusal", "slow-client", "browser"] {
        let name = format!("mine/{template}-one");
        let new = ["new", &name, "--from", template, "--scenarios", &scenarios];
        let output = whitewater(&new);
        assert_eq!(output.status.code(), Some(0), "{}", log(&output));
        let path = format!("{scenarios}/{name}.yaml");
        let next =
            format!("{path}\nnext:\n  whitewater check '{path}'\n  whitewater run '{path}'\n");
        assert_eq!(out(&output), next);
        assert_eq!(log(&output), "");
        assert_eq!(whitewater(&["check", &path, "--strict"]).status.code(), Some(0));
        assert_eq!(whitewater(&["run", &path]).status.code(), Some(0));

        let written = std::fs::read(&path).expect("it is there");
        std::fs::write(&path, b"mine").expect("it can be changed");
        let again = whitewater(&new);
        assert_eq!(again.status.code(), Some(2));
        assert!(log(&again).contains("is there already"), "{}", log(&again));
        assert_eq!(std::fs::read(&path).expect("it is there"), b"mine");
        let printed = whitewater(&["new", &name, "--from", template, "--stdout"]);
        assert_eq!(printed.stdout, written);
    }
}

#[test]
fn a_new_scenario_is_not_written_where_parts_stand() {
    let folder = folder("new-part");
    let scenarios = folder.display().to_string();
    for place in [&["common/x"][..], &["x", "--area", "common"]] {
        let output = whitewater(&[&["new", "--scenarios", &scenarios], place].concat());
        assert_eq!(output.status.code(), Some(2), "{place:?}");
        let told = "error: folders named `common` hold parts that scenarios include, and no \
                    scenario there is ever run: take another area\n";
        assert_eq!(log(&output), told);
    }
    assert!(files(&folder).is_empty());
}

#[test]
fn without_an_area_the_template_names_one_and_the_next_commands_name_the_id() {
    let root = folder("new-here");
    let mut command = Command::new(env!("CARGO_BIN_EXE_whitewater"));
    let output = command.args(["new", "reader-stops"]).current_dir(&root).output();
    let output = output.expect("the program starts");
    let id = "dropped-connections/reader-stops";
    let told =
        format!("scenarios/{id}.yaml\nnext:\n  whitewater check {id}\n  whitewater run {id}\n");
    assert_eq!((out(&output), output.status.code()), (told, Some(0)));
    assert!(root.join(format!("scenarios/{id}.yaml")).is_file());
    assert!(log(&output).starts_with("note: where no names are given, commands mean the folder"));
    let here = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whitewater"));
        command.args(arguments).current_dir(&root).output().expect("the program starts")
    };
    assert_eq!(log(&here(&["new", "reader-comes-back"])), "", "it is said once");
    assert_eq!(out(&here(&["list"])).lines().count(), 2);
    // The catalogue inside the program is still there for who names a part of it.
    let found = here(&["list", "scenarios", id, TEN, "429-storms/*"]);
    assert!(out(&found).lines().count() > 3, "{}{}", out(&found), log(&found));
    assert_eq!(here(&["run", TEN]).status.code(), Some(0));
    let slip = here(&["run", "ten-events-come-one-by-on"]);
    assert!(log(&slip).contains(&format!("did you mean `{TEN}`?")), "{}", log(&slip));
}

#[test]
fn completions_are_printed_for_each_shell() {
    for (shell, word) in [
        ("bash", "_whitewater()"),
        ("zsh", "#compdef whitewater"),
        ("fish", "complete -c whitewater"),
    ] {
        let output = whitewater(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).contains(word), "{shell}");
    }
}

#[test]
fn nothing_is_coloured_where_nobody_watches() {
    for arguments in [
        &["run", "harness/tests/bad_input"][..],
        &["run", TEN, "--relay", "broken/forgets-flush"],
        &["list", "rules"],
        &["explain", TEN],
        &["check", "harness/tests/bad_input"],
    ] {
        let output = whitewater(arguments);
        let all = out(&output) + &log(&output);
        assert!(!all.contains('\u{1b}'), "{arguments:?}");
    }
}
