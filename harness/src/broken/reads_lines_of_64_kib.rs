//! Reads by a scanner that gives up on long lines without a word.

use axum::Router;
use futures_util::{StreamExt as _, future};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "reads-lines-of-64-kib",
    mistake: "reads lines by a scanner whose limit is 64 KiB, and takes its giving up for the end",
    made_by: "QuantumNous/new-api#5213: Go's bufio.Scanner with its default buffer, and nobody \
              asks for its Err(); openai/openai-go#368, cloudwego/hertz#1408",
    caught_by: &["long-line"],
    server: Server::RIGHT,
    relay,
};

/// `bufio.MaxScanTokenSize`.
const LINE_MAX_BYTES: usize = 64 * 1024;

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        let mut line_bytes = 0;
        let fits = move |item: &parts::Item| {
            let Ok(bytes) = item else { return true };
            for byte in bytes {
                line_bytes = if *byte == b'\n' { 0 } else { line_bytes + 1 };
                if line_bytes >= LINE_MAX_BYTES {
                    return false;
                }
            }
            true
        };
        let mut fits = fits;
        body.take_while(move |item| future::ready(fits(item))).boxed()
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{DONE, Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn the_stream_just_ends_before_a_long_line() {
        let answer = |bytes: usize| {
            let long = format!("data: {}\n\n", "x".repeat(bytes - 6));
            let acts = vec![send("data: 1\n\n"), send(&long), send(DONE)];
            Provider::new(vec![Reply::stream(acts)])
        };
        let seen = ask(relay, &answer(LINE_MAX_BYTES), chat()).await;
        assert_eq!((seen.text().as_str(), seen.broke), ("data: 1\n\n", false));
        assert!(ask(relay, &answer(LINE_MAX_BYTES - 1), chat()).await.text().ends_with(DONE));
        assert!(ask(parts::right, &answer(LINE_MAX_BYTES), chat()).await.text().ends_with(DONE));
    }
}
