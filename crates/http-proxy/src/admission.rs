//! Which requests are served at all: those that can be read in one way only, within the limits of their virtual service.

use std::net::Ipv6Addr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{Method, StatusCode, Version};
use http_wire::framing::Violation;
use model::http::HttpProfile;

use crate::client::Client;

/// Host and port that the `number`-th request of a connection is for, or the status it is refused with.
///
/// They are those of its target where that is absolute, of `Host` otherwise (RFC 9112 §3.2.2). HTTP/1.1 needs exactly one
/// `Host` (RFC 9112 §3.2); HTTP/1.0 may have none. In HTTP/2 it says the same as `:authority` (RFC 9113 §8.3.1), or one of
/// the two is missing.
pub(crate) fn host_of<'p>(parts: &'p Parts, client: &Client, number: u64) -> Result<&'p str, StatusCode> {
    let is_http2 = parts.version == Version::HTTP_2;
    if is_http2 {
        check_limits(parts, &client.profile)?;
    } else if let Some(violation) = client.violation_of(number) {
        return Err(status_of(violation));
    }
    check_target(parts)?;
    let mut hosts = parts.headers.get_all(HOST).into_iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return Err(StatusCode::BAD_REQUEST),
        (Some(host), None) => Some(host.to_str().ok().filter(|host| is_host(host)).ok_or(StatusCode::BAD_REQUEST)?),
        (None, _) => None,
    };
    match (parts.uri.authority().map(Authority::as_str), host) {
        (Some(authority), Some(host)) if is_http2 && !authority.eq_ignore_ascii_case(host) => {
            Err(StatusCode::BAD_REQUEST)
        }
        (Some(_), None) if parts.version == Version::HTTP_11 => Err(StatusCode::BAD_REQUEST),
        (Some(authority), _) if is_host(authority) => Ok(authority),
        (None, Some(host)) => Ok(host),
        (None, None) if parts.version == Version::HTTP_10 => Ok(""),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// A target is a path, or a whole `http` URI; `*` is for OPTIONS (RFC 9112 §3.2).
fn check_target(parts: &Parts) -> Result<(), StatusCode> {
    if parts.method == Method::CONNECT {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let uri = &parts.uri;
    let has_form = match uri.scheme_str() {
        None => uri.authority().is_none(),
        Some(scheme) => matches!(scheme, "http" | "https"),
    };
    let is_allowed = uri.path() != "*" || parts.method == Method::OPTIONS;
    if has_form && is_allowed { Ok(()) } else { Err(StatusCode::BAD_REQUEST) }
}

/// Limits of the profile on a head of HTTP/2; in HTTP/1 the octets of the connection are counted.
fn check_limits(parts: &Parts, profile: &HttpProfile) -> Result<(), StatusCode> {
    let size_max = usize::try_from(profile.header_size_max).unwrap_or(usize::MAX);
    let count_max = usize::from(profile.header_count_max);
    if parts.uri.path_and_query().is_some_and(|target| target.as_str().len() > size_max) {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let mut headers = parts.headers.iter();
    let is_over = count_max > 0 && parts.headers.len() > count_max
        || headers.any(|(name, value)| name.as_str().len() + value.len() > size_max);
    if is_over { Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) } else { Ok(()) }
}

/// Whether it is a host, perhaps with a port (RFC 3986 §3.2.2), and nothing that another reader would cut otherwise.
fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let is_of_name = |octet: u8| matches!(octet, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' | b'%' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b';' | b'=');
    name.bytes().all(is_of_name) && is_port(port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_digit()) && (text.is_empty() || text.parse::<u16>().is_ok())
}

const fn status_of(violation: Violation) -> StatusCode {
    match violation {
        Violation::Ambiguous => StatusCode::BAD_REQUEST,
        Violation::TransferCoding => StatusCode::NOT_IMPLEMENTED,
        Violation::UriTooLong => StatusCode::URI_TOO_LONG,
        Violation::HeaderTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
}
