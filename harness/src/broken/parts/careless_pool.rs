//! A pool of connections to the provider that takes each one for clean once an answer on it is over.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    http1::{Closing, Item, ResponseDecoder, ResponseHead, header},
    net::{BoxError, Host, Stream, Upstream, upstream},
    plan::Request,
    scenario::ProviderHttp,
    trace::{BodyEnd, Name},
};

/// How long a connection is kept idle: as in the client that the others use.
const POOL_IDLE: Duration = Duration::from_secs(90);

/// Bytes of one read.
const READ_SIZE: usize = 16 << 10;

/// The client of `host` for calls to its next hop `to`. What came behind an answer stays with its
/// connection, and is read first when that one is used again; that the provider has closed it is
/// learned by using it.
pub(in crate::broken) fn careless(host: &Host, to: Name, http: ProviderHttp) -> Upstream {
    if http == ProviderHttp::H2 {
        return upstream(host, to, http);
    }
    let pool = Pool { host: host.clone(), to, idle: Arc::default() };
    let service = tower::service_fn(move |request| {
        let pool = pool.clone();
        async move { pool.call(request).await }
    });
    BoxCloneSyncService::new(service.map_err(BoxError::from))
}

#[derive(Clone)]
struct Pool {
    host: Host,
    to: Name,
    idle: Arc<Mutex<Idle>>,
}

/// Connections that nobody uses, the last one first, each with the number of its return.
#[derive(Default)]
struct Idle {
    lines: Vec<(u64, Line)>,
    returned: u64,
}

/// A connection, and what was read of it and is no part of an answer yet.
struct Line {
    stream: Stream,
    ahead: Vec<u8>,
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection back, for as long as others would keep it.
    fn keep(&self, line: Line) {
        let returned = {
            let mut idle = self.idle();
            idle.returned += 1;
            let returned = idle.returned;
            idle.lines.push((returned, line));
            returned
        };
        let pool = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(POOL_IDLE).await;
            pool.idle().lines.retain(|(number, _)| *number != returned);
        });
    }

    async fn call(self, request: reqwest::Request) -> Result<reqwest::Response, BoxError> {
        let idle = self.idle().lines.pop();
        let mut line = match idle {
            Some((_, line)) => line,
            None => Line { stream: self.host.connect(&self.to).await?, ahead: Vec::new() },
        };
        line.stream.write_all(&on_the_wire(&request)).await?;
        let decoder = ResponseDecoder::answering(request.method().as_str());
        let mut reading =
            Reading { pool: self, line: Some(line), decoder, stays: true, found: VecDeque::new() };
        let head = reading.head().await?;
        let mut response = http::Response::builder().status(head.status);
        for (name, value) in &head.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_bytes(value.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value) {
                response = response.header(name, value);
            }
        }
        let pieces = stream::try_unfold(reading, async |mut reading| {
            Ok::<_, BoxError>(reading.piece().await?.map(|piece| (piece, reading)))
        });
        Ok(response.body(reqwest::Body::wrap_stream(pieces))?.into())
    }
}

fn on_the_wire(request: &reqwest::Request) -> Vec<u8> {
    let url = request.url();
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let body = request.body().and_then(reqwest::Body::as_bytes).map_or_else(String::new, text);
    let host = url.host_str().unwrap_or_default().to_owned();
    let named =
        request.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    let mut headers: Vec<(String, String)> =
        std::iter::once(("host".to_owned(), host)).chain(named).collect();
    if !body.is_empty() {
        headers.push(("content-length".to_owned(), body.len().to_string()));
    }
    let (method, target) = (request.method().to_string(), format!("{}{query}", url.path()));
    Request { method, target, headers, body }.on_the_wire("HTTP/1.1")
}

/// An answer while it is read.
struct Reading {
    pool: Pool,
    /// Until the answer is over.
    line: Option<Line>,
    decoder: ResponseDecoder,
    /// Whether the provider lets the connection stay.
    stays: bool,
    found: VecDeque<Item<ResponseHead>>,
}

impl Reading {
    async fn head(&mut self) -> Result<ResponseHead, BoxError> {
        match self.next().await? {
            Some(Item::Head(head)) => Ok(head),
            Some(Item::Body(_) | Item::Trailers(_) | Item::End(_)) | None => {
                Err("the answer is not HTTP".into())
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, BoxError> {
        loop {
            match self.next().await? {
                Some(Item::Body(bytes)) => return Ok(Some(bytes)),
                Some(Item::End(BodyEnd::Complete)) | None => return Ok(None),
                Some(Item::End(_)) => return Err("the answer is not HTTP".into()),
                Some(Item::Head(_) | Item::Trailers(_)) => {}
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Item<ResponseHead>>, BoxError> {
        while self.found.is_empty() {
            let Some(line) = &mut self.line else { return Ok(None) };
            if line.ahead.is_empty() {
                let mut bytes = vec![0; READ_SIZE];
                let len = line.stream.read(&mut bytes).await?;
                if len == 0 {
                    self.line = None;
                    let end = self.decoder.close(Closing::Fin);
                    let whole = end == Some(BodyEnd::Complete);
                    return if whole { Ok(None) } else { Err("the provider broke off".into()) };
                }
                line.ahead.extend_from_slice(&bytes[..len]);
            }
            let fed = self.decoder.feed(&line.ahead);
            line.ahead.drain(..fed.taken);
            self.found.extend(fed.items);
            if let Some(Item::Head(head)) = self.found.front() {
                self.stays = !says_close(head);
            }
            if self.decoder.is_over() {
                // The mistake: whatever is left on it goes into the pool.
                if let Some(line) = self.line.take().filter(|_| self.stays) {
                    self.pool.keep(line);
                }
            }
        }
        Ok(self.found.pop_front())
    }
}

fn says_close(head: &ResponseHead) -> bool {
    header(&head.headers, "connection").is_some_and(|says| says.eq_ignore_ascii_case("close"))
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener as _;

    use super::*;
    use crate::{client::testing::Pipes, trace::Recorder};

    fn get(path: &str) -> reqwest::Request {
        let url = format!("http://upstream{path}").parse().unwrap();
        reqwest::Request::new(http::Method::GET, url)
    }

    /// Each connection is answered request by request with these, and closed after the last.
    async fn asked(answers: &'static [&'static [&'static str]]) -> Vec<Option<String>> {
        let pipes = Pipes::new(64 << 10);
        let recorder = Recorder::starting_now();
        let mut listener = pipes.host("upstream", &recorder).listen().unwrap();
        tokio::spawn(async move {
            for answers in answers {
                let (mut stream, _) = listener.accept().await;
                for answer in *answers {
                    assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
            std::future::pending::<()>().await;
        });
        let host = pipes.host("relay", &recorder);
        let upstream = careless(&host, "upstream".into(), ProviderHttp::H1);
        let mut got = Vec::new();
        for path in ["/first", "/second"] {
            let answer = upstream.clone().oneshot(get(path)).await;
            got.push(match answer {
                Ok(answer) => answer.text().await.ok(),
                Err(_) => None,
            });
            // What else the provider does, it does now.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        got
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    const TWO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\
                       HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";

    #[tokio::test(start_paused = true)]
    async fn what_is_left_behind_an_answer_is_the_next_one() {
        assert_eq!(asked(&[&[TWO, OK]]).await, [Some("ok".to_owned()), Some("evil".to_owned())]);
        assert_eq!(asked(&[&[OK, OK]]).await, [Some("ok".to_owned()), Some("ok".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_closed_while_idle_is_used_all_the_same() {
        assert_eq!(asked(&[&[OK], &[OK]]).await, [Some("ok".to_owned()), None]);
        assert_eq!(
            asked(&[&[LAST], &[OK]]).await,
            [Some("ok".to_owned()), Some("ok".to_owned())],
            "it said so"
        );
    }
}
