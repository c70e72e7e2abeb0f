//! Where a request goes: the client's path below `/v1`, appended to the provider's base.

use http::Uri;
use reqwest::Url;

/// The prefix that the relay's routes share with the provider's base.
const PREFIX: &str = "/v1";

/// The provider's URL for a client's path and query; `None` where the path would lead out of the
/// base: URLs are normalised on the way, and the provider's key goes with the request.
pub(crate) fn target(base: &Url, asked: &Uri) -> Option<Uri> {
    let rest = asked.path().strip_prefix(PREFIX)?;
    if !rest.starts_with('/') || rest.contains('\\') || holds_dots(rest) {
        return None;
    }
    let base = base.as_str().trim_end_matches('/');
    let query = asked.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{base}{rest}{query}").parse().ok()
}

/// Whether a path holds a segment `.` or `..`, in any of its encodings. A slash that is encoded parts no
/// segments by RFC 3986 2.2, and does so in servers that decode first and resolve dots then, as nginx does.
fn holds_dots(path: &str) -> bool {
    let plain = path.to_ascii_lowercase().replace("%2e", ".");
    plain.split('/').flat_map(|one| one.split("%2f")).flat_map(|one| one.split("%5c")).any(is_dots)
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: &str, asked: &str) -> Option<String> {
        let target = target(&base.parse().unwrap(), &asked.parse().unwrap());
        target.map(|uri| uri.to_string())
    }

    #[test]
    fn a_base_may_end_with_a_slash_or_not() {
        for base in ["http://h:1/v1", "http://h:1/v1/"] {
            assert_eq!(of(base, "/v1/models").unwrap(), "http://h:1/v1/models");
        }
        assert_eq!(
            of("https://h/api/v1", "/v1/a/b?x=y%20z").unwrap(),
            "https://h/api/v1/a/b?x=y%20z"
        );
        assert_eq!(of("http://h", "/v1/models").unwrap(), "http://h/models");
    }

    #[test]
    fn a_path_cannot_lead_out_of_the_base() {
        for asked in
            ["/v1/../admin", "/v1/%2e%2E/admin", "/v1/a/.%2e/../x", "/v1/./x", "/v2/x", "/v1x"]
        {
            assert_eq!(of("http://h/v1", asked), None, "{asked}");
        }
        assert_eq!(of("http://h/v1", "/v1/a..b/...").unwrap(), "http://h/v1/a..b/...");
    }

    #[test]
    fn a_path_cannot_lead_out_of_the_base_behind_an_encoded_slash() {
        for asked in [
            "/v1/..%2fadmin",
            "/v1/%2e%2E%2Fadmin",
            "/v1/x%2f..%2f..%2fadmin",
            "/v1/x/..%2F..%2Fadmin",
            "/v1/..%5cadmin",
            "/v1/x%5C..%2fadmin",
            "/v1/x%2f.",
        ] {
            assert_eq!(of("http://h/v1", asked), None, "{asked}");
        }
        // Names of models hold slashes.
        let model = "/models/meta%2Fllama-3.1..b%2f...";
        assert_eq!(of("http://h", &format!("/v1{model}")).unwrap(), format!("http://h{model}"));
    }
}
