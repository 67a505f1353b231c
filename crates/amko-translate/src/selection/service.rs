//! LoadBalancer Service to a record (amko 3.6).

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort};

use super::{Candidate, Protocol, Reason, Record, Rejected, Traffic, identifiers, single_host};
use crate::ObjectRef;
use crate::source::{Entry, Marks, ServicePart, Slim};

/// What is read of a Service beside its labels and annotations.
pub(crate) fn part(service: &Service) -> ServicePart {
    let spec = service.spec.as_ref();
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let entries = balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default();
    ServicePart {
        is_load_balancer: spec.and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer"),
        // Only the first entry of the status counts.
        entry: entries.first().map(|entry| Entry::new(entry.hostname.as_deref(), entry.ip.as_deref())),
        port: probed_port(spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default()),
    }
}

pub(super) fn records(whole: &ObjectRef, service: &Slim<ServicePart>) -> Vec<Record> {
    vec![record(whole, service).map_err(|reason| Box::new(Rejected { object: whole.clone(), reason }))]
}

fn record(object: &ObjectRef, service: &Slim<ServicePart>) -> Result<Candidate, Reason> {
    let part = &service.part;
    if !part.is_load_balancer {
        return Err(Reason::NotLoadBalancer);
    }
    let entry = part.entry.as_ref().ok_or(Reason::NoStatus)?;
    let host = single_host(entry.host.as_deref())?.to_owned();
    let address: IpAddr = entry.ip.as_deref().and_then(|ip| ip.parse().ok()).ok_or(Reason::NoAddress)?;
    let (port, protocol) = part.port.ok_or(Reason::NoPort)?;
    Ok(Candidate {
        object: object.clone(),
        identifiers: identifiers(Marks::Slim(&service.marks), &host),
        host,
        address,
        tenant: String::new(),
        traffic: Traffic::Port { port, protocol },
        is_held: false,
    })
}

/// The smallest port with its protocol; but the first that is neither TCP nor UDP is taken, with TCP.
fn probed_port(ports: &[ServicePort]) -> Option<(u16, Protocol)> {
    let mut smallest: Option<(u16, Protocol)> = None;
    for port in ports {
        let number = u16::try_from(port.port).ok()?;
        let protocol = match port.protocol.as_deref() {
            None | Some("" | "TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some(_) => return Some((number, Protocol::Tcp)),
        };
        if smallest.is_none_or(|(so_far, _)| number < so_far) {
            smallest = Some((number, protocol));
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ports: &[(i32, &str)], expected: Option<(u16, Protocol)>) {
        let ports: Vec<_> = ports
            .iter()
            .map(|(port, protocol)| ServicePort {
                port: *port,
                protocol: Some(protocol.to_string()),
                ..ServicePort::default()
            })
            .collect();
        assert_eq!(probed_port(&ports), expected);
    }

    // catalogue amko: 61, 62
    #[test]
    fn the_smallest_port_is_probed() {
        check(&[(8080, "TCP"), (53, "UDP"), (443, "TCP")], Some((53, Protocol::Udp)));
        check(&[(8080, "TCP"), (9000, "SCTP"), (80, "TCP")], Some((9000, Protocol::Tcp)));
        check(&[(9000, "SCTP"), (80, "TCP")], Some((9000, Protocol::Tcp)));
        check(&[], None);
        check(&[(70_000, "TCP")], None);
    }
}
