//! L7 virtual services in the parts that travel: certificates, policy sets and children are resources of their own.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use model::http::{Certificate, Child, HttpObjects, PolicySet, VirtualHost, VirtualService};

use super::{
    DecodeError, ResourceKey, ResourceSet, Stamped,
    decode::{decode_all, decode_all_with},
    object::Object,
};
use crate::wire::{self, ConvertError, ResourceKind};

/// What virtual services refer to, each list in the order of its uuids, each uuid once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HttpParts {
    pub(super) certificates: Vec<Arc<Certificate>>,
    pub(super) policy_sets: Vec<Arc<PolicySet>>,
    pub(super) children: Vec<Arc<PlacedChild>>,
}

/// A child and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlacedChild {
    pub(super) child: Arc<Child>,
    /// Uuid of the parent.
    pub(super) parent: String,
    /// Uuid of the child before it; empty of the first.
    pub(super) after: String,
}

impl HttpParts {
    /// Takes `objects` apart.
    pub(super) fn of(objects: &HttpObjects) -> Self {
        let (mut certificates, mut policy_sets, mut children) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for service in &objects.services {
            certificates.extend(service.certificates.iter().map(|it| (it.uuid.as_str(), it)));
            policy_sets.extend(service.host.policies.iter().map(|it| (it.uuid.as_str(), it)));
            let mut after = "";
            for child in &service.children {
                let uuid = child.host.uuid.as_str();
                policy_sets.extend(child.host.policies.iter().map(|it| (it.uuid.as_str(), it)));
                children.insert(uuid, (child, service.host.uuid.as_str(), after));
                after = uuid;
            }
        }
        let place = |(child, parent, after): (&Arc<Child>, &str, &str)| {
            Arc::new(PlacedChild { child: Arc::clone(child), parent: parent.to_owned(), after: after.to_owned() })
        };
        Self {
            certificates: certificates.into_values().cloned().collect(),
            policy_sets: policy_sets.into_values().cloned().collect(),
            children: children.into_values().map(place).collect(),
        }
    }
}

/// Reads the parts and puts them together. What `previous` holds unchanged is shared with it.
pub(super) fn decode(
    resources: &ResourceSet,
    previous: Option<&Stamped>,
) -> Result<(HttpObjects, HttpParts), DecodeError> {
    let certificates = decode_all::<Certificate>(resources, previous)?;
    let policy_sets = decode_all::<PolicySet>(resources, previous)?;
    let certificates_stay = previous.is_some_and(|it| is_same_list(&it.http.certificates, &certificates));
    let policies_stay = previous.is_some_and(|it| is_same_list(&it.http.policy_sets, &policy_sets));
    let has_policies = |host: &VirtualHost| policies_stay || are_in(&policy_sets, &host.policies);
    let policy_set = |uuid: &str| find(&policy_sets, uuid).cloned();

    let children = decode_all_with(
        resources,
        previous,
        |placed: &PlacedChild| has_policies(&placed.child.host),
        |message| {
            let (child, parent, after) = wire::http::child(message, policy_set)?;
            Ok(PlacedChild { child: Arc::new(child), parent, after })
        },
    )?;
    let families = families(&children)?;
    let children_of = |host: &VirtualHost| families.get(host.uuid.as_str()).map_or(&[][..], Vec::as_slice);
    let services: Vec<Arc<VirtualService>> = decode_all_with(
        resources,
        previous,
        |service: &VirtualService| {
            has_policies(&service.host)
                && (certificates_stay || are_in(&certificates, &service.certificates))
                && is_same_list(&service.children, children_of(&service.host))
        },
        |message| {
            let certificate = |uuid: &str| find(&certificates, uuid).cloned();
            let service = wire::http::virtual_service(message, certificate, policy_set)?;
            Ok(VirtualService { children: children_of(&service.host).to_vec(), ..service })
        },
    )?;
    if let Some(orphan) = children.iter().find(|placed| find(&services, &placed.parent).is_none()) {
        return Err(misplaced(orphan));
    }
    let objects = HttpObjects {
        services,
        pools: decode_all(resources, previous)?,
        pool_groups: decode_all(resources, previous)?,
    };
    Ok((objects, HttpParts { certificates, policy_sets, children }))
}

/// The children of each parent, in their order.
fn families(children: &[Arc<PlacedChild>]) -> Result<HashMap<&str, Vec<Arc<Child>>>, DecodeError> {
    let mut next: HashMap<(&str, &str), &PlacedChild> = HashMap::with_capacity(children.len());
    for placed in children {
        if next.insert((&placed.parent, &placed.after), placed).is_some() {
            return Err(misplaced(placed));
        }
    }
    let mut families = HashMap::new();
    for first in children.iter().filter(|placed| placed.after.is_empty()) {
        let (mut family, mut after) = (Vec::new(), "");
        while let Some(placed) = next.remove(&(&first.parent, after)) {
            family.push(Arc::clone(&placed.child));
            after = &placed.child.host.uuid;
        }
        families.insert(first.parent.as_str(), family);
    }
    // What is left comes after nothing that is there, or after itself.
    match next.into_values().min_by_key(|placed| &placed.child.host.uuid) {
        Some(stray) => Err(misplaced(stray)),
        None => Ok(families),
    }
}

fn misplaced(PlacedChild { child, parent, after }: &PlacedChild) -> DecodeError {
    DecodeError::Resource {
        key: ResourceKey::new(ResourceKind::HttpChild, &child.host.uuid),
        source: ConvertError::Place { parent: parent.clone(), after: after.clone() },
    }
}

/// The object with this id, in a list in the order of ids.
fn find<'a, T: Object>(objects: &'a [Arc<T>], id: &str) -> Option<&'a Arc<T>> {
    let place = objects.binary_search_by(|object| (*object.id()).cmp(id)).ok()?;
    objects.get(place)
}

/// Whether `objects` has each of `some`, the very same.
fn are_in<T: Object>(objects: &[Arc<T>], some: &[Arc<T>]) -> bool {
    some.iter().all(|one| find(objects, &one.id()).is_some_and(|found| Arc::ptr_eq(found, one)))
}

fn is_same_list<T>(one: &[Arc<T>], other: &[Arc<T>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
}
