//! L7 virtual services with all that they refer to (avi-api 2.4, 2.6, 2.7, 2.9, 2.11, 2.13, 10).
//!
//! [`Memo::follow`] is the way through: virtual services and EVH children first, with the parts that several of them may
//! share ([`parts`]), then the pools and pool groups that one of them can reach. What the engine cannot do is told and
//! left out: a rule whose match cannot be expressed does not match everything, a pool that wants TLS is not spoken to in
//! plain text, and a service that lacks what protects it, such as a security rule, does not run.

mod action;
mod certificate;
mod child;
mod fail_action;
mod parts;
mod policy_set;
mod pool;
mod pool_group;
mod profile;
mod reach;
pub(crate) mod request_match;
mod response;
mod unsupported;
mod virtual_host;
mod virtual_service;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::http::{Child, HttpObjects, Pool, PoolGroup, VirtualService};
use se_protocol::PortOffset;

use crate::{Problem, World, log_policy, reading::Results};

use parts::Parts;
use reach::Reach;
use virtual_service::Translated;

/// What was translated before.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    base: Base,
    services: Results<Translated>,
    parts: Parts,
    /// Parents as they were read, and with their children.
    parents: BTreeMap<String, (Arc<VirtualService>, Arc<VirtualService>)>,
    pools: Results<Option<Arc<Pool>>>,
    pool_groups: Results<Option<Arc<PoolGroup>>>,
}

/// What every virtual service depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Base {
    port_offset: Option<PortOffset>,
    /// Uuid of the engine group of those that name none.
    default_group: Option<String>,
    /// Uuid of the certificate of those that have none.
    default_certificate: Option<String>,
}

/// A child among those of its parent.
struct Sibling<'a> {
    created_us: i64,
    uuid: &'a str,
    child: &'a Arc<Child>,
}

impl Sibling<'_> {
    /// As a child of `parent`, whose engine group counts for it too (ako 9.7); `before` is what has its place already.
    fn of(&self, parent: &VirtualService, before: Option<&Arc<Child>>) -> Arc<Child> {
        let group = &parent.host.logs.group;
        if self.child.host.logs.group == *group {
            return Arc::clone(self.child);
        }
        let mut child = Child::clone(self.child);
        child.host.logs.group.clone_from(group);
        before.filter(|before| ***before == child).map_or_else(|| Arc::new(child), Arc::clone)
    }
}

impl Base {
    fn read(world: &World<'_>, port_offset: PortOffset) -> Self {
        let certificate = world.of("sslkeyandcertificate").find(|object| object.name == certificate::DEFAULT);
        Self {
            port_offset: Some(port_offset),
            default_group: log_policy::default_group(world).map(|group| group.uuid.to_owned()),
            default_certificate: certificate.map(|object| object.uuid.to_owned()),
        }
    }
}

impl Memo {
    /// Everything as `world` has it, taken from the memo where that is the same, and the memo for next time.
    pub(crate) fn follow(
        self,
        world: &World<'_>,
        port_offset: PortOffset,
        problems: &mut Vec<Problem>,
    ) -> (Self, HttpObjects) {
        let base = Base::read(world, port_offset);
        let mut memo = if self.base == base { self } else { Self { base, ..Self::default() } };
        memo.follow_services(world);
        let services = memo.assemble();
        let (pools, pool_groups) = memo.follow_pools(&services, world);
        problems.extend(memo.services.problems().cloned());
        problems.extend(memo.parts.problems().cloned());
        problems.extend(memo.pools.problems().cloned());
        problems.extend(memo.pool_groups.problems().cloned());
        (memo, HttpObjects { services, pools, pool_groups })
    }

    fn follow_services(&mut self, world: &World<'_>) {
        let Self { base, services, parts, .. } = self;
        services.begin();
        parts.begin();
        for object in world.of("virtualservice") {
            let made =
                services.get(object.uuid, world, |reading| virtual_service::read(object, world, base, parts, reading));
            parts.keep_those_of(made);
        }
        services.end();
        parts.end();
    }

    /// Virtual services with their children. One whose children are the same is the same.
    fn assemble(&mut self) -> Vec<Arc<VirtualService>> {
        let mut children: BTreeMap<&str, Vec<Sibling<'_>>> = BTreeMap::new();
        for (uuid, made) in self.services.iter() {
            if let Translated::Child { parent, created_us, child } = &made.value {
                children.entry(parent).or_default().push(Sibling { created_us: *created_us, uuid, child });
            }
        }
        let mut before = std::mem::take(&mut self.parents);
        let mut found = Vec::new();
        for (uuid, made) in self.services.iter() {
            let Translated::Service(read) = &made.value else { continue };
            let Some(mut own) = children.remove(uuid) else {
                found.push(Arc::clone(read));
                continue;
            };
            own.sort_unstable_by_key(|sibling| (sibling.created_us, sibling.uuid));
            let before = before.remove(uuid);
            let known = before.as_ref().map(|(_, whole)| whole.children.as_slice()).unwrap_or_default();
            let children: Vec<Arc<Child>> = (0..).zip(own).map(|(place, it)| it.of(read, known.get(place))).collect();
            let is_same = known.len() == children.len() && known.iter().zip(&children).all(|(a, b)| Arc::ptr_eq(a, b));
            let same = before.filter(|(read_before, _)| is_same && Arc::ptr_eq(read_before, read));
            let whole = match same {
                Some((_, whole)) => whole,
                None => Arc::new(VirtualService { children, ..VirtualService::clone(read) }),
            };
            self.parents.insert(uuid.to_owned(), (Arc::clone(read), Arc::clone(&whole)));
            found.push(whole);
        }
        found
    }

    fn follow_pools(
        &mut self,
        services: &[Arc<VirtualService>],
        world: &World<'_>,
    ) -> (Vec<Arc<Pool>>, Vec<Arc<PoolGroup>>) {
        let mut reach = Reach::of(services);
        self.pool_groups.begin();
        self.pools.begin();
        let mut pool_groups = Vec::new();
        for uuid in &reach.pool_groups {
            let made = self.pool_groups.get(uuid, world, |reading| pool_group::read(uuid, reading));
            pool_groups.extend(made.value.clone());
        }
        reach.pools.extend(pool_groups.iter().flat_map(|group| &group.members).map(|member| member.pool.as_str()));
        let mut pools = Vec::new();
        for uuid in &reach.pools {
            pools.extend(self.pools.get(uuid, world, |reading| pool::read(uuid, reading)).value.clone());
        }
        self.pool_groups.end();
        self.pools.end();
        (pools, pool_groups)
    }
}

#[cfg(test)]
mod tests;
