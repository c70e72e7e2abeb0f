//! Whatever an editor's slip makes of a valid scenario, reading it ends with a plan that can be run, or
//! with a message.

use std::{
    cell::Cell,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{LazyLock, mpsc},
    thread,
    time::Duration,
};

use harness::{
    judge,
    net::Engine,
    plan::{Plan, plan},
    rules,
    scenario::{catalogue, load},
    show,
    target::Target,
    trace::{ClientFact, Fact, Trace, WorldFact},
    world,
};
use mock_openai::yaml::Diagnostic;
use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};

/// How many edited texts are read.
const READ: u32 = 2_000;

/// How many are read of which those that are taken are run: about one in three.
const RUN: u32 = 1_500;

/// The same texts each time: a suite that fails on some days is of no use. Another number gives others.
const SEED: u64 = 1;

/// No run of a scenario that was taken lasts so long, in the slowest build.
const HANGS_AFTER: Duration = Duration::from_mins(2);

/// One slip: where in the text (as a share of its length), and what.
#[derive(Debug, Clone)]
enum Edit {
    Delete {
        at: f64,
        length: usize,
    },
    Insert {
        at: f64,
        text: &'static str,
    },
    Repeat {
        at: f64,
        length: usize,
    },
    Swap {
        at: f64,
        with: f64,
        length: usize,
    },
    SetByte {
        at: f64,
        byte: u8,
    },
    /// Another number in the place of one, its unit kept.
    Number {
        at: f64,
        number: &'static str,
    },
    /// A value's word, or a key, in the place of another.
    Word {
        at: f64,
        from: f64,
    },
    DeleteLine {
        at: f64,
    },
    RepeatLine {
        at: f64,
    },
    MoveLine {
        at: f64,
        to: f64,
    },
}

/// Numbers at the edges of what anything takes.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "10",
    "63",
    "64",
    "65",
    "100",
    "404",
    "500",
    "999",
    "1000",
    "1024",
    "65535",
    "65536",
    "100000",
    "999999",
    "1000000",
    "1000001",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "0.5",
    "1e3",
];

/// What slips in: the marks of YAML, units, words of the language, edges of numbers.
const SLIPS: &[&str] = &[
    ":",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "\n",
    "  ",
    "\t",
    ",",
    "&a ",
    "*a",
    "!!str ",
    "|",
    ">",
    "%",
    "---\n",
    "? ",
    "~",
    "null",
    "0",
    "-1",
    "18446744073709551616",
    "1e999",
    "20ms",
    "0s",
    "4KiB",
    "as_sent",
    "clean",
    "end: fin",
    "count: 3",
    "\u{feff}",
    "\u{1f600}",
    "\r",
    "\0",
    "forever",
    "trip: { after: { frames: 3 }, end: reset }",
    "on: []",
    "at_least: 5",
];

/// Edits after which a text is often still a scenario.
fn small_edit() -> impl Strategy<Value = Edit> {
    let at = || 0.0..1.0_f64;
    prop_oneof![
        4 => (at(), prop::sample::select(NUMBERS)).prop_map(|(at, number)| Edit::Number { at, number }),
        2 => (at(), at()).prop_map(|(at, from)| Edit::Word { at, from }),
        1 => at().prop_map(|at| Edit::DeleteLine { at }),
        1 => at().prop_map(|at| Edit::RepeatLine { at }),
        1 => (at(), at()).prop_map(|(at, to)| Edit::MoveLine { at, to }),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0.0..1.0_f64;
    let length = || 1..40_usize;
    prop_oneof![
        (at(), length()).prop_map(|(at, length)| Edit::Delete { at, length }),
        (at(), prop::sample::select(SLIPS)).prop_map(|(at, text)| Edit::Insert { at, text }),
        (at(), length()).prop_map(|(at, length)| Edit::Repeat { at, length }),
        (at(), at(), length()).prop_map(|(at, with, length)| Edit::Swap { at, with, length }),
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::SetByte { at, byte }),
        small_edit(),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a length below 1 MiB"
)]
fn place<T>(text: &[T], share: f64) -> usize {
    (share * text.len() as f64) as usize
}

fn apply(text: &mut Vec<u8>, edit: &Edit) {
    let end = |at: usize, length: usize, text: &[u8]| (at + length).min(text.len());
    match *edit {
        Edit::Delete { at, length } => {
            let at = place(text, at);
            text.drain(at..end(at, length, text));
        }
        Edit::Insert { at, text: slip } => {
            let at = place(text, at);
            text.splice(at..at, slip.bytes());
        }
        Edit::Repeat { at, length } => {
            let at = place(text, at);
            let again = text[at..end(at, length, text)].to_vec();
            text.splice(at..at, again);
        }
        Edit::Swap { at, with, length } => {
            let (at, with) = (place(text, at), place(text, with));
            for step in 0..length {
                if at + step < text.len() && with + step < text.len() {
                    text.swap(at + step, with + step);
                }
            }
        }
        Edit::SetByte { at, byte } => {
            let at = place(text, at);
            if let Some(old) = text.get_mut(at) {
                *old = byte;
            }
        }
        Edit::Number { at, number } => {
            if let Some(range) = nth(&runs(text, |byte| byte.is_ascii_digit()), at) {
                text.splice(range, number.bytes());
            }
        }
        Edit::Word { at, from } => {
            let words = runs(text, |byte| byte.is_ascii_lowercase() || byte == b'_');
            if let (Some(at), Some(from)) = (nth(&words, at), nth(&words, from)) {
                let word = text[from].to_vec();
                text.splice(at, word);
            }
        }
        Edit::DeleteLine { at } => {
            if let Some(line) = nth(&lines(text), at) {
                text.drain(line);
            }
        }
        Edit::RepeatLine { at } => {
            if let Some(line) = nth(&lines(text), at) {
                let again = text[line.clone()].to_vec();
                text.splice(line.start..line.start, again);
            }
        }
        Edit::MoveLine { at, to } => {
            if let Some(line) = nth(&lines(text), at) {
                let moved: Vec<u8> = text.drain(line).collect();
                let to = nth(&lines(text), to).map_or(0, |line| line.start);
                text.splice(to..to, moved);
            }
        }
    }
}

/// The longest pieces of such bytes.
fn runs(text: &[u8], is_inside: fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut began = None;
    for (at, byte) in text.iter().copied().chain([b'\n']).enumerate() {
        match (began, is_inside(byte)) {
            (None, true) => began = Some(at),
            (Some(start), false) => {
                runs.push(start..at);
                began = None;
            }
            (Some(_), true) | (None, false) => {}
        }
    }
    runs
}

/// Lines with their ends.
fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        lines.push(start..start + line.len());
        start += line.len();
    }
    lines
}

fn nth(ranges: &[Range<usize>], share: f64) -> Option<Range<usize>> {
    ranges.get(place(ranges, share)).cloned()
}

/// The catalogue, and files that use every corner of the language.
static TEXTS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let mut texts: Vec<_> = catalogue::embedded(&[])
        .expect("the catalogue is there")
        .into_iter()
        .map(|file| (file.id, file.text))
        .collect();
    texts.extend(rich());
    texts
});

fn rich() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rich");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        (path.display().to_string(), std::fs::read(&path).expect("it can be read"))
    };
    paths.into_iter().map(read).collect()
}

fn rule_ids() -> Vec<&'static str> {
    rules::ALL.iter().map(|rule| rule.id).collect()
}

/// Runs, judges and shows a plan, and says what is wrong with how that went.
fn carry_out(plan: Plan) -> Result<(), String> {
    let (done, is_done) = mpsc::channel();
    let worker = thread::spawn(move || {
        let target = Target::named(Target::REFERENCE).expect("it is there");
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let trace = world::run(&plan, &target, Engine::TurmoilNet);
            let judged = judge::judge(&plan, &trace);
            drop(show::show(&plan));
            drop(judged);
            ends_in_time(&plan, &trace)
        }));
        // Nobody listens where it came too late.
        drop(done.send(ran.unwrap_or_else(|_| Err("it panics".to_owned()))));
    });
    match is_done.recv_timeout(HANGS_AFTER) {
        Ok(result) => {
            worker.join().map_err(|_| "it panics".to_owned())?;
            result
        }
        Err(_) => Err("it hangs".to_owned()),
    }
}

/// All clients are done at the limit, or the run says at that very instant that they are not.
fn ends_in_time(plan: &Plan, trace: &Trace) -> Result<(), String> {
    let stopped = |fact: &Fact| {
        matches!(fact, Fact::World(WorldFact::LimitReached { .. } | WorldFact::TraceFull))
    };
    let stop = trace.events.iter().find(|event| stopped(&event.fact));
    let done =
        trace.events.iter().filter(|event| matches!(event.fact, Fact::Client(ClientFact::Done)));
    let last = done.map(|event| event.at).max();
    match (stop, last) {
        (Some(stop), _) if stop.at <= plan.limit => Ok(()),
        (None, Some(last)) if last <= plan.limit => Ok(()),
        (stop, last) => Err(format!(
            "it ends late: stopped at {:?}, done at {last:?}",
            stop.map(|stop| stop.at)
        )),
    }
}

fn is_placed(one: &Diagnostic, lines: usize) -> bool {
    let place = (1..=lines).contains(&one.line) && one.column >= 1 && one.length >= 1;
    place && !one.to_string().is_empty()
}

fn config(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(SEED);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn each_rich_scenario_is_right_but_for_what_is_not_built_yet() {
    for (path, text) in rich() {
        let wrong = load(&path, &text, &rule_ids()).err().unwrap_or_default();
        // None of them uses such a word today: one that does is to be listed here.
        assert!(wrong.is_empty(), "{}", wrong.iter().map(ToString::to_string).collect::<String>());
    }
}

proptest! {
    #![proptest_config(config(READ))]

    #[test]
    fn an_edited_scenario_is_planned_or_refused_with_places(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(edit(), 1..8),
    ) {
        let mut text = which.get(&TEXTS).1.clone();
        for edit in &edits {
            apply(&mut text, edit);
        }
        match load("edited.yaml", &text, &rule_ids()) {
            Ok(scenario) => {
                let plan = plan(&scenario, "edited", 7);
                prop_assert_eq!(plan.links.len(), plan.hops.len() + 1);
                prop_assert!(!plan.clients.is_empty());
            }
            Err(wrong) => {
                prop_assert!(!wrong.is_empty());
                let lines = String::from_utf8_lossy(&text).split('\n').count();
                for one in wrong {
                    prop_assert!(is_placed(&one, lines), "{:?}", one);
                }
            }
        }
    }
}

#[test]
fn an_edited_scenario_that_is_taken_can_be_run_to_its_end() {
    let taken = Cell::new(0_u32);
    let slips = (any::<prop::sample::Index>(), prop::collection::vec(small_edit(), 1..4));
    let ran = TestRunner::new(config(RUN)).run(&slips, |(which, edits)| {
        let mut text = which.get(&TEXTS).1.clone();
        for edit in &edits {
            apply(&mut text, edit);
        }
        if let Ok(scenario) = load("edited.yaml", &text, &rule_ids()) {
            taken.set(taken.get() + 1);
            let result = carry_out(plan(&scenario, "edited", 7));
            prop_assert!(result.is_ok(), "{:?}\n{}", result, String::from_utf8_lossy(&text));
        }
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    // Were all refused, nothing would be shown.
    assert!(taken.get() >= RUN / 5, "only {} of {RUN} were taken", taken.get());
}
