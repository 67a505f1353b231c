//! The records that virtual services own, compiled for lookup by the lower-cased wire form of a name (avi-api 4.3, 4.4).
//!
//! One for all DNS virtual services of an engine: each answers those inside its own zones. Which of the records are
//! published changes in place, one atomic byte each, so that a flip reaches the next answer without rebuilding anything.

mod record_set;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use dns_wire::{Name, OwnedName};
use gslb::{MemberHealth, Slots};
use model::dns::Registration;
use rustc_hash::FxBuildHasher;

pub(crate) use record_set::{Picked, RecordSet, Source};

/// Records of virtual services. Immutable but for which of them are published; a change of configuration makes a new one.
#[derive(Debug, Default)]
pub struct Records {
    /// What it was compiled from, as it was given.
    given: Vec<Arc<Registration>>,
    /// The same in the canonical order of names (RFC 4034 §6.1), so that all names below another lie together. The place
    /// of a registration is its slot.
    registrations: Vec<Arc<Registration>>,
    sets: Vec<Arc<RecordSet>>,
    nodes: HashMap<Box<[u8]>, Node, FxBuildHasher>,
    published: Slots,
}

/// What is known of one name.
#[derive(Debug, Default)]
struct Node {
    /// Index of the records of exactly this name.
    set: Option<usize>,
    /// Slots of the names below.
    below: Range<u32>,
}

/// What a name is, as far as records of virtual services tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'v> {
    /// Its records, published or not.
    pub(crate) set: Option<&'v Arc<RecordSet>>,
    /// Whether there are records below it that are published (RFC 8020 §2).
    pub(crate) has_names_below: bool,
}

impl Records {
    /// Compiles `registrations`, none of them published; `previous` as it is, with what it publishes, where they are the
    /// same. Names that stay go on in turn.
    #[must_use]
    pub fn compile(registrations: &[Arc<Registration>], previous: Option<&Arc<Records>>) -> Arc<Self> {
        let is_same = |one: &Arc<Registration>, other: &Arc<Registration>| Arc::ptr_eq(one, other) || one == other;
        match previous {
            Some(known)
                if known.given.len() == registrations.len()
                    && known.given.iter().zip(registrations).all(|(one, other)| is_same(one, other)) =>
            {
                Arc::clone(known)
            }
            _ => Arc::new(Self::compile_anew(registrations, previous.map(|known| &**known))),
        }
    }

    fn compile_anew(given: &[Arc<Registration>], previous: Option<&Records>) -> Self {
        let mut registrations = given.to_vec();
        registrations.sort_by(|one, other| {
            let by_name = one.name.as_str().rsplit('.').cmp(other.name.as_str().rsplit('.'));
            by_name.then_with(|| one.vs_vip.cmp(&other.vs_vip))
        });
        let published = Slots::new(registrations.len());
        let mut records = Self { given: given.to_vec(), published, ..Self::default() };
        let mut slot = 0_u32;
        for of_one_name in registrations.chunk_by(|one, other| one.name == other.name) {
            let first_slot = slot;
            slot = slot.saturating_add(u32::try_from(of_one_name.len()).unwrap_or(u32::MAX));
            records.add(of_one_name, first_slot..slot, previous);
        }
        records.registrations = registrations;
        records
    }

    /// All registrations, with the slot of each.
    pub fn registrations(&self) -> impl Iterator<Item = (u32, &Arc<Registration>)> {
        (0..).zip(&self.registrations)
    }

    /// The registration of `slot`.
    #[must_use]
    pub fn registration(&self, slot: u32) -> Option<&Arc<Registration>> {
        self.registrations.get(slot as usize)
    }

    /// Publishes the registration of `slot`, or withdraws it; returns whether that is new.
    pub fn publish(&self, slot: u32, is_published: bool) -> bool {
        let is_new = self.published.is_up(slot) != is_published;
        self.published.set(slot, is_published);
        is_new
    }

    /// Whether the registration of `slot` is published.
    #[must_use]
    pub fn is_published(&self, slot: u32) -> bool {
        self.published.is_up(slot)
    }

    /// Looks up a name in lower case.
    pub(crate) fn find(&self, qname: Name<'_>) -> Option<Found<'_>> {
        let Node { set, below } = self.nodes.get(qname.as_wire())?;
        let set = set.and_then(|index| self.sets.get(index));
        Some(Found { set, has_names_below: below.clone().any(|slot| self.published.is_up(slot)) })
    }

    /// Adds what is registered for one name.
    fn add(&mut self, registrations: &[Arc<Registration>], slots: Range<u32>, previous: Option<&Records>) {
        // Every domain name fits on the wire.
        let name = registrations.first().map(|first| OwnedName::from_text(first.name.as_str()));
        let Some(Ok(name)) = name else { return };
        let known = previous.and_then(|previous| previous.find(name.as_name())?.set);
        let set = RecordSet::new(registrations, slots.clone(), known.map(|known| &**known));
        for above in name.suffixes().skip(1) {
            let below = &mut self.nodes.entry(above.as_wire().into()).or_default().below;
            *below = if below.start == below.end { slots.clone() } else { below.start..slots.end };
        }
        self.nodes.entry(name.as_wire().into()).or_default().set = Some(self.sets.len());
        self.sets.push(Arc::new(set));
    }
}
