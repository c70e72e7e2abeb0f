//! Two providers on two ports: who is asked after whom, and by which key.

mod support;

use std::io;

use support::{Client, Provider, Running, Seen, bare, chunk, post, stream_head, whole};

fn stream() -> Vec<support::Step> {
    vec![stream_head(), chunk("data: {\"n\":1}\n\n"), chunk("data: [DONE]\n\n"), chunk("")]
}

fn shown_key(seen: Seen) -> String {
    let Seen::Request(request) = seen else { panic!("{seen:?}") };
    let keys: Vec<_> = request.lines().filter_map(|l| l.strip_prefix("authorization: ")).collect();
    assert_eq!(keys.len(), 1, "{request}");
    keys[0].to_owned()
}

async fn relay(first: &Provider, second: &Provider, keys: &[(&str, &str)]) -> io::Result<Running> {
    let fallback = format!("http://{}/v1", second.address);
    let switches = [("fallbacks", &*fallback), ("retries", "0")];
    Running::start(first.address, &[&switches, keys].concat()).await
}

#[tokio::test]
async fn each_provider_is_shown_its_own_key() -> io::Result<()> {
    let mut first = Provider::start(vec![whole("503 Busy", "", "{}")]).await?;
    let mut second = Provider::start(vec![stream()]).await?;
    let keys = [("provider_key", "sk-first"), ("fallback_keys", "sk-second")];
    let relay = relay(&first, &second, &keys).await?;
    let mut client = Client::chat(relay.address).await?;
    client.until("[DONE]").await;
    assert_eq!(client.status(), 200);
    assert_eq!(shown_key(first.next().await), "Bearer sk-first");
    assert_eq!(shown_key(second.next().await), "Bearer sk-second");
    Ok(())
}

/// What a client shows of itself.
const CREDENTIALS: [&str; 4] = [
    "authorization: Bearer sk-client",
    "cookie: session=client",
    "x-api-key: sk-client",
    "api-key: sk-client",
];

/// Which of these a provider was shown.
fn shown(seen: Seen) -> Vec<&'static str> {
    let Seen::Request(request) = seen else { panic!("{seen:?}") };
    CREDENTIALS.into_iter().filter(|shown| request.lines().any(|line| line == *shown)).collect()
}

async fn ask_with_credentials(relay: &Running) -> io::Result<Client> {
    let headers = CREDENTIALS.map(|shown| format!("{shown}\r\n")).concat();
    Client::send(relay.address, &post("/v1/chat/completions", &headers)).await
}

#[tokio::test]
async fn what_a_client_shows_one_provider_is_not_shown_to_another() -> io::Result<()> {
    let mut first = Provider::start(vec![whole("503 Busy", "", "{}")]).await?;
    let mut second = Provider::start(vec![stream()]).await?;
    let relay = relay(&first, &second, &[]).await?;
    ask_with_credentials(&relay).await?.until("[DONE]").await;
    assert_eq!(shown(first.next().await), CREDENTIALS, "they are for it");
    let none: [&str; 0] = [];
    assert_eq!(shown(second.next().await), none);
    Ok(())
}

#[tokio::test]
async fn another_path_of_the_same_origin_is_shown_the_same() -> io::Result<()> {
    let mut provider = Provider::start(vec![whole("503 Busy", "", "{}"), stream()]).await?;
    let base = |path| format!("http://{}/{path}", provider.address);
    let switches = [("fallbacks", &*base("azure/v1")), ("retries", "0")];
    let relay = Running::before(&base("openai/v1"), &switches).await?;
    ask_with_credentials(&relay).await?.until("[DONE]").await;
    for _ in 0..2 {
        assert_eq!(shown(provider.next().await), CREDENTIALS);
    }
    Ok(())
}

#[tokio::test]
async fn who_is_shown_a_key_of_the_relay_is_shown_none_of_the_client() -> io::Result<()> {
    let none: [&str; 0] = [];
    for (keys, passed) in [
        (&[("provider_key", "sk-first"), ("fallback_keys", "sk-second")][..], &none[..]),
        (&[("fallback_keys", "sk-second")], &CREDENTIALS),
    ] {
        let mut first = Provider::start(vec![whole("503 Busy", "", "{}")]).await?;
        let mut second = Provider::start(vec![stream()]).await?;
        let relay = relay(&first, &second, keys).await?;
        ask_with_credentials(&relay).await?.until("[DONE]").await;
        assert_eq!(shown(first.next().await), passed);
        assert_eq!(shown(second.next().await), none);
    }
    Ok(())
}

#[tokio::test]
async fn a_provider_that_nobody_reaches_or_whose_quota_is_used_up_gives_way() -> io::Result<()> {
    let mut gone = Provider::start(vec![stream()]).await?;
    gone.address = closed_port()?;
    let quota = r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":null}}"#;
    let used_up = whole("429 Too Many Requests", "content-type: application/json\r\n", quota);
    for first in [gone, Provider::start(vec![used_up]).await?] {
        let second = Provider::start(vec![stream()]).await?;
        let relay = relay(&first, &second, &[]).await?;
        let mut client = Client::chat(relay.address).await?;
        client.until("[DONE]").await;
        assert_eq!(client.status(), 200);
    }
    Ok(())
}

#[tokio::test]
async fn the_last_answer_is_told_where_all_refuse() -> io::Result<()> {
    let first = Provider::start(vec![whole("503 Busy", "", "first")]).await?;
    let second = Provider::start(vec![whole("502 Bad Gateway", "", "second")]).await?;
    let relay = relay(&first, &second, &[]).await?;
    let mut client = Client::chat(relay.address).await?;
    client.until("second").await;
    assert_eq!(client.status(), 502);
    Ok(())
}

/// Gateways serve several providers on one port, each below a path of its own.
#[tokio::test]
async fn the_breakers_of_two_paths_of_one_port_are_told_apart() -> io::Result<()> {
    let provider = Provider::start(vec![whole("503 Busy", "", "{}"), stream()]).await?;
    let base = |path| format!("http://{}/{path}", provider.address);
    let (first, second) = (base("openai/v1"), base("azure/v1"));
    let switches = [("fallbacks", &*second), ("retries", "0"), ("breaker_min", "1")];
    let relay = Running::before(&first, &switches).await?;
    Client::chat(relay.address).await?.until("[DONE]").await;
    let mut scrape = Client::send(relay.address, &bare("GET", "/metrics", "")).await?;
    let text = scrape.rest().await.text();
    for (index, base, state) in [(0, first, 2), (1, second, 0)] {
        let sample = format!("{{index=\"{index}\",upstream=\"{base}\"}} {state}");
        let sample = format!("relay_breaker_state{sample}");
        assert!(text.lines().any(|line| line == sample), "{sample} of\n{text}");
    }
    Ok(())
}

/// A port on which nobody listens any more.
fn closed_port() -> io::Result<std::net::SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}
