//! Panics in simulated tasks become facts of the run that they belong to, and of no other.

use std::{
    cell::RefCell,
    panic::{self, PanicHookInfo},
    sync::Once,
};

use crate::trace::{Fact, Name, Recorder, WorldFact};

thread_local! {
    static RUN: RefCell<Option<(Name, Recorder)>> = const { RefCell::new(None) };
}

/// While it lives, a panic on this thread is recorded and not printed.
///
/// A run lives on one thread from its beginning to its end, so the thread tells the run.
#[derive(Debug)]
pub(crate) struct Watch(());

impl Watch {
    pub(crate) fn over(world: Name, recorder: Recorder) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let otherwise = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if !recorded(info) {
                    otherwise(info);
                }
            }));
        });
        RUN.with(|run| run.replace(Some((world, recorder))));
        Self(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        RUN.with(|run| run.replace(None));
    }
}

fn recorded(info: &PanicHookInfo<'_>) -> bool {
    // Taken out while it is used: a panic inside the recording itself must not come back here.
    let Some((world, recorder)) = RUN.with(RefCell::take) else { return false };
    recorder.record(&world, Fact::World(WorldFact::Panicked { message: info.to_string() }));
    RUN.with(|run| run.replace(Some((world, recorder))));
    true
}
