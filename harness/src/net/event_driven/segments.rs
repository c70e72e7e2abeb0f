//! Segments that the engine makes itself, and segments as the trace shows them.

use std::net::SocketAddr;

use bytes::Bytes;
use turmoil_net::{Packet, TcpFlags, TcpSegment, Transport};

use crate::trace::Flags;

/// Headers of a packet in bytes: 20 of IPv4 and 20 of TCP, without options (RFC 791, RFC 9293).
pub(super) const HEADERS: u64 = 40;

/// From where to where.
pub(super) type Route = (SocketAddr, SocketAddr);

fn segment((from, to): Route, flags: TcpFlags, seq: u32, ack: u32) -> TcpSegment {
    TcpSegment {
        src_port: from.port(),
        dst_port: to.port(),
        seq,
        ack,
        flags,
        window: 0,
        payload: Bytes::new(),
    }
}

/// An acknowledgement of everything before `ack`.
pub(super) fn acknowledgement(route: Route, seq: u32, ack: u32) -> TcpSegment {
    segment(route, TcpFlags { ack: true, ..TcpFlags::default() }, seq, ack)
}

/// An RST that a host sends of its own accord.
pub(super) fn reset(route: Route, seq: u32, ack: u32) -> TcpSegment {
    segment(route, TcpFlags { rst: true, ack: true, ..TcpFlags::default() }, seq, ack)
}

/// The RST that answers a segment for which there is no socket (RFC 9293 3.10.7.1).
pub(super) fn answer(route: Route, to: &TcpSegment) -> TcpSegment {
    if to.flags.ack {
        segment(route, TcpFlags { rst: true, ..TcpFlags::default() }, to.ack, 0)
    } else {
        let len = u32::try_from(to.payload.len()).unwrap_or(u32::MAX);
        let counted = len + u32::from(to.flags.syn) + u32::from(to.flags.fin);
        reset(route, 0, to.seq.wrapping_add(counted))
    }
}

/// A segment in pieces of at most so much payload. The last one says what the whole did.
pub(super) fn pieces(
    mut segment: TcpSegment,
    payload_max: usize,
) -> impl Iterator<Item = TcpSegment> {
    let mut pieces = Vec::new();
    while segment.payload.len() > payload_max {
        let flags = TcpFlags { fin: false, psh: false, ..segment.flags };
        let payload = segment.payload.split_to(payload_max);
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        pieces.push(TcpSegment { payload, flags, ..segment.clone() });
        segment.seq = segment.seq.wrapping_add(len);
    }
    pieces.into_iter().chain([segment])
}

/// The packet that carries a segment.
pub(super) fn packet((from, to): Route, segment: TcpSegment) -> Packet {
    Packet { src: from.ip(), dst: to.ip(), ttl: 64, payload: Transport::Tcp(segment) }
}

/// The flags that the trace shows.
pub(super) fn flags(segment: &TcpSegment) -> Flags {
    let TcpFlags { syn, ack, fin, rst, psh, urg: _ } = segment.flags;
    Flags { syn, ack, fin, rst, psh }
}

/// Whether it takes up sequence numbers, so that its sender would send it again.
pub(super) fn counted(segment: &TcpSegment) -> bool {
    segment.flags.syn || segment.flags.fin || !segment.payload.is_empty()
}
