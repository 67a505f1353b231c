//! L7 virtual services: listeners, virtual hosts, their rules, and the pools they send requests to.
//!
//! Start at [`HttpConfig`], all that one engine proxies. A [`VirtualService`] is what clients connect to: a normal virtual
//! service, or an EVH parent with its children (avi-api 10.2). It and each [`Child`] carry a [`VirtualHost`], what happens
//! to a request once it was assigned. [`policy`] has rules and what they match, [`pool`] has pools and pool groups.

pub mod policy;
pub mod pool;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use policy::{
    HeaderEdit, HeaderMatch, HeaderValue, HostMatch, IpMatch, LocalResponse, Membership, PathMatch, PathRule,
    PolicySet, Redirect, RequestAction, RequestMatch, RequestRule, SecurityAction, SecurityRule, StringCriterion,
    UriPart,
};
pub use pool::{Algorithm, FailAction, Pool, PoolGroup, PoolGroupMember, Server, Target};

use crate::{LogPolicy, Version};

/// All that one engine proxies, complete, at one version. Parts are shared with the configuration before, where they
/// did not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpConfig {
    /// Version of the snapshot it was made from.
    pub version: Version,
    /// Virtual services that have an address.
    pub services: Vec<Arc<VirtualService>>,
    /// Pools, in any order; found by uuid.
    pub pools: Vec<Arc<Pool>>,
    /// Pool groups, in any order; found by uuid.
    pub pool_groups: Vec<Arc<PoolGroup>>,
}

/// The parts of an [`HttpConfig`], each list in the order of its uuids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HttpObjects {
    /// Virtual services that have an address.
    pub services: Vec<Arc<VirtualService>>,
    /// Pools that one of them can reach.
    pub pools: Vec<Arc<Pool>>,
    /// Pool groups that one of them can reach.
    pub pool_groups: Vec<Arc<PoolGroup>>,
}

/// What clients connect to: a normal virtual service, or an EVH parent. Avi: `VirtualService`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VirtualService {
    /// What happens to requests that no child takes.
    pub host: VirtualHost,
    /// Addresses it listens on.
    pub addresses: Vec<IpAddr>,
    /// Ports it listens on, at each address.
    pub ports: Vec<ServicePort>,
    /// Certificates; the first is shown where none fits the name that the client asks for (avi-api 10.2).
    pub certificates: Vec<Arc<Certificate>>,
    /// Children in the order in which they were created. Avi: `VS_TYPE_VH_CHILD` with `VS_TYPE_VH_ENHANCED`.
    pub children: Vec<Arc<Child>>,
}

/// A listening port. Avi: `Service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Port as configured: what rules match and redirects name.
    pub port: u16,
    /// Port that the engine opens: `port`, moved by the offset of its group where it may not open that one.
    pub listen_port: u16,
    /// Terminate TLS. Avi: `enable_ssl`.
    pub tls: bool,
    /// Offer HTTP/2 in ALPN; without effect on a port without TLS. Avi: `enable_http2`.
    pub http2: bool,
}

/// A child of an EVH parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// What happens to its requests.
    pub host: VirtualHost,
    /// Which requests are its.
    pub matches: Vec<HostMatch>,
}

/// What happens to a request once a virtual service, or a child of it, took it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VirtualHost {
    /// Object uuid, `virtualservice-…`.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Tenant name.
    pub tenant: String,
    /// Administrative switch; a disabled parent has no listeners, a disabled child is as if absent.
    pub enabled: bool,
    /// How HTTP is spoken.
    pub profile: HttpProfile,
    /// Policy sets in the order in which they are evaluated.
    pub policies: Vec<Arc<PolicySet>>,
    /// Which of its requests are logged.
    pub logs: LogPolicy,
    /// Where requests go that no rule decides; 404 when `None` (avi-api 10.2).
    pub target: Option<Target>,
    /// Pools that have to be up for it to be up, where it has any (avi-api 7.1); 0 counts as 1. Avi: `min_pools_up`.
    pub pools_up_min: u32,
}

/// How HTTP is spoken with clients. Avi: `HTTPApplicationProfile`; limits of the connection are the parent's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProfile {
    /// Send a request on any kept connection to the server, whoever opened it. Avi: `connection_multiplexing_enabled`.
    pub multiplex_connections: bool,
    /// Tell servers the client's address; `None` leaves the header as it came. Avi: `xff_enabled`.
    pub forwarded_for: Option<ForwardedFor>,
    /// Insert `X-Forwarded-Proto`. Avi: `x_forwarded_proto_enabled`.
    pub forwarded_proto: bool,
    /// Redirect plain HTTP to HTTPS with 302. Avi: `http_to_https`.
    pub http_to_https: bool,
    /// Let `Upgrade` through. Avi: `websockets_enabled`.
    pub websockets: bool,
    /// From the first octet of a request to the end of its head. Avi: `client_header_timeout`.
    pub header_timeout: Duration,
    /// Between two octets of a request's body; zero = none. Avi: `client_body_timeout`.
    pub body_timeout: Duration,
    /// From one request to the next. Avi: `keepalive_timeout`.
    pub keepalive_timeout: Duration,
    /// From a new connection to its first octet. Avi: `post_accept_timeout`.
    pub post_accept_timeout: Duration,
    /// Octets of one header line, and of the request line. Avi: `client_max_header_size`.
    pub header_size_max: u32,
    /// Octets of a request's head. Avi: `client_max_request_size`.
    pub head_size_max: u32,
    /// Octets of a request's body; 0 = unlimited. Avi: `client_max_body_size`.
    pub body_size_max: u64,
    /// Headers of a message; 0 = unlimited. Avi: `max_header_count`.
    pub header_count_max: u16,
    /// Octets of a response's head. Avi: `max_response_headers_size`.
    pub response_head_size_max: u32,
    /// Requests on one connection; 0 = unlimited. Avi: `max_keepalive_requests`.
    pub keepalive_requests_max: u32,
}

impl Default for HttpProfile {
    /// The defaults of avi-api 2.13.
    fn default() -> Self {
        Self {
            multiplex_connections: true,
            forwarded_for: Some(ForwardedFor::default()),
            forwarded_proto: false,
            http_to_https: false,
            websockets: true,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(30),
            post_accept_timeout: Duration::from_secs(30),
            header_size_max: 12 * 1024,
            head_size_max: 48 * 1024,
            body_size_max: 0,
            header_count_max: 256,
            response_head_size_max: 48 * 1024,
            keepalive_requests_max: 100,
        }
    }
}

/// How servers learn the client's address (avi-api 10.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardedFor {
    /// Header name. Avi: `xff_alternate_name`.
    pub header: String,
    /// What happens to one that the client sent.
    pub update: ForwardedForUpdate,
}

impl Default for ForwardedFor {
    fn default() -> Self {
        Self { header: "X-Forwarded-For".into(), update: ForwardedForUpdate::Replace }
    }
}

/// What happens to the header that a client sent. Avi: `xff_update`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardedForUpdate {
    /// It goes. Avi: `REPLACE_XFF_HEADERS`.
    Replace,
    /// `old, client`. Avi: `APPEND_TO_THE_XFF_HEADER`.
    Append,
    /// A second header. Avi: `ADD_NEW_XFF_HEADER`.
    Add,
}

/// A certificate with its key. Avi: `SSLKeyAndCertificate`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Object uuid, `sslkeyandcertificate-…`.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// The certificate and those that issued it, PEM.
    pub chain_pem: String,
    /// Private key, PEM.
    pub key_pem: String,
}

/// Without the key.
impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("uuid", &self.uuid).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_written_without_its_key() {
        let certificate =
            Certificate { uuid: "u".into(), name: "n".into(), chain_pem: "chain".into(), key_pem: "secret".into() };
        assert!(!format!("{certificate:?}").contains("secret"));
    }
}
