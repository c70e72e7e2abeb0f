//! Takes each behaviour of the list out of a copy of the relay, and tells whether a test notices.
//!
//! `cargo run -p relay --example mutate [WORD]...`: those whose description has one of the words,
//! else all. The copy and what is built of it stay in `target/mutants`.

#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// No test takes longer; a change that makes one hang is noticed, too.
const SECONDS: &str = "300";

#[derive(serde::Deserialize)]
struct List {
    mutation: Vec<Mutation>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    /// What is taken out.
    out: String,
    file: String,
    text: String,
    by: String,
    /// The quickest test that should notice, as cargo is told it; or `scenarios`.
    test: String,
    /// Why nothing notices.
    survives: Option<String>,
}

/// What became of a change.
enum Fate {
    /// By these tests.
    Caught(String),
    Survived,
    /// The list is wrong.
    Wrong(&'static str),
}

fn main() -> io::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let list = fs::read_to_string(root.join("relay/mutations.toml"))?;
    let list: List = toml::from_str(&list).map_err(io::Error::other)?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let copy = copied(&root)?;
    let (mut caught, mut wrong) = (0, 0);
    for mutation in &list.mutation {
        let named = |word: &String| mutation.out.contains(word) || mutation.test.contains(word);
        if !words.is_empty() && !words.iter().any(named) {
            continue;
        }
        let fate = fate(&copy, mutation)?;
        caught += u32::from(matches!(fate, Fate::Caught(_)));
        let (fate, expected) = match (fate, &mutation.survives) {
            (Fate::Caught(by), None) => (format!("caught by {by}"), true),
            (Fate::Caught(by), Some(_)) => (format!("caught by {by} all the same"), false),
            (Fate::Survived, Some(reason)) => (format!("survived: {reason}"), true),
            (Fate::Survived, None) => ("SURVIVED".to_owned(), false),
            (Fate::Wrong(why), _) => (format!("WRONG: {why}"), false),
        };
        wrong += u32::from(!expected);
        println!("{}: {}: {fate}", mutation.file, mutation.out);
    }
    println!("{caught} caught, {wrong} not as the list says");
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A copy of all files that git knows.
fn copied(root: &Path) -> io::Result<PathBuf> {
    let copy = root.join("target/mutants/copy");
    let files = Command::new("git").args(["ls-files"]).current_dir(root).output()?.stdout;
    for file in String::from_utf8_lossy(&files).lines() {
        let (from, to) = (root.join(file), copy.join(file));
        // Files that have not changed keep their time, so that they are not built again.
        let Ok(text) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == text) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(&copy))?;
        fs::write(&to, text)?;
    }
    Ok(copy)
}

fn fate(copy: &Path, mutation: &Mutation) -> io::Result<Fate> {
    let file = copy.join("relay/src").join(&mutation.file);
    let right = fs::read_to_string(&file)?;
    if right.matches(&mutation.text).count() != 1 {
        return Ok(Fate::Wrong("its text does not stand once in the file"));
    }
    fs::write(&file, right.replace(&mutation.text, &mutation.by))?;
    let fate = tried(copy, &mutation.test);
    fs::write(&file, right)?;
    fate
}

/// Runs the quickest test first, and stops at the first that notices.
fn tried(copy: &Path, quickest: &str) -> io::Result<Fate> {
    for tests in [quickest, "", "scenarios"] {
        let words: Vec<&str> = tests.split_ascii_whitespace().collect();
        let (build, run) = if tests == "scenarios" {
            (vec!["build", "-p", "harness"], vec!["run", "-p", "harness", "--", "run"])
        } else {
            let test = ["test", "-p", "relay"];
            ([&test, &words[..], &["--no-run"]].concat(), [&test, &words[..]].concat())
        };
        if !cargo(copy, "3600", &build)? {
            return Ok(Fate::Wrong("it does not compile"));
        }
        if !cargo(copy, SECONDS, &run)? {
            let tests = if tests.is_empty() { "another test" } else { tests };
            return Ok(Fate::Caught(tests.to_owned()));
        }
    }
    Ok(Fate::Survived)
}

fn cargo(copy: &Path, seconds: &str, arguments: &[&str]) -> io::Result<bool> {
    // What is built for one run is built as quickly as can be.
    let quick = ["--config", "profile.dev.package.relay.opt-level=0"];
    let mut command = Command::new("timeout");
    command.args([seconds, "cargo"]).args(quick).args(arguments).current_dir(copy);
    command.env("CARGO_TARGET_DIR", copy.with_file_name("built"));
    command.env("CARGO_INCREMENTAL", "1").env("RUST_BACKTRACE", "0");
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success())
}
