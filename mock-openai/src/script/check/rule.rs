//! Whether a rule can match, admit and answer.

use std::time::Duration;

use super::{
    ANSWER_BYTES_MAX, COUNT_MAX,
    answer::{Answer, runs},
    check_one_of,
    header::check_header,
};
use crate::{
    quantity::Time,
    rules::condition::Condition,
    script::{Extent, Limit, Matcher, Rule, When},
    yaml::{Diagnostic, Place},
};

/// Longer than any quota, and within what Go's durations can say of it.
const PER_MAX: Time = Time(Duration::from_hours(10_000));

pub(super) fn check(rule: &Rule, marks: &[String], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    check_matcher(&rule.matches, place.key("match"), wrong);
    if let Some(when) = &rule.when {
        check_when(when, place.key("when"), wrong);
    }
    check_keys(&rule.keys, place.key("keys"), wrong);
    if let Some(limit) = &rule.limit {
        check_limit(limit, place.key("limit"), wrong);
    }
    let then = place.key("then");
    if rule.then.is_empty() {
        let help = "for an empty 200, write `then: [ { head: {} } ]`";
        wrong.push(then.at_key().wrong("the rule answers nothing").help(help));
    }
    Answer::new(marks).check(&rule.then, then, wrong);
    if runs(&rule.then) > COUNT_MAX {
        let message = format!("the answer runs more than {COUNT_MAX} steps");
        wrong.push(then.at_key().wrong(message).help("a `repeat` in a `repeat` multiplies"));
    }
    if Extent::of_steps(&rule.then).bytes.is_some_and(|bytes| bytes > ANSWER_BYTES_MAX) {
        let message = format!("the answer can be larger than {} MiB", ANSWER_BYTES_MAX >> 20);
        wrong.push(then.at_key().wrong(message));
    }
}

fn check_matcher(matcher: &Matcher, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if matcher.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        wrong.push(place.key("path").wrong("a path begins with `/`"));
    }
    for (name, value) in &matcher.header {
        check_header(name, value, place.key("header").key(name), wrong);
    }
    if let Some(Err(error)) = matcher.body.as_deref().map(Condition::parse) {
        wrong.push(place.key("body").wrong(error.why).help(error.help));
    }
}

fn check_when(when: &When, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let counts =
        [("nth", when.nth.map(|nth| nth.first)), ("first", when.first), ("every", when.every)];
    let given: Vec<&str> =
        counts.iter().filter(|(_, count)| count.is_some()).map(|(name, _)| *name).collect();
    if given.is_empty() {
        let help = "say `nth: 1`, `first: 2` or `every: 3`";
        wrong.push(place.at_key().wrong("`when` picks no request").help(help));
    }
    if let [first, second, ..] = given.as_slice() {
        let of = format!("`when` counts by `{first}` or by `{second}`");
        check_one_of(&given, &of, place, wrong);
    }
    for (name, count) in counts {
        if count == Some(0) {
            let message = "requests are counted from 1";
            wrong.push(place.key(name).wrong(message));
        }
    }
    if let Some(nth) = when.nth
        && nth.first > nth.last
    {
        let message = format!("the range {}-{} is empty", nth.first, nth.last);
        let help = format!("the smaller number stands first: `nth: {}-{}`", nth.last, nth.first);
        wrong.push(place.key("nth").wrong(message).help(help));
    }
}

fn check_keys(keys: &[String], place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if keys.is_empty() && place.exists() {
        let help = "name one key at least, or leave `keys` out to ask for none";
        wrong.push(place.at_key().wrong("no key is accepted").help(help));
    }
    for (index, key) in keys.iter().enumerate() {
        let place = place.nth(index);
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "no header can carry this key";
            wrong.push(place.wrong(message).wanted("wanted: printable ASCII without blanks"));
        } else if keys[..index].contains(key) {
            wrong.push(place.wrong(format!("`{key}` stands here twice")));
        }
    }
}

fn check_limit(limit: &Limit, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    if limit.requests.is_none() && limit.tokens.is_none() {
        let help = "say `requests: 10`, `tokens: 1000` or both";
        wrong.push(place.at_key().wrong("the quota counts nothing").help(help));
    }
    for (name, most) in [("requests", limit.requests), ("tokens", limit.tokens)] {
        if most == Some(0) {
            let help = "to refuse every request, answer `error: { preset: rate_limit }`";
            wrong.push(place.key(name).wrong("a quota of 0 admits nothing").help(help));
        }
    }
    if limit.per.0.is_zero() {
        wrong.push(place.key("per").wrong("a window of no length admits everything"));
    } else if limit.per > PER_MAX {
        let message = format!("a window of more than {PER_MAX} is refused");
        wrong.push(place.key("per").wrong(message));
    }
}
