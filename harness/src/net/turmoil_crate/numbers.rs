//! The number that both ends of a connection share.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::trace::Connection;

/// Gives numbers to connections, as their ends come to be known: the crate tells each end its
/// addresses and nothing more.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    next: u64,
    /// Connections of which one end is known, by the caller's address and the listener's.
    half: BTreeMap<(SocketAddr, SocketAddr), Connection>,
}

impl Numbers {
    /// The number of the connection between the caller's address and the listener's. The second
    /// end to ask ends the pairing, so that the addresses can serve again.
    pub(super) fn number(&mut self, caller: SocketAddr, listener: SocketAddr) -> Connection {
        if let Some(known) = self.half.remove(&(caller, listener)) {
            return known;
        }
        let new = Connection(self.next);
        self.next += 1;
        self.half.insert((caller, listener), new);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_get_one_number_and_the_same_addresses_later_get_another() {
        let (a, b): (SocketAddr, SocketAddr) =
            ("10.0.0.1:49152".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let c: SocketAddr = "10.0.0.1:49153".parse().unwrap();
        let mut numbers = Numbers::default();
        let asked = [(a, b), (c, b), (a, b), (c, b), (a, b)];
        let got = asked.map(|(caller, listener)| numbers.number(caller, listener).0);
        assert_eq!(got, [0, 1, 0, 1, 2]);
    }
}
