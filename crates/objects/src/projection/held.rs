//! Addresses that are held in a VRF, or allocated from a network.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::{Id, SortedMap};
use crate::ipam::Family;

/// Addresses with their holders, and the runs without a gap that they form: the next free one is found in as many steps
/// as there are runs before it, however many addresses are held.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Held {
    holders: SortedMap<IpAddr, Id>,
    /// First and last address of each run; runs neither overlap nor touch.
    runs: SortedMap<IpAddr, IpAddr>,
}

impl Held {
    /// Path and uuid of the holder of an address.
    pub(crate) fn holder(&self, address: IpAddr) -> Option<&Id> {
        self.holders.get(&address)
    }

    /// Addresses that are held within bounds, in order, with their holders.
    pub(crate) fn within(&self, bounds: RangeInclusive<IpAddr>) -> impl Iterator<Item = (IpAddr, &Id)> {
        let from = self.holders.from(bounds.start()).map(|(address, holder)| (*address, holder));
        from.take_while(move |(address, _)| address <= bounds.end())
    }

    /// The last of the held addresses that follow `address` without a gap, itself included; `None` when it is free.
    pub(crate) fn run_end(&self, address: IpAddr) -> Option<IpAddr> {
        let (_, last) = self.runs.at_or_before(&address)?;
        (*last >= address).then_some(*last)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    pub(super) fn insert(&mut self, address: IpAddr, holder: Id) {
        if self.holders.insert(address, holder).is_some() {
            return;
        }
        let before =
            step(address, -1).and_then(|before| self.runs.at_or_before(&before).filter(|run| *run.1 == before));
        let first = before.map_or(address, |(first, _)| *first);
        let last = step(address, 1).and_then(|after| self.runs.remove(&after)).unwrap_or(address);
        self.runs.insert(first, last);
    }

    pub(super) fn remove(&mut self, address: IpAddr) {
        if self.holders.remove(&address).is_none() {
            return;
        }
        let Some((first, last)) = self.runs.at_or_before(&address).map(|(first, last)| (*first, *last)) else { return };
        self.runs.remove(&first);
        if let Some(before) = step(address, -1).filter(|_| first < address) {
            self.runs.insert(first, before);
        }
        if let Some(after) = step(address, 1).filter(|_| address < last) {
            self.runs.insert(after, last);
        }
    }
}

/// The neighbour of an address in its family.
fn step(address: IpAddr, by: i8) -> Option<IpAddr> {
    let family = Family::of(address);
    let number = Family::number(address).checked_add_signed(by.into())?;
    let neighbour = family.address(number);
    // Beyond the family's last address there is none.
    (Family::number(neighbour) == number).then_some(neighbour)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn address(number: u8) -> IpAddr {
        // Both families, and the ends of the older one.
        match number {
            0..=99 => IpAddr::from([10, 0, 0, number]),
            100..=149 => IpAddr::from([255, 255, 255, number + 106]),
            _ => IpAddr::from([0, 0, 0, 0, 0, 0, 0, u16::from(number)]),
        }
    }

    proptest! {
        #[test]
        fn runs_are_what_is_held(steps in prop::collection::vec((0_u8..200, any::<bool>()), 0..300)) {
            let (mut held, mut model) = (Held::default(), BTreeSet::new());
            for (number, comes) in steps {
                if comes {
                    held.insert(address(number), ("vsvip", number.to_string()));
                    model.insert(number);
                } else {
                    held.remove(address(number));
                    model.remove(&number);
                }
            }
            prop_assert_eq!(held.is_empty(), model.is_empty());
            for number in 0_u8..200 {
                prop_assert_eq!(held.holder(address(number)).is_some(), model.contains(&number));
                let block = [99, 149, 199].into_iter().find(|end| number <= *end).unwrap();
                let run = (number..=block).take_while(|n| model.contains(n)).last();
                prop_assert_eq!(held.run_end(address(number)), run.map(address));
            }
            let whole = address(0)..=address(99);
            prop_assert_eq!(held.within(whole).count(), model.range(..100).count());
        }
    }
}
