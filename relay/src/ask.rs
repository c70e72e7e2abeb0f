//! Asks the provider until it answers well enough, or nothing more can be tried.

use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::{
    attempt::{Outbound, attempt, overrun_at},
    breaker::Verdict,
    config::{Config, Head},
    errors::Failure,
    headers, opening,
    reached::reached,
    retry::{Outcome, Resend, Retries},
    routes::Route,
    state::Relay,
    stream::Family,
    upload::Upload,
    upstreams::{Open, Picked},
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

    /// Whether it is a 429 that no waiting cures: only its body tells.
    async fn says_used_up(&mut self, config: &Config) -> bool {
        if self.status != StatusCode::TOO_MANY_REQUESTS {
            return false;
        }
        let over = overrun_at(self.sent_at, config.first_byte);
        let (body, error) = opening::error_of(std::mem::take(&mut self.body), over).await;
        self.body = body;
        error.is_some_and(|error| error.is_permanent())
    }
}

/// Sends the request until it is answered well enough, to one upstream after the other; the last
/// answer counts, whatever it is.
///
/// Dropped before that, it takes the provider's connection with it.
pub(crate) async fn ask(
    relay: &Relay,
    outbound: Outbound,
    route: Route,
) -> Result<Answer, Failure> {
    let resend = match outbound.body {
        Upload::Whole(_) => Resend::of(route.is_repeatable(), &outbound.method, &outbound.headers),
        Upload::AsItComes(_) => Resend::Never,
    };
    let mut retries = Retries::new(&relay.config, relay.next_ordinal(), resend);
    // The attempt that a connection costs which was not what it seemed; no failure of the provider.
    let mut spare = true;
    let mut last = None;
    loop {
        let now = Instant::now();
        let picked = match relay.upstreams.pick(|upstream| retries.may_ask(upstream, now), now) {
            Ok(picked) => picked,
            Err(Open { retry_after }) => {
                let Some(result) = last.take() else {
                    return Err(Failure::LeftAlone { retry_after });
                };
                let Some(wait) = retries.pass(now) else { return result };
                reached!("a request is tried again after a wait");
                // Its connection is not held while waiting.
                drop(result);
                tokio::time::sleep(wait).await;
                continue;
            }
        };
        let index = picked.index;
        let mut result = once(relay, &outbound, &picked, route).await;
        if spare && result.as_ref().is_err_and(|failure| resend.at_once(failure)) {
            spare = false;
            result = once(relay, &outbound, &picked, route).await;
        }
        if result.as_ref().is_err_and(Failure::is_of_the_request) {
            return result;
        }
        let used_up = match &mut result {
            Ok(answer) if resend == Resend::Always => answer.says_used_up(&relay.config).await,
            Err(Failure::FirstEvent(_, error)) => error.is_permanent(),
            Ok(_) | Err(_) => false,
        };
        let no_headers = HeaderMap::new();
        let outcome = if used_up {
            reached!("a quota is used up");
            Outcome::UsedUp
        } else {
            outcome(&result, &no_headers)
        };
        let verdict = outcome.verdict();
        if result.is_ok() && verdict == Verdict::Good {
            // What becomes of the body is told too.
            let mut permit = picked.permit;
            permit.answered(Instant::now());
            outbound.attempts.hold(permit);
        } else {
            picked.permit.done(verdict, Instant::now());
        }
        if !retries.again(index, outcome, relay.wall_clock()) {
            return result;
        }
        outbound.attempts.release();
        last = Some(result);
    }
}

/// What an attempt came to. An error in its first event has a status, and no headers.
fn outcome<'a>(result: &'a Result<Answer, Failure>, no_headers: &'a HeaderMap) -> Outcome<'a> {
    match result {
        Ok(answer) => Outcome::Answer(answer.status, &answer.headers),
        Err(Failure::FirstEvent(status, _)) => Outcome::Answer(*status, no_headers),
        Err(
            Failure::Unreachable
            | Failure::ConnectTimeout
            | Failure::Untrusted
            | Failure::TurnedAway,
        ) => Outcome::Unreachable,
        Err(_) => Outcome::Unanswered,
    }
}

/// One attempt: to the provider's head, or to its first content.
async fn once(
    relay: &Relay,
    outbound: &Outbound,
    picked: &Picked<'_>,
    route: Route,
) -> Result<Answer, Failure> {
    outbound.attempts.begin(picked.index);
    if outbound.attempts.made() > 1 {
        relay.metrics.retried();
    }
    let outbound = outbound.to(picked).ok_or(Failure::BadPath)?;
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
