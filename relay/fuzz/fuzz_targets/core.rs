//! Any bytes, in any cut, with anything happening in between: what must hold of the stream core
//! whatever it is fed, with and without ids.

#![no_main]

#[path = "../../tests/core_check/mod.rs"]
mod core_check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((policy, steps)) = core_check::drawn(bytes) {
        core_check::check(&policy, &steps);
        core_check::check_ids(&policy, &steps);
    }
});
