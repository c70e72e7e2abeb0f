//! Knows one line end.

use axum::Router;
use bytes::{Bytes, BytesMut};

use super::{Broken, Server, Setup, parts};

pub(super) const BROKEN: Broken = Broken {
    name: "splits-on-two-newlines",
    mistake: "takes LF LF for the end of an event and knows no other, so that events whose lines \
              end in CR LF or CR never end, and are dropped with the rest",
    made_by: "envoyproxy/ai-gateway#2463: a parser that knows LF LF alone; \
              hey-api/hey-api#3054: no event ever comes from a server that sends CR LF",
    caught_by: &[
        "any-line-end",
        "payload-intact",
        "any-cut",
        "fields-survive",
        "one-ending",
        "prompt-frames",
        "bounded-memory",
    ],
    server: Server::RIGHT,
    relay,
};

fn relay(setup: Setup) -> Router {
    parts::changing_streams(setup, |body| {
        let mut held = BytesMut::new();
        parts::edit(body, move |item| match item {
            Some(Ok(bytes)) => {
                held.extend_from_slice(&bytes);
                std::iter::from_fn(|| event(&mut held)).map(Ok).collect()
            }
            Some(Err(error)) => vec![Ok(held.split().freeze()), Err(error)],
            // What never ended was no event.
            None => vec![],
        })
    })
}

/// The next event, up to its LF LF.
fn event(held: &mut BytesMut) -> Option<Bytes> {
    let end = held.windows(2).position(|two| two == b"\n\n")?;
    Some(held.split_to(end + 2).freeze())
}

#[cfg(test)]
mod tests {
    use super::{
        super::parts::testing::{Provider, Reply, ask, chat, send},
        *,
    };

    #[tokio::test(start_paused = true)]
    async fn events_with_another_line_end_never_come() {
        let stream = |text| Provider::new(vec![Reply::stream(vec![send(text)])]);
        let lf = "data: 1\n\ndata: [DONE]\n\n";
        assert_eq!(ask(relay, &stream(lf), chat()).await.text(), lf);
        let crlf = "data: 1\r\n\r\ndata: [DONE]\r\n\r\n";
        assert_eq!(ask(relay, &stream(crlf), chat()).await.text(), "");
        assert_eq!(ask(parts::right, &stream(crlf), chat()).await.text(), crlf);
    }
}
