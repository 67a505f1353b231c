//! Configures the controller for the story through its public API: networks and domains for VIPs, DNS profile, DNS
//! virtual service, GSLB.

use std::net::SocketAddr;

use anyhow::Context;
use avi_client::AviClient;
use serde_json::{Value, json};

use crate::story::{self, Cluster};

/// Tenant of everything the demo makes.
const TENANT: &str = "admin";
/// Names of the story's profiles.
const IPAM: &str = "IPAM_Default";
const DNS: &str = "DNS_Default";
/// Last numbers of the VIPs of each network.
const VIPS: (u8, u8) = (40, 59);

/// What the setup needs to know.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) dns: SocketAddr,
    pub(crate) controller: SocketAddr,
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
}

impl Setup<'_> {
    /// Makes what is missing and corrects what differs; an unchanged controller gets no write.
    pub(crate) async fn apply(&self, client: &AviClient) -> anyhow::Result<()> {
        for cluster in &story::CLUSTERS {
            ensure_exists(client, "network", &network(cluster)).await?;
        }
        ensure_exists(client, "ipamdnsproviderprofile", &ipam_profile()).await?;
        ensure_exists(client, "ipamdnsproviderprofile", &domains()).await?;
        set_up_cloud(client).await?;
        ensure_exists(client, "applicationprofile", &dns_profile()).await?;
        let virtual_service = ensure(client, "virtualservice", &self.dns_virtual_service()).await?;
        let cluster = client.get("/api/cluster", &[], TENANT).await.context("reading the controller's cluster")?;
        let gslb = self.gslb(&text(&cluster, "uuid")?, &text(&virtual_service, "uuid")?);
        ensure(client, "gslb", &gslb).await?;
        Ok(())
    }

    fn dns_virtual_service(&self) -> Value {
        json!({
            "name": "g-dns",
            "application_profile_ref": "/api/applicationprofile?name=g-dns",
            "vip": [{"vip_id": "0", "ip_address": {"addr": self.dns.ip().to_string(), "type": "V4"}}],
            "services": [{"port": self.dns.port()}],
            // For ever, and as many as an administrator gets who asks for no more.
            "analytics_policy": {"full_client_logs": {"enabled": true, "duration": 0, "throttle": 10}},
        })
    }

    fn gslb(&self, cluster_uuid: &str, virtual_service_uuid: &str) -> Value {
        json!({
            "name": "Default",
            "leader_cluster_uuid": cluster_uuid,
            "dns_configs": [{"domain_name": story::DOMAIN}],
            "sites": [{
                "name": "site1",
                "cluster_uuid": cluster_uuid,
                "ip_addresses": [{"addr": self.controller.ip().to_string(), "type": "V4"}],
                "port": self.controller.port(),
                "username": self.username,
                "password": self.password,
                "member_type": "GSLB_ACTIVE_MEMBER",
                "dns_vses": [{"dns_vs_uuid": virtual_service_uuid, "domain_names": [story::DOMAIN]}],
            }],
        })
    }
}

/// Where the VIPs of a cluster come from.
fn network(cluster: &Cluster) -> Value {
    let [a, b, c] = cluster.vips;
    let address = |host: u8| json!({"addr": format!("{a}.{b}.{c}.{host}"), "type": "V4"});
    let (first, last) = VIPS;
    json!({
        "name": cluster.vip_network,
        "configured_subnets": [{
            "prefix": {"ip_addr": address(0), "mask": 24},
            "static_ip_ranges": [{
                "range": {"begin": address(first), "end": address(last)},
                "type": "STATIC_IPS_FOR_VIP",
            }],
        }],
    })
}

fn ipam_profile() -> Value {
    let networks = story::CLUSTERS.iter().map(|cluster| format!("/api/network?name={}", cluster.vip_network));
    json!({
        "name": IPAM,
        "type": "IPAMDNS_TYPE_INTERNAL",
        "internal_profile": {"usable_networks": networks.map(|nw_ref| json!({"nw_ref": nw_ref})).collect::<Vec<_>>()},
    })
}

/// The domains whose names virtual services may have.
fn domains() -> Value {
    json!({
        "name": DNS,
        "type": "IPAMDNS_TYPE_INTERNAL_DNS",
        "internal_profile": {"dns_service_domain": [{"domain_name": story::DOMAIN}]},
    })
}

/// Gives the cloud its profiles, unless it has some.
async fn set_up_cloud(client: &AviClient) -> anyhow::Result<()> {
    const CLOUD: &str = "Default-Cloud";
    let doing = || format!("setting up cloud {CLOUD}");
    let found = client.list("/api/cloud", &[("name", CLOUD)], TENANT).await.with_context(doing)?;
    let cloud = found.first().with_context(|| format!("the controller has no cloud {CLOUD}"))?;
    let is_missing = |field: &&str| cloud.get(*field).and_then(Value::as_str).is_none_or(str::is_empty);
    let profiles = [("ipam_provider_ref", IPAM), ("dns_provider_ref", DNS)];
    let wanted = profiles.into_iter().filter(|(field, _)| is_missing(field));
    let wanted: serde_json::Map<String, Value> = wanted
        .map(|(field, name)| (field.to_owned(), json!(format!("/api/ipamdnsproviderprofile?name={name}"))))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let path = format!("/api/cloud/{}", text(cloud, "uuid")?);
    client.patch(&path, &json!({"replace": wanted}), TENANT).await.with_context(doing)?;
    Ok(())
}

/// The story's profile: answers NXDOMAIN with the SOA that the published `dig` shows.
fn dns_profile() -> Value {
    json!({
        "name": "g-dns",
        "type": "APPLICATION_PROFILE_TYPE_DNS",
        "dns_service_profile": {
            "domain_names": [story::DOMAIN],
            "name_server": "g-dns.iberia.local",
            "admin_email": "dnsadmin@iberia.local",
            "error_response": "DNS_ERROR_RESPONSE_ERROR",
        },
    })
}

/// Makes an object that is missing; one that is there keeps what its user made of it.
async fn ensure_exists(client: &AviClient, kind: &str, wanted: &Value) -> anyhow::Result<()> {
    let name = text(wanted, "name")?;
    let path = format!("/api/{kind}");
    let doing = || format!("setting up {kind} {name}");
    if client.list(&path, &[("name", &name)], TENANT).await.with_context(doing)?.is_empty() {
        client.post(&path, wanted, TENANT).await.with_context(doing)?;
    }
    Ok(())
}

/// Makes an object, or corrects what it says of `wanted`.
async fn ensure(client: &AviClient, kind: &str, wanted: &Value) -> anyhow::Result<Value> {
    let name = text(wanted, "name")?;
    let path = format!("/api/{kind}");
    let doing = || format!("setting up {kind} {name}");
    let found = client.list(&path, &[("name", &name), ("include_name", "")], TENANT).await.with_context(doing)?;
    match found.first() {
        None => client.post(&path, wanted, TENANT).await.with_context(doing),
        Some(present) if holds(present, wanted) => Ok(present.clone()),
        Some(present) => {
            let path = format!("{path}/{}", text(present, "uuid")?);
            client.put(&path, wanted, TENANT).await.with_context(doing)
        }
    }
}

/// Whether `present` says everything that `wanted` says; what cannot be compared (a password) counts as equal.
fn holds(present: &Value, wanted: &Value) -> bool {
    match (present, wanted) {
        (Value::Object(present), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| present.get(key).is_some_and(|found| holds(found, value)))
        }
        (Value::Array(present), Value::Array(wanted)) => {
            present.len() == wanted.len() && present.iter().zip(wanted).all(|(a, b)| holds(a, b))
        }
        (Value::String(present), Value::String(wanted)) => {
            let by_name = wanted.split_once("?name=").is_some_and(|(_, name)| present.ends_with(&format!("#{name}")));
            present == wanted || present == "<sensitive>" || by_name
        }
        _ => present == wanted,
    }
}

fn text(object: &Value, key: &str) -> anyhow::Result<String> {
    object
        .get(key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("the controller sent no `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_with_defaults_and_named_references_holds_what_is_wanted() {
        let wanted = json!({"a": 1, "profile_ref": "/api/p?name=x", "list": [{"b": "c"}], "password": "secret"});
        let present = json!({
            "a": 1, "profile_ref": "https://h/api/p/p-1#x", "list": [{"b": "c", "d": 2}], "password": "<sensitive>", "e": 0
        });
        assert!(holds(&present, &wanted));
        assert!(!holds(&json!({"a": 2}), &json!({"a": 1})));
        assert!(!holds(&json!({"list": []}), &json!({"list": [1]})));
    }
}
