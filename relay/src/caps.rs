//! How many requests may be under way at once: from one address, with one key, and in all.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex},
};

use crate::{access::Caller, config::Config, lock::Locked as _};

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    All,
    Address(IpAddr),
    Key(Caller),
}

/// Counts what is under way. The counts hold no more entries than there are slots.
#[derive(Debug)]
pub(crate) struct Caps {
    per_address: Option<usize>,
    per_key: Option<usize>,
    total: Option<usize>,
    under_way: Mutex<BTreeMap<Who, usize>>,
}

/// One place; given back when it is dropped, whatever the reason.
#[derive(Debug)]
pub(crate) struct Slot {
    caps: Arc<Caps>,
    of: [Option<Who>; 3],
}

impl Caps {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            per_address: config.max_streams_per_address,
            per_key: config.max_streams_per_key,
            total: config.max_streams,
            under_way: Mutex::default(),
        }
    }

    /// A place, or the switch that sets the cap which is met.
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        key: Option<Caller>,
    ) -> Result<Slot, &'static str> {
        let of = [Some(Who::All), Some(Who::Address(address)), key.map(Who::Key)];
        let caps = [
            (self.total, "max_streams"),
            (self.per_address, "max_streams_per_address"),
            (self.per_key, "max_streams_per_key"),
        ];
        let mut counts = self.under_way.locked();
        for (who, (cap, name)) in of.iter().zip(caps) {
            let count = who.and_then(|who| counts.get(&who)).copied().unwrap_or_default();
            if cap.is_some_and(|cap| count >= cap) {
                return Err(name);
            }
        }
        for who in of.iter().flatten() {
            *counts.entry(*who).or_default() += 1;
        }
        drop(counts);
        Ok(Slot { caps: Arc::clone(self), of })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.caps.under_way.locked();
        for who in self.of.iter().flatten() {
            if let Entry::Occupied(mut count) = counts.entry(*who) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn key(number: u8) -> Caller {
        Caller::of(Some(&[number]))
    }

    fn caps(per_address: usize, per_key: usize, total: usize) -> Arc<Caps> {
        let some = |cap: usize| (cap > 0).then_some(cap);
        Arc::new(Caps {
            per_address: some(per_address),
            per_key: some(per_key),
            total: some(total),
            under_way: Mutex::default(),
        })
    }

    fn total(caps: &Caps) -> usize {
        caps.under_way.locked().get(&Who::All).copied().unwrap_or_default()
    }

    fn is_empty(caps: &Caps) -> bool {
        caps.under_way.locked().is_empty()
    }

    #[test]
    fn each_address_has_its_own_places_and_gets_them_back() {
        let caps = caps(2, 0, 0);
        let first = caps.admit(address(1), None).unwrap();
        let _second = caps.admit(address(1), None).unwrap();
        assert_eq!(caps.admit(address(1), None).unwrap_err(), "max_streams_per_address");
        assert!(caps.admit(address(2), None).is_ok());
        drop(first);
        assert!(caps.admit(address(1), None).is_ok());
    }

    #[test]
    fn a_key_has_its_places_wherever_it_calls_from() {
        let caps = caps(0, 1, 0);
        let slot = caps.admit(address(1), Some(key(1))).unwrap();
        assert_eq!(caps.admit(address(2), Some(key(1))).unwrap_err(), "max_streams_per_key");
        assert!(caps.admit(address(2), Some(key(2))).is_ok());
        assert!(caps.admit(address(2), None).is_ok(), "without a key only the others count");
        drop(slot);
        assert!(caps.admit(address(2), Some(key(1))).is_ok());
    }

    #[test]
    fn the_total_counts_all_addresses() {
        let caps = caps(0, 0, 2);
        let slots = [1, 2].map(|last| caps.admit(address(last), Some(key(last))).unwrap());
        assert_eq!(caps.admit(address(3), None).unwrap_err(), "max_streams");
        drop(slots);
        assert!(is_empty(&caps), "nothing is left of addresses that went");
    }

    proptest! {
        #[test]
        fn no_slot_leaks_in_any_order_of_drops(
            steps in prop::collection::vec((any::<bool>(), 0_u8..4, 0_u8..4, any::<usize>()), 0..300),
        ) {
            let caps = caps(3, 2, 7);
            let mut held: Vec<(u8, u8, Slot)> = Vec::new();
            for (comes, from, with, which) in steps {
                if comes {
                    let at = held.iter().filter(|(address, ..)| *address == from).count();
                    let keyed = held.iter().filter(|(_, key, _)| *key == with).count();
                    let fits = at < 3 && keyed < 2 && held.len() < 7;
                    let slot = caps.admit(address(from), Some(key(with)));
                    prop_assert_eq!(slot.is_ok(), fits);
                    held.extend(slot.map(|slot| (from, with, slot)));
                } else if !held.is_empty() {
                    drop(held.swap_remove(which % held.len()));
                }
                prop_assert_eq!(total(&caps), held.len());
            }
            drop(held);
            prop_assert!(is_empty(&caps));
        }
    }

    #[test]
    fn threads_that_come_and_go_leave_nothing_and_never_pass_the_cap() {
        let caps = caps(0, 0, 3);
        std::thread::scope(|scope| {
            for last in 0..8 {
                let caps = &caps;
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        let slot = caps.admit(address(last), Some(key(last)));
                        assert!(total(caps) <= 3);
                        drop(slot);
                    }
                });
            }
        });
        assert!(is_empty(&caps));
    }
}
