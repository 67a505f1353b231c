//! What others see of members: how other sites perceive them, and what other engines of this site, and sites that probe for
//! it, found by probing them.
//!
//! It travels beside the snapshot, with [`crate::MemberStates`], and only where it counts: voices of sites for services that
//! ask for a quorum of sites, results of engines where the site splits its probes among them, results of a site for members
//! that it probes for the others.

use std::net::IpAddr;

use crate::{GslbServiceState, State};

/// What others see of the members of one GSLB service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberSights {
    /// Of other sites that are heard.
    pub voices: Vec<SiteVoice>,
    /// Of engines of this site, and of sites that probe for it.
    pub results: Vec<SharedResult>,
}

/// How another site perceives a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteVoice {
    /// Cluster uuid of the site.
    pub site: String,
    /// Name of the member's pool.
    pub pool: String,
    /// Address of the member.
    pub ip: IpAddr,
    /// What the site's own monitors and the control plane say there.
    pub state: State,
}

/// What probes of another engine, or of another site, say of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedResult {
    /// Uuid of the engine, or cluster uuid of the site.
    pub engine: String,
    /// Name of the member's pool.
    pub pool: String,
    /// Address of the member.
    pub ip: IpAddr,
    /// Uuid of the monitor.
    pub monitor: String,
    /// Its verdict.
    pub state: State,
    /// As in [`crate::MonitorState::last_failure`].
    pub last_failure: Option<String>,
}

/// An engine that takes its share of the probes of members.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbingEngine {
    /// Uuid that the controller gave it.
    pub uuid: String,
    /// Its service engine group. Engines of one group probe the same addresses and ports.
    pub group: String,
}

impl MemberSights {
    /// What `engine` found by probes of its own.
    pub fn results_of<'a>(engine: &'a str, service: &'a GslbServiceState) -> impl Iterator<Item = SharedResult> + 'a {
        let members = service.pools.iter().flat_map(|pool| pool.members.iter().map(move |member| (pool, member)));
        members.flat_map(move |(pool, member)| {
            let own = member.monitors.iter().filter(|monitor| monitor.probed_by.is_none());
            own.filter(|monitor| monitor.state != State::Unknown).map(move |monitor| SharedResult {
                engine: engine.to_owned(),
                pool: pool.name.clone(),
                ip: member.ip,
                monitor: monitor.uuid.clone(),
                state: monitor.state,
                last_failure: monitor.last_failure.clone(),
            })
        })
    }
}
