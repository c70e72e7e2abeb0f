//! Lets pages read answers, but no errors.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
};
use http::header;

use super::{
    Broken, Server, Setup,
    parts::{self, Origins, cors},
};

pub(super) const BROKEN: Broken = Broken {
    name: "cors-on-success-only",
    mistake: "leaves Access-Control-Allow-Origin off errors: a page sees no 429, only a failure",
    made_by: "NousResearch/hermes-agent PR#104104: 401 and 503 lack the CORS headers",
    caught_by: &["cors-on-everything"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    let origins = setup.origins();
    let relay = parts::without_cors(setup, async |upstream, call| {
        let answer = parts::Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(parts::with_error_event))
    });
    relay.layer(from_fn_with_state(
        origins,
        async |State(origins): State<Origins>, request: Request, next: Next| {
            let origin = request.headers().get(header::ORIGIN).cloned();
            let mut response = match cors::preflight(&request) {
                Some(response) => response,
                None => next.run(request).await,
            };
            if response.status().is_success() {
                cors::allow(&origins, origin.as_ref(), response.headers_mut());
            }
            response
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, Seen, ask, chat, preflight, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn an_error_names_no_origin_and_a_stream_and_a_preflight_do() {
        let allowed = |seen: Seen| seen.header("access-control-allow-origin").map(str::to_owned);
        let origin = Some("https://app.example".to_owned());
        let provider = Provider::new(vec![
            Reply::error(429),
            Reply::error(429),
            Reply::stream(vec![send(DONE)]),
        ]);
        assert_eq!(allowed(ask(relay, &provider, chat()).await), None);
        assert_eq!(allowed(ask(parts::right, &provider, chat()).await), origin);
        assert_eq!(allowed(ask(relay, &provider, chat()).await), origin);
        assert_eq!(allowed(ask(relay, &provider, preflight()).await), origin);
    }
}
