//! What an engine runs.

use std::sync::Arc;

use model::{
    Version,
    dns::{DnsVirtualService, Registration},
    gslb::GslbService,
    http::HttpObjects,
    monitor::HealthMonitor,
};
use serde::{Deserialize, Serialize};

use crate::Clients;

/// Everything one engine needs, complete, at one version. An engine never runs half of one, and refuses an older one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Store incarnation, term and revision it was built from.
    pub version: Version,
    /// Uuid of the controller cluster (site) it comes from.
    pub cluster_uuid: String,
    /// How low ports are moved, for listeners, probes and explanations alike.
    pub port_offset: PortOffset,
    /// What is known of clients.
    pub clients: Clients,
    /// DNS virtual services placed on this engine.
    pub dns_services: Vec<DnsVirtualService>,
    /// Sub-domains delegated to GSLB (`Gslb.dns_configs`).
    pub gslb_domains: Vec<model::DomainName>,
    /// Global services; those that did not change are shared with the snapshot before.
    pub gslb_services: Vec<Arc<GslbService>>,
    /// Monitors that GSLB services and pools refer to; shared likewise.
    pub monitors: Vec<Arc<HealthMonitor>>,
    /// L7 virtual services placed on this engine, with what they refer to; shared likewise.
    pub http: HttpObjects,
    /// Records that virtual services own, of all engine groups, by name and VsVip; shared likewise.
    pub registrations: Vec<Arc<Registration>>,
}

/// Moves ports an unprivileged engine cannot bind: a port below `below` becomes itself plus `add`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortOffset {
    /// First port that stays as it is.
    pub below: u16,
    /// What is added to the others.
    pub add: u16,
}

impl PortOffset {
    /// No port moves.
    pub const NONE: Self = Self { below: 0, add: 0 };
    /// The default of an unprivileged engine: 80 becomes 8080, 443 becomes 8443.
    pub const UNPRIVILEGED: Self = Self { below: 1024, add: 8000 };

    /// The port that is really used for the configured `port`.
    #[must_use]
    pub const fn apply(self, port: u16) -> u16 {
        if port < self.below { port.saturating_add(self.add) } else { port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_low_ports_move() {
        assert_eq!(PortOffset::UNPRIVILEGED.apply(80), 8080);
        assert_eq!(PortOffset::UNPRIVILEGED.apply(1024), 1024);
        assert_eq!(PortOffset::UNPRIVILEGED.apply(5300), 5300);
        assert_eq!(PortOffset::NONE.apply(53), 53);
    }
}
