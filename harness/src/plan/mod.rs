//! A scenario with everything resolved and all dice rolled: what the world carries out.

mod claims;
mod clients;
mod clock;
mod limits;
mod make;

use std::time::Duration;

use indexmap::IndexMap;
use mock_openai::{quantity::Size, script::Script};
use serde::Serialize;

use crate::scenario::{
    Does, Expect, HostLimits, Http, Kind, LinkSpec, Middlebox, NetEvent, Patience, Reads, Retries,
};

pub use claims::{Claims, RelayKind};
pub use clock::EPOCH;
pub use limits::{Limits, Number};
pub use make::plan;

/// Everything that one run does. Printed, it is the repro.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The scenario's path below `scenarios/` without its ending.
    pub id: String,
    /// What it shows, in one sentence.
    pub title: String,
    /// Why it exists.
    pub cites: Vec<String>,
    /// Ids of the rules that it is about: one that does not apply is a failure.
    pub proves: Vec<String>,
    /// Everything that is drawn later (jitter, loss, back-off) is drawn from it.
    pub seed: u64,
    /// Virtual time after which the verdict is "did not finish".
    #[serde(serialize_with = "as_time")]
    pub limit: Duration,
    /// The hops between the clients and the provider, in order: middleboxes and the relay.
    pub hops: Vec<Hop>,
    /// The host of a second relay beside the first, on the same two links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_relay: Option<String>,
    /// The links, in path order; one more than there are hops.
    pub links: Vec<Link>,
    /// Limits of hosts by name; a host that is not named has the defaults.
    pub hosts: IndexMap<String, HostLimits>,
    /// What the network does, and when.
    pub events: Vec<NetEvent>,
    /// Switches of the relay, by name, as text.
    pub switches: IndexMap<String, String>,
    /// What the relay says of itself.
    #[serde(skip_serializing_if = "Claims::are_usual")]
    pub claims: Claims,
    /// What the run says otherwise of the numbers that rules judge by. Nothing of the run itself
    /// depends on it.
    #[serde(skip_serializing_if = "Limits::are_usual")]
    pub limits: Limits,
    /// What the provider does.
    pub upstream: Script,
    /// One entry a client: counts are multiplied out.
    pub clients: Vec<Client>,
    /// What is expected beyond the rules.
    pub expect: Vec<Expect>,
}

/// What a client that comes back has received last (HTML 9.2.4).
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";

impl Plan {
    /// The host name of the relay.
    pub fn relay_name(&self) -> &str {
        let relay = self.hops.iter().find(|hop| matches!(hop.what, HopKind::Relay));
        relay.map_or("relay", |hop| &hop.name)
    }

    /// How late a host's applications run after the network has woken them.
    pub(crate) fn slow_by(&self, host: &str) -> Duration {
        let late = self.hosts.get(host).and_then(|limits| limits.slow_cpu);
        late.unwrap_or_default().0
    }

    /// Whether a relay runs on a host.
    pub fn is_relay(&self, host: &str) -> bool {
        host == self.relay_name() || self.second_relay.as_deref() == Some(host)
    }
}

/// A host between the clients and the provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hop {
    /// Its host name: `relay`, or the middlebox's kind (`buffering_proxy`) or given name.
    pub name: String,
    /// What it is.
    pub what: HopKind,
}

/// What stands at a hop.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HopKind {
    /// The code under test.
    Relay,
    /// A middlebox.
    Middlebox(Middlebox),
}

/// A link between two neighbours on the path; all flows over it share it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    /// Its two neighbours, the client's side first: `client-relay`.
    pub name: String,
    /// From the provider's side to the client's.
    pub down: LinkSpec,
    /// From the client's side to the provider's.
    pub up: LinkSpec,
    /// The largest packet, headers included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Size>,
}

/// One client, with its draws made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Client {
    /// `reader`, or `reader-7` where the scenario says `count`.
    pub name: String,
    /// Its name in the scenario: `reader`.
    pub group: String,
    /// When it starts.
    #[serde(serialize_with = "as_time")]
    pub starts: Duration,
    /// The host whose address it uses; its own name where it has one for itself.
    pub from: String,
    /// The browser that it is a tab of, where it has none for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tab_of: Option<String>,
    /// What kind of client it is.
    pub kind: Kind,
    /// The HTTP version that it speaks.
    pub http: Http,
    /// What it lets a relay send ahead on a stream of HTTP/2, where that is not the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recv_buffer: Option<Size>,
    /// What it asks.
    pub request: Request,
    /// The page's origin, for a browser; the browser adds the header itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Whether a browser sends the request with credentials.
    pub credentials: bool,
    /// How it reads.
    pub reads: Reads,
    /// What it does beside reading to the end.
    pub does: Vec<Does>,
    /// How long it waits for things.
    pub gives_up: Patience,
    /// Whether and how it tries again.
    pub retries: Option<Retries>,
}

/// A request as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// `/v1/chat/completions`.
    pub target: String,
    /// In order, `host` and `content-length` included.
    pub headers: Vec<(String, String)>,
    /// As text: bodies of requests are JSON.
    pub body: String,
}

impl Request {
    /// Says in `Last-Event-ID` what was received last; an empty id is not said (HTML 9.2.3).
    pub(crate) fn set_last_event_id(&mut self, id: &str) {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(LAST_EVENT_ID));
        if !id.is_empty() {
            self.headers.push((LAST_EVENT_ID.to_owned(), id.to_owned()));
        }
    }

    /// Its bytes in a version of HTTP/1: `HTTP/1.1`.
    pub(crate) fn on_the_wire(&self, version: &str) -> Vec<u8> {
        let mut text = format!("{} {} {version}\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            for part in [name, ": ", value, "\r\n"] {
                text.push_str(part);
            }
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }
}

fn as_time<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    mock_openai::quantity::Time(*time).serialize(serializer)
}
