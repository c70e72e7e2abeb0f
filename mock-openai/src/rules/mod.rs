//! Which rule of the script answers a request.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    http::Request,
    keys,
    marks::Marks,
    script::{Rule, Scope, When},
};

pub(crate) mod condition;
mod matching;
mod quota;

pub(crate) use quota::Quota;

use condition::Condition;

/// What is remembered while one script is in force, over all connections.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// The `match: { body }` of each rule, read at the first request.
    conditions: OnceLock<Vec<Option<Condition>>>,
    counted: Mutex<Counted>,
    marks: Arc<Marks>,
}

#[derive(Debug, Default)]
struct Counted {
    /// Requests of a client.
    requests: BTreeMap<String, u64>,
    /// Requests that fitted a rule, by its index and, where it counts so, by client.
    fitted: BTreeMap<(usize, Option<String>), u64>,
    windows: BTreeMap<usize, quota::Window>,
}

/// The rule for a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The rule of this index answers.
    Answers(usize, Option<Quota>),
    /// The rule of this index would answer, but its quota is used up.
    Limited(usize, Quota),
    /// The rule of this index would answer, but asks for a key that the request does not bring.
    Unauthorized(usize),
    /// None: the nearest miss, and what of it did not fit.
    None(String),
}

impl Rules {
    /// Chooses the rule for a request of `client`, and counts it. Also returns how many requests
    /// of this client came before.
    ///
    /// A request counts for every rule whose `match` it fits, also where a rule before it answers:
    /// so `nth: 2` of any rule means the second such request. `script` is always the same one.
    pub(crate) fn choose(&self, script: &[Rule], request: &Request, client: &str) -> (Choice, u64) {
        let conditions = self.conditions.get_or_init(|| {
            let read = |rule: &Rule| Condition::parse(rule.matches.body.as_deref()?).ok();
            script.iter().map(read).collect()
        });
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = counted.requests.entry(client.to_owned()).or_default();
        let before = *requests;
        *requests += 1;

        let mut chosen = None;
        let mut nearest: Option<(usize, String)> = None;
        for (index, rule) in script.iter().enumerate() {
            let mut misses = matching::misses(&rule.matches, conditions[index].as_ref(), request);
            if misses.is_empty() {
                let when = rule.when.unwrap_or_default();
                let by = (when.scope == Scope::Client).then(|| client.to_owned());
                let count = counted.fitted.entry((index, by)).or_default();
                *count += 1;
                if picks(when, *count) {
                    chosen = chosen.or(Some(index));
                } else {
                    misses.push(format!("this is request {count} of those that it counts"));
                }
            }
            if nearest.as_ref().is_none_or(|(fewest, _)| misses.len() < *fewest) {
                nearest = Some((misses.len(), format!("rule {index}: {}", misses.join(", "))));
            }
        }
        let Some(index) = chosen else {
            let nearest = nearest.map_or_else(|| "the script has no rules".to_owned(), |(_, t)| t);
            return (Choice::None(nearest), before);
        };
        let Rule { keys, limit, .. } = &script[index];
        if !keys.is_empty() && !keys::admits(keys, &request.head) {
            return (Choice::Unauthorized(index), before);
        }
        let Some(limit) = limit else {
            return (Choice::Answers(index, None), before);
        };
        let window = counted.windows.entry(index).or_default();
        let choice = match window.admit(*limit, request.prompt_words(), Instant::now()) {
            (true, quota) => Choice::Answers(index, Some(quota)),
            (false, quota) => Choice::Limited(index, quota),
        };
        (choice, before)
    }

    /// The marks that answers have passed.
    pub(crate) fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.marks)
    }
}

fn picks(when: When, count: u64) -> bool {
    when.nth.is_none_or(|nth| (nth.first..=nth.last).contains(&count))
        && when.first.is_none_or(|first| count <= first)
        && when.every.is_none_or(|every| count.is_multiple_of(every))
}

/// Whole milliseconds, rounded up.
pub(crate) fn millis_up(time: Duration) -> u128 {
    time.as_nanos().div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Head;

    fn request(target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let head = Head {
            method: "POST".to_owned(),
            target: target.to_owned(),
            minor_version: 1,
            headers: headers.iter().map(own).collect(),
        };
        Request::new(head, body.to_owned().into())
    }

    fn script(yaml: &str) -> Vec<Rule> {
        crate::yaml::load("test", yaml.as_bytes()).unwrap()
    }

    fn chosen(rules: &Rules, script: &[Rule], client: &str) -> Option<usize> {
        match rules.choose(script, &request("/x", &[], ""), client).0 {
            Choice::Answers(index, _) => Some(index),
            Choice::Limited(..) | Choice::Unauthorized(_) | Choice::None(_) => None,
        }
    }

    #[test]
    fn counters_are_kept_for_each_client_and_count_requests_that_others_answer() {
        let script =
            script("[{when: {nth: 1}, then: [{head: {}}]}, {when: {nth: 2}, then: [{head: {}}]}]");
        let rules = Rules::default();
        let got: Vec<_> =
            ["ann", "ann", "bob", "ann", "bob"].map(|c| chosen(&rules, &script, c)).into();
        assert_eq!(got, [Some(0), Some(1), Some(0), None, Some(1)]);
    }

    #[test]
    fn a_scope_of_all_counts_over_clients() {
        let script = script("[{when: {every: 2, scope: all}, then: [{head: {}}]}]");
        let rules = Rules::default();
        let got: Vec<_> = ["a", "b", "c", "d"].map(|c| chosen(&rules, &script, c)).into();
        assert_eq!(got, [None, Some(0), None, Some(0)]);
    }

    #[test]
    fn first_picks_so_many_and_no_more() {
        let script = script("[{when: {first: 2}, then: [{head: {}}]}]");
        let rules = Rules::default();
        let got: Vec<_> = [0; 3].map(|_| chosen(&rules, &script, "a")).into();
        assert_eq!(got, [Some(0), Some(0), None]);
    }

    #[test]
    fn every_condition_must_fit_and_the_nearest_miss_is_named() {
        let script = script(
            "[{match: {method: GET, path: /y}, then: [{head: {}}]},
              {match: {path: /x, model: m, header: {X-A: '1'}}, then: [{head: {}}]}]",
        );
        let choose = |request: &Request| Rules::default().choose(&script, request, "c").0;
        let all = request("/x?q=1", &[("x-a", "1")], r#"{"model":"m"}"#);
        assert_eq!(choose(&all), Choice::Answers(1, None));
        let no_header = request("/x", &[("x-a", "2")], r#"{"model":"m"}"#);
        let missed = "rule 1: header x-a is `2`, not `1`";
        assert_eq!(choose(&no_header), Choice::None(missed.to_owned()));
        let no_model = request("http://host:80/x", &[("x-a", "1")], "");
        assert_eq!(
            choose(&no_model),
            Choice::None("rule 1: it names no model, not `m`".to_owned())
        );
    }

    #[test]
    fn a_body_must_hold_what_is_asked_of_it() {
        let script = script("[{match: {body: '$.n > 1'}, then: [{head: {}}]}]");
        let choose = |body| Rules::default().choose(&script, &request("/x", &[], body), "c").0;
        assert_eq!(choose(r#"{"n":2}"#), Choice::Answers(0, None));
        let missed = |why: &str| Choice::None(format!("rule 0: {why}"));
        assert_eq!(choose(r#"{"n":1}"#), missed("its body does not fit `$.n > 1`"));
        assert_eq!(choose("n"), missed("its body is no JSON, which `$.n > 1` asks for"));
    }

    #[test]
    fn nth_picks_a_range_with_both_its_ends() {
        let script = script("[{when: {nth: 2-3}, then: [{head: {}}]}]");
        let rules = Rules::default();
        let got: Vec<_> = [0; 4].map(|_| chosen(&rules, &script, "a")).into();
        assert_eq!(got, [None, Some(0), Some(0), None]);
    }

    #[test]
    fn a_request_without_the_key_takes_nothing_of_the_quota() {
        let script = script("[{keys: [k1], limit: {requests: 1, per: 1s}, then: [{head: {}}]}]");
        let rules = Rules::default();
        let choose =
            |key| rules.choose(&script, &request("/x", &[("Authorization", key)], ""), "c").0;
        assert_eq!(choose("Bearer k2"), Choice::Unauthorized(0));
        assert!(matches!(choose("Bearer k1"), Choice::Answers(0, Some(_))));
        assert!(matches!(choose("Bearer k1"), Choice::Limited(0, _)));
    }

    /// Three clients send four requests each; whatever the order of arrival among them, each is
    /// answered the same.
    #[test]
    fn who_comes_first_changes_nothing_for_the_others() {
        let script = script(
            "[{when: {nth: 2-3}, then: [{head: {}}]}, {when: {every: 4}, then: [{head: {}}]},
              {when: {first: 1}, then: [{head: {}}]}]",
        );
        let answers = |order: &[usize]| {
            let rules = Rules::default();
            let mut answers = BTreeMap::<usize, Vec<_>>::new();
            for client in order {
                let name = client.to_string();
                let (choice, before) = rules.choose(&script, &request("/x", &[], ""), &name);
                answers.entry(*client).or_default().push((format!("{choice:?}"), before));
            }
            answers
        };
        let mut order: Vec<usize> = (0..12).map(|at| at / 4).collect();
        let expected = answers(&order);
        assert_eq!(
            expected[&0].iter().map(|(_, before)| *before).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        for shuffle in 0..50 {
            order.sort_by_cached_key(|client| crate::draw::draw(shuffle, "order", *client as u64));
            for at in 0..order.len() {
                let with = crate::draw::draw_below(shuffle, "swap", at as u64, 12);
                order.swap(at, usize::try_from(with).unwrap());
            }
            assert_eq!(answers(&order), expected, "{order:?}");
        }
    }

    #[test]
    fn a_script_without_rules_says_so() {
        let choice = Rules::default().choose(&[], &request("/x", &[], ""), "c").0;
        assert_eq!(choice, Choice::None("the script has no rules".to_owned()));
    }
}
