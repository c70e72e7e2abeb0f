//! How many requests may be under way at once: from one address, with one key, and in all.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{bucket::KeyId, config::Config, lock::Locked as _};

/// Counts what is under way. The counts hold no more entries than there are slots.
#[derive(Debug)]
pub(crate) struct Caps {
    per_address: Option<usize>,
    per_key: Option<usize>,
    total: Option<usize>,
    under_way: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    addresses: BTreeMap<IpAddr, usize>,
    keys: BTreeMap<KeyId, usize>,
}

/// One place; given back when it is dropped, whatever the reason.
#[derive(Debug)]
pub(crate) struct Slot {
    caps: Arc<Caps>,
    address: IpAddr,
    key: Option<KeyId>,
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
        key: Option<KeyId>,
    ) -> Result<Slot, &'static str> {
        let mut counts = self.lock();
        let full = |cap: Option<usize>, count: usize| cap.is_some_and(|cap| count >= cap);
        let here = counts.addresses.get(&address).copied().unwrap_or_default();
        let with_key = key.and_then(|key| counts.keys.get(&key)).copied().unwrap_or_default();
        if full(self.total, counts.total) {
            return Err("max_streams");
        }
        if full(self.per_address, here) {
            return Err("max_streams_per_address");
        }
        if key.is_some() && full(self.per_key, with_key) {
            return Err("max_streams_per_key");
        }
        counts.total += 1;
        counts.addresses.insert(address, here + 1);
        if let Some(key) = key {
            counts.keys.insert(key, with_key + 1);
        }
        drop(counts);
        Ok(Slot { caps: Arc::clone(self), address, key })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.under_way.locked()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.caps.lock();
        counts.total -= 1;
        give_back(&mut counts.addresses, &self.address);
        if let Some(key) = &self.key {
            give_back(&mut counts.keys, key);
        }
    }
}

fn give_back<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
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

    fn key(number: u8) -> KeyId {
        KeyId::of(0, &[number])
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

    fn is_empty(caps: &Caps) -> bool {
        let counts = caps.lock();
        counts.total == 0 && counts.addresses.is_empty() && counts.keys.is_empty()
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
                prop_assert_eq!(caps.lock().total, held.len());
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
                        assert!(caps.lock().total <= 3);
                        drop(slot);
                    }
                });
            }
        });
        assert!(is_empty(&caps));
    }
}
