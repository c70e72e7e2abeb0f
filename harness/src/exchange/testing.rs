//! Traces written by hand, fact by fact, as a run over links without delay would record them.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use indexmap::IndexMap;
use mock_openai::script::End;

use super::Run;
use crate::{
    plan::{Client, Hop, HopKind, Link, Plan, Request},
    rules::Rule,
    scenario::{BufferingProxy, Http, Kind, Leave, LinkSpec, Middlebox, Patience, Reads},
    trace::{
        BodyEnd, ClientFact, Connection, Event, Fact, Fate, Flags, Name, Packet, PeerEnd,
        ProviderEvent, ProviderFact, SocketFact, Trace, WorldFact,
    },
    verdict::{Breach, Verdict},
};

/// The usual headers of a stream.
pub(crate) const STREAM: &[(&str, &str)] = &[
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
];
/// Those of an answer in JSON.
pub(crate) const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// A run told in the order in which it happened; times are in milliseconds.
pub(crate) struct Story {
    pub(crate) plan: Plan,
    pub(crate) trace: Trace,
    pub(crate) packets: bool,
    connections: u64,
    requests: u64,
    /// The connection of a client at a level of the path.
    levels: BTreeMap<(String, usize), Connection>,
    /// The next sequence number down a connection.
    seqs: BTreeMap<Connection, u32>,
    asked: BTreeMap<String, (u64, Connection)>,
    serving: BTreeMap<String, (u64, u64, usize)>,
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn lines(headers: &[(&str, &str)]) -> String {
    headers.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\r\n")
}

fn address(number: u64, port: u16) -> SocketAddr {
    let last = u8::try_from(number % 250).expect("below 250") + 1;
    SocketAddr::from(([10, 0, 0, last], port))
}

impl Story {
    /// One client, `reader`, a relay, and the provider.
    pub(crate) fn new() -> Self {
        let hop = Hop { name: "relay".to_owned(), what: HopKind::Relay };
        let plan = Plan {
            second_relay: None,
            id: "told/by-hand".to_owned(),
            title: String::new(),
            cites: vec![],
            proves: vec![],
            seed: 0,
            limit: Duration::from_mins(10),
            hops: vec![hop],
            links: vec![],
            hosts: IndexMap::new(),
            events: vec![],
            switches: IndexMap::new(),
            claims: crate::plan::Claims::default(),
            limits: crate::plan::Limits::default(),
            upstream: vec![],
            clients: vec![],
            expect: vec![],
        };
        let mut story = Self {
            plan,
            trace: Trace::default(),
            packets: true,
            connections: 0,
            requests: 0,
            levels: BTreeMap::new(),
            seqs: BTreeMap::new(),
            asked: BTreeMap::new(),
            serving: BTreeMap::new(),
        };
        story.link("client-relay", 0);
        story.link("relay-upstream", 0);
        story.client("reader", Kind::Raw);
        story
    }

    /// One more link, of that latency each way.
    pub(crate) fn link(&mut self, name: &str, latency_ms: u64) {
        let time = mock_openai::quantity::Time(Duration::from_millis(latency_ms));
        let spec = LinkSpec { latency: Some(time), ..LinkSpec::default() };
        self.plan.links.push(Link { name: name.to_owned(), down: spec, up: spec, mtu: None });
    }

    /// A middlebox between the clients and what stands there so far.
    pub(crate) fn behind(mut self, name: &str) -> Self {
        let what = HopKind::Middlebox(Middlebox::BufferingProxy(BufferingProxy::default()));
        self.plan.hops.insert(0, Hop { name: name.to_owned(), what });
        self
    }

    /// One more client.
    pub(crate) fn client(&mut self, name: &str, kind: Kind) {
        let request = Request {
            method: "POST".to_owned(),
            target: "/v1/chat/completions".to_owned(),
            headers: vec![],
            body: format!("{{\"user\":\"{name}\",\"stream\":true}}"),
        };
        self.plan.clients.push(Client {
            name: name.to_owned(),
            group: name.to_owned(),
            starts: Duration::ZERO,
            from: name.to_owned(),
            tab_of: None,
            kind,
            http: Http::H1,
            recv_buffer: None,
            request,
            origin: None,
            credentials: false,
            reads: Reads::Eagerly,
            does: vec![],
            gives_up: Patience::default(),
            retries: None,
        });
    }

    /// Any fact; returns its ordinal.
    pub(crate) fn fact(&mut self, ms: u64, actor: &str, fact: Fact) -> usize {
        let at = Duration::from_millis(ms);
        let last = self.trace.events.last().map_or(Duration::ZERO, |event| event.at);
        assert!(at >= last, "a story is told in order");
        self.trace.events.push(Event { at, actor: Name::from(actor), fact });
        self.trace.events.len() - 1
    }

    pub(crate) fn socket(
        &mut self,
        ms: u64,
        actor: &str,
        client: &str,
        level: usize,
        fact: SocketFact,
    ) -> usize {
        let connection = self.levels[&(client.to_owned(), level)];
        self.fact(ms, actor, Fact::Socket(connection, fact))
    }

    fn host(&self, client: &str, level: usize) -> String {
        match level {
            0 => client.to_owned(),
            n => self.plan.hops.get(n - 1).map_or("upstream", |hop| &hop.name).to_owned(),
        }
    }

    pub(crate) fn relay_level(&self) -> usize {
        self.plan.hops.iter().position(|hop| hop.what == HopKind::Relay).expect("a relay") + 1
    }

    /// The host at a level calls the next one, and asks.
    fn call(&mut self, ms: u64, client: &str, level: usize, request: &str) -> Connection {
        let (from, to) = (self.host(client, level), self.host(client, level + 1));
        let connection = Connection(self.connections);
        self.connections += 1;
        let (local, peer) = (address(connection.0, 40_000), address(200, 80));
        self.levels.insert((client.to_owned(), level), connection);
        let connected = SocketFact::Connected { local, peer, to: Name::from(to.as_str()) };
        self.socket(ms, &from, client, level, connected);
        let accepted =
            SocketFact::Accepted { local: peer, peer: local, from: Name::from(from.as_str()) };
        self.socket(ms, &to, client, level, accepted);
        self.ask(ms, client, level, request);
        connection
    }

    /// A request goes up the connection of a level.
    fn ask(&mut self, ms: u64, client: &str, level: usize, request: &str) {
        let (from, to) = (self.host(client, level), self.host(client, level + 1));
        let bytes = Bytes::copy_from_slice(request.as_bytes());
        self.socket(ms, &from, client, level, SocketFact::Wrote { bytes });
        self.socket(ms, &to, client, level, SocketFact::Read { len: request.len() });
    }

    /// The client asks for a streamed completion.
    pub(crate) fn asks(&mut self, ms: u64, client: &str) {
        let body = format!("{{\"user\":\"{client}\",\"stream\":true}}");
        self.asks_with(ms, client, "POST", &[], &body);
    }

    pub(crate) fn asks_with(
        &mut self,
        ms: u64,
        client: &str,
        method: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) {
        let target = "/v1/chat/completions";
        let text = format!(
            "{method} {target} HTTP/1.1\r\n{}content-length: {}\r\n\r\n{body}",
            lines(headers),
            body.len()
        );
        let connection = self.call(ms, client, 0, &text);
        let request = self.asked.get(client).map_or(0, |(request, _)| request + 1);
        self.asked.insert(client.to_owned(), (request, connection));
        let sent = ClientFact::Sent {
            connection,
            request,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: pairs(headers),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.fact(ms, client, Fact::Client(sent));
    }

    /// A middlebox before the relay passes the request on.
    pub(crate) fn hands_on(&mut self, ms: u64, client: &str) {
        let body = format!("{{\"user\":\"{client}\",\"stream\":true}}");
        let len = body.len();
        self.call(
            ms,
            client,
            1,
            &format!("POST / HTTP/1.1\r\ncontent-length: {len}\r\n\r\n{body}"),
        );
    }

    /// The relay asks the provider.
    pub(crate) fn forwards(&mut self, ms: u64, client: &str) {
        self.forwards_with(ms, client, "POST", &[]);
    }

    pub(crate) fn forwards_with(
        &mut self,
        ms: u64,
        client: &str,
        method: &str,
        headers: &[(&str, &str)],
    ) {
        let body = format!("{{\"user\":\"{client}\",\"stream\":true}}");
        let len = body.len();
        let level = self.relay_level();
        let text =
            format!("{method} / HTTP/1.1\r\n{}content-length: {len}\r\n\r\n{body}", lines(headers));
        let number = self.call(ms, client, level, &text);
        let (connection, request) = (self.requests, self.requests);
        self.requests += 1;
        self.serving.insert(client.to_owned(), (connection, request, 0));
        let accepted = ProviderEvent::Accepted { peer: address(number.0, 40_000) };
        let entry = ProviderFact { connection, request: None, event: accepted };
        self.fact(ms, "upstream", Fact::Provider(entry));
        self.provider_reads(ms, client, method, headers, &body);
    }

    /// The provider falls silent, and the client shuts its sending side in the midst of the relay's error
    /// event, which stops there.
    pub(crate) fn half_closed_inside_an_error_event() -> Self {
        let mut story = Self::streaming();
        story.relays(1, "reader", "data: 1\n\n");
        story.provider_ends(2, "reader", End::Hold);
        story.passes(3, "reader", "data: {\"error\":{\"mes");
        story.leaves(4, "reader", Leave::HalfClose);
        story.socket(5, "relay", "reader", 0, SocketFact::ReadEnd);
        story.socket(5, "relay", "reader", 0, SocketFact::Dropped);
        story.closes_with_its_connection(6, "reader");
        story
    }

    /// What the provider was asked until now had this body.
    pub(crate) fn was_asked_instead(&mut self, asks: &str) {
        for event in &mut self.trace.events {
            if let Fact::Provider(ProviderFact {
                event: ProviderEvent::Request { body, .. }, ..
            }) = &mut event.fact
            {
                *body = Bytes::copy_from_slice(asks.as_bytes());
            }
        }
    }

    /// The relay asks the provider on the connection that it opened for another client.
    pub(crate) fn forwards_over(&mut self, ms: u64, client: &str, other: &str) {
        let body = format!("{{\"user\":\"{client}\",\"stream\":true}}");
        let level = self.relay_level();
        let connection = self.levels[&(other.to_owned(), level)];
        self.levels.insert((client.to_owned(), level), connection);
        let (connection, ..) = self.serving[other];
        self.serving.insert(client.to_owned(), (connection, self.requests, 0));
        self.requests += 1;
        let len = body.len();
        self.ask(
            ms,
            client,
            level,
            &format!("POST / HTTP/1.1\r\ncontent-length: {len}\r\n\r\n{body}"),
        );
        self.provider_reads(ms, client, "POST", &[], &body);
    }

    /// The same, when the provider reads nothing more on it.
    pub(crate) fn forwards_too_late(&mut self, ms: u64, client: &str, other: &str) {
        let level = self.relay_level();
        let connection = self.levels[&(other.to_owned(), level)];
        self.levels.insert((client.to_owned(), level), connection);
        let body = format!("{{\"user\":\"{client}\",\"stream\":true}}");
        let text = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.socket(ms, "relay", client, level, SocketFact::Wrote { bytes });
    }

    fn provider_reads(
        &mut self,
        ms: u64,
        client: &str,
        method: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) {
        let asked = ProviderEvent::Request {
            method: method.to_owned(),
            target: "/".to_owned(),
            headers: pairs(headers),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.provider(ms, client, asked);
    }

    pub(crate) fn provider(&mut self, ms: u64, client: &str, event: ProviderEvent) -> usize {
        let (connection, request, _) = self.serving[client];
        let entry = ProviderFact { connection, request: Some(request), event };
        self.fact(ms, "upstream", Fact::Provider(entry))
    }

    /// Bytes go down one level of the path; returns the ordinals of their writing and arrival.
    fn down(&mut self, ms: u64, client: &str, level: usize, bytes: &[u8]) -> (usize, usize) {
        let (from, to) = (self.host(client, level + 1), self.host(client, level));
        let bytes = Bytes::copy_from_slice(bytes);
        let len = bytes.len();
        let wrote =
            self.socket(ms, &from, client, level, SocketFact::Wrote { bytes: bytes.clone() });
        let mut arrived = wrote;
        if self.packets {
            let connection = self.levels[&(client.to_owned(), level)];
            let next = self.seqs.entry(connection).or_insert(1);
            let seq = *next;
            *next += u32::try_from(len).expect("a short story");
            let packet = Packet {
                connection,
                link: Name::from("link"),
                to: Name::from(to.as_str()),
                addresses: (address(0, 1), address(0, 2)),
                flags: Flags { ack: true, ..Flags::default() },
                seq,
                ack: 0,
                window: 65_535,
                payload: bytes,
                fate: Fate::Due(Duration::from_millis(ms)),
            };
            let packet = self.fact(ms, &from, Fact::Packet(packet));
            arrived = self.fact(ms, &to, Fact::Arrived { packet });
        }
        self.socket(ms, &to, client, level, SocketFact::Read { len });
        (wrote, arrived)
    }

    /// One end of a level of the path says by FIN that it sends no more, upwards; `arrives` is when the next
    /// host hears it.
    pub(crate) fn fin(&mut self, ms: u64, client: &str, level: usize, arrives: Option<u64>) {
        let (from, to) = (self.host(client, level), self.host(client, level + 1));
        let fate = arrives.map_or(Fate::Dropped, |ms| Fate::Late(Duration::from_millis(ms)));
        let packet = Packet {
            connection: self.levels[&(client.to_owned(), level)],
            link: Name::from("link"),
            to: Name::from(to.as_str()),
            addresses: (address(0, 1), address(0, 2)),
            flags: Flags { fin: true, ack: true, ..Flags::default() },
            seq: 1,
            ack: 0,
            window: 65_535,
            payload: Bytes::new(),
            fate,
        };
        let packet = self.fact(ms, &from, Fact::Packet(packet));
        if let Some(ms) = arrives {
            self.fact(ms, &to, Fact::Arrived { packet });
        }
    }

    fn head_text(status: u16, headers: &[(&str, &str)]) -> String {
        let framing = if headers.iter().any(|(name, _)| *name == "content-length") {
            ""
        } else {
            "transfer-encoding: chunked\r\n"
        };
        format!("HTTP/1.1 {status} X\r\n{}{framing}\r\n", lines(headers))
    }

    fn chunk(bytes: &str) -> String {
        format!("{:x}\r\n{bytes}\r\n", bytes.len())
    }

    /// The provider's head.
    pub(crate) fn answers(&mut self, ms: u64, client: &str, status: u16, headers: &[(&str, &str)]) {
        let level = self.relay_level();
        self.down(ms, client, level, Self::head_text(status, headers).as_bytes());
        self.provider(ms, client, ProviderEvent::Head { status });
    }

    /// Bytes of the provider's body; returns the ordinal of their arrival at the relay.
    pub(crate) fn provides(&mut self, ms: u64, client: &str, text: &str) -> usize {
        let level = self.relay_level();
        let (_, arrived) = self.down(ms, client, level, Self::chunk(text).as_bytes());
        let (connection, request, offset) = self.serving[client];
        self.serving.insert(client.to_owned(), (connection, request, offset + text.len()));
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.provider(ms, client, ProviderEvent::Wrote { offset: offset as u64, bytes });
        arrived
    }

    /// The provider's end.
    pub(crate) fn provider_ends(&mut self, ms: u64, client: &str, how: End) -> usize {
        let level = self.relay_level();
        match how {
            End::Clean | End::NoTerminator | End::CloseIdleAfter(_) => {
                self.down(ms, client, level, b"0\r\n\r\n");
            }
            End::Truncated | End::Fin | End::HalfClose | End::Goaway(_) => {
                self.socket(ms, "upstream", client, level, SocketFact::ShutDown);
            }
            End::Reset | End::StreamReset(_) => {
                self.socket(ms, "upstream", client, level, SocketFact::Reset);
            }
            End::Hold => {}
        }
        self.provider(ms, client, ProviderEvent::Ended { how })
    }

    /// The provider's end with trailers.
    pub(crate) fn trails(&mut self, ms: u64, client: &str, trailers: &[(&str, &str)]) {
        let section = format!("0\r\n{}\r\n", lines(trailers));
        self.down(ms, client, self.relay_level(), section.as_bytes());
        self.provider(ms, client, ProviderEvent::Ended { how: End::Clean });
    }

    /// The relay's head; the client gets it at once where no middlebox stands between.
    pub(crate) fn replies(&mut self, ms: u64, client: &str, status: u16, headers: &[(&str, &str)]) {
        let level = self.relay_level() - 1;
        self.down(ms, client, level, Self::head_text(status, headers).as_bytes());
        if level == 0 {
            self.gets_head(ms, client, status, headers);
        }
    }

    /// A middlebox's head, as the client gets it.
    pub(crate) fn box_replies(
        &mut self,
        ms: u64,
        client: &str,
        status: u16,
        headers: &[(&str, &str)],
    ) {
        self.down(ms, client, 0, Self::head_text(status, headers).as_bytes());
        self.gets_head(ms, client, status, headers);
    }

    fn gets_head(&mut self, ms: u64, client: &str, status: u16, headers: &[(&str, &str)]) {
        let (request, _) = self.asked[client];
        let head = ClientFact::Head {
            request,
            version: http::Version::HTTP_11,
            status,
            headers: pairs(headers),
        };
        self.fact(ms, client, Fact::Client(head));
    }

    /// The relay writes body bytes; returns the ordinal of the write.
    pub(crate) fn writes(&mut self, ms: u64, client: &str, text: &str) -> usize {
        let level = self.relay_level() - 1;
        self.down(ms, client, level, Self::chunk(text).as_bytes()).0
    }

    /// The client gets body bytes; returns the ordinal.
    pub(crate) fn gets(&mut self, ms: u64, client: &str, text: &str) -> usize {
        let (request, _) = self.asked[client];
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.fact(ms, client, Fact::Client(ClientFact::Body { request, bytes }))
    }

    /// The relay writes body bytes, and the client gets them at once; returns the ordinal of the
    /// latter.
    pub(crate) fn passes(&mut self, ms: u64, client: &str, text: &str) -> usize {
        self.writes(ms, client, text);
        self.gets(ms, client, text)
    }

    /// The same by a middlebox before the relay.
    pub(crate) fn box_passes(&mut self, ms: u64, client: &str, text: &str) -> usize {
        let wrote = self.down(ms, client, 0, Self::chunk(text).as_bytes()).0;
        self.gets(ms, client, text);
        wrote
    }

    /// The response ends at the client.
    pub(crate) fn closes(&mut self, ms: u64, client: &str, how: BodyEnd) -> usize {
        let level = self.relay_level() - 1;
        if how == BodyEnd::Complete {
            self.down(ms, client, level, b"0\r\n\r\n");
        }
        let (request, _) = self.asked[client];
        self.fact(ms, client, Fact::Client(ClientFact::Ended { request, how }))
    }

    /// The response ends at the client with its connection, as it does before HTTP/1.1.
    pub(crate) fn closes_with_its_connection(&mut self, ms: u64, client: &str) -> usize {
        let (request, how) = (self.asked[client].0, BodyEnd::Complete);
        self.fact(ms, client, Fact::Client(ClientFact::Ended { request, how }))
    }

    /// The client asks, and the heads of an event stream come back; nothing else yet.
    pub(crate) fn streaming() -> Self {
        let mut story = Self::new();
        story.begins(0, "reader");
        story
    }

    /// What was asked so far was asked of the Responses API.
    pub(crate) fn of_responses(mut self) -> Self {
        for event in &mut self.trace.events {
            if let Fact::Client(ClientFact::Sent { target, .. })
            | Fact::Provider(ProviderFact {
                event: ProviderEvent::Request { target, .. },
                ..
            }) = &mut event.fact
            {
                "/v1/responses".clone_into(target);
            }
        }
        self
    }

    /// The same for one client of a longer story.
    pub(crate) fn begins(&mut self, ms: u64, client: &str) {
        self.asks(ms, client);
        self.forwards(ms, client);
        self.answers(ms, client, 200, STREAM);
        self.replies(ms, client, 200, STREAM);
    }

    /// The provider sends, and the relay passes it at once.
    pub(crate) fn relays(&mut self, ms: u64, client: &str, text: &str) {
        self.provides(ms, client, text);
        self.passes(ms, client, text);
    }

    /// Provider and relay end cleanly; returns the ordinal of the end at the client.
    pub(crate) fn finishes(&mut self, ms: u64, client: &str) -> usize {
        self.provider_ends(ms, client, End::Clean);
        self.closes(ms, client, BodyEnd::Complete)
    }

    /// The client goes away.
    pub(crate) fn leaves(&mut self, ms: u64, client: &str, how: Leave) -> usize {
        self.fact(ms, client, Fact::Client(ClientFact::Left { how }))
    }

    /// The provider learns that its peer went away.
    pub(crate) fn provider_left(&mut self, ms: u64, client: &str) -> usize {
        self.provider(
            ms,
            client,
            ProviderEvent::PeerGone { how: PeerEnd::Fin, during_answer: true },
        )
    }

    /// The run ends.
    pub(crate) fn over(&mut self, ms: u64) -> usize {
        self.fact(ms, "world", Fact::World(WorldFact::Over))
    }

    /// What a rule says of it.
    pub(crate) fn verdict(&self, rule: &Rule) -> Verdict {
        (rule.judge)(&Run::of(&self.trace, &self.plan))
    }

    /// How a rule broke.
    pub(crate) fn breach(&self, rule: &Rule) -> Breach {
        match self.verdict(rule) {
            Verdict::Broke(breach) => breach,
            held @ (Verdict::Held | Verdict::NotApplicable { .. }) => {
                panic!("{} did not break: {held:?}", rule.id)
            }
        }
    }

    /// Asserts that a rule does not apply, and why.
    pub(crate) fn assert_not_applicable(&self, rule: &Rule, why: &str) {
        assert_eq!(self.verdict(rule), Verdict::NotApplicable { why: why.to_owned() });
    }
}
