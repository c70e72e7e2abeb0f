//! One client from its start to its end: attempts, waits between them, and its patience as a whole.

use std::{sync::Arc, time::Duration};

use mock_openai::Marks;
use tokio::time::sleep;

use super::{
    Progress, browser,
    course::{Course, visits},
    eventsource,
    eventsource_stream::EventsourceStream,
    exchange::{Exchange, Outcome},
    raw::Raw,
    retry, sdk,
    tabs::{self, Open, Tabs},
};
use crate::{
    http1::{ResponseHead, header},
    net::Host,
    plan::{self, LAST_EVENT_ID},
    scenario::{ClientWait, Does, Kind, LastEventId},
    trace::{ClientFact, Fact, Name, Sight},
};

/// What a client shares with the rest of its world.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// What it is told of what it receives, for events that wait for that.
    pub progress: Progress,
    /// What the provider passed, for moves that wait for that.
    pub marks: Arc<Marks>,
    /// The connections that it shares with the other tabs of its browser, where it has others.
    pub tabs: Option<Tabs>,
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
    let mut life = Box::pin(session.live());
    if within(total, &mut life).await.is_none() {
        let gave_up = ClientFact::GaveUp { budget: "total" };
        recorder.record(&name, Fact::Client(gave_up));
    }
    // Closes the connection, where there is one.
    drop(life);
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

    /// Waits until its browser may open a connection, where it shares one.
    pub(super) async fn may_connect(&self) -> Option<Open> {
        let tabs = self.shared.tabs.as_ref().filter(|_| tabs::are_counted(&self.client))?;
        if let Some(open) = tabs.take() {
            return Some(open);
        }
        self.record(ClientFact::Queues);
        Some(tabs.wait().await)
    }

    /// Whether an answer with this status to its attempt number `attempt` makes it try again.
    pub(super) fn tries_again_on(&self, status: u16, attempt: u64) -> bool {
        let policy = self.client.retries.as_ref();
        policy.is_some_and(|policy| attempt < policy.max && policy.on.contains(&status))
    }

    async fn live(&mut self) {
        if self.client.kind == Kind::Eventsource {
            return eventsource::live(self).await;
        }
        if let Kind::Sdk(name) = self.client.kind {
            return sdk::live(self, name).await;
        }
        let does = self.client.does.clone();
        for visit in visits(&does) {
            self.attempts(visit.does).await;
            let Some(last_event_id) = visit.comes_back else { return };
            for wait in visit.waits {
                self.wait(wait).await;
            }
            self.says(last_event_id);
        }
    }

    /// Does nothing for so long.
    pub(super) async fn wait(&self, wait: &ClientWait) {
        match wait {
            ClientWait::For(time) => sleep(time.0).await,
            ClientWait::Mark(name) => self.shared.marks.wait(name).await,
        }
    }

    /// A client that comes back with what it has keeps the last id.
    fn raw(&self) -> Raw {
        let keeps = |step: &Does| matches!(step, Does::Reconnect(how) if how.last_event_id == LastEventId::Kept);
        if !self.client.does.iter().any(keeps) {
            return Raw::default();
        }
        let said = header(&self.client.request.headers, LAST_EVENT_ID);
        Raw::keeping(&said.unwrap_or_default())
    }

    /// Its next request says that it has come so far.
    fn says(&mut self, last_event_id: &LastEventId) {
        let id = match last_event_id {
            // A raw client that comes back has it in its request already.
            LastEventId::Kept => return,
            LastEventId::Forgotten => "",
            LastEventId::Given(id) => id,
        };
        self.client.request.set_last_event_id(id);
    }

    async fn attempts(&mut self, does: &[Does]) {
        for attempt in 0.. {
            let Some(head) = self.attempt(does, attempt).await else { return };
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
    async fn attempt(&mut self, does: &[Does], attempt: u64) -> Option<ResponseHead> {
        let request = self.client.request.clone();
        let mut course = Course::of(does);
        match self.client.kind {
            Kind::Raw => {
                let mut raw = self.raw();
                let outcome = self.ask(&request, &mut course, attempt, &mut raw).await;
                if let Some(id) = raw.last_event_id() {
                    self.client.request.set_last_event_id(id);
                }
                outcome.into_answer()
            }
            Kind::EventsourceStream => {
                let mut application = EventsourceStream::default();
                self.ask(&request, &mut course, attempt, &mut application).await.into_answer()
            }
            Kind::Eventsource | Kind::Sdk(_) => unreachable!("it lives in its own way"),
            Kind::Browser => browser::fetch(self, &mut course, attempt).await,
        }
    }

    /// Sends a request, and does with the answer what the plan says.
    pub(super) async fn ask(
        &mut self,
        request: &plan::Request,
        course: &mut Course,
        attempt: u64,
        application: &mut dyn super::application::Application,
    ) -> Outcome {
        Exchange::run(self, request, course, Some(attempt), application).await
    }
}
