//! Knows one field.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "keeps-data-lines-only",
    mistake: "passes the lines that begin with `data: ` and drops every other one",
    made_by: "dataelement/Clawith PR#106: `data:` without a space is skipped; \
              Portkey-AI/gateway PR#949: a line `event: error` is never seen",
    caught_by: &["fields-survive", "payload-intact", "any-cut", "one-ending", "bounded-memory"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| parts::edit_blocks(body, |block| data_lines(&block)))
}

/// The data lines of a block and the blank line that ends it; nothing of a block without any.
fn data_lines(block: &[u8]) -> Option<Bytes> {
    let line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let lines = block.split_inclusive(line_end);
    let kept: Vec<&[u8]> =
        lines.filter(|line| line.starts_with(b"data: ") || line.iter().all(line_end)).collect();
    let says_something = kept.iter().any(|line| line.starts_with(b"data: "));
    says_something.then(|| Bytes::from(kept.concat()))
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn what_is_no_data_never_comes() {
        let text = ": note\n\nid: 7\nevent: tick\nretry: 9\ndata: 1\nx: y\n\ndata:2\n\n";
        let provider = Provider::new(vec![Reply::stream(vec![send(text)])]);
        assert_eq!(ask(relay, &provider, chat()).await.text(), "data: 1\n\n");
        assert_eq!(ask(parts::right, &provider, chat()).await.text(), text);
    }
}
