//! Virtual services, children, and what both do with a request.

use std::{sync::Arc, time::Duration};

use model::http;

use super::{
    super::{
        ConvertError, ForwardedFor, ForwardedForUpdate, HostMatch, HttpChild, HttpProfile, HttpVirtualService,
        ServicePort, Target, VirtualHost, all, ip_from_bytes, ip_to_bytes, narrow, required, target::Kind,
    },
    micros,
};

/// The message of a virtual service, without its children.
pub(crate) fn virtual_service_message(service: &http::VirtualService) -> HttpVirtualService {
    let http::VirtualService { host, addresses, ports, certificates, children: _ } = service;
    HttpVirtualService {
        host: Some(host.into()),
        addresses: addresses.iter().map(ip_to_bytes).collect(),
        ports: ports.iter().map(ServicePort::from).collect(),
        certificates: certificates.iter().map(|certificate| certificate.uuid.clone()).collect(),
    }
}

/// The virtual service, without children; `certificate` and `policy_set` find what it refers to.
pub(crate) fn virtual_service(
    message: HttpVirtualService,
    certificate: impl Fn(&str) -> Option<Arc<http::Certificate>>,
    policy_set: impl Fn(&str) -> Option<Arc<http::PolicySet>>,
) -> Result<http::VirtualService, ConvertError> {
    let HttpVirtualService { host, addresses, ports, certificates } = message;
    Ok(http::VirtualService {
        host: virtual_host(required("host", host)?, policy_set)?,
        addresses: addresses.iter().map(ip_from_bytes).collect::<Result<_, _>>()?,
        ports: all(ports)?,
        certificates: resolve("certificates", certificates, certificate)?,
        children: Vec::new(),
    })
}

/// The message of a child of `parent` that comes after the child `after`.
pub(crate) fn child_message(child: &http::Child, parent: &str, after: &str) -> HttpChild {
    let http::Child { host, matches } = child;
    HttpChild {
        parent: parent.to_owned(),
        after: after.to_owned(),
        host: Some(host.into()),
        matches: matches.iter().map(HostMatch::from).collect(),
    }
}

/// The child, the uuid of its parent, and the uuid of the child before it; `policy_set` finds what it refers to.
pub(crate) fn child(
    message: HttpChild,
    policy_set: impl Fn(&str) -> Option<Arc<http::PolicySet>>,
) -> Result<(http::Child, String, String), ConvertError> {
    let HttpChild { parent, after, host, matches } = message;
    let host = virtual_host(required("host", host)?, policy_set)?;
    Ok((http::Child { host, matches: all(matches)? }, parent, after))
}

fn resolve<T>(
    field: &'static str,
    uuids: Vec<String>,
    find: impl Fn(&str) -> Option<Arc<T>>,
) -> Result<Vec<Arc<T>>, ConvertError> {
    uuids.into_iter().map(|uuid| find(&uuid).ok_or(ConvertError::Reference { field, uuid })).collect()
}

impl From<&http::VirtualHost> for VirtualHost {
    fn from(host: &http::VirtualHost) -> Self {
        let http::VirtualHost { uuid, name, tenant, enabled, profile, policies, logs, target, pools_up_min } = host;
        Self {
            uuid: uuid.clone(),
            name: name.clone(),
            tenant: tenant.clone(),
            enabled: *enabled,
            profile: Some(profile.into()),
            policies: policies.iter().map(|set| set.uuid.clone()).collect(),
            logs: Some(logs.into()),
            target: target.as_ref().map(Target::from),
            pools_up_min: *pools_up_min,
        }
    }
}

fn virtual_host(
    message: VirtualHost,
    policy_set: impl Fn(&str) -> Option<Arc<http::PolicySet>>,
) -> Result<http::VirtualHost, ConvertError> {
    let VirtualHost { uuid, name, tenant, enabled, profile, policies, logs, target, pools_up_min } = message;
    Ok(http::VirtualHost {
        uuid,
        name,
        tenant,
        enabled,
        profile: required("profile", profile)?.try_into()?,
        policies: resolve("policies", policies, policy_set)?,
        logs: logs.map(model::LogPolicy::from).unwrap_or_default(),
        target: target.map(http::Target::try_from).transpose()?,
        pools_up_min,
    })
}

impl From<&http::ServicePort> for ServicePort {
    fn from(http::ServicePort { port, listen_port, tls, http2 }: &http::ServicePort) -> Self {
        Self { port: u32::from(*port), listen_port: u32::from(*listen_port), tls: *tls, http2: *http2 }
    }
}

impl TryFrom<ServicePort> for http::ServicePort {
    type Error = ConvertError;
    fn try_from(ServicePort { port, listen_port, tls, http2 }: ServicePort) -> Result<Self, ConvertError> {
        let (port, listen_port) = (narrow("port", port)?, narrow("listen_port", listen_port)?);
        Ok(Self { port, listen_port, tls, http2 })
    }
}

impl From<&http::Target> for Target {
    fn from(target: &http::Target) -> Self {
        let kind = match target {
            http::Target::Pool(uuid) => Kind::Pool(uuid.clone()),
            http::Target::PoolGroup(uuid) => Kind::PoolGroup(uuid.clone()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<Target> for http::Target {
    type Error = ConvertError;
    fn try_from(message: Target) -> Result<Self, ConvertError> {
        Ok(match required("target", message.kind)? {
            Kind::Pool(uuid) => Self::Pool(uuid),
            Kind::PoolGroup(uuid) => Self::PoolGroup(uuid),
        })
    }
}

impl From<&http::HttpProfile> for HttpProfile {
    fn from(profile: &http::HttpProfile) -> Self {
        let http::HttpProfile {
            multiplex_connections,
            forwarded_for,
            forwarded_proto,
            http_to_https,
            websockets,
            header_timeout,
            body_timeout,
            keepalive_timeout,
            post_accept_timeout,
            header_size_max,
            head_size_max,
            body_size_max,
            header_count_max,
            response_head_size_max,
            keepalive_requests_max,
        } = profile;
        let forwarded_for = forwarded_for.as_ref().map(|http::ForwardedFor { header, update }| ForwardedFor {
            header: header.clone(),
            update: ForwardedForUpdate::from(*update).into(),
        });
        Self {
            multiplex_connections: *multiplex_connections,
            forwarded_for,
            forwarded_proto: *forwarded_proto,
            http_to_https: *http_to_https,
            websockets: *websockets,
            header_timeout_us: micros(*header_timeout),
            body_timeout_us: micros(*body_timeout),
            keepalive_timeout_us: micros(*keepalive_timeout),
            post_accept_timeout_us: micros(*post_accept_timeout),
            header_size_max: *header_size_max,
            head_size_max: *head_size_max,
            body_size_max: *body_size_max,
            header_count_max: u32::from(*header_count_max),
            response_head_size_max: *response_head_size_max,
            keepalive_requests_max: *keepalive_requests_max,
        }
    }
}

impl TryFrom<HttpProfile> for http::HttpProfile {
    type Error = ConvertError;
    fn try_from(message: HttpProfile) -> Result<Self, ConvertError> {
        let HttpProfile {
            multiplex_connections,
            forwarded_for,
            forwarded_proto,
            http_to_https,
            websockets,
            header_timeout_us,
            body_timeout_us,
            keepalive_timeout_us,
            post_accept_timeout_us,
            header_size_max,
            head_size_max,
            body_size_max,
            header_count_max,
            response_head_size_max,
            keepalive_requests_max,
        } = message;
        let forwarded_for = forwarded_for.map(|ForwardedFor { header, update }| {
            ForwardedForUpdate::known(update).map(|update| http::ForwardedFor { header, update })
        });
        Ok(Self {
            multiplex_connections,
            forwarded_for: forwarded_for.transpose()?,
            forwarded_proto,
            http_to_https,
            websockets,
            header_timeout: Duration::from_micros(header_timeout_us),
            body_timeout: Duration::from_micros(body_timeout_us),
            keepalive_timeout: Duration::from_micros(keepalive_timeout_us),
            post_accept_timeout: Duration::from_micros(post_accept_timeout_us),
            header_size_max,
            head_size_max,
            body_size_max,
            header_count_max: narrow("header_count_max", header_count_max)?,
            response_head_size_max,
            keepalive_requests_max,
        })
    }
}
