//! Any name and any value of a setting: it is refused, or taken and read back as it was meant.

#![no_main]

use relay::Config;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let config = || Config::new("http://127.0.0.1:9/v1".parse().expect("a URL"));
    let (mut once, mut again) = (config(), config());
    if once.set(name, value).is_err() {
        return;
    }
    // A contradiction is told, and is no panic.
    let _ = once.check();
    let switch = Config::SWITCHES.iter().find(|switch| switch.name == name);
    let switch = switch.expect("only what is in the table is taken");
    let shown = switch.value_of(&once);
    if again.set(name, &shown).is_ok() {
        assert_eq!(switch.value_of(&again), shown, "{name}={value}");
    }
});
