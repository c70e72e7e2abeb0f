//! One example for each part of the language; a test loads every one.

use super::{
    Word,
    sample::{flow, sample},
};

/// An example of what stands at a place.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// Where it stands: `upstream.then.cut`.
    pub place: &'static str,
    /// It, in YAML: of lists, one item.
    pub yaml: &'static str,
}

const fn of(place: &'static str, yaml: &'static str) -> Example {
    Example { place, yaml }
}

/// Every example, in the order of the reference page.
pub const EXAMPLES: &[Example] = &[
    of("title", "title: The provider dies after three frames, and the client can tell"),
    of("cites", "cites: [RFC 9112 8, litellm#33404]"),
    of("proves", "proves: [honest-ending]"),
    of("tags", "tags: [dropped]"),
    of("include", "include: common/openai-answer.yaml"),
    of("matrix", "matrix: { eol: [lf, crlf, cr], cut: [none, 1, inside_utf8] }"),
    of("needs", "needs: [cors]"),
    of("limit", "limit: 2m"),
    of("relay", "relay: { heartbeat: 15s }"),
    of("path", "path: [client, { buffering_proxy: { buffers: 8 } }, relay, upstream]"),
    of(
        "upstream",
        "- match: { model: gpt-4o }\n  when: { nth: 2-4 }\n  then:\n    - error: { preset: rate_limit }\n",
    ),
    of("upstream.match", "match: { path: /v1/chat/completions, body: \"$.stream == true\" }"),
    of("upstream.when", "when: { every: 3, scope: all }"),
    of("upstream.keys", "keys: [k1, k2]"),
    of("upstream.limit", "limit: { requests: 10, per: 1s }"),
    of("upstream.then", "then:\n  - wait: 20ms\n  - stream: { chunks: 10 }"),
    of(
        "upstream.then.head",
        "- head: { status: 200, headers: { x-request-id: \"r1\" }, framing: until_close }",
    ),
    of(
        "upstream.then.stream",
        "- stream: { chunks: 10, every: 20ms, stop: { after: { frames: 3 }, end: reset } }",
    ),
    of(
        "upstream.then.stream.tool_calls",
        "tool_calls: [{ name: weather, arguments: '{\"city\":\"Bonn\"}' }]",
    ),
    of("upstream.then.send", "- send: { event: ping, data: \"{}\", eol: crlf }"),
    of("upstream.then.json", "- json: { object: list, data: [] }"),
    of("upstream.then.error", "- error: { preset: rate_limit, headers: { retry-after: \"2\" } }"),
    of(
        "upstream.then.cut",
        "- cut: { inside: utf8, level: segment, gap: 5ms, steps: [{ stream: { text: \"日本\" } }] }",
    ),
    of("upstream.then.wait", "- wait: { lognormal: { median: 20ms, sigma: 0.5, max: 1s } }"),
    of(
        "upstream.then.repeat",
        "- repeat: { times: 3, steps: [{ send: { data: \"tick {n}\" } }, { wait: 1s }] }",
    ),
    of("upstream.then.trip", "- trip: { after: { bytes: 417B }, end: truncated }"),
    of("upstream.then.end", "- end: { close_idle_after: 5s }"),
    of("upstream.then.mark", "- mark: half-way"),
    of("path.buffering_proxy", "- buffering_proxy: { name: edge, buffers: 8, buffer: 4KiB }"),
    of("path.haproxy", "- haproxy: { http_no_delay: true, abort_on_close: true }"),
    of("path.idle_cutter", "- idle_cutter: { after: 60s, by: reset }"),
    of("path.compressor", "- compressor: { flushes: true }"),
    of("path.re_chunker", "- re_chunker: { every: 1 }"),
    of("path.header_stripper", "- header_stripper: { headers: [x-accel-buffering] }"),
    of("path.http10_downgrade", "- http10_downgrade: {}"),
    of("path.connection_limit", "- connection_limit: { per_address: 6 }"),
    of("path.deadline", "- deadline: { after: 30s, by: fin }"),
    of("path.load_balancer", "- load_balancer: { drains_at: 5s }"),
    of(
        "network.<link>",
        "client-relay: { latency: 20ms, jitter: 5ms, bandwidth: 256KiB/s, loss: 1% }",
    ),
    of(
        "network.events",
        "- { after: { client: reader, frames: 3 }, link: relay-upstream, do: reset }",
    ),
    of("hosts.<host>", "relay: { recv_buffer: 64KiB, send_buffer: 16KiB }"),
    of(
        "clients",
        "- name: reader\n  count: 100\n  starts: { at: 0s, spread: 500ms }\n  reads: { rate: 1KiB/s }\n",
    ),
    of(
        "clients.request",
        "request: { post: /v1/chat/completions, json: { model: gpt-4o, stream: true, messages: [] } }",
    ),
    of("clients.gives_up", "gives_up: { connect: 5s, first_byte: 30s, silence: 45s, total: 10m }"),
    of("clients.reads", "reads: { pause: { after: { frames: 3 }, for: 10s } }"),
    of("clients.does.read", "- read: { frames: 3 }"),
    of("clients.does.leave", "- leave: rst"),
    of("clients.does.wait", "- wait: { until: { mark: half-way } }"),
    of("clients.does.reconnect", "- reconnect: { last_event_id: kept }"),
    of(
        "clients.retries",
        "retries: { max: 3, on: [429, 503], backoff: { base: 500ms, factor: 2, cap: 8s, jitter: 25% } }",
    ),
    of("expect", "- client: reader\n  status: 200\n  frames: as_sent\n  ends: clean\n"),
    of(
        "expect.headers",
        "headers: { content-type: \"text/event-stream*\", content-length: absent }",
    ),
    of("expect.frames", "frames: { count: { at_least: 3 } }"),
    of("expect.ends", "ends: { any_of: [error_event, broken], first_closed_by: upstream }"),
    of("expect.upstream", "upstream: { requests: 1, closed_within: 1s }"),
    of("expect.relay", "relay: { held_bytes: { at_most: 256KiB }, metric: { retries_total: 2 } }"),
    of("expect.excused", "excused: prompt-frames\nbecause: the middlebox holds 32 KiB by design"),
    of(
        "expect.any_of",
        "any_of:\n  - { grade: strict, client: reader, ends: error_event }\n  - { grade: lenient, client: reader, ends: broken }",
    ),
];

/// The example of a place, if it has one.
pub fn example(place: &str) -> Option<&'static str> {
    EXAMPLES.iter().find(|one| one.place == place).map(|one| one.yaml.trim_end())
}

/// An example of a word: one written for it, or the smallest that is right.
pub fn example_of(word: &Word) -> String {
    if let Some(written) = word.places.iter().find_map(|place| example(place)) {
        return written.to_owned();
    }
    let above = |place: &String| {
        place.strip_suffix(&word.name).and_then(|above| above.strip_suffix('.')).map(str::to_owned)
    };
    if word.is_value {
        let key = word.places.first().and_then(above).unwrap_or_default();
        let key = key.rsplit('.').next().unwrap_or_default();
        return match key {
            "path" => format!("path: [client, relay, {}]", word.name),
            key => format!("{key}: {}", flow(&word.name.clone().into())),
        };
    }
    let value = flow(&sample(word.schema));
    if value.contains(": x") || value == "x" || value == "[x]" {
        // A name or a text: what stands around it shows it best.
        let around = word.places.iter().find_map(|place| example(&above(place)?));
        return around
            .filter(|text| text.contains(&format!("{}:", word.name)))
            .unwrap_or_default()
            .to_owned();
    }
    format!("{}: {value}", word.name)
}
