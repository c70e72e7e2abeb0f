//! nginx 1.22 as a proxy: it collects an answer in buffers before it passes it on.
//!
//! Modelled from `ngx_event_pipe.c`, `ngx_http_upstream.c` and `ngx_http_proxy_module.c` of release
//! 1.22.1, and measured on that release, with `proxy_http_version` 1.0 and 1.1 and `proxy_buffering`
//! on and off. How an answer is framed decides as much as the switch does:
//!
//! - By default it speaks HTTP/1.0 to its next hop, so a server that keeps to RFC 9112 6.1 answers without
//!   chunks, until the close. Such bytes leave only when a buffer is full or the answer ends. 51
//!   frames of 230 bytes, 20 ms apart, came in three bursts: 4,044 bytes after 344 ms (a buffer
//!   less the 52 bytes of the head), 4,096 after 707 ms, the rest at the end. The client's head
//!   waits for the first burst.
//! - A FIN from its next hop ends such an answer *cleanly*: the client gets a final chunk. What was
//!   cut looks whole.
//! - An RST, or 60 s without a byte, ends the client's connection without a final chunk, and what
//!   was still in the open buffer is lost.
//! - Where the answer has chunks, as in HTTP/1.1, a buffer is passed on when it holds at least what
//!   can still end the answer: nothing of a whole chunk waits. So HTTP/1.1 alone makes a stream come
//!   chunk by chunk, with buffering on. But the head waits for the first chunk, and an answer with a
//!   length or until the close waits as in HTTP/1.0.
//! - With buffering off the head goes on at once, and what each read brings, in either version. A
//!   FIN ends an answer until the close cleanly all the same.
//! - A client that goes, or that only shuts its sending side, closes the next hop at once.
//!
//! Not modelled: temporary files (as with `proxy_max_temp_file_size 0`: when its buffers are full
//! it stops reading; by default nginx would spool up to 1 GiB to disk), several buffers in one
//! write, HTTP/0.9 (an answer that is not HTTP gets 502; nginx passes it through), `Date` and
//! `Server`, early hints.

mod answer;
mod buffers;
mod connection;
mod heads;

use tokio::task::JoinSet;

use crate::{net::Host, scenario::BufferingProxy, trace::Name};

/// Serves every client by itself.
pub(super) async fn serve(spec: BufferingProxy, host: Host, next_hop: Name) {
    let Ok(mut listener) = host.listen() else { return };
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = mock_openai::wire::Accept::accept(&mut listener).await {
        // Those that are over are let go of.
        while clients.try_join_next().is_some() {}
        clients.spawn(connection::serve(spec.clone(), host.clone(), next_hop.clone(), stream));
    }
}

#[cfg(test)]
mod tests;
