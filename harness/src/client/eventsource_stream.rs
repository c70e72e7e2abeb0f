//! What a Rust application sees through the `eventsource-stream` crate.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use eventsource_stream::{EventStream, EventStreamError, Eventsource as _};
use futures_util::Stream;

use super::application::Application;
use crate::{
    http1::ResponseHead,
    trace::{BodyEnd, Sight},
};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Feeds the body of a 2xx answer to the crate as it came; an application looks at the status
/// before it parses.
pub(super) struct EventsourceStream {
    feed: Feed,
    parser: Option<EventStream<Feed>>,
    /// The first bytes of the body, up to the length of a byte order mark.
    start: Vec<u8>,
}

impl Default for EventsourceStream {
    fn default() -> Self {
        let feed = Feed::default();
        Self { parser: Some(feed.clone().eventsource()), feed, start: Vec::new() }
    }
}

/// The body as a stream, fed from outside.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Fed>>);

#[derive(Default)]
struct Fed {
    pieces: VecDeque<Result<Bytes, String>>,
    ended: bool,
}

impl Feed {
    fn with<T>(&self, change: impl FnOnce(&mut Fed) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, String>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.with(|fed| match fed.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(piece)),
            None if fed.ended => Poll::Ready(None),
            None => Poll::Pending,
        })
    }
}

impl EventsourceStream {
    /// All that the crate dispatches from what it was fed.
    fn drain(&mut self) -> Vec<Sight> {
        let mut sights = Vec::new();
        while let Some(parser) = &mut self.parser {
            let mut context = Context::from_waker(Waker::noop());
            let polled =
                catch_unwind(AssertUnwindSafe(|| Pin::new(parser).poll_next(&mut context)));
            match polled {
                Ok(Poll::Pending) => break,
                Ok(Poll::Ready(Some(Ok(event)))) => {
                    let eventsource_stream::Event { event, data, id, retry: _ } = event;
                    sights.push(Sight::Event { event, id, data });
                }
                Ok(Poll::Ready(Some(Err(error)))) => {
                    // After its source has failed an application polls no more.
                    if matches!(error, EventStreamError::Transport(_)) {
                        self.parser = None;
                    }
                    sights.push(Sight::Error { text: error.to_string() });
                }
                Ok(Poll::Ready(None)) => {
                    self.parser = None;
                    sights.push(Sight::End);
                }
                Err(_) => sights.push(self.panicked()),
            }
        }
        sights
    }

    fn panicked(&mut self) -> Sight {
        self.parser = None;
        Sight::Error { text: "eventsource-stream panics".to_owned() }
    }

    /// Whether the body begins with a byte order mark: eventsource-stream 0.2.3 cuts it off as one
    /// byte of three, and panics. It is not let run into that: a panic hook would hear it.
    fn begins_with_a_mark(&mut self, bytes: &[u8]) -> bool {
        let missing = BYTE_ORDER_MARK.len() - self.start.len();
        self.start.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        missing > 0 && self.start == BYTE_ORDER_MARK
    }
}

impl Application for EventsourceStream {
    fn head(&mut self, head: &ResponseHead) -> Vec<Sight> {
        if !(200..300).contains(&head.status) {
            self.parser = None;
        }
        Vec::new()
    }

    fn body(&mut self, bytes: &Bytes) -> Vec<Sight> {
        if self.parser.is_none() {
            return Vec::new();
        }
        if self.begins_with_a_mark(bytes) {
            return vec![self.panicked()];
        }
        self.feed.with(|fed| fed.pieces.push_back(Ok(bytes.clone())));
        self.drain()
    }

    fn ended(&mut self, how: BodyEnd) -> Vec<Sight> {
        let error = match how {
            BodyEnd::Complete => None,
            BodyEnd::Truncated => Some("unexpected end of file"),
            BodyEnd::Reset => Some("connection reset"),
            BodyEnd::Garbled => Some("invalid HTTP"),
            BodyEnd::StreamReset(_) => Some("stream reset"),
            BodyEnd::TurnedAway(_) => Some("connection going away"),
        };
        self.feed.with(|fed| {
            fed.pieces.extend(error.map(|text| Err(text.to_owned())));
            fed.ended = true;
        });
        self.drain()
    }
}

/// Where eventsource-stream 0.2.3 and the standard part ways, as a table.
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rstest::rstest;

    use super::*;
    use crate::wire;

    /// What an application sees when the body comes in these pieces and ends well.
    fn sees(pieces: &[&[u8]]) -> Vec<String> {
        let mut application = EventsourceStream::default();
        let mut sights = Vec::new();
        for piece in pieces {
            sights.extend(application.body(&Bytes::copy_from_slice(piece)));
        }
        sights.extend(application.ended(BodyEnd::Complete));
        let line = |sight| match sight {
            Sight::Event { event, id, data } => format!("{event}|{id}|{data}"),
            Sight::Error { text } => {
                format!("error: {}", text.split(':').next().unwrap_or_default())
            }
            Sight::End => "end".to_owned(),
            Sight::Open
            | Sight::Answer { .. }
            | Sight::Response { .. }
            | Sight::Text { .. }
            | Sight::Blocked { .. } => "?".to_owned(),
        };
        sights.into_iter().map(line).collect()
    }

    fn standard(body: &[u8]) -> Vec<String> {
        let line = |e: wire::Event| format!("{}|{}|{}", e.event, e.id, e.data);
        wire::events(body).into_iter().map(line).chain(["end".to_owned()]).collect()
    }

    #[rstest]
    #[case::one_line("data: Hello\n\n")]
    #[case::two_lines("data: Hello\r\ndata: World\r\n\r\n")]
    #[case::comments(": a\n\ndata: x\n:b\n\n")]
    #[case::type_resets("event: test\ndata: x\n\ndata: x\n\n")]
    #[case::type_without_data_resets("event: lost\n\ndata: x\n\n")]
    #[case::empty_data("data:\n\ndata\ndata\n\n")]
    #[case::unknown_fields("color: blue\n data\ndata: x\n\n")]
    #[case::id_with_null("id: a\0bc\ndata: x\n\n")]
    #[case::id_persists("id: 1\ndata: a\n\ndata: b\n\n")]
    #[case::id_without_data_counts("id: 1\n\ndata: b\n\nid\ndata: c\n\n")]
    #[case::two_colons("::\ndata: a\n\n")]
    #[case::spaces("data:\ttest\ndata:  x\n\n")]
    #[case::many_blank_lines("data: x\n\n\n\n\ndata: y\n\n")]
    #[case::unfinished("data: x\n\ndata: lost\n")]
    #[case::done("data: [DONE]\n\n")]
    #[case::multi_byte("data: €豆腐\n\n")]
    fn it_agrees_with_the_oracle(#[case] body: &str) {
        assert_eq!(sees(&[body.as_bytes()]), standard(body.as_bytes()));
        let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        assert_eq!(sees(&bytes), standard(body.as_bytes()), "byte by byte");
    }

    /// Of the cases of both public suites, those in which an application sees something else than
    /// the standard says, however the bytes are cut.
    #[test]
    fn of_the_public_cases_it_fails_these() {
        let fails = wire::tests::stimuli().into_iter().filter_map(|(name, body)| {
            let each: Vec<&[u8]> = body.chunks(1).collect();
            let (whole, each) = (sees(&[&body]) != standard(&body), sees(&each) != standard(&body));
            assert_eq!(whole, each, "{name}");
            whole.then_some(name)
        });
        assert_eq!(
            fails.collect::<Vec<_>>(),
            [
                "format_bom",
                "format_bom_2",
                "bom_at_start",
                "bom_before_event_and_id",
                "bom_then_several",
                "bom_before_two_lines",
                "bom_before_a_comment",
                "bom_before_empty_data",
            ]
        );
    }

    /// The body, what the standard gives, and what an application on this crate gets instead.
    #[rstest]
    #[case::byte_order_mark(b"\xEF\xBB\xBFdata: x\n\n", &["message||x", "end"], &["error: eventsource-stream panics"])]
    #[case::the_last_return_waits(b"data: a\r\rdata: b\r\r", &["message||a", "message||b", "end"], &["message||a", "end"])]
    #[case::invalid_utf8_stalls_all_that_follows(b"data: a\n\ndata: \xFF\n\ndata: c\n\n", &["message||a", "message||\u{fffd}", "message||c", "end"], &["message||a", "error: UTF8 error", "end"])]
    fn it_departs_from_the_standard(
        #[case] body: &[u8],
        #[case] by_the_standard: &[&str],
        #[case] by_the_crate: &[&str],
    ) {
        assert_eq!(standard(body), by_the_standard);
        assert_eq!(sees(&[body]), by_the_crate);
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(sees(&bytes), by_the_crate, "byte by byte");
    }

    /// The reason why the body is looked at before the crate sees it.
    #[test]
    fn the_crate_itself_panics_on_a_byte_order_mark() {
        let feed = Feed::default();
        feed.with(|fed| fed.pieces.push_back(Ok(Bytes::from_static(b"\xEF\xBB\xBFdata: x\n\n"))));
        let mut parser = feed.eventsource();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            Pin::new(&mut parser).poll_next(&mut Context::from_waker(Waker::noop()))
        }));
        assert!(polled.is_err());
    }

    #[test]
    fn its_panic_is_never_heard() {
        static HEARD: AtomicUsize = AtomicUsize::new(0);
        const NAME: &str = "parses a byte order mark";
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some(NAME) {
                HEARD.fetch_add(1, Ordering::Relaxed);
            }
            others(panic);
        }));
        let parse = || sees(&[b"\xEF", b"\xBB\xBFdata: x\n\n"]);
        let thread = std::thread::Builder::new().name(NAME.to_owned()).spawn(parse);
        assert_eq!(thread.unwrap().join().unwrap(), ["error: eventsource-stream panics"]);
        assert_eq!(HEARD.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_error_page_is_not_parsed() {
        let mut application = EventsourceStream::default();
        let head = ResponseHead {
            version: http::Version::HTTP_11,
            status: 429,
            reason: String::new(),
            headers: Vec::new(),
        };
        application.head(&head);
        assert_eq!(application.body(&Bytes::from_static(b"data: x\n\n")), []);
        assert_eq!(application.ended(BodyEnd::Complete), []);
    }
}
