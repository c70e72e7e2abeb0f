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

/// What breaks when the reference relay runs this.
fn failures(yaml: &str) -> Vec<(String, String)> {
    let scenario = scenario::load("blame.yaml", yaml.as_bytes(), &[]).expect("it is right");
    let case = Case { id: "blame".to_owned(), scenario };
    let outcome = suite::outcome(&case, &Settings::of(Target::reference()));
    outcome.failures.into_iter().map(|failure| (failure.rule, failure.got)).collect()
}

/// By default a FIN means that the client is gone (RFC 9112 9.6 lets it mean less), so the relay stops, be it in
/// the midst of its own error event; before HTTP/1.1 the close is then the end of the body.
#[test]
fn a_relay_that_stops_for_a_client_that_shut_its_sending_side_is_not_to_blame() {
    for (bytes, relay) in [(200, ""), (260, ""), (260, ", half_close: tolerate")] {
        let yaml = format!(
            "
title: A client of HTTP/1.0 shuts its sending side while the relay writes its own error event
relay: {{ heartbeat: 15s{relay} }}
hosts: {{ relay: {{ send_buffer: 41B }} }}
upstream: [{{ then: [{{ head: {{}} }}, {{ end: hold }}] }}]
clients:
  - name: reader
    http: h1.0
    does: [{{ read: {{ bytes: {bytes}B }} }}, {{ leave: half_close }}]
"
        );
        assert_eq!(failures(&yaml), [], "{bytes}{relay}");
    }
}

/// A link that brings nothing more keeps those at its ends waiting for ever.
#[test]
fn a_box_or_a_provider_that_a_dead_link_keeps_busy_is_no_task_of_the_relays() {
    for (path, link, at) in [
        ("client, re_chunker: { every: 1 }, relay, upstream", "re_chunker-relay", "1s"),
        ("client, relay, re_chunker: { every: 1 }, upstream", "re_chunker-upstream", "1s"),
        ("client, relay, upstream", "relay-upstream", "1s"),
    ] {
        let yaml = format!(
            "
title: A link dies for ever
path: [{path}]
network: {{ events: [{{ at: {at}, link: {link}, do: drop }}] }}
upstream: [{{ then: [{{ stream: {{ chunks: 300, every: 100ms }} }}] }}]
clients:
  - name: reader
    gives_up: {{ silence: 5s }}
"
        );
        let broke = failures(&yaml);
        assert!(!broke.iter().any(|(rule, _)| rule == "nothing-left"), "{path}: {broke:?}");
    }
}
