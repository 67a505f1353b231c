//! `ApplicationProfile` of type HTTP (avi-api 2.13).

use std::time::Duration;

use model::http::{ForwardedFor, ForwardedForUpdate, HttpProfile};

use super::unsupported;
use crate::{field::Message, reading::Reading};

/// Octets of a kilobyte.
const KB: u64 = 1024;

/// What an application profile makes of a virtual service.
#[derive(Debug, Clone)]
pub(super) enum Profile {
    /// HTTP is proxied.
    Http(HttpProfile),
    /// HTTP, with something that it may not run without; the words say what.
    Refused(&'static str),
    /// DNS, which has virtual services of its own.
    Dns,
    /// A type that this release does not run; its wire value.
    Other(String),
}

/// The profile; `None` where there is none of that uuid.
pub(super) fn read(uuid: &str, reading: &mut Reading<'_, '_>) -> Option<Profile> {
    let object = reading.get("applicationprofile", uuid)?;
    let label = format!("ApplicationProfile {}", object.name);
    let profile = Message::root(&label, object.fields);
    match profile.text("type").unwrap_or_default() {
        "APPLICATION_PROFILE_TYPE_HTTP" => {}
        "APPLICATION_PROFILE_TYPE_DNS" => return Some(Profile::Dns),
        other => return Some(Profile::Other(other.to_owned())),
    }
    let http = profile.message("http_profile");
    unsupported::of_profile(&profile, &http, reading);
    if http.text("ssl_client_certificate_mode") == Some("SSL_CLIENT_CERTIFICATE_REQUIRE") {
        return Some(Profile::Refused("client certificates, which this release cannot require"));
    }
    Some(Profile::Http(settings(&http)))
}

fn settings(http: &Message<'_>) -> HttpProfile {
    let defaults = HttpProfile::default();
    let time = |field: &str, default: Duration| http.number(field).map_or(default, Duration::from_millis);
    let kilobytes = |field: &str, default: u32| {
        http.number(field).map_or(default, |size| u32::try_from(size.saturating_mul(KB)).unwrap_or(u32::MAX))
    };
    HttpProfile {
        multiplex_connections: http.flag("connection_multiplexing_enabled", true),
        forwarded_for: http.flag("xff_enabled", true).then(|| forwarded_for(http)),
        forwarded_proto: http.flag("x_forwarded_proto_enabled", false),
        http_to_https: http.flag("http_to_https", false),
        websockets: http.flag("websockets_enabled", true),
        header_timeout: time("client_header_timeout", defaults.header_timeout),
        body_timeout: time("client_body_timeout", defaults.body_timeout),
        keepalive_timeout: time("keepalive_timeout", defaults.keepalive_timeout),
        post_accept_timeout: time("post_accept_timeout", defaults.post_accept_timeout),
        header_size_max: kilobytes("client_max_header_size", defaults.header_size_max),
        head_size_max: kilobytes("client_max_request_size", defaults.head_size_max),
        body_size_max: http.number("client_max_body_size").map_or(0, |size| size.saturating_mul(KB)),
        header_count_max: http
            .number("max_header_count")
            .map_or(defaults.header_count_max, |count| u16::try_from(count).unwrap_or(u16::MAX)),
        response_head_size_max: kilobytes("max_response_headers_size", defaults.response_head_size_max),
        keepalive_requests_max: http
            .number("max_keepalive_requests")
            .map_or(defaults.keepalive_requests_max, |count| u32::try_from(count).unwrap_or(u32::MAX)),
    }
}

fn forwarded_for(http: &Message<'_>) -> ForwardedFor {
    let defaults = ForwardedFor::default();
    ForwardedFor {
        header: http.text("xff_alternate_name").map_or(defaults.header, str::to_owned),
        update: match http.text("xff_update") {
            Some("APPEND_TO_THE_XFF_HEADER") => ForwardedForUpdate::Append,
            Some("ADD_NEW_XFF_HEADER") => ForwardedForUpdate::Add,
            _ => ForwardedForUpdate::Replace,
        },
    }
}
