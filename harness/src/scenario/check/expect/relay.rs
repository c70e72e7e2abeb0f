//! What is expected of the relay itself.

use mock_openai::{
    script::Extent,
    yaml::{Diagnostic, Place},
};

use super::bound;
use crate::{
    metrics,
    scenario::{Relay, Scenario, is_of_a_word},
};

pub(super) fn check(
    scenario: &Scenario,
    relay: &Relay,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    let bytes = place.key("held_bytes");
    if *relay == Relay::default() && !place.key("metric").exists() {
        let help = "say what, such as `held_bytes: { at_most: 64KiB }`";
        wrong.push(place.at_key().wrong("nothing is expected of the relay").help(help));
    }
    if let Some(second) = scenario.second_relay() {
        let message = format!("two relays stand on the path, `relay` and `{second}`");
        let help = "take the load balancer away: this speaks of one";
        wrong.push(place.at_key().wrong(message).help(help));
    }
    bound::check(relay.held_bytes, bytes, wrong);
    check_metrics(scenario, relay, place, wrong);
    check_log(scenario, relay, place, wrong);
    // A stream that fits below the bound proves nothing: any relay could hold it whole.
    let sent = Extent::of_rules(&scenario.upstream).bytes;
    if let Some(most) = relay.held_bytes.and_then(|bound| bound.at_most)
        && let Some(sent) = sent
        && sent <= most.0
    {
        let message = format!("the provider never sends more than {sent} bytes");
        let help = format!("a relay can hold more than {most} only of a stream that is larger");
        wrong.push(bytes.wrong(message).help(help));
    }
}

fn check_log(scenario: &Scenario, relay: &Relay, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let Some(word) = &relay.logged else { return };
    let here = place.key("logged");
    if word.is_empty() || !word.chars().all(is_of_a_word) {
        let message = format!("`{word}` is not one word");
        let wanted = "wanted: letters, digits and `_`, such as `idle_warning`";
        wrong.push(here.wrong(message).wanted(wanted));
    }
    if !scenario.needs.iter().any(|need| need == "log") {
        let message = "`logged` asks for the relay's log, which not every relay lets be heard";
        let help = "write `needs: [log]`: a relay that claims none is then skipped";
        wrong.push(here.at_key().wrong(message).help(help));
    }
}

fn check_metrics(
    scenario: &Scenario,
    relay: &Relay,
    place: Place<'_>,
    wrong: &mut Vec<Diagnostic>,
) {
    bound::check(relay.open_streams, place.key("open_streams"), wrong);
    for (name, figure) in &relay.metric {
        let here = place.key("metric").key(name);
        if !metrics::can_be(name) {
            let message = format!("`{name}` cannot be the name of a metric");
            let wanted = "wanted: letters, digits and `_`, with or without labels, such as \
                          `retries_total` or `requests_total{status=\"200\"}`";
            wrong.push(here.at_key().wrong(message).wanted(wanted));
        }
        bound::check(Some(*figure), here, wrong);
    }
    let asks = ["open_streams", "metric"].into_iter().find(|key| place.key(key).exists());
    let claimed = scenario.needs.iter().any(|need| need == "metrics");
    if place.key("metric").exists() && relay.metric.is_empty() {
        let help = "name one, such as `metric: { retries_total: 2 }`";
        wrong.push(place.key("metric").wrong("no metric is named").help(help));
    } else if let Some(key) = asks.filter(|_| !claimed) {
        let message = format!("`{key}` asks the relay's `/metrics`, which not every relay has");
        let help = "write `needs: [metrics]`: a relay that claims none is then skipped";
        wrong.push(place.key(key).at_key().wrong(message).help(help));
    }
}
