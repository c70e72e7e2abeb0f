//! The table of switches: one row each.

use crate::{
    bucket::Rate,
    config::{self, HalfClose, Head, MissingDone, UpstreamHttp},
    quantity::{self, size},
    stream::HeartbeatForm,
    switches::{Field, Switch, put, put_or_off, shown_or_off, switch},
};

const RATE_OR_OFF: &str = "a rate such as `10/s`, `600/m` or `10/s burst 20`, or `off`";

fn urls(texts: &[String]) -> Option<Vec<reqwest::Url>> {
    let urls = texts.iter().map(|url| url.parse().ok()).collect::<Option<Vec<_>>>()?;
    (urls.len() <= config::Config::MOST_FALLBACKS).then_some(urls)
}

/// A field that is one variant of an enum, each with its word.
macro_rules! choice {
    ($field:ident: $kind:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        Field::Choice(
            &[$($word),+],
            |c, word| match word {
                $($word => c.$field = $kind::$variant,)+
                // It is called with one of the words only.
                _ => {}
            },
            |c| match c.$field {
                $($kind::$variant => $word,)+
            },
        )
    };
}

pub(crate) const SWITCHES: &[Switch] = &[
    switch(
        "heartbeat",
        Field::TimeOrOff(|c| &mut c.heartbeat),
        "Send a heartbeat between events of chat streams after this much silence",
    ),
    switch(
        "heartbeat_as",
        choice!(heartbeat_as: HeartbeatForm { Comment = "comment", Event = "event" }),
        "What that heartbeat is",
    ),
    switch(
        "heartbeat_responses",
        Field::TimeOrOff(|c| &mut c.heartbeat_responses),
        "The same for streams of the Responses API",
    ),
    switch(
        "heartbeat_responses_as",
        choice!(heartbeat_responses_as: HeartbeatForm { Comment = "comment", Event = "event" }),
        "What that heartbeat is",
    ),
    switch(
        "early_heartbeat",
        Field::OnOff(|c| &mut c.early_heartbeat),
        "Whether heartbeats begin before the provider answers, which commits status 200",
    ),
    switch(
        "head",
        choice!(head: Head { AtOnce = "at_once", AtContent = "at_content" }),
        "When a client gets the head of a stream: with the provider's head, or with the first \
         content, so that an error before it is a status or a retry",
    ),
    switch("connect", Field::TimeOrOff(|c| &mut c.connect), "Budget to reach the provider"),
    switch(
        "first_byte",
        Field::TimeOrOff(|c| &mut c.first_byte),
        "Budget until the answer's first body byte",
    ),
    switch(
        "idle_warn",
        Field::TimeOrOff(|c| &mut c.idle_warn),
        "Silence of the provider mid-answer that is logged",
    ),
    switch(
        "idle",
        Field::TimeOrOff(|c| &mut c.idle),
        "Budget for a silence of the provider mid-answer",
    ),
    switch(
        "stalled_client",
        Field::TimeOrOff(|c| &mut c.stalled_client),
        "Budget for a client that takes nothing",
    ),
    switch(
        "read_on",
        Field::TimeOrOff(|c| &mut c.read_on),
        "How long a stream is read on after its client left, for its usage",
    ),
    switch(
        "request_head",
        Field::TimeOrOff(|c| &mut c.request_head),
        "Budget for a request's head, and for a connection that is not used",
    ),
    switch(
        "half_close",
        choice!(half_close: HalfClose { Abort = "abort", Tolerate = "tolerate" }),
        "What happens to a client that ends its sending side",
    ),
    switch(
        "max_connections",
        Field::CountOrOff(|c| &mut c.max_connections),
        "Connections at once; those beyond wait to be accepted",
    ),
    switch(
        "upstream_http",
        choice!(upstream_http: UpstreamHttp { Auto = "auto", H1 = "h1", H2 = "h2" }),
        "What is spoken to the provider; auto: as TLS agrees, else HTTP/1.1",
    ),
    switch(
        "upstream_ca",
        Field::Other(
            "a file of PEM certificates, or `off`",
            |c, text| {
                c.upstream_ca = match text {
                    "off" => None,
                    "" => return None,
                    file => Some(file.to_owned()),
                };
                Some(())
            },
            |c| c.upstream_ca.clone().unwrap_or_else(|| "off".to_owned()),
        ),
        "Authorities to trust besides the system's",
    ),
    switch(
        "resume",
        Field::OnOff(|c| &mut c.resume),
        "Give events ids, and keep streams to be resumed",
    ),
    switch(
        "resume_bytes",
        Field::Other(
            "a size such as `64KiB`, at least `4KiB`",
            |c, text| put(&mut c.resume_bytes, size(text).filter(|bytes| *bytes >= 4 << 10)),
            |c| quantity::show_size(c.resume_bytes),
        ),
        "Bytes kept of one stream",
    ),
    switch("resume_streams", Field::Count(|c| &mut c.resume_streams), "Streams kept in all"),
    switch(
        "resume_keep",
        Field::Time(|c| &mut c.resume_keep),
        "How long a stream is kept after its end",
    ),
    switch(
        "resume_wait",
        Field::Time(|c| &mut c.resume_wait),
        "How long the provider is read on without a reader",
    ),
    switch(
        "drain",
        Field::Time(|c| &mut c.drain),
        "How long streams may go on after shutdown began",
    ),
    switch(
        "missing_done",
        choice!(missing_done: MissingDone { Error = "error", Tolerate = "tolerate" }),
        "What a clean end of a chat stream without [DONE] is",
    ),
    switch(
        "fallbacks",
        Field::List(
            "URLs, at most 8",
            |c, texts| put(&mut c.fallbacks, urls(&texts)),
            |c| c.fallbacks.iter().map(config::shown).collect(),
        ),
        "Upstreams to ask, in order, where those before fail",
    ),
    switch(
        "fallback_keys",
        Field::Secrets(|c| &mut c.fallback_keys),
        "The keys shown to the fallbacks, one for each",
    ),
    switch(
        "breaker",
        Field::NumberOrOff(1..=100, |c| &mut c.breaker),
        "Per cent of failed calls at which an upstream is left alone",
    ),
    switch(
        "breaker_window",
        Field::SomeTime(|c| &mut c.breaker_window),
        "The time over which that share is taken",
    ),
    switch(
        "breaker_min",
        Field::Number(1..=1_000_000, |c| &mut c.breaker_min),
        "Fewest calls in that time that say anything",
    ),
    switch(
        "breaker_open",
        Field::SomeTime(|c| &mut c.breaker_open),
        "How long an upstream is left alone",
    ),
    switch(
        "breaker_probes",
        Field::Number(1..=100, |c| &mut c.breaker_probes),
        "Calls that then try it at once",
    ),
    switch(
        "retries",
        Field::Number(0..=10, |c| &mut c.retries),
        "Passes over the upstreams after the first, before anything reached the client",
    ),
    switch(
        "retry_wait",
        Field::Time(|c| &mut c.retry_wait),
        "Longest single wait before an attempt",
    ),
    switch("retry_total", Field::Time(|c| &mut c.retry_total), "Longest sum of waits of a request"),
    switch(
        "max_streams_per_address",
        Field::CountOrOff(|c| &mut c.max_streams_per_address),
        "Requests under way at once from one address; over it 429",
    ),
    switch(
        "max_streams_per_key",
        Field::CountOrOff(|c| &mut c.max_streams_per_key),
        "Requests under way at once with one key; over it 429",
    ),
    switch(
        "max_streams",
        Field::CountOrOff(|c| &mut c.max_streams),
        "Requests under way at once in all; over it 429",
    ),
    switch(
        "rate_per_key",
        Field::Other(
            RATE_OR_OFF,
            |c, text| put_or_off(&mut c.rate_per_key, text, Rate::read),
            |c| shown_or_off(c.rate_per_key.map(|rate| rate.to_string())),
        ),
        "How often one key may call; over it 429",
    ),
    switch(
        "rate_per_address",
        Field::Other(
            RATE_OR_OFF,
            |c, text| put_or_off(&mut c.rate_per_address, text, Rate::read),
            |c| shown_or_off(c.rate_per_address.map(|rate| rate.to_string())),
        ),
        "How often one address may call; over it 429",
    ),
    switch(
        "request_body",
        Field::TimeOrOff(|c| &mut c.request_body),
        "Budget for the whole request body; over it 408",
    ),
    switch("max_request", Field::Size(|c| &mut c.max_request), "Largest request body; over it 413"),
    switch(
        "origins",
        Field::List(
            "origins such as `https://app.example`, or `*`",
            |c, origins| put(&mut c.origins, Some(origins)),
            |c| c.origins.clone(),
        ),
        "Origins whose scripts may call (CORS)",
    ),
    switch(
        "credentials",
        Field::OnOff(|c| &mut c.credentials),
        "Whether those scripts may send credentials",
    ),
    switch(
        "keys",
        Field::Secrets(|c| &mut c.keys),
        "Keys of which clients must show one; with none everybody may call",
    ),
    switch(
        "provider_key",
        Field::Secret(|c| &mut c.provider_key),
        "The key shown to the provider; without it the client's own passes",
    ),
];
