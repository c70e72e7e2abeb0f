//! A page in a real Chromium, of another origin than the relay.
//!
//! The page tells what it saw to the server that it came from; so nothing has to drive the browser.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use axum::{
    Router,
    response::Html,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use crate::{PATIENCE, mock::Upstream, relay::Relay, runner};

/// What every page is given: `report` tells a value, `ask` sends what needs a preflight, with
/// credentials, and `read` takes an answer to pieces.
const HELPERS: &str = "
const report = (value) => fetch('/report', { method: 'POST', body: JSON.stringify(value) });
const ask = (url, key, more) => fetch(url, {
  method: 'POST',
  credentials: 'include',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...more },
  body: JSON.stringify({ model: 'gpt-4o', stream: true }),
});
const read = async (response) => {
  const names = ['x-request-id', 'retry-after', 'x-ratelimit-limit-requests'];
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '', pieces = 0;
  for (let part; !(part = await reader.read()).done; pieces += 1) {
    text += decoder.decode(part.value, { stream: true });
  }
  return {
    status: response.status,
    headers: Object.fromEntries(names.map((name) => [name, response.headers.get(name)])),
    text, pieces,
  };
};
";

/// Serves a page and takes its report.
pub(crate) struct Page {
    pub(crate) address: SocketAddr,
    reports: mpsc::UnboundedReceiver<Value>,
}

impl Page {
    /// A page that is given the helpers and runs what it is asked for with them.
    pub(crate) fn serve(listener: TcpListener, script: &str) -> Self {
        let address = listener.local_addr().expect("an address");
        let html = format!(
            "<!doctype html><title>page</title><script type=module>{HELPERS}
            try {{ {script} }} catch (error) {{ report({{ error: String(error) }}) }}</script>"
        );
        let (tell, reports) = mpsc::unbounded_channel();
        let take = move |body: String| async move {
            let report = serde_json::from_str(&body).expect("JSON");
            // Nobody waits for a second one.
            drop(tell.send(report));
        };
        let cookie = [("set-cookie", "session=crumb; Path=/")];
        let page = move || async move { (cookie, Html(html)) };
        let router = Router::new().route("/", get(page)).route("/report", post(take));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, reports }
    }

    pub(crate) async fn report(&mut self) -> Value {
        let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await;
        report.expect("the page reports in time").expect("the server serves")
    }
}

/// A browser with a profile of its own; ends with the test.
pub(crate) struct Chromium {
    child: Child,
    profile: PathBuf,
}

impl Chromium {
    /// Opens a page, where the browser is there or may be missing.
    pub(crate) fn open(url: &str) -> Option<Self> {
        if !runner::works("chromium", &["--version"]) {
            runner::skip("no `chromium` on the path: apt-get install chromium");
            return None;
        }
        let port = url.trim_end_matches('/').rsplit(':').next().unwrap_or_default();
        let name = format!("chromium-{}-{port}", std::process::id());
        let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let child = Command::new("chromium")
            // It needs no network beyond the loopback, and must not ask for any.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--no-proxy-server"])
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Some(Self { child, profile })
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It may have ended by itself. Its processes end with it, a little later; so a part of the
        // profile may be left over.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.profile));
    }
}

#[tokio::test]
async fn a_page_reads_a_stream_with_credentials_and_what_refuses_it() {
    let upstream = Upstream::play(
        "- match: { path: /v1/chat/completions, model: gpt-4o }
  when: { nth: 1 }
  then:
    - head: { status: 200, headers: { x-ratelimit-limit-requests: '60' } }
    - stream: { chunks: 10, every: 20ms }
- then: [{ error: { preset: rate_limit, headers: { retry-after: '7' } } }]
",
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let flags = ["--origins", &origin, "--credentials", "on", "--keys", "sk-right"];
    let relay = Relay::start(&upstream, &[&flags[..], &["--retries", "0"]].concat());
    let script = format!(
        "const url = '{}';
        const told = [];
        for (const key of ['sk-right', 'sk-wrong', 'sk-right']) {{
          told.push(await read(await ask(url, key)));
        }}
        report(told);",
        relay.url("/v1/chat/completions")
    );
    let mut page = Page::serve(listener, &script);
    let Some(_chromium) = Chromium::open(&format!("http://{}/", page.address)) else { return };
    let got = page.report().await;

    let stream = &got[0];
    assert_eq!(stream["status"], 200, "{got:#}");
    assert!(stream["text"].as_str().is_some_and(|text| text.ends_with("data: [DONE]\n\n")));
    assert!(stream["pieces"].as_u64() > Some(1), "{got:#}");
    assert_eq!(stream["headers"]["x-ratelimit-limit-requests"], "60", "{got:#}");
    assert!(stream["headers"]["x-request-id"].is_string(), "{got:#}");

    let unknown = &got[1];
    assert_eq!(unknown["status"], 401, "{got:#}");
    assert!(unknown["text"].as_str().is_some_and(|text| text.contains("invalid_api_key")));

    let limited = &got[2];
    assert_eq!(
        (&limited["status"], &limited["headers"]["retry-after"]),
        (&json!(429), &json!("7"))
    );
    assert!(limited["text"].as_str().is_some_and(|text| text.contains("rate_limit_exceeded")));
    assert_eq!(upstream.requests(), 2, "the 401 and the preflights are the relay's own");
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing() {
    let upstream = Upstream::play("- then: [{ stream: { chunks: 3 } }]\n");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let flags = ["--origins", "http://elsewhere.example", "--credentials", "on"];
    let relay = Relay::start(&upstream, &flags);
    let script = format!(
        "report(await ask('{}', 'k').then(read, (error) => ({{ refused: error.name }})));",
        relay.url("/v1/chat/completions")
    );
    let mut page = Page::serve(listener, &script);
    let Some(_chromium) = Chromium::open(&format!("http://{}/", page.address)) else { return };
    assert_eq!(page.report().await, json!({ "refused": "TypeError" }));
    assert_eq!(upstream.requests(), 0, "the preflight already failed");
}
