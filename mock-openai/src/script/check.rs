//! Whether a script makes sense: what can never run, never match or never end is refused.

use super::{After, Extent, Limit, Rule, Script, Send, Step, Stream, Wait, When};
use crate::yaml::{Diagnostic, Place};

/// The most that one number of a script may ask for: a run keeps every frame in memory.
const COUNT_MAX: u64 = 1_000_000;

/// The most that one answer may send.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Checks a script that stands at a place of a document.
pub fn check(script: &Script, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let mut answers_all = None;
    for (index, rule) in script.iter().enumerate() {
        let place = place.nth(index);
        if let Some(first) = answers_all {
            let message = format!("this rule never answers: rule {first} answers every request");
            let help = "put the rule that answers everything last, or give it a `when`";
            wrong.push(place.wrong(message).help(help));
        } else if rule.matches.is_any() && rule.when.is_none() {
            answers_all = Some(index + 1);
        }
        check_rule(rule, place, wrong);
    }
}

fn check_rule(rule: &Rule, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let matches = place.key("match");
    if rule.matches.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        wrong.push(matches.key("path").wrong("a path begins with `/`"));
    }
    for (name, value) in &rule.matches.header {
        check_header(name, value, matches.key("header").key(name), wrong);
    }
    if let Some(when) = &rule.when {
        check_when(when, place.key("when"), wrong);
    }
    if let Some(Limit { requests, tokens: _, per }) = &rule.limit {
        let limit = place.key("limit");
        if *requests == Some(0) {
            let help = "to refuse every request, answer `error: { preset: rate_limit }`";
            wrong.push(limit.key("requests").wrong("a quota of 0 admits nothing").help(help));
        }
        if per.0.is_zero() {
            wrong.push(limit.key("per").wrong("a window of no length admits everything"));
        }
    }
    let then = place.key("then");
    if rule.then.is_empty() {
        let help = "for an empty 200, write `then: [ { head: {} } ]`";
        wrong.push(then.at_key().wrong("the rule answers nothing").help(help));
    }
    let mut answer = Answer::default();
    answer.check(&rule.then, then, wrong);
    if runs(&rule.then) > COUNT_MAX {
        let message = format!("the answer runs more than {COUNT_MAX} steps");
        wrong.push(then.at_key().wrong(message).help("a `repeat` in a `repeat` multiplies"));
    }
    if Extent::of_steps(&rule.then).bytes.is_some_and(|bytes| bytes > ANSWER_BYTES_MAX) {
        let message = format!("the answer can be larger than {} MiB", ANSWER_BYTES_MAX >> 20);
        wrong.push(then.at_key().wrong(message));
    }
}

/// How many steps run at most, each pass of a `repeat` counted.
fn runs(steps: &[Step]) -> u64 {
    steps.iter().fold(0, |sum: u64, step| {
        let inside = match step {
            Step::Repeat(repeat) => runs(&repeat.steps).saturating_mul(repeat.times),
            Step::Cut(cut) => runs(&cut.steps),
            Step::Head(_)
            | Step::Stream(_)
            | Step::Send(_)
            | Step::Json(_)
            | Step::Error(_)
            | Step::Wait(_)
            | Step::Trip(_)
            | Step::End(_)
            | Step::Mark(_) => 0,
        };
        sum.saturating_add(inside).saturating_add(1)
    })
}

fn check_when(when: &When, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let counts =
        [("nth", when.nth.map(|nth| nth.first)), ("first", when.first), ("every", when.every)];
    let given: Vec<&str> =
        counts.iter().filter(|(_, count)| count.is_some()).map(|(name, _)| *name).collect();
    match given.as_slice() {
        [] => wrong.push(
            place
                .at_key()
                .wrong("`when` picks no request")
                .help("say `nth: 1`, `first: 2` or `every: 3`"),
        ),
        [_] => {}
        [first, second, ..] => wrong.push(
            place
                .key(second)
                .at_key()
                .wrong(format!("`{first}` and `{second}` stand together"))
                .help(format!("keep one of them: `when` counts by `{first}` or by `{second}`")),
        ),
    }
    for (name, count) in counts {
        if count == Some(0) {
            let message = "requests are counted from 1";
            wrong.push(place.key(name).wrong(message));
        }
    }
}

/// How far the check of one answer has come.
#[derive(Default)]
struct Answer {
    /// The step that ends it, once it is passed.
    over: Option<&'static str>,
    has_head: bool,
    has_sent: bool,
    has_trip: bool,
    is_repeated: bool,
}

impl Answer {
    fn check(&mut self, steps: &[Step], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
        for (index, step) in steps.iter().enumerate() {
            let here = place.nth(index);
            let word = word(step);
            let inside = here.key(word);
            if let Some(over) = self.over {
                let message = format!("`{word}` never runs: {over} ends the answer before it");
                wrong.push(inside.at_key().wrong(message));
                return;
            }
            let ends = matches!(step, Step::End(_) | Step::Json(_) | Step::Error(_));
            if self.is_repeated && (ends || matches!(step, Step::Head(_) | Step::Trip(_))) {
                let message = format!("`{word}` stands inside `repeat`");
                let help = "an answer has one of it: put it before or after the `repeat`";
                wrong.push(inside.at_key().wrong(message).help(help));
                continue;
            }
            self.check_step(step, &steps[index + 1..], inside, wrong);
        }
    }

    fn check_step(
        &mut self,
        step: &Step,
        rest: &[Step],
        place: Place<'_>,
        wrong: &mut Vec<Diagnostic>,
    ) {
        match step {
            Step::Head(head) => {
                self.check_head(head.status, place, wrong);
                for (name, value) in &head.headers {
                    check_header(name, &value.0[0], place.key("headers").key(name), wrong);
                }
            }
            Step::Stream(stream) => {
                self.has_sent = true;
                check_stream(stream, place, wrong);
                if stream.stop.is_some() {
                    self.over = Some("`stop`");
                }
            }
            Step::Send(send) => {
                self.has_sent = true;
                check_send(send, place, wrong);
            }
            Step::Json(_) => self.whole_answer("json", place, wrong),
            Step::Error(error) => {
                if self.has_head {
                    let help = "say status and headers in `error`, and leave `head` out";
                    wrong.push(place.at_key().wrong("`error` brings its own head").help(help));
                }
                self.whole_answer("error", place, wrong);
                check_status(error.status, place.key("status"), wrong);
                for (name, value) in &error.headers {
                    check_header(name, &value.0[0], place.key("headers").key(name), wrong);
                }
            }
            Step::Cut(cut) => {
                check_count(cut.every, place.key("every"), wrong);
                self.check(&cut.steps, place.key("steps"), wrong);
            }
            Step::Repeat(repeat) => {
                check_count(Some(repeat.times), place.key("times"), wrong);
                let outer = std::mem::replace(&mut self.is_repeated, true);
                self.check(&repeat.steps, place.key("steps"), wrong);
                self.is_repeated = outer;
            }
            Step::Wait(Wait::Forever) if !self.has_trip => self.over = Some("`wait: forever`"),
            Step::Wait(_) => {}
            Step::Trip(trip) => {
                self.has_trip = true;
                check_trip(trip.after, rest, place, wrong);
            }
            Step::End(_) => self.over = Some("`end`"),
            Step::Mark(name) => {
                if name.trim().is_empty() {
                    wrong.push(place.wrong("a mark needs a name"));
                }
            }
        }
    }

    fn check_head(&mut self, status: u16, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
        if self.has_sent {
            let message = "`head` stands after bytes of the body were sent";
            wrong.push(place.at_key().wrong(message).help("put it first"));
        } else if self.has_head {
            wrong.push(place.at_key().wrong("a second `head` in one answer"));
        }
        self.has_head = true;
        check_status(Some(status), place.key("status"), wrong);
    }

    fn whole_answer(&mut self, word: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
        if self.has_sent {
            let message = format!("`{word}` is a whole answer, and bytes of another were sent");
            let help = "to send an error inside a stream, write `send: { data: ... }`";
            wrong.push(place.at_key().wrong(message).help(help));
        }
        self.has_sent = true;
        self.over = Some(if word == "json" { "`json`" } else { "`error`" });
    }
}

fn word(step: &Step) -> &'static str {
    match step {
        Step::Head(_) => "head",
        Step::Stream(_) => "stream",
        Step::Send(_) => "send",
        Step::Json(_) => "json",
        Step::Error(_) => "error",
        Step::Cut(_) => "cut",
        Step::Wait(_) => "wait",
        Step::Repeat(_) => "repeat",
        Step::Trip(_) => "trip",
        Step::End(_) => "end",
        Step::Mark(_) => "mark",
    }
}

fn check_stream(stream: &Stream, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    check_count(stream.chunks, place.key("chunks"), wrong);
    if stream.chunk_size.is_some_and(|size| size.0 == 0) {
        wrong.push(place.key("chunk_size").wrong("a chunk of no bytes carries nothing"));
    }
    let Some(stop) = stream.stop else { return };
    let whole =
        Extent::of_steps(&[Step::Stream(Box::new(Stream { stop: None, ..stream.clone() }))]);
    let place = place.key("stop").key("after");
    check_reach(stop.after, whole, "the stream", place, wrong);
}

fn check_trip(after: After, rest: &[Step], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if rest.is_empty() {
        let help = "a `trip` stands before the steps that it ends; to end here, write `end`";
        wrong.push(place.at_key().wrong("nothing follows that `trip` could end").help(help));
        return;
    }
    check_reach(after, Extent::of_steps(rest), "what follows", place.key("after"), wrong);
}

/// A point that the bytes never come to.
fn check_reach(
    after: After,
    whole: Extent,
    what: &str,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    match (after, whole) {
        (After::Frames(first), Extent { frames: Some(most), .. }) if first > most => {
            let message = format!("{what} has at most {most} frames and never comes to this one");
            wrong.push(place.key("frames").wrong(message));
        }
        (After::Bytes(first), Extent { bytes: Some(most), .. }) if first.0 > most => {
            let message = format!("{what} has at most {most} bytes and never comes to this one");
            wrong.push(place.key("bytes").wrong(message));
        }
        (After::Frames(_) | After::Bytes(_) | After::Time(_), _) => {}
    }
}

fn check_send(send: &Send, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let Send { comment, event, id, retry, data, raw, .. } = send;
    let lines = [("comment", comment), ("event", event), ("id", id), ("retry", retry)];
    let field = lines.iter().find(|(_, text)| text.is_some()).map(|(name, _)| *name);
    match (raw, field.or_else(|| data.as_ref().map(|_| "data"))) {
        (None, None) => wrong.push(
            place.at_key().wrong("`send` sends nothing").help("say `data: ...` or `raw: ...`"),
        ),
        (Some(_), Some(field)) => wrong.push(
            place
                .key("raw")
                .at_key()
                .wrong(format!("`raw` and `{field}` stand together"))
                .help("`raw` is the whole of what is sent: write the fields into it"),
        ),
        (Some(_), None) | (None, Some(_)) => {}
    }
    for (name, text) in lines {
        if text.as_ref().is_some_and(|text| text.contains(['\n', '\r'])) {
            let message = format!("`{name}` is one line of the stream and holds a line break");
            let help = "to send broken lines, write `raw`";
            wrong.push(place.key(name).wrong(message).help(help));
        }
    }
}

fn check_count(count: Option<u64>, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    match count {
        Some(0) => wrong.push(place.wrong("0 makes nothing happen").wanted("wanted: 1 or more")),
        Some(count) if count > COUNT_MAX => {
            wrong.push(place.wrong(format!("more than {COUNT_MAX} is refused")));
        }
        Some(_) | None => {}
    }
}

fn check_status(status: Option<u16>, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if let Some(status) = status
        && !(200..=599).contains(&status)
    {
        let message = format!("`{status}` is no status of a final response");
        wrong.push(place.wrong(message).wanted("wanted: 200 to 599"));
    }
}

fn check_header(name: &str, value: &str, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if !is_header_name(name) {
        wrong.push(place.at_key().wrong(format!("`{name}` cannot be the name of a header")));
    }
    if !is_header_value(value) {
        wrong.push(place.wrong("a header's value holds a control character"));
    }
}

/// Whether a text can be a header's name: a token of RFC 9110 5.6.2.
pub fn is_header_name(name: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(token)
}

/// Whether a text can be a header's value (RFC 9110 5.5): no control character but the tab.
pub fn is_header_value(value: &str) -> bool {
    !value.chars().any(|c| c.is_ascii_control() && c != '\t')
}
