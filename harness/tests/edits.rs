//! Whatever an editor's slip makes of a valid scenario, reading it ends with a plan or a message.

use harness::{
    plan::plan,
    scenario::{catalogue, load},
};
use proptest::prelude::*;

/// One slip: where in the text (as a share of its length), and what.
#[derive(Debug, Clone)]
enum Edit {
    Delete { at: f64, length: usize },
    Insert { at: f64, text: &'static str },
    Repeat { at: f64, length: usize },
    Swap { at: f64, with: f64, length: usize },
    SetByte { at: f64, byte: u8 },
}

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

fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0.0..1.0_f64;
    let length = || 1..40_usize;
    prop_oneof![
        (at(), length()).prop_map(|(at, length)| Edit::Delete { at, length }),
        (at(), prop::sample::select(SLIPS)).prop_map(|(at, text)| Edit::Insert { at, text }),
        (at(), length()).prop_map(|(at, length)| Edit::Repeat { at, length }),
        (at(), at(), length()).prop_map(|(at, with, length)| Edit::Swap { at, with, length }),
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::SetByte { at, byte }),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a length below 1 MiB"
)]
fn place(text: &[u8], share: f64) -> usize {
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
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edited_scenario_is_planned_or_refused_with_places(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(edit(), 1..8),
    ) {
        let files = catalogue::embedded(&[]).unwrap();
        let mut text = which.get(&files).text.clone();
        for edit in &edits {
            apply(&mut text, edit);
        }
        match load("edited.yaml", &text, harness_rules()) {
            Ok(scenario) => {
                let plan = plan(&scenario, "edited", 7);
                prop_assert_eq!(plan.links.len(), plan.hops.len() + 1);
                prop_assert!(!plan.clients.is_empty());
            }
            Err(wrong) => {
                prop_assert!(!wrong.is_empty());
                let lines = String::from_utf8_lossy(&text).split('\n').count();
                for one in wrong {
                    prop_assert!((1..=lines).contains(&one.line), "{:?}", one);
                    prop_assert!(one.column >= 1 && one.length >= 1, "{:?}", one);
                    prop_assert!(!one.to_string().is_empty());
                }
            }
        }
    }
}

/// The catalogue names rules that this test need not know.
fn harness_rules() -> &'static [&'static str] {
    &[
        "payload-intact",
        "any-cut",
        "prompt-frames",
        "one-ending",
        "honest-ending",
        "early-failure-keeps-status",
        "cancel-upstream",
        "bounded-memory",
        "nothing-left",
        "storm-is-damped",
        "no-retry-after-content",
        "preflight-without-auth",
        "cors-on-everything",
    ]
}
