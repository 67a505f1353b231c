//! Reads what the controller is and what it has of ours: the calls of ako 9.2 and 9.4, and avi-api 3.1.

use std::time::Duration;

use ako_translate::{Cloud, CloudKind, NetworkRef, ServiceType, Settings, Site};
use avi_client::{AviClient, AviError, Config, ConfigError};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::held::{self, Held, named, uuid_of};
use crate::instructions::Instructions;

/// Newest version that is spoken (ako 1.1).
const API_VERSION_MAX: &str = "30.2.1";
/// Version before the controller's is known (ako 9.1).
const API_VERSION_FIRST: &str = "18.2.6";
/// Key of the label of a service engine group, and of routes.
const CLUSTER_LABEL: &str = "clustername";
/// How soon to read again while a VIP has no address yet.
pub(crate) const ADDRESS_WAIT: Duration = Duration::from_secs(10);

/// All that the controller has for us.
pub(crate) struct Reading {
    /// Speaks the version that was agreed on.
    pub(crate) client: AviClient,
    pub(crate) cloud: Cloud,
    pub(crate) held: Held,
    /// The VRF of the cluster as it is, where routes are kept in it.
    pub(crate) vrf: Option<Value>,
    /// The group of service engines that carries our label, where it does.
    pub(crate) labelled_group: Option<Value>,
}

/// Why the controller cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] AviError),
    /// No client can be made.
    #[error("setting up the client of the controller")]
    Client(#[source] ConfigError),
    /// It is not up.
    #[error("the controller's cluster state is {0}; wait until it is up")]
    NotUp(String),
    /// What the settings name is not there, or not as it has to be (ako 1.6).
    #[error("{0}")]
    Mismatch(String),
}

/// Reads everything. `known` is a client from before, whose login is used on.
pub(crate) async fn read(instructions: &Instructions, known: Option<AviClient>) -> Result<Reading, ReadError> {
    let client = match known {
        Some(client) => client,
        None => connect(&instructions.controller).await?,
    };
    let settings = &instructions.settings;
    check_state(&client, settings).await?;
    let (cloud_uuid, mut cloud) = read_cloud(&client, settings).await?;
    cloud.vrf = match (settings.service_type, &instructions.vrf) {
        (_, Some(vrf)) => vrf.clone(),
        (ServiceType::NodePort, None) => "global".to_owned(),
        (ServiceType::ClusterIp, None) => vrf_of_network(&client, settings, &cloud_uuid).await?,
    };
    if settings.service_type == ServiceType::NodePort {
        network(&client, settings, &cloud_uuid).await?;
    }
    let keeps_routes = settings.static_routes && settings.service_type == ServiceType::ClusterIp;
    let labelled_group = check_group(&client, settings, keeps_routes, instructions.deletes).await?;
    let vrf = if keeps_routes { Some(read_vrf(&client, settings, &cloud.vrf).await?) } else { None };
    let cluster = client.get("/api/cluster", &[], &settings.tenant).await?;
    let cluster_uuid = cluster["uuid"].as_str().unwrap_or_default().to_owned();
    let site = Site::new(settings.clone(), cloud);
    let held = read_held(&client, &site, cluster_uuid).await?;
    Ok(Reading { client, cloud: site.cloud, held, vrf, labelled_group })
}

/// A client that speaks the controller's version, or the newest that is known here.
async fn connect(config: &Config) -> Result<AviClient, ReadError> {
    let with_version = |version: &str| {
        let config = Config { api_version: version.to_owned(), ..config.clone() };
        AviClient::new(config).map_err(ReadError::Client)
    };
    let first = with_version(API_VERSION_FIRST)?;
    let data = first.get("/api/initial-data", &[], "admin").await?;
    let theirs = data["version"]["Version"].as_str().unwrap_or(API_VERSION_MAX);
    let number = |text: &str| -> Vec<u32> {
        let number = text.split('-').next().unwrap_or_default();
        number.split('.').map(|part| part.parse().unwrap_or(0)).collect()
    };
    with_version(if number(theirs) < number(API_VERSION_MAX) { theirs } else { API_VERSION_MAX })
}

async fn check_state(client: &AviClient, settings: &Settings) -> Result<(), ReadError> {
    let runtime = client.get("/api/cluster/runtime", &[], &settings.tenant).await?;
    let state = runtime["cluster_state"]["state"].as_str().unwrap_or("unknown");
    if !matches!(state, "CLUSTER_UP_NO_HA" | "CLUSTER_UP_HA_ACTIVE" | "CLUSTER_UP_HA_COMPROMISED") {
        return Err(ReadError::NotUp(state.to_owned()));
    }
    let query = [("include_name", ""), ("name", settings.tenant.as_str())];
    if client.list("/api/tenant", &query, "admin").await?.is_empty() {
        return mismatch(format!("tenant {} (tenantName) is not on the controller; create it", settings.tenant));
    }
    Ok(())
}

/// UUID and properties of the cloud; its VRF is not known yet.
async fn read_cloud(client: &AviClient, settings: &Settings) -> Result<(String, Cloud), ReadError> {
    let name = settings.cloud.as_str();
    let found = client.list("/api/cloud", &[("include_name", ""), ("name", name)], &settings.tenant).await?;
    let Some(cloud) = found.first() else {
        return mismatch(format!("cloud {name} (cloudName) is not on the controller; create it, or name another"));
    };
    let kind = match cloud["vtype"].as_str().unwrap_or_default() {
        "CLOUD_NONE" => CloudKind::None,
        "CLOUD_VCENTER" => CloudKind::Vcenter,
        "CLOUD_NSXT" if cloud["nsxt_configuration"]["data_network_config"]["tz_type"] == "VLAN" => CloudKind::NsxtVlan,
        "CLOUD_NSXT" => CloudKind::NsxtOverlay,
        other => {
            let supported = "CLOUD_NONE, CLOUD_VCENTER or CLOUD_NSXT";
            return mismatch(format!(
                "cloud {name} is of type {other}, which this release does not serve; use {supported}"
            ));
        }
    };
    if cloud["ipam_provider_ref"].as_str().is_none_or(str::is_empty) {
        return mismatch(format!(
            "cloud {name} has no IPAM profile, so no VIP gets an address; create an ipamdnsproviderprofile of type \
             IPAMDNS_TYPE_INTERNAL with usable networks and set it as the cloud's ipam_provider_ref"
        ));
    }
    let system = client.get("/api/systemconfiguration", &[], &settings.tenant).await?;
    let licence = system["default_license_tier"].as_str().unwrap_or_default();
    let uuid = cloud["uuid"].as_str().unwrap_or_default().to_owned();
    let domains = match cloud["dns_provider_ref"].as_str() {
        None | Some("") => None,
        Some(_) => {
            let query = [("cloud_uuid", uuid.as_str())];
            let list = client.get("/api/ipamdnsproviderprofiledomainlist", &query, &settings.tenant).await?;
            let domains = list["domains"].as_array().into_iter().flatten();
            Some(domains.filter_map(|domain| domain.as_str().map(str::to_owned)).collect())
        }
    };
    let is_enterprise = matches!(licence, "ENTERPRISE" | "ENTERPRISE_WITH_CLOUD_SERVICES");
    Ok((uuid, Cloud { kind, domains, vrf: String::new(), is_enterprise }))
}

async fn network(client: &AviClient, settings: &Settings, cloud_uuid: &str) -> Result<Value, ReadError> {
    let found = match &settings.vip_network.network {
        NetworkRef::Name(name) => {
            let query = [("include_name", ""), ("name", name.as_str()), ("cloud_ref.name", settings.cloud.as_str())];
            client.list("/api/network", &query, &settings.tenant).await?.into_iter().next()
        }
        NetworkRef::Uuid(uuid) => {
            let query = [("cloud_uuid", cloud_uuid), ("include_name", "")];
            match client.get(&format!("/api/network/{uuid}"), &query, &settings.tenant).await {
                Err(error) if error.status() == Some(404) => None,
                other => Some(other?),
            }
        }
    };
    match found {
        Some(network) => Ok(network),
        None => {
            let (NetworkRef::Name(name) | NetworkRef::Uuid(name)) = &settings.vip_network.network;
            mismatch(format!("network {name} (vipNetworkList) is not in cloud {}; create it there", settings.cloud))
        }
    }
}

async fn vrf_of_network(client: &AviClient, settings: &Settings, cloud_uuid: &str) -> Result<String, ReadError> {
    let network = network(client, settings, cloud_uuid).await?;
    Ok(network["vrf_context_ref"].as_str().map_or("global", named).to_owned())
}

/// Makes sure that the group is there and, where routes are kept, that it is this cluster's (ako 1.6). With `removes` the
/// label is left as it is.
async fn check_group(
    client: &AviClient,
    settings: &Settings,
    keeps_routes: bool,
    removes: bool,
) -> Result<Option<Value>, ReadError> {
    let (name, cluster) = (settings.se_group.as_str(), settings.cluster.as_str());
    let query = [("include_name", ""), ("name", name), ("cloud_ref.name", settings.cloud.as_str())];
    let Some(mut group) = client.list("/api/serviceenginegroup", &query, &settings.tenant).await?.into_iter().next()
    else {
        return mismatch(format!(
            "service engine group {name} (serviceEngineGroupName) is not in cloud {}",
            settings.cloud
        ));
    };
    if !keeps_routes {
        return Ok(None);
    }
    let label = json!({"key": CLUSTER_LABEL, "value": cluster});
    match group["labels"].as_array().map(Vec::as_slice) {
        None | Some([]) if removes => Ok(None),
        None | Some([]) => {
            group["labels"] = json!([label]);
            let path = format!("/api/serviceenginegroup/{}", group["uuid"].as_str().unwrap_or_default());
            Ok(Some(client.put(&path, &group, &settings.tenant).await?))
        }
        Some(labels) if labels.contains(&label) => Ok(Some(group)),
        Some(_) => mismatch(format!(
            "Labels does not match with cluster name {cluster}: service engine group {name} belongs to another cluster; \
             name another group, or set disableStaticRouteSync to \"true\""
        )),
    }
}

async fn read_vrf(client: &AviClient, settings: &Settings, name: &str) -> Result<Value, ReadError> {
    let query = [("name", name), ("include_name", "true"), ("cloud_ref.name", settings.cloud.as_str())];
    match client.list("/api/vrfcontext", &query, &settings.tenant).await?.into_iter().next() {
        Some(vrf) => Ok(vrf),
        None => mismatch(format!("VRF {name} is not in cloud {}", settings.cloud)),
    }
}

/// Takes the label off again (ako 1.7).
pub(crate) async fn remove_label(client: &AviClient, mut group: Value, tenant: &str) -> Result<(), AviError> {
    let uuid = group["uuid"].as_str().unwrap_or_default().to_owned();
    group["labels"] = json!([]);
    client.put(&format!("/api/serviceenginegroup/{uuid}"), &group, tenant).await.map(drop)
}

async fn read_held(client: &AviClient, site: &Site, cluster_uuid: String) -> Result<Held, ReadError> {
    let mut held = Held::new(cluster_uuid);
    let (user, cloud, prefix) = (site.user.as_str(), site.settings.cloud.as_str(), site.names.prefix());
    let by_owner = ("created_by", user);
    let in_cloud = ("cloud_ref.name", cloud);
    let lists: [(&str, &[(&str, &str)]); 7] = [
        ("pool", &[in_cloud, by_owner]),
        ("poolgroup", &[in_cloud, by_owner]),
        ("sslkeyandcertificate", &[by_owner]),
        ("httppolicyset", &[by_owner]),
        ("l4policyset", &[by_owner]),
        ("vsvip", &[("name.contains", prefix), in_cloud]),
        ("virtualservice", &[in_cloud, by_owner]),
    ];
    // All at once, as the original does on its several sessions.
    let lists = lists.map(|(path, filter)| async move {
        let mut query = vec![("include_name", "true"), ("page_size", "100")];
        query.extend_from_slice(filter);
        let bodies = client.list(&format!("/api/{path}"), &query, "*").await?;
        let listed: Vec<_> = bodies.iter().filter_map(|body| held::listed(path, body, site)).collect();
        Ok::<_, AviError>(listed)
    });
    for (key, object) in try_join_all(lists).await?.into_iter().flatten() {
        held.insert(key, object);
    }
    Ok(held)
}

/// One object by name, whoever made it.
pub(crate) async fn read_one(
    client: &AviClient,
    path: &str,
    name: &str,
    tenant: &str,
) -> Result<Option<Value>, AviError> {
    let query = [("name", name), ("include_name", "true")];
    let found = client.list(&format!("/api/{path}"), &query, tenant).await?;
    // A tenant sees shared objects of others too.
    let is_of =
        |body: &Value| body["tenant_ref"].as_str().is_none_or(|of| named(of) == tenant || uuid_of(of) == tenant);
    Ok(found.into_iter().find(is_of))
}

fn mismatch<T>(text: String) -> Result<T, ReadError> {
    Err(ReadError::Mismatch(text))
}
