//! This site: its cluster, the GSLB configuration, and what the site lists (avi-api 2.21, 2.22).

use std::collections::BTreeSet;

use model::DomainName;

use crate::{Problem, World, field::Message};

/// What the snapshot needs to know of cluster and Gslb.
pub(crate) struct Site<'a> {
    /// Uuid of the controller cluster; empty before there is one.
    pub(crate) cluster_uuid: String,
    /// `Gslb.dns_configs`.
    pub(crate) gslb_domains: Vec<DomainName>,
    /// DNS virtual services the own site lists, with their own sub-domains (empty = all).
    pub(crate) dns_vses: Vec<(&'a str, Vec<DomainName>)>,
    /// Cluster uuids of the sites that are switched off; their members are off too (avi-api 5.5).
    pub(crate) disabled: BTreeSet<&'a str>,
}

impl<'a> Site<'a> {
    pub(crate) fn read(world: &World<'a>, problems: &mut Vec<Problem>) -> Self {
        let cluster_uuid = world.of("cluster").next().map_or("", |cluster| cluster.uuid).to_owned();
        let mut site = Self { cluster_uuid, gslb_domains: Vec::new(), dns_vses: Vec::new(), disabled: BTreeSet::new() };
        let Some(object) = world.of("gslb").next() else {
            return site;
        };
        let gslb = Message::root("Gslb", object.fields);
        for config in gslb.messages("dns_configs") {
            match config.domain("domain_name") {
                Some(Ok(name)) => site.gslb_domains.push(name),
                Some(Err(problem)) => problems.push(problem),
                None => problems.push(config.problem("domain_name", "no name given; skipped")),
            }
        }
        for entry in gslb.messages("sites").iter().chain(&gslb.messages("third_party_sites")) {
            let uuid = entry.text("cluster_uuid").unwrap_or_default();
            if !entry.flag("enabled", true) {
                site.disabled.insert(uuid);
            }
            if uuid == site.cluster_uuid {
                let listed = entry.messages("dns_vses");
                let listed = listed.iter().filter_map(|vs| Some((vs.text("dns_vs_uuid")?, vs)));
                site.dns_vses.extend(listed.map(|(uuid, vs)| (uuid, vs.domains("domain_names", problems))));
            }
        }
        site
    }

    /// Sub-domains that a DNS virtual service of this site serves; `None` when the site does not list it.
    pub(crate) fn domains_of(&self, uuid: &str) -> Option<Vec<DomainName>> {
        let (_, own) = self.dns_vses.iter().find(|(listed, _)| *listed == uuid)?;
        Some(if own.is_empty() { self.gslb_domains.clone() } else { own.clone() })
    }
}
