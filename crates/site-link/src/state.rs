//! What a site tells the others of itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use se_protocol::State;

/// Objects of a site as the others need them. Avi: state exchange, avi-api 5.4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteState {
    /// By uuid.
    pub virtual_services: BTreeMap<String, VirtualServiceTold>,
    /// DNS virtual services by uuid.
    pub dns_services: BTreeMap<String, VirtualServiceTold>,
    /// Members as this site's own engines perceive them, by uuid of the GSLB service.
    pub gslb_members: BTreeMap<String, Vec<MemberTold>>,
    /// Version of the controller's software. Avi: `sw_version`.
    pub controller: String,
    /// Service engines that are connected to it.
    pub engines_connected: u32,
}

/// A virtual service of the site that tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualServiceTold {
    /// Operational state.
    pub state: State,
    /// Name of the object.
    pub name: String,
    /// Addresses of its VIPs.
    pub addresses: Vec<IpAddr>,
    /// Why, in words, empty when up.
    pub reason: String,
}

/// A member of a GSLB service as the site that tells it perceives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberTold {
    /// Name of its pool.
    pub pool: String,
    /// Its address.
    pub ip: IpAddr,
    /// Probes and control plane together, as perceived there: what follows from a quorum of sites is not in it.
    pub state: State,
    /// What probes alone say. Avi: `datapath_status`.
    pub datapath: State,
    /// What each monitor says, where that site probes the member for others.
    pub monitors: Vec<MonitorTold>,
}

/// A monitor of a member that a site probes for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorTold {
    /// Uuid of the health monitor.
    pub uuid: String,
    /// Its verdict.
    pub state: State,
    /// Why, in words, where it fails.
    pub last_failure: Option<String>,
}

/// What changed from one state to the next, as it travels: whole, or a difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Nothing that was told before holds.
    pub(crate) full: bool,
    /// What is there, or is different.
    pub(crate) there: SiteState,
    pub(crate) virtual_services_gone: Vec<String>,
    pub(crate) dns_services_gone: Vec<String>,
    pub(crate) gslb_members_gone: Vec<String>,
}

impl Told {
    /// All of it.
    pub(crate) fn full(state: &SiteState) -> Self {
        Self { full: true, there: state.clone(), ..Self::default() }
    }

    /// What to tell who has `old`.
    pub(crate) fn difference(old: &SiteState, new: &SiteState) -> Self {
        let (virtual_services, virtual_services_gone) = changed(&old.virtual_services, &new.virtual_services);
        let (dns_services, dns_services_gone) = changed(&old.dns_services, &new.dns_services);
        let (gslb_members, gslb_members_gone) = changed(&old.gslb_members, &new.gslb_members);
        let there = SiteState {
            virtual_services,
            dns_services,
            gslb_members,
            controller: new.controller.clone(),
            engines_connected: new.engines_connected,
        };
        Self { full: false, there, virtual_services_gone, dns_services_gone, gslb_members_gone }
    }

    /// What holds now for who had `old`.
    pub(crate) fn apply(self, old: &SiteState) -> SiteState {
        if self.full {
            return self.there;
        }
        let mut state = old.clone();
        merge(&mut state.virtual_services, self.there.virtual_services, &self.virtual_services_gone);
        merge(&mut state.dns_services, self.there.dns_services, &self.dns_services_gone);
        merge(&mut state.gslb_members, self.there.gslb_members, &self.gslb_members_gone);
        SiteState { controller: self.there.controller, engines_connected: self.there.engines_connected, ..state }
    }
}

fn changed<T: Clone + PartialEq>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
) -> (BTreeMap<String, T>, Vec<String>) {
    let there = new.iter().filter(|(uuid, now)| old.get(*uuid) != Some(now));
    let gone = old.keys().filter(|uuid| !new.contains_key(*uuid));
    (there.map(|(uuid, now)| (uuid.clone(), now.clone())).collect(), gone.cloned().collect())
}

fn merge<T>(state: &mut BTreeMap<String, T>, there: BTreeMap<String, T>, gone: &[String]) {
    for uuid in gone {
        state.remove(uuid);
    }
    state.extend(there);
}
