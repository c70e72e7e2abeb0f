//! How many bytes of a socket its peer's kernel has not acknowledged, as Linux tells in `/proc`.
//!
//! The socket call for it (`SIOCOUTQ`) needs `unsafe`, which this project forbids.

use std::{fs, net::SocketAddr};

use tokio::net::TcpStream;

/// Bytes that were written to the socket and not acknowledged by the peer; 0 where the kernel no
/// longer knows the connection, `None` where it cannot be asked (no Linux, no `/proc`).
pub(super) fn unsent(stream: &TcpStream) -> Option<u64> {
    let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
    let table = match local {
        SocketAddr::V4(_) => "/proc/thread-self/net/tcp",
        SocketAddr::V6(_) => "/proc/thread-self/net/tcp6",
    };
    Some(find(&fs::read_to_string(table).ok()?, local, peer).unwrap_or(0))
}

/// A line is `sl local_address rem_address st tx_queue:rx_queue ...` (`proc_pid_net(5)`); `tx_queue`
/// counts from the oldest unacknowledged byte to the newest that was written.
fn find(table: &str, local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let (local, peer) = (in_hex(local), in_hex(peer));
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let ours = columns.next() == Some(&local) && columns.next() == Some(&peer);
        let queues = columns.nth(1).filter(|_| ours)?;
        u64::from_str_radix(queues.split_once(':')?.0, 16).ok()
    })
}

/// Addresses stand there as words in the host's byte order, ports as numbers.
fn in_hex(address: SocketAddr) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut word = |bytes: [u8; 4]| {
        write!(text, "{:08X}", u32::from_ne_bytes(bytes)).expect("a string takes all");
    };
    match address {
        SocketAddr::V4(v4) => word(v4.ip().octets()),
        SocketAddr::V6(v6) => {
            let o = v6.ip().octets();
            for at in [0, 4, 8, 12] {
                word([o[at], o[at + 1], o[at + 2], o[at + 3]]);
            }
        }
    }
    write!(text, ":{:04X}", address.port()).expect("a string takes all");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as Linux 6.1 on a little-endian machine printed them.
    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0100007F:1F90 0100007F:D431 01 0000A1B2:00000000 01:00000014 00000000     0        0 2 2 0
";

    #[cfg(target_endian = "little")]
    #[test]
    fn the_queue_of_one_connection_is_found_among_others() {
        let local = "127.0.0.1:8080".parse().unwrap();
        assert_eq!(find(TABLE, local, "127.0.0.1:54321".parse().unwrap()), Some(0xA1B2));
        assert_eq!(find(TABLE, local, "127.0.0.1:54322".parse().unwrap()), None);
    }
}
