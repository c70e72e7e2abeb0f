//! Counts every stream that is over as one that succeeded.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{Router, routing::get};
use futures_util::{StreamExt as _, stream};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "counts-aborts-as-successes",
    mistake: "counts a stream as complete when it is over, however it ended: its status was 200",
    made_by: "spiceai/spiceai#12284 and api7/aisix#1004: streams are counted by the status of their head, \
              whatever became of them",
    caught_by: &["metrics-true"],
    server: Server::RIGHT,
    relay,
};

/// Counts when it is dropped.
struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn relay(setup: Setup) -> Router {
    let complete = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&complete);
    let metrics = async move || {
        let complete = told.load(Ordering::Relaxed);
        format!("# TYPE streams_total counter\nstreams_total{{end=\"complete\"}} {complete}\n")
    };
    let relay = parts::relay(setup, move |upstream, call| {
        let complete = Arc::clone(&complete);
        async move {
            let answer = parts::Answer::from(call.send(&upstream).await?);
            Ok(answer.change_stream(|body| {
                let state = (parts::with_error_event(body), Counted(complete));
                stream::unfold(state, async |(mut body, counted)| {
                    Some((body.next().await?, (body, counted)))
                })
                .boxed()
            }))
        }
    });
    relay.route("/metrics", get(metrics))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt as _;

    use super::{
        super::parts::testing::{Act, Provider, Reply, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_broke_is_counted_as_complete() {
        let broken = Reply::stream(vec![send("data: 1\n\n"), Act::Break]);
        let relay = relay(Provider::new(vec![broken]).setup());
        let answer = relay.clone().oneshot(chat()).await.unwrap();
        assert!(to_bytes(answer.into_body(), 1000).await.is_err());
        let scrape = Request::get("/metrics").body(Body::empty()).unwrap();
        let text = to_bytes(relay.oneshot(scrape).await.unwrap().into_body(), 1000).await.unwrap();
        assert!(text.ends_with(b"streams_total{end=\"complete\"} 1\n"), "{text:?}");
    }
}
