//! All that is registered for one name, and which of it one answer has.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use dns_wire::OwnedName;
use gslb::{ADDRESSES_MAX, Cursor, Draw, Family};
use model::dns::{RecordData, RecordOrder, Registration};

use super::Records;

/// The records of one name, from one VsVip or several.
#[derive(Debug)]
pub(crate) struct RecordSet {
    /// By VsVip.
    pub(crate) sources: Box<[Source]>,
    /// Each address once, in the order of the sources.
    addresses: Box<[Address]>,
    /// Turns of round robin.
    cursor: Cursor,
}

/// What one VsVip registered.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) registration: Arc<Registration>,
    pub(crate) slot: u32,
    /// The name that this one stands for.
    pub(crate) alias: Option<OwnedName>,
}

#[derive(Debug)]
struct Address {
    ip: IpAddr,
    /// Those who registered it.
    slots: Box<[u32]>,
}

/// The addresses of one answer.
#[derive(Debug, Clone)]
pub(crate) struct Picked {
    /// Places among the addresses of the set; the first `count` are used.
    places: [u16; ADDRESSES_MAX],
    count: u8,
    /// The shortest of those that are published: an RRset has one (RFC 2181 §5.2).
    pub(crate) ttl: u32,
    /// Addresses to pick from.
    pub(crate) of: usize,
    /// Turn of round robin; `None` where the client's hash decides.
    pub(crate) turn: Option<u64>,
}

impl RecordSet {
    /// Compiles what is registered for one name; its turns go on after those of `previous`.
    pub(super) fn new(registrations: &[Arc<Registration>], slots: Range<u32>, previous: Option<&RecordSet>) -> Self {
        let mut sources = Vec::with_capacity(registrations.len());
        let mut addresses: Vec<(IpAddr, Vec<u32>)> = Vec::new();
        for (registration, slot) in registrations.iter().zip(slots) {
            let alias = match &registration.data {
                RecordData::Addresses(ips) => {
                    for ip in ips {
                        match addresses.iter_mut().find(|(known, _)| known == ip) {
                            Some((_, slots)) => slots.push(slot),
                            None => addresses.push((*ip, vec![slot])),
                        }
                    }
                    None
                }
                // Every domain name fits on the wire.
                RecordData::Name(target) => OwnedName::from_text(target.as_str()).ok(),
            };
            sources.push(Source { registration: Arc::clone(registration), slot, alias });
        }
        let addresses = addresses.into_iter().map(|(ip, slots)| Address { ip, slots: slots.into() }).collect();
        let cursor = previous.map(|known| known.cursor.clone()).unwrap_or_default();
        Self { sources: sources.into(), addresses, cursor }
    }

    /// Sources that are published.
    pub(crate) fn published<'s>(&'s self, records: &'s Records) -> impl Iterator<Item = &'s Source> {
        self.sources.iter().filter(|source| records.is_published(source.slot))
    }

    /// The name that this one stands for: where no published source has addresses (RFC 1034 §3.6.2 lets nothing stand
    /// beside a CNAME), the first.
    pub(crate) fn alias(&self, records: &Records) -> Option<(&OwnedName, u32)> {
        if self.published(records).any(|source| source.alias.is_none()) {
            return None;
        }
        let first = self.sources.iter().find(|source| records.is_published(source.slot))?;
        Some((first.alias.as_ref()?, first.registration.ttl.get()))
    }

    /// The addresses of one answer; `None` when there are none of the family. Order and number are as the first source
    /// says; without a number, `default_max`; 0 is all, up to [`ADDRESSES_MAX`].
    pub(crate) fn pick(
        &self,
        family: Family,
        client: IpAddr,
        default_max: u8,
        records: &Records,
        draw: &mut impl Draw,
    ) -> Option<Picked> {
        let sources = || self.published(records).filter(|source| source.alias.is_none());
        let rule = &sources().next()?.registration;
        let ttl = sources().map(|source| source.registration.ttl.get()).min()?;
        let usable = (0_u16..).zip(&self.addresses).filter(|(_, address)| {
            Family::of(address.ip) == family && address.slots.iter().any(|slot| records.is_published(*slot))
        });
        let of = usable.clone().count();
        if of == 0 {
            return None;
        }
        let max = match rule.addresses_max.unwrap_or(default_max) {
            0 => ADDRESSES_MAX,
            max => usize::from(max).min(ADDRESSES_MAX),
        };
        let mut picked = Picked { places: [0; ADDRESSES_MAX], count: 0, ttl, of, turn: None };
        match rule.order {
            RecordOrder::RoundRobin => {
                let turn = draw.next(&self.cursor);
                picked.turn = Some(turn);
                let first = usize::try_from(turn % of as u64).unwrap_or(0);
                for (place, _) in usable.clone().skip(first).chain(usable.take(first)).take(max) {
                    picked.insert(usize::from(picked.count), place, max);
                }
            }
            RecordOrder::ConsistentHash => {
                for (place, address) in usable {
                    let own = rank(client, address.ip);
                    let before = self.addresses(&picked).take_while(|ip| rank(client, *ip) > own).count();
                    picked.insert(before, place, max);
                }
            }
        }
        Some(picked)
    }

    /// What was picked, in the order of the answer.
    pub(crate) fn addresses<'s>(&'s self, picked: &'s Picked) -> impl Iterator<Item = IpAddr> + 's {
        let places = picked.places.iter().take(usize::from(picked.count));
        places.filter_map(|place| self.addresses.get(usize::from(*place)).map(|address| address.ip))
    }
}

impl Picked {
    /// How many.
    pub(crate) fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Inserts a place; the last one goes where there would be more than `max`.
    fn insert(&mut self, at: usize, place: u16, max: usize) {
        if let Some(later) = self.places.get_mut(at..max)
            && !later.is_empty()
        {
            later.rotate_right(1);
            later[0] = place;
            self.count = (self.count + 1).min(u8::try_from(max).unwrap_or(u8::MAX));
        }
    }
}

/// Rank of an address for a client: the highest comes first, and one that goes changes nothing between the others
/// (rendezvous hashing). The same in every engine.
fn rank(client: IpAddr, address: IpAddr) -> (u64, IpAddr) {
    (mixed(number(client) ^ mixed(number(address))), address)
}

fn number(ip: IpAddr) -> u64 {
    let bits = match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
    mixed(high) ^ low
}

/// Spreads a number over all bits: the finalizer of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
