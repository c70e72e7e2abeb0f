//! One run against all that it is judged by.

use crate::{
    exchange::{Exchange, Moment, Run},
    expect::{self, Lenient},
    plan::{Client, Plan},
    rules::{self, Level, Rule},
    scenario::{Expect, Kind},
    trace::{Fact, ProviderEvent, Trace, WorldFact},
    verdict::{Breach, Inquiry, Verdict},
};

/// What one run came to.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Every rule and what it says, in the catalogue's order; excused ones are not among them.
    pub rules: Vec<(&'static Rule, Verdict)>,
    /// What was expected beyond the rules, in order: the scenario's own `expect`, and what every
    /// scenario expects without saying it.
    pub expectations: Vec<(String, Verdict)>,
    /// Rules that broke, as the scenario says that they do.
    pub excused: Vec<Excused>,
    /// Outcomes that are accepted and not as they should be.
    pub lenient: Vec<Lenient>,
}

/// A rule that broke for a reason that is not the relay's.
#[derive(Debug, Clone)]
pub struct Excused {
    /// The rule.
    pub rule: &'static Rule,
    /// The author's reason.
    pub because: String,
    /// How it broke.
    pub breach: Breach,
}

impl Judged {
    /// Whether nothing broke that counts: a rule of level [`Level::Info`] only reports.
    pub fn held(&self) -> bool {
        self.failures().next().is_none()
    }

    /// What broke, by name: rules by their id, expectations by their label.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &Breach)> {
        let rules = self
            .rules
            .iter()
            .filter(|(rule, _)| rule.level != Level::Info)
            .map(|(rule, verdict)| (rule.id, verdict));
        let expected = self.expectations.iter().map(|(label, verdict)| (label.as_str(), verdict));
        rules.chain(expected).filter_map(|(name, verdict)| match verdict {
            Verdict::Broke(breach) => Some((name, breach)),
            Verdict::Held | Verdict::NotApplicable { .. } => None,
        })
    }
}

/// Judges one run.
pub fn judge(plan: &Plan, trace: &Trace) -> Judged {
    if let Some(stopped) = full(trace) {
        return stopped;
    }
    let run = Run::of(trace, plan);
    let all = rules::ALL.iter().map(|rule| (rule, (rule.judge)(&run))).collect();
    let mut judged = Judged {
        rules: all,
        expectations: finished(&run),
        excused: Vec::new(),
        lenient: Vec::new(),
    };
    for entry in &plan.expect {
        let found = expect::judge(&run, entry);
        judged.expectations.extend(found.verdicts);
        judged.lenient.extend(found.lenient);
        if let Some(id) = &entry.excused {
            judged.excuse(&run, id, entry.because.as_deref().unwrap_or("no reason given"));
        }
    }
    for id in &plan.proves {
        judged.prove(&run, id);
    }
    judged
}

/// Of a run that was stopped because its trace was full, that is all there is to say: the trace lacks
/// what the rules would need.
fn full(trace: &Trace) -> Option<Judged> {
    let stopped = |fact: &Fact| matches!(fact, Fact::World(WorldFact::TraceFull));
    let ordinal = trace.events.iter().rposition(|event| stopped(&event.fact))?;
    let event = &trace.events[ordinal];
    let at = Moment { at: event.at, ordinal };
    let wanted = "a run of less than 4,000,000 events and 1 GiB of payload";
    let got = "the trace was full before all clients were done".to_owned();
    let broke = Verdict::Broke(Breach::new(at, &event.actor, wanted, got));
    let expectations = vec![("finishes".to_owned(), broke)];
    Some(Judged { rules: Vec::new(), expectations, excused: Vec::new(), lenient: Vec::new() })
}

impl Judged {
    /// Moves a broken rule to the excused; an excuse that nothing needs is a failure, since it would
    /// hide the next breach. Where middleboxes stand on the path the excuse is theirs: what the
    /// relay breaks stays broken. Without packets nobody can be told from another, nor is each rule judged.
    fn excuse(&mut self, run: &Run<'_>, id: &str, because: &str) {
        let found = self.rules.iter().position(|(rule, _)| rule.id == id);
        let already = self.excused.iter().any(|excused| excused.rule.id == id);
        let got = match found.map(|index| (index, &self.rules[index].1)) {
            _ if already => "it is excused twice".to_owned(),
            Some((index, Verdict::Broke(breach))) => {
                let (breach, because) = (breach.clone(), because.to_owned());
                let is_of_boxes = run.plan.hops.len() > 1 && run.shows_packets();
                let is_relays = |one: &Breach| is_of_boxes && run.plan.is_relay(&one.host);
                if is_relays(&breach) {
                    return;
                }
                let (rule, _) = self.rules.remove(index);
                if let Some(own) = breach.others.iter().find(|one| is_relays(one)) {
                    self.rules.insert(index, (rule, Verdict::Broke(own.clone())));
                }
                self.excused.push(Excused { rule, because, breach });
                return;
            }
            // Scenarios are written for the usual limits: with others it may well hold.
            Some((_, Verdict::Held | Verdict::NotApplicable { .. }))
                if run.plan.limits.speak_of(id) || !run.shows_packets() =>
            {
                return;
            }
            Some((_, Verdict::NotApplicable { why })) if is_by_claim(run, why) => return,
            Some((_, Verdict::Held)) => "it held: the excuse is not needed".to_owned(),
            Some((_, Verdict::NotApplicable { why })) => format!("it does not apply: {why}"),
            None => "there is no such rule".to_owned(),
        };
        let wanted = format!("{id} breaks, as the scenario says");
        self.fail(run, format!("excused: {id}"), wanted, got);
    }

    /// A rule that the scenario is about must have been judged; with another limit than the scenario
    /// was written for, or without packets, it may have nothing to judge, and of what a relay says that it
    /// does it never has.
    fn prove(&mut self, run: &Run<'_>, id: &str) {
        let verdict = self.rules.iter().find(|(rule, _)| rule.id == id).map(|(_, verdict)| verdict);
        let excused = self.excused.iter().any(|excused| excused.rule.id == id);
        let got = match verdict {
            Some(Verdict::NotApplicable { .. })
                if run.plan.limits.speak_of(id) || !run.shows_packets() =>
            {
                return;
            }
            Some(Verdict::NotApplicable { why }) if is_by_claim(run, why) => return,
            Some(Verdict::NotApplicable { why }) => format!("it does not apply: {why}"),
            None if !excused => "there is no such rule".to_owned(),
            Some(Verdict::Held | Verdict::Broke(_)) | None => return,
        };
        self.fail(run, format!("proves: {id}"), format!("{id} applies to this run"), got);
    }

    fn fail(&mut self, run: &Run<'_>, label: String, wanted: String, got: String) {
        let breach = Breach::new(Moment::last(run.trace), &run.relay, wanted, got);
        self.expectations.push((label, Verdict::Broke(breach)));
    }
}

/// Whether a rule does not apply for what the relay says of itself: no run would show more.
fn is_by_claim(run: &Run<'_>, why: &str) -> bool {
    rules::payload::by_claim(run.plan.claims.kind) == Some(why)
}

/// What every scenario expects: that all clients come to an end, that nothing panics or spins, and that
/// its own script knows every request.
fn finished(run: &Run<'_>) -> Vec<(String, Verdict)> {
    let first = |of: fn(&Fact) -> Option<(&'static str, String)>| {
        let mut events = run.trace.events.iter().enumerate();
        let broke = events.find_map(|(ordinal, event)| {
            let (wanted, got) = of(&event.fact)?;
            let at = Moment { at: event.at, ordinal };
            Some(Verdict::Broke(Breach::new(at, &event.actor, wanted, got)))
        });
        broke.unwrap_or(Verdict::Held)
    };
    vec![
        ("finishes".to_owned(), first(limit_reached)),
        ("nothing panics".to_owned(), first(panicked)),
        ("nothing spins".to_owned(), first(spins)),
        ("the script answers every request".to_owned(), first(unmatched)),
        ("every client is answered".to_owned(), answered(run)),
    ]
}

/// Whoever stays gets an answer, unless the scenario says how its client comes off. Without this a
/// relay that refuses everybody would break no rule: there would be nothing to judge.
fn answered(run: &Run<'_>) -> Verdict {
    let mut inquiry = Inquiry::default();
    for client in &run.plan.clients {
        let told = |of: &Expect| {
            let meant = of.client.as_deref();
            (meant == Some(&*client.name) || meant == Some(&*client.group))
                && (of.status.is_some()
                    || of.ends.is_some()
                    || of.script_reads.is_some()
                    || of.attempts.is_some_and(|sent| sent.at_most == Some(0)))
        };
        if run.plan.expect.iter().any(|one| told(one) || one.any_of.iter().any(told)) {
            continue;
        }
        // A browser asks only where its preflight, which the page does not see, allows it.
        let asks = |exchange: &Exchange| client.kind != Kind::Browser || !exchange.is_preflight();
        let is_its = |exchange: &Exchange| *exchange.client == *client.name && asks(exchange);
        let Some(index) = run.exchanges.iter().rposition(is_its) else {
            inquiry.broke(unanswered(run, client, Moment::last(run.trace), "it never asked"));
            continue;
        };
        let exchange = &run.exchanges[index];
        let refused = run.answers_to(index).any(|answer| !answer.succeeds());
        if exchange.left.is_some() || refused {
            continue;
        }
        inquiry.applies();
        let head = exchange.head.as_ref();
        if !head.is_some_and(|head| (200..300).contains(&head.status)) {
            let at = head.map_or_else(|| Moment::last(run.trace), |head| head.moment);
            inquiry.broke(unanswered(run, client, at, &exchange.ending()));
        }
    }
    inquiry.verdict("the scenario says how each client comes off")
}

fn unanswered(run: &Run<'_>, client: &Client, at: Moment, got: &str) -> Breach {
    let wanted = "the provider's answer, or `expect` with its status or its end";
    Breach::new(at, &run.relay, wanted, got.to_owned()).concerning(&client.name.as_str().into())
}

fn limit_reached(fact: &Fact) -> Option<(&'static str, String)> {
    let Fact::World(WorldFact::LimitReached { waiting }) = fact else { return None };
    let waiting: Vec<&str> = waiting.iter().map(|name| &**name).collect();
    let got = format!("the limit was reached, still waiting for {}", waiting.join(", "));
    Some(("every client is done before the scenario's limit", got))
}

fn panicked(fact: &Fact) -> Option<(&'static str, String)> {
    let Fact::World(WorldFact::Panicked { message }) = fact else { return None };
    Some(("no task panics", message.clone()))
}

fn spins(fact: &Fact) -> Option<(&'static str, String)> {
    let Fact::World(WorldFact::Spins { calls, on }) = fact else { return None };
    let got = format!("it called on {on} {calls} times at one instant");
    Some(("a task that cannot go on waits for something", got))
}

fn unmatched(fact: &Fact) -> Option<(&'static str, String)> {
    let Fact::Provider(entry) = fact else { return None };
    let ProviderEvent::Unmatched { nearest } = &entry.event else { return None };
    Some(("a rule under `upstream` for every request", format!("none matches; {nearest}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::testing::Story,
        plan::{Hop, HopKind, RelayKind},
        scenario::{BufferingProxy, Middlebox},
        trace::{Name, ProviderEvent},
    };

    /// A frame that the relay keeps for 90 ms: `prompt-frames` breaks, and nothing else.
    fn late() -> Story {
        let mut story = Story::streaming();
        story.provides(10, "reader", "data: [DONE]\n\n");
        story.passes(100, "reader", "data: [DONE]\n\n");
        story.finishes(100, "reader");
        story.socket(101, "relay", "reader", 0, crate::trace::SocketFact::Dropped);
        story.socket(101, "relay", "reader", 1, crate::trace::SocketFact::Dropped);
        story.over(200);
        story
    }

    fn excuse(id: &str) -> Expect {
        let (excused, because) = (Some(id.to_owned()), Some("the box is deep".to_owned()));
        Expect { excused, because, ..Expect::default() }
    }

    fn failures(story: &Story) -> Vec<(String, String)> {
        let judged = judge(&story.plan, &story.trace);
        assert_eq!(judged.held(), judged.failures().next().is_none());
        judged.failures().map(|(name, breach)| (name.to_owned(), breach.got.clone())).collect()
    }

    #[test]
    fn every_rule_is_judged_in_the_order_of_the_catalogue() {
        let story = late();
        let judged = judge(&story.plan, &story.trace);
        let ids: Vec<&str> = judged.rules.iter().map(|(rule, _)| rule.id).collect();
        assert_eq!(ids, rules::ALL.iter().map(|rule| rule.id).collect::<Vec<_>>());
        assert_eq!(failures(&story)[0].0, "prompt-frames");
        assert_eq!(failures(&story).len(), 1);
    }

    #[test]
    fn a_rule_that_breaks_as_the_scenario_says_is_excused() {
        let mut story = late();
        story.plan.expect = vec![excuse("prompt-frames")];
        story.plan.proves = vec!["prompt-frames".to_owned()];
        let judged = judge(&story.plan, &story.trace);
        assert!(judged.held());
        let [excused] = judged.excused.as_slice() else { panic!("one excuse") };
        assert_eq!(
            (excused.rule.id, excused.because.as_str()),
            ("prompt-frames", "the box is deep")
        );
        assert_eq!(excused.breach.at.as_millis(), 100);
        assert!(judged.rules.iter().all(|(rule, _)| rule.id != "prompt-frames"));
    }

    #[test]
    fn a_run_whose_trace_was_full_is_judged_by_that_alone() {
        let mut story = late();
        let fact = Fact::World(WorldFact::TraceFull);
        let (at, actor) = (std::time::Duration::from_millis(90), Name::from("world"));
        story.trace.events.push(crate::trace::Event { at, actor, fact });
        let got = "the trace was full before all clients were done".to_owned();
        assert_eq!(failures(&story), [("finishes".to_owned(), got)]);
    }

    #[test]
    fn who_stays_and_gets_no_answer_must_be_expected_to() {
        let mut story = Story::new();
        story.client("reader", Kind::Raw);
        story.plan.expect = vec![];
        story.over(200);
        let every = ("every client is answered".to_owned(), "it never asked".to_owned());
        assert!(failures(&story).contains(&every), "{:?}", failures(&story));
        let ends = Some(crate::scenario::EndsAs {
            how: vec![crate::scenario::EndsHow::Broken],
            first_closed_by: None,
        });
        let client = Some("reader".to_owned());
        story.plan.expect = vec![Expect { client: client.clone(), ends, ..Expect::default() }];
        assert!(!failures(&story).contains(&every));
        let never = serde_json::from_str("0").ok();
        story.plan.expect = vec![Expect { client, attempts: never, ..Expect::default() }];
        assert!(never.is_some() && !failures(&story).contains(&every));
    }

    #[test]
    fn a_page_whose_preflight_alone_is_answered_is_not() {
        let mut story = Story::new();
        story.client("page", Kind::Browser);
        story.plan.clients.retain(|client| client.name == "page");
        let asked = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
        story.asks_with(0, "page", "OPTIONS", &asked, "");
        story.replies(1, "page", 204, &[]);
        story.over(200);
        let every = ("every client is answered".to_owned(), "it never asked".to_owned());
        assert!(failures(&story).contains(&every), "{:?}", failures(&story));
        story.asks_with(300, "page", "POST", &[], "{\"user\":\"page\"}");
        story.replies(301, "page", 200, &[]);
        assert!(!failures(&story).contains(&every), "{:?}", failures(&story));
    }

    #[test]
    fn an_excuse_for_a_middlebox_does_not_excuse_the_relay() {
        let mut story = late();
        story.plan.expect = vec![excuse("prompt-frames")];
        let proxy = Middlebox::BufferingProxy(BufferingProxy::default());
        let hop = Hop { name: "proxy".to_owned(), what: HopKind::Middlebox(proxy) };
        story.plan.hops.push(hop);
        assert_eq!(failures(&story)[0].0, "prompt-frames");
    }

    #[test]
    fn an_excuse_for_a_middlebox_hides_nothing_that_the_relay_does_later() {
        let mut story = Story::new().behind("edge");
        story.asks(0, "reader");
        story.hands_on(0, "reader");
        story.forwards(0, "reader");
        let stream = &[("content-type", "text/event-stream")];
        story.answers(0, "reader", 200, stream);
        story.replies(0, "reader", 200, stream);
        story.box_replies(0, "reader", 200, stream);
        let (first, second) = ("data: 1\n\n", "data: 2\n\n");
        story.provides(1, "reader", first);
        story.writes(1, "reader", first);
        story.box_passes(90, "reader", first);
        story.provides(100, "reader", second);
        story.writes(200, "reader", second);
        story.box_passes(200, "reader", second);
        story.plan.expect = vec![excuse("prompt-frames")];
        let judged = judge(&story.plan, &story.trace);
        let excused: Vec<_> = judged.excused.iter().map(|one| &*one.breach.host).collect();
        assert_eq!(excused, ["edge"]);
        let late = judged.failures().find(|(name, _)| *name == "prompt-frames");
        let late = late.map(|(_, breach)| (&*breach.host, breach.at.as_millis()));
        assert_eq!(late, Some(("relay", 200)));
    }

    #[test]
    fn an_excuse_that_nothing_needs_is_a_failure() {
        let mut story = late();
        let ids =
            ["prompt-frames", "payload-intact", "cancel-upstream", "prompt-frames", "no-such"];
        story.plan.expect = ids.map(excuse).to_vec();
        let expected = [
            ("excused: payload-intact", "it held: the excuse is not needed"),
            (
                "excused: cancel-upstream",
                "it does not apply: no client was heard to leave while the provider was answering it",
            ),
            ("excused: prompt-frames", "it is excused twice"),
            ("excused: no-such", "there is no such rule"),
        ];
        assert_eq!(failures(&story), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn with_another_limit_an_excuse_may_not_be_needed_and_a_rule_have_nothing_to_judge() {
        let mut story = late();
        story.plan.expect = vec![excuse("prompt-frames"), excuse("cancel-upstream")];
        story.plan.proves = ["stalled-reader-ends"].map(str::to_owned).to_vec();
        let limits = |texts: &[&str]| rules::limits::read(texts).expect("they are right");
        story.plan.limits = limits(&["prompt-frames=1s"]);
        let names = |story: &Story| -> Vec<String> {
            failures(story).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&story), ["excused: cancel-upstream", "proves: stalled-reader-ends"]);
        story.plan.limits =
            limits(&["prompt-frames=1s", "cancel-upstream=2s", "stalled-reader-ends.provider=2s"]);
        assert!(names(&story).is_empty(), "{:?}", failures(&story));
        // An excuse that is needed still serves.
        story.plan.limits = limits(&["prompt-frames=20ms", "cancel-upstream=2s"]);
        assert_eq!(names(&story), ["proves: stalled-reader-ends"]);
    }

    #[test]
    fn a_scenario_must_prove_what_it_says_that_it_proves() {
        let mut story = late();
        story.plan.expect = vec![excuse("prompt-frames")];
        story.plan.proves =
            ["payload-intact", "cancel-upstream", "no-such"].map(str::to_owned).to_vec();
        let names: Vec<String> = failures(&story).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["proves: cancel-upstream", "proves: no-such"]);
    }

    #[test]
    fn a_run_that_does_not_finish_or_panics_or_asks_what_no_rule_answers_has_failed() {
        let mut story = Story::streaming();
        let nearest = "rule 1: the model is another".to_owned();
        story.provider(1, "reader", ProviderEvent::Unmatched { nearest });
        let panicked = WorldFact::Panicked { message: "boom".to_owned() };
        story.fact(2, "world", Fact::World(panicked));
        let waiting = vec![Name::from("reader"), Name::from("other")];
        story.fact(3, "world", Fact::World(WorldFact::LimitReached { waiting }));
        let expected = [
            ("finishes", "the limit was reached, still waiting for reader, other"),
            ("nothing panics", "boom"),
            ("the script answers every request", "none matches; rule 1: the model is another"),
        ];
        assert_eq!(failures(&story), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn a_rule_that_only_informs_never_fails() {
        let story = late();
        let mut judged = judge(&story.plan, &story.trace);
        let told = |rule: &Rule| Rule { level: Level::Info, ..*rule };
        let (rule, verdict) = judged.rules.iter().find(|(r, _)| r.id == "prompt-frames").unwrap();
        let informing: &'static Rule = Box::leak(Box::new(told(rule)));
        let verdict = verdict.clone();
        assert!(!judged.held());
        judged.rules = vec![(informing, verdict)];
        assert!(judged.held());
    }

    #[test]
    fn what_a_relay_says_of_itself_leaves_nothing_to_prove() {
        let proven = |kind| {
            let mut story = Story::streaming();
            story.relays(10, "reader", ": note\n\ndata: [DONE]\n\n");
            story.finishes(100, "reader");
            story.plan.proves =
                ["payload-intact", "fields-survive", "cancel-upstream"].map(str::to_owned).to_vec();
            if kind == RelayKind::Translating {
                story.plan.expect = vec![excuse("payload-intact")];
            }
            story.plan.claims.kind = kind;
            let failed = failures(&story).into_iter().map(|(name, _)| name);
            failed.filter(|name| name.contains(": ")).collect::<Vec<_>>()
        };
        // What another run would have shown still fails.
        for kind in [RelayKind::Transparent, RelayKind::Reframing, RelayKind::Translating] {
            assert_eq!(proven(kind), ["proves: cancel-upstream"], "{kind:?}");
        }
    }
}
