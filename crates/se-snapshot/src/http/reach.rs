//! Pools and pool groups that a virtual service can reach.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::http::{RequestAction, Target, VirtualHost, VirtualService};

/// Uuids, in their order.
#[derive(Default)]
pub(super) struct Reach<'a> {
    pub(super) pools: BTreeSet<&'a str>,
    pub(super) pool_groups: BTreeSet<&'a str>,
}

impl<'a> Reach<'a> {
    /// What `services`, their children and their rules name.
    pub(super) fn of(services: &'a [Arc<VirtualService>]) -> Self {
        let mut reach = Self::default();
        for service in services {
            reach.add(&service.host);
            service.children.iter().for_each(|child| reach.add(&child.host));
        }
        reach
    }

    fn add(&mut self, host: &'a VirtualHost) {
        let rules = host.policies.iter().flat_map(|set| &set.request);
        let selected = rules.filter_map(|rule| match &rule.action {
            Some(RequestAction::Select(target)) => Some(target),
            _ => None,
        });
        for target in selected.chain(&host.target) {
            match target {
                Target::Pool(uuid) => self.pools.insert(uuid),
                Target::PoolGroup(uuid) => self.pool_groups.insert(uuid),
            };
        }
    }
}
