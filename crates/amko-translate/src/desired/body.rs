//! Desired objects as request bodies (amko 7.7).

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{
    DownResponse, GslbService, HealthMonitor, Member, MonitorRefs, Pool, PoolAlgorithm, Probe, VsRef, reference,
};
use crate::Protocol;

impl GslbService {
    /// `INGRESS/k8s/default/ing1/foo.avi.com,…`: its objects (amko 5.3 rule 6).
    #[must_use]
    pub fn description(&self) -> String {
        self.objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// Body of POST and PUT.
    #[must_use]
    pub fn to_body(&self) -> Value {
        let mut body = json!({
            "name": self.name.name,
            "domain_names": self.domain_names,
            "description": self.description(),
            "created_by": self.created_by,
            "enabled": true,
            "groups": self.pools.iter().map(|pool| self.group(pool)).collect::<Vec<_>>(),
            "health_monitor_scope": "GSLB_SERVICE_HEALTH_MONITOR_ALL_MEMBERS",
            "pool_algorithm": "GSLB_SERVICE_ALGORITHM_PRIORITY",
            "controller_health_status_enabled": true,
            "is_federated": true,
            "min_members": 0,
            "resolve_cname": false,
            "use_edns_client_subnet": true,
            "wildcard_match": false,
            "site_persistence_enabled": self.persistence.is_some(),
            "tenant_ref": tenant_ref(&self.name.tenant),
        });
        if self.monitors != MonitorRefs::None {
            body["health_monitor_refs"] = self.monitors.references().collect();
        }
        if let Some(ttl) = self.ttl {
            body["ttl"] = ttl.into();
        }
        if let Some(persistence) = &self.persistence {
            let profile = reference("applicationpersistenceprofile", &persistence.profile);
            body["application_persistence_profile_ref"] = profile.into();
            if let Some(name) = &persistence.pki_profile {
                body["pki_profile_ref"] = reference("pkiprofile", name).into();
            }
        }
        if let Some(response) = self.down_response {
            body["down_response"] = json!({"type": response.name()});
            if let DownResponse::FallbackIp(fallback) = response {
                body["down_response"]["fallback_ip"] = address(fallback);
            }
        }
        body
    }

    fn group(&self, pool: &Pool) -> Value {
        let mut group = json!({
            "name": format!("amko-gs-group-{}", pool.priority),
            "priority": pool.priority,
            "enabled": true,
            "algorithm": self.algorithm.name(),
            "min_health_monitors_up": self.min_health_monitors_up(),
            "members": pool.members.iter().map(member).collect::<Vec<_>>(),
        });
        match self.algorithm {
            PoolAlgorithm::RoundRobin | PoolAlgorithm::Topology => {}
            PoolAlgorithm::ConsistentHash { mask } => group["consistent_hash_mask"] = mask.into(),
            PoolAlgorithm::Geo { fallback_mask: None } => {
                group["fallback_algorithm"] = PoolAlgorithm::RoundRobin.name().into();
            }
            PoolAlgorithm::Geo { fallback_mask: Some(mask) } => {
                group["fallback_algorithm"] = PoolAlgorithm::ConsistentHash { mask }.name().into();
                group["consistent_hash_mask"] = mask.into();
            }
        }
        group
    }
}

impl HealthMonitor {
    /// `HEALTH_MONITOR_…`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.probe {
            Probe::Http { tls: false, .. } => "HEALTH_MONITOR_HTTP",
            Probe::Http { tls: true, .. } => "HEALTH_MONITOR_HTTPS",
            Probe::Port { protocol: Protocol::Tcp, .. } => "HEALTH_MONITOR_TCP",
            Probe::Port { protocol: Protocol::Udp, .. } => "HEALTH_MONITOR_UDP",
        }
    }

    /// Body of POST and PUT.
    #[must_use]
    pub fn to_body(&self) -> Value {
        let mut body = json!({
            "name": self.name.name,
            "type": self.kind(),
            "description": self.description,
            "is_federated": true,
            "allow_duplicate_monitors": true,
            "send_interval": 10,
            "receive_timeout": 4,
            "successful_checks": 3,
            "failed_checks": 3,
            "markers": [{"key": "created-by", "values": [self.created_by]}],
            "tenant_ref": tenant_ref(&self.name.tenant),
        });
        match &self.probe {
            Probe::Http { tls, request, response_codes } => {
                let (key, port) = if *tls { ("https_monitor", 443) } else { ("http_monitor", 80) };
                body["monitor_port"] = port.into();
                body[key] = json!({"http_request": request, "http_response_code": response_codes});
            }
            Probe::Port { port, protocol } => {
                body["monitor_port"] = (*port).into();
                match protocol {
                    Protocol::Tcp => body["tcp_monitor"] = json!({"tcp_half_open": false}),
                    Protocol::Udp => {
                        let request = "created_by: amko, request string not required";
                        body["udp_monitor"] = json!({"udp_request": request});
                    }
                }
            }
        }
        body
    }
}

fn member(member: &Member) -> Value {
    let mut body = json!({"enabled": true, "ratio": member.ratio, "ip": address(member.address)});
    if let Some(public_ip) = member.public_ip {
        body["public_ip"] = json!({"ip": address(public_ip)});
    }
    match &member.vs {
        Some(VsRef::Known(identifiers)) => {
            body["vs_uuid"] = identifiers.vs_uuid.clone().into();
            body["cluster_uuid"] = identifiers.cluster_uuid.clone().into();
        }
        Some(VsRef::Missing) => body["vs_uuid"] = "".into(),
        None => {}
    }
    body
}

/// An address with its family; the original says `V4` of all.
fn address(address: IpAddr) -> Value {
    json!({"addr": address, "type": if address.is_ipv4() { "V4" } else { "V6" }})
}

/// The original's, with the empty authority that its environment leaves it with.
fn tenant_ref(tenant: &str) -> String {
    format!("https:///api/tenant/?name={tenant}")
}
