//! Asks the provider until it answers well enough, or nothing more can be tried.

use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::{
    attempt::{Outbound, attempt, overrun_at},
    config::Head,
    errors::Failure,
    headers, opening,
    retry::{Outcome, Retries},
    routes::Route,
    state::Relay,
    stream::Family,
};

/// The provider's answer, and when the request was sent that it answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: reqwest::Body,
    pub(crate) sent_at: Instant,
}

impl Answer {
    /// The family of the body's events; [`Family::Opaque`] for all that is no stream of events, or
    /// cannot be read for one.
    pub(crate) fn family(&self, route: Route) -> Family {
        let readable =
            headers::is_event_stream(&self.headers) && !headers::is_encoded(&self.headers);
        if readable && self.status.is_success() { route.family() } else { Family::Opaque }
    }
}

/// Sends the request until it is answered well enough; the last answer counts, whatever it is.
///
/// Dropped before that, it takes the provider's connection with it.
pub(crate) async fn ask(
    relay: &Relay,
    outbound: Outbound,
    route: Route,
) -> Result<Answer, Failure> {
    let repeatable = route.is_repeatable() || outbound.method.is_idempotent();
    let mut retries = Retries::new(&relay.config, relay.next_ordinal());
    loop {
        outbound.attempts.begin(0);
        let result = once(relay, outbound.clone(), route).await;
        let none = HeaderMap::new();
        let outcome = match &result {
            Ok(answer) if repeatable => Some(Outcome::Answer(answer.status, &answer.headers)),
            Err(Failure::FirstEvent(_, error)) if error.is_permanent() => None,
            Err(Failure::FirstEvent(status, _)) if repeatable => {
                Some(Outcome::Answer(*status, &none))
            }
            Err(Failure::Unreachable | Failure::ConnectTimeout) => Some(Outcome::Unreachable),
            Ok(_) | Err(_) => None,
        };
        let wait = outcome.and_then(|outcome| retries.next(outcome, relay.wall_clock()));
        let Some(wait) = wait else { return result };
        // Its connection is not held while waiting.
        drop(result);
        relay.metrics.retried();
        tokio::time::sleep(wait).await;
    }
}

/// One attempt: to the provider's head, or to its first content.
async fn once(relay: &Relay, outbound: Outbound, route: Route) -> Result<Answer, Failure> {
    let sent_at = Instant::now();
    let response = attempt(relay, outbound).await?;
    let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    let mut answer = Answer { status: head.status, headers: head.headers, body, sent_at };
    let family = answer.family(route);
    if relay.config.head == Head::AtContent && family != Family::Opaque {
        answer.body = tokio::select! {
            biased;
            body = opening::until_content(answer.body, family) => body?,
            () = overrun_at(sent_at, relay.config.first_byte) => {
                return Err(Failure::FirstByteTimeout);
            }
        };
    }
    Ok(answer)
}
