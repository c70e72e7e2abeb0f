//! The bytes of answers as `check --show` prints them.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panic, and the lint's switch for tests does not reach their helpers"
)]

use std::path::{Path, PathBuf};

use harness::{
    plan::plan,
    scenario::load,
    show::{Answer, Ending, SHOWN_BYTES_MAX, Shown, Write, answers, show},
};
use rstest::rstest;

fn shown(yaml: &str) -> Shown {
    let scenario = load("shown.yaml", yaml.as_bytes(), &[]).unwrap();
    show(&plan(&scenario, "shown", 1))
}

fn only(yaml: &str) -> Answer {
    let mut shown = shown(yaml);
    assert_eq!(shown.answers.len(), 1);
    shown.answers.remove(0)
}

#[rstest]
fn each_write_stands_on_its_own_line(#[files("tests/show/*.yaml")] path: PathBuf) {
    let mut out = Vec::new();
    answers(&shown(&std::fs::read_to_string(&path).unwrap()), &mut out).unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("show");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        let text = String::from_utf8(out).unwrap();
        insta::assert_snapshot!(path.file_stem().unwrap().to_str(), text);
    });
}

const CLIENTS: &str = "clients: [{name: reader}]\n";

#[test]
fn a_large_answer_is_shown_up_to_its_bound_and_the_rest_is_counted() {
    let kib = "x".repeat(1018);
    let answer = only(&format!(
        "title: Large\nupstream: [{{then: [{{repeat: {{times: 1000, steps: [{{send: {{raw: \
         \"data: {kib}\"}}}}]}}}}]}}]\n{CLIENTS}"
    ));
    let shown: usize = answer.writes.iter().map(|write| write.bytes.len()).sum();
    assert_eq!(shown, SHOWN_BYTES_MAX);
    let left_out = answer.left_out.unwrap();
    // Each chunk is `400\r\n`, 1024 bytes and a line end; the head and the last chunk come beside.
    let head = answer.writes[0].bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let whole = head + 1000 * (5 + 1024 + 2) + 5;
    assert_eq!(left_out.bytes, (whole - SHOWN_BYTES_MAX) as u64);
    assert_eq!(answer.ending, Ending::Kept);
}

#[test]
fn an_answer_without_an_end_is_shown_until_the_limit() {
    let answer = only(&format!(
        "title: Endless\nlimit: 90s\nupstream: [{{then: [{{send: {{data: a}}}}, {{wait: forever}}]}}]\n\
         {CLIENTS}"
    ));
    assert_eq!((answer.ending, answer.ended_at.as_secs()), (Ending::StillAtLimit, 90));
    // A million pieces of 1 KiB at once: more than is even counted.
    let huge = only(&format!(
        "title: Huge\nupstream: [{{then: [{{repeat: {{times: 900000, steps: [{{send: {{raw: \"{}\"}}}}]}}}}]}}]\n\
         {CLIENTS}",
        "x".repeat(140)
    ));
    assert_eq!(huge.ending, Ending::StillAtLimit);
    assert!(huge.left_out.unwrap().bytes >= 64 << 20);
}

#[test]
fn a_client_that_starts_behind_the_limit_asks_nothing() {
    let yaml = format!("title: Late\nupstream: [{{then: [{{send: {{data: a}}}}]}}]\n{CLIENTS}");
    let scenario = load("late.yaml", yaml.as_bytes(), &[]).unwrap();
    let mut plan = plan(&scenario, "late", 1);
    plan.clients[0].starts = std::time::Duration::MAX;
    let shown = show(&plan);
    // The rule is shown all the same, for a later request of it.
    assert_eq!(shown.answers.len(), 1);
    assert_eq!(shown.answers[0].choice, harness::show::Choice::Answers(0));
}

/// The same bytes as a run's provider writes, by the facts of its trace.
#[test]
fn what_is_shown_is_what_a_run_sends() {
    use harness::{
        net::Engine,
        target::Target,
        trace::{Fact, SocketFact},
        world,
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios/dropped-connections/provider-resets-after-three-frames.yaml");
    let text = std::fs::read(path).unwrap();
    let rules: Vec<&str> = harness::rules::ALL.iter().map(|rule| rule.id).collect();
    let plan = plan(&load("run.yaml", &text, &rules).unwrap(), "run", 1);
    let target = Target::named(Target::REFERENCE).unwrap();
    let trace = world::run(&plan, &target, Engine::TurmoilNet);
    let mut sent: Vec<Vec<u8>> = Vec::new();
    for event in &trace.events {
        if let (Fact::Socket(_, SocketFact::Wrote { bytes }), "upstream") =
            (&event.fact, &*event.actor)
        {
            sent.push(bytes.to_vec());
        }
    }
    let shown = show(&plan);
    let shown: Vec<Vec<u8>> =
        shown.answers[0].writes.iter().map(|w: &Write| w.bytes.clone()).collect();
    assert!(sent.len() >= 3, "{} writes", sent.len());
    assert_eq!(shown, sent);
}
