//! What of an object the engine cannot do. Where running without it would be wrong, the object does not run.

use crate::{field::Message, reading::Reading};

/// References and messages of a virtual service that protect it: without them it does not run.
const PROTECTION: [(&str, &str); 10] = [
    ("network_security_policy_ref", "access is not limited by address"),
    ("waf_policy_ref", "requests are not inspected"),
    ("sso_policy_ref", "clients are not authenticated"),
    ("saml_sp_config", "clients are not authenticated"),
    ("ldap_vs_config", "clients are not authenticated"),
    ("oauth_vs_config", "clients are not authenticated"),
    ("jwt_config", "tokens are not checked"),
    ("csrf_policy_ref", "tokens are not checked"),
    ("bot_policy_ref", "clients are not told from bots"),
    ("icap_request_profile_refs", "requests are not inspected"),
];

/// Members of a virtual service that make no difference in this release.
const OF_SERVICE: [&str; 15] = [
    "vs_datascripts",
    "l4_policies",
    "service_pool_select",
    "security_policy_ref",
    "error_page_profile_ref",
    "performance_limits",
    "connections_rate_limit",
    "requests_rate_limit",
    "max_cps_per_client",
    "snat_ip",
    "use_vip_as_snat",
    "host_name_xlate",
    "content_rewrite",
    "traffic_clone_profile_ref",
    "ssl_profile_selectors",
];

/// Members of an HTTP profile that make no difference in this release.
const OF_HTTP_PROFILE: [&str; 18] = [
    "server_side_redirect_to_https",
    "hsts_enabled",
    "secure_cookie_enabled",
    "httponly_enabled",
    "keepalive_header",
    "use_true_client_ip",
    "max_rps_cip",
    "max_rps_uri",
    "max_rps_cip_uri",
    "max_rps_unknown_cip",
    "max_rps_unknown_uri",
    "max_bad_rps_cip",
    "max_bad_rps_uri",
    "max_bad_rps_cip_uri",
    "allow_dots_in_header_name",
    "reset_conn_http_on_ssl_port",
    "enable_request_body_buffering",
    "session_config",
];

/// Members of a pool that make no difference in this release.
const OF_POOL: [(&str, &str); 11] = [
    ("application_persistence_profile_ref", "clients do not stay with a server in this release"),
    ("enable_http2", "servers are spoken to in HTTP/1.1"),
    ("max_conn_rate_per_server", NOT_APPLIED),
    ("rewrite_host_header_to_server_name", "the Host header passes as it is"),
    ("rewrite_host_header_to_sni", "the Host header passes as it is"),
    ("request_queue_enabled", "requests are not queued in this release"),
    ("ipaddrgroup_ref", "servers of address groups are not known to this release"),
    ("nsx_securitygroup", "servers of NSX groups are not known to this release"),
    ("external_autoscale_groups", "servers of autoscale groups are not known to this release"),
    ("autoscale_policy_ref", NOT_APPLIED),
    ("gslb_sp_enabled", NOT_APPLIED),
];

const NOT_APPLIED: &str = "not applied by this release";

/// Whether a virtual service may run without what the engine cannot do.
pub(super) fn may_run(service: &Message<'_>, reading: &mut Reading<'_, '_>) -> bool {
    if let Some((field, without)) = PROTECTION.iter().find(|(field, _)| service.is_set(field)) {
        let reason = format!("{without} by this release; the service does not run");
        reading.tell(service.problem(field, reason));
        return false;
    }
    for field in OF_SERVICE.into_iter().filter(|field| service.is_set(field)) {
        reading.tell(service.problem(field, NOT_APPLIED));
    }
    let analytics = service.message("analytics_policy");
    for field in ["client_log_filters", "all_headers"].into_iter().filter(|field| analytics.is_set(field)) {
        reading.tell(analytics.problem(field, NOT_APPLIED));
    }
    ssl_profile(service, reading);
    true
}

/// The system's SSL profiles are what the engine does.
fn ssl_profile(service: &Message<'_>, reading: &mut Reading<'_, '_>) {
    let profile = service.reference("ssl_profile_ref").and_then(|uuid| reading.get("sslprofile", uuid));
    if let Some(profile) = profile.filter(|profile| !profile.name.starts_with("System-")) {
        let reason = format!(
            "SSLProfile {} is not applied: TLS 1.2 and 1.3 are offered, with the engine's ciphers",
            profile.name
        );
        reading.tell(service.problem("ssl_profile_ref", reason));
    }
}

/// Whether HTTP is to be spoken on the ports of an element of `services`.
pub(super) fn may_listen(entry: &Message<'_>, reading: &mut Reading<'_, '_>) -> bool {
    if entry.is_set("override_application_profile_ref") {
        let reason = "a port has no profile of its own in this release; it is not listened on";
        reading.tell(entry.problem("override_application_profile_ref", reason));
        return false;
    }
    let Some(network) = entry.reference("override_network_profile_ref") else { return true };
    let profile = reading.get("networkprofile", network);
    let kind = profile.and_then(|profile| profile.fields.get("profile")?.get("type")?.as_str());
    if kind.is_none_or(|kind| kind.starts_with("PROTOCOL_TYPE_TCP")) {
        return true;
    }
    let reason = format!("HTTP needs TCP, not {}; the port is not listened on", kind.unwrap_or_default());
    reading.tell(entry.problem("override_network_profile_ref", reason));
    false
}

/// What of an application profile is not done.
pub(super) fn of_profile(profile: &Message<'_>, http: &Message<'_>, reading: &mut Reading<'_, '_>) {
    for field in OF_HTTP_PROFILE.into_iter().filter(|field| http.is_set(field)) {
        reading.tell(http.problem(field, NOT_APPLIED));
    }
    for (field, member) in [("compression_profile", "compression"), ("cache_config", "enabled")] {
        let message = http.message(field);
        if message.flag(member, false) {
            reading.tell(message.problem(member, NOT_APPLIED));
        }
    }
    if !http.flag("respond_with_100_continue", true) {
        let reason = "the engine answers Expect: 100-continue itself";
        reading.tell(http.problem("respond_with_100_continue", reason));
    }
    if http.text("ssl_client_certificate_mode") == Some("SSL_CLIENT_CERTIFICATE_REQUEST") {
        let reason = "client certificates are not asked for by this release";
        reading.tell(http.problem("ssl_client_certificate_mode", reason));
    }
    for (field, reason) in [("preserve_client_ip", "servers see the engine's address"), ("dos_rl_profile", NOT_APPLIED)]
    {
        if profile.is_set(field) {
            reading.tell(profile.problem(field, reason));
        }
    }
}

/// Whether the servers of a pool may be spoken to in plain text, at the ports it gives.
pub(super) fn may_be_spoken_to(pool: &Message<'_>, reading: &mut Reading<'_, '_>) -> bool {
    for (field, reason) in [
        ("ssl_profile_ref", "servers are not spoken to with TLS by this release; the pool gets no requests"),
        ("use_service_ssl_mode", "servers are not spoken to with TLS by this release; the pool gets no requests"),
        ("use_service_port", "servers have ports of their own in this release; the pool gets no requests"),
    ] {
        if pool.is_set(field) {
            reading.tell(pool.problem(field, reason));
            return false;
        }
    }
    for (field, reason) in OF_POOL.into_iter().filter(|(field, _)| pool.is_set(field)) {
        reading.tell(pool.problem(field, reason));
    }
    if pool.text("append_port").is_some_and(|append| append != "NON_DEFAULT_80_443") {
        reading.tell(pool.problem("append_port", "the Host header passes as it is"));
    }
    let servers = pool.messages("servers");
    for server in servers.iter().filter(|server| server.is_set("rewrite_host_header")) {
        reading.tell(server.problem("rewrite_host_header", "the Host header passes as it is"));
    }
    if pool.message("server_reselect").flag("enabled", false) {
        reading.tell(pool.problem("server_reselect", NOT_APPLIED));
    }
    true
}

/// What of a pool group is not done.
pub(super) fn of_pool_group(group: &Message<'_>, reading: &mut Reading<'_, '_>) {
    for (field, reason) in [
        ("fail_action", "not applied by this release: that of a pool counts"),
        ("priority_labels_ref", "labels are read as numbers by this release"),
        ("deactivate_primary_pool_on_down", NOT_APPLIED),
        ("enable_http2", "servers are spoken to in HTTP/1.1"),
    ] {
        if group.is_set(field) {
            reading.tell(group.problem(field, reason));
        }
    }
}
