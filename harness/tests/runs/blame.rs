//! Where a hop behind the relay does what is wrong, the hop is named and not the relay.

use harness::{
    report::Failure,
    scenario,
    suite::{self, Case, Settings},
    target::Target,
};

/// How a rule breaks where this stands between the relay and the provider.
fn broke(hop: &str, relay: &str, rule: &str) -> Option<Failure> {
    let yaml = format!(
        "
title: A hop stands behind the relay
path: [client, relay, {hop}, upstream]
upstream:
  - then: [{{ stream: {{ chunks: 5, every: 100ms }} }}]
clients:
  - name: sdk
    request: {{ headers: {{ accept-encoding: gzip }} }}
"
    );
    let scenario = scenario::load("blame.yaml", yaml.as_bytes(), &[]).expect("it is right");
    let target = Target::named(relay).expect("there is such a relay");
    let case = Case { id: "blame".to_owned(), scenario };
    let failures = suite::outcome(&case, &Settings::of(target)).failures;
    failures.into_iter().find(|failure| failure.rule == rule)
}

#[test]
fn a_coding_is_its_hops_and_what_a_relay_has_to_forbid_is_the_relays() {
    let coded = broke("compressor: { flushes: true }", "broken/copies-all-headers", "no-transform");
    let coded = coded.expect("it breaks");
    assert_eq!((coded.host.as_str(), coded.got.as_str()), ("compressor", "content-encoding: gzip"));
    let stripper = "header_stripper: { headers: [cache-control] }";
    let bare = broke(stripper, "broken/lets-proxies-buffer", "no-transform").expect("it breaks");
    assert_eq!((bare.host.as_str(), bare.got.as_str()), ("relay", "cache-control: absent"));
    assert!(broke(stripper, Target::REFERENCE, "no-transform").is_none());
}
