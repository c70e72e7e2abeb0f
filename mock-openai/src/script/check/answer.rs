//! Whether the steps of an answer can follow each other.

use super::{
    check_count,
    cut::check_cut,
    header::{check_headers, check_status},
    marks::passes,
    pause::check_distribution,
    send::check_send,
    stream::check_stream,
};
use crate::{
    script::{After, End, Extent, Framing, Head, Step, Until, Wait},
    yaml::{Diagnostic, Place},
};

/// How many steps run at most, each pass of a `repeat` counted.
pub(super) fn runs(steps: &[Step]) -> u64 {
    steps.iter().fold(0, |sum: u64, step| {
        let inside = step.inner().map_or(0, |(inner, times)| runs(inner).saturating_mul(times));
        sum.saturating_add(inside).saturating_add(1)
    })
}

/// How far the check of one answer has come.
pub(super) struct Answer<'a> {
    /// The marks that the script can pass.
    marks: &'a [String],
    /// The step that ends it, once it is passed.
    over: Option<&'static str>,
    /// How its head tells the end of the body, where a `head` stands in it.
    head: Option<Framing>,
    has_sent: bool,
    has_trip: bool,
    around: Around,
}

/// What the steps at hand stand in.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    repeat: bool,
    joined: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn new(marks: &'a [String]) -> Self {
        Self {
            marks,
            over: None,
            head: None,
            has_sent: false,
            has_trip: false,
            around: Around::default(),
        }
    }

    pub(super) fn check(&mut self, steps: &[Step], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
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
            if self.around.repeat && (ends || matches!(step, Step::Head(_) | Step::Trip(_))) {
                let message = format!("`{word}` stands inside `repeat`");
                let help = "an answer has one of it: put it before or after the `repeat`";
                wrong.push(inside.at_key().wrong(message).help(help));
                continue;
            }
            if self.around.joined && (ends || parts_what_is_joined(step)) {
                let message = format!("`{word}` stands inside a cut that is `joined`");
                let help = "what it joins leaves together: put this before or after the `cut`";
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
            Step::Head(head) => self.check_head(head, place, wrong),
            Step::Stream(stream) => {
                self.has_sent = true;
                check_stream(stream, place, wrong);
                if let Some(stop) = stream.stop {
                    self.check_end(stop.end, place.key("stop").key("end"), wrong);
                    self.over = Some("`stop`");
                }
            }
            Step::Send(send) => {
                self.has_sent = true;
                check_send(send, place, wrong);
            }
            Step::Json(_) => self.whole_answer("json", place, wrong),
            Step::Error(error) => {
                if self.head.is_some() {
                    let help = "say status and headers in `error`, and leave `head` out";
                    wrong.push(place.at_key().wrong("`error` brings its own head").help(help));
                }
                self.whole_answer("error", place, wrong);
                check_status(error.status, place.key("status"), wrong);
                check_headers(&error.headers, place.key("headers"), wrong);
            }
            Step::Cut(cut) => {
                check_cut(cut, place, wrong);
                let outer = self.around;
                self.around.joined |= cut.joined;
                self.check(&cut.steps, place.key("steps"), wrong);
                self.around = outer;
            }
            Step::Repeat(repeat) => {
                check_count(Some(repeat.times), place.key("times"), wrong);
                if repeat.steps.is_empty() {
                    let message = "no steps stand inside `repeat`";
                    wrong.push(place.key("steps").at_key().wrong(message));
                }
                let outer = self.around;
                self.around.repeat = true;
                self.check(&repeat.steps, place.key("steps"), wrong);
                self.around = outer;
            }
            Step::Wait(wait) => self.check_wait(wait, place, wrong),
            Step::Trip(trip) => {
                self.has_trip = true;
                self.check_end(trip.end, place.key("end"), wrong);
                check_trip(trip.after, rest, place, wrong);
            }
            Step::End(end) => {
                self.check_end(*end, place, wrong);
                self.over = Some("`end`");
            }
            Step::Mark(name) => {
                if name.trim().is_empty() {
                    wrong.push(place.wrong("a mark needs a name"));
                }
            }
        }
    }

    fn check_head(&mut self, head: &Head, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
        if self.has_sent {
            let message = "`head` stands after bytes of the body were sent";
            wrong.push(place.at_key().wrong(message).help("put it first"));
        } else if self.head.is_some() {
            wrong.push(place.at_key().wrong("a second `head` in one answer"));
        }
        self.head = Some(head.framing);
        check_status(Some(head.status), place.key("status"), wrong);
        check_headers(&head.headers, place.key("headers"), wrong);
        check_trailers(head, place, wrong);
    }

    fn check_wait(&mut self, wait: &Wait, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
        match wait {
            Wait::Forever if !self.has_trip => self.over = Some("`wait: forever`"),
            Wait::Drawn(distribution) => check_distribution(distribution, place, wrong),
            Wait::Until(Until::Mark(name)) if !passes(self.marks, name) => {
                let place = place.key("until").key("mark");
                let message = format!("no step of the script marks `{name}`");
                let marks = self.marks.iter().map(String::as_str);
                wrong.push(place.wrong(message).known(name, marks));
            }
            Wait::For(_) | Wait::Until(_) | Wait::Forever => {}
        }
    }

    /// An end that says what the framing cannot tell.
    fn check_end(&self, end: End, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
        let message = match end {
            End::Truncated => "no peer can see that this body is cut: FIN is its proper end",
            End::CloseIdleAfter(_) => "the end of the body closes the connection already",
            End::Clean
            | End::NoTerminator
            | End::Fin
            | End::Reset
            | End::HalfClose
            | End::Hold
            | End::StreamReset(_)
            | End::Goaway(_) => return,
        };
        if self.head == Some(Framing::UntilClose) {
            let help = "the head says `framing: until_close`: leave that out, or write `end: fin`";
            wrong.push(place.wrong(message).help(help));
        }
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

/// Trailers that have no place behind their body, or are none.
fn check_trailers(head: &Head, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let at = place.key("trailers");
    if !head.trailers.is_empty() && head.framing != Framing::Chunked {
        let message = "only a chunked body has room for trailers";
        let help = "leave `framing` out, or the trailers";
        wrong.push(at.at_key().wrong(message).help(help));
    }
    check_headers(&head.trailers, at, wrong);
    for (name, _) in head.trailers.iter().filter(|(_, values)| values.0 == ["absent"]) {
        let message = "no trailer is usual, so none can be `absent`";
        wrong.push(at.key(name).wrong(message).help("leave it out"));
    }
}

/// Whether a step stands between what leaves before it and after it.
fn parts_what_is_joined(step: &Step) -> bool {
    match step {
        Step::Wait(wait) => matches!(wait, Wait::Until(_) | Wait::Forever),
        Step::Mark(_) | Step::Head(_) | Step::Cut(_) => true,
        Step::Stream(_)
        | Step::Send(_)
        | Step::Json(_)
        | Step::Error(_)
        | Step::Repeat(_)
        | Step::Trip(_)
        | Step::End(_) => false,
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

fn check_trip(after: After, rest: &[Step], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if rest.is_empty() {
        let help = "a `trip` stands before the steps that it ends; to end here, write `end`";
        wrong.push(place.at_key().wrong("nothing follows that `trip` could end").help(help));
        return;
    }
    check_reach(after, Extent::of_steps(rest), "what follows", place.key("after"), wrong);
}

/// A point that the bytes never come to.
pub(super) fn check_reach(
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
