//! How many requests may be under way at once, from one address and in all.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what is under way.
#[derive(Debug)]
pub(crate) struct Caps {
    per_address: Option<usize>,
    total: Option<usize>,
    under_way: Mutex<BTreeMap<IpAddr, usize>>,
}

/// One place; given back when it is dropped, whatever the reason.
#[derive(Debug)]
pub(crate) struct Slot {
    caps: Arc<Caps>,
    address: IpAddr,
}

impl Caps {
    pub(crate) fn new(per_address: Option<usize>, total: Option<usize>) -> Self {
        Self { per_address, total, under_way: Mutex::default() }
    }

    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let mut under_way = self.lock();
        let all: usize = under_way.values().sum();
        let here = under_way.get(&address).copied().unwrap_or_default();
        let full = self.total.is_some_and(|cap| all >= cap)
            || self.per_address.is_some_and(|cap| here >= cap);
        if full {
            return None;
        }
        under_way.insert(address, here + 1);
        drop(under_way);
        Some(Slot { caps: Arc::clone(self), address })
    }

    /// A count is never half written, so a poisoned lock is as good as a healthy one.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut under_way = self.caps.lock();
        if let Some(count) = under_way.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn each_address_has_its_own_places_and_gets_them_back() {
        let caps = Arc::new(Caps::new(Some(2), None));
        let first = caps.admit(address(1)).unwrap();
        let _second = caps.admit(address(1)).unwrap();
        assert!(caps.admit(address(1)).is_none());
        assert!(caps.admit(address(2)).is_some());
        drop(first);
        assert!(caps.admit(address(1)).is_some());
    }

    #[test]
    fn the_total_counts_all_addresses() {
        let caps = Arc::new(Caps::new(None, Some(2)));
        let slots = [caps.admit(address(1)).unwrap(), caps.admit(address(2)).unwrap()];
        assert!(caps.admit(address(3)).is_none());
        drop(slots);
        assert!(caps.lock().is_empty(), "nothing is left of addresses that went");
    }
}
