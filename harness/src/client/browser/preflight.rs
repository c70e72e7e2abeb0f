//! The question before a request to another origin (Fetch, "CORS-preflight fetch").

use super::{cors, page::Mode, safelist::unsafe_names};
use crate::{
    http1::{ResponseHead, header, header_names},
    plan::Request,
};

/// Fetch, "CORS-safelisted method".
const SAFELISTED_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// Whether the request is asked for first (Fetch, "main fetch": an unsafe method, or an unsafe
/// header).
pub(super) fn is_needed(request: &Request) -> bool {
    !SAFELISTED_METHODS.contains(&request.method.as_str()) || !unsafe_names(request).is_empty()
}

/// The preflight. It never carries credentials, nor any header of the request's own.
pub(super) fn request(request: &Request, mode: &Mode) -> Request {
    let mut headers = vec![
        ("host".to_owned(), header(&request.headers, "host").unwrap_or_default()),
        ("accept".to_owned(), "*/*".to_owned()),
        ("access-control-request-method".to_owned(), request.method.clone()),
    ];
    let names = unsafe_names(request);
    if !names.is_empty() {
        headers.push(("access-control-request-headers".to_owned(), names.join(",")));
    }
    headers.push(("origin".to_owned(), mode.origin.clone()));
    Request {
        method: "OPTIONS".to_owned(),
        target: request.target.clone(),
        headers,
        body: String::new(),
    }
}

/// Whether the answer allows the request (Fetch, "CORS-preflight fetch", step 7).
///
/// # Errors
/// Which step fails.
pub(super) fn check(head: &ResponseHead, request: &Request, mode: &Mode) -> Result<(), String> {
    cors::check(&head.headers, mode).map_err(|why| format!("preflight: {why}"))?;
    if !(200..300).contains(&head.status) {
        return Err(format!("preflight: status {} is not ok", head.status));
    }
    let method = request.method.as_str();
    let methods = header(&head.headers, "access-control-allow-methods");
    let methods = methods.as_deref().unwrap_or("");
    let mut allowed = methods.split(',').map(|name| name.trim_matches([' ', '\t']));
    let method_is_allowed = SAFELISTED_METHODS.contains(&method)
        || allowed.any(|name| name == method || name == "*" && !mode.credentials);
    if !method_is_allowed {
        return Err(format!(
            "preflight: method {method} is not in Access-Control-Allow-Methods `{methods}`"
        ));
    }
    let allowed = header(&head.headers, "access-control-allow-headers").unwrap_or_default();
    let names = header_names(&allowed);
    let star = !mode.credentials && names.iter().any(|name| name == "*");
    for name in unsafe_names(request) {
        // Fetch, "CORS non-wildcard request-header name".
        let covered_by_star = star && name != "authorization";
        if !covered_by_star && !names.contains(&name) {
            return Err(format!(
                "preflight: header {name} is not in Access-Control-Allow-Headers `{allowed}`"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const PAGE: &str = "https://app.example";

    fn mode(credentials: bool) -> Mode {
        Mode { origin: PAGE.to_owned(), cross_origin: true, credentials }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    fn chat(method: &str) -> Request {
        Request {
            method: method.to_owned(),
            target: "/v1/chat/completions".to_owned(),
            headers: pairs(&[
                ("Host", "relay"),
                ("Content-Type", "application/json"),
                ("Authorization", "Bearer k"),
                ("content-length", "2"),
            ]),
            body: "{}".to_owned(),
        }
    }

    #[test]
    fn a_chat_request_is_asked_for() {
        assert!(is_needed(&chat("POST")));
        let asked = request(&chat("POST"), &mode(false));
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("OPTIONS", "/v1/chat/completions")
        );
        assert_eq!(
            asked.headers,
            pairs(&[
                ("host", "relay"),
                ("accept", "*/*"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "authorization,content-type"),
                ("origin", PAGE),
            ])
        );
    }

    #[test]
    fn a_plain_get_is_not_asked_for_and_a_delete_is() {
        let plain = |method: &str| Request { headers: pairs(&[("host", "relay")]), ..chat(method) };
        assert!(!is_needed(&plain("GET")) && !is_needed(&plain("POST")));
        assert!(is_needed(&plain("DELETE")));
        let asked = request(&plain("DELETE"), &mode(false));
        assert_eq!(header(&asked.headers, "access-control-request-headers"), None);
    }

    /// `None` for a header: it is absent.
    #[rstest]
    #[case::named(204, PAGE, Some("authorization, content-type"), None, "POST", false, true)]
    #[case::any_case(200, PAGE, Some("Authorization,Content-Type"), None, "POST", false, true)]
    #[case::star_does_not_cover_authorization(204, PAGE, Some("*"), None, "POST", false, false)]
    #[case::star_and_authorization(204, PAGE, Some("*, authorization"), None, "POST", false, true)]
    #[case::star_with_credentials(204, PAGE, Some("*, authorization"), None, "POST", true, false)]
    #[case::one_missing(204, PAGE, Some("authorization"), None, "POST", false, false)]
    #[case::no_headers(204, PAGE, None, None, "POST", false, false)]
    #[case::unauthorized(
        401,
        PAGE,
        Some("authorization, content-type"),
        None,
        "POST",
        false,
        false
    )]
    #[case::redirect(307, PAGE, Some("authorization, content-type"), None, "POST", false, false)]
    #[case::another_origin(
        204,
        "https://other.example",
        Some("authorization, content-type"),
        None,
        "POST",
        false,
        false
    )]
    #[case::post_needs_no_naming(
        204,
        PAGE,
        Some("authorization, content-type"),
        Some("GET"),
        "POST",
        false,
        true
    )]
    #[case::delete_needs_naming(
        204,
        PAGE,
        Some("authorization, content-type"),
        Some("GET"),
        "DELETE",
        false,
        false
    )]
    #[case::delete_named(
        204,
        PAGE,
        Some("authorization, content-type"),
        Some("GET, DELETE"),
        "DELETE",
        true,
        true
    )]
    #[case::methods_are_case_sensitive(
        204,
        PAGE,
        Some("authorization, content-type"),
        Some("delete"),
        "DELETE",
        false,
        false
    )]
    #[case::any_method(
        204,
        PAGE,
        Some("authorization, content-type"),
        Some("*"),
        "DELETE",
        false,
        true
    )]
    #[case::any_method_with_credentials(
        204,
        PAGE,
        Some("authorization, content-type"),
        Some("*"),
        "DELETE",
        true,
        false
    )]
    fn the_answer_is_checked(
        #[case] status: u16,
        #[case] origin: &str,
        #[case] headers: Option<&str>,
        #[case] methods: Option<&str>,
        #[case] method: &str,
        #[case] credentials: bool,
        #[case] passes: bool,
    ) {
        let mut fields = pairs(&[
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
        ]);
        fields.extend(headers.map(|v| ("Access-Control-Allow-Headers".to_owned(), v.to_owned())));
        fields.extend(methods.map(|v| ("Access-Control-Allow-Methods".to_owned(), v.to_owned())));
        let head = ResponseHead {
            version: http::Version::HTTP_11,
            status,
            reason: String::new(),
            headers: fields,
        };
        let checked = check(&head, &chat(method), &mode(credentials));
        assert_eq!(checked.is_ok(), passes, "{checked:?}");
    }
}
