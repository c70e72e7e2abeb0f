//! One attempt to get the provider's head: its budgets, and what a failure means.

use std::{error::Error, io, sync::Arc, time::Duration};

use h2::Reason;
use http::{HeaderMap, Method, Uri};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::{
    account::Attempts, direct::NotConnected, errors::Failure, headers, stale::Stale, state::Relay,
    target::target, upload::Upload, upstreams::Picked,
};

/// A request, which can be sent more than once if its body can.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    pub(crate) method: Method,
    /// As the client asked for it; [`Outbound::to`] makes it the provider's.
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Upload,
    /// Where attempts are counted.
    pub(crate) attempts: Arc<Attempts>,
}

impl Outbound {
    /// The same for one upstream; `None` where the path leads out of its base. What the client shows of
    /// itself is meant for the first upstream's origin: others get it only where that is theirs, too.
    pub(crate) fn to(&self, picked: &Picked<'_>) -> Option<Self> {
        let mut outbound = Self { uri: target(picked.base, &self.uri)?, ..self.clone() };
        match picked.key {
            Some(key) => headers::show_key(&mut outbound.headers, key),
            None if picked.is_foreign => headers::hide_credentials(&mut outbound.headers),
            None => {}
        }
        Some(outbound)
    }
}

/// Sends the request; resolves with the head, or with why there is none.
///
/// Dropped before that, it takes the provider's connection with it.
pub(crate) async fn attempt(
    relay: &Relay,
    outbound: Outbound,
) -> Result<reqwest::Response, Failure> {
    let upload = outbound.body;
    let mut request = http::Request::new(upload.take());
    *request.method_mut() = outbound.method;
    *request.uri_mut() = outbound.uri;
    *request.headers_mut() = outbound.headers;
    let connection = capture_connection(&mut request);
    let request = reqwest::Request::try_from(request).map_err(|_| Failure::BadPath)?;
    let answer = tokio::select! {
        biased;
        answer = relay.upstream.clone().oneshot(request) => {
            match answer {
                // 101 to a request that asked for no upgrade: what follows is not HTTP.
                Ok(answer) if answer.status().is_informational() => Err(Failure::BrokeOff),
                Ok(answer) if !headers::is_plainly_coded(answer.headers()) => {
                    Err(Failure::BrokeOff)
                }
                answer => answer.map_err(|error| classify(&*error)),
            }
        }
        () = connect_overrun(connection, relay.config.connect) => Err(Failure::ConnectTimeout),
        () = overrun(relay.config.first_byte) => Err(Failure::FirstByteTimeout),
    };
    answer.map_err(|failure| upload.reason(failure))
}

/// Resolves when the budget that began then is over; never where there is none.
pub(crate) async fn overrun_at(begun: Instant, budget: Option<Duration>) {
    match budget.and_then(|budget| begun.checked_add(budget)) {
        Some(over) => tokio::time::sleep_until(over).await,
        None => std::future::pending().await,
    }
}

/// Resolves when the budget is over; never where there is none.
async fn overrun(budget: Option<Duration>) {
    overrun_at(Instant::now(), budget).await;
}

/// Resolves when the budget is over and no connection was made.
///
/// A transport that drops the capture tells nothing, and keeps this budget itself.
async fn connect_overrun(mut connection: CaptureConnection, budget: Option<Duration>) {
    let told = async {
        // What is told holds a lock, and must not live on.
        drop(connection.wait_for_connection_metadata().await);
    };
    tokio::select! {
        biased;
        () = told => std::future::pending().await,
        () = overrun(budget) => {}
    }
}

/// Tells failures apart by their chain of sources, in which every transport has hyper-util's
/// error or says that it is [`NotConnected`].
fn classify(error: &(dyn Error + 'static)) -> Failure {
    let mut chain = std::iter::successors(Some(error), |error| source(*error));
    let connecting = chain.clone().any(|error| {
        let legacy = error.downcast_ref::<hyper_util::client::legacy::Error>();
        legacy.is_some_and(hyper_util::client::legacy::Error::is_connect)
            || error.is::<NotConnected>()
    });
    let is = |error: &(dyn Error + 'static), kind| {
        error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == kind)
    };
    let timed_out = chain.clone().any(|error| {
        is(error, io::ErrorKind::TimedOut)
            || error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
    });
    // As tokio-rustls tells of what rustls does not accept.
    let untrusted = chain.clone().any(|error| is(error, io::ErrorKind::InvalidData));
    if chain.any(turns_away) {
        return Failure::TurnedAway;
    }
    match (connecting, timed_out) {
        (true, true) => Failure::ConnectTimeout,
        (true, false) if untrusted => Failure::Untrusted,
        (true, false) => Failure::Unreachable,
        (false, false) if error.is::<Stale>() => Failure::Lapsed,
        (false, _) => Failure::BrokeOff,
    }
}

/// Whether the provider says on HTTP/2 that it has not begun with the request: it refused the stream,
/// or said goodbye and left it out (RFC 9113 8.7). A goodbye for an error asks for no more requests.
fn turns_away(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<h2::Error>().is_some_and(|error| {
        let code = if error.is_go_away() { Reason::NO_ERROR } else { Reason::REFUSED_STREAM };
        error.is_remote() && error.reason() == Some(code)
    })
}

/// What is behind an error; an `io::Error` tells of the one that it wraps only if it is asked.
fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
