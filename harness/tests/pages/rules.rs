//! `docs/rules.md`: what relays are judged by, and the numbers that a run can set.

use harness::{
    plan::Limits,
    rules::{
        self,
        limits::{self, Limit},
    },
};

use super::text::table;

const HEAD: &str = "# Rules

What relays are judged by, in the order of the rules in reports. *must* is a standard's binding text,
*should* its recommendation; of *profile* no standard has a number, and ours stands here; *info* is told and
never fails. [Broken relays](broken-relays.md) shows which mistake each rule sees.

";

const LIMITS: &str = "
## Limits

The numbers that rules judge by. A run can set each of them:

```console
$ whitewater run --limit prompt-frames=25ms --limit bounded-memory=1MiB
limit  prompt-frames=25ms, by default 10ms
limit  bounded-memory=1MiB, by default 256KiB
...
```

A relay's own test sets them by `Conformance::with_limits`. Times, sizes and counts are written as in
scenarios. The head of a report names each limit that is not the default, JSON reports have all of them, and
so has the demand of each failure and the command that replays it. A limit is a matter of judging alone: the
run and its trace are the same with any.

What a scenario says itself stays as it says it. The switches `drain`, `first_byte`, `idle`, `heartbeat`
and `max_streams` and the like are the relay's numbers there, and entries under `expect` are judged by their
own, beside the rules. A scenario is written for the defaults: where a rule has another limit, it is no
failure that its excuse under `expect` is not needed, or that the rule under `proves` has nothing to judge.

";

pub(crate) fn page() -> String {
    format!("{HEAD}{}{LIMITS}{}", all(), numbers())
}

fn all() -> String {
    let rows = rules::ALL.iter().map(|rule| {
        let names: Vec<String> =
            limits::of_rule(rule.id).map(|limit| format!("`{}`", limit.name)).collect();
        vec![
            format!("`{}`", rule.id),
            rule.demand(&Limits::default()),
            rule.level.name().to_owned(),
            rule.citation.to_owned(),
            names.join(", "),
        ]
    });
    table(&["rule", "demands", "level", "stands in", "limits"], rows)
}

fn numbers() -> String {
    let rows = limits::ALL.iter().map(|limit| {
        let Limit { name, default, least, bounds, source } = limit;
        let least =
            if least.to_string().starts_with('0') { String::new() } else { least.to_string() };
        let texts = [format!("`{name}`"), default.to_string(), least];
        texts.into_iter().chain([(*bounds).to_owned(), (*source).to_owned()]).collect()
    });
    table(&["limit", "default", "at least", "bounds", "the number comes from"], rows)
}
