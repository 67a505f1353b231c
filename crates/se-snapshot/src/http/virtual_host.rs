//! What a virtual service and an EVH child have in common: profile, policies, logs, target.

use model::http::{HttpProfile, Target, VirtualHost};

use super::{Base, parts::Parts};
use crate::{Object, Problem, World, field::Message, log_policy, reading::Reading};

/// The host; `None`, with a problem, where it would run without a security rule that protects it.
pub(super) fn read<'a>(
    object: Object<'a>,
    service: &Message<'_>,
    profile: HttpProfile,
    world: &World<'a>,
    base: &Base,
    parts: &mut Parts,
    reading: &mut Reading<'_, 'a>,
) -> Option<VirtualHost> {
    let mut sets = service.messages("http_policies");
    sets.sort_by_key(|set| set.number("index"));
    let mut found = Vec::new();
    for set in sets {
        match set.reference("http_policy_set_ref").map(|uuid| parts.policy_set(uuid, world, reading)) {
            Some(Some(translated)) => found.push((set, translated)),
            _ => reading.tell(set.problem("http_policy_set_ref", "no such policy set; requests pass without it")),
        }
    }
    let gaps = found.iter().enumerate().filter_map(|(place, (set, translated))| {
        let gap = translated.gap(found.iter().skip(place + 1).map(|(_, later)| later))?;
        let reason = format!("{gap} cannot be applied; the service does not run: change the rule, or switch it off");
        Some(set.problem("http_policy_set_ref", reason))
    });
    let gaps: Vec<Problem> = gaps.collect();
    if !gaps.is_empty() {
        gaps.into_iter().for_each(|gap| reading.tell(gap));
        return None;
    }
    let policies = found.into_iter().map(|(_, translated)| translated.set).collect();
    let group = service.reference("se_group_ref").or(base.default_group.as_deref());
    let group = group.and_then(|uuid| reading.get("serviceenginegroup", uuid));
    Some(VirtualHost {
        uuid: object.uuid.to_owned(),
        name: object.name.to_owned(),
        tenant: reading.get("tenant", object.tenant).map_or(object.tenant, |tenant| tenant.name).to_owned(),
        enabled: service.flag("enabled", true) && service.flag("traffic_enabled", true),
        profile,
        policies,
        logs: log_policy::read(object, service, group),
        target: target(service),
        pools_up_min: service.number("min_pools_up").map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX)),
    })
}

/// Its own pool or pool group.
fn target(service: &Message<'_>) -> Option<Target> {
    let pool = service.reference("pool_ref").map(|uuid| Target::Pool(uuid.to_owned()));
    pool.or_else(|| service.reference("pool_group_ref").map(|uuid| Target::PoolGroup(uuid.to_owned())))
}
