//! The numbers that rules judge by, in one table: each can be set otherwise for a run.

use std::time::Duration;

use mock_openai::{
    quantity::{NotAQuantity, Size, Time},
    yaml::nearest,
};

use super::{
    accept_survives, bounded_memory, cancel_upstream, caps_answer_429, drain, headers_first,
    heartbeat_when_idle, long_line, no_cross_talk, no_head_of_line, no_total_deadline,
    prompt_frames, separate_budgets, stalled_reader_ends, storm_is_damped,
};
use crate::{
    exchange::Run,
    plan::{Limits, Number},
};

/// A number that a rule judges by. Where a scenario says one of its own, by a switch of the relay or
/// under `expect`, that one counts there.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Its rule's id; where the rule has several, a word of its own behind it: `drain.grace`.
    pub name: &'static str,
    /// What it is where the run says nothing.
    pub default: Number,
    /// The least that can be said: below it nobody could do right, or nothing would be judged.
    pub least: Number,
    /// What it bounds.
    pub bounds: &'static str,
    /// Where the number comes from.
    pub source: &'static str,
}

/// Every number, in the order of the rules. What bounds the work of a rule, or is the resolution of
/// virtual time, is none of them.
pub const ALL: &[Limit] = &[
    long_line::EVENT,
    long_line::HALF,
    no_cross_talk::TELLING,
    headers_first::KEPT,
    prompt_frames::KEPT,
    no_total_deadline::AGE,
    no_total_deadline::SILENCE,
    separate_budgets::LATE,
    heartbeat_when_idle::LATE,
    cancel_upstream::CLOSED,
    drain::GRACE,
    drain::LAST_WORDS,
    bounded_memory::HELD,
    no_head_of_line::KEPT,
    stalled_reader_ends::BORNE,
    stalled_reader_ends::CLOSED,
    caps_answer_429::REFUSED,
    caps_answer_429::GIVEN_BACK,
    storm_is_damped::ATTEMPTS,
    accept_survives::PAUSE,
];

/// Why a text sets no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadLimit(String);

/// The numbers that texts such as `prompt-frames=25ms` set.
///
/// # Errors
/// The first text that sets nothing: an unknown name, a value that is none or that nobody could
/// mean, a name that stands twice.
pub fn read<T: AsRef<str>>(texts: &[T]) -> Result<Limits, BadLimit> {
    let mut limits = Limits::default();
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        let (limit, number) = read_one(text.as_ref())?;
        if seen.contains(&limit.name) {
            return Err(BadLimit(format!("the limit `{}` stands twice", limit.name)));
        }
        seen.push(limit.name);
        if number != limit.default {
            limits.set(limit.name, number);
        }
    }
    Ok(limits)
}

/// The numbers of one rule.
pub fn of_rule(rule: &str) -> impl Iterator<Item = &'static Limit> {
    ALL.iter().filter(move |limit| limit.rule() == rule)
}

/// Those that a run says otherwise than by default, with what it says.
pub fn changed(limits: &Limits) -> impl Iterator<Item = (&'static Limit, Number)> {
    ALL.iter().filter_map(|limit| Some((limit, limits.get(limit.name)?)))
}

impl Limit {
    /// The id of its rule.
    pub fn rule(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(rule, _)| rule)
    }

    /// What it is in a run.
    pub fn of(&self, limits: &Limits) -> Number {
        limits.get(self.name).unwrap_or(self.default)
    }

    pub(super) fn time(&self, run: &Run<'_>) -> Duration {
        match self.of(&run.plan.limits) {
            Number::Time(Time(time)) => time,
            other @ (Number::Size(_) | Number::Count(_)) => self.is_another(other),
        }
    }

    pub(super) fn bytes(&self, run: &Run<'_>) -> usize {
        match self.of(&run.plan.limits) {
            Number::Size(Size(size)) => usize::try_from(size).unwrap_or(usize::MAX),
            other @ (Number::Time(_) | Number::Count(_)) => self.is_another(other),
        }
    }

    pub(super) fn count(&self, run: &Run<'_>) -> usize {
        match self.of(&run.plan.limits) {
            Number::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            other @ (Number::Time(_) | Number::Size(_)) => self.is_another(other),
        }
    }

    fn is_another(&self, number: Number) -> ! {
        panic!("`{}` is of another kind than {number}", self.name)
    }

    /// Reads a value as scenarios have it written.
    fn value(&self, text: &str) -> Result<Number, BadLimit> {
        let wrong = |wrong: &NotAQuantity| match wrong.meant() {
            None => BadLimit(format!("`{}`: {wrong}", self.name)),
            Some(meant) => BadLimit(format!("`{}`: {wrong}; did you mean `{meant}`?", self.name)),
        };
        match self.default {
            Number::Time(_) => text.parse().map(Number::Time).map_err(|error| wrong(&error)),
            Number::Size(_) => text.parse().map(Number::Size).map_err(|error| wrong(&error)),
            Number::Count(_) => text.parse().map(Number::Count).map_err(|_| {
                let wanted = "a count: a whole number without a unit, such as";
                BadLimit(format!("`{}`: `{text}` is not {wanted} `{}`", self.name, self.default))
            }),
        }
    }
}

/// More than any run reaches: what is larger is a slip.
fn most(number: Number) -> Number {
    match number {
        Number::Time(_) => Number::Time(Time(Duration::from_hours(10_000))),
        Number::Size(_) => Number::Size(Size(1 << 30)),
        Number::Count(_) => Number::Count(1_000_000),
    }
}

fn read_one(text: &str) -> Result<(&'static Limit, Number), BadLimit> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text.trim(), None),
    };
    let limit = ALL.iter().find(|limit| limit.name == name).ok_or_else(|| unknown(name))?;
    let Some(value) = value else {
        let like = format!("{name}={}", limit.default);
        return Err(BadLimit(format!("the limit `{name}` has no value: write it as `{like}`")));
    };
    let number = limit.value(value)?;
    let (least, most) = (limit.least, most(limit.default));
    if number < least {
        return Err(BadLimit(format!("`{name}`: `{value}` is too little: at least {least}")));
    }
    if number > most {
        return Err(BadLimit(format!("`{name}`: `{value}` is too much: at most {most}")));
    }
    Ok((limit, number))
}

/// A name that no number has, what was meant, and what there is.
fn unknown(name: &str) -> BadLimit {
    let quoted = |limit: &Limit| format!("`{}`", limit.name);
    let of_this: Vec<String> = of_rule(name).map(quoted).collect();
    if !of_this.is_empty() {
        let names = of_this.join(" and ");
        return BadLimit(format!("the rule `{name}` has more than one limit: {names}"));
    }
    let all: Vec<&str> = ALL.iter().map(|limit| limit.name).collect();
    let what = match super::find(name) {
        Some(_) => format!("the rule `{name}` judges by no number"),
        None => format!("there is no limit `{name}`"),
    };
    let meant = nearest(name, all.iter().copied());
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    BadLimit(format!("{what}{meant} (limits: {})", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    fn wrong(text: &str) -> String {
        read(&[text]).expect_err(text).to_string()
    }

    #[test]
    fn each_limit_is_of_a_rule_stands_in_its_demand_and_can_be_set_from_its_least_to_the_most() {
        for limit in ALL {
            let rule = rules::find(limit.rule()).expect(limit.name);
            let place = format!("{{{}}}", limit.name);
            assert_eq!(rule.demand.matches(&place).count(), 1, "{}", rule.demand);
            let is_alone = of_rule(rule.id).count() == 1;
            assert_eq!(limit.name == rule.id, is_alone, "{}", limit.name);
            assert!(limit.least < limit.default, "{}", limit.name);
            assert!(limit.default < most(limit.default), "{}", limit.name);
            for value in [limit.least, most(limit.default)] {
                let limits = read(&[format!("{}={value}", limit.name)]).expect(limit.name);
                assert_eq!(limit.of(&limits), value);
                assert!(rule.demand(&limits).contains(&value.to_string()), "{}", limit.name);
                assert!(limits.speak_of(rule.id) && !limits.speak_of("honest-ending"));
            }
        }
        let usual = Limits::default();
        for rule in rules::ALL {
            assert!(!rule.demand(&usual).contains(['{', '}']), "{}", rule.demand(&usual));
        }
    }

    #[test]
    fn values_are_read_as_scenarios_have_them_and_the_usual_one_changes_nothing() {
        let limits = read(&["bounded-memory=1MiB", " drain.grace = 1500ms ", "storm-is-damped=7"]);
        let limits = limits.expect("they are right");
        let set: Vec<_> =
            changed(&limits).map(|(limit, is)| format!("{}={is}", limit.name)).collect();
        assert_eq!(set, ["drain.grace=1500ms", "bounded-memory=1MiB", "storm-is-damped=7"]);
        assert_eq!(read(&["prompt-frames=10ms", "bounded-memory=256KiB"]), Ok(Limits::default()));
        assert_eq!(read::<&str>(&[]), Ok(Limits::default()));
    }

    #[test]
    fn a_text_that_sets_nothing_is_refused_with_what_would() {
        let all = ALL.iter().map(|limit| limit.name).collect::<Vec<_>>().join(", ");
        for (text, told) in [
            ("promt-frames=5ms", "there is no limit `promt-frames`; did you mean `prompt-frames`?"),
            ("quick=5ms", "there is no limit `quick`"),
            ("honest-ending=3", "the rule `honest-ending` judges by no number"),
        ] {
            assert_eq!(wrong(text), format!("{told} (limits: {all})"));
        }
        for (text, told) in [
            (
                "drain=5s",
                "the rule `drain` has more than one limit: `drain.grace` and `drain.last-words`",
            ),
            (
                "prompt-frames",
                "the limit `prompt-frames` has no value: write it as `prompt-frames=10ms`",
            ),
            (
                "prompt-frames=25",
                "`prompt-frames`: `25` is not a time: a whole number with its unit, such as `20ms`, `5s`, `10m` or `1h`",
            ),
            (
                "prompt-frames=25 msec",
                "`prompt-frames`: `25 msec` is not a time: a whole number with its unit, such as `20ms`, `5s`, `10m` or `1h`; did you mean `25ms`?",
            ),
            (
                "bounded-memory=64kb",
                "`bounded-memory`: `64kb` is not a size: a whole number with its unit, such as `417B`, `64KiB` or `1MiB`; did you mean `64KiB`?",
            ),
            (
                "storm-is-damped=3s",
                "`storm-is-damped`: `3s` is not a count: a whole number without a unit, such as `3`",
            ),
            ("storm-is-damped=0", "`storm-is-damped`: `0` is too little: at least 1"),
            ("bounded-memory=0KiB", "`bounded-memory`: `0KiB` is too little: at least 1B"),
            (
                "no-total-deadline.silence=0s",
                "`no-total-deadline.silence`: `0s` is too little: at least 1ms",
            ),
            ("prompt-frames=20000h", "`prompt-frames`: `20000h` is too much: at most 10000h"),
            ("bounded-memory=2048MiB", "`bounded-memory`: `2048MiB` is too much: at most 1024MiB"),
            (
                "storm-is-damped=1000001",
                "`storm-is-damped`: `1000001` is too much: at most 1000000",
            ),
        ] {
            assert_eq!(wrong(text), told);
        }
        let twice = read(&["prompt-frames=5ms", "prompt-frames=10ms"]).unwrap_err();
        assert_eq!(twice.to_string(), "the limit `prompt-frames` stands twice");
    }
}
