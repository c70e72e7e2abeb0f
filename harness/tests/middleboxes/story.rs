//! What both ends do, over simulated sockets or real ones, and what they see.

use std::{
    collections::BTreeMap,
    future::Future,
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use flate2::write::GzDecoder;
use harness::{
    http1::{Closing, Headers, Item, RequestDecoder, ResponseDecoder, ResponseHead, header},
    net::Stream,
    trace::BodyEnd,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep_until},
};

use crate::cases::Case;

/// A socket of either world.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Ends it by RST.
    fn abort(self) -> impl Future<Output = ()> + Send;
}

impl Socket for Stream {
    async fn abort(mut self) {
        self.reset().await.expect("the engine sends RST");
    }
}

impl Socket for TcpStream {
    async fn abort(self) {
        self.set_zero_linger().expect("a socket");
    }
}

/// What the server does, once it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Wait(u64),
    Reset,
}

/// How the client leaves, and after how many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Leave {
    Fin(u64),
    Rst(u64),
    Half(u64),
}

/// What the server has sent, and when it knew that it was alone.
#[derive(Debug, Default)]
pub(crate) struct Board {
    sent: AtomicUsize,
    gone: Mutex<Option<usize>>,
}

impl Board {
    fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    fn is_gone(&self) -> bool {
        self.gone.lock().unwrap().is_some()
    }

    fn note_gone(&self) {
        self.gone.lock().unwrap().get_or_insert(self.sent());
    }

    /// After a whole answer, when a hop closes is its own affair.
    pub(crate) fn noticed(&self, seen: &Seen) -> Option<usize> {
        self.gone.lock().unwrap().filter(|_| seen.ending != Ending::Clean)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ending {
    /// By the answer's framing.
    Clean,
    /// By FIN before that.
    Cut,
    Reset,
    /// Not within the client's patience.
    Open,
    /// By the client.
    Left,
}

/// What is compared.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    status: Option<u16>,
    /// What the head says of the body.
    told: Vec<String>,
    /// An error's page, whole.
    page: String,
    /// How many bytes of the body the client can read, after which of the server's sends it got more.
    arrived: BTreeMap<usize, usize>,
    pub(crate) ending: Ending,
    /// After which send the server knew that nobody is there.
    pub(crate) noticed: Option<usize>,
}

/// Serves one connection. One on which nothing is asked is none.
pub(crate) async fn serve<S: Socket>(mut stream: S, steps: Vec<Step>, board: Arc<Board>) {
    let mut decoder = RequestDecoder::new();
    let mut piece = [0; 4096];
    while !decoder.is_over() {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(len) => drop(decoder.feed(&piece[..len])),
        }
    }
    for step in steps {
        match step {
            Step::Send(bytes) => {
                board.sent.fetch_add(1, Ordering::SeqCst);
                if stream.write_all(&bytes).await.is_err() {
                    board.note_gone();
                    return;
                }
            }
            Step::Wait(ms) => wait(&mut stream, ms, &board).await,
            Step::Reset => return stream.abort().await,
        }
    }
}

async fn wait<S: Socket>(stream: &mut S, ms: u64, board: &Board) {
    let until = Instant::now() + Duration::from_millis(ms);
    let mut piece = [0; 256];
    while !board.is_gone() {
        tokio::select! {
            biased;
            read = stream.read(&mut piece) => if matches!(read, Ok(0) | Err(_)) {
                board.note_gone();
            },
            () = sleep_until(until) => return,
        }
    }
    sleep_until(until).await;
}

/// Asks, and reads to the end of the answer, of the story, or of the client's will to stay.
pub(crate) async fn ask<S: Socket>(mut stream: S, case: &Case, board: &Board) -> Seen {
    let (mut leaves, patience) = (case.leaves, case.patience());
    let began = Instant::now();
    let after = |ms: u64| began + Duration::from_millis(ms);
    let ask = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", case.asks);
    stream.write_all(ask.as_bytes()).await.expect("the hop takes it");
    let mut decoder = ResponseDecoder::answering("GET");
    let (mut answer, mut arrived) = (Answer::default(), BTreeMap::new());
    let mut piece = vec![0; 65536];
    let ending = loop {
        let leaving = match leaves {
            Some(Leave::Fin(ms) | Leave::Rst(ms) | Leave::Half(ms)) => after(ms),
            None => began + patience,
        };
        let read = tokio::select! {
            biased;
            read = stream.read(&mut piece) => read,
            () = sleep_until(leaving) => match leaves.take() {
                None => break Ending::Open,
                Some(Leave::Half(_)) => {
                    stream.shutdown().await.expect("a socket");
                    continue;
                }
                Some(Leave::Fin(_)) => {
                    drop(stream);
                    break Ending::Left;
                }
                Some(Leave::Rst(_)) => {
                    stream.abort().await;
                    break Ending::Left;
                }
            },
        };
        let len = match read {
            Ok(0) => match decoder.close(Closing::Fin) {
                Some(BodyEnd::Complete) => break Ending::Clean,
                _ => break Ending::Cut,
            },
            Ok(len) => len,
            Err(_) => break Ending::Reset,
        };
        for item in decoder.feed(&piece[..len]).items {
            answer.take(item);
        }
        arrived.insert(board.sent(), answer.total);
        if decoder.is_over() {
            break Ending::Clean;
        }
    };
    let page = String::from_utf8_lossy(&answer.page).into_owned();
    Seen { status: answer.status, told: answer.told, page, arrived, ending, noticed: None }
}

/// What has come of an answer.
#[derive(Debug, Default)]
struct Answer {
    status: Option<u16>,
    told: Vec<String>,
    /// Of a status that is an error.
    page: Vec<u8>,
    gunzip: Option<GzDecoder<Vec<u8>>>,
    /// Bytes of the body, none of them compressed.
    total: usize,
}

impl Answer {
    fn take(&mut self, item: Item<ResponseHead>) {
        match item {
            Item::Head(head) => {
                self.status = Some(head.status);
                let coding = said(&head.headers, "content-encoding");
                let is_gzip = coding.is_some_and(|said| said.ends_with(": gzip"));
                self.gunzip = is_gzip.then(|| GzDecoder::new(Vec::new()));
                self.told = TELLING.iter().filter_map(|name| said(&head.headers, name)).collect();
            }
            Item::Body(bytes) => {
                let plain = match &mut self.gunzip {
                    Some(gunzip) => {
                        gunzip.write_all(&bytes).expect("it is gzip");
                        gunzip.flush().expect("it is gzip");
                        std::mem::take(gunzip.get_mut())
                    }
                    None => bytes.to_vec(),
                };
                self.total += plain.len();
                if self.status.is_some_and(|status| status >= 400) {
                    self.page.extend(plain);
                }
            }
            Item::Trailers(_) | Item::End(_) => {}
        }
    }
}

/// What a hop that changes a body must say.
const TELLING: &[&str] = &["content-encoding", "vary", "etag"];

fn said(headers: &Headers, name: &str) -> Option<String> {
    header(headers, name).map(|value| format!("{name}: {value}"))
}
