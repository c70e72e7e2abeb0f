//! Answers what is not a request, then closes without losing the answer.

use std::{future::poll_fn, time::Duration};

use super::status::reason;
use crate::{errors, journal, log::Log, socket::Socket, wire::Wire};

/// How long the peer may go on sending after the refusal: nginx's `lingering_timeout`.
const LINGER_MAX: Duration = Duration::from_secs(5);

/// Writes the refusal, sends FIN, and reads on for a while: closing with unread bytes would make
/// the kernel send RST, and that can destroy the answer before the peer has read it.
pub(crate) async fn refuse<W: Wire>(socket: &mut Socket<W>, log: &Log, status: u16, why: &str) {
    let body = errors::object(&format!("Bad request: {why}."), "invalid_request_error", None);
    let answer = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        reason(status),
        body.len()
    );
    let spoken = async {
        if let Err(how) = socket.write_all(answer.as_bytes()).await {
            return how;
        }
        log.tell(journal::Event::Head { status });
        log.tell(journal::Event::Wrote { offset: 0, bytes: body.into() });
        match socket.shut_down().await {
            Ok(()) => poll_fn(|cx| socket.poll_gone_deaf(cx)).await,
            Err(how) => how,
        }
    };
    if let Ok(how) = tokio::time::timeout(LINGER_MAX, spoken).await {
        log.tell(journal::Event::PeerGone { how, during_answer: false });
    }
}
