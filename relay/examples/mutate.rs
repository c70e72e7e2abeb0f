//! Takes each behaviour of the list out of a copy of the relay, and tells whether a test notices.
//!
//! First it runs the same tests with nothing taken out: were one of them red then, each change would
//! look as if it were caught.
//!
//! `cargo run -p relay --example mutate -- --help` tells how to run a part of the list. The copy,
//! what is built of it and what became of each change stay in `target/mutants`.

#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use clap::Parser;

/// No test takes longer; a change that makes one hang is noticed, too.
const SECONDS: &str = "600";

/// Takes behaviours out of the relay, one by one, and runs its tests.
#[derive(Debug, Parser)]
struct Options {
    /// Only those whose description, file or test has this word; may be given again.
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
    /// Every n-th of the list, from the i-th on.
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "1/1")]
    shard: (usize, usize),
    /// What was tried already, and what is tried now. A change of which it tells is not tried
    /// again, until the change or its test is another.
    #[arg(long, value_name = "FILE", default_value = "target/mutants/results.jsonl")]
    results: PathBuf,
    /// Tries nothing; prints a table of the results.
    #[arg(long)]
    table: bool,
}

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
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    /// The first test that failed, or what else went wrong.
    Caught(String),
    Survived,
    /// The list is wrong.
    Wrong(String),
}

/// A line of the results.
#[derive(serde::Serialize, serde::Deserialize)]
struct Tried {
    key: String,
    out: String,
    fate: Fate,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let within = parts.filter(|(i, n)| (1..=*n).contains(i));
    within.ok_or_else(|| "not of the form 2/3, from 1/3 to 3/3".to_owned())
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let list = fs::read_to_string(root.join("relay/mutations.toml"))?;
    let list: List = toml::from_str(&list).map_err(io::Error::other)?;
    let results = root.join(&options.results);
    let mut tried = read(&results)?;
    let named = |mutation: &Mutation| {
        let mut places = [&mutation.out, &mutation.file, &mutation.test].into_iter();
        options.only.is_empty()
            || places.any(|place| options.only.iter().any(|word| place.contains(word)))
    };
    let (i, n) = options.shard;
    let chosen: Vec<_> = list.mutation.iter().filter(|m| named(m)).skip(i - 1).step_by(n).collect();
    if !options.table {
        let copy = copied(&root)?;
        let untried = |mutation: &&&Mutation| !tried.contains_key(&mutation.key());
        let untried: Vec<_> = chosen.iter().filter(untried).copied().collect();
        if let Some(why) = control(&copy, &untried)? {
            println!("with nothing taken out: {why}");
            return Ok(ExitCode::FAILURE);
        }
        for mutation in untried {
            let key = mutation.key();
            let fate = fate(&copy, mutation)?;
            println!("{}: {}: {}", mutation.file, mutation.out, mutation.told(&fate).0);
            append(
                &results,
                &Tried { key: key.clone(), out: mutation.out.clone(), fate: fate.clone() },
            )?;
            tried.insert(key, fate);
        }
    }
    Ok(summed(&chosen, &tried, options.table))
}

impl Mutation {
    /// Changes with the change itself and with the test that is asked first.
    fn key(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.file, &self.text, &self.by, &self.test] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// A fate in words, and whether it is what the list says.
    fn told(&self, fate: &Fate) -> (String, bool) {
        match (fate, &self.survives) {
            (Fate::Caught(by), None) => (format!("caught by {by}"), true),
            (Fate::Caught(by), Some(_)) => (format!("caught by {by} all the same"), false),
            (Fate::Survived, Some(reason)) => (format!("survived: {reason}"), true),
            (Fate::Survived, None) => ("SURVIVED".to_owned(), false),
            (Fate::Wrong(why), _) => (format!("WRONG: {why}"), false),
        }
    }
}

fn summed(chosen: &[&Mutation], tried: &BTreeMap<String, Fate>, table: bool) -> ExitCode {
    let (mut caught, mut wrong, mut known) = (0, 0, 0);
    if table {
        println!("| file | taken out | what became of it |\n|---|---|---|");
    }
    for mutation in chosen {
        let fate = tried.get(&mutation.key());
        let (told, expected) =
            fate.map_or_else(|| ("not tried".to_owned(), true), |fate| mutation.told(fate));
        known += u32::from(fate.is_some());
        caught += u32::from(matches!(fate, Some(Fate::Caught(_))));
        wrong += u32::from(!expected);
        if table {
            println!("| `{}` | {} | {} |", mutation.file, mutation.out, told.replace('|', "\\|"));
        }
    }
    let all = chosen.len();
    println!("\n{known} of {all} tried, {caught} caught, {wrong} not as the list says");
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(results: &Path) -> io::Result<BTreeMap<String, Fate>> {
    let text = match fs::read_to_string(results) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    // A line that was cut off in the middle is tried again.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Tried>(line).ok());
    Ok(lines.map(|tried| (tried.key, tried.fate)).collect())
}

fn append(results: &Path, tried: &Tried) -> io::Result<()> {
    let line = serde_json::to_string(tried).map_err(io::Error::other)?;
    let mut file = fs::OpenOptions::new().create(true).append(true).open(results)?;
    writeln!(file, "{line}")
}

/// The test that holds the list to the source. It notices each change, and says nothing of what the
/// relay does.
const ABOUT_THE_LIST: &str = "relay/tests/mutations.rs";

/// A copy of all files that git knows, but for one.
fn copied(root: &Path) -> io::Result<PathBuf> {
    let copy = root.join("target/mutants/copy");
    let files = Command::new("git").args(["ls-files"]).current_dir(root).output()?.stdout;
    let files = String::from_utf8_lossy(&files);
    for file in files.lines().filter(|file| *file != ABOUT_THE_LIST) {
        let (from, to) = (root.join(file), copy.join(file));
        if let Ok(target) = fs::read_link(&from) {
            if fs::read_link(&to).ok().as_ref() != Some(&target) {
                std::os::unix::fs::symlink(target, &to)?;
            }
            continue;
        }
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
        return Ok(Fate::Wrong("its text does not stand once in the file".to_owned()));
    }
    fs::write(&file, right.replace(&mutation.text, &mutation.by))?;
    let fate = tried(copy, &mutation.test);
    fs::write(&file, right)?;
    fate
}

/// What is wrong before anything is taken out, of all that the changes may ask.
fn control(copy: &Path, untried: &[&Mutation]) -> io::Result<Option<String>> {
    let quickest: BTreeSet<_> = untried.iter().map(|mutation| &*mutation.test).collect();
    for tests in quickest {
        match run(copy, tests)? {
            Fate::Survived => {}
            Fate::Caught(by) => return Ok(Some(format!("{by} fails ({tests})"))),
            Fate::Wrong(why) => return Ok(Some(why)),
        }
    }
    Ok(None)
}

/// Runs the cheapest tests first, and stops at the first that notices.
fn tried(copy: &Path, quickest: &str) -> io::Result<Fate> {
    let others = ["", "scenarios"].into_iter().filter(|tests| *tests != quickest);
    for tests in [quickest].into_iter().chain(others) {
        match run(copy, tests)? {
            Fate::Survived => {}
            fate @ (Fate::Caught(_) | Fate::Wrong(_)) => return Ok(fate),
        }
    }
    Ok(Fate::Survived)
}

/// What some of the tests make of the copy as it stands.
fn run(copy: &Path, tests: &str) -> io::Result<Fate> {
    let arguments: Vec<&str> = if tests == "scenarios" {
        vec!["test", "-p", "harness", "--test", "runs", "scenarios"]
    } else {
        ["test", "-p", "relay"].into_iter().chain(tests.split_ascii_whitespace()).collect()
    };
    if cargo(copy, "3600", &[&arguments[..], &["--no-run"]].concat())?.is_some() {
        return Ok(Fate::Wrong("it does not compile".to_owned()));
    }
    Ok(cargo(copy, SECONDS, &arguments)?.map_or(Fate::Survived, Fate::Caught))
}

/// What failed first, if anything did.
fn cargo(copy: &Path, seconds: &str, arguments: &[&str]) -> io::Result<Option<String>> {
    // What is built for one run is built as quickly as can be.
    let quick = ["--config", "profile.dev.package.relay.opt-level=0"];
    let mut command = Command::new("timeout");
    command.args([seconds, "cargo"]).args(quick).args(arguments).current_dir(copy);
    command.env("CARGO_TARGET_DIR", copy.with_file_name("built"));
    command.env("CARGO_INCREMENTAL", "1").env("RUST_BACKTRACE", "0").env("INSTA_UPDATE", "no");
    let output = command.stderr(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(None);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let failed =
        stdout.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    Ok(Some(match (failed, output.status.code()) {
        (Some(name), _) => format!("`{name}`"),
        (None, Some(124)) => "a test that does not end".to_owned(),
        (None, _) => "a test that ends its process".to_owned(),
    }))
}
