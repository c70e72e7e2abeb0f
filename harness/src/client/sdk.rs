//! What an application sees through an SDK: when that asks again, and what it makes of the answer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mock_openai::draw::draw_below;
use tokio::time::sleep;

use super::{
    application::Application,
    course::Course,
    exchange::{Exchange, Outcome},
    retry,
    session::Session,
};
use crate::{
    http1::{ResponseHead, header},
    profile::{self, End, Ending, Hears, Lost, Profile, Received, Seen},
    scenario::Sdk,
    trace::{BodyEnd, ClientFact, Sight},
};

/// Plays one call of an application, with all that its SDK does for it.
pub(super) async fn live(session: &mut Session, sdk: Sdk) {
    let Some(profile) = profile::find(sdk.name()) else {
        unreachable!("every SDK of the language has a profile, which a test compares")
    };
    let (does, request) = (session.client.does.clone(), session.client.request.clone());
    for attempt in 0.. {
        let (mut course, mut answer) = (Course::of(&does), Answer::default());
        let sent = session.requests;
        let outcome =
            Exchange::run(session, &request, &mut course, Some(attempt), &mut answer).await;
        let again = match outcome {
            Outcome::Left | Outcome::Refused => return,
            Outcome::Over(Some(_)) => answer.asks_again(profile, session, attempt),
            Outcome::Over(None) | Outcome::Failed if answer.head.is_some() => None,
            Outcome::Over(None) | Outcome::Failed => {
                let lost = profile.retries.lost;
                let again = match lost {
                    Lost::Never => false,
                    Lost::NotConnected => session.requests == sent,
                    Lost::BeforeTheHead => true,
                };
                again.then(|| (own_wait(profile, session, attempt), "backoff"))
            }
        };
        match again.filter(|_| attempt < u64::from(profile.retries.max)) {
            Some((time, because)) => {
                session.record(ClientFact::Waits { time, because });
                sleep(time).await;
            }
            None => return session.record_sights(sights(answer.seen(profile))),
        }
    }
}

/// An answer as it comes.
#[derive(Debug, Default)]
struct Answer {
    head: Option<ResponseHead>,
    body: BytesMut,
    end: Option<BodyEnd>,
}

impl Application for Answer {
    fn head(&mut self, head: &ResponseHead) -> Vec<Sight> {
        self.head = Some(head.clone());
        Vec::new()
    }

    fn body(&mut self, bytes: &Bytes) -> Vec<Sight> {
        self.body.extend_from_slice(bytes);
        Vec::new()
    }

    fn ended(&mut self, how: BodyEnd) -> Vec<Sight> {
        self.end = Some(how);
        Vec::new()
    }
}

impl Answer {
    /// After what wait, and why then, where the SDK asks again.
    fn asks_again(
        &self,
        profile: &Profile,
        session: &Session,
        attempt: u64,
    ) -> Option<(Duration, &'static str)> {
        let head = self.head.as_ref()?;
        if (200..400).contains(&head.status) {
            return None;
        }
        let retries = &profile.retries;
        let told = header(&head.headers, "x-should-retry").filter(|_| retries.obeys_should_retry);
        let wants = match told.as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => retries.asks_again_on(head.status) && !self.is_final(profile, head.status),
        };
        let told = wants.then(|| told_wait(retries.hears, head))?;
        let own = own_wait(profile, session, attempt);
        let (time, is_told) = retries.wait(told.map(|(time, _)| time), own)?;
        let because = told.filter(|_| is_told).map_or("backoff", |(_, because)| because);
        Some((time, because))
    }

    /// async-openai reads the body of a 429: what is no error in JSON is fatal, and so is a quota that
    /// is used up.
    fn is_final(&self, profile: &Profile, status: u16) -> bool {
        if profile.retries.hears != Hears::WholeSeconds || status != 429 {
            return false;
        }
        let body: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let error = body.as_ref().and_then(|body| body.get("error"));
        error.is_none_or(|error| error["type"] == "insufficient_quota")
    }

    fn seen(&self, profile: &Profile) -> Seen {
        let end = match self.end {
            Some(BodyEnd::Complete) => Ending::Complete,
            Some(BodyEnd::Truncated) => Ending::Truncated,
            Some(_) => Ending::Reset,
            None => Ending::Silent,
        };
        let Some(head) = &self.head else { return Seen::failed("connection error") };
        let seen = (profile.sees)(&Received {
            status: head.status,
            headers: &head.headers,
            body: &self.body,
            end,
        });
        // It waited as long as it does, and raised that.
        if seen.end == End::Waits { seen.times_out() } else { seen }
    }
}

/// What an answer says of when to come back, as far as an SDK reads it.
fn told_wait(hears: Hears, head: &ResponseHead) -> Option<(Duration, &'static str)> {
    let millis = || header(&head.headers, "retry-after-ms").and_then(|ms| retry::number(&ms, 1e-3));
    let after = header(&head.headers, "retry-after");
    if hears == Hears::WholeSeconds {
        let seconds: u64 = after?.trim().parse().ok()?;
        return Some((Duration::from_secs(seconds), "retry-after"));
    }
    if let Some(time) = millis() {
        return Some((time, "retry-after-ms"));
    }
    let after = after?;
    let time = retry::number(&after, 1.0).or_else(|| retry::until(&after, head))?;
    Some((time, "retry-after"))
}

fn own_wait(profile: &Profile, session: &Session, attempt: u64) -> Duration {
    let label = format!("client {} back-off", session.client.name);
    let spread = draw_below(session.seed, &label, attempt, 10_001);
    profile.retries.backoff(u32::try_from(attempt).unwrap_or(u32::MAX), spread)
}

/// What the application tells when its call is over.
fn sights(seen: Seen) -> Vec<Sight> {
    let (said, tool_arguments) = seen.told();
    let (said, tool_arguments) = (said.to_owned(), tool_arguments.to_owned());
    let last = match seen.end {
        End::Failed(problem) => Sight::Error { text: problem.text() },
        End::Over | End::Waits => Sight::End,
    };
    vec![Sight::Answer { said, tool_arguments, finish: seen.finish }, last]
}
