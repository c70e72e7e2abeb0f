//! Bytes from the standards' examples, and bytes that another program writes.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::Reason;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::{
    frame::kind,
    testing::{frame, hex},
    *,
};

fn fields(stream: &Stream) -> Vec<(&str, &str)> {
    stream.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn heads_are_those_of_the_standards_examples() {
    // RFC 7541 C.4.1 to C.4.3: Huffman codes, and a table that each head adds to.
    let wire = [
        PREFACE.to_vec(),
        frame(kind::HEADERS, 5, 1, &hex("828684 418c f1e3 c2e5 f23a 6ba0 ab90 f4ff")),
        frame(kind::HEADERS, 5, 3, &hex("828684 be58 86a8 eb10 649c bf")),
        // In two frames, and with padding and a priority before it (RFC 9113 6.2).
        frame(kind::HEADERS, 1 | 8 | 0x20, 5, &hex("02 00000000 10 8287 85bf 4088 0000")),
        frame(kind::CONTINUATION, 4, 5, &hex("25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")),
    ]
    .concat();
    assert!(Half::begins(&wire));
    let half = Half::of_client(&wire);
    assert_eq!(half.broken, None);
    let first = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "www.example.com"),
    ];
    assert_eq!(fields(&half.streams[&1]), first);
    assert_eq!(fields(&half.streams[&3]), [&first[..], &[("cache-control", "no-cache")]].concat());
    let third = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/index.html"),
        (":authority", "www.example.com"),
        ("custom-key", "custom-value"),
    ];
    assert_eq!(fields(&half.streams[&5]), third);
    assert_eq!(half.streams[&5].end, Some(wire.len()));
}

#[test]
fn each_byte_of_a_body_knows_its_place_and_padding_is_none_of_it() {
    let head = frame(kind::HEADERS, 4, 1, &hex("88"));
    let wire = [
        frame(kind::HEADERS, 4, 1, &hex("48 03 31 30 33")),
        head.clone(),
        frame(kind::DATA, 0, 1, b"abc"),
        frame(kind::DATA, 8, 1, b"\x02de\0\0"),
        frame(0xee, 0xff, 1, b"nobody knows it"),
        frame(kind::DATA, 1, 1, b""),
    ]
    .concat();
    let half = Half::of_server(&wire);
    let stream = &half.streams[&1];
    // The interim head (103) is none.
    assert_eq!(fields(stream), [(":status", "200")]);
    assert_eq!(stream.body, b"abcde");
    for (index, (body, at)) in stream.pieces.iter().enumerate() {
        let end = stream.pieces.get(index + 1).map_or(stream.body.len(), |(end, _)| *end);
        assert_eq!(wire[*at..at + (end - body)], stream.body[*body..end]);
    }
    assert_eq!(stream.end, Some(wire.len()));
    assert_eq!(half.data.iter().map(|(.., len)| *len).collect::<Vec<_>>(), [3, 5]);
    // Cut in the first body frame, after its first byte.
    let cut = stream.pieces[0].1 + 1;
    let half = Half::of_server(&wire[..cut]);
    assert_eq!((half.streams[&1].body.as_slice(), half.streams[&1].end), (&b"a"[..], None));
}

#[test]
fn what_follows_the_body_are_trailers() {
    // RFC 9113 8.1: a HEADERS frame behind the body ends its stream. `0f28` writes a name of the
    // static table with a value (RFC 7541, 6.2.2): `set-cookie`.
    let wire = [
        frame(kind::HEADERS, 4, 1, &hex("88")),
        frame(kind::DATA, 0, 1, b"abc"),
        frame(kind::HEADERS, 5, 1, &hex("0f28 03 613d31")),
    ]
    .concat();
    let stream = &Half::of_server(&wire).streams[&1];
    assert_eq!(fields(stream), [(":status", "200")]);
    assert_eq!(stream.trailers, [("set-cookie".to_owned(), "a=1".to_owned())]);
    assert_eq!((stream.body.as_slice(), stream.end), (&b"abc"[..], Some(wire.len())));
}

#[test]
fn resets_goodbyes_and_windows_are_told() {
    // RFC 9113 6.4, 6.5, 6.8 and 6.9.
    let wire = [
        frame(kind::SETTINGS, 0, 0, &hex("0003 00000064 0004 00001000")),
        frame(kind::SETTINGS, 1, 0, b""),
        frame(kind::WINDOW_UPDATE, 0, 0, &hex("80000005")),
        frame(kind::WINDOW_UPDATE, 0, 3, &hex("00000007")),
        frame(kind::RST_STREAM, 0, 3, &hex("00000008")),
        frame(kind::GOAWAY, 0, 0, &hex("80000001 00000000 62796521")),
    ]
    .concat();
    let half = Half::of_server(&wire);
    let windows: Vec<Window> = half.credits.iter().map(|credit| credit.window).collect();
    assert_eq!(windows, [Window::Initial(4096), Window::Connection(5), Window::Stream(3, 7)]);
    let reset = half.streams[&3].reset.unwrap();
    assert_eq!((reset.code, code_name(reset.code)), (8, "CANCEL"));
    let goodbye = half.goodbyes[0];
    assert_eq!((goodbye.last_stream, code_name(goodbye.code)), (1, "NO_ERROR"));
    assert_eq!(goodbye.end, wire.len());
    assert_eq!(code_name(14), "an unknown code");
}

#[test]
fn what_is_not_http_2_is_told_with_its_place() {
    let ping = frame(6, 0, 0, b"12345678");
    for (what, bad) in [
        ("a body without a head", frame(kind::DATA, 0, 1, b"a")),
        ("a head that goes on in another stream", {
            let head = frame(kind::HEADERS, 0, 1, &hex("88"));
            [head, frame(kind::CONTINUATION, 4, 3, &hex("88"))].concat()
        }),
        ("a frame within a head", [frame(kind::HEADERS, 0, 1, &hex("88")), ping.clone()].concat()),
        ("an index without an entry", frame(kind::HEADERS, 4, 1, &hex("ff00"))),
        ("padding longer than its frame", frame(kind::HEADERS, 4 | 8, 1, &hex("0588"))),
        ("a setting cut short", frame(kind::SETTINGS, 0, 0, &hex("0004 0000"))),
    ] {
        let half = Half::of_server(&[ping.clone(), bad].concat());
        assert!(half.broken.is_some_and(|at| at >= ping.len()), "{what}: {half:?}");
    }
}

#[test]
fn a_head_of_many_indexed_fields_is_no_head() {
    // An entry of 4,000 bytes, and one byte for each of its 10,000 repetitions.
    let mut block = hex("40 01 61 7f a1 1e");
    block.extend([b'v'; 4_000]);
    block.extend([0xbe; 10_000]);
    let wire = frame(kind::HEADERS, 4, 1, &block);
    assert_eq!(Half::of_server(&wire).broken, Some(0));
}

/// A pipe whose one end keeps what is written to it.
struct Tap(DuplexStream, Arc<Mutex<Vec<u8>>>);

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = ready!(Pin::new(&mut self.0).poll_write(cx, bytes))?;
        self.1.lock().unwrap().extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What the `h2` crate writes on both sides: three requests at once on one connection; the first is
/// answered whole, the second is reset in mid-answer, the third has no head.
async fn conversation() -> (Vec<u8>, Vec<u8>) {
    let (near, far) = duplex(1 << 20);
    let (up, down) = (Arc::default(), Arc::default());
    let (near, far) = (Tap(near, Arc::clone(&up)), Tap(far, Arc::clone(&down)));
    tokio::spawn(async move {
        let mut server = h2::server::handshake(far).await.unwrap();
        while let Some(Ok((request, mut respond))) = server.accept().await {
            let path = request.uri().path().to_owned();
            if path == "/3" {
                respond.send_reset(Reason::REFUSED_STREAM);
                continue;
            }
            let head = http::Response::builder().header("content-type", "text/event-stream");
            let mut body = respond.send_response(head.body(()).unwrap(), false).unwrap();
            body.send_data(Bytes::from_static(b"data: 1\n\n"), path == "/1").unwrap();
            if path == "/2" {
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    body.send_reset(Reason::INTERNAL_ERROR);
                });
            }
        }
    });
    let (asking, connection) = h2::client::Builder::new()
        .initial_window_size(4096)
        .handshake::<_, Bytes>(near)
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut asking = asking.ready().await.unwrap();
    let mut answers = Vec::new();
    for path in ["/1", "/2", "/3"] {
        let uri = format!("http://relay{path}");
        let request =
            http::Request::post(uri).header("authorization", "Bearer k").body(()).unwrap();
        let (answer, mut body) = asking.send_request(request, false).unwrap();
        body.send_data(Bytes::copy_from_slice(path.as_bytes()), true).unwrap();
        answers.push(answer);
    }
    for answer in answers {
        let Ok(answer) = answer.await else { continue };
        let mut body = answer.into_body();
        while let Some(Ok(piece)) = body.data().await {
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
    }
    let bytes = |tapped: Arc<Mutex<Vec<u8>>>| tapped.lock().unwrap().clone();
    (bytes(up), bytes(down))
}

#[tokio::test(start_paused = true)]
async fn what_another_program_writes_is_read_as_it_was_meant() {
    let (up, down) = conversation().await;
    let (asked, answered) = (Half::of_client(&up), Half::of_server(&down));
    assert_eq!((asked.broken, answered.broken), (None, None));
    assert_eq!(asked.credits[0].window, Window::Initial(4096));
    for (stream, path) in [(1, "/1"), (3, "/2"), (5, "/3")] {
        let request = &asked.streams[&stream];
        assert!(fields(request).contains(&(":path", path)) && request.end.is_some());
        assert!(fields(request).contains(&("authorization", "Bearer k")));
        assert_eq!(request.body, path.as_bytes());
    }
    let [whole, cut, refused] = [1, 3, 5].map(|stream| &answered.streams[&stream]);
    assert_eq!(fields(whole), [(":status", "200"), ("content-type", "text/event-stream")]);
    assert_eq!((whole.body.as_slice(), whole.reset), (&b"data: 1\n\n"[..], None));
    assert!(whole.end.is_some());
    assert_eq!((cut.body.as_slice(), cut.end), (&b"data: 1\n\n"[..], None));
    let codes = [cut, refused].map(|stream| stream.reset.map(|reset| code_name(reset.code)));
    assert_eq!(codes, [Some("INTERNAL_ERROR"), Some("REFUSED_STREAM")]);
    assert!(refused.fields.is_empty());
}

fn random_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    (0_u8..10, any::<u8>(), 0_u32..6, payload)
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _half = Half::of_server(&bytes);
        let _half = Half::of_client(&bytes);
    }

    #[test]
    fn no_frames_panic_wherever_they_are_cut(
        frames in prop::collection::vec(random_frame(), 0..12), cut in 0_usize..600
    ) {
        let wire = frames.concat();
        let half = Half::of_server(&wire[..cut.min(wire.len())]);
        for stream in half.streams.values() {
            prop_assert!(stream.body.len() <= wire.len() && stream.start <= stream.head_end);
        }
    }
}
