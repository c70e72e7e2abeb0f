//! The body of a request on its way to the provider, and whose turn it is where it does not go on.

use std::{
    error::Error,
    sync::{Arc, Mutex},
    task::Poll,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::LengthLimitError;

use crate::{errors::Failure, lock::Locked as _, reached::reached};

/// The body of a request.
#[derive(Debug, Clone)]
pub(crate) enum Upload {
    /// All of it.
    Whole(Bytes),
    /// As it comes; it can be taken once.
    AsItComes(Arc<Passing>),
}

/// A body that is passed on as it comes.
#[derive(Debug)]
pub(crate) struct Passing {
    body: Mutex<Option<Body>>,
    turn: Mutex<Turn>,
}

/// Who has to do something next.
#[derive(Debug)]
enum Turn {
    /// The provider: what has come is not taken, or nothing is left.
    Provider,
    /// The client: more was asked for than has come.
    Client,
    /// Nobody: the client's body failed.
    Over(Failure),
}

impl Upload {
    pub(crate) fn as_it_comes(body: Body) -> Self {
        let passing = Passing { body: Mutex::new(Some(body)), turn: Mutex::new(Turn::Provider) };
        Self::AsItComes(Arc::new(passing))
    }

    /// The body as the provider's client takes it.
    pub(crate) fn take(&self) -> reqwest::Body {
        match self {
            Self::Whole(bytes) => bytes.clone().into(),
            Self::AsItComes(passing) => {
                reached!("a request is passed on as it comes");
                let body = passing.body.locked().take();
                let mut data = body.unwrap_or_default().into_data_stream();
                let passing = Arc::clone(passing);
                reqwest::Body::wrap_stream(stream::poll_fn(move |cx| {
                    let polled = data.poll_next_unpin(cx);
                    *passing.turn.locked() = match &polled {
                        Poll::Pending => Turn::Client,
                        Poll::Ready(Some(Err(error))) => Turn::Over(fault(error)),
                        Poll::Ready(Some(Ok(_)) | None) => Turn::Provider,
                    };
                    polled
                }))
            }
        }
    }

    /// Why the provider has not answered: for what seems to be the reason, unless it is the client's body.
    pub(crate) fn reason(&self, seeming: Failure) -> Failure {
        let Self::AsItComes(passing) = self else { return seeming };
        match &*passing.turn.locked() {
            Turn::Over(fault) => fault.clone(),
            Turn::Client if seeming == Failure::FirstByteTimeout => Failure::BodyTimeout,
            Turn::Client | Turn::Provider => seeming,
        }
    }
}

/// What is wrong with a client's body that fails.
fn fault(error: &axum::Error) -> Failure {
    let mut chain = std::iter::successors(error.source(), |error| (*error).source());
    if chain.any(<dyn Error>::is::<LengthLimitError>) {
        Failure::TooLarge
    } else {
        Failure::BadBody
    }
}
