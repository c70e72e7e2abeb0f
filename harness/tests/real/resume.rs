//! Streams that outlive the relay that serves them: two relays keep them in one real Redis.
//!
//! A relay that is killed is started again at its address, as a supervisor does; so clients come
//! back to where they were, and the process that answers them has never seen their stream.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    PATIENCE,
    browser::{Chromium, Page},
    mock::Upstream,
    redis::Redis,
    relay::Relay,
    runner::{Api, EVERY},
    sdk::{Staying, script},
};

/// How many parts a script reads before its relay is killed.
const FIRST: usize = 4;

/// Both APIs, at a pace at which readers can come and go.
fn streams(stop: &str) -> Upstream {
    Upstream::play(&format!(
        "- match: {{ path: /v1/chat/completions }}
  then: [{{ stream: {{ chunks: 20, every: 10ms{stop} }} }}]
- match: {{ path: /v1/responses }}
  then: [{{ stream: {{ dialect: openai-responses, chunks: 20, every: 10ms{stop} }} }}]
"
    ))
}

/// The same flags for every relay that shares the streams.
fn flags(redis: &Redis) -> Vec<String> {
    let flags = ["--resume", "on", "--resume-wait", "1h", "--resume-redis"];
    flags.into_iter().map(str::to_owned).chain([redis.url()]).collect()
}

fn start_at(listen: &str, upstream: &Upstream, flags: &[String]) -> Relay {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Relay::start_at(listen, &upstream.url(), &flags)
}

/// Kills it, and starts another one at its address.
fn replace(mut relay: Relay, upstream: &Upstream, flags: &[String]) -> Relay {
    relay.signal("KILL");
    relay.wait();
    start_at(&relay.address(), upstream, flags)
}

/// A kept stream, up to its end or to a number of events.
async fn kept(relay: &Relay, stream: &str, events: usize) -> String {
    let url = relay.url(&format!("/v1/streams/{stream}"));
    let mut response = reqwest::get(url).await.expect("it answers");
    assert_eq!(response.status(), 200);
    let mut text = String::new();
    while text.matches("\n\n").count() < events {
        let chunk = tokio::time::timeout(PATIENCE, response.chunk()).await.expect("no silence");
        let Some(chunk) = chunk.expect("it ends as framed") else { break };
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    text
}

/// What a script tells of the events of a kept stream.
fn parts(kept: &str, api: Api) -> Vec<String> {
    let data = kept.split("\n\n").flat_map(|event| event.lines());
    let data = data.filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let part = |data: &str| {
        let event: Value = serde_json::from_str(data).expect("JSON");
        match api {
            Api::Chat => {
                event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
            }
            Api::Responses => {
                let kind = event["type"].as_str().expect("a type");
                format!("{kind} {}", event["delta"].as_str().unwrap_or_default())
            }
        }
    };
    data.map(part).collect()
}

/// Each SDK reads the beginning of a stream of its own, its relay is killed once `events` of each
/// are kept, and it asks on. What it got in all must be what was kept; what it ended with is given.
async fn resumed_by_sdks(upstream: &Upstream, events: usize) -> Option<Vec<(Api, Value)>> {
    let redis = Redis::start()?;
    let flags = flags(&redis);
    let relay = start_at("127.0.0.1:0", upstream, &flags);
    let mut scripts = Vec::new();
    for (sdk, api) in EVERY {
        let Some(mut command) = sdk.prepare(&script("resumes"), &relay.address(), api, "k") else {
            continue;
        };
        scripts.push((sdk, api, Staying::start(command.arg(FIRST.to_string()))));
    }
    let mut expected = Vec::new();
    for (_, api, script) in &mut scripts {
        let told: Value = serde_json::from_str(&script.line()).expect("it got so far");
        let stream = told["stream"].as_str().expect("a name");
        expected.push(parts(&kept(&relay, stream, events).await, *api));
    }
    let asked = upstream.requests();
    let _relay = replace(relay, upstream, &flags);
    for (_, _, script) in &mut scripts {
        script.go_on();
    }
    let mut ends = Vec::new();
    for ((sdk, api, mut script), expected) in scripts.into_iter().zip(expected) {
        let got: Value = serde_json::from_str(&script.line()).expect("it got to an end");
        assert!(expected.len() > FIRST, "{sdk:?} {api}: {expected:?}");
        assert_eq!(got["parts"], json!(expected), "{sdk:?} {api}");
        ends.push((api, got["error"].clone()));
    }
    assert_eq!(upstream.requests(), asked, "nothing is asked of the provider again");
    Some(ends)
}

#[tokio::test]
async fn sdks_read_the_rest_from_a_relay_that_never_saw_their_stream() {
    let upstream = streams("");
    let Some(ends) = resumed_by_sdks(&upstream, usize::MAX).await else { return };
    for (api, error) in ends {
        assert_eq!(error, Value::Null, "{api}");
    }
}

#[tokio::test]
async fn sdks_get_what_a_killed_relay_wrote_and_are_told_that_the_rest_is_lost() {
    let upstream = streams(", stop: { after: { frames: 10 }, end: hold }");
    let Some(ends) = resumed_by_sdks(&upstream, 10).await else { return };
    for (api, error) in ends {
        assert_eq!(error, "stream_lost", "{api}");
    }
}

/// Frames that can be told apart; the second half when somebody posts to `/release`.
fn halves() -> Upstream {
    let send = |n| format!("    - send: {{ data: '{{\"choices\":[],\"n\":{n}}}' }}\n");
    let half = |numbers: std::ops::RangeInclusive<u32>| numbers.map(send).collect::<Vec<_>>();
    Upstream::play(&format!(
        "- match: {{ path: /v1/release }}
  then: [{{ mark: go }}, {{ json: {{}} }}]
- then:
{}    - wait: {{ until: {{ mark: go }} }}
{}    - send: {{ data: '[DONE]' }}
",
        half(1..=6).concat(),
        half(7..=12).concat()
    ))
}

async fn release(upstream: &Upstream) {
    let release = format!("{}/release", upstream.url());
    reqwest::Client::new().post(release).send().await.expect("the provider answers");
}

#[tokio::test]
async fn an_event_source_comes_back_by_itself_to_a_relay_that_was_killed() {
    let upstream = halves();
    let Some(redis) = Redis::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let access = ["--origins", &origin, "--credentials", "on", "--keys", "k"].map(str::to_owned);
    let flags = [&flags(&redis)[..], &access].concat();
    let writing = start_at("127.0.0.1:0", &upstream, &flags);
    let serving = start_at("127.0.0.1:0", &upstream, &flags);
    let script = format!(
        "const response = await ask('{}', 'k');
        const id = response.headers.get('x-stream-id');
        await response.body.cancel();
        const got = [];
        let errors = 0;
        const source = new EventSource(`{}/${{id}}`, {{ withCredentials: true }});
        source.onmessage = (event) => {{
          if (event.lastEventId !== `${{id}}-${{got.length + 1}}`) got.push('out of order');
          got.push(event.data);
          if (got.length === 6) report({{ half: got }});
        }};
        source.onerror = async () => {{
          errors += 1;
          if (source.readyState !== EventSource.CLOSED) return;
          const rest = await read(await ask('{}', 'k', {{ 'last-event-id': `${{id}}-9` }}));
          report({{ got, errors, rest: rest.text.replaceAll(id, 'id') }});
        }};",
        writing.url("/v1/chat/completions"),
        serving.url("/v1/streams"),
        serving.url("/v1/chat/completions"),
    );
    let mut page = Page::serve(listener, &script);
    let Some(_chromium) = Chromium::open(&format!("http://{}/", page.address)) else { return };

    let numbered = |n| format!("{{\"choices\":[],\"n\":{n}}}");
    let half: Vec<String> = (1..=6).map(numbered).collect();
    assert_eq!(page.report().await, json!({ "half": half }));
    let _serving = replace(serving, &upstream, &flags);
    release(&upstream).await;
    let got = page.report().await;
    let all: Vec<String> = (1..=12).map(numbered).chain(["[DONE]".to_owned()]).collect();
    assert_eq!(got["got"], json!(all), "{got:#}");
    // The relay was killed, the stream was over, and 204 ended it.
    assert_eq!(got["errors"], 3, "{got:#}");
    let rest = (10..=12).map(|n| format!("data: {}\nid: id-{n}\n\n", numbered(n)));
    let rest = rest.collect::<Vec<_>>().concat() + "data: [DONE]\nid: id-13\n\n";
    assert_eq!(got["rest"], rest, "{got:#}");
    assert_eq!(upstream.requests(), 2, "the question and the release");
}

#[tokio::test]
async fn many_read_one_stream_on_two_relays_while_the_provider_sends() {
    let upstream = Upstream::play("- then: [{ stream: { chunks: 60, every: 20ms } }]\n");
    let Some(redis) = Redis::start() else { return };
    let flags = [&flags(&redis)[..], &["--max-streams-per-address".to_owned(), "off".to_owned()]];
    let flags = flags.concat();
    let relays = [(); 2].map(|()| start_at("127.0.0.1:0", &upstream, &flags));
    let chat = relays[0].url("/v1/chat/completions");
    let asked = reqwest::Client::new().post(chat).body(r#"{"stream":true}"#).send().await;
    let asked = asked.expect("it answers");
    let stream = asked.headers()["x-stream-id"].to_str().expect("digits").to_owned();
    let whole = async { asked.text().await.expect("it ends as framed") };
    let reads = relays.iter().flat_map(|relay| {
        let stream = &stream;
        (0..8).map(move |n: u64| async move {
            tokio::time::sleep(std::time::Duration::from_millis(100 * n)).await;
            kept(relay, stream, usize::MAX).await
        })
    });
    let (whole, reads) = tokio::join!(whole, futures_util::future::join_all(reads));
    assert!(
        whole.ends_with(&format!(
            "data: [DONE]\nid: {stream}-{}\n\n",
            parts(&whole, Api::Chat).len() + 1
        )),
        "{whole}"
    );
    for read in reads {
        assert_eq!(read, whole);
    }
    assert_eq!(upstream.requests(), 1);
}
