//! The CORS check, and what of a response script may see (Fetch, "CORS check", "CORS filtered
//! response").

use super::page::Mode;
use crate::http1::{Headers, ResponseHead, header, header_names};

/// Fetch, "CORS-safelisted response-header name".
const SAFELISTED: [&str; 7] = [
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
];

/// Fetch, "forbidden response-header name".
const FORBIDDEN: [&str; 2] = ["set-cookie", "set-cookie2"];

/// Fetch, "CORS check".
///
/// # Errors
/// Which step fails.
pub(in crate::client) fn check(headers: &Headers, mode: &Mode) -> Result<(), String> {
    let Some(allowed) = header(headers, "access-control-allow-origin") else {
        return Err("CORS check: no Access-Control-Allow-Origin".to_owned());
    };
    if allowed == "*" && !mode.credentials {
        return Ok(());
    }
    if allowed != mode.origin {
        let with = if mode.credentials { " with credentials" } else { "" };
        return Err(format!(
            "CORS check: Access-Control-Allow-Origin `{allowed}` is not `{}`{with}",
            mode.origin
        ));
    }
    if !mode.credentials
        || header(headers, "access-control-allow-credentials").as_deref() == Some("true")
    {
        return Ok(());
    }
    Err("CORS check: Access-Control-Allow-Credentials is not `true`".to_owned())
}

/// The response as script sees it: names in lower case, hidden headers gone (Fetch, "basic filtered
/// response" and "CORS filtered response"; the list is set in "main fetch").
pub(super) fn filtered(mut head: ResponseHead, mode: &Mode) -> ResponseHead {
    let exposed = header(&head.headers, "access-control-expose-headers").unwrap_or_default();
    let exposed = header_names(&exposed);
    let all = !mode.cross_origin || !mode.credentials && exposed.iter().any(|name| name == "*");
    for (name, _) in &mut head.headers {
        name.make_ascii_lowercase();
    }
    head.headers.retain(|(name, _)| {
        !FORBIDDEN.contains(&name.as_str())
            && (all || SAFELISTED.contains(&name.as_str()) || exposed.contains(name))
    });
    head
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const PAGE: &str = "https://app.example";

    fn mode(credentials: bool) -> Mode {
        Mode { origin: PAGE.to_owned(), cross_origin: true, credentials }
    }

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    const ALLOW: &str = "Access-Control-Allow-Origin";
    const CREDENTIALS: &str = "Access-Control-Allow-Credentials";

    #[rstest]
    #[case::star(&[(ALLOW, "*")], false, true)]
    #[case::star_with_credentials(&[(ALLOW, "*"), (CREDENTIALS, "true")], true, false)]
    #[case::echoed(&[(ALLOW, PAGE)], false, true)]
    #[case::echoed_with_credentials(&[(ALLOW, PAGE), (CREDENTIALS, "true")], true, true)]
    #[case::credentials_not_allowed(&[(ALLOW, PAGE)], true, false)]
    #[case::credentials_are_case_sensitive(&[(ALLOW, PAGE), (CREDENTIALS, "True")], true, false)]
    #[case::none(&[], false, false)]
    #[case::empty(&[(ALLOW, "")], false, false)]
    #[case::another(&[(ALLOW, "https://other.example")], false, false)]
    #[case::trailing_slash(&[(ALLOW, "https://app.example/")], false, false)]
    #[case::case_differs(&[(ALLOW, "https://APP.example")], false, false)]
    #[case::twice(&[(ALLOW, PAGE), (ALLOW, PAGE)], false, false)]
    #[case::list(&[(ALLOW, "https://app.example, https://other.example")], false, false)]
    fn the_cors_check(
        #[case] fields: &[(&str, &str)],
        #[case] credentials: bool,
        #[case] passes: bool,
    ) {
        assert_eq!(check(&headers(fields), &mode(credentials)).is_ok(), passes);
    }

    #[rstest]
    #[case::nothing_exposed("", false, &["content-type"])]
    #[case::named("Retry-After, x-request-id", false, &["content-type", "retry-after"])]
    #[case::star("*", false, &["content-type", "retry-after", "x-other"])]
    #[case::star_with_credentials("*", true, &["content-type"])]
    #[case::never_cookies("set-cookie", false, &["content-type"])]
    fn script_sees_what_is_safelisted_or_exposed(
        #[case] expose: &str,
        #[case] credentials: bool,
        #[case] seen: &[&str],
    ) {
        let fields = headers(&[
            ("Content-Type", "text/event-stream"),
            ("Retry-After", "3"),
            ("X-Other", "1"),
            ("Set-Cookie", "a=b"),
        ]);
        let mut head = ResponseHead {
            version: http::Version::HTTP_11,
            status: 429,
            reason: String::new(),
            headers: fields,
        };
        if !expose.is_empty() {
            head.headers.push(("Access-Control-Expose-Headers".to_owned(), expose.to_owned()));
        }
        let head = filtered(head, &mode(credentials));
        let names = head.headers.iter().map(|(name, _)| name.as_str());
        let names: Vec<_> = names.filter(|name| *name != "access-control-expose-headers").collect();
        assert_eq!(names, seen);
    }

    #[test]
    fn a_page_of_the_same_origin_sees_all_but_cookies() {
        let fields = headers(&[("X-A", "1"), ("Set-Cookie", "a=b")]);
        let head = ResponseHead {
            version: http::Version::HTTP_11,
            status: 200,
            reason: String::new(),
            headers: fields,
        };
        let mode = Mode { cross_origin: false, ..mode(true) };
        assert_eq!(filtered(head, &mode).headers, headers(&[("x-a", "1")]));
    }
}
