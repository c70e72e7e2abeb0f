//! A hop that takes headers away, from requests and answers.
//!
//! Modelled on `http-request del-header` and `http-response del-header` of haproxy 2.6: every field of
//! the name goes, and nothing tells either side. nginx says the same by `proxy_set_header NAME ""` and
//! `proxy_hide_header NAME`, Envoy by `request_headers_to_remove` and `response_headers_to_remove`.

use super::{
    http_hop::{self, Asked, Exchange, Hop, Refusal},
    teller::Teller,
};
use crate::{
    http1::{Headers, RequestHead, ResponseHead},
    net::Host,
    scenario::HeaderStripper,
    trace::{MiddleboxFact, Name},
};

pub(super) async fn serve(spec: HeaderStripper, host: Host, next_hop: Name) {
    http_hop::serve(host, next_hop, Stripper { spec }).await;
}

struct Stripper {
    spec: HeaderStripper,
}

impl Hop for Stripper {
    fn takes(&self, asked: Asked<'_>) -> Result<Box<dyn Exchange>, Refusal> {
        Ok(Box::new(Stripping { spec: self.spec.clone(), teller: asked.teller.clone() }))
    }
}

struct Stripping {
    spec: HeaderStripper,
    teller: Teller,
}

impl Stripping {
    fn strip(&self, headers: &mut Headers, from: &'static str) {
        headers.retain(|(name, _)| {
            let goes = self.spec.headers.iter().any(|one| one.eq_ignore_ascii_case(name));
            if goes {
                self.teller.tell(MiddleboxFact::TookAway { header: name.clone(), from });
            }
            !goes
        });
    }
}

impl Exchange for Stripping {
    fn request(&mut self, head: &mut RequestHead) {
        self.strip(&mut head.headers, "request");
    }

    fn answer(&mut self, head: &mut ResponseHead) {
        self.strip(&mut head.headers, "answer");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::{
        client::testing::{Pipes, Step, send, serve as serve_script},
        middlebox::tests::{facts, reads},
        trace::Recorder,
    };

    #[tokio::test(start_paused = true)]
    async fn every_field_of_the_name_goes_from_request_and_answer() {
        let recorder = Recorder::starting_now();
        let pipes = Pipes::new(65536);
        let answer = "HTTP/1.1 204 No Content\r\nx-turn: 1\r\nx-stays: 2\r\nX-Turn: 3\r\n\r\n";
        let script = vec![send(answer), Step::Wait(1)];
        let seen = serve_script(&pipes.host("relay", &recorder), vec![script]);
        let spec = HeaderStripper { name: None, headers: vec!["X-turn".to_owned()] };
        tokio::spawn(serve(spec, pipes.host("box", &recorder), "relay".into()));
        tokio::task::yield_now().await;
        let mut client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
        let ask = b"GET / HTTP/1.1\r\nx-turn: 0\r\nx-turned: 1\r\n\r\n";
        client.write_all(ask).await.unwrap();
        let reads = reads(&recorder, &mut client).await;
        let down = "HTTP/1.1 204 No Content\r\nx-stays: 2\r\nconnection: keep-alive\r\n\r\n";
        assert_eq!(reads, [(0, down.to_owned())]);
        let asked = seen.lock().unwrap().requests[0].1.clone();
        assert_eq!(asked, "GET / HTTP/1.1\r\nx-turned: 1\r\nconnection: close\r\n\r\n");
        let took =
            |header: &str, from| (0, MiddleboxFact::TookAway { header: header.to_owned(), from });
        let expected =
            [took("x-turn", "request"), took("x-turn", "answer"), took("X-Turn", "answer")];
        assert_eq!(facts(&recorder), expected);
    }
}
