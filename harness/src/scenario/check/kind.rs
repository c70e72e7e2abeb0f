//! Whether a client's kind fits what else is said of it.

use mock_openai::yaml::{Diagnostic, Place};

use crate::scenario::{Client, Does, Http, Kind, Leave};

/// What an SDK posts.
const COMPLETIONS: &str = "/v1/chat/completions";

pub(super) fn check(client: &Client, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    match client.kind {
        Kind::Browser if client.origin.is_none() => wrong.push(
            place
                .key("as")
                .wrong("a browser needs the origin of its page")
                .help("write `origin: https://app.example`"),
        ),
        Kind::Browser => {}
        Kind::Eventsource => check_event_source(client, place, wrong),
        Kind::Raw | Kind::EventsourceStream | Kind::Sdk(_) => {
            check_that_no_page_is_meant(client, place, wrong);
            if matches!(client.kind, Kind::Sdk(_)) {
                check_sdk(client, place, wrong);
            }
            return;
        }
    }
    if client.http == Http::H10 {
        let message = "no browser speaks HTTP/1.0";
        let help = "leave `http` out, or write `as: raw`";
        wrong.push(place.key("http").wrong(message).help(help));
    }
    if let Some(origin) = client.origin.as_ref().filter(|origin| !is_origin(origin)) {
        wrong.push(
            place
                .key("origin")
                .wrong(format!("`{origin}` is no origin"))
                .wanted("wanted: scheme and host, such as `https://app.example`"),
        );
    }
}

/// Script gives an `EventSource` a path, and nothing else.
fn check_event_source(client: &Client, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let request = place.key("request");
    if client.request.post.is_some() || client.request.get.is_none() {
        let at = if request.key("post").exists() {
            request.key("post").at_key()
        } else {
            place.key("as")
        };
        let help = "write `request: { get: /v1/streams/ID }`";
        wrong.push(at.wrong("an EventSource sends GET alone").help(help));
    }
    if !client.request.headers.is_empty() {
        let message = "script cannot give an EventSource headers";
        let help = "leave them out: it says `Last-Event-ID` by itself";
        wrong.push(request.key("headers").at_key().wrong(message).help(help));
    }
    if client.retries.is_some() {
        let message = "an EventSource comes back by the rules of the standard";
        let help = "leave `retries` out, or write `as: raw`";
        wrong.push(place.key("retries").at_key().wrong(message).help(help));
    }
    for (index, step) in client.does.iter().enumerate() {
        if *step == Does::Leave(Leave::HalfClose) {
            let message = "an EventSource never shuts its sending side alone";
            let help = "`leave: fin` is script's `close()`";
            wrong.push(place.key("does").nth(index).wrong(message).help(help));
        }
    }
}

/// An SDK posts chat completions over HTTP/1.1, and asks again as it likes.
fn check_sdk(client: &Client, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let request = place.key("request");
    for (key, path) in [("get", &client.request.get), ("post", &client.request.post)] {
        let is_other = path.as_ref().is_some_and(|path| key == "get" || path != COMPLETIONS);
        if is_other {
            let message = "an SDK client posts a chat completion";
            let help = "leave the path out, or write `as: raw`";
            wrong.push(request.key(key).at_key().wrong(message).help(help));
        }
    }
    if client.retries.is_some() {
        let message = "an SDK asks again by its own rules";
        let help = "leave `retries` out, or write `as: raw`";
        wrong.push(place.key("retries").at_key().wrong(message).help(help));
    }
    if client.http != Http::H1 {
        let message = "SDK clients speak HTTP/1.1";
        let help = "leave `http` out, or write `as: raw`";
        wrong.push(place.key("http").wrong(message).help(help));
    }
}

fn check_that_no_page_is_meant(client: &Client, place: Place<'_>, wrong: &mut Vec<Diagnostic>) {
    let given = [
        ("origin", client.origin.is_some()),
        ("credentials", client.credentials),
        ("tab_of", client.tab_of.is_some()),
    ];
    for (key, is_given) in given {
        if is_given {
            let message = format!("only a browser has `{key}`");
            let help = "write `as: browser` or `as: eventsource`";
            wrong.push(place.key(key).at_key().wrong(message).help(help));
        }
    }
}

/// As a browser writes it (RFC 6454 6.2): no path, no slash at the end.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let host_part = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    ["http", "https"].contains(&scheme) && !host.is_empty() && host.chars().all(host_part)
}
