//! Panics in simulated tasks become facts of the run that they belong to, and of no other.

use std::{
    panic::{self, PanicHookInfo},
    sync::Once,
};

use crate::{
    net::recorder_on_this_thread,
    trace::{Fact, WORLD, WorldFact},
};

/// From now on a panic on a thread that is in a run is recorded there, and printed nowhere.
///
/// A run lives on one thread from its beginning to its end, so the thread tells the run. Panics
/// elsewhere go to whichever hook there was before.
pub(super) fn are_recorded() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !recorded(info) {
                otherwise(info);
            }
        }));
    });
}

fn recorded(info: &PanicHookInfo<'_>) -> bool {
    let Some(recorder) = recorder_on_this_thread() else { return false };
    let message = info.to_string();
    recorder.record(&WORLD.into(), Fact::World(WorldFact::Panicked { message }));
    true
}
