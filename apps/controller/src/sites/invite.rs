//! Asks a site to join, as an ordinary client of its API with the site's credentials (avi-api 5.1).

use std::time::Duration;

use avi_client::{AviClient, AviError, Config, Verification};
use controller_api::SitesError;
use objects::Object;
use serde_json::Value;
use site_replication::{Leadership, SiteId};

use super::{
    known::{self, Introduction, Invitation, Known, KnownSites},
    plan::{Member, Plan, at},
};

/// Longest wait for one answer of the other site. A login alone takes a password's hash, and a site that is busy starting
/// has other things to do; an address at which nobody is is given up sooner.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A site to ask.
#[derive(Clone)]
pub(super) struct Guest {
    pub(super) id: SiteId,
    pub(super) member: Member,
    /// Place in the Gslb, for messages.
    at: String,
    dns_vses: Vec<String>,
}

/// Sites of `after` that are to be asked, because they are new or reached in another way; and those that stay.
pub(super) fn guests(before: Option<&Object>, after: &Object, own: &SiteId) -> (Vec<Guest>, Vec<Guest>) {
    let before = before.map(|before| (Plan::read(before, None), dns_vses(before)));
    let (plan, listed) = (Plan::read(after, None), dns_vses(after));
    let order: Vec<SiteId> = sites(after).map(|site| SiteId::from(text(site, "cluster_uuid"))).collect();
    let (mut guests, mut kept) = (Vec::new(), Vec::new());
    for (id, member) in plan.sites.into_iter().filter(|(id, _)| id != own) {
        let place = order.iter().position(|site| *site == id).unwrap_or_default();
        let wanted = |listed: &[(SiteId, String)]| -> Vec<String> {
            listed.iter().filter(|(site, _)| *site == id).map(|(_, uuid)| uuid.clone()).collect()
        };
        let guest = Guest { dns_vses: wanted(&listed), at: format!("sites[{place}]"), member, id: id.clone() };
        let is_same = before.as_ref().is_some_and(|(plan, listed)| {
            let reached = |member: &Member| Member { name: String::new(), ..member.clone() };
            plan.sites.get(&id).is_some_and(|before| reached(before) == reached(&guest.member))
                && wanted(listed) == guest.dns_vses
        });
        if is_same { kept.push(guest) } else { guests.push(guest) }
    }
    (guests, kept)
}

/// How a site is found by what it told of itself and where its API is.
pub(super) fn known(hosts: &[String], introduction: &Introduction) -> Known {
    let addresses = hosts.iter().map(|host| at(host, introduction.port)).collect();
    Known { addresses, certificate: introduction.certificate.clone() }
}

/// Asks one site to join.
///
/// # Errors
/// It cannot be reached or refuses; the words name the field of the Gslb.
pub(super) async fn ask(guest: &Guest, gslb: &Object, own: &SiteId, sites: &KnownSites) -> Result<Known, SitesError> {
    let Guest { id, member, at: place, .. } = guest;
    if member.hosts.is_empty() {
        return Err(SitesError::Refused(format!(
            "{place}.ip_addresses: an address is needed to reach site {}",
            member.name
        )));
    }
    let mut why = None;
    for host in &member.hosts {
        let url = format!("https://{}", at(host, member.port));
        // As avi-api 5.1 has it, the first word goes to whoever answers there; from then on certificates are pinned.
        let config = Config {
            request_timeout: ANSWER_WITHIN,
            ..Config::new(&url, &member.username, &member.password, Verification::Insecure)
        };
        let client = AviClient::new(config).map_err(|error| SitesError::Refused(format!("{place}: {error}")))?;
        match meet(&client, guest, gslb, own, sites).await {
            Ok(introduction) if introduction.cluster_uuid == id.as_str() => {
                if let Some(words) = known::too_far_apart(env!("CARGO_PKG_VERSION"), &introduction.software) {
                    let words = format!("{place}: site {} at {url} cannot join: {words}", member.name);
                    return Err(SitesError::Refused(words));
                }
                return Ok(known(&member.hosts, &introduction));
            }
            Ok(introduction) => return Err(other(guest, &url, &introduction.cluster_uuid)),
            Err(Meeting::Other(uuid)) => return Err(other(guest, &url, &uuid)),
            Err(Meeting::NoDns(uuid)) => {
                let words = format!("{place}.dns_vses: site {} has no virtual service {uuid} of DNS type", member.name);
                return Err(SitesError::Refused(words));
            }
            Err(Meeting::Failed(error)) => why = Some((url, error)),
        }
    }
    let Some((url, error)) = why else { return Err(SitesError::Refused(format!("{place}: no address"))) };
    if error.is_late() {
        let (name, within) = (&member.name, ANSWER_WITHIN.as_secs());
        let words = format!(
            "{place}: site {name} at {url} did not answer within {within} s and nothing was written: try again when it is \
             less busy"
        );
        return Err(SitesError::Unavailable(words));
    }
    let words = format!("{place}: site {} at {url} cannot join: {}", member.name, avi_client::chain(error.as_ref()));
    Err(SitesError::Refused(words))
}

enum Meeting {
    /// Another cluster answers there.
    Other(String),
    /// It has no such DNS virtual service.
    NoDns(String),
    Failed(Box<AviError>),
}

impl From<AviError> for Meeting {
    fn from(error: AviError) -> Self {
        Self::Failed(Box::new(error))
    }
}

async fn meet(
    client: &AviClient,
    guest: &Guest,
    gslb: &Object,
    own: &SiteId,
    sites: &KnownSites,
) -> Result<Introduction, Meeting> {
    let cluster = client.get("/api/cluster", &[], "admin").await?;
    let uuid = cluster.get("uuid").and_then(Value::as_str).unwrap_or_default();
    if uuid != guest.id.as_str() {
        return Err(Meeting::Other(uuid.to_owned()));
    }
    for uuid in &guest.dns_vses {
        let path = format!("/api/virtualservice/{uuid}");
        if let Err(error) = client.get(&path, &[], "admin").await {
            return Err(if error.status() == Some(404) { Meeting::NoDns(uuid.clone()) } else { error.into() });
        }
    }
    let settings = Plan::read(gslb, None).settings;
    let invitation = Invitation {
        gslb: gslb.uuid.clone(),
        active: settings.active.iter().map(ToString::to_string).collect(),
        elects: settings.leadership == Leadership::Elected,
        cluster_uuid: guest.id.to_string(),
        is_active: guest.member.is_active,
        leader: own.to_string(),
        sites: sites.clone(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let invitation = serde_json::to_value(invitation).unwrap_or_default();
    let answer = client.post("/api/site-join", &invitation, "admin").await?;
    Ok(serde_json::from_value(answer).unwrap_or(Introduction {
        cluster_uuid: String::new(),
        certificate: String::new(),
        port: 0,
        software: String::new(),
    }))
}

fn other(guest: &Guest, url: &str, found: &str) -> SitesError {
    let found = if found.is_empty() { "no controller that can join" } else { found };
    SitesError::Refused(format!("{}.cluster_uuid: the controller at {url} is {found}, not {}", guest.at, guest.id))
}

fn sites(gslb: &Object) -> impl Iterator<Item = &Value> {
    gslb.body.get("sites").and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The DNS virtual services of each site.
fn dns_vses(gslb: &Object) -> Vec<(SiteId, String)> {
    let listed = sites(gslb).flat_map(|site| {
        let id = SiteId::from(text(site, "cluster_uuid"));
        let vses = site.get("dns_vses").and_then(Value::as_array).into_iter().flatten();
        vses.map(move |vs| (id.clone(), text(vs, "dns_vs_uuid").to_owned()))
    });
    listed.collect()
}
