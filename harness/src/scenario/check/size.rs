//! Whether a run can come to its end at all: what it would do at least, against what it can hold.

use std::time::Duration;

use mock_openai::{
    script::{Pause, Repeat, Rule, Send, Step, Stream, Wait},
    yaml::{Diagnostic, Place},
};

use crate::scenario::{Client, Does, Patience, Scenario};

/// A trace holds four million events, and a frame makes some fourteen of them on its way from the
/// provider through one relay to its client (measured; ten on the shortest way). A run of more
/// frames is stopped before its end, after a minute or more.
const FRAMES_MAX: u64 = 400_000;

/// The most steps that all answers together may run. One that takes no time and sends nothing leaves
/// no trace, so nothing else would stop it; a million of them take about half a second.
const STEPS_MAX: u64 = 20_000_000;

pub(super) fn check(scenario: &Scenario, root: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let frames = frames_at_least(scenario);
    let place = root.key("clients").at_key();
    if frames > FRAMES_MAX {
        let message = format!(
            "this run would need {frames} frames; at most {FRAMES_MAX} can be recorded in one run"
        );
        wrong.push(place.wrong(message).help("take fewer clients, or a shorter stream"));
        return;
    }
    let longest = scenario.upstream.iter().map(|rule| steps(&rule.then)).max().unwrap_or(0);
    let answers = scenario.clients.iter().map(requests_at_most).fold(0, u64::saturating_add);
    let run = longest.saturating_mul(answers);
    // One answer alone is bounded by the script's own check.
    if run > STEPS_MAX && longest > 1_000 {
        let message = format!(
            "the answers to all requests could run {run} steps; at most {STEPS_MAX} are allowed"
        );
        let help = "take fewer clients, fewer retries, or smaller `times` in the script's `repeat`";
        wrong.push(place.wrong(message).help(help));
    }
}

fn requests_at_most(client: &Client) -> u64 {
    let again = client.retries.as_ref().map_or(0, |retries| retries.max);
    let reconnects = client.does.iter().filter(|step| matches!(step, Does::Reconnect(_))).count();
    let each = again.saturating_add(1).saturating_mul(reconnects as u64 + 1);
    client.count.unwrap_or(1).saturating_mul(each)
}

/// How many steps run, each pass of a `repeat` counted.
fn steps(list: &[Step]) -> u64 {
    let of_step =
        |step: &Step| step.inner().map_or(1, |(inner, times)| steps(inner).saturating_mul(times));
    list.iter().map(of_step).fold(1, u64::saturating_add)
}

/// What clients that read to the end receive together, whichever rule answers them. It counts what
/// is certain alone: a scenario that might be small is not refused for what it might become.
fn frames_at_least(scenario: &Scenario) -> u64 {
    let of_rule = |rule: &Rule| in_time(&rule.then, scenario.limit.0);
    let least = scenario.upstream.iter().map(of_rule).min().unwrap_or(0);
    let readers = scenario.clients.iter().filter(|client| reads_to_the_end(client));
    let count = readers.map(|client| client.count.unwrap_or(1)).fold(0, u64::saturating_add);
    least.saturating_mul(count)
}

fn reads_to_the_end(client: &Client) -> bool {
    client.does.is_empty()
        && client.gives_up == Patience::default()
        && client.reads == crate::scenario::Reads::default()
        && client.request.get.is_none()
}

/// The frames that steps send for certain within a time.
fn in_time(list: &[Step], time: Duration) -> u64 {
    let mut frames = 0_u64;
    for step in list {
        let more = match step {
            Step::Stream(stream) => of_stream(stream, time),
            Step::Repeat(repeat) => of_repeat(repeat, time),
            Step::Cut(cut) if cut.gap.is_none() => in_time(&cut.steps, time),
            Step::Send(send) => u64::from(is_event(send)),
            Step::Head(_) | Step::Mark(_) | Step::Cut(_) => 0,
            // What comes behind one of these may never come.
            Step::Json(_) | Step::Error(_) | Step::Wait(_) | Step::Trip(_) | Step::End(_) => break,
        };
        frames = frames.saturating_add(more);
    }
    frames
}

fn of_stream(stream: &Stream, time: Duration) -> u64 {
    let Stream { chunks: Some(chunks), stop: None, .. } = stream else { return 0 };
    match stream.every {
        None => *chunks,
        Some(Pause::For(every)) => passes(every.0, time).min(*chunks),
        Some(Pause::Drawn(_)) => 0,
    }
}

fn of_repeat(repeat: &Repeat, time: Duration) -> u64 {
    // Pauses of fixed length bound the passes; anything else that takes time makes them uncertain.
    let mut each = Duration::ZERO;
    let mut frames = 0_u64;
    for step in &repeat.steps {
        match step {
            Step::Wait(Wait::For(pause)) => each = each.saturating_add(pause.0),
            Step::Send(send) => frames += u64::from(is_event(send)),
            Step::Mark(_) => {}
            Step::Stream(_)
            | Step::Repeat(_)
            | Step::Cut(_)
            | Step::Head(_)
            | Step::Json(_)
            | Step::Error(_)
            | Step::Wait(_)
            | Step::Trip(_)
            | Step::End(_) => return 0,
        }
    }
    frames.saturating_mul(passes(each, time).min(repeat.times))
}

/// How often a pause goes into a time.
fn passes(pause: Duration, time: Duration) -> u64 {
    let pause = pause.as_nanos();
    if pause == 0 {
        return u64::MAX;
    }
    u64::try_from(time.as_nanos() / pause).unwrap_or(u64::MAX)
}

fn is_event(send: &Send) -> bool {
    send.data.is_some() && send.final_blank_line
}

#[cfg(test)]
mod tests {
    use crate::scenario::load;

    fn refused(upstream: &str, clients: &str) -> Option<String> {
        let text = format!("title: T\nupstream: [{{then: [{upstream}]}}]\nclients: [{clients}]\n");
        let wrong = load("size.yaml", text.as_bytes(), &[]).err()?;
        Some(wrong.into_iter().map(|one| one.message).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_run_of_more_frames_than_can_be_recorded_is_refused_before_it_begins() {
        let stream = "{stream: {chunks: 100}}";
        assert_eq!(refused(stream, "{name: c, count: 4000}"), None);
        assert_eq!(
            refused(stream, "{name: c, count: 4001}").as_deref(),
            Some("this run would need 400100 frames; at most 400000 can be recorded in one run")
        );
        let repeat = "{repeat: {times: 500000, steps: [{send: {data: a}}, {wait: 1ms}]}}";
        assert!(refused(repeat, "{name: c}").is_some());
    }

    #[test]
    fn a_run_that_may_be_small_is_not_refused() {
        let large = "{stream: {chunks: 100000, every: 20ms}}";
        // Ten minutes hold 30,000 of them.
        assert_eq!(refused(large, "{name: c, count: 10}"), None);
        assert!(refused(large, "{name: c, count: 20}").is_some());
        let leaves = "{name: c, count: 20, does: [{read: {frames: 3}}, {leave: fin}]}";
        assert_eq!(refused(large, leaves), None);
        let tripped = format!("{{trip: {{after: {{frames: 3}}, end: reset}}}}, {large}");
        assert_eq!(refused(&tripped, "{name: c, count: 20}"), None);
        assert_eq!(refused(&format!("{{wait: 1h}}, {large}"), "{name: c, count: 20}"), None);
        let slower = "{repeat: {times: 320000, steps: [{send: {data: a}}, {wait: 2ms}]}}";
        assert_eq!(refused(slower, "{name: c}"), None);
    }

    #[test]
    fn loops_that_leave_no_trace_are_bounded_over_all_requests() {
        let idle = "{repeat: {times: 900000, steps: [{wait: 0s}]}}";
        assert_eq!(refused(idle, "{name: c}"), None);
        let many = refused(idle, "{name: c, count: 20}").unwrap();
        assert!(many.starts_with("the answers to all requests could run 36000020 steps"), "{many}");
        let retries = "{name: c, retries: {max: 1000000, on: [429]}}";
        assert!(refused(idle, retries).is_some());
        assert_eq!(refused("{stream: {}}", retries), None);
    }
}
