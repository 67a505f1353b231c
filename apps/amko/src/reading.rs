//! Reads what the controller has: the calls of amko 7.4, and what they mean.

use amko_translate::{ControllerView, Identity, KnownMonitor, Lookup, described_service};
use avi_client::{AviClient, AviError};
use reconcile::{Key, ObjectType, Observed, ObservedObject};
use serde_json::Value;

use crate::leadership::Leadership;

/// `created_by` of releases before identities had a UUID (amko 1.10).
pub(crate) const FORMER_OWNER: &str = "amko-gslb";

/// All that the controller has for us.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) observed: Observed,
    pub(crate) view: ControllerView,
    /// What it says about itself and its sites.
    pub(crate) leadership: Option<Leadership>,
}

/// Why the controller cannot be used; the text is the `GSLBConfig`'s status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It does not answer as it should.
    #[error("error: issue in connecting to the controller API, {}", chain(.0))]
    Connect(#[source] AviError),
    /// Whether it leads cannot be found out.
    #[error("error fetching Gslb leader site details, {0}")]
    Leader(String),
    /// It is a follower.
    #[error("error: controller not a leader")]
    NotLeader(Box<Leadership>),
}

/// Reads everything, after making sure that the controller leads.
pub(crate) async fn read(client: &AviClient, identity: &Identity) -> Result<Reading, ReadError> {
    client.get("/api/cloud", &[], "*").await.map_err(ReadError::Connect)?;
    let leadership = check_leader(client).await?;
    let mut reading = Reading { leadership: Some(leadership), ..Reading::default() };
    let federated = [("include_name", ""), ("is_federated", "true")];
    let monitors = client.each("/api/healthmonitor", &federated, "*", |body| reading.add_monitor(body));
    monitors.await.map_err(ReadError::Connect)?;
    for body in client.list("/api/applicationpersistenceprofile", &federated, "*").await.map_err(ReadError::Connect)? {
        reading.view.persistence_profiles.extend(tenant_and_name(&body));
    }
    for body in client.list("/api/pkiprofile", &federated, "*").await.map_err(ReadError::Connect)? {
        reading.view.pki_profiles.extend(tenant_and_name(&body));
    }
    for owner in [FORMER_OWNER, identity.as_str()] {
        let query = [("created_by", owner), ("include_name", "")];
        let objects = &mut reading.observed.objects;
        let services = client.each("/api/gslbservice", &query, "*", |body| {
            objects.extend(observed(ObjectType::GslbService, body));
        });
        services.await.map_err(ReadError::Connect)?;
    }
    Ok(reading)
}

/// The controller leads when its own UUID is the leader's (amko 7.6).
async fn check_leader(client: &AviClient) -> Result<Leadership, ReadError> {
    let failed = |error: AviError| match error {
        AviError::Transport { .. } | AviError::InvalidCredentials { .. } => ReadError::Connect(error),
        other => ReadError::Leader(chain(&other)),
    };
    let cluster = client.get("/api/cluster", &[], "admin").await.map_err(failed)?;
    let gslb = client.get("/api/gslb", &[], "admin").await.map_err(failed)?;
    let leadership = Leadership::from_bodies(&cluster, &gslb).map_err(ReadError::Leader)?;
    if leadership.leads() { Ok(leadership) } else { Err(ReadError::NotLeader(Box::new(leadership))) }
}

impl Reading {
    fn add_monitor(&mut self, body: Value) {
        if let Some(key) = tenant_and_name(&body) {
            self.view.monitors.insert(key, known_monitor(&body));
        }
        self.observed.objects.extend(observed(ObjectType::HealthMonitor, body));
    }
}

/// Asks for one object that a policy names; adds it to the view when it is there (amko 7.4 calls 11 to 13).
pub(crate) async fn look_up(
    client: &AviClient,
    tenant: &str,
    lookup: &Lookup,
    view: &mut ControllerView,
) -> Result<(), AviError> {
    let path = match lookup {
        Lookup::HealthMonitor(_) => "/api/healthmonitor",
        Lookup::PersistenceProfile(_) => "/api/applicationpersistenceprofile",
        Lookup::PkiProfile(_) => "/api/pkiprofile",
        Lookup::ThirdPartySite(_) => {
            let gslb = client.get("/api/gslb", &[], tenant).await?;
            let sites = gslb["results"][0]["third_party_sites"].as_array().into_iter().flatten();
            view.third_party_sites.extend(sites.filter_map(|site| site["name"].as_str().map(str::to_owned)));
            return Ok(());
        }
    };
    let found = client.list(path, &[("name", lookup.name())], tenant).await?;
    let Some(body) = found.first() else { return Ok(()) };
    let key = (tenant.to_owned(), lookup.name().to_owned());
    match lookup {
        Lookup::HealthMonitor(_) => drop(view.monitors.insert(key, known_monitor(body))),
        Lookup::PersistenceProfile(_) => drop(view.persistence_profiles.insert(key)),
        Lookup::PkiProfile(_) => drop(view.pki_profiles.insert(key)),
        Lookup::ThirdPartySite(_) => {}
    }
    Ok(())
}

/// Reads one object by name, whoever owns it; `None` when it is not there (amko 7.4 calls 16 and 17).
pub(crate) async fn read_one(client: &AviClient, key: &Key) -> Result<Option<ObservedObject>, AviError> {
    let path = format!("/api/{}", key.kind.path());
    let found = client.list(&path, &[("include_name", ""), ("name", &key.name)], &key.tenant).await?;
    Ok(found.into_iter().find_map(|body| observed(key.kind, body).filter(|(k, _)| k == key).map(|(_, object)| object)))
}

/// An object as the controller shows it; `None` without a name or UUID.
pub(crate) fn observed(kind: ObjectType, body: Value) -> Option<(Key, ObservedObject)> {
    let (tenant, name) = tenant_and_name(&body)?;
    let uuid = body["uuid"].as_str().filter(|uuid| !uuid.is_empty())?.to_owned();
    let service = match kind {
        ObjectType::GslbService => None,
        ObjectType::HealthMonitor => body["description"].as_str().and_then(described_service).map(str::to_owned),
    };
    Some((Key { kind, tenant, name }, ObservedObject::new(kind, &uuid, body, service.as_deref())))
}

/// Tenant of a body: what follows `#` in its `tenant_ref`, else the last segment (amko 7.5).
fn tenant_and_name(body: &Value) -> Option<(String, String)> {
    let name = body["name"].as_str().filter(|name| !name.is_empty())?;
    let reference = body["tenant_ref"].as_str()?;
    let tenant = match reference.rsplit_once('#').or_else(|| reference.rsplit_once("?name=")) {
        Some((_, tenant)) => tenant,
        None => reference.trim_end_matches('/').rsplit('/').next()?,
    };
    Some((tenant.to_owned(), name.to_owned()))
}

fn known_monitor(body: &Value) -> KnownMonitor {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let http = ["http_monitor", "https_monitor"].iter().find_map(|key| body.get(*key).filter(|part| part.is_object()));
    let codes = http.and_then(|http| http["http_response_code"].as_array());
    KnownMonitor {
        is_federated: body["is_federated"].as_bool().unwrap_or(false),
        kind: text(&body["type"]),
        http_request: http.map(|http| text(&http["http_request"])).unwrap_or_default(),
        http_response_code: codes.into_iter().flatten().map(text).collect(),
    }
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
