//! Scenarios of several files and of several cells, from disk and from inside the library: what is
//! read, what is picked, what is told.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use harness::{
    scenario::catalogue::{self, find, picked},
    suite::Case,
};
use mock_openai::yaml::Diagnostic;

const BASE: &str = "
title: One reader of one stream
upstream:
  - then: [{ stream: { chunks: 3 } }]
";

const READER: &str = "clients:\n  - name: reader\n";

const MATRIX: &str = "
title: ${chunks} chunks every ${every}
matrix: { chunks: [1, 2], every: [5ms, { slowly: 1s }] }
upstream:
  - then: [{ stream: { chunks: \"${chunks}\", every: \"${every}\" } }]
clients:
  - name: reader
";

/// A catalogue of these files, in a place of its own.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cells").join(test);
    // What an earlier run left, pipes and links among it.
    drop(fs::remove_dir_all(&root));
    fs::create_dir_all(&root).expect("the target folder takes folders");
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("each file has a folder"))
            .expect("the target folder takes folders");
        fs::write(path, text).expect("the target folder takes files");
    }
    root
}

fn read(root: &Path, filter: &str) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let file = find(&[filter.to_owned()], root).expect("the filter means a file").remove(0);
    Case::read_all(&file)
}

fn wrong(root: &Path, filter: &str) -> Diagnostic {
    let mut wrong = read(root, filter).expect_err("the file is wrong");
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    wrong.remove(0)
}

/// The ids of the cells that filters pick, or what is told instead.
fn ids(root: &Path, filters: &[&str]) -> Result<Vec<String>, String> {
    let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
    let files = find(&filters, root).map_err(|error| error.to_string())?;
    let cells = |file: catalogue::ScenarioFile| {
        let cases = Case::read_all(&file).expect("the file is right");
        (file, cases)
    };
    let found = files.into_iter().map(cells).collect();
    let cases = picked(found, |case: &Case| &case.id).map_err(|error| error.to_string())?;
    Ok(cases.into_iter().map(|case| case.id).collect())
}

#[test]
fn a_shared_part_is_found_from_the_scenarios_folder_and_is_no_scenario_itself() {
    let scenario = format!("{BASE}include: ../common/deep/reader.yaml\n");
    let files = [("a/x.yaml", scenario.as_str()), ("common/deep/reader.yaml", READER)];
    let root = folder("shared", &files);
    assert_eq!(ids(&root, &[]), Ok(vec!["a/x".to_owned()]));
    for named in ["common/deep/reader", "common", "common/**"] {
        assert!(find(&[named.to_owned()], &root).is_err(), "{named}");
        assert!(find(&[root.join(named).display().to_string()], &root).is_err(), "{named}");
    }
    let named = root.join("common/deep/reader.yaml").display().to_string();
    assert!(find(&[named], &root).is_err());
    // Not below a catalogue, a folder is called as it likes.
    let alone = root.join("common/deep/reader.yaml").display().to_string();
    assert_eq!(find(&[alone], Path::new("/nowhere")).unwrap().len(), 1);
}

#[test]
fn what_an_included_file_says_wrongly_is_told_in_that_file() {
    let scenario = format!("{BASE}include: ../common/reader.yaml\n");
    let part = "# One reader.\nclients:\n  - name: reader\n    gives_up: { total: 5 }\n";
    let root = folder("told", &[("a/x.yaml", scenario.as_str()), ("common/reader.yaml", part)]);
    let told = wrong(&root, "a/x");
    let path = root.join("common/reader.yaml");
    assert_eq!((told.file, told.line, told.column), (path.display().to_string(), 4, 24));
    assert_eq!(told.source.as_deref(), Some("    gives_up: { total: 5 }"));
    let (part, by) = (path.display(), root.join("a/x.yaml"));
    assert_eq!(told.notes, [format!("`{part}` is included in {}:5", by.display())]);
    // What makes no sense is told there as well as what cannot be read.
    let part = "clients:\n  - name: reader\nlimit: 0s\nproves: [no-such-rule]\n";
    let root = folder("sense", &[("a/x.yaml", scenario.as_str()), ("common/reader.yaml", part)]);
    for told in read(&root, "a/x").unwrap_err() {
        assert_eq!(told.file, root.join("common/reader.yaml").display().to_string(), "{told}");
    }
}

#[test]
fn no_path_leads_out_of_the_catalogue_nor_out_of_a_lone_files_folder() {
    let scenario = |path: &str| format!("{BASE}include: {path}\n");
    let (out, up) = (scenario("../../outside.yaml"), scenario("../part.yaml"));
    let files = [
        ("in/a/out.yaml", out.as_str()),
        ("in/a/up.yaml", &up),
        ("in/part.yaml", READER),
        ("outside.yaml", READER),
    ];
    let root = folder("leaves", &files);
    let inside = root.join("in");
    let told = wrong(&inside, "a/out");
    let leaves = |folder: &Path| format!("it leaves the folder `{}`", folder.display());
    assert!(told.message.ends_with(&leaves(&inside)), "{told}");
    assert_eq!((told.line, told.column), (5, 10));
    assert_eq!(read(&inside, "a/up").unwrap().len(), 1);
    // The same file, with no catalogue around it.
    let lone = inside.join("a/up.yaml").display().to_string();
    let told = wrong(Path::new("/nowhere"), &lone);
    assert!(told.message.ends_with(&leaves(&inside.join("a"))), "{told}");
}

#[test]
fn what_is_no_small_text_is_refused_without_waiting_for_it() {
    let scenario = |path: &str| format!("{BASE}include: {path}\n");
    let names = ["pipe.yaml", "large.yaml", "folder.yaml", "latin.yaml", "device.yaml"];
    let files: Vec<(String, String)> = names
        .iter()
        .map(|name| (format!("includes-{name}"), scenario(&format!("common/{name}"))))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let root = folder("large", &files);
    let parts = root.join("common");
    fs::create_dir_all(parts.join("folder.yaml")).unwrap();
    fs::File::create(parts.join("large.yaml")).unwrap().set_len(100_000_000).unwrap();
    fs::write(parts.join("latin.yaml"), b"tags: [caf\xE9]\n").unwrap();
    let message = |name: &str| wrong(&root, &format!("includes-{name}")).message;
    assert_eq!(message("large.yaml"), "the file is larger than 1024 KiB");
    assert_eq!(message("latin.yaml"), "the byte 0xE9 is not UTF-8");
    assert!(message("folder.yaml").ends_with(": it is a folder"), "{}", message("folder.yaml"));
    if cfg!(unix) {
        let made = Command::new("mkfifo").arg(parts.join("pipe.yaml")).status();
        assert!(made.unwrap().success());
        assert!(message("pipe.yaml").ends_with(": it is no regular file"));
        // As a scenario of its own it is no better.
        let pipes = folder("pipes", &[]);
        assert!(Command::new("mkfifo").arg(pipes.join("x.yaml")).status().unwrap().success());
        let told = Case::read_all(&find(&[], &pipes).unwrap()[0]).unwrap_err();
        assert_eq!(told[0].message, "the file cannot be read: it is no regular file");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/zero", parts.join("device.yaml")).unwrap();
        assert!(message("device.yaml").ends_with(": it is no regular file"));
    }
}

#[test]
fn cells_are_picked_by_any_of_their_axes() {
    let root =
        folder("picked", &[("a/m.yaml", MATRIX), ("a/plain.yaml", &format!("{BASE}{READER}"))]);
    let m = |cells: &[&str]| cells.iter().map(|cell| format!("a/m[{cell}]")).collect::<Vec<_>>();
    let all = m(&[
        "chunks=1,every=5ms",
        "chunks=1,every=slowly",
        "chunks=2,every=5ms",
        "chunks=2,every=slowly",
    ]);
    let path = format!("{}[chunks=2,every=5ms]", root.join("a/m.yaml").display());
    for (filters, expected) in [
        (vec!["a/m"], all.clone()),
        (vec!["a/m[chunks=1]"], all[..2].to_vec()),
        (vec!["a/m[every=slowly]"], vec![all[1].clone(), all[3].clone()]),
        (vec!["a/m[every=slowly,chunks=2]"], all[3..].to_vec()),
        (vec!["a/*[every=s*]"], vec![all[1].clone(), all[3].clone()]),
        (
            vec!["a/m[chunks=1,every=5ms]", "a/m[chunks=2,every=slowly]"],
            vec![all[0].clone(), all[3].clone()],
        ),
        (vec!["a/m[chunks=1]", "a/m"], all.clone()),
        (
            vec!["a/plain", "a/m[chunks=2]"],
            vec![all[2].clone(), all[3].clone(), "a/plain".to_owned()],
        ),
        (vec![path.as_str()], vec![all[2].clone()]),
    ] {
        assert_eq!(ids(&root, &filters), Ok(expected), "{filters:?}");
    }
    for (filter, told) in [
        ("a/m[chunk=1]", "no scenario matches `a/m[chunk=1]`; did you mean `a/m[chunks=1]`?"),
        (
            "a/m[every=slowl]",
            "no scenario matches `a/m[every=slowl]`; did you mean `a/m[every=slowly]`?",
        ),
        ("a/m[x=9]", "no scenario matches `a/m[x=9]`; did you mean `a/m[chunks=1,every=5ms]`?"),
        ("a/plain[x=1]", "no scenario matches `a/plain[x=1]`; did you mean `a/plain`?"),
        ("a/mm[chunks=1]", "no scenario matches `a/mm[chunks=1]`; did you mean `a/m`?"),
    ] {
        assert_eq!(ids(&root, &["a/plain", filter]), Err(told.to_owned()));
    }
}

#[test]
fn a_mistake_is_told_once_and_names_the_cells_unless_all_have_it() {
    let text =
        MATRIX.replace("{ slowly: 1s }", "1sec, 2sec").replace("name: reader", "nam: reader");
    let root = folder("once", &[("m.yaml", &text)]);
    let told = read(&root, "m").unwrap_err();
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.line, one.column, one.message.as_str(), one.notes.join(" ")))
        .collect();
    let cell = |cell: &str| format!("in the cell [{cell}] and 1 more");
    assert_eq!(
        told,
        [
            (3, 40, "`1sec` does not fit here", cell("chunks=1,every=1sec")),
            (3, 46, "`2sec` does not fit here", cell("chunks=1,every=2sec")),
            (7, 5, "unknown key `nam`", String::new()),
        ]
    );
}

#[test]
fn the_embedded_catalogue_includes_its_own_parts_and_nothing_from_the_disk() {
    let mut files =
        catalogue::embedded(&["any-cut/byte-order-mark-is-no-event".to_owned()]).unwrap();
    let mut file = files.remove(0);
    assert_eq!(Case::read_all(&file).unwrap().len(), 6);
    for (path, end) in [
        ("../common/absent.yaml", "there is no file `scenarios/common/absent.yaml`"),
        ("../../Cargo.toml", "it leaves the folder `scenarios`"),
        ("../common", "there is no file `scenarios/common`"),
    ] {
        file.text = format!("{BASE}include: {path}\n").into_bytes();
        let told = Case::read_all(&file).unwrap_err().remove(0);
        assert!(told.message.ends_with(end), "{told}");
    }
}

#[test]
fn a_text_alone_names_no_files_and_stands_for_one_scenario() {
    let load = |text: &str| harness::scenario::load("x.yaml", text.as_bytes(), &[]);
    let told = load(&format!("{BASE}include: y.yaml\n")).unwrap_err().remove(0);
    assert_eq!(told.message, "cannot include `y.yaml`: this text cannot name files");
    let told = load(MATRIX).unwrap_err().remove(0);
    assert_eq!(told.message, "one scenario is wanted, and the matrix makes 4");
    let one = MATRIX.replace("[1, 2]", "[2]").replace("[5ms, { slowly: 1s }]", "[5ms]");
    assert_eq!(load(&one).unwrap().title, "2 chunks every 5ms");
}

#[test]
fn the_program_counts_cells_and_names_them_and_replays_one() {
    let root = folder("program", &[("a/m.yaml", MATRIX)]);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whitewater"));
        let output = command.args(arguments).arg("--scenarios").arg(&root).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, out, _) = run(&["run"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("held     a/m: 4 cells (chunks: 1, 2; every: 5ms, slowly)\n"), "{out}");
    assert!(out.contains("1 scenario in 4 cells against reference: 4 held, 0 broke"), "{out}");
    let (_, out, _) = run(&["run", "a/m[chunks=2,every=5ms]", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let outcome = &report["outcomes"][0];
    assert_eq!(outcome["id"], "a/m[chunks=2,every=5ms]");
    assert_eq!(outcome["scenario"], "a/m");
    assert_eq!(outcome["cell"], serde_json::json!({ "chunks": "2", "every": "5ms" }));
    let (code, _, log) = run(&["run", "a/m[chunks=3]"]);
    assert_eq!(
        (code, log.contains("no scenario matches `a/m[chunks=3]`")),
        (Some(2), true),
        "{log}"
    );
    let broken = ["run", "a/m[every=slowly]", "--relay", "broken/forgets-flush"];
    let (code, out, _) = run(&broken);
    let replay = "whitewater run 'a/m[chunks=1,every=slowly]' --relay broken/forgets-flush";
    assert_eq!((code, out.contains(replay)), (Some(1), true), "{out}");
}
