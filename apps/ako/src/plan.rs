//! Which writes lead from what the controller holds to what it should hold, and which of them wait for which.
//!
//! Pure. A write waits for those that make what it refers to; a deletion waits for those that end a reference to it
//! (ako 9.5, but per object: whatever nothing stands in the way of may go first).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ako_translate::{Desired, HttpRule, Object, ObjectKey, ObjectType, Role, Spec, UnitName};

use crate::held::Held;

/// An object that should be there, in the unit that the translation made.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    unit: Arc<Vec<Object>>,
    at: usize,
}

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) key: ObjectKey,
    /// What it belongs to; `None` for what was left by an earlier run.
    pub(crate) unit: Option<UnitName>,
    pub(crate) action: Action,
    /// Objects whose steps come first.
    pub(crate) after: Vec<ObjectKey>,
}

/// What to do.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Create(Wanted),
    Update { uuid: String, wanted: Wanted },
    Delete { uuid: String },
}

impl Wanted {
    pub(crate) fn object(&self) -> &Object {
        &self.unit[self.at]
    }

    /// Whether both say the same; fast where both are of one translation.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.at == other.at && Arc::ptr_eq(&self.unit, &other.unit)) || self.object() == other.object()
    }
}

impl Action {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Create(a), Self::Create(b)) => a.is_same(b),
            (Self::Update { uuid: a, wanted: x }, Self::Update { uuid: b, wanted: y }) => a == b && x.is_same(y),
            (Self::Delete { uuid: a }, Self::Delete { uuid: b }) => a == b,
            _ => false,
        }
    }
}

/// Steps, by object. `held` takes note of what turns out to be right. Unless the cluster `is_complete`, nothing of an
/// earlier run is taken away: neither objects, nor names and certificates of a parent.
///
/// What is made for many does without what one alone brings: a parent without the certificates that are `refused` and
/// not there. It gets them when they are.
pub(crate) fn plan(
    desired: &Desired,
    held: &mut Held,
    is_complete: bool,
    refused: &BTreeSet<ObjectKey>,
) -> BTreeMap<ObjectKey, Step> {
    let mut steps = BTreeMap::new();
    let mut wanted_keys = BTreeSet::new();
    let missing: BTreeSet<&ObjectKey> = refused.iter().filter(|key| held.get(key).is_none()).collect();
    let units: Vec<(&UnitName, Arc<Vec<Object>>)> =
        desired.units.iter().map(|(name, unit)| (name, without(unit, &missing))).collect();
    let all = units.iter().flat_map(|(name, unit)| unit.iter().enumerate().map(move |(at, _)| (*name, unit, at)));
    for (name, unit, at) in all {
        let object = &unit[at];
        wanted_keys.insert(object.key.clone());
        let wanted = Wanted { unit: Arc::clone(unit), at };
        let action = match held.get_mut(&object.key) {
            None => Action::Create(wanted),
            Some(there) => {
                let is_right = match &there.sent {
                    Some(sent) => sent.is_same(&wanted),
                    None => there.checksum == Some(object.checksum(&desired.site)),
                };
                let is_ours = there.unit.replace(name.clone()).is_some();
                if is_right {
                    there.sent = Some(wanted);
                    continue;
                }
                let may_shrink = matches!(object.key.kind, ObjectType::VsVip | ObjectType::VirtualService);
                if may_shrink && !is_complete && !is_ours {
                    there.unit = None;
                    continue;
                }
                Action::Update { uuid: there.uuid.clone(), wanted }
            }
        };
        let step = Step { key: object.key.clone(), unit: Some(name.clone()), action, after: Vec::new() };
        steps.insert(object.key.clone(), step);
    }
    let gone = held.iter().filter(|(key, there)| !wanted_keys.contains(key) && (is_complete || there.unit.is_some()));
    for (key, there) in gone {
        let action = Action::Delete { uuid: there.uuid.clone() };
        let step = Step { key: key.clone(), unit: there.unit.clone(), action, after: Vec::new() };
        steps.insert(key.clone(), step);
    }
    order(&mut steps, held);
    steps
}

fn order(steps: &mut BTreeMap<ObjectKey, Step>, held: &Held) {
    let created: BTreeSet<ObjectKey> =
        steps.values().filter(|step| matches!(step.action, Action::Create(_))).map(|step| step.key.clone()).collect();
    let mut users: BTreeMap<&str, Vec<ObjectKey>> = BTreeMap::new();
    for key in steps.keys() {
        for uuid in held.get(key).into_iter().flat_map(|there| &there.references) {
            users.entry(uuid).or_default().push(key.clone());
        }
    }
    for step in steps.values_mut() {
        step.after = match &step.action {
            Action::Create(wanted) | Action::Update { wanted, .. } => {
                references(wanted.object()).into_iter().filter(|key| created.contains(key)).collect()
            }
            Action::Delete { uuid } => users.get(uuid.as_str()).cloned().unwrap_or_default(),
        };
        // Only what is made later refers to it (ako 9.5); bodies show references the other way round too.
        if matches!(step.action, Action::Delete { .. }) {
            step.after.retain(|user| user.kind > step.key.kind);
        }
    }
}

/// The unit, its parent without certificates that are `missing`.
fn without(unit: &Arc<Vec<Object>>, missing: &BTreeSet<&ObjectKey>) -> Arc<Vec<Object>> {
    let lacks = |object: &Object| references(object).iter().any(|key| missing.contains(key));
    let is_parent = |object: &Object| matches!(&object.spec, Spec::VirtualService(service) if matches!(service.role, Role::Parent { .. }));
    if missing.is_empty() || !unit.iter().any(|object| is_parent(object) && lacks(object)) {
        return Arc::clone(unit);
    }
    let mut objects = (**unit).clone();
    for object in &mut objects {
        let tenant = object.key.tenant.clone();
        if let Spec::VirtualService(service) = &mut object.spec
            && let Role::Parent { certificates } = &mut service.role
        {
            certificates.retain(|name| {
                let kind = ObjectType::SslKeyAndCertificate;
                !missing.contains(&ObjectKey { kind, tenant: tenant.clone(), name: name.clone() })
            });
        }
    }
    Arc::new(objects)
}

/// Objects that one refers to by name.
fn references(object: &Object) -> Vec<ObjectKey> {
    let tenant = &object.key.tenant;
    let key = |kind, name: &str| ObjectKey { kind, tenant: tenant.clone(), name: name.to_owned() };
    match &object.spec {
        Spec::VirtualService(service) => match &service.role {
            Role::Parent { certificates } => std::iter::once(key(ObjectType::VsVip, &object.key.name))
                .chain(certificates.iter().map(|name| key(ObjectType::SslKeyAndCertificate, name)))
                .collect(),
            Role::Child { parent, policies, .. } => std::iter::once(key(ObjectType::VirtualService, parent))
                .chain(policies.iter().map(|name| key(ObjectType::HttpPolicySet, name)))
                .collect(),
            Role::L4 { .. } => {
                vec![key(ObjectType::VsVip, &object.key.name), key(ObjectType::L4PolicySet, &object.key.name)]
            }
        },
        Spec::PoolGroup(group) => group.members.iter().map(|(name, _)| key(ObjectType::Pool, name)).collect(),
        Spec::HttpPolicySet(set) => {
            let groups = set.rules.iter().filter_map(|rule| match rule {
                HttpRule::Switch { pool_group, .. } => Some(pool_group),
                HttpRule::RedirectToHttps { .. } => None,
            });
            groups.map(|name| key(ObjectType::PoolGroup, name)).collect()
        }
        Spec::L4PolicySet(set) => set.ports.iter().map(|port| key(ObjectType::Pool, &port.pool)).collect(),
        Spec::VsVip(_) | Spec::Pool(_) | Spec::Certificate(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
