//! System application and persistence profiles (avi-api appendix A).

use serde_json::{Value, json};

use super::{SystemObject, object};

/// Application profiles.
pub(super) fn application_profiles() -> Vec<SystemObject> {
    let profile = |name, kind: &str, mut body: Value| {
        body["type"] = json!(format!("APPLICATION_PROFILE_TYPE_{kind}"));
        object("applicationprofile", name, body)
    };
    let secure = json!({"http_profile": {
        "x_forwarded_proto_enabled": true,
        "http_to_https": true,
        "server_side_redirect_to_https": true,
        "hsts_enabled": true,
        "secure_cookie_enabled": true,
    }});
    vec![
        profile("System-HTTP", "HTTP", json!({"http_profile": {}})),
        profile("System-Secure-HTTP", "HTTP", secure.clone()),
        profile("System-L4-Application", "L4", json!({"tcp_app_profile": {}})),
        profile("System-SSL-Application", "SSL", json!({"tcp_app_profile": {}})),
        profile("System-DNS", "DNS", json!({"dns_service_profile": {"error_response": "DNS_ERROR_RESPONSE_ERROR"}})),
        profile("System-Syslog", "SYSLOG", json!({})),
        profile("System-Secure-HTTP-VDI", "HTTP", secure.clone()),
        profile("System-HTTP-Horizon-UAG", "HTTP", secure),
    ]
}

/// Persistence profiles.
pub(super) fn persistence_profiles() -> Vec<SystemObject> {
    let profile = |name, kind: &str, mut body: Value| {
        body["persistence_type"] = json!(format!("PERSISTENCE_TYPE_{kind}"));
        object("applicationpersistenceprofile", name, body)
    };
    vec![
        profile(
            "System-Persistence-Client-IP",
            "CLIENT_IP_ADDRESS",
            json!({"ip_persistence_profile": {"ip_persistent_timeout": 5}}),
        ),
        profile("System-Persistence-Http-Cookie", "HTTP_COOKIE", json!({"http_cookie_persistence_profile": {}})),
        profile("System-Persistence-TLS", "TLS", json!({})),
        profile(
            "System-Persistence-Custom-Http-Header",
            "CUSTOM_HTTP_HEADER",
            json!({"hdr_persistence_profile": {"prst_hdr_name": "customhttphdrname"}}),
        ),
        profile(
            "System-Persistence-App-Cookie",
            "APP_COOKIE",
            json!({"app_cookie_persistence_profile": {"prst_hdr_name": "customhttpcookiename", "timeout": 20}}),
        ),
    ]
}
