//! Each switch of the relay is set by some scenario, to what it is not by itself.

use relay::Config;

use super::{Excuses, all_are_met, catalogue::cases};

/// Each of these is shown by the test that its reason names.
const NOT_IN_A_SIMULATION: Excuses = &[
    ("upstream_ca", "nothing simulated speaks TLS: relay/tests/tls.rs"),
    ("upstream_http", "what is spoken to the provider says `hosts`: relay/tests/tls.rs"),
];

#[test]
fn each_switch_is_set_by_some_scenario() -> Result<(), String> {
    let defaults = Config::new("http://upstream/v1".parse().expect("the URL is right"));
    let set = |name: &str| {
        let switch = Config::SWITCHES.iter().find(|switch| switch.name == name);
        let default = switch.map(|switch| switch.value_of(&defaults));
        let values = cases().iter().filter_map(|case| case.scenario.relay.get(name));
        values.into_iter().any(|value| default.as_ref() != Some(&value.0))
    };
    let names = Config::SWITCHES.iter().map(|switch| switch.name);
    all_are_met("switch", names, set, NOT_IN_A_SIMULATION)
}
