//! Connections to the provider are used again after a sound answer, and only then: what is left on
//! one must never be taken for the answer to the next request.

mod support;

use std::{io, net::SocketAddr, time::Duration};

use support::{Client, Running, bare, post, read_request, soon};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

/// How a connection of the provider goes.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Answers each request with the first of these, then the next, and so on.
    Answers(&'static [&'static str]),
    /// Answers one request, and closes while nobody asks.
    ThenCloses(&'static str),
    /// The same by RST.
    ThenResets(&'static str),
    /// Answers requests with these, reads another, and closes so much later without a word.
    Breaks(&'static [&'static str], Duration),
    /// Answers after the head of the first request, and never reads its body.
    AfterTheHead(&'static str),
}

use Way::{AfterTheHead, Answers, Breaks, ThenCloses, ThenResets};

/// After so long a connection that breaks was not stale: the provider was at work.
const STALE: Duration = Duration::from_secs(1);

/// What the provider tells: a request and the number of its connection, or that it has closed one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Asked(usize, String),
    Closed,
}

struct Provider {
    address: SocketAddr,
    told: mpsc::UnboundedReceiver<Told>,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    /// Connection number n goes its way number n, the last one for ever.
    async fn start(ways: &'static [Way]) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (tell, told) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            for number in 0.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                let way = ways[number.min(ways.len() - 1)];
                tokio::spawn(go(socket, way, number, tell.clone()));
            }
        });
        Ok(Self { address, told, task })
    }

    async fn next(&mut self) -> Told {
        soon(self.told.recv()).await.expect("the provider lives as long as the test")
    }

    /// The connection on which this path is asked for.
    async fn asked(&mut self, path: &str) -> usize {
        let told = self.next().await;
        let Told::Asked(connection, request) = told else { panic!("{told:?}, not {path}") };
        assert!(request.contains(path), "{request}");
        connection
    }
}

async fn go(
    mut socket: TcpStream,
    way: Way,
    number: usize,
    tell: mpsc::UnboundedSender<Told>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let asked = |request| drop(tell.send(Told::Asked(number, request)));
    match way {
        Answers(answers) | Breaks(answers, _) => {
            for answer in answers {
                asked(read_request(&mut socket).await?);
                socket.write_all(answer.as_bytes()).await?;
            }
            if let Breaks(_, later) = way {
                asked(read_request(&mut socket).await?);
                tokio::time::sleep(later).await;
                return Ok(());
            }
        }
        ThenCloses(answer) | ThenResets(answer) => {
            asked(read_request(&mut socket).await?);
            socket.write_all(answer.as_bytes()).await?;
            if matches!(way, ThenResets(_)) {
                socket.set_zero_linger()?;
            }
            drop(socket);
            drop(tell.send(Told::Closed));
            return Ok(());
        }
        AfterTheHead(answer) => {
            let mut head = vec![0; 1_024];
            let read = socket.read(&mut head).await?;
            asked(String::from_utf8_lossy(&head[..read]).into_owned());
            socket.write_all(answer.as_bytes()).await?;
            return std::future::pending().await;
        }
    }
    // Until the peer is gone, so that nothing ends by this side.
    while socket.read(&mut [0; 1_024]).await? > 0 {}
    Ok(())
}

async fn ask(relay: &Running, request: &str) -> io::Result<Client> {
    let mut client = Client::send(relay.address, request).await?;
    client.rest().await;
    Ok(client)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Asks twice; the second answer must be its own. Tells whether one connection served both.
async fn twice(method: &str, ways: &'static [Way]) -> io::Result<bool> {
    let mut provider = Provider::start(ways).await?;
    let relay = Running::start(provider.address, &[]).await?;
    ask(&relay, &bare(method, "/v1/first", "")).await?;
    let first = provider.asked("/v1/first").await;
    let second = ask(&relay, &bare("GET", "/v1/second", "")).await?;
    assert_eq!((second.status(), second.plain().as_str()), (200, "ok"), "{ways:?}");
    Ok(provider.asked("/v1/second").await == first)
}

#[tokio::test]
async fn after_a_sound_answer_the_connection_serves_the_next_request() -> io::Result<()> {
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert!(twice("GET", &[Answers(&[OK, OK])]).await?);
    assert!(twice("GET", &[Answers(&[CHUNKED, OK])]).await?);
    Ok(())
}

#[tokio::test]
async fn what_follows_an_answer_is_never_the_next_one() -> io::Result<()> {
    const TRAILING: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\
                            HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n\
                              HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    const NOT_MODIFIED: &str = "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil";
    let all: [&'static [Way]; 3] = [
        &[Answers(&[TRAILING]), Answers(&[OK])],
        &[Answers(&[NO_CONTENT]), Answers(&[OK])],
        &[Answers(&[NOT_MODIFIED]), Answers(&[OK])],
    ];
    for ways in all {
        assert!(!twice("GET", ways).await?, "{ways:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_after_the_answer_to_head_is_no_part_of_it() -> io::Result<()> {
    const WITH_BODY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    let ways: &'static [Way] = &[Answers(&[WITH_BODY]), Answers(&[OK])];
    assert!(!twice("HEAD", ways).await?);
    Ok(())
}

#[tokio::test]
async fn where_the_provider_says_close_it_is_not_used_again() -> io::Result<()> {
    const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    assert!(!twice("GET", &[Answers(&[LAST]), Answers(&[OK])]).await?);
    Ok(())
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_costs_no_answer() -> io::Result<()> {
    let both: [&'static [Way]; 2] =
        [&[ThenCloses(OK), Answers(&[OK])], &[ThenResets(OK), Answers(&[OK])]];
    for ways in both {
        let mut provider = Provider::start(ways).await?;
        let relay = Running::start(provider.address, &[]).await?;
        ask(&relay, &post("/v1/first", "connection: close\r\n")).await?;
        assert_eq!(provider.asked("/v1/first").await, 0);
        assert_eq!(provider.next().await, Told::Closed);
        // A POST that must not be sent twice: it was sent only once.
        let second = ask(&relay, &post("/v1/second", "connection: close\r\n")).await?;
        assert_eq!((second.status(), second.plain().as_str()), (200, "ok"), "{ways:?}");
        assert_eq!(provider.asked("/v1/second").await, 1);
        assert!(provider.told.try_recv().is_err(), "{ways:?}");
    }
    Ok(())
}

/// The status of the second of two requests for a path, and on which connections it was asked.
async fn second_of(
    path: &str,
    ways: &'static [Way],
    times: usize,
) -> io::Result<(u16, Vec<usize>)> {
    let mut provider = Provider::start(ways).await?;
    let relay = Running::start(provider.address, &[]).await?;
    ask(&relay, &post("/v1/first", "connection: close\r\n")).await?;
    provider.asked("/v1/first").await;
    let second = ask(&relay, &post(path, "connection: close\r\n")).await?;
    let mut on = Vec::new();
    for _ in 0..times {
        on.push(provider.asked(path).await);
    }
    assert!(provider.told.try_recv().is_err(), "{ways:?}");
    Ok((second.status(), on))
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_connection_that_closes_as_the_request_goes_out_costs_one_more_attempt() -> io::Result<()>
{
    let ways: &'static [Way] = &[Breaks(&[OK], Duration::ZERO), Answers(&[OK])];
    assert_eq!(second_of(CHAT, ways, 2).await?, (200, vec![0, 1]));
    // What may have been done must not be done twice.
    assert_eq!(second_of("/v1/files", ways, 1).await?, (502, vec![0]));
    Ok(())
}

#[tokio::test]
async fn a_provider_that_breaks_off_later_or_on_a_new_connection_was_at_work() -> io::Result<()> {
    let later: &'static [Way] = &[Breaks(&[OK], STALE), Answers(&[OK])];
    assert_eq!(second_of(CHAT, later, 1).await?, (502, vec![0]));
    let mut provider = Provider::start(&[Breaks(&[], Duration::ZERO), Answers(&[OK])]).await?;
    let relay = Running::start(provider.address, &[]).await?;
    let client = ask(&relay, &post(CHAT, "connection: close\r\n")).await?;
    assert_eq!((client.status(), provider.asked(CHAT).await), (502, 0));
    assert!(provider.told.try_recv().is_err());
    Ok(())
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_was_read_passes() -> io::Result<()> {
    const LARGE: &str = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge";
    let ways: &'static [Way] = &[AfterTheHead(LARGE), Answers(&[OK])];
    let mut provider = Provider::start(ways).await?;
    let relay = Running::start(provider.address, &[]).await?;
    // More than fits into the sockets' buffers, so that the relay is still writing.
    let length = 24 << 20;
    let mut request = format!(
        "POST /v1/files HTTP/1.1\r\nhost: r\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    request.push_str(&"x".repeat(length));
    let client = ask(&relay, &request).await?;
    assert_eq!((client.status(), client.plain().as_str()), (413, "large"));
    assert_eq!(provider.asked("/v1/files").await, 0);
    let second = ask(&relay, &bare("GET", "/v1/second", "")).await?;
    assert_eq!((second.status(), second.plain().as_str()), (200, "ok"));
    assert_eq!(provider.asked("/v1/second").await, 1);
    Ok(())
}
