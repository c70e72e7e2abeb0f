//! haproxy 2.6 in HTTP mode: it lets the kernel wait for full segments, and looks at its client when
//! it writes.
//!
//! Modelled on `stconn.c` and `mux_h1.c` of release 2.6, and measured on 2.6.12:
//!
//! - While more of an answer with chunks or a length is expected, it writes with `MSG_MORE`. What
//!   does not fill a segment then waits in the kernel until more fills it, the answer ends, or the
//!   kernel's timer fires: the head alone, and each event of 230 bytes, came 202 to 216 ms late.
//!   `option http-no-delay` cures it. An answer until the close is written without it, and passes.
//! - What one read brings becomes one chunk. An answer until the close stays one, with `connection:
//!   close`, and chunks go even to a client of HTTP/1.0.
//! - A FIN or RST from its next hop before the end ends the client's connection by FIN, behind
//!   what was held, without a final chunk. Of an answer until the close that looks like its end.
//! - While an answer is on its way it does not look at its client: of one that went away it learns
//!   when a write fails, which is the second one after a FIN. The next hop then gets RST. A client
//!   that shut its sending side alone gets all. With `option abortonclose` either ends both at once.
//! - Silence of the next hop ends an answer as a cut does, and before its head with 504. Where nobody
//!   listens it tries three times more, a second apart, and answers 503.
//!
//! Not modelled: reuse of connections to the next hop (each is closed behind its answer), requests
//! that are passed on as they come (they are read whole), trailers and early hints (dropped), and a
//! read ahead while the client does not take what it is sent. Where a write is longer than a segment,
//! all of it leaves: the rest goes with the first acknowledgement.

mod answer;
mod connection;
mod heads;
#[cfg(test)]
mod tests;

use tokio::task::JoinSet;

use crate::{net::Host, scenario::Haproxy, trace::Name};
use connection::Client;

/// `tune.bufsize`.
const PIECE_BYTES: usize = 16 * 1024;

/// Serves every client by itself.
pub(super) async fn serve(spec: Haproxy, host: Host, next_hop: Name) {
    let Ok(mut listener) = host.listen() else { return };
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = mock_openai::wire::Accept::accept(&mut listener).await {
        // Those that are over are let go of.
        while clients.try_join_next().is_some() {}
        let client = Client::new(spec.clone(), &host, stream);
        clients.spawn(client.served(host.clone(), next_hop.clone()));
    }
}
