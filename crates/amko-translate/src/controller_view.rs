//! What the controller holds, as far as a policy can refer to it.

use std::collections::{BTreeMap, BTreeSet};

/// Federated objects that a policy may name, by tenant and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControllerView {
    /// Health monitors.
    pub monitors: BTreeMap<(String, String), KnownMonitor>,
    /// Application persistence profiles.
    pub persistence_profiles: BTreeSet<(String, String)>,
    /// PKI profiles.
    pub pki_profiles: BTreeSet<(String, String)>,
    /// Names of the third-party sites of the GSLB configuration.
    pub third_party_sites: BTreeSet<String>,
}

/// A health monitor on the controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownMonitor {
    /// Whether it is federated.
    pub is_federated: bool,
    /// `HEALTH_MONITOR_…`.
    pub kind: String,
    /// Request line of an HTTP or HTTPS monitor.
    pub http_request: String,
    /// Accepted response codes of an HTTP or HTTPS monitor, `HTTP_2XX` and so on.
    pub http_response_code: Vec<String>,
}

/// An object that a policy names and that the controller has to be asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// A health monitor.
    HealthMonitor(String),
    /// An application persistence profile.
    PersistenceProfile(String),
    /// A PKI profile.
    PkiProfile(String),
    /// A third-party site.
    ThirdPartySite(String),
}

/// Objects of this tenant are visible from every other.
const SHARED_TENANT: &str = "admin";

impl ControllerView {
    /// A health monitor that is visible from a tenant.
    #[must_use]
    pub fn monitor(&self, tenant: &str, name: &str) -> Option<&KnownMonitor> {
        [tenant, SHARED_TENANT].iter().find_map(|tenant| self.monitors.get(&(tenant.to_string(), name.to_owned())))
    }

    /// Whether a persistence profile is visible from a tenant.
    #[must_use]
    pub fn has_persistence_profile(&self, tenant: &str, name: &str) -> bool {
        [tenant, SHARED_TENANT].iter().any(|t| self.persistence_profiles.contains(&(t.to_string(), name.to_owned())))
    }

    /// Whether a PKI profile is visible from a tenant.
    #[must_use]
    pub fn has_pki_profile(&self, tenant: &str, name: &str) -> bool {
        [tenant, SHARED_TENANT].iter().any(|t| self.pki_profiles.contains(&(t.to_string(), name.to_owned())))
    }

    /// The first PKI profile of a tenant by name: what a service with persistence uses when none is configured.
    #[must_use]
    pub fn first_pki_profile(&self, tenant: &str) -> Option<&str> {
        [tenant, SHARED_TENANT]
            .iter()
            .find_map(|t| self.pki_profiles.iter().find(|(of, _)| of == t))
            .map(|(_, name)| name.as_str())
    }

    /// Whether a look-up is answered by what is here.
    #[must_use]
    pub fn answers(&self, tenant: &str, lookup: &Lookup) -> bool {
        match lookup {
            Lookup::HealthMonitor(name) => self.monitor(tenant, name).is_some(),
            Lookup::PersistenceProfile(name) => self.has_persistence_profile(tenant, name),
            Lookup::PkiProfile(name) => self.has_pki_profile(tenant, name),
            Lookup::ThirdPartySite(name) => self.third_party_sites.contains(name),
        }
    }
}
