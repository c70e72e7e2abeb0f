//! A hop that compresses answers in gzip, and holds small writes back.
//!
//! - Without `flushes` it is gin-contrib/gzip before its writer had a `Flush` (gin-contrib/gzip#16): what
//!   flushes the answer flushes the socket below, and deflate keeps what it has until a block is full.
//!   The ten bytes of gzip's header leave at once, so that the client waits behind a head and a body that
//!   has begun. How much fits in a block is a matter of the implementation: here `miniz_oxide` at level 6.
//! - With `flushes` it is nginx's `gzip on` with `text/event-stream` among `gzip_types` and
//!   `proxy_buffering off` (`ngx_http_gzip_filter_module.c`: a buffer with the flush flag ends in
//!   `Z_SYNC_FLUSH`), or gin-contrib/gzip of today: each read leaves as it came.
//!
//! It compresses where the request's `Accept-Encoding` names gzip, and the answer succeeds, has a body
//! and no coding yet. It says `Content-Encoding: gzip`, takes the length away and makes a strong tag a weak
//! one (`ngx_http_weak_etag`); `Vary: Accept-Encoding` it says also where it could compress and was not
//! asked, as nginx with `gzip_vary on`. Of an answer that breaks off, what deflate holds is lost.
//!
//! nginx holds too where it buffers (`proxy_buffering on`), and otherwise than without `flushes` here: its
//! head waits with the first bytes, and of an answer that breaks off it passes on what it held (1.22.1).
//!
//! Not modelled: lists of media types (nginx's default is `text/html` alone; traefik leaves
//! `text/event-stream` out again since 2.11.18 and 3.3.3) and least lengths (nginx 20 bytes, by
//! `Content-Length` alone; traefik 1,024).

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::{
    http_hop::{self, Asked, Exchange, Hop, Refusal},
    teller::Teller,
};
use crate::{
    http1::{Gunzip, Headers, ResponseHead, header},
    net::Host,
    scenario::Compressor,
    trace::{MiddleboxFact, Name},
};

const HELD: &str = "deflate has no full block";

pub(super) async fn serve(spec: Compressor, host: Host, next_hop: Name) {
    http_hop::serve(host, next_hop, Gzip { spec }).await;
}

struct Gzip {
    spec: Compressor,
}

impl Hop for Gzip {
    fn takes(&self, asked: Asked<'_>) -> Result<Box<dyn Exchange>, Refusal> {
        let spares = self.spec.spares_event_streams
            && has(&asked.head.headers, "accept", "text/event-stream");
        let compresses = asked.head.method != "HEAD" && !spares;
        let is_asked = accepts_gzip(&asked.head.headers);
        let (spec, teller) = (self.spec.clone(), asked.teller.clone());
        Ok(Box::new(Compressing { spec, teller, compresses, is_asked, deflate: None }))
    }
}

struct Compressing {
    spec: Compressor,
    teller: Teller,
    /// Whether it compresses answers to such requests.
    compresses: bool,
    /// Whether the client takes gzip.
    is_asked: bool,
    deflate: Option<Deflate>,
}

/// A body on its way. What its client can read of it already is read here too.
struct Deflate {
    encoder: GzEncoder<Vec<u8>>,
    reader: Gunzip,
    taken: usize,
    readable: usize,
}

impl Default for Deflate {
    fn default() -> Self {
        let encoder = GzEncoder::new(Vec::new(), Compression::default());
        Self { encoder, reader: Gunzip::default(), taken: 0, readable: 0 }
    }
}

impl Deflate {
    /// What leaves now, and how many bytes of the body can be read by it.
    fn leaves(&mut self) -> (Bytes, usize) {
        let out = std::mem::take(self.encoder.get_mut());
        let read = self.reader.feed(&out).map_or(0, |plain| plain.len());
        self.readable += read;
        (out.into(), read)
    }
}

impl Compressing {
    fn may_compress(&self, head: &ResponseHead) -> bool {
        let forbidden =
            self.spec.honours_no_transform && has(&head.headers, "cache-control", "no-transform");
        let has_body = (200..300).contains(&head.status) && head.status != 204;
        let is_coded = header(&head.headers, "content-encoding").is_some();
        if self.compresses && self.is_asked && forbidden && has_body && !is_coded {
            self.teller.tell(MiddleboxFact::PassedThrough { because: "no-transform" });
        }
        self.compresses && !forbidden && has_body && !is_coded
    }
}

impl Exchange for Compressing {
    fn answer(&mut self, head: &mut ResponseHead) {
        if !self.may_compress(head) {
            return;
        }
        let vary = ("vary".to_owned(), "Accept-Encoding".to_owned());
        if !self.is_asked {
            head.headers.push(vary);
            return;
        }
        head.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        weaken_tag(&mut head.headers);
        head.headers.extend([("content-encoding".to_owned(), "gzip".to_owned()), vary]);
        self.deflate = Some(Deflate::default());
    }

    fn body(&mut self, piece: Bytes) -> Bytes {
        let Some(deflate) = &mut self.deflate else { return piece };
        deflate.taken += piece.len();
        // A vector takes all.
        let _infallible = deflate.encoder.write_all(&piece);
        if self.spec.flushes {
            let _infallible = deflate.encoder.flush();
        }
        let (out, read) = deflate.leaves();
        let held = deflate.taken - deflate.readable;
        if !self.spec.flushes {
            self.teller.flushed(read, "a block is full");
            self.teller.held(held, HELD);
        }
        out
    }

    fn end(&mut self) -> Bytes {
        let Some(deflate) = &mut self.deflate else { return Bytes::new() };
        let _infallible = deflate.encoder.try_finish();
        let (out, read) = deflate.leaves();
        self.teller.flushed(read, "end of the answer");
        out
    }
}

/// What was compressed is another representation (RFC 9110 8.8.1): a strong tag becomes weak, and what is
/// no tag is left out.
fn weaken_tag(headers: &mut Headers) {
    let is_tag = |name: &str| name.eq_ignore_ascii_case("etag");
    headers.retain(|(name, value)| !is_tag(name) || value.starts_with(['"', 'W']));
    for (_, value) in headers.iter_mut().filter(|(name, _)| is_tag(name)) {
        if value.starts_with('"') {
            value.insert_str(0, "W/");
        }
    }
}

/// Whether a list header names a word, whatever its parameters.
fn has(headers: &Headers, name: &str, word: &str) -> bool {
    let list = header(headers, name).unwrap_or_default();
    list.split(',').any(|one| {
        let one = one.split(';').next().unwrap_or(one);
        one.trim().eq_ignore_ascii_case(word)
    })
}

/// RFC 9110 12.5.3; `q=0` refuses.
fn accepts_gzip(headers: &Headers) -> bool {
    let list = header(headers, "accept-encoding").unwrap_or_default();
    list.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::{
        client::testing::{Pipes, Step, send, serve as serve_script},
        http1::{Item, ResponseDecoder},
        middlebox::tests::facts,
        trace::Recorder,
    };

    const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    const GZIP: &str = "accept-encoding: br, gzip;q=0.9\r\n";

    /// What the client can read of an answer's body, and when; whether the head says gzip; the facts.
    type Played = (Vec<(u64, String)>, bool, Vec<(u64, MiddleboxFact)>);

    async fn play(spec: Compressor, fields: &str, says: &str, steps: Vec<Step>) -> Played {
        let recorder = Recorder::starting_now();
        let pipes = Pipes::new(65536);
        let head = format!("{STREAM}{says}\r\n");
        let script = [vec![send(&head)], steps].concat();
        serve_script(&pipes.host("relay", &recorder), vec![script]);
        tokio::spawn(serve(spec, pipes.host("box", &recorder), "relay".into()));
        tokio::task::yield_now().await;
        let mut client = pipes.host("client", &recorder).connect(&"box".into()).await.unwrap();
        let ask = format!("GET / HTTP/1.1\r\nconnection: close\r\n{fields}\r\n");
        client.write_all(ask.as_bytes()).await.unwrap();
        let (mut decoder, mut gunzip) = (ResponseDecoder::answering("GET"), None);
        let (mut read, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(len @ 1..) = client.read(&mut piece).await {
            let at = u64::try_from(recorder.now().as_millis()).unwrap();
            for item in decoder.feed(&piece[..len]).items {
                match item {
                    Item::Head(head) => {
                        let coded = crate::http1::is_gzip(&head.headers);
                        gunzip = coded.then(Gunzip::default);
                        let vary = header(&head.headers, "vary").is_some();
                        assert!(vary || !coded);
                        assert_eq!(header(&head.headers, "content-length"), None);
                    }
                    Item::Body(bytes) => {
                        let plain = match &mut gunzip {
                            Some(gunzip) => gunzip.feed(&bytes).unwrap(),
                            None => bytes.to_vec(),
                        };
                        let text = String::from_utf8(plain).unwrap();
                        read.extend((!text.is_empty()).then_some((at, text)));
                    }
                    Item::Trailers(_) | Item::End(_) => {}
                }
            }
        }
        (read, gunzip.is_some(), facts(&recorder))
    }

    fn events() -> Vec<Step> {
        ["data: 1\n\n", "data: 2\n\n"]
            .iter()
            .flat_map(|event| [send(event), Step::Wait(100)])
            .collect()
    }

    fn text(at: u64, text: &str) -> (u64, String) {
        (at, text.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn small_writes_are_held_until_the_end() {
        let (read, coded, facts) = play(Compressor::default(), GZIP, "", events()).await;
        assert!(coded);
        assert_eq!(read, [text(200, "data: 1\n\ndata: 2\n\n")]);
        let held = |bytes| MiddleboxFact::Held { bytes, because: HELD };
        let flushed = MiddleboxFact::Flushed { bytes: 18, because: "end of the answer" };
        assert_eq!(facts, [(0, held(9)), (100, held(18)), (200, flushed)]);
    }

    #[tokio::test(start_paused = true)]
    async fn with_flushes_each_read_leaves_as_it_came() {
        let spec = Compressor { flushes: true, ..Compressor::default() };
        let (read, coded, facts) = play(spec, GZIP, "", events()).await;
        assert!(coded);
        assert_eq!(read, [text(0, "data: 1\n\n"), text(100, "data: 2\n\n")]);
        assert_eq!(facts, []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_lost_with_an_answer_that_breaks_off() {
        let steps = vec![send("9\r\ndata: 1\n\n\r\n"), Step::Wait(100), Step::Reset];
        let chunked = "transfer-encoding: chunked\r\n";
        let (read, _, facts) = play(Compressor::default(), GZIP, chunked, steps).await;
        assert_eq!(read, []);
        assert_eq!(facts.last(), Some(&(100, MiddleboxFact::CutShort { how: "RST", shows: true })));
    }

    /// A block is full long before 1 MiB of noise has passed.
    #[tokio::test(start_paused = true)]
    async fn a_full_block_leaves() {
        let mut noise = blake3::Hasher::new().finalize_xof();
        let mut bytes = vec![0; 1 << 20];
        noise.fill(&mut bytes);
        let mut exchange = Compressing {
            spec: Compressor::default(),
            teller: teller(),
            compresses: true,
            is_asked: true,
            deflate: Some(Deflate::default()),
        };
        let mut gunzip = Gunzip::default();
        let left = exchange.body(bytes.clone().into());
        let read = gunzip.feed(&left).unwrap();
        assert!(!read.is_empty() && read.len() < bytes.len() && bytes.starts_with(&read));
        let rest = gunzip.feed(&exchange.end()).unwrap();
        assert_eq!([read, rest].concat(), bytes);
    }

    fn teller() -> Teller {
        let recorder = Recorder::starting_now();
        let host = Pipes::new(64).host("box", &recorder);
        Teller::speaking_for(host, crate::trace::Connection(0))
    }

    #[rstest]
    #[case::not_asked_for("", "", false)]
    #[case::refused("accept-encoding: gzip;q=0\r\n", "", false)]
    #[case::coded_already(GZIP, "content-encoding: br\r\n", false)]
    #[case::told_not_to(GZIP, "cache-control: no-cache, no-transform\r\n", false)]
    #[case::an_event_source("accept-encoding: gzip\r\naccept: text/event-stream\r\n", "", false)]
    #[case::an_sdk("accept-encoding: gzip, deflate\r\naccept: application/json\r\n", "", true)]
    #[tokio::test(start_paused = true)]
    async fn only_who_may_be_compressed_is(
        #[case] fields: &str,
        #[case] says: &str,
        #[case] expected: bool,
    ) {
        let spec = Compressor {
            name: None,
            flushes: true,
            honours_no_transform: true,
            spares_event_streams: true,
        };
        let (read, coded, _) = play(spec, fields, says, events()).await;
        assert_eq!((read.len(), coded), (2, expected));
    }
}
