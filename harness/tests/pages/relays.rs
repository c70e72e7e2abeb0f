//! `docs/broken-relays.md`: which rule catches which broken relay, and who made its mistake.

use harness::{
    broken::{self, Broken},
    plan::Limits,
    rules,
};

use super::text::{linked, table};

const HEAD: &str = "# Broken relays

Each of these relays makes one mistake that a real program made, and is right otherwise. They show what a
mistake looks like from the client's side, and that the rules see it: over all scenarios each relay breaks
exactly the rules that stand beside it, which is tested.

```console
$ whitewater run --relay broken/forgets-flush      # what it does to every scenario
$ whitewater explain broken/forgets-flush
```

";

pub(crate) fn page() -> String {
    format!("{HEAD}## By rule\n\n{}\n## By relay\n\n{}", by_rule(), by_relay())
}

fn by_rule() -> String {
    let names = |which: &dyn Fn(&Broken) -> bool| {
        let names = broken::ALL.iter().filter(|relay| which(relay)).map(name);
        names.collect::<Vec<_>>().join(", ")
    };
    let rows = rules::ALL.iter().map(|rule| {
        let is_first = |relay: &Broken| relay.caught_by.first() == Some(&rule.id);
        let about = names(&is_first);
        let also = names(&|relay| !is_first(relay) && relay.caught_by.contains(&rule.id));
        let demand = rule.demand(&Limits::default());
        let demand = format!("{demand} ({}; {})", rule.level.name(), rule.citation);
        vec![format!("`{}`", rule.id), demand, about, also]
    });
    table(&["rule", "demands", "caught", "also breaks in"], rows)
}

fn by_relay() -> String {
    let rows = broken::ALL.iter().map(|relay| {
        let rules: Vec<String> = relay.caught_by.iter().map(|id| format!("`{id}`")).collect();
        vec![name(relay), relay.mistake.to_owned(), linked(relay.made_by), rules.join(", ")]
    });
    table(&["relay", "its mistake", "made by", "breaks"], rows)
}

fn name(relay: &Broken) -> String {
    format!("`{}`", relay.name)
}
