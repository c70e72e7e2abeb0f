//! The table of switches: one row each.

use crate::{
    config::{Config, HalfClose, Head, MissingDone, UpstreamHttp},
    number,
    quantity::{BUDGET, COUNT, KEY, ON_OFF, RATE, SIZE, SOME_TIME, TEXT, TIME, URL},
    stream::HeartbeatForm,
    switches::{Choice, Kind, Many, One, OrOff, Switch, switch},
};

/// Where a value is kept.
macro_rules! at {
    ($field:ident) => {
        |of: &mut Config| &mut of.$field
    };
}

const FORMS: &[(&str, HeartbeatForm)] =
    &[("comment", HeartbeatForm::Comment), ("event", HeartbeatForm::Event)];

/// What is kept of a stream is counted in whole pieces: less would be none.
const RING: Kind<usize> = Kind {
    takes: "a size such as `64KiB`, at least `4KiB`",
    read: |text| (SIZE.read)(text).filter(|bytes| *bytes >= 4 << 10),
    ..SIZE
};

pub(crate) const SWITCHES: &[Switch] = &[
    switch(
        "heartbeat",
        &OrOff(BUDGET, at!(heartbeat)),
        "Send a heartbeat between events of chat streams after this much silence",
    ),
    switch("heartbeat_as", &Choice(FORMS, at!(heartbeat_as)), "What that heartbeat is"),
    switch(
        "heartbeat_responses",
        &OrOff(BUDGET, at!(heartbeat_responses)),
        "The same for streams of the Responses API",
    ),
    switch(
        "heartbeat_responses_as",
        &Choice(FORMS, at!(heartbeat_responses_as)),
        "What that heartbeat is",
    ),
    switch(
        "early_heartbeat",
        &One(ON_OFF, at!(early_heartbeat)),
        "Whether heartbeats begin before the provider answers, which commits status 200",
    ),
    switch(
        "head",
        &Choice(&[("at_once", Head::AtOnce), ("at_content", Head::AtContent)], at!(head)),
        "When a client gets the head of a stream: with the provider's head, or with the first \
         content, so that an error before it is a status or a retry",
    ),
    switch("connect", &OrOff(BUDGET, at!(connect)), "Budget to reach the provider"),
    switch(
        "first_byte",
        &OrOff(BUDGET, at!(first_byte)),
        "Budget until the answer's first body byte",
    ),
    switch(
        "idle_warn",
        &OrOff(BUDGET, at!(idle_warn)),
        "Silence of the provider mid-answer that is logged",
    ),
    switch("idle", &OrOff(BUDGET, at!(idle)), "Budget for a silence of the provider mid-answer"),
    switch(
        "stalled_client",
        &OrOff(BUDGET, at!(stalled_client)),
        "Budget for a client that takes nothing",
    ),
    switch(
        "read_on",
        &OrOff(BUDGET, at!(read_on)),
        "How long a stream is read on after its client left, for its usage",
    ),
    switch(
        "request_head",
        &OrOff(BUDGET, at!(request_head)),
        "Budget for a request's head, and for a connection that is not used",
    ),
    switch(
        "half_close",
        &Choice(&[("abort", HalfClose::Abort), ("tolerate", HalfClose::Tolerate)], at!(half_close)),
        "What happens to a client that ends its sending side",
    ),
    switch(
        "max_connections",
        &OrOff(COUNT, at!(max_connections)),
        "Connections at once; those beyond wait to be accepted",
    ),
    switch(
        "upstream_http",
        &Choice(
            &[("auto", UpstreamHttp::Auto), ("h1", UpstreamHttp::H1), ("h2", UpstreamHttp::H2)],
            at!(upstream_http),
        ),
        "What is spoken to the provider; auto: as TLS agrees, else HTTP/1.1",
    ),
    switch(
        "upstream_ca",
        &OrOff(Kind { takes: "a file of PEM certificates", ..TEXT }, at!(upstream_ca)),
        "Authorities to trust besides the system's",
    ),
    switch("resume", &One(ON_OFF, at!(resume)), "Give events ids, and keep streams to be resumed"),
    switch("resume_bytes", &One(RING, at!(resume_bytes)), "Bytes kept of one stream"),
    switch("resume_streams", &One(COUNT, at!(resume_streams)), "Streams kept in all"),
    switch("resume_keep", &One(TIME, at!(resume_keep)), "How long a stream is kept after its end"),
    switch(
        "resume_wait",
        &One(TIME, at!(resume_wait)),
        "How long the provider is read on without a reader",
    ),
    switch("drain", &One(TIME, at!(drain)), "How long streams may go on after shutdown began"),
    switch(
        "missing_done",
        &Choice(
            &[("error", MissingDone::Error), ("tolerate", MissingDone::Tolerate)],
            at!(missing_done),
        ),
        "What a clean end of a chat stream without [DONE] is",
    ),
    switch(
        "fallbacks",
        &Many(Kind { takes: "URLs, at most 8", ..URL }, at!(fallbacks)),
        "Upstreams to ask, in order, where those before fail; of another origin than `upstream`, and without a \
         key in `fallback_keys`, they get none of the client's credentials",
    ),
    switch(
        "fallback_keys",
        &Many(Kind { takes: "keys", ..KEY }, at!(fallback_keys)),
        "The keys shown to the fallbacks, one for each",
    ),
    switch(
        "breaker",
        &OrOff(number!(1 to 100), at!(breaker)),
        "Per cent of failed calls at which an upstream is left alone",
    ),
    switch(
        "breaker_window",
        &One(SOME_TIME, at!(breaker_window)),
        "The time over which that share is taken",
    ),
    switch(
        "breaker_min",
        &One(number!(1 to 1_000_000), at!(breaker_min)),
        "Fewest calls in that time that say anything",
    ),
    switch(
        "breaker_open",
        &One(SOME_TIME, at!(breaker_open)),
        "How long an upstream is left alone",
    ),
    switch(
        "breaker_probes",
        &One(number!(1 to 100), at!(breaker_probes)),
        "Calls that then try it at once",
    ),
    switch(
        "retries",
        &One(number!(0 to 10), at!(retries)),
        "Passes over the upstreams after the first, before anything reached the client",
    ),
    switch("retry_wait", &One(TIME, at!(retry_wait)), "Longest single wait before an attempt"),
    switch("retry_total", &One(TIME, at!(retry_total)), "Longest sum of waits of a request"),
    switch(
        "max_streams_per_address",
        &OrOff(COUNT, at!(max_streams_per_address)),
        "Requests under way at once from one address; over it 429",
    ),
    switch(
        "max_streams_per_key",
        &OrOff(COUNT, at!(max_streams_per_key)),
        "Requests under way at once with one key; over it 429",
    ),
    switch(
        "max_streams",
        &OrOff(COUNT, at!(max_streams)),
        "Requests under way at once in all; over it 429",
    ),
    switch(
        "rate_per_key",
        &OrOff(RATE, at!(rate_per_key)),
        "How often one key may call; over it 429",
    ),
    switch(
        "rate_per_address",
        &OrOff(RATE, at!(rate_per_address)),
        "How often one address may call; over it 429",
    ),
    switch(
        "request_body",
        &OrOff(BUDGET, at!(request_body)),
        "Budget for the whole request body; over it 408",
    ),
    switch("max_request", &One(SIZE, at!(max_request)), "Largest request body; over it 413"),
    switch(
        "origins",
        &Many(
            Kind { takes: "origins such as `https://app.example`, or `*`", ..TEXT },
            at!(origins),
        ),
        "Origins whose scripts may call (CORS)",
    ),
    switch(
        "credentials",
        &One(ON_OFF, at!(credentials)),
        "Whether those scripts may send credentials",
    ),
    switch(
        "keys",
        &Many(Kind { takes: "keys", ..KEY }, at!(keys)),
        "Keys of which clients must show one; with none everybody may call",
    ),
    switch(
        "provider_key",
        &OrOff(KEY, at!(provider_key)),
        "The key shown to the provider in place of all that the client shows (`authorization`, `cookie`, \
         `x-api-key`, `api-key`); without it the client's own passes",
    ),
];
