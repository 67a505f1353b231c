//! System network and SSL profiles (avi-api appendix A).

use serde_json::{Value, json};

use super::{SystemObject, object};

/// Network profiles.
pub(super) fn network_profiles() -> Vec<SystemObject> {
    let profile = |name, kind: &str, member: &str, settings: Value| {
        let mut profile = json!({"type": format!("PROTOCOL_TYPE_{kind}")});
        profile[member] = settings;
        object("networkprofile", name, json!({ "profile": profile }))
    };
    let per_packet = json!({"per_pkt_loadbalance": true});
    vec![
        profile("System-TCP-Proxy", "TCP_PROXY", "tcp_proxy_profile", json!({})),
        profile("System-TCP-Fast-Path", "TCP_FAST_PATH", "tcp_fast_path_profile", json!({})),
        profile("System-UDP-Fast-Path", "UDP_FAST_PATH", "udp_fast_path_profile", json!({})),
        profile("System-UDP-Per-Pkt", "UDP_FAST_PATH", "udp_fast_path_profile", per_packet),
        profile("System-UDP-No-Snat", "UDP_FAST_PATH", "udp_fast_path_profile", json!({"snat": false})),
        profile("System-SCTP-Proxy", "SCTP_PROXY", "sctp_proxy_profile", json!({})),
    ]
}

/// SSL profiles. The names are fixed, versions and ciphers are our choice: TLS 1.2 and 1.3 with forward secrecy.
pub(super) fn ssl_profiles() -> Vec<SystemObject> {
    const CIPHERS: &str = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:\
        ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    let profile = |name, kind: &str| {
        let versions = json!([{"type": "SSL_VERSION_TLS1_2"}, {"type": "SSL_VERSION_TLS1_3"}]);
        let kind = format!("SSL_PROFILE_TYPE_{kind}");
        object("sslprofile", name, json!({"type": kind, "accepted_versions": versions, "accepted_ciphers": CIPHERS}))
    };
    vec![
        profile("System-Standard", "APPLICATION"),
        profile("System-Standard-PFS", "APPLICATION"),
        profile("System-Standard-Portal", "SYSTEM"),
    ]
}
