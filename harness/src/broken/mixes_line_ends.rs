//! Ends lines as it likes, and leaves the blank ones.

use axum::Router;
use bytes::Bytes;

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "mixes-line-ends",
    mistake: "writes the lines of an event anew, each with LF, and leaves the blank line after them \
              as it came: where the provider writes CR LF, an event has both",
    made_by: "EdamAme-x/pentect#980: lines are joined by LF and the event's end stays CR LF; \
              BerriAI/litellm PR#36503: a usage chunk that is written anew ends in LF CR LF",
    caught_by: &["any-line-end", "any-cut", "bounded-memory"],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        parts::edit_blocks(body, |block| Some(Bytes::from(with_lf(&block))))
    })
}

/// A block whose lines end in LF, but for the blank ones.
fn with_lf(block: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(text) if !text.is_empty() => written.extend([text, b"\n"].concat()),
            Some(_) | None => written.extend(line),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn an_event_with_cr_lf_gets_lf_as_well() {
        let stream = |text| Provider::new(vec![Reply::stream(vec![send(text)])]);
        let crlf = "event: a\r\ndata: 1\r\n\r\n";
        assert_eq!(ask(relay, &stream(crlf), chat()).await.text(), "event: a\ndata: 1\n\r\n");
        assert_eq!(ask(parts::right, &stream(crlf), chat()).await.text(), crlf);
        let others = "data: 1\n\ndata: 2\r\r";
        assert_eq!(ask(relay, &stream(others), chat()).await.text(), others);
    }
}
