//! The port to the other sites of the GSLB: what the API asks of them, and how they stand.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use objects::{Object, Write};
use se_protocol::State;
use serde_json::{Map, Value};
use store::Revision;

/// What the API needs of the other sites; the app wires it.
#[async_trait]
pub trait Sites: Send + Sync + 'static {
    /// A Gslb is about to be `after`: sites that are new in it are asked to join (avi-api 5.1).
    ///
    /// # Errors
    /// One cannot be reached, or is not what the Gslb says it is; nothing is to be written then.
    async fn admit(&self, before: Option<&Object>, after: &Object) -> Result<(), SitesError>;

    /// Writes federated objects at all sites; returns when they are shown here, with the revision of the own store.
    /// `None` while this is the only site: then the own store is all there is.
    ///
    /// # Errors
    /// [`SitesError`]; after [`SitesError::Unknown`] it may happen yet.
    async fn write(&self, write: &Write) -> Option<Result<Revision, SitesError>>;

    /// A rule says that this site is not the leader: why nobody else is, either, in words. Then a retry is sane, while a
    /// follower of somebody refuses for good.
    fn why_nobody_leads(&self) -> Option<String> {
        None
    }

    /// The leader asks this site to join: what both have to know of each other.
    ///
    /// # Errors
    /// This site is not the one that is meant, or belongs to another GSLB.
    async fn join(&self, request: &Value) -> Result<Value, SitesError>;

    /// How the sites stand, as this one sees them.
    fn standing(&self) -> Standing;
}

/// Why the sites do not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SitesError {
    /// It is wrong, and stays wrong. Status 400.
    #[error("{0}")]
    Refused(String),
    /// It cannot be now, and nothing happened; a retry is sane. Status 503.
    #[error("{0}")]
    Unavailable(String),
    /// It may or may not have happened. Status 503.
    #[error("{0}")]
    Unknown(String),
}

/// How the sites stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// By cluster uuid, the own site left out.
    pub sites: BTreeMap<String, SiteStanding>,
    /// `None` while there is only one active site.
    pub replication: Option<Replication>,
}

/// One other site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteStanding {
    /// Whether a link stands.
    pub is_connected: bool,
    /// When that began.
    pub since: SystemTime,
    /// How long nothing was heard; `None` before the first word.
    pub silence: Option<Duration>,
    /// Its release; empty before the first word.
    pub software: String,
    /// Why no link stands, in words.
    pub failure: Option<String>,
    /// It is reached from here, and does not reach this site.
    pub does_not_dial: bool,
    /// Its DNS virtual services, by uuid.
    pub dns_services: BTreeMap<String, ServiceStanding>,
    /// Its virtual services, by uuid.
    pub virtual_services: BTreeMap<String, ServiceStanding>,
    /// How it sees the members of GSLB services, by uuid of the service.
    pub members: BTreeMap<String, Vec<MemberStanding>>,
    /// Last revision of the log that it has; known at the leader.
    pub held: Option<u64>,
}

/// A virtual service of another site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStanding {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Why, in words; may be empty.
    pub reason: String,
}

/// How another site sees a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStanding {
    /// Name of the pool.
    pub pool: String,
    /// The member's address.
    pub ip: IpAddr,
    /// What its monitors there say.
    pub datapath: State,
    /// What they and the control plane say there together.
    pub perceived: State,
}

/// How the log stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// Whether this site leads.
    pub is_leader: bool,
    /// Cluster uuid of who leads, or led last.
    pub leader: String,
    /// Whether anybody leads at this moment, as far as this site knows.
    pub is_led: bool,
    /// `view_id`: which time of leading this is.
    pub view: u64,
    /// Last revision in the own log.
    pub last: u64,
    /// Last revision that is shown here.
    pub applied: u64,
    /// Writes of this site from before another led, which the other did not have: they are kept for a person to look at.
    pub aside: usize,
}

/// Whether a GSLB service asks the sites for a quorum on its members.
#[must_use]
pub fn asks_for_quorum(service: &Map<String, Value>) -> bool {
    let quorum = service.get("site_quorum");
    quorum.is_some_and(|it| it.get("type").and_then(Value::as_str) != Some("SITE_QUORUM_NONE"))
}

/// A controller without other sites: each write is its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSites;

#[async_trait]
impl Sites for NoSites {
    async fn admit(&self, _before: Option<&Object>, _after: &Object) -> Result<(), SitesError> {
        Ok(())
    }

    async fn write(&self, _write: &Write) -> Option<Result<Revision, SitesError>> {
        None
    }

    async fn join(&self, _request: &Value) -> Result<Value, SitesError> {
        Err(SitesError::Refused("this controller takes part in no GSLB of several sites".to_owned()))
    }

    fn standing(&self) -> Standing {
        Standing::default()
    }
}
