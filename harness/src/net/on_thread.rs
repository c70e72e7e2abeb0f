//! Which run a thread is in: what a panic hook, which is one for the whole process, needs to know.

use std::{cell::RefCell, marker::PhantomData};

use crate::trace::Recorder;

thread_local! {
    static RUNS: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// The recorder of the run that this thread is in, if it is in one.
pub fn recorder_on_this_thread() -> Option<Recorder> {
    RUNS.try_with(|run| run.try_borrow().ok().and_then(|run| run.clone())).ok().flatten()
}

/// Until it is dropped, this thread is in a run.
pub(super) struct InRun {
    before: Option<Recorder>,
    this_thread: PhantomData<*const ()>,
}

/// Says that this thread is in the run of that recorder.
pub(super) fn enter(recorder: Recorder) -> InRun {
    InRun { before: RUNS.replace(Some(recorder)), this_thread: PhantomData }
}

impl Drop for InRun {
    fn drop(&mut self) {
        RUNS.set(self.before.take());
    }
}
