//! One connection from its acceptance to its close.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    errors,
    http::{self, NoRequest, Request, refuse::refuse},
    journal::Event,
    log::Log,
    player::{Next, Player},
    provider::Provider,
    rules::{Choice, Quota, millis_up},
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
    let log = Log::new(Arc::clone(&provider.mock.journal), number);
    log.tell(Event::Accepted { peer });
    let mut socket = Socket::new(wire);
    while let Some((request, log)) = next_request(&mut socket, &log, &provider).await {
        if answer(&mut socket, &request, log, &provider, peer).await == Next::Close {
            break;
        }
    }
    drop(socket);
    log.tell(Event::Closed);
}

/// Reads a request; where none comes, says why and leaves the connection to be closed.
async fn next_request<W: Wire>(
    socket: &mut Socket<W>,
    log: &Log,
    provider: &Provider,
) -> Option<(Request, Log)> {
    let mut log = log.clone();
    let read = async {
        let head = http::head::read(socket).await?;
        log = log.about(provider.count_request());
        let body = http::body::read(socket, &head).await?;
        Ok(Request::new(head, body))
    };
    match read.await {
        Ok(request) => {
            log.tell(Event::Request {
                method: request.head.method.clone(),
                target: request.head.target.clone(),
                headers: request.head.headers.clone(),
                body: request.body.clone(),
            });
            Some((request, log))
        }
        Err(NoRequest::Gone(how)) => {
            log.tell(Event::PeerGone { how, during_answer: false });
            None
        }
        Err(NoRequest::Bad { status, why }) => {
            log.tell(Event::BadRequest { why: why.clone() });
            refuse(socket, &log, status, &why).await;
            None
        }
    }
}

async fn answer<W: Wire>(
    socket: &mut Socket<W>,
    request: &Request,
    log: Log,
    provider: &Provider,
    peer: SocketAddr,
) -> Next {
    let (choice, answering) = provider.choose(request, peer);
    match &choice {
        Choice::Answers(rule, _) => log.tell(Event::Matched { rule: *rule }),
        Choice::Limited(rule, _) => log.tell(Event::Limited { rule: *rule }),
        Choice::None(nearest) => log.tell(Event::Unmatched { nearest: nearest.clone() }),
    }
    let player = Player::new(socket, log, request, answering);
    match choice {
        Choice::Answers(rule, _) => player.answer(&provider.mock.script[rule].then).await,
        Choice::Limited(_, quota) => {
            player.refuse(429, quota.refusal_headers(), too_many(&quota)).await
        }
        Choice::None(nearest) => {
            let message = format!("No rule of the script answers this request; {nearest}.");
            let body = errors::object(&message, "invalid_request_error", Some("no_rule_matches"));
            player.refuse(501, Vec::new(), body).await
        }
    }
}

fn too_many(quota: &Quota) -> String {
    let millis = millis_up(quota.resets_in);
    let message = format!("The rate limit for requests is reached. Try again in {millis}ms.");
    errors::object(&message, "requests", Some("rate_limit_exceeded"))
}
