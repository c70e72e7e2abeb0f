//! What relays are judged by: one rule a file, listed here in the order of the report.

use crate::{exchange::Run, plan::Limits, verdict::Verdict};

mod accept_survives;
pub(crate) mod alignment;
mod any_cut;
mod any_line_end;
mod bounded_memory;
pub(crate) mod cancel_upstream;
mod caps_answer_429;
mod chunk_shape;
mod comments;
mod content_type_kept;
mod cors_credentials;
mod cors_expose;
mod cors_on_everything;
mod drain;
mod early_failure_keeps_status;
mod ending_attributed;
mod error_event_well_formed;
mod fields_survive;
mod half_close_is_not_abort;
mod head_and_options;
mod headers;
mod headers_first;
mod heartbeat_when_idle;
mod honest_ending;
mod hop_by_hop;
mod incremental;
mod last_event_id_passes;
pub mod limits;
mod limits_pass;
mod long_line;
mod metrics_true;
mod no_body_mixing;
mod no_cross_talk;
mod no_false_length;
mod no_head_of_line;
mod no_retry_after_content;
mod no_total_deadline;
mod no_transform;
mod nothing_left;
mod old_clients;
mod one_ending;
mod origin;
mod own_bytes_between_events;
pub(crate) mod payload;
mod payload_intact;
mod pool_hygiene;
mod preflight_without_auth;
mod prompt_frames;
pub(crate) mod quote;
mod request_intact;
mod resume_exact;
mod separate_budgets;
mod stalled_reader_ends;
mod status_as_is;
mod storm_is_damped;
mod trailers_apart;
mod unfinished_stays_unfinished;
mod usage_honest;

/// A demand on a relay, and how a run is judged by it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, kebab-case: `prompt-frames`.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Where it stands: `RFC 9112 8`.
    pub citation: &'static str,
    /// What it demands, in one sentence, in which the names of its limits stand for them.
    pub(crate) demand: &'static str,
    /// Judges one run, by its facts and its plan alone.
    pub judge: fn(&Run<'_>) -> Verdict,
}

impl Rule {
    /// What it demands where these are its limits, in one sentence.
    pub fn demand(&self, limits: &Limits) -> String {
        limits::of_rule(self.id).fold(self.demand.to_owned(), |demand, limit| {
            demand.replace(&format!("{{{}}}", limit.name), &limit.of(limits).to_string())
        })
    }
}

/// How binding a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A standard's binding text.
    Must,
    /// A standard's recommendation.
    Should,
    /// No standard has a number; ours is stated and configurable.
    Profile,
    /// Observed and reported; never fails.
    Info,
}

impl Level {
    /// Its name, as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Profile => "profile",
            Self::Info => "info",
        }
    }
}

/// Every rule.
pub const ALL: &[Rule] = &[
    payload_intact::RULE,
    any_cut::RULE,
    any_line_end::RULE,
    fields_survive::RULE,
    long_line::RULE,
    no_cross_talk::RULE,
    own_bytes_between_events::RULE,
    unfinished_stays_unfinished::RULE,
    chunk_shape::RULE,
    headers_first::RULE,
    prompt_frames::RULE,
    no_total_deadline::RULE,
    separate_budgets::RULE,
    heartbeat_when_idle::RULE,
    incremental::RULE,
    one_ending::RULE,
    honest_ending::RULE,
    error_event_well_formed::RULE,
    early_failure_keeps_status::RULE,
    no_body_mixing::RULE,
    ending_attributed::RULE,
    cancel_upstream::RULE,
    half_close_is_not_abort::RULE,
    nothing_left::RULE,
    drain::RULE,
    pool_hygiene::RULE,
    bounded_memory::RULE,
    no_head_of_line::RULE,
    stalled_reader_ends::RULE,
    caps_answer_429::RULE,
    storm_is_damped::RULE,
    no_retry_after_content::RULE,
    accept_survives::RULE,
    metrics_true::RULE,
    content_type_kept::RULE,
    no_false_length::RULE,
    hop_by_hop::RULE,
    status_as_is::RULE,
    limits_pass::RULE,
    no_transform::RULE,
    head_and_options::RULE,
    old_clients::RULE,
    trailers_apart::RULE,
    request_intact::RULE,
    preflight_without_auth::RULE,
    cors_on_everything::RULE,
    cors_credentials::RULE,
    cors_expose::RULE,
    last_event_id_passes::RULE,
    resume_exact::RULE,
    usage_honest::RULE,
];

/// The rule of that name.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}
