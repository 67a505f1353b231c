//! What this site sees of the others and of its own engines, and what it tells of itself.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use controller_api::{Engine, MemberStanding, ServiceStanding, SiteStanding};
use se_protocol::{MemberSights, MemberStates, Report, State, member_states::VirtualServiceKey, sights::SiteVoice};
use site_link::{Link, MemberTold, PeerState, SiteState, VirtualServiceTold};
use site_replication::SiteId;

use super::{
    Shared, invite, now, plan,
    proxies::{self, Proxies},
};

/// How long a link is down before the site is asked to join anew.
const AWAY_AFTER: Duration = Duration::from_secs(5);
/// How long what a site perceived of members counts after the last word of it, so that a link that breaks for a moment
/// changes no answer.
const VOICE_KEPT: Duration = Duration::from_secs(10);

pub(super) type Peers = BTreeMap<SiteId, PeerState>;

/// What a site's own state follows from.
pub(super) struct Basis {
    connected: usize,
    reports: Vec<Arc<Report>>,
    /// Of the virtual services, whose names are told.
    revision: store::Revision,
}

impl Basis {
    fn is_same(&self, other: &Self) -> bool {
        let same_reports = || self.reports.iter().zip(&other.reports).all(|(own, other)| say_the_same(own, other));
        (self.connected, self.reports.len(), self.revision) == (other.connected, other.reports.len(), other.revision)
            && same_reports()
    }
}

/// Whether two reports tell the same of what a site tells others. An engine reports each snapshot that it runs, and hands on
/// what did not change as it is.
fn say_the_same(one: &Arc<Report>, other: &Arc<Report>) -> bool {
    fn are_same<T>(one: &[Arc<T>], other: &[Arc<T>]) -> bool {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Arc::ptr_eq(one, other))
    }
    Arc::ptr_eq(one, other)
        || one.dns_services == other.dns_services
            && are_same(&one.gslb_services, &other.gslb_services)
            && are_same(&one.http_services, &other.http_services)
}

impl Shared {
    pub(super) fn opened(&self, link: &Link) {
        // Once for the life of the process: the link stays open.
        let _ = self.told.set(link.told());
        let _ = self.forwarder.set(link.forwarder());
        self.is_open.send_replace(true);
    }

    /// The other active sites to which a link stands.
    pub(super) fn linked_active(&self) -> Vec<SiteId> {
        let gslb = self.live.read(|state| state.projection.single("gslb").cloned());
        let active = gslb.map(|gslb| plan::Plan::read(&gslb, None).settings.active).unwrap_or_default();
        let Some(told) = self.told.get() else { return Vec::new() };
        let peers = told.borrow().clone();
        let is_linked = |site: &SiteId| peers.get(site).is_some_and(|peer| peer.connected);
        active.into_iter().filter(is_linked).collect()
    }

    /// Those of `sites` that no link has stood to for a while.
    pub(super) fn away(&self, sites: &[invite::Guest]) -> Vec<invite::Guest> {
        let Some(told) = self.told.get() else { return Vec::new() };
        let (now, peers) = (now(), told.borrow().clone());
        let is_away = |id| {
            peers.get(id).is_some_and(|peer| !peer.connected && now.saturating_duration_since(peer.since) > AWAY_AFTER)
        };
        sites.iter().filter(|guest| is_away(&guest.id)).cloned().collect()
    }

    /// Whether the others say that this site is none of them: `leader` does, or most of `others`. They are believed: a link
    /// begins with a proof of their keys.
    pub(super) fn is_disowned(&self, leader: &SiteId, others: usize) -> bool {
        let Some(told) = self.told.get() else { return false };
        let peers = told.borrow().clone();
        let disowns = |peer: &PeerState| {
            let words = peer.failure.as_deref().unwrap_or_default();
            !peer.connected && words.contains("the other site says:") && words.contains("is not among the sites that")
        };
        let count = peers.values().filter(|peer| disowns(peer)).count();
        count > 0 && (peers.get(leader).is_some_and(disowns) || count * 2 > others)
    }

    /// Whether every connected engine runs what the object store has at `revision`; so it is where there is none.
    pub(super) fn engines_run(&self, revision: store::Revision) -> bool {
        // What matters to no engine makes no new configuration.
        let changed = self.live.read(|state| state.changed(se_snapshot::TYPES));
        let wanted = revision.min(changed);
        let engines = self.engine.engines();
        let mut connected = engines.iter().filter(|engine| engine.connected);
        connected.all(|engine| engine.running.as_ref().is_some_and(|running| running.revision.0 >= wanted))
    }

    /// What this site tells the others of itself, and what that comes from; `None` where it came from the same before.
    pub(super) fn state(&self, before: Option<&Basis>) -> Option<(SiteState, Basis)> {
        let engines: Vec<_> = self.engine.engines().into_iter().filter(|engine| engine.connected).collect();
        let connected = engines.len();
        let reports: Vec<_> = engines.into_iter().filter_map(|engine| engine.report).collect();
        let basis = Basis { connected, reports, revision: self.live.read(|live| live.changed(&["virtualservice"])) };
        if before.is_some_and(|before| before.is_same(&basis)) {
            return None;
        }
        let (connected, reports) = (basis.connected, &basis.reports);
        let mut state = SiteState {
            controller: env!("CARGO_PKG_VERSION").to_owned(),
            engines_connected: u32::try_from(connected).unwrap_or(u32::MAX),
            ..SiteState::default()
        };
        let mut put = |map: fn(&mut SiteState) -> &mut BTreeMap<String, VirtualServiceTold>,
                       uuid: &str,
                       seen: State,
                       reason: &str| {
            let entry = map(&mut state).entry(uuid.to_owned()).or_insert_with(|| VirtualServiceTold {
                state: seen,
                name: String::new(),
                addresses: Vec::new(),
                reason: reason.to_owned(),
            });
            entry.state = entry.state.or_better(seen);
            if entry.state == State::Up {
                entry.reason.clear();
            }
        };
        for report in reports {
            for service in &report.dns_services {
                put(|state| &mut state.dns_services, &service.uuid, service.state, &service.reason);
                put(|state| &mut state.virtual_services, &service.uuid, service.state, &service.reason);
            }
            for service in &report.http_services {
                put(|state| &mut state.virtual_services, &service.uuid, service.state, &service.reason);
            }
        }
        let merged: se_protocol::Reports = reports.iter().cloned().collect();
        let (proxies, projection) = self.live.read(|live| {
            let gslb = live.projection.single("gslb");
            let proxies = gslb.map(|gslb| Proxies::read(gslb)).filter(|proxies| proxies.is_one(self.own.as_str()));
            let projection = proxies.is_some().then(|| live.projection.clone());
            (proxies.unwrap_or_default(), projection)
        });
        for service in merged.gslb_services() {
            let is_for_others =
                projection.as_ref().is_some_and(|it| proxies.probes(self.own.as_str(), &service.uuid, it));
            let members = service.pools.iter().flat_map(|pool| {
                pool.members.iter().map(|member| MemberTold {
                    pool: pool.name.clone(),
                    ip: member.ip,
                    // What is perceived here, and not what follows from all sites: that would go round in circles.
                    state: member.perceived,
                    datapath: member.datapath,
                    monitors: if is_for_others { proxies.told(&member.monitors) } else { Vec::new() },
                })
            });
            let members = members.collect();
            state.gslb_members.insert(service.uuid, members);
        }
        self.live.read(|live| {
            for map in [&mut state.virtual_services, &mut state.dns_services] {
                for (uuid, told) in map {
                    told.name =
                        live.projection.get("virtualservice", uuid).map(|vs| vs.name.clone()).unwrap_or_default();
                }
            }
        });
        Some((state, basis))
    }

    /// What the other sites say of their virtual services; nothing of those that were silent for too long.
    pub(super) fn states_elsewhere(&self, peers: &Peers) -> MemberStates {
        let gslb = self.live.read(|state| state.projection.single("gslb").cloned());
        let proxies = gslb.as_ref().map(|gslb| Proxies::read(gslb)).unwrap_or_default();
        let plan = gslb.map(|gslb| plan::Plan::read(&gslb, None));
        let silence_max = plan.as_ref().map_or(Duration::from_secs(300), |plan| plan.silence_max);
        let (now, mut states) = (now(), MemberStates::default());
        for (id, peer) in peers {
            let is_lost =
                !peer.connected && peer.last_heard.is_none_or(|at| now.saturating_duration_since(at) > silence_max);
            let Some(told) = peer.state.as_ref().filter(|_| !is_lost) else { continue };
            for (uuid, service) in &told.virtual_services {
                let key = VirtualServiceKey { cluster_uuid: id.to_string(), vs_uuid: uuid.clone() };
                states.set(key, service.state);
            }
        }
        self.hear_voices(peers, plan.as_ref(), &proxies, now, &mut states);
        states
    }

    /// How the other active sites perceive the members of services that ask for a quorum of sites, and what those found that
    /// probe members for all. Who has not been heard for a while has no voice and probes for nobody.
    fn hear_voices(
        &self,
        peers: &Peers,
        plan: Option<&plan::Plan>,
        proxies: &Proxies,
        now: Instant,
        states: &mut MemberStates,
    ) {
        let Some(settings) = plan.map(|plan| &plan.settings) else { return };
        let asking: Vec<String> = self.live.read(|live| {
            let services = live.projection.objects("gslbservice");
            let asking = services.filter(|service| controller_api::asks_for_quorum(&service.body));
            asking.map(|service| service.uuid.clone()).collect()
        });
        let mut sights: BTreeMap<&str, MemberSights> = BTreeMap::new();
        let mut probing = Vec::new();
        for (id, peer) in peers {
            let has_voice = settings.active.contains(id) && !settings.suspended.contains(id);
            let is_heard =
                peer.connected || peer.last_heard.is_some_and(|at| now.saturating_duration_since(at) <= VOICE_KEPT);
            let Some(told) = peer.state.as_ref().filter(|_| has_voice && is_heard) else { continue };
            for service in &asking {
                let members = told.gslb_members.get(service).map_or(&[][..], Vec::as_slice);
                let known = members.iter().filter(|member| matches!(member.state, State::Up | State::Down));
                let voices = known.map(|member| SiteVoice {
                    site: id.to_string(),
                    pool: member.pool.clone(),
                    ip: member.ip,
                    state: member.state,
                });
                sights.entry(service).or_default().voices.extend(voices);
            }
            if proxies.is_one(id.as_str()) && proxies::hear(id.as_str(), told, &mut sights) {
                probing.push(id.to_string());
            }
        }
        for (service, sights) in sights.into_iter().filter(|(_, sights)| *sights != MemberSights::default()) {
            states.set_sights(service, Arc::new(sights));
        }
        states.set_proxies(probing);
    }
}

pub(super) fn standing_of(peer: &PeerState, now: Instant) -> SiteStanding {
    let services = |told: &BTreeMap<String, VirtualServiceTold>| {
        let shown = told.iter().map(|(uuid, it)| {
            (uuid.clone(), ServiceStanding { name: it.name.clone(), state: it.state, reason: it.reason.clone() })
        });
        shown.collect()
    };
    let members = |told: &SiteState| {
        let shown = told.gslb_members.iter().map(|(uuid, members)| {
            let members = members.iter().map(|it| MemberStanding {
                pool: it.pool.clone(),
                ip: it.ip,
                datapath: it.datapath,
                perceived: it.state,
            });
            (uuid.clone(), members.collect())
        });
        shown.collect()
    };
    let age = now.saturating_duration_since(peer.since);
    SiteStanding {
        is_connected: peer.connected,
        since: crate::controller::wall_now().checked_sub(age).unwrap_or(std::time::SystemTime::UNIX_EPOCH),
        silence: peer.last_heard.map(|at| now.saturating_duration_since(at)),
        software: peer.software.clone(),
        failure: peer.failure.clone(),
        does_not_dial: peer.does_not_dial,
        dns_services: peer.state.as_deref().map(|state| services(&state.dns_services)).unwrap_or_default(),
        virtual_services: peer.state.as_deref().map(|state| services(&state.virtual_services)).unwrap_or_default(),
        members: peer.state.as_deref().map(members).unwrap_or_default(),
        held: None,
    }
}

#[cfg(test)]
mod tests {
    use model::{Revision, Version};
    use se_protocol::GslbServiceState;

    use super::*;

    fn report(revision: u64, services: &[&Arc<GslbServiceState>]) -> Arc<Report> {
        Arc::new(Report {
            version: Version { incarnation: "a".into(), term: 0, revision: Revision(revision) },
            dns_services: Vec::new(),
            gslb_services: services.iter().map(|service| Arc::clone(service)).collect(),
            http_services: Vec::new(),
            http_pools: Vec::new(),
        })
    }

    #[test]
    fn a_report_of_another_snapshot_that_says_the_same_is_nothing_to_tell_others() {
        let service = |uuid: &str| {
            let (uuid, reason) = (uuid.to_owned(), String::new());
            Arc::new(GslbServiceState { uuid, state: State::Up, reason, since_us: 1, pools: Vec::new() })
        };
        let (first, second) = (service("gslbservice-1"), service("gslbservice-2"));
        let basis = |report: Arc<Report>, revision| Basis { connected: 1, reports: vec![report], revision };
        let before = basis(report(1, &[&first]), 7);
        assert!(before.is_same(&basis(report(2, &[&first]), 7)));
        assert!(!before.is_same(&basis(report(2, &[&first]), 8)), "a virtual service has another name");
        assert!(!before.is_same(&basis(report(2, &[&second]), 7)), "another state");
        assert!(!before.is_same(&basis(report(2, &[&first, &second]), 7)), "one more");
    }
}
