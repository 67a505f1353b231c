//! Servers of a Service's port: pods or nodes (ako 4.7, 6.2, 6.3, 3.10).
//!
//! A Service of type LoadBalancer serves as a backend like any other (ako 13 line 11).

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Node, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::NamespacedName;
use crate::desired::{Protocol, Server, Site};
use crate::index::Slices;
use crate::ingress::BackendPort;
use crate::left_out::Reason;
use crate::settings::{IpFamily, ServiceType};
use crate::view::View;

/// Servers of a pool.
#[derive(Debug, Default)]
pub(crate) struct Members {
    pub(crate) servers: Vec<Server>,
    /// Port that servers have by default: the node port in NodePort mode.
    pub(crate) default_port: Option<u16>,
    /// Why there are none.
    pub(crate) problem: Option<Reason>,
}

/// Where servers of a Service are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// As configured.
    Configured,
    /// Pods in any case (`skipnodeport.ako.vmware.com/enabled`).
    Pods,
}

/// Servers of a backend of an Ingress.
pub(crate) fn members(view: &mut View<'_>, name: &NamespacedName, port: &BackendPort, site: &Site) -> Members {
    let Some(service) = view.service(name) else { return Members::none(Reason::ServiceMissing(name.clone())) };
    if service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("ExternalName") {
        return Members::none(Reason::ExternalName(name.clone()));
    }
    let is_meant = |of: &&ServicePort| match port {
        BackendPort::Number(number) => of.port == *number,
        BackendPort::Name(name) => of.name.as_deref() == Some(name),
    };
    match ports(service).iter().find(is_meant) {
        Some(port) => members_of_port(view, name, service, port, site, Where::Configured),
        None => {
            let port = match port {
                BackendPort::Number(number) => number.to_string(),
                BackendPort::Name(name) => name.clone(),
            };
            Members::none(Reason::PortMissing { service: name.clone(), port })
        }
    }
}

/// Servers of a port of a Service.
pub(crate) fn members_of_port(
    view: &mut View<'_>,
    name: &NamespacedName,
    service: &Service,
    port: &ServicePort,
    site: &Site,
    from: Where,
) -> Members {
    let family = family(service, site.settings.family());
    let mut members = match (site.settings.service_type, from) {
        (ServiceType::ClusterIp, _) | (_, Where::Pods) => {
            let slices = view.slices(name);
            let servers = slices.map(|slices| pods(slices, port, family)).unwrap_or_default();
            Members { servers, ..Members::default() }
        }
        (ServiceType::NodePort, Where::Configured) => nodes(view, name, service, port, site, family),
    };
    members.servers.sort_unstable();
    members.servers.dedup_by(|a, b| (a.address, a.port) == (b.address, b.port));
    members
}

impl Members {
    fn none(problem: Reason) -> Self {
        Self { problem: Some(problem), ..Self::default() }
    }
}

/// Ports of a Service.
pub(crate) fn ports(service: &Service) -> &[ServicePort] {
    service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default()
}

/// Protocol of a port; TCP when it names none that is known.
pub(crate) fn protocol(name: Option<&str>) -> Protocol {
    match name {
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        _ => Protocol::Tcp,
    }
}

/// The family of members: that of the configuration, or else the primary one of the Service, IPv4 when it says nothing.
fn family(service: &Service, configured: IpFamily) -> IpFamily {
    if configured != IpFamily::V4V6 {
        return configured;
    }
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.as_deref()).unwrap_or_default();
    if families.first().is_some_and(|family| family == "IPv6") { IpFamily::V6 } else { IpFamily::V4 }
}

fn is_of(family: IpFamily, address: IpAddr) -> bool {
    match family {
        IpFamily::V4 => address.is_ipv4(),
        IpFamily::V6 => address.is_ipv6(),
        IpFamily::V4V6 => true,
    }
}

fn pods(slices: &Slices, port: &ServicePort, family: IpFamily) -> Vec<Server> {
    // While a slice is split, an endpoint may be in two: the one that is ready counts.
    let mut servers: BTreeMap<(IpAddr, u16), Server> = BTreeMap::new();
    for slice in slices.values() {
        let Some(number) = slice_port(slice, port, slices.len() == 1) else { continue };
        for endpoint in &slice.endpoints {
            // Only the first address counts (ako 6.2).
            let first = endpoint.addresses.first().and_then(|address| address.parse::<IpAddr>().ok());
            let Some(address) = first.filter(|address| is_of(family, *address)) else { continue };
            let server =
                Server { address, port: number, node: endpoint.node_name.clone(), enabled: is_serving(endpoint) };
            let there = servers.entry((address, number)).or_insert_with(|| server.clone());
            if server.enabled && !there.enabled {
                *there = server;
            }
        }
    }
    servers.into_values().collect()
}

/// The port of a slice that a port of the Service means: by name, or by numeric `targetPort`. The only port of the only
/// slice always does.
fn slice_port(slice: &EndpointSlice, port: &ServicePort, is_only_slice: bool) -> Option<u16> {
    let ports = slice.ports.as_deref().unwrap_or_default();
    let wanted = port.name.as_deref().unwrap_or_default();
    let same_protocol = |of: &&EndpointPort| protocol(of.protocol.as_deref()) == protocol(port.protocol.as_deref());
    let by_name = ports.iter().filter(same_protocol).find(|of| of.name.as_deref().unwrap_or_default() == wanted);
    let by_number = || match &port.target_port {
        Some(IntOrString::Int(number)) => ports.iter().filter(same_protocol).find(|of| of.port == Some(*number)),
        _ => None,
    };
    let only = || ports.first().filter(|_| is_only_slice && ports.len() == 1);
    let found = by_name.or_else(by_number).or_else(only)?;
    found.port.and_then(|number| u16::try_from(number).ok())
}

/// Ready, and not about to go. What says nothing is ready.
fn is_serving(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    let ready = conditions.and_then(|conditions| conditions.ready).unwrap_or(true);
    let terminating = conditions.and_then(|conditions| conditions.terminating).unwrap_or(false);
    ready && !terminating
}

fn nodes(
    view: &mut View<'_>,
    name: &NamespacedName,
    service: &Service,
    port: &ServicePort,
    site: &Site,
    family: IpFamily,
) -> Members {
    let Some(number) = port.node_port.and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0) else {
        return Members::none(Reason::NoNodePort(name.clone()));
    };
    let is_local = service.spec.as_ref().and_then(|spec| spec.external_traffic_policy.as_deref()) == Some("Local");
    let hosting: Option<Vec<&str>> = is_local.then(|| {
        let slices = view.slices(name).into_iter().flat_map(|slices| slices.values());
        slices.flat_map(|slice| &slice.endpoints).filter_map(|endpoint| endpoint.node_name.as_deref()).collect()
    });
    let selector = site.settings.node_port_selector.as_ref();
    let is_selected = |node: &Node| {
        let labels = node.metadata.labels.as_ref();
        selector.is_none_or(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    };
    let is_hosting = |name: &str| hosting.as_ref().is_none_or(|hosting| hosting.contains(&name));
    let members = view.nodes().iter().filter(|(name, node)| is_hosting(name) && is_selected(node));
    let addresses = members.filter_map(|(_, node)| internal_addresses(node).find(|address| is_of(family, *address)));
    let servers = addresses.map(|address| Server { address, port: number, node: None, enabled: true }).collect();
    Members { servers, default_port: Some(number), problem: None }
}

/// Internal addresses of a node, in its order.
pub(crate) fn internal_addresses(node: &Node) -> impl Iterator<Item = IpAddr> + '_ {
    let addresses = node.status.iter().filter_map(|status| status.addresses.as_ref()).flatten();
    addresses.filter(|address| address.type_ == "InternalIP").filter_map(|address| address.address.parse().ok())
}
