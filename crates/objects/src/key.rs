//! Keys under which objects and their guards are stored.
//!
//! | Key | Value | For |
//! |---|---|---|
//! | `/object/<path>/<uuid>` | the object | the object itself |
//! | `/name/<path>/<tenant>[/<cloud>]/<name>` | uuid | unique names |
//! | `/fqdn/<domain name>` | uuid | unique names of GSLB services |
//! | `/single/<path>` | uuid | collections of at most one object |
//! | `/address/<uuid of VRF or network>/<address>` | uuid | addresses that a VsVip holds |
//! | `/vh/<uuid of the parent>/<domain name>` | uuid | server names of a virtual service's children |
//! | `/listeners/<uuid of a VsVip>` | uuid of the last writer | compared and written with every change of ports there |
//! | `/refs/<path>/<uuid>` | uuid of the last referrer | written with every new reference to that object |
//! | `/refs/<path>` | uuid of the last such referrer | written instead of the above when one write adds many references |
//! | `/deletes/<path>` | uuid of the last deleted object | written with every delete of an object of that type |

use std::net::IpAddr;

/// Every object's key starts so.
pub const OBJECT_PREFIX: &str = "/object/";
/// Every back-reference guard starts so.
pub const REFS_PREFIX: &str = "/refs/";
/// Every guard against deletes starts so.
pub const DELETES_PREFIX: &str = "/deletes/";
/// Every listener guard starts so.
pub const LISTENERS_PREFIX: &str = "/listeners/";

/// Key of an object.
#[must_use]
pub fn object(path: &str, uuid: &str) -> String {
    format!("{OBJECT_PREFIX}{path}/{uuid}")
}

/// Back-reference guard of an object: written by every transaction that adds a reference to it.
#[must_use]
pub fn refs(path: &str, uuid: &str) -> String {
    format!("{REFS_PREFIX}{path}/{uuid}")
}

/// Back-reference guard of all objects of a type: written by a transaction that adds many references to such.
#[must_use]
pub fn refs_of_type(path: &str) -> String {
    format!("{REFS_PREFIX}{path}")
}

/// Guard against deletes of objects of a type.
#[must_use]
pub fn deletes(path: &str) -> String {
    format!("{DELETES_PREFIX}{path}")
}

/// Guard of a name; `cloud` only for cloud-scoped types. The name comes last, so it may contain slashes.
#[must_use]
pub fn name(path: &str, tenant: &str, cloud: Option<&str>, name: &str) -> String {
    match cloud {
        Some(cloud) => format!("/name/{path}/{tenant}/{cloud}/{name}"),
        None => format!("/name/{path}/{tenant}/{name}"),
    }
}

/// Guard of a GSLB service's domain name, which is compared without case and trailing dot.
#[must_use]
pub fn fqdn(domain_name: &str) -> String {
    format!("/fqdn/{}", domain_name.trim_end_matches('.').to_ascii_lowercase())
}

/// Guard of an address in a VRF, or of one allocated from a network.
#[must_use]
pub fn address(space: &str, address: IpAddr) -> String {
    format!("/address/{space}/{address}")
}

/// Guard of a server name among the children of a virtual service.
#[must_use]
pub fn vh_domain(parent: &str, domain_name: &str) -> String {
    format!("/vh/{parent}/{}", domain_name.trim_end_matches('.').to_ascii_lowercase())
}

/// Guard of the ports that virtual services open on a VsVip.
#[must_use]
pub fn listeners(vs_vip: &str) -> String {
    format!("{LISTENERS_PREFIX}{vs_vip}")
}

/// Guard of a collection of at most one object.
#[must_use]
pub fn single(path: &str) -> String {
    format!("/single/{path}")
}

/// Path and uuid of an `/object/…` key.
#[must_use]
pub fn parse_object(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(OBJECT_PREFIX)?.split_once('/')
}
