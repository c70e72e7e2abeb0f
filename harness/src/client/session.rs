//! One client from its start to its end: attempts, waits between them, and its patience as a whole.

use std::{sync::Arc, time::Duration};

use mock_openai::Marks;
use tokio::time::sleep;

use super::{
    Progress, browser,
    eventsource_stream::EventsourceStream,
    exchange::{Exchange, Outcome},
    raw::Raw,
    retry,
};
use crate::{
    http1::ResponseHead,
    net::Host,
    plan,
    scenario::Kind,
    trace::{ClientFact, Fact, Name, Sight},
};

/// What a client shares with the rest of its world.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// What it is told of what it receives, for events that wait for that.
    pub progress: Progress,
    /// What the provider passed, for moves that wait for that.
    pub marks: Arc<Marks>,
}

/// Plays one client to its end. It connects to `next_hop` from `host`, and draws its jitter from
/// `seed`.
pub async fn play(client: plan::Client, next_hop: Name, host: Host, seed: u64, shared: Shared) {
    sleep(client.starts.saturating_sub(host.recorder().now())).await;
    let name: Name = client.name.as_str().into();
    let total = client.gives_up.total.map(|time| time.0);
    let recorder = host.recorder().clone();
    let mut session =
        Session { name: name.clone(), client, next_hop, host, seed, shared, requests: 0 };
    let mut attempts = Box::pin(session.attempts());
    if within(total, &mut attempts).await.is_none() {
        let gave_up = ClientFact::GaveUp { budget: "total" };
        recorder.record(&name, Fact::Client(gave_up));
    }
    // Closes the connection, where there is one.
    drop(attempts);
    recorder.record(&name, Fact::Client(ClientFact::Done));
}

/// The future's value; nothing where the budget ends first.
pub(super) async fn within<T>(
    budget: Option<Duration>,
    future: impl Future<Output = T>,
) -> Option<T> {
    match budget {
        Some(budget) => tokio::time::timeout(budget, future).await.ok(),
        None => Some(future.await),
    }
}

/// A client at work.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) name: Name,
    pub(super) client: plan::Client,
    pub(super) next_hop: Name,
    pub(super) host: Host,
    pub(super) seed: u64,
    pub(super) shared: Shared,
    /// How many requests it has sent, preflights included.
    pub(super) requests: u64,
}

impl Session {
    /// Records a fact of this client.
    pub(super) fn record(&self, fact: ClientFact) {
        self.host.recorder().record(&self.name, Fact::Client(fact));
    }

    /// Records what its application saw.
    pub(super) fn record_sights(&self, sights: Vec<Sight>) {
        for sight in sights {
            self.record(ClientFact::Saw(sight));
        }
    }

    /// Whether an answer with this status to its attempt number `attempt` makes it try again.
    pub(super) fn tries_again_on(&self, status: u16, attempt: u64) -> bool {
        let policy = self.client.retries.as_ref();
        policy.is_some_and(|policy| attempt < policy.max && policy.on.contains(&status))
    }

    async fn attempts(&mut self) {
        for attempt in 0.. {
            let Some(head) = self.attempt(attempt).await else { return };
            let Some(policy) = &self.client.retries else { return };
            if !policy.on.contains(&head.status) {
                return;
            }
            if attempt >= policy.max {
                self.record(ClientFact::GaveUp { budget: "retries" });
                return;
            }
            let wait = retry::wait(policy, &head, self.seed, &self.client.name, attempt);
            self.record(ClientFact::Waits { time: wait.time, because: wait.because });
            sleep(wait.time).await;
        }
    }

    /// One attempt; the head of its answer as far as the application sees it, where it came to an
    /// end by itself.
    async fn attempt(&mut self, attempt: u64) -> Option<ResponseHead> {
        let request = self.client.request.clone();
        match self.client.kind {
            Kind::Raw => self.ask(&request, attempt, &mut Raw).await.into_answer(),
            Kind::EventsourceStream => {
                let mut application = EventsourceStream::default();
                self.ask(&request, attempt, &mut application).await.into_answer()
            }
            Kind::Eventsource | Kind::Sdk(_) => {
                unreachable!("the check refuses it: it is not built yet")
            }
            Kind::Browser => browser::fetch(self, attempt).await,
        }
    }

    /// Sends a request, and does with the answer what the plan says.
    pub(super) async fn ask(
        &mut self,
        request: &plan::Request,
        attempt: u64,
        application: &mut dyn super::application::Application,
    ) -> Outcome {
        let does = self.client.does.clone();
        Exchange::run(self, request, &does, Some(attempt), application).await
    }
}
