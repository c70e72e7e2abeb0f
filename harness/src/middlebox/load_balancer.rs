//! A hop before two relays that it asks in turn, connection by connection.
//!
//! Modelled on haproxy 2.6 in TCP mode with `balance roundrobin` over two servers without health checks
//! (`src/backend.c`, `stream_choose_redispatch` and `back_handle_st_cer`):
//!
//! - Each new connection goes to the next server in turn. What is connected stays where it is: a server
//!   that dies without a word leaves its clients waiting.
//! - A server that refuses, or does not answer for `timeout connect` (5 s here; haproxy has no default, and
//!   its manual writes 5 s), is left for the next one at once. Where only one server is left the same is
//!   tried again after 1 s. After 3 `retries` the client is reset.
//! - A drained server (`set server ... state drain`) gets no new connection and keeps those that it has.
//!
//! Not modelled: health checks, weights, cookies that bind a client to a server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::{
    pipe::{self, Forgotten, Pipe},
    teller::Teller,
};
use crate::{
    net::{Host, Stream},
    scenario::{LoadBalancer, SECOND_RELAY},
    trace::{MiddleboxFact, Name},
};

/// haproxy `timeout connect`, as its manual writes it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// haproxy `retries`, 3 by default.
const RETRIES: usize = 3;

/// haproxy: MIN(one second, connect timeout), before the same server is tried again.
const TURN_AROUND: Duration = Duration::from_secs(1);

pub(super) async fn serve(spec: LoadBalancer, host: Host, relay: Name) {
    let servers = [relay, SECOND_RELAY.into()];
    let balancer = Arc::new(Balancer { spec, servers, turn: AtomicUsize::new(0) });
    pipe::each_connection(&host.clone(), move |below| {
        Arc::clone(&balancer).pass(host.clone(), below)
    })
    .await;
}

struct Balancer {
    spec: LoadBalancer,
    servers: [Name; 2],
    turn: AtomicUsize,
}

impl Balancer {
    async fn pass(self: Arc<Self>, host: Host, mut below: Stream) -> Forgotten {
        let teller = Teller::of(&host, &below);
        let Some(above) = self.connect(&host, &teller).await else {
            drop(below.reset().await);
            return None;
        };
        let mut pipe = Pipe::between(&host, below, above);
        while let Some(event) = pipe.next().await {
            pipe.pass_on(event);
        }
        None
    }

    async fn connect(&self, host: &Host, teller: &Teller) -> Option<Stream> {
        let mut because = None;
        for attempt in 0..=RETRIES {
            let only_one = self.is_drained(host);
            if attempt > 0 && only_one {
                sleep(TURN_AROUND).await;
            }
            let server = if only_one { &self.servers[1] } else { self.next() };
            let why = match (because, only_one) {
                (Some(failed), _) => failed,
                (None, true) => format!("{} is drained", self.servers[0]),
                (None, false) => "its turn".to_owned(),
            };
            match timeout(CONNECT_TIMEOUT, host.connect(server)).await {
                Ok(Ok(above)) => {
                    teller.tell(MiddleboxFact::Chose { host: server.clone(), because: why });
                    return Some(above);
                }
                Ok(Err(error)) => {
                    because = Some(format!("{server} does not take it: {:?}", error.kind()));
                }
                Err(_) => because = Some(format!("{server} does not answer")),
            }
        }
        teller.tell(MiddleboxFact::Refused { because: because.unwrap_or_default() });
        None
    }

    fn next(&self) -> &Name {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.servers[turn % self.servers.len()]
    }

    fn is_drained(&self, host: &Host) -> bool {
        self.spec.drains_at.is_some_and(|at| host.recorder().now() >= at.0)
    }
}

#[cfg(test)]
mod tests {
    use mock_openai::quantity::Time;
    use rstest::rstest;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::{
        client::testing::{Pipes, Step, send, serve as serve_script},
        middlebox::tests::{GET, facts, reads},
        trace::Recorder,
    };

    /// What the balancer says of three connections, one a second, to the relays that are there.
    async fn said(drains_at: Option<u64>, relays: &[&str]) -> Vec<(u64, MiddleboxFact)> {
        let recorder = Recorder::starting_now();
        let pipes = Pipes::new(65536);
        for relay in relays {
            let script = || vec![send("HTTP/1.1 204 No Content\r\n\r\n"), Step::Wait(1)];
            serve_script(&pipes.host(relay, &recorder), vec![script(), script(), script()]);
        }
        let spec = LoadBalancer {
            name: None,
            drains_at: drains_at.map(|ms| Time(Duration::from_millis(ms))),
        };
        tokio::spawn(serve(spec, pipes.host("box", &recorder), "relay".into()));
        tokio::task::yield_now().await;
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (host, recorder) = (pipes.host("client", &recorder), recorder.clone());
            clients.spawn(async move {
                let mut client = host.connect(&"box".into()).await.unwrap();
                drop(client.write_all(GET.as_bytes()).await);
                reads(&recorder, &mut client).await;
            });
            sleep(Duration::from_secs(1)).await;
        }
        while clients.join_next().await.is_some() {}
        facts(&recorder)
    }

    fn chose(at: u64, host: &str, because: &str) -> (u64, MiddleboxFact) {
        (at, MiddleboxFact::Chose { host: host.into(), because: because.to_owned() })
    }

    const REFUSED: &str = "relay does not take it: ConnectionRefused";

    #[rstest]
    #[case::in_turn(
        None,
        &["relay", "relay-2"],
        vec![chose(0, "relay", "its turn"), chose(1_000, "relay-2", "its turn"), chose(2_000, "relay", "its turn")],
    )]
    #[case::drained(
        Some(1_000),
        &["relay", "relay-2"],
        vec![chose(0, "relay", "its turn"), chose(1_000, "relay-2", "relay is drained"), chose(2_000, "relay-2", "relay is drained")],
    )]
    #[case::one_refuses(
        None,
        &["relay-2"],
        vec![chose(0, "relay-2", REFUSED), chose(1_000, "relay-2", REFUSED), chose(2_000, "relay-2", REFUSED)],
    )]
    #[tokio::test(start_paused = true)]
    async fn each_connection_goes_to_one_of_them(
        #[case] drains_at: Option<u64>,
        #[case] relays: &[&str],
        #[case] expected: Vec<(u64, MiddleboxFact)>,
    ) {
        assert_eq!(said(drains_at, relays).await, expected);
    }

    /// haproxy `retries 3`: four attempts in all, and 1 s before the same server is tried again.
    #[rstest]
    #[case::both_refuse(None, 0)]
    #[case::the_only_one_refuses(Some(0), 3_000)]
    #[tokio::test(start_paused = true)]
    async fn a_client_that_nobody_takes_is_reset(
        #[case] drains_at: Option<u64>,
        #[case] after: u64,
    ) {
        let because = "relay-2 does not take it: ConnectionRefused".to_owned();
        let refused = MiddleboxFact::Refused { because };
        let expected = [after, after + 1_000, after + 2_000].map(|at| (at, refused.clone()));
        assert_eq!(said(drains_at, &[]).await, expected);
    }
}
