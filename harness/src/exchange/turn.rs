//! One request and its response on one hop of the path, and which client's exchange they serve.

use std::collections::BTreeMap;

use super::{
    client::{Exchange, user},
    connection::{Connections, Tcp},
    message::{Message, requests, responses},
    moment::Moment,
    streams::{Talk, talks},
};
use crate::trace::{Connection, Name, WORLD};

/// A request that one host sent to the next, and what it got.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Over which connection.
    pub connection: Connection,
    /// Which host asked.
    pub from: Name,
    /// Which host answered.
    pub to: Name,
    /// When the first byte of the request was written.
    pub asked: Moment,
    /// The request, as it was written.
    pub request: Message,
    /// The response, as it was written.
    pub response: Option<Message>,
    /// Where it is one stream of an HTTP/2 connection: that connection as this stream had it, with
    /// the stream's ends, and without bytes.
    pub stream: Option<Box<Tcp>>,
    /// Index of the client's exchange that it serves, where that can be told.
    pub exchange: Option<usize>,
}

impl Turn {
    /// All turns over all connections, in the order in which they were asked.
    pub fn all(connections: &Connections, exchanges: &[Exchange]) -> Vec<Self> {
        let mut turns: Vec<Self> = connections
            .open
            .iter()
            // What the world asks, such as the relay's metrics, serves no client.
            .filter(|(_, tcp)| *tcp.opener.host != *WORLD)
            .flat_map(|(number, tcp)| turns_of(*number, tcp, exchanges))
            .collect();
        turns.sort_by_key(|turn| turn.asked);
        let mut served: BTreeMap<(Name, usize), usize> = BTreeMap::new();
        for turn in turns.iter_mut().filter(|turn| turn.exchange.is_none()) {
            let count = |exchange| served.get(&(turn.to.clone(), exchange)).copied().unwrap_or(0);
            let user = user(&turn.request.body);
            turn.exchange = serves(exchanges, user.as_deref(), turn.asked, count);
            if let Some(exchange) = turn.exchange {
                *served.entry((turn.to.clone(), exchange)).or_default() += 1;
            }
        }
        turns
    }
}

fn turns_of(number: Connection, tcp: &Tcp, exchanges: &[Exchange]) -> Vec<Turn> {
    // A client says itself which connection carries its requests, in their order.
    let mut own = (0..exchanges.len()).filter(|index| exchanges[*index].connection == number);
    said(tcp)
        .into_iter()
        .filter_map(|(request, response, stream)| {
            let moment = tcp.up.wrote.marks.when(request.start)?;
            Some(Turn {
                connection: number,
                from: tcp.opener.host.clone(),
                to: tcp.acceptor.host.clone(),
                asked: moment,
                request,
                response,
                stream,
                exchange: own.next(),
            })
        })
        .collect()
}

/// What was asked and answered over a connection, in the order in which it was asked.
fn said(tcp: &Tcp) -> Vec<(Message, Option<Message>, Option<Box<Tcp>>)> {
    if let Some(talks) = talks(tcp) {
        let parts = |Talk { request, response, tcp }| (request, response, Some(Box::new(tcp)));
        return talks.into_iter().map(parts).collect();
    }
    let asked = requests(&tcp.up.wrote.bytes);
    let mut answers = responses(&tcp.down.wrote.bytes, &asked).into_iter();
    asked.into_iter().map(|request| (request, answers.next(), None)).collect()
}

/// Which exchange a request serves that was seen at a moment: one of the same `user` that was sent
/// before; among those still open the one that was served least (`served`), then the oldest; when
/// all are over, the youngest.
pub(super) fn serves(
    exchanges: &[Exchange],
    user: Option<&str>,
    moment: Moment,
    served: impl Fn(usize) -> usize,
) -> Option<usize> {
    let sent = || (0..exchanges.len()).filter(|index| exchanges[*index].sent < moment);
    let open = |index: &usize| exchanges[*index].over().is_none_or(|over| over > moment);
    let same = |index: &usize| exchanges[*index].user.as_deref() == user;
    let of_user = || sent().filter(same);
    let best = of_user().filter(open).min_by_key(|index| (served(*index), *index));
    // A relay that makes requests anew may lose the name; a lone client needs none.
    let mut lone = sent().filter(open);
    let alone = |first: &usize| *first == 0 && exchanges.len() == 1;
    best.or_else(|| of_user().next_back()).or_else(|| lone.next().filter(alone))
}
