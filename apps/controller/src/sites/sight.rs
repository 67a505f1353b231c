//! What this site sees of the others and of its own engines, and what it tells of itself.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use controller_api::{Engine, MemberStanding, ServiceStanding, SiteStanding};
use se_protocol::{MemberStates, Report, State, member_states::VirtualServiceKey};
use site_link::{Link, MemberTold, PeerState, SiteState, VirtualServiceTold};
use site_replication::SiteId;

use super::{Shared, invite, now, plan};

/// How long a link is down before the site is asked to join anew.
const AWAY_AFTER: Duration = Duration::from_secs(5);

pub(super) type Peers = BTreeMap<SiteId, PeerState>;

/// What a site's own state follows from.
pub(super) struct Basis {
    connected: usize,
    reports: Vec<Arc<Report>>,
    revision: store::Revision,
}

impl Basis {
    fn is_same(&self, other: &Self) -> bool {
        let same_reports = || self.reports.iter().zip(&other.reports).all(|(own, other)| Arc::ptr_eq(own, other));
        (self.connected, self.reports.len(), self.revision) == (other.connected, other.reports.len(), other.revision)
            && same_reports()
    }
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
        let basis = Basis { connected, reports, revision: self.live.read(|live| live.revision) };
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
        for service in merged.gslb_services() {
            let members = service.pools.iter().flat_map(|pool| {
                pool.members.iter().map(|member| MemberTold {
                    pool: pool.name.clone(),
                    ip: member.ip,
                    state: member.state,
                    datapath: member.datapath,
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
        let silence_max = gslb.map_or(Duration::from_secs(300), |gslb| plan::Plan::read(&gslb, None).silence_max);
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
        states
    }
}

/// Another site as the API shows it.
pub(super) fn standing_of(peer: &PeerState, now: Instant) -> SiteStanding {
    let services = |told: &BTreeMap<String, VirtualServiceTold>| {
        let shown = told.iter().map(|(uuid, it)| {
            (uuid.clone(), ServiceStanding { name: it.name.clone(), state: it.state, reason: it.reason.clone() })
        });
        shown.collect()
    };
    let members = |told: &SiteState| {
        let shown = told.gslb_members.iter().map(|(uuid, members)| {
            let members =
                members.iter().map(|it| MemberStanding { pool: it.pool.clone(), ip: it.ip, datapath: it.datapath });
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
