//! Control over HTTP: what stands under `/__mock/`, one file an endpoint.
//!
//! It is meant for whoever drives the provider, on the same port so that one address is enough.
//! What is asked here is none of the script's requests and the journal never shows it.

use bytes::Bytes;

use crate::{
    http::{Head, Request},
    journal::Store,
    provider::Provider,
};

mod healthz;
mod journal;
mod reply;
mod reset;
mod script;

use reply::Reply;

/// What an endpoint answers from.
struct Context<'a> {
    provider: &'a Provider,
    store: &'a Store,
    request: &'a Request,
}

type Answer = fn(&Context<'_>) -> Reply;

/// One method of one path.
struct Endpoint {
    method: &'static str,
    path: &'static str,
    answer: Answer,
}

const ENDPOINTS: [Endpoint; 5] = [
    Endpoint { method: "GET", path: "/__mock/healthz", answer: healthz::get },
    Endpoint { method: "GET", path: "/__mock/journal", answer: journal::get },
    Endpoint { method: "GET", path: "/__mock/script", answer: script::get },
    Endpoint { method: "POST", path: "/__mock/script", answer: script::post },
    Endpoint { method: "POST", path: "/__mock/reset", answer: reset::post },
];

/// Whether a request is control's.
pub(crate) fn is_for(head: &Head) -> bool {
    head.path().starts_with("/__mock/")
}

/// The whole answer to a request, as bytes.
pub(crate) fn answer(provider: &Provider, store: &Store, request: &Request) -> Bytes {
    let context = Context { provider, store, request };
    let reply = refused(request).unwrap_or_else(|| route(&context));
    reply.render(request)
}

/// A page that a browser shows has no business here, and cannot be kept from sending a `POST` that
/// it may not read; but then its origin stands in it.
fn refused(request: &Request) -> Option<Reply> {
    request.head.values("origin").next()?;
    Some(Reply::error(request, 403, "web pages may not control the mock: send no `origin` header"))
}

fn route(context: &Context<'_>) -> Reply {
    let head = &context.request.head;
    // RFC 9110 9.3.2: HEAD is GET without the body.
    let method = if head.method == "HEAD" { "GET" } else { &head.method };
    let here: Vec<&Endpoint> = ENDPOINTS.iter().filter(|one| one.path == head.path()).collect();
    if let Some(endpoint) = here.iter().find(|endpoint| endpoint.method == method) {
        return (endpoint.answer)(context);
    }
    if here.is_empty() {
        let known: Vec<String> =
            ENDPOINTS.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
        let why = format!("nothing stands at {}; known are {}", head.path(), known.join(", "));
        return Reply::error(context.request, 404, &why);
    }
    let allowed: Vec<&str> = here.iter().map(|endpoint| endpoint.method).collect();
    let allowed = allowed.join(", ");
    let why = format!("{} takes {allowed} alone", head.path());
    Reply::error(context.request, 405, &why).header("allow", allowed)
}
