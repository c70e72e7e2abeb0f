//! Which headers go on: all but those that belong to one connection, and those that the relay owns.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::config::{Config, Secret};

/// Fields that belong to one connection (RFC 9110 7.6.1), whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What a provider says of its own origin. To clients the relay is another one: the alternative services
/// would replace those of the relay's origin (RFC 7838 3.1), and the host that emits the policy, with its
/// subdomains, would be bound by it (RFC 6797 6.1).
const OF_THE_ORIGIN: [HeaderName; 2] = [header::ALT_SVC, header::STRICT_TRANSPORT_SECURITY];

/// What tells a server who asks, and must be known to nobody else: `x-api-key` is that of Anthropic and of
/// gateways, `api-key` that of Azure.
const CREDENTIALS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
];

/// The name under which the relay stands in `Via` (RFC 9110 7.6.3).
const VIA: HeaderValue = HeaderValue::from_static("1.1 relay");

/// Asks buffering middleboxes to pass each byte on (nginx, `X-Accel-Buffering`).
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What the provider sees of a client's headers.
///
/// `identity` asks for a body without content coding: what is compressed can neither be read for
/// its end nor be added to.
pub(crate) fn to_provider(client: &HeaderMap, config: &Config, identity: bool) -> HeaderMap {
    let mut headers = end_to_end(client);
    // The HTTP client writes these itself; `Expect` was answered when the body was read.
    for own in [header::HOST, header::CONTENT_LENGTH, header::EXPECT] {
        headers.remove(own);
    }
    if !config.keys.is_empty() || config.provider_key.is_some() {
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::COOKIE);
    }
    if identity {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    headers.append(header::VIA, VIA);
    headers
}

/// Takes away what the client shows of itself.
pub(crate) fn hide_credentials(headers: &mut HeaderMap) {
    for name in CREDENTIALS {
        headers.remove(name);
    }
}

/// Shows the relay's own key to a provider, in place of all that the client shows.
pub(crate) fn show_key(headers: &mut HeaderMap, key: &Secret) {
    hide_credentials(headers);
    if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", key.0)) {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
}

/// What a client sees of the provider's headers.
pub(crate) fn to_client(status: StatusCode, provider: &HeaderMap, config: &Config) -> HeaderMap {
    let mut headers = end_to_end(provider);
    for name in OF_THE_ORIGIN {
        headers.remove(name);
    }
    if !config.origins.is_empty() {
        // The relay answers for its own origins; a second value would make browsers refuse.
        let cors: Vec<HeaderName> =
            headers.keys().filter(|n| n.as_str().starts_with("access-control-")).cloned().collect();
        for name in cors {
            headers.remove(name);
        }
    }
    if let Some(length) = headers.get(header::CONTENT_LENGTH).and_then(one_of_equals) {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    if status == StatusCode::NO_CONTENT {
        // Not allowed (RFC 9110 8.6), and only over HTTP/1.1 hyper leaves it out.
        headers.remove(header::CONTENT_LENGTH);
    }
    if is_event_stream(&headers) && status.is_success() {
        headers.remove(header::CONTENT_LENGTH);
        mark_event_stream(&mut headers);
    }
    headers
}

/// What a stream of events is called.
pub(crate) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// What a stream of events says to caches.
pub(crate) const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Says that what follows must neither be held back nor stored.
pub(crate) fn mark_event_stream(headers: &mut HeaderMap) {
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    headers.entry(header::CACHE_CONTROL).or_insert(NO_CACHE);
}

/// Whether the content type's essence is that of a stream of events (HTML 9.2.3).
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Whether the body has a content coding.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity")
}

/// Whether a message has no transfer coding but `chunked`, which alone is undone here (RFC 9112 6.1).
pub(crate) fn is_plainly_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let coding = codings.next();
    codings.next().is_none()
        && coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// Whether a message is to be passed on as it comes (RFC 10036: a boolean of RFC 9651).
pub(crate) fn is_incremental(headers: &HeaderMap) -> bool {
    headers.get("incremental").is_some_and(|value| value.as_bytes().trim_ascii().starts_with(b"?1"))
}

/// Whether a message says of itself that its body is larger. One with chunks says nothing (RFC 9112 6.3).
pub(crate) fn says_more_than(headers: &HeaderMap, bytes: usize) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|length| length.parse::<u64>().ok());
    !headers.contains_key(header::TRANSFER_ENCODING)
        && length.is_some_and(|length| usize::try_from(length).map_or(true, |it| it > bytes))
}

/// The length that a list of equal ones means (RFC 9110 8.6); the client has compared them.
fn one_of_equals(lengths: &HeaderValue) -> Option<HeaderValue> {
    let (one, _) = lengths.to_str().ok()?.split_once(',')?;
    HeaderValue::from_str(one.trim()).ok()
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    // A length beside chunks is none (RFC 9112 6.3).
    if headers.contains_key(header::TRANSFER_ENCODING) {
        kept.remove(header::CONTENT_LENGTH);
    }
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    for name in named.flat_map(|value| value.split(',')) {
        if let Ok(name) = HeaderName::try_from(name.trim()) {
            kept.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn config() -> Config {
        Config::new("http://127.0.0.1:9000/v1".parse().unwrap())
    }

    #[test]
    fn what_belongs_to_one_connection_goes_no_further() {
        let sent = map(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("transfer-encoding", "chunked"),
            ("x-end", "1"),
        ]);
        assert_eq!(to_client(StatusCode::OK, &sent, &config()), map(&[("x-end", "1")]));
        let seen = to_provider(&sent, &config(), false);
        assert_eq!(seen, map(&[("x-end", "1"), ("via", "1.1 relay")]));
    }

    #[test]
    fn a_clients_key_is_replaced_where_the_relay_holds_its_own() {
        let sent = map(&[
            ("authorization", "Bearer client"),
            ("cookie", "a=b"),
            ("x-api-key", "client"),
            ("api-key", "client"),
        ]);
        let passed = to_provider(&sent, &config(), false);
        assert_eq!(passed["authorization"], "Bearer client");

        let own = Config { provider_key: Some(Secret("provider".into())), ..config() };
        let mut replaced = to_provider(&sent, &own, false);
        assert!(!replaced.contains_key("authorization"));
        show_key(&mut replaced, &Secret("provider".into()));
        assert_eq!(replaced["authorization"], "Bearer provider");
        for name in ["cookie", "x-api-key", "api-key"] {
            assert!(passed.contains_key(name) && !replaced.contains_key(name), "{name}");
        }

        let guarded = Config { keys: vec![Secret("client".into())], ..config() };
        assert!(!to_provider(&sent, &guarded, false).contains_key("authorization"));
    }

    #[test]
    fn a_body_that_must_be_read_is_asked_for_uncoded() {
        let sent = map(&[("accept-encoding", "gzip, br")]);
        assert_eq!(to_provider(&sent, &config(), true)["accept-encoding"], "identity");
        assert_eq!(to_provider(&sent, &config(), false)["accept-encoding"], "gzip, br");
    }

    #[test]
    fn an_event_stream_has_no_length_and_asks_not_to_be_buffered() {
        let sent =
            map(&[("content-type", "text/event-stream; charset=utf-8"), ("content-length", "9")]);
        let seen = to_client(StatusCode::OK, &sent, &config());
        assert!(!seen.contains_key("content-length"));
        assert_eq!(seen["x-accel-buffering"], "no");
        assert_eq!(seen["cache-control"], "no-cache");
        assert_eq!(seen["content-type"], "text/event-stream; charset=utf-8");
    }

    #[test]
    fn limits_and_lengths_of_other_answers_pass() {
        let sent = map(&[
            ("content-type", "application/json"),
            ("content-length", "9"),
            ("retry-after", "3"),
            ("x-ratelimit-reset-tokens", "6m0s"),
            ("x-request-id", "r1"),
        ]);
        assert_eq!(to_client(StatusCode::TOO_MANY_REQUESTS, &sent, &config()), sent);
        let nothing = to_client(StatusCode::NO_CONTENT, &sent, &config());
        assert!(!nothing.contains_key("content-length"), "RFC 9110 8.6 forbids it: {nothing:?}");
    }

    #[test]
    fn what_a_provider_says_of_its_own_origin_says_nothing_of_the_relays() {
        let sent = map(&[
            ("alt-svc", "h3=\":443\"; ma=86400"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-end", "1"),
        ]);
        assert_eq!(to_client(StatusCode::OK, &sent, &config()), map(&[("x-end", "1")]));
    }

    #[test]
    fn a_providers_cors_headers_give_way_to_the_relays() {
        let sent = map(&[("access-control-allow-origin", "*")]);
        assert_eq!(to_client(StatusCode::OK, &sent, &config()), sent);
        let owned = Config { origins: vec!["https://app.example".into()], ..config() };
        assert!(to_client(StatusCode::OK, &sent, &owned).is_empty());
    }
}
