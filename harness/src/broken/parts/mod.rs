//! A small relay that is right, in parts: each broken relay changes one of them.

use axum::{Router, extract::Request, response::Response, routing::any};
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::net::{BoxError, Upstream};

mod answer;
mod blocks;
mod call;
mod caps;
mod careless_pool;
pub(super) mod cors;
mod heartbeat;
mod in_time;
mod log;
mod resume;
mod server;
mod setup;
mod stream;
mod tail;
#[cfg(test)]
pub(super) mod testing;
mod until;

pub(super) use answer::{Answer, error_object, is_event_stream, json};
pub(super) use blocks::{Blocks, is_done};
pub(super) use call::Call;
pub(super) use caps::{Cap, around as capped};
pub(super) use careless_pool::careless;
use heartbeat::with_heartbeat;
pub(super) use heartbeat::{HEARTBEAT, with_comments};
pub(super) use in_time::in_time;
pub(super) use log::logged;
pub(super) use resume::resuming;
#[cfg(test)]
pub(super) use resume::tests::comes_back;
pub(super) use server::serve;
pub use server::{OutOfFiles, Server, Told};
pub(super) use setup::Origins;
pub use setup::Setup;
pub(super) use stream::{edit, edit_blocks, error_event, with_error_event, with_last_word};
pub(super) use tail::Tail;
use until::until;

/// The body of an answer: pulled by the client's side, so that a slow reader slows the provider.
pub(super) type Body = BoxStream<'static, Item>;

/// What a body yields.
pub(super) type Item = Result<Bytes, BoxError>;

/// The right relay.
pub(super) fn right(setup: Setup) -> Router {
    changing_streams(setup, |body| body)
}

/// The right relay, but for what `change` does to the bytes of each event stream as it comes.
pub(super) fn changing_streams(setup: Setup, change: fn(Body) -> Body) -> Router {
    relay(setup, move |upstream, call| async move {
        let answer = Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(|body| with_error_event(change(body))))
    })
}

/// The right relay, but for what `change` does to each event stream as it leaves, with the error event
/// that it may have got.
pub(super) fn changing_what_leaves(
    setup: Setup,
    change: impl Fn(Body) -> Body + Clone + Send + Sync + 'static,
) -> Router {
    relay(setup, move |upstream, call| {
        let change = change.clone();
        async move {
            let answer = Answer::from(call.send(&upstream).await?);
            Ok(answer.change_stream(|body| change(with_error_event(body))))
        }
    })
}

/// The right relay, but for what `change` does to each call before it is sent on.
pub(super) fn changing_calls(setup: Setup, change: fn(&mut Call)) -> Router {
    relay(setup, move |upstream, mut call| async move {
        change(&mut call);
        let answer = Answer::from(call.send(&upstream).await?);
        Ok(answer.change_stream(with_error_event))
    })
}

/// The right relay, but for what `change` does to each answer.
pub(super) fn changing_answers(setup: Setup, change: fn(&mut Answer)) -> Router {
    relay(setup, move |upstream, call| async move {
        let mut answer = Answer::from(call.send(&upstream).await?);
        change(&mut answer);
        Ok(answer.change_stream(with_error_event))
    })
}

/// A relay that answers each call with what `answer` makes of it, and 502 where that fails.
pub(super) fn relay<F, Fut>(setup: Setup, answer: F) -> Router
where
    F: Fn(Upstream, Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, BoxError>> + Send,
{
    let origins = setup.origins();
    cors::around(without_cors(setup, answer), origins)
}

/// The same, deaf to browsers.
pub(super) fn without_cors<F, Fut>(setup: Setup, answer: F) -> Router
where
    F: Fn(Upstream, Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, BoxError>> + Send,
{
    let handler = async move |request: Request| -> Response {
        let call = match Call::read(request).await {
            Ok(call) => call,
            Err(refusal) => return refusal,
        };
        match answer(setup.upstream, call).await {
            Ok(answer) => match setup.heartbeat {
                Some(interval) => answer.change_stream(|body| with_heartbeat(body, interval)),
                None => answer,
            }
            .change_stream(|body| until(body, setup.drain.ending))
            .into_response(),
            Err(error) => answer::bad_gateway(&*error),
        }
    };
    Router::new().route("/v1/{*path}", any(handler))
}

#[cfg(test)]
mod tests;
