//! Units whose objects would have the name of another's: namespaces, hosts and Services joined by dashes can read the
//! same (ako 2.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::desired::{Object, ObjectKey, UnitName};

type Unit = (UnitName, Arc<Vec<Object>>);

/// Collisions of the pass before, which hold while no name comes or goes.
#[derive(Debug, Default)]
pub(super) struct Collisions {
    units: Vec<Unit>,
    losers: BTreeMap<UnitName, UnitName>,
}

impl Collisions {
    /// Units that have the name of an object of an earlier one, with that one.
    pub(super) fn among(&mut self, units: &[Unit]) -> &BTreeMap<UnitName, UnitName> {
        if !have_same_names(&self.units, units) {
            self.losers = losers(units);
            self.units = units.to_vec();
        }
        &self.losers
    }
}

fn losers(units: &[Unit]) -> BTreeMap<UnitName, UnitName> {
    let mut taken: FxHashMap<&ObjectKey, &UnitName> = FxHashMap::default();
    let mut losers = BTreeMap::new();
    for (name, objects) in units {
        match objects.iter().find_map(|object| taken.get(&object.key)) {
            Some(winner) => drop(losers.insert(name.clone(), (*winner).clone())),
            None => taken.extend(objects.iter().map(|object| (&object.key, name))),
        }
    }
    losers
}

fn have_same_names(a: &[Unit], b: &[Unit]) -> bool {
    let keys = |objects: &[Object], others: &[Object]| objects.iter().map(|o| &o.key).eq(others.iter().map(|o| &o.key));
    let same = |((a, x), (b, y)): (&Unit, &Unit)| a == b && (Arc::ptr_eq(x, y) || keys(x, y));
    a.len() == b.len() && a.iter().zip(b).all(same)
}
