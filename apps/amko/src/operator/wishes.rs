//! Desired objects in the planner's terms.

use std::borrow::Cow;

use amko_translate::{Desired, GslbService, HealthMonitor, MonitorRefs, ObjectName};
use reconcile::{Draft, Key, ObjectType, Unit, Wanted, fingerprint};
use serde_json::Value;

/// One desired object, whose body is made when it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wish<'a> {
    Monitor(&'a HealthMonitor),
    Service(&'a GslbService),
}

/// All that is desired, monitors first.
pub(super) fn wishes(desired: &Desired) -> Vec<Wanted<Wish<'_>>> {
    let key = |kind, name: &ObjectName| Key { kind, tenant: name.tenant.clone(), name: name.name.clone() };
    let monitors = desired.monitors.values().map(|monitor| Wanted {
        key: key(ObjectType::HealthMonitor, &monitor.name),
        unit: Unit { tenant: monitor.name.tenant.clone(), service: monitor.service.clone() },
        draft: Wish::Monitor(monitor),
    });
    let services = desired.services.values().map(|service| Wanted {
        key: key(ObjectType::GslbService, &service.name),
        unit: Unit { tenant: service.name.tenant.clone(), service: service.name.name.clone() },
        draft: Wish::Service(service),
    });
    monitors.chain(services).collect()
}

impl Draft for Wish<'_> {
    fn body(&self) -> Cow<'_, Value> {
        Cow::Owned(match self {
            Self::Monitor(monitor) => monitor.to_body(),
            Self::Service(service) => service.to_body(),
        })
    }

    fn fingerprint(&self) -> u64 {
        match self {
            Self::Monitor(monitor) => fingerprint(monitor),
            Self::Service(service) => fingerprint(service),
        }
    }

    fn monitors(&self) -> Vec<Cow<'_, str>> {
        match self {
            Self::Monitor(_) | Self::Service(GslbService { monitors: MonitorRefs::None, .. }) => Vec::new(),
            Self::Service(service) => service.monitors.references().map(Cow::Owned).collect(),
        }
    }
}
