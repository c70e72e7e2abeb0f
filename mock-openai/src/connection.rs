//! One connection from its acceptance to its close.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    control, errors,
    http::{self, NoRequest, Request, refuse::refuse},
    http2,
    journal::{Event, PeerEnd},
    keys,
    log::Log,
    player::{Next, Player},
    provider::{Play, Provider},
    rules::Choice,
    socket::Socket,
    wire::Wire,
};

/// Answers requests one after the other until either end closes.
pub(crate) async fn serve<W: Wire>(
    wire: W,
    peer: SocketAddr,
    number: u64,
    provider: Arc<Provider>,
) {
    let log = Log::new(Arc::clone(&provider.journal), number);
    let mut visit = Visit { log, peer, number, provider, is_told: true, has_asked: false };
    visit.log.tell(Event::Accepted { peer });
    let mut socket = Socket::new(wire);
    if visit.speaks_http2(&mut socket).await {
        visit.serve_streams(socket).await;
        return;
    }
    while let Some(asked) = visit.next(&mut socket).await {
        let next = match asked {
            Asked::Control(request) => visit.control(&mut socket, &request).await,
            Asked::Script(request, log) => visit.answer(&mut socket, &request, log).await,
        };
        match next {
            Next::Keep => {}
            Next::KeepFor(time) if !visit.is_idle(&mut socket, time).await => {}
            Next::KeepFor(_) => {
                // A failure means that the peer is gone too.
                let _ = socket.shut_down().await;
                break;
            }
            Next::Close => break,
        }
    }
    drop(socket);
    visit.tell(Event::Closed);
}

/// A request, and who answers it.
enum Asked {
    Script(Request, Log),
    Control(Request),
}

/// A connection and what is known of it.
#[derive(Clone)]
struct Visit {
    log: Log,
    peer: SocketAddr,
    number: u64,
    provider: Arc<Provider>,
    /// Whether the journal has its acceptance: not of a connection that carries control alone.
    is_told: bool,
    /// Whether the script has seen a request of it.
    has_asked: bool,
}

impl Visit {
    /// Tells what concerns the connection, unless the journal is to know nothing of it.
    fn tell(&self, event: Event) {
        if self.is_told {
            self.log.tell(event);
        }
    }

    /// The connection is one of the script's: the journal knows of it, if not since its begin.
    fn stand(&mut self) {
        if !self.is_told {
            self.is_told = true;
            self.log.tell(Event::Accepted { peer: self.peer });
        }
    }

    /// The connection carries control; while it has carried nothing else the journal forgets it.
    fn hide(&mut self) {
        if let (Some(store), false) = (&self.provider.control, self.has_asked) {
            store.retract(self.number);
            self.is_told = false;
        }
    }

    /// Waits for the first bytes of another request; true where none come in so long.
    async fn is_idle<W: Wire>(&self, socket: &mut Socket<W>, time: Duration) -> bool {
        if !socket.ahead().is_empty() {
            return false;
        }
        tokio::select! {
            biased;
            // What came, or that the peer is gone, is looked at by who reads the request.
            _ = socket.more() => false,
            () = self.provider.closing.wait() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// Whether the peer begins as HTTP/2 does; waits until that can be told.
    async fn speaks_http2<W: Wire>(&self, socket: &mut Socket<W>) -> bool {
        loop {
            if let Some(answer) = http2::begins(socket.ahead()) {
                return answer;
            }
            tokio::select! {
                biased;
                more = socket.more() => if more.is_err() { return false },
                () = self.provider.closing.wait() => return false,
            }
        }
    }

    /// Answers the streams of a connection of HTTP/2, until it is over.
    async fn serve_streams<W: Wire>(mut self, socket: Socket<W>) {
        let provider = Arc::clone(&self.provider);
        let mut visit = self.clone();
        let streams = http2::serve(socket, provider.closing.wait(), |asked| {
            let is_control = visit.provider.control.is_some() && control::is_for(&asked.head);
            let mut log = visit.log.clone();
            if is_control {
                visit.hide();
                log = log.silent();
            } else {
                visit.stand();
                visit.has_asked = true;
                log = log.about(visit.provider.count_request());
            }
            visit.clone().answer_stream(asked, is_control, log)
        });
        let gone = streams.await;
        self.is_told = visit.is_told;
        if let Some(how) = gone {
            self.tell(Event::PeerGone { how, during_answer: false });
        }
        self.tell(Event::Closed);
    }

    /// Answers one request of a connection of HTTP/2.
    async fn answer_stream(self, asked: http2::Asked, is_control: bool, log: Log) {
        let (head, came) = asked.read().await;
        let Some((body, mut socket)) = came else {
            let how = PeerEnd::Reset;
            return log.tell(Event::PeerGone { how, during_answer: false });
        };
        let request = Request::new(head, body);
        if is_control {
            self.control(&mut socket, &request).await;
            return;
        }
        log.tell(Event::Request {
            method: request.head.method.clone(),
            target: request.head.target.clone(),
            headers: request.head.headers.clone(),
            body: request.body.clone(),
        });
        self.answer(&mut socket, &request, log).await;
    }

    /// Reads a request; where none comes, says why and leaves the connection to be closed.
    async fn next<W: Wire>(&mut self, socket: &mut Socket<W>) -> Option<Asked> {
        let provider = Arc::clone(&self.provider);
        let head = tokio::select! {
            biased;
            head = http::head::read(socket) => head,
            () = provider.closing.wait() => return None,
        };
        let is_control =
            matches!(&head, Ok(head) if provider.control.is_some() && control::is_for(head));
        let mut log = self.log.clone();
        if is_control {
            self.hide();
            log = log.silent();
        } else if !matches!(head, Err(NoRequest::Gone(_))) {
            self.stand();
            self.has_asked = true;
        }
        let read = async {
            let head = head?;
            if !is_control {
                log = log.about(provider.count_request());
            }
            let body = http::body::read(socket, &head).await?;
            Ok(Request::new(head, body))
        };
        match read.await {
            Ok(request) if is_control => Some(Asked::Control(request)),
            Ok(request) => {
                log.tell(Event::Request {
                    method: request.head.method.clone(),
                    target: request.head.target.clone(),
                    headers: request.head.headers.clone(),
                    body: request.body.clone(),
                });
                Some(Asked::Script(request, log))
            }
            Err(NoRequest::Gone(how)) => {
                if self.is_told {
                    log.tell(Event::PeerGone { how, during_answer: false });
                }
                None
            }
            Err(NoRequest::Bad { status, why }) => {
                log.tell(Event::BadRequest { why: why.clone() });
                refuse(socket, &log, status, &why).await;
                None
            }
        }
    }

    async fn control<W: Wire>(&self, socket: &mut Socket<W>, request: &Request) -> Next {
        let Some(store) = &self.provider.control else { return Next::Close };
        let answer = control::answer(&self.provider, store, request);
        if socket.write_all(&answer).await.is_ok() && request.head.persists() {
            socket.will_end(http2::Order::EndStream);
            if !socket.is_stream() {
                return Next::Keep;
            }
        }
        // A failure means that the peer is gone, and nobody is told of control.
        socket.shut_down().await.map_or(Next::Close, |()| Next::Close)
    }

    async fn answer<W: Wire>(&self, socket: &mut Socket<W>, request: &Request, log: Log) -> Next {
        let keys = &self.provider.keys;
        if !keys.is_empty() && keys::guards(&request.head) && !keys::admits(keys, &request.head) {
            return self.no_key(socket, request, log).await;
        }
        let play = self.provider.play();
        let (choice, answering) = self.provider.choose(&play, request, self.peer);
        match &choice {
            Choice::Answers(rule, _) => log.tell(Event::Matched { rule: *rule }),
            Choice::Limited(rule, _) => log.tell(Event::Limited { rule: *rule }),
            Choice::Unauthorized(rule) => log.tell(Event::Unauthorized { rule: Some(*rule) }),
            Choice::None(nearest) => log.tell(Event::Unmatched { nearest: nearest.clone() }),
        }
        let player = Player::new(socket, log, request, answering);
        match choice {
            Choice::Answers(rule, _) => player.answer(&play.script[rule].then).await,
            Choice::Limited(_, quota) => {
                player.refuse(429, quota.refusal_headers(), quota.refusal_body()).await
            }
            Choice::Unauthorized(_) => {
                let (status, headers, body) = keys::refusal(&request.head);
                player.refuse(status, headers, body).await
            }
            Choice::None(nearest) => {
                let message = format!("No rule of the script answers this request; {nearest}.");
                let code = Some("no_rule_matches");
                let body = errors::object(&message, "invalid_request_error", code);
                player.refuse(501, Vec::new(), body).await
            }
        }
    }

    /// Refuses before the script sees the request: no rule counts it.
    async fn no_key<W: Wire>(&self, socket: &mut Socket<W>, request: &Request, log: Log) -> Next {
        log.tell(Event::Unauthorized { rule: None });
        let (_, answering) = self.provider.choose(&Play::default(), request, self.peer);
        let (status, headers, body) = keys::refusal(&request.head);
        Player::new(socket, log, request, answering).refuse(status, headers, body).await
    }
}
