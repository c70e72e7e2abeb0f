//! Each broken relay is caught by the rules that its file names, in some scenario, and by no other
//! rule in any: one test a relay. Each rule is what some broken relay is about.

use std::{collections::BTreeSet, sync::OnceLock};

use harness::{
    broken,
    report::EXPECTED,
    rules::{self, Level},
    suite::{self, Case, Settings},
    target::Target,
};

use super::support;

/// The catalogue, read once for all tests.
fn cases() -> Result<&'static [Case], String> {
    static CASES: OnceLock<Result<Vec<Case>, String>> = OnceLock::new();
    CASES.get_or_init(support::cases).as_deref().map_err(Clone::clone)
}

/// The rules that break, over all scenarios, expectations of scenarios left aside.
fn broken_rules(target: Target) -> Result<BTreeSet<String>, String> {
    let report = suite::run(cases()?, &Settings::of(target), &|_, _| {});
    let informs = Level::Info.name();
    let broke = report.outcomes.into_iter().flat_map(|outcome| {
        // What only informs fails nothing, and is told beside what a scenario excuses.
        let told = outcome.excused.into_iter().map(|excuse| excuse.failure);
        outcome.failures.into_iter().chain(told.filter(|failure| failure.level == informs))
    });
    // What a scenario's author expects is mostly a consequence, and so is a client that waits for what
    // a relay keeps. A panic is not.
    Ok(broke
        .filter(|failure| failure.level != EXPECTED || failure.rule == "nothing panics")
        .map(|failure| failure.rule)
        .collect())
}

/// Runs every scenario against the relay whose name is that of a test, with `-` for `_`.
fn breaks_what_it_should(test: &str) -> Result<(), String> {
    let name = test.replace('_', "-");
    let relay = broken::find(&name).ok_or_else(|| format!("there is no broken/{name}"))?;
    let broke = broken_rules(relay.target())?;
    let should: BTreeSet<String> = relay.caught_by.iter().map(|id| (*id).to_owned()).collect();
    if broke != should {
        return Err(format!("broken/{name} breaks {broke:?}, should break {should:?}"));
    }
    Ok(())
}

/// One test for each name, and the list of them.
macro_rules! relays {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() -> Result<(), String> {
                breaks_what_it_should(stringify!($name))
            }
        )*
    };
}

relays! {
    drops_late_events
    keeps_data_lines_only
    reads_lines_of_64_kib
    shares_a_buffer
    decodes_each_chunk
    splits_on_two_newlines
    heartbeat_inside_events
    completes_half_events
    makes_chunks_anew
    head_with_the_first_chunk
    forgets_flush
    flushes_at_the_end
    merges_events
    thirty_second_timeout
    one_timer
    ticks_regardless
    drops_unknown_headers
    always_done
    doubles_done
    ends_cleanly
    splices_its_error
    always_200
    appends_json
    detached_upstream
    promises_half_close
    leaks_a_task
    cuts_when_told_to_stop
    waits_for_streams_for_ever
    unbounded_channel
    default_write_buffer
    bears_stalled_readers
    one_lock
    keeps_places_of_leavers
    refuses_without_a_time
    retries_at_once
    replays_the_answer
    dies_out_of_files
    counts_aborts_as_successes
    renames_the_type
    keeps_the_length
    copies_all_headers
    masks_refusals
    drops_limits
    chunks_for_everybody
    lets_proxies_buffer
    answers_404_to_methods
    rewrites_requests
    auth_before_cors
    cors_on_success_only
    allows_any_origin
    exposes_nothing
    drops_ids_beyond_ascii
    resumes_from_blocks_of_ten
    drops_empty_choices
    article_no_flush
    article_io_copy
    article_30s_timeout
    article_ticker_heartbeat
    article_pubsub_resume
    article_retry_anything
    article_cors_sample
    article_relay
}

#[test]
fn every_broken_relay_has_its_test() {
    let all: Vec<String> = broken::ALL.iter().map(|relay| relay.name.replace('-', "_")).collect();
    assert_eq!(TESTED, all, "the tests above, in the order of `broken::ALL`");
}

/// The rules without whose judge some broken relay is no longer seen to make its mistake: those that
/// stand first in what catches it. The tests above say that these break.
#[test]
fn without_any_one_judge_some_broken_relay_goes_uncaught() {
    let about: BTreeSet<&str> =
        broken::ALL.iter().filter_map(|relay| relay.caught_by.first().copied()).collect();
    let all = rules::ALL.iter().map(|rule| rule.id);
    let idle: Vec<&str> =
        all.filter(|id| !about.contains(id) && !OF_THE_HARNESS.contains(id)).collect();
    assert!(idle.is_empty(), "no broken relay is about these rules: {idle:?}");
}

/// A rule that the simulation keeps, and no relay can break.
const OF_THE_HARNESS: [&str; 1] = ["ending-attributed"];
