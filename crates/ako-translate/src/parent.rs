//! The parent of a shard and its VIP (ako 4.2, 4.3, 5.4).

use crate::desired::{Object, ObjectKey, ObjectType, Role, Site, Spec, VirtualService, VsVip};
use crate::settings::AutoFqdn;
use crate::{Markers, ServiceMetadata};

/// What the hosts of a shard add to their parent; ascending, each once.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) hosts: Vec<String>,
    pub(crate) certificates: Vec<String>,
}

/// Builds a parent.
pub(crate) fn build(tenant: &str, number: u32, shard: &Shard, site: &Site) -> Vec<Object> {
    let name = site.names.parent(number);
    let key = |kind| ObjectKey { kind, tenant: tenant.to_owned(), name: name.clone() };
    let fqdns = automatic_name(&name, tenant, site).into_iter().chain(shard.hosts.iter().cloned()).collect();
    let role = Role::Parent { certificates: shard.certificates.clone() };
    vec![
        Object {
            key: key(ObjectType::VsVip),
            markers: Markers::default(),
            spec: Spec::VsVip(VsVip { fqdns, address: None }),
        },
        Object {
            key: key(ObjectType::VirtualService),
            markers: Markers::default(),
            spec: Spec::VirtualService(VirtualService { role, metadata: ServiceMetadata::default() }),
        },
    ]
}

/// `<vs name>.<tenant>.<domain>`; the case of the name is kept.
fn automatic_name(name: &str, tenant: &str, site: &Site) -> Option<String> {
    let domain = site.settings.sub_domain(&site.cloud)?;
    let tenant = tenant_label(tenant);
    match site.settings.auto_fqdn {
        AutoFqdn::Default => Some(format!("{name}.{tenant}.{domain}")),
        AutoFqdn::Flat => Some(format!("{name}-{tenant}.{domain}")),
        AutoFqdn::Disabled => None,
    }
}

/// Letters, digits and single dashes; no dash at the ends.
fn tenant_label(tenant: &str) -> String {
    let parts = tenant.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_becomes_a_label() {
        for (tenant, expected) in [("admin", "admin"), ("a__b--c d", "a-b-c-d"), ("-x.", "x")] {
            assert_eq!(tenant_label(tenant), expected, "ako 4.3");
        }
    }
}
