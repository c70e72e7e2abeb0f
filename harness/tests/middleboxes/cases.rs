//! The table: settings of a program, the model that is to do the same, what the server does.

use std::time::Duration;

use harness::scenario::{
    BufferingProxy, Compressor, CutterEnd, Deadline, Haproxy, IdleCutter, Middlebox, UpstreamHttp,
};
use mock_openai::quantity::Time;

use crate::{
    program::Settings,
    story::{Leave, Step},
};

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) program: Settings,
    pub(crate) model: Middlebox,
    pub(crate) server: Vec<Step>,
    pub(crate) leaves: Option<Leave>,
    /// Fields of the request beside `host`.
    pub(crate) asks: &'static str,
    /// Whether the program is told to stop when it is asked.
    pub(crate) stops: bool,
}

impl Case {
    /// Longer than all that the server does.
    pub(crate) fn patience(&self) -> Duration {
        if self.refuses() {
            return Duration::from_secs(8);
        }
        let wait = |step: &Step| if let Step::Wait(ms) = step { *ms } else { 0 };
        Duration::from_millis(self.server.iter().map(wait).sum::<u64>() + 700)
    }

    /// Whether no server listens.
    pub(crate) fn refuses(&self) -> bool {
        self.server.is_empty()
    }

    fn asking(self, asks: &'static str) -> Self {
        Self { asks, ..self }
    }

    fn leaving(mut self, leaves: Leave) -> Self {
        self.leaves = Some(leaves);
        self
    }
}

/// An answer until the close, one in chunks, one with a length of three frames.
const CLOSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const LENGTH: &str = "HTTP/1.1 200 OK\r\ncontent-length: 690\r\n\r\n";
const ASKS_NO: &str = "HTTP/1.1 200 OK\r\nx-accel-buffering: no\r\n\r\n";
const ASKS_YES: &str = "HTTP/1.1 200 OK\r\nx-accel-buffering: yes\r\n\r\n";
const LAST: &str = "0\r\n\r\n";

fn frame() -> String {
    format!("data: {}\n\n", "x".repeat(222))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Each piece, and a pause behind it.
fn paced(pieces: &[&str], ms: u64) -> Vec<Step> {
    let step = |piece: &&str| [Step::Send(piece.as_bytes().to_vec()), Step::Wait(ms)];
    pieces.iter().flat_map(step).collect()
}

fn with_reset(mut steps: Vec<Step>) -> Vec<Step> {
    steps.push(Step::Reset);
    steps
}

pub(crate) fn nginx() -> Vec<Case> {
    let proxy = |http, buffering| {
        Middlebox::BufferingProxy(BufferingProxy { http, buffering, ..BufferingProxy::default() })
    };
    let bare = ("", proxy(UpstreamHttp::H10, true));
    let off = ("proxy_buffering off;", proxy(UpstreamHttp::H10, false));
    let h1 = ("proxy_http_version 1.1;", proxy(UpstreamHttp::H1, true));
    let h1_off = ("proxy_http_version 1.1; proxy_buffering off;", proxy(UpstreamHttp::H1, false));
    let of = |name, (settings, model): &(&'static str, Middlebox), server| Case {
        name,
        program: Settings::Nginx(settings),
        model: model.clone(),
        server,
        leaves: None,
        asks: "",
        stops: false,
    };
    let (f, c) = (frame(), chunk(&frame()));
    let big = "y".repeat(1_000);
    let until_close = || paced(&[CLOSE, &f, &f], 250);
    let chunked = || paced(&[CHUNKED, &c, &c, LAST], 250);
    let length = || paced(&[LENGTH, &f, &f, &f], 250);
    let cut = || paced(&[CHUNKED, &c, &c[..50]], 250);
    let stays = || paced(&[CHUNKED, &c, &c, &c, &c], 400);
    let idle = IdleCutter {
        name: None,
        after: Some(Time(Duration::from_secs(1))),
        by: CutterEnd::Fin,
        only_data_counts: false,
    };
    let idle = (
        "proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1s;",
        Middlebox::IdleCutter(idle),
    );
    let silent = || [paced(&[CHUNKED, &c], 250), vec![Step::Wait(1_700)]].concat();
    vec![
        of("bare: buffers are filled", &bare, {
            paced(&[CLOSE, &big, &big, &big, &big, &big, &big, &big, &big, &big], 200)
        }),
        of("bare: until the close", &bare, until_close()),
        of("bare: chunks", &bare, chunked()),
        of("bare: a length", &bare, length()),
        of("bare: RST", &bare, with_reset(until_close())),
        of("bare: asked not to buffer", &bare, paced(&[ASKS_NO, &f, &f], 250)),
        of("off: until the close", &off, until_close()),
        of("off: chunks", &off, chunked()),
        of("off: RST", &off, with_reset(until_close())),
        of("off: asked to buffer", &off, paced(&[ASKS_YES, &f, &f], 250)),
        of("1.1: until the close", &h1, until_close()),
        of("1.1: chunks", &h1, chunked()),
        of("1.1: a length", &h1, length()),
        of("1.1: cut", &h1, cut()),
        of("1.1: RST", &h1, with_reset(cut())),
        of("1.1, off: until the close", &h1_off, until_close()),
        of("1.1, off: chunks", &h1_off, chunked()),
        of("1.1, off: a length", &h1_off, length()),
        of("1.1, off: cut", &h1_off, cut()),
        of("1.1, off: RST", &h1_off, with_reset(cut())),
        of("client's FIN", &h1_off, stays()).leaving(Leave::Fin(1_000)),
        of("client's RST", &h1_off, stays()).leaving(Leave::Rst(1_000)),
        of("client half closed", &h1_off, stays()).leaving(Leave::Half(1_000)),
        of("idle_cutter: silence", &idle, silent()),
        of("nobody listens", &bare, vec![]),
    ]
}

const GZIP: &str = "accept-encoding: br, gzip;q=0.9\r\n";
const TAGGED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\netag: \"a\"\r\n\
                      transfer-encoding: chunked\r\n\r\n";
const WEAK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\netag: W/\"a\"\r\n\
                    transfer-encoding: chunked\r\n\r\n";
const CODED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: br\r\n\
                     transfer-encoding: chunked\r\n\r\n";
const FORBIDS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                       cache-control: no-transform\r\ntransfer-encoding: chunked\r\n\r\n";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\ncontent-type: text/event-stream\r\n\r\n";

/// nginx's `gzip on`, which flushes what comes unbuffered.
pub(crate) fn compressing() -> Vec<Case> {
    const GZIPS: &str = "proxy_http_version 1.1; proxy_buffering off; \
                           gzip on; gzip_types text/event-stream; gzip_vary on;";
    let model = Compressor { flushes: true, ..Compressor::default() };
    let of = |name, server| Case {
        name,
        program: Settings::Nginx(GZIPS),
        model: Middlebox::Compressor(model.clone()),
        server,
        leaves: None,
        asks: GZIP,
        stops: false,
    };
    let c = chunk(&frame());
    let with = |head: &str| paced(&[head, &c, &c, LAST], 250);
    vec![
        of("gzip: chunks", with(CHUNKED)),
        of("gzip: a length", {
            let length = LENGTH.replace("200 OK", "200 OK\r\ncontent-type: text/event-stream");
            paced(&[&length, &frame(), &frame(), &frame()], 250)
        }),
        of("gzip: cut", paced(&[CHUNKED, &c, &c[..50]], 250)),
        of("gzip: RST", with_reset(paced(&[CHUNKED, &c], 250))),
        of("gzip: a strong tag", with(TAGGED)),
        of("gzip: a weak tag", with(WEAK)),
        of("gzip: coded already", with(CODED)),
        of("gzip: told not to", with(FORBIDS)),
        of("gzip: no content", paced(&[NO_CONTENT], 250)),
        of("gzip: not asked for", with(CHUNKED)).asking(""),
        of("gzip: refused", with(CHUNKED)).asking("accept-encoding: gzip;q=0, br\r\n"),
    ]
}

/// Each program told to stop when it is asked, with a bound on how long exchanges may still take.
pub(crate) fn stopping() -> (Case, Case) {
    let deadline = Deadline { name: None, after: Time(Duration::from_secs(1)), by: CutterEnd::Fin };
    let c = chunk(&frame());
    let of = |name, program| Case {
        name,
        program,
        model: Middlebox::Deadline(deadline.clone()),
        server: paced(&[CHUNKED, &c, &c, &c, &c], 400),
        leaves: None,
        asks: "",
        stops: true,
    };
    let passes = "proxy_http_version 1.1; proxy_buffering off;";
    let nginx = Settings::NginxWithWorker(passes, "worker_shutdown_timeout 1s;");
    let haproxy = Settings::HaproxyWith("option http-no-delay", "hard-stop-after 1s");
    (of("worker_shutdown_timeout", nginx), of("hard-stop-after", haproxy))
}

pub(crate) fn haproxy() -> Vec<Case> {
    let model = |http_no_delay, abort_on_close| {
        Middlebox::Haproxy(Haproxy { http_no_delay, abort_on_close, ..Haproxy::default() })
    };
    let bare = ("", model(false, false));
    let no_delay = ("option http-no-delay", model(true, false));
    let abort = ("option http-no-delay\n  option abortonclose", model(true, true));
    let timeout = Some(Time(Duration::from_secs(1)));
    let limited = Haproxy { http_no_delay: true, timeout, ..Haproxy::default() };
    let limited = ("option http-no-delay\n  timeout server 1s", Middlebox::Haproxy(limited));
    let idle =
        IdleCutter { name: None, after: timeout, by: CutterEnd::Fin, only_data_counts: false };
    let idle = ("mode tcp\n  timeout client 1s\n  timeout server 1s", Middlebox::IdleCutter(idle));
    let of = |name, (settings, model): &(&'static str, Middlebox), server| Case {
        name,
        program: Settings::Haproxy(settings),
        model: model.clone(),
        server,
        leaves: None,
        asks: "",
        stops: false,
    };
    let (f, c) = (frame(), chunk(&frame()));
    let large = chunk(&"y".repeat(3_000));
    let pairs = || {
        let pair = || [paced(&[&c], 100), paced(&[&c], 500)].concat();
        [paced(&[CHUNKED], 500), pair(), pair(), paced(&[LAST], 100)].concat()
    };
    let cut = || [paced(&[CHUNKED], 500), paced(&[&c], 50)].concat();
    let stays = || paced(&[CHUNKED, &c, &c, &c, &c], 400);
    let silent = || [paced(&[CHUNKED, &c], 250), vec![Step::Wait(1_700)]].concat();
    vec![
        of("pairs of frames", &bare, pairs()),
        of("no delay: pairs of frames", &no_delay, pairs()),
        of("until the close", &bare, paced(&[CLOSE, &f, &f], 150)),
        of("a full segment", &bare, paced(&[CHUNKED, &large, LAST], 150)),
        of("a length", &bare, paced(&[LENGTH, &f, &f, &f], 500)),
        of("cut", &bare, cut()),
        of("RST", &bare, with_reset(cut())),
        of("client's FIN", &no_delay, stays()).leaving(Leave::Fin(1_000)),
        of("client's RST", &no_delay, stays()).leaving(Leave::Rst(1_000)),
        of("client half closed", &no_delay, stays()).leaving(Leave::Half(1_000)),
        of("abortonclose: client's FIN", &abort, stays()).leaving(Leave::Fin(1_000)),
        of("abortonclose: client half closed", &abort, stays()).leaving(Leave::Half(1_000)),
        of("timeout: silence", &limited, silent()),
        of("timeout: no answer", &limited, vec![Step::Wait(2_000)]),
        of("nobody listens", &bare, vec![]),
        of("idle_cutter: silence", &idle, silent()),
    ]
}
