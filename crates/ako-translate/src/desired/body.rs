//! Desired objects as request bodies (ako 9.7).
//!
//! References are by name, in the forms AKO uses: most with a slash before the question mark; cloud, engine group, VRF,
//! the pools of a group and of L4 rules without.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{
    Certificate, HttpPolicySet, HttpRule, L4PolicySet, L4Port, Object, ObjectKey, Pool, PoolGroup, Protocol, Role,
    Server, Site, Spec, VirtualService, VsVip,
};
use crate::settings::{CloudKind, Subnet};

/// Index of the first of AKO's policy sets on a virtual service.
const FIRST_POLICY_INDEX: usize = 11;

/// Without its checksum.
pub(super) fn of(object: &Object, site: &Site) -> Value {
    let key = &object.key;
    let mut body = match &object.spec {
        Spec::VirtualService(service) => virtual_service(key, service, site),
        Spec::VsVip(vip) => vsvip(key, vip, site),
        Spec::Pool(pool) => self::pool(key, pool, site),
        Spec::PoolGroup(group) => pool_group(key, group, site),
        Spec::HttpPolicySet(set) => http_policy_set(key, set, site),
        Spec::L4PolicySet(set) => l4_policy_set(key, set, site),
        Spec::Certificate(certificate) => self::certificate(key, certificate, site),
    };
    body["markers"] = object.markers.to_value(&site.settings.cluster);
    body
}

fn virtual_service(key: &ObjectKey, service: &VirtualService, site: &Site) -> Value {
    let mut body = json!({"name": key.name});
    match &service.role {
        Role::Parent { .. } => body["type"] = "VS_TYPE_VH_PARENT".into(),
        Role::Child { parent, host, .. } => {
            body["type"] = "VS_TYPE_VH_CHILD".into();
            body["vh_parent_vs_ref"] = reference("virtualservice", parent);
            body["vh_domain_name"] = json!([host]);
            body["vh_matches"] = json!([{"host": host, "rules": [{"name": "VHMATCHRULENAME", "matches": {
                "path": {"match_criteria": "BEGINS_WITH", "match_case": "SENSITIVE", "match_str": ["/"]}}}]}]);
            body["min_pools_up"] = 1.into();
        }
        Role::L4 { .. } => {}
    }
    if !matches!(service.role, Role::L4 { .. }) {
        body["vh_type"] = "VS_TYPE_VH_ENHANCED".into();
    }
    body["created_by"] = site.user.as_str().into();
    body["cloud_ref"] = cloud_ref(site);
    if !matches!(service.role, Role::Child { .. }) {
        body["tenant_ref"] = tenant_ref(&key.tenant);
    }
    body["se_group_ref"] = format!("/api/serviceenginegroup?name={}", site.settings.se_group).into();
    let (application, network) = profiles(&service.role, site);
    body["application_profile_ref"] = reference("applicationprofile", application);
    body["network_profile_ref"] = reference("networkprofile", network);
    if site.settings.tier1.is_none() {
        body["vrf_context_ref"] = vrf_ref(site);
    }
    match &service.role {
        Role::Parent { certificates } => {
            body["vsvip_ref"] = reference("vsvip", &key.name);
            body["services"] = json!([
                {"port": 80, "enable_ssl": false, "enable_http2": false},
                {"port": 443, "enable_ssl": true, "enable_http2": false}]);
            if !certificates.is_empty() {
                body["ssl_key_and_certificate_refs"] =
                    certificates.iter().map(|name| reference("sslkeyandcertificate", name)).collect();
            }
        }
        Role::Child { policies, .. } => {
            body["http_policies"] = policies
                .iter()
                .enumerate()
                .map(|(at, name)| {
                    json!({"index": FIRST_POLICY_INDEX + at, "http_policy_set_ref": reference("httppolicyset", name)})
                })
                .collect();
            body["east_west_placement"] = false.into();
            body["ign_pool_net_reach"] = false.into();
        }
        Role::L4 { ports, traffic_enabled, .. } => {
            body["vsvip_ref"] = reference("vsvip", &key.name);
            body["services"] = ports.iter().map(|port| l4_service(port, ports)).collect();
            body["l4_policies"] = json!([{"index": 0, "l4_policy_set_ref": reference("l4policyset", &key.name)}]);
            body["remove_listening_port_on_vs_down"] = true.into();
            body["traffic_enabled"] = (*traffic_enabled).into();
        }
    }
    if site.settings.enable_rhi && !matches!(service.role, Role::Child { .. }) {
        body["enable_rhi"] = true.into();
    }
    body["service_metadata"] = service.metadata.to_text().into();
    body
}

/// Application and network profile (ako 3.4, 5.4).
fn profiles<'a>(role: &'a Role, site: &Site) -> (&'a str, &'static str) {
    match role {
        Role::Parent { .. } | Role::Child { .. } => ("System-HTTP", "System-TCP-Proxy"),
        Role::L4 { ports, application_profile, .. } => {
            let network = match main_protocol(ports) {
                Protocol::Tcp if site.cloud.is_enterprise => "System-TCP-Proxy",
                Protocol::Tcp => "System-TCP-Fast-Path",
                Protocol::Udp => "System-UDP-Fast-Path",
                Protocol::Sctp => "System-SCTP-Proxy",
            };
            (application_profile, network)
        }
    }
}

/// The protocol that decides the profile of the whole: the first of TCP, UDP and SCTP that is there.
fn main_protocol(ports: &[L4Port]) -> Protocol {
    ports.iter().map(|port| port.protocol).min().unwrap_or(Protocol::Tcp)
}

fn l4_service(port: &L4Port, ports: &[L4Port]) -> Value {
    let mut service =
        json!({"port": port.port, "port_range_end": port.port, "enable_ssl": false, "enable_http2": false});
    if port.protocol != main_protocol(ports) {
        let profile = if port.protocol == Protocol::Udp { "System-UDP-Fast-Path" } else { "System-SCTP-Proxy" };
        service["override_network_profile_ref"] = reference("networkprofile", profile);
    }
    service
}

fn vsvip(key: &ObjectKey, vip: &VsVip, site: &Site) -> Value {
    let settings = &site.settings;
    let mut body = json!({
        "name": key.name,
        "tenant_ref": tenant_ref(&key.tenant),
        "cloud_ref": cloud_ref(site),
    });
    place(&mut body, "vrf_context_ref", site);
    body["east_west_placement"] = false.into();
    if !vip.fqdns.is_empty() {
        body["dns_info"] = vip.fqdns.iter().map(|fqdn| json!({"fqdn": fqdn})).collect();
    }
    let mut address = json!({"vip_id": "0", "auto_allocate_ip": true});
    match vip.address {
        Some(ip @ IpAddr::V4(_)) => address["ip_address"] = self::address(ip),
        Some(ip @ IpAddr::V6(_)) => address["ip6_address"] = self::address(ip),
        None => {}
    }
    let network = &settings.vip_network;
    let network_ref = network.network.reference();
    let mut subnet = json!({"network_ref": network_ref});
    if let Some(v4) = network.v4 {
        subnet["subnet"] = self::subnet(v4);
    }
    if let Some(v6) = network.v6 {
        subnet["subnet6"] = self::subnet(v6);
        address["auto_allocate_ip_type"] = if network.v4.is_some() { "V4_V6" } else { "V6_ONLY" }.into();
    }
    address["ipam_network_subnet"] = subnet;
    if site.cloud.kind == CloudKind::NsxtVlan {
        let subnets = [network.v4, network.v6].into_iter().flatten();
        address["placement_networks"] =
            subnets.map(|of| json!({"network_ref": network_ref, "subnet": self::subnet(of)})).collect();
    }
    body["vip"] = json!([address]);
    if !settings.bgp_peer_labels.is_empty() {
        body["bgp_peer_labels"] = json!(settings.bgp_peer_labels);
    }
    body
}

fn pool(key: &ObjectKey, pool: &Pool, site: &Site) -> Value {
    let mut body = json!({
        "name": key.name,
        "created_by": site.user,
        "tenant_ref": tenant_ref(&key.tenant),
        "cloud_ref": cloud_ref(site),
    });
    place(&mut body, "vrf_ref", site);
    let monitor = format!("System-{}", pool.protocol.name());
    body["sni_enabled"] = false.into();
    body["graceful_disable_timeout"] = 1.into();
    body["placement_networks"] = placement_networks(site);
    body["health_monitor_refs"] = json!([reference("healthmonitor", &monitor)]);
    if let Some(port) = pool.default_port {
        body["default_server_port"] = port.into();
    }
    body["servers"] = pool.servers.iter().map(server).collect();
    body["service_metadata"] = pool.metadata.to_text().into();
    body
}

fn placement_networks(site: &Site) -> Value {
    let networks = site.settings.node_networks.iter().filter(|_| site.cloud.places_pools());
    networks
        .flat_map(|network| {
            let reference = network.network.reference();
            network.subnets.iter().map(move |of| json!({"network_ref": reference, "subnet": subnet(*of)}))
        })
        .collect()
}

fn server(server: &Server) -> Value {
    let mut value = json!({
        "ip": address(server.address),
        "port": server.port,
        "external_uuid": format!("{}:{}", server.address, server.port),
    });
    if let Some(node) = &server.node {
        value["server_node"] = node.as_str().into();
    }
    value["enabled"] = server.enabled.into();
    value
}

fn pool_group(key: &ObjectKey, group: &PoolGroup, site: &Site) -> Value {
    json!({
        "name": key.name,
        "created_by": site.user,
        "tenant_ref": tenant_ref(&key.tenant),
        "cloud_ref": cloud_ref(site),
        "implicit_priority_labels": false,
        "members": group.members.iter()
            .map(|(pool, ratio)| json!({"pool_ref": format!("/api/pool?name={pool}"), "ratio": ratio}))
            .collect::<Vec<_>>(),
    })
}

fn http_policy_set(key: &ObjectKey, set: &HttpPolicySet, site: &Site) -> Value {
    let rules: Vec<Value> =
        set.rules.iter().enumerate().map(|(index, rule)| http_rule(&key.name, index, rule)).collect();
    json!({
        "name": key.name,
        "created_by": site.user,
        "tenant_ref": tenant_ref(&key.tenant),
        "http_request_policy": {"rules": rules},
        "http_security_policy": {},
    })
}

fn http_rule(set: &str, index: usize, rule: &HttpRule) -> Value {
    let mut value = json!({"name": format!("{set}-{index}"), "index": index, "enable": true});
    match rule {
        HttpRule::Switch { path, is_exact, pool_group } => {
            if !path.is_empty() {
                let criteria = if *is_exact { "EQUALS" } else { "BEGINS_WITH" };
                value["match"] = json!({"path": {
                    "match_criteria": criteria, "match_case": "SENSITIVE", "match_str": [path]}});
            }
            value["switching_action"] = json!({
                "action": "HTTP_SWITCHING_SELECT_POOLGROUP", "pool_group_ref": reference("poolgroup", pool_group)});
        }
        HttpRule::RedirectToHttps { host } => {
            // A header is never equal to a wildcard.
            let (criteria, host) = match host.strip_prefix('*') {
                Some(rest) => ("HDR_ENDS_WITH", rest),
                None => ("HDR_EQUALS", host.as_str()),
            };
            value["match"] = json!({
                "host_hdr": {"match_criteria": criteria, "value": [host]},
                "vs_port": {"match_criteria": "IS_IN", "ports": [80]}});
            value["redirect_action"] = json!({
                "port": 443, "protocol": "HTTPS", "status_code": "HTTP_REDIRECT_STATUS_CODE_302"});
        }
    }
    value
}

fn l4_policy_set(key: &ObjectKey, set: &L4PolicySet, site: &Site) -> Value {
    let rules: Vec<Value> = set
        .ports
        .iter()
        .enumerate()
        .map(|(index, port)| {
            let pool = format!("/api/pool?name={}", port.pool);
            json!({"name": pool, "index": index,
                "match": {
                    "port": {"match_criteria": "IS_IN", "ports": [port.port]},
                    "protocol": {"match_criteria": "IS_IN", "protocol": format!("PROTOCOL_{}", port.protocol.name())}},
                "action": {"select_pool": {"action_type": "L4_RULE_ACTION_SELECT_POOL", "pool_ref": pool}}})
        })
        .collect();
    json!({
        "name": key.name,
        "created_by": site.user,
        "tenant_ref": tenant_ref(&key.tenant),
        "l4_connection_policy": {"rules": rules},
    })
}

fn certificate(key: &ObjectKey, certificate: &Certificate, site: &Site) -> Value {
    json!({
        "name": key.name,
        "created_by": site.user,
        "tenant_ref": tenant_ref(&key.tenant),
        "type": "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE",
        "certificate": {"certificate": certificate.certificate},
        "key": certificate.key,
    })
}

/// VRF, or the tier-1 router in its place.
fn place(body: &mut Value, vrf_field: &str, site: &Site) {
    match &site.settings.tier1 {
        Some(tier1) => body["tier1_lr"] = tier1.as_str().into(),
        None => body[vrf_field] = vrf_ref(site),
    }
}

fn vrf_ref(site: &Site) -> Value {
    format!("/api/vrfcontext?name={}", site.cloud.vrf).into()
}

fn cloud_ref(site: &Site) -> Value {
    format!("/api/cloud?name={}", site.settings.cloud).into()
}

/// The name is percent-escaped.
fn tenant_ref(tenant: &str) -> Value {
    let mut escaped = String::with_capacity(tenant.len());
    for byte in tenant.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("/api/tenant/?name={escaped}").into()
}

fn reference(path: &str, name: &str) -> Value {
    format!("/api/{path}/?name={name}").into()
}

fn address(address: IpAddr) -> Value {
    json!({"addr": address.to_string(), "type": if address.is_ipv4() { "V4" } else { "V6" }})
}

fn subnet(subnet: Subnet) -> Value {
    json!({"ip_addr": address(subnet.address), "mask": subnet.mask})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_escaped() {
        assert_eq!(tenant_ref("admin"), "/api/tenant/?name=admin");
        assert_eq!(tenant_ref("a b&c"), "/api/tenant/?name=a%20b%26c");
    }
}
