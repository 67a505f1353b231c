//! This site: its cluster, the GSLB configuration, and what the site lists (avi-api 2.21, 2.22).

use std::collections::BTreeMap;

use model::{
    DomainName, Location, Weight,
    gslb::{ClientGroup, HealthProxy, MemberLocation},
};

use crate::{Problem, World, field::Message, http::request_match};

/// What the snapshot needs to know of cluster and Gslb.
pub(crate) struct Site<'a> {
    /// Uuid of the controller cluster; empty before there is one.
    pub(crate) cluster_uuid: String,
    /// `Gslb.dns_configs`.
    pub(crate) gslb_domains: Vec<DomainName>,
    /// DNS virtual services the own site lists, with their own sub-domains (empty = all).
    pub(crate) dns_vses: Vec<(&'a str, Vec<DomainName>)>,
    /// All sites.
    pub(crate) sites: Sites,
    /// `Gslb.client_ip_addr_group`.
    pub(crate) public_clients: Option<ClientGroup>,
}

/// What members have from their sites, by cluster uuid.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sites(BTreeMap<String, SiteFacts>);

/// What members have from one site.
#[derive(Debug, PartialEq)]
pub(crate) struct SiteFacts {
    /// Its name.
    pub(crate) name: String,
    /// One that is switched off: its members are off too (avi-api 5.5).
    pub(crate) enabled: bool,
    /// Whether it perceives members: an active one that is neither switched off nor suspended.
    pub(crate) has_voice: bool,
    /// In place of their own.
    pub(crate) ratio: Option<Weight>,
    /// Of those that have none of their own.
    pub(crate) location: MemberLocation,
    /// Sites that probe its members for all others.
    proxies: Vec<SiteProxy>,
}

#[derive(Debug, PartialEq)]
struct SiteProxy {
    by: HealthProxy,
    /// Only members that have a public address beside their own.
    private_only: bool,
}

impl<'a> Site<'a> {
    pub(crate) fn read(world: &World<'a>, problems: &mut Vec<Problem>) -> Self {
        let cluster_uuid = world.of("cluster").next().map_or("", |cluster| cluster.uuid).to_owned();
        let (gslb_domains, dns_vses) = (Vec::new(), Vec::new());
        let mut site = Self { cluster_uuid, gslb_domains, dns_vses, sites: Sites::default(), public_clients: None };
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
            site.sites.0.insert(uuid.to_owned(), SiteFacts::read(entry, problems));
            if uuid == site.cluster_uuid {
                let listed = entry.messages("dns_vses");
                let listed = listed.iter().filter_map(|vs| Some((vs.text("dns_vs_uuid")?, vs)));
                site.dns_vses.extend(listed.map(|(uuid, vs)| (uuid, vs.domains("domain_names", problems))));
            }
        }
        site.sites.name_proxies();
        site.public_clients = gslb.some("client_ip_addr_group").and_then(|group| {
            let ranges =
                request_match::ranges(&group).map_err(|it| problems.push(it.then("no client is public"))).ok()?;
            Some(ClientGroup { lists_public: group.text("type") == Some("GSLB_IP_PUBLIC"), ranges })
        });
        site
    }

    /// Sub-domains that a DNS virtual service of this site serves; `None` when the site does not list it.
    pub(crate) fn domains_of(&self, uuid: &str) -> Option<Vec<DomainName>> {
        let (_, own) = self.dns_vses.iter().find(|(listed, _)| *listed == uuid)?;
        Some(if own.is_empty() { self.gslb_domains.clone() } else { own.clone() })
    }
}

impl Sites {
    /// What is known of the site with this cluster uuid.
    pub(crate) fn get(&self, cluster_uuid: &str) -> Option<&SiteFacts> {
        self.0.get(cluster_uuid)
    }

    /// Sites that probe a member of the site with this cluster uuid for all others; `is_private` when the member has a public
    /// address beside its own.
    pub(crate) fn proxies_of(&self, cluster_uuid: &str, is_private: bool) -> Vec<HealthProxy> {
        let proxies = self.0.get(cluster_uuid).map_or(&[][..], |site| &site.proxies);
        proxies.iter().filter(|proxy| is_private || !proxy.private_only).map(|proxy| proxy.by.clone()).collect()
    }

    /// Names come once all sites are known. One that is switched off or suspended stays named: it is not heard, and that
    /// takes no member down.
    fn name_proxies(&mut self) {
        let names: BTreeMap<String, String> =
            self.0.iter().map(|(uuid, site)| (uuid.clone(), site.name.clone())).collect();
        for site in self.0.values_mut() {
            site.proxies.retain_mut(|proxy| match names.get(&proxy.by.site) {
                Some(name) => {
                    proxy.by.name.clone_from(name);
                    true
                }
                None => false,
            });
        }
    }

    /// How many sites perceive members.
    pub(crate) fn with_voice(&self) -> u16 {
        u16::try_from(self.0.values().filter(|site| site.has_voice).count()).unwrap_or(u16::MAX)
    }

    /// Cluster uuid of the site of this name.
    pub(crate) fn uuid_of(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(_, site)| site.name == name).map(|(uuid, _)| uuid.as_str())
    }
}

impl SiteFacts {
    fn read(entry: &Message<'_>, problems: &mut Vec<Problem>) -> Self {
        Self {
            name: entry.text("name").unwrap_or_default().to_owned(),
            enabled: entry.flag("enabled", true),
            has_voice: entry.text("member_type") == Some("GSLB_ACTIVE_MEMBER")
                && entry.flag("enabled", true)
                && !entry.flag("suspend_mode", false),
            ratio: entry.number("ratio").and_then(|ratio| Weight::try_from(ratio).ok()),
            location: own_location(entry, problems).unwrap_or(MemberLocation::OfAddress),
            proxies: entry.messages("hm_proxies").iter().filter_map(SiteProxy::read).collect(),
        }
    }
}

impl SiteProxy {
    fn read(entry: &Message<'_>) -> Option<Self> {
        let by = HealthProxy { site: entry.text("site_uuid")?.to_owned(), name: String::new() };
        let private_only = !entry.text("proxy_type").is_some_and(|kind| kind.ends_with("ALL_MEMBERS"));
        Some(Self { by, private_only })
    }
}

/// `location` of a site or of a member; `None` where it is not its own.
pub(crate) fn own_location(entry: &Message<'_>, problems: &mut Vec<Problem>) -> Option<MemberLocation> {
    let location = entry.some("location")?;
    match location.text("source")? {
        "GSLB_LOCATION_SRC_USER_CONFIGURED" => {
            let place = location.message("location");
            let degrees = |field| place.decimal(field).unwrap_or(0.0);
            match Location::new(degrees("latitude"), degrees("longitude")) {
                Ok(place) => Some(MemberLocation::At(place)),
                Err(error) => {
                    problems.push(location.problem("location", format!("{error}; taken as not given")));
                    None
                }
            }
        }
        "GSLB_LOCATION_SRC_FROM_GEODB" => Some(MemberLocation::OfAddress),
        _ => None,
    }
}
