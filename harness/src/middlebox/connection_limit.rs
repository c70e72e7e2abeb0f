//! A hop that serves so many requests of one address at a time.
//!
//! Modelled on nginx's `limit_conn` over a zone of `$binary_remote_addr`
//! (`ngx_http_limit_conn_module.c` of 1.22.1 and later):
//!
//! - It counts requests that are being served and not connections: one that is kept open without a
//!   request does not count. A request counts until its answer has been written, or its client gone.
//! - One too many gets `limit_conn_status`, 503 by default, with nginx's page of HTML and without
//!   `Retry-After`, and keeps its connection. An address is that of the client's host.
//! - Preflights count as all others do, and the page has no CORS headers: a page's script learns
//!   nothing but that `fetch` failed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::http_hop::{self, Asked, Exchange, Hop, Refusal};
use crate::{net::Host, scenario::ConnectionLimit, trace::Name};

/// nginx `limit_conn_status`.
const STATUS: u16 = 503;

pub(super) async fn serve(spec: ConnectionLimit, host: Host, next_hop: Name) {
    http_hop::serve(host, next_hop, Limit { spec, zone: Zone::default() }).await;
}

struct Limit {
    spec: ConnectionLimit,
    zone: Zone,
}

/// How many requests of each address are being served.
#[derive(Debug, Clone, Default)]
struct Zone(Arc<Mutex<BTreeMap<Name, u64>>>);

impl Zone {
    fn served(&self) -> MutexGuard<'_, BTreeMap<Name, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that counts until this is dropped.
struct Counted {
    zone: Zone,
    from: Name,
}

impl Hop for Limit {
    fn takes(&self, asked: Asked<'_>) -> Result<Box<dyn Exchange>, Refusal> {
        let mut served = self.zone.served();
        let of_address = served.entry(asked.from.clone()).or_default();
        if *of_address >= self.spec.per_address {
            let because = format!("{of_address} of {} are being served", asked.from);
            return Err(Refusal { status: self.spec.status.unwrap_or(STATUS), because });
        }
        *of_address += 1;
        Ok(Box::new(Counted { zone: self.zone.clone(), from: asked.from.clone() }))
    }
}

impl Exchange for Counted {}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(of_address) = self.zone.served().get_mut(&self.from) {
            *of_address -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::{
        client::testing::{Pipes, Step, send, serve as serve_script},
        middlebox::tests::{GET, facts, reads},
        net::Stream,
        trace::{MiddleboxFact, Recorder},
    };

    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

    struct World {
        recorder: Recorder,
        pipes: Arc<Pipes>,
    }

    /// One request of an address at a time, each answered after a second.
    fn world(status: Option<u16>) -> World {
        let recorder = Recorder::starting_now();
        let pipes = Pipes::new(65536);
        let script = || vec![Step::Wait(1_000), send(ANSWER), Step::Wait(1)];
        serve_script(&pipes.host("relay", &recorder), vec![script(), script(), script()]);
        let spec = ConnectionLimit { name: None, per_address: 1, status };
        tokio::spawn(serve(spec, pipes.host("box", &recorder), "relay".into()));
        World { recorder, pipes }
    }

    impl World {
        async fn asks(&self, from: &str) -> Stream {
            tokio::task::yield_now().await;
            let host = self.pipes.host(from, &self.recorder);
            let mut client = host.connect(&"box".into()).await.unwrap();
            client.write_all(GET.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            client
        }

        async fn status(&self, client: &mut Stream) -> String {
            let reads = reads(&self.recorder, client).await;
            reads[0].1.split(' ').nth(1).unwrap().to_owned()
        }
    }

    /// The page is that of nginx 1.22.1 with `server_tokens off`, byte for byte.
    #[tokio::test(start_paused = true)]
    async fn one_too_many_gets_nginx_s_page_and_keeps_its_connection() {
        let world = world(None);
        let _first = world.asks("office").await;
        let mut second = world.asks("office").await;
        let reads = reads(&world.recorder, &mut second).await;
        let page = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
        let head = "HTTP/1.1 503 Service Temporarily Unavailable\r\ncontent-type: text/html\r\ncontent-length: 190\r\nconnection: keep-alive\r\n\r\n";
        assert_eq!(reads, [(2, [head, page].concat())]);
        let because = "1 of office are being served".to_owned();
        assert_eq!(facts(&world.recorder), [(1, MiddleboxFact::Refused { because })]);
    }

    #[rstest]
    #[case::another_address("home", false, "200")]
    #[case::same_address("office", false, "429")]
    #[case::first_one_has_left("office", true, "200")]
    #[tokio::test(start_paused = true)]
    async fn only_what_is_served_to_an_address_counts(
        #[case] from: &str,
        #[case] leaves: bool,
        #[case] status: &str,
    ) {
        let world = world(Some(429));
        let first = world.asks("office").await;
        let _stays = (!leaves).then_some(first);
        let mut second = world.asks(from).await;
        assert_eq!(world.status(&mut second).await, status);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_connection_without_a_request_does_not_count() {
        let world = world(None);
        let mut first = world.asks("office").await;
        assert_eq!(world.status(&mut first).await, "200");
        let mut second = world.asks("office").await;
        assert_eq!(world.status(&mut second).await, "200");
    }
}
