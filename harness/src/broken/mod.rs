//! The zoo: relays that each make one mistake that a real program made, and nothing else wrong.
//!
//! They teach what a mistake looks like from the client's side, and prove that the rules see it.

use axum::Router;
use indexmap::IndexMap;

use crate::{
    net::Task,
    target::{Capability, Target},
};

mod parts;

mod allows_any_origin;
mod always_200;
mod always_done;
mod answers_404_to_methods;
mod answers_with_a_page;
mod appends_json;
mod article;
mod auth_before_cors;
mod bears_stalled_readers;
mod chunks_for_everybody;
mod completes_half_events;
mod copies_all_headers;
mod cors_on_success_only;
mod counts_aborts_as_successes;
mod cuts_when_told_to_stop;
mod decodes_each_chunk;
mod default_write_buffer;
mod detached_upstream;
mod dies_out_of_files;
mod doubles_done;
mod drops_empty_choices;
mod drops_ids_beyond_ascii;
mod drops_late_events;
mod drops_limits;
mod drops_unknown_headers;
mod ends_cleanly;
mod exposes_nothing;
mod flushes_at_the_end;
mod forgets_flush;
mod head_with_the_first_chunk;
mod heartbeat_between_lines;
mod heartbeat_inside_events;
mod keeps_a_cookie;
mod keeps_data_lines_only;
mod keeps_places_of_leavers;
mod keeps_the_length;
mod leaks_a_task;
mod lets_proxies_buffer;
mod makes_chunks_anew;
mod masks_refusals;
mod merges_events;
mod merges_trailers;
mod mixes_line_ends;
mod one_lock;
mod one_timer;
mod panics_at_its_flush;
mod promises_half_close;
mod reads_lines_of_64_kib;
mod refuses_without_a_time;
mod renames_the_type;
mod replays_the_answer;
mod resumes_from_blocks_of_ten;
mod retries_at_once;
mod reuses_dirty_connections;
mod rewrites_requests;
mod shares_a_buffer;
mod spins_out_of_files;
mod splices_its_error;
mod splits_on_two_newlines;
mod tees_for_its_log;
mod tells_errors_in_words;
mod tells_the_length_of_a_stream;
mod thirty_second_timeout;
mod ticks_regardless;
mod unbounded_channel;
mod waits_for_streams_for_ever;

pub use parts::{OutOfFiles, Server, Setup, Told};

/// A relay that makes one mistake.
#[derive(Debug, Clone, Copy)]
pub struct Broken {
    /// Its name: `whitewater run --relay broken/<name>`.
    pub name: &'static str,
    /// What it does wrong, in plain words.
    pub mistake: &'static str,
    /// Who made it: a real program, with the thread in which it was reported.
    pub made_by: &'static str,
    /// Ids of the rules that see it: first the one that it is about, then those that see its
    /// consequences.
    pub caught_by: &'static [&'static str],
    /// The server below it.
    pub server: Server,
    /// Makes it.
    pub relay: fn(Setup) -> Router,
}

/// Every one, in the order of the rules.
pub const ALL: &[Broken] = &[
    drops_late_events::BROKEN,
    keeps_data_lines_only::BROKEN,
    reads_lines_of_64_kib::BROKEN,
    shares_a_buffer::BROKEN,
    keeps_a_cookie::BROKEN,
    decodes_each_chunk::BROKEN,
    splits_on_two_newlines::BROKEN,
    mixes_line_ends::BROKEN,
    heartbeat_between_lines::BROKEN,
    heartbeat_inside_events::BROKEN,
    completes_half_events::BROKEN,
    makes_chunks_anew::BROKEN,
    head_with_the_first_chunk::BROKEN,
    forgets_flush::BROKEN,
    flushes_at_the_end::BROKEN,
    panics_at_its_flush::BROKEN,
    merges_events::BROKEN,
    thirty_second_timeout::BROKEN,
    one_timer::BROKEN,
    ticks_regardless::BROKEN,
    drops_unknown_headers::BROKEN,
    always_done::BROKEN,
    doubles_done::BROKEN,
    ends_cleanly::BROKEN,
    splices_its_error::BROKEN,
    tells_errors_in_words::BROKEN,
    answers_with_a_page::BROKEN,
    tells_the_length_of_a_stream::BROKEN,
    always_200::BROKEN,
    appends_json::BROKEN,
    detached_upstream::BROKEN,
    promises_half_close::BROKEN,
    leaks_a_task::BROKEN,
    cuts_when_told_to_stop::BROKEN,
    waits_for_streams_for_ever::BROKEN,
    reuses_dirty_connections::BROKEN,
    unbounded_channel::BROKEN,
    tees_for_its_log::BROKEN,
    default_write_buffer::BROKEN,
    bears_stalled_readers::BROKEN,
    one_lock::BROKEN,
    keeps_places_of_leavers::BROKEN,
    refuses_without_a_time::BROKEN,
    retries_at_once::BROKEN,
    replays_the_answer::BROKEN,
    dies_out_of_files::BROKEN,
    spins_out_of_files::BROKEN,
    counts_aborts_as_successes::BROKEN,
    renames_the_type::BROKEN,
    keeps_the_length::BROKEN,
    copies_all_headers::BROKEN,
    masks_refusals::BROKEN,
    drops_limits::BROKEN,
    chunks_for_everybody::BROKEN,
    merges_trailers::BROKEN,
    lets_proxies_buffer::BROKEN,
    answers_404_to_methods::BROKEN,
    rewrites_requests::BROKEN,
    auth_before_cors::BROKEN,
    cors_on_success_only::BROKEN,
    allows_any_origin::BROKEN,
    exposes_nothing::BROKEN,
    drops_ids_beyond_ascii::BROKEN,
    resumes_from_blocks_of_ten::BROKEN,
    drops_empty_choices::BROKEN,
    article::NO_FLUSH,
    article::IO_COPY,
    article::THIRTY_SECONDS,
    article::TICKER_HEARTBEAT,
    article::PUBSUB_RESUME,
    article::RETRY_ANYTHING,
    article::CORS_SAMPLE,
    article::RELAY,
];

/// The one of this name.
pub fn find(name: &str) -> Option<&'static Broken> {
    ALL.iter().find(|broken| broken.name == name)
}

impl Broken {
    /// It, as a target.
    pub fn target(&self) -> Target {
        let (relay, server) = (self.relay, self.server);
        let serving = move |listener, upstream, switches: &IndexMap<String, String>| {
            let setup = Setup::new(upstream, switches);
            let drain = setup.drain.clone();
            Box::pin(parts::serve(listener, relay(setup), server, drain)) as Task
        };
        let target = Target::service(format!("broken/{}", self.name), serving);
        let target = if server.logs { target.claiming(Capability::Log) } else { target };
        target
            .calling(server.calls)
            .with_switches(move |name, value| Setup::maps_switch(server.switches, name, value))
            .of_kind(server.kind)
            .claiming(Capability::Cors)
            .claiming(Capability::Drain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_relay_has_a_name_of_its_own_and_says_what_it_does() {
        for (index, broken) in ALL.iter().enumerate() {
            let words =
                broken.name.chars().all(|c| c.is_ascii_lowercase() || "-0123456789".contains(c));
            assert!(words, "{}", broken.name);
            assert!(!broken.caught_by.is_empty(), "{}", broken.name);
            assert!(!broken.mistake.ends_with('.') && !broken.made_by.is_empty());
            let first = ALL.iter().position(|other| other.name == broken.name);
            assert_eq!(first, Some(index), "{}", broken.name);
        }
    }
}
