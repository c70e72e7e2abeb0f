//! Bearer keys that a request must bring.

use crate::{errors, http::Head, script::ErrorPreset};

/// Whether a request is for the API, which is what keys guard.
pub(crate) fn guards(head: &Head) -> bool {
    head.path().strip_prefix("/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the request brings one of the keys; the scheme's name has no case (RFC 9110 11.1).
pub(crate) fn admits(keys: &[String], head: &Head) -> bool {
    head.values("authorization").any(|value| {
        let (scheme, key) = value.trim().split_once(' ').unwrap_or_default();
        scheme.eq_ignore_ascii_case("bearer") && keys.iter().any(|known| known == key.trim())
    })
}

/// The answer to a request that does not bring one: status, headers and body. A request without any
/// key is told so, as the provider does.
pub(crate) fn refusal(head: &Head) -> (u16, Vec<(String, String)>, String) {
    let errors::Preset { status, kind, code, message } = errors::preset(ErrorPreset::InvalidApiKey);
    let message = match head.values("authorization").next() {
        Some(_) => message,
        None => "No API key came with the request: send `Authorization: Bearer KEY`.",
    };
    // RFC 9110 15.5.2: a 401 names how to authenticate.
    let headers = vec![("www-authenticate".to_owned(), "Bearer".to_owned())];
    (status, headers, errors::object(message, kind, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, authorization: &str) -> Head {
        Head {
            method: "GET".into(),
            target: target.into(),
            minor_version: 1,
            headers: vec![("Authorization".into(), authorization.into())],
        }
    }

    #[test]
    fn one_of_the_keys_is_enough_and_must_be_whole() {
        let keys = ["k1".to_owned(), "k2".to_owned()];
        for admitted in ["Bearer k1", "bearer k2", "Bearer  k2 "] {
            assert!(admits(&keys, &head("/v1", admitted)), "{admitted}");
        }
        for refused in ["Bearer k", "Bearer k11", "Bearer K1", "Basic k1", "k1", "", "Bearer "] {
            assert!(!admits(&keys, &head("/v1", refused)), "{refused}");
        }
    }

    #[test]
    fn the_api_is_guarded_and_nothing_else() {
        for target in ["/v1", "/v1/models?x=1", "http://host/v1/chat/completions"] {
            assert!(guards(&head(target, "")), "{target}");
        }
        for target in ["/", "/v1beta/models", "/health"] {
            assert!(!guards(&head(target, "")), "{target}");
        }
    }
}
