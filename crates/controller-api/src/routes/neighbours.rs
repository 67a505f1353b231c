//! The way from virtual services down to pools, and back: through pool groups, policies and scripts.

use std::collections::HashSet;

use objects::{Object, Projection};
use serde_json::Value;

/// Types that lie between a virtual service and a pool.
const BETWEEN: [&str; 4] = ["poolgroup", "httppolicyset", "l4policyset", "vsdatascriptset"];

/// What an object sends requests to.
#[derive(Default)]
pub(super) struct Below<'a> {
    pub(super) pools: Vec<&'a Object>,
    pub(super) pool_groups: Vec<&'a Object>,
}

/// Pools and pool groups that an object can reach; each once, by name.
pub(super) fn below<'a>(object: &Object, projection: &'a Projection) -> Below<'a> {
    let mut below = Below::default();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut left = projection.targets(object);
    while let Some(target) = left.pop() {
        let is_between = BETWEEN.contains(&target.path);
        if !(is_between || target.path == "pool") || !seen.insert(&target.uuid) {
            continue;
        }
        match target.path {
            "pool" => below.pools.push(target),
            "poolgroup" => below.pool_groups.push(target),
            _ => {}
        }
        if is_between {
            left.extend(projection.targets(target));
        }
    }
    below.pools.sort_by_key(|pool| &pool.name);
    below.pool_groups.sort_by_key(|group| &group.name);
    below
}

/// Virtual services that can reach an object; each once, by name.
pub(super) fn virtual_services_above<'a>(object: &Object, projection: &'a Projection) -> Vec<&'a Object> {
    let mut found: Vec<&Object> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut left = vec![(object.path, object.uuid.clone())];
    while let Some((path, uuid)) = left.pop() {
        for referrer in projection.referrers(path, &uuid) {
            let is_service = referrer.path == "virtualservice";
            if !(is_service || BETWEEN.contains(&referrer.path)) || !seen.insert(referrer.uuid.clone()) {
                continue;
            }
            if is_service {
                found.extend(projection.get(referrer.path, &referrer.uuid).map(AsRef::as_ref));
            } else {
                left.push((referrer.path, referrer.uuid));
            }
        }
    }
    found.sort_by_key(|service| &service.name);
    found
}

/// Type of the application profile of a virtual service: `APPLICATION_PROFILE_TYPE_HTTP`.
pub(super) fn application<'a>(service: &Object, projection: &'a Projection) -> Option<&'a str> {
    let uuid = service.body.get("application_profile_ref").and_then(Value::as_str)?.rsplit('/').next()?;
    projection.get("applicationprofile", uuid)?.body.get("type")?.as_str()
}
