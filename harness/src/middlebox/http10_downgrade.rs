//! A hop that speaks HTTP/1.0 to the provider's side, and holds nothing back.
//!
//! Modelled on nginx 1.22.1 with a bare `proxy_pass` and `proxy_buffering off`: `proxy_http_version` is
//! 1.0 by default (until release 1.29.7). A server that keeps to RFC 9112 6.1 sends no chunks then, and
//! its stream ends by the close. The client is answered in HTTP/1.1, in chunks; a stream that was cut
//! by FIN gets its final chunk all the same, and looks whole.
//!
//! With `client_too` the answer is HTTP/1.0 as well, as from Apache httpd with the environment
//! `force-proxy-request-1.0`, `downgrade-1.0` and `force-response-1.0` ("Environment Variables in
//! Apache", "Special Purpose Environment Variables"): the stream ends by the close on this side too, and
//! even what an RST cut looks whole.

use super::http_hop::{self, Asked, Exchange, Hop, Refusal, Versions};
use crate::{net::Host, scenario::Http10Downgrade, trace::Name};

pub(super) async fn serve(spec: Http10Downgrade, host: Host, next_hop: Name) {
    let down = u8::from(!spec.client_too);
    http_hop::serve(host, next_hop, Downgrade(Versions { up: 0, down })).await;
}

#[derive(Clone, Copy)]
struct Downgrade(Versions);

impl Hop for Downgrade {
    fn takes(&self, _: Asked<'_>) -> Result<Box<dyn Exchange>, Refusal> {
        Ok(Box::new(*self))
    }
}

impl Exchange for Downgrade {
    fn versions(&self) -> Versions {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::{
        client::testing::{Pipes, Step, send, serve as serve_script},
        middlebox::tests::{GET, facts, reads},
        trace::{MiddleboxFact, Recorder},
    };

    const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

    /// The request that arrives is what nginx 1.22.1 sends, less the order of its fields and `Host`.
    #[rstest]
    #[case::chunks_for_the_client(
        false,
        vec![],
        &[(0, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n"), (10, "9\r\ndata: 1\n\n\r\n0\r\n\r\n")],
    )]
    #[case::cut_by_rst(
        false,
        vec![Step::Reset],
        &[(0, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n"), (10, "9\r\ndata: 1\n\n\r\n"), (10, "FIN")],
    )]
    #[case::client_too(
        true,
        vec![],
        &[(0, "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"), (10, "data: 1\n\n"), (10, "FIN")],
    )]
    #[case::client_too_cut_by_rst(
        true,
        vec![Step::Reset],
        &[(0, "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"), (10, "data: 1\n\n"), (10, "FIN")],
    )]
    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_by_the_close(
        #[case] client_too: bool,
        #[case] end: Vec<Step>,
        #[case] expected: &[(u64, &str)],
    ) {
        let recorder = Recorder::starting_now();
        let pipes = Pipes::new(65536);
        let cut_off = !end.is_empty();
        let script = [vec![send(STREAM), Step::Wait(10), send("data: 1\n\n")], end].concat();
        let seen = serve_script(&pipes.host("relay", &recorder), vec![script]);
        let spec = Http10Downgrade { name: None, client_too };
        tokio::spawn(serve(spec, pipes.host("box", &recorder), "relay".into()));
        tokio::task::yield_now().await;
        let mut client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        let reads = reads(&recorder, &mut client).await;
        let expected: Vec<_> =
            expected.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
        assert_eq!(reads, expected);
        let asked = seen.lock().unwrap().requests[0].1.clone();
        assert_eq!(asked, "GET / HTTP/1.0\r\nhost: x\r\nconnection: close\r\n\r\n");
        let cut = MiddleboxFact::CutShort { how: "RST", shows: !client_too };
        let told: Vec<_> = cut_off.then_some((10, cut)).into_iter().collect();
        assert_eq!(facts(&recorder), told);
    }
}
