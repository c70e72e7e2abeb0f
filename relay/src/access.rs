//! Who may call: clients that show one of the configured keys.

use std::{fmt, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, header};
use subtle::{Choice, ConstantTimeEq as _};

use crate::{config::Secret, errors::Failure, state::Relay};

/// Lets a request pass, or answers 401.
pub(crate) async fn check(
    State(relay): State<Arc<Relay>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    if is_allowed(&relay.config.keys, request.headers()) {
        Ok(next.run(request).await)
    } else {
        Err(Failure::Unauthorized)
    }
}

/// Compares with every key and every byte, so that the time taken tells nothing but the length.
fn is_allowed(keys: &[Secret], headers: &HeaderMap) -> bool {
    if keys.is_empty() {
        return true;
    }
    let Some(shown) = shown(headers) else {
        return false;
    };
    keys.iter().fold(Choice::from(0), |found, key| found | key.0.as_bytes().ct_eq(shown)).into()
}

/// The key that a client shows.
pub(crate) fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()))
}

/// The token of `Bearer`, whose name has no case (RFC 9110 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Who calls: a hash of the key that is shown, or of none. It is all that limits and kept streams hold of
/// a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caller(pub(crate) [u8; 32]);

impl Caller {
    pub(crate) fn of(key: Option<&[u8]>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("whitewater relay caller");
        match key {
            Some(key) => hasher.update(b"key ").update(key),
            None => hasher.update(b"none"),
        };
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(shown: Option<&'static str>) -> bool {
        let keys = ["k1", "k2"].map(|key| Secret(key.to_owned()));
        let shown =
            shown.map(|value| (header::AUTHORIZATION, http::HeaderValue::from_static(value)));
        is_allowed(&keys, &shown.into_iter().collect())
    }

    #[test]
    fn any_of_the_keys_opens_and_nothing_else_does() {
        for right in ["Bearer k1", "bearer k2", "Bearer  k1"] {
            assert!(allowed(Some(right)), "{right}");
        }
        for wrong in ["Bearer k", "Bearer k11", "Basic k1", "k1", "Bearer ", ""] {
            assert!(!allowed(Some(wrong)), "{wrong}");
        }
        assert!(!allowed(None));
    }

    #[test]
    fn a_key_is_told_apart_but_does_not_show() {
        let caller = |key: &'static [u8]| Caller::of(Some(key));
        assert_eq!(caller(b"sk-a"), caller(b"sk-a"));
        assert_ne!(caller(b"sk-a"), caller(b"sk-b"));
        assert_ne!(caller(b""), Caller::of(None));
        assert!(!format!("{:?}", caller(b"sk-a")).contains("sk-a"));
    }

    #[test]
    fn without_keys_everybody_may_call() {
        assert!(is_allowed(&[], &HeaderMap::new()));
    }
}
