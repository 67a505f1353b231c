//! A Service of type LoadBalancer: its own virtual service, VIP, pools and rules (ako 3).
//!
//! Shared VIPs, L4Rules, AviInfraSettings and the legacy gateways are not done yet; a Service that asks for one of them
//! is left out by name.

mod fqdn;

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;

use crate::backend::{Where, members_of_port, ports, protocol};
use crate::desired::{
    L4PolicySet, L4Port, Object, ObjectKey, ObjectType, Pool, Role, Site, Spec, VirtualService, VsVip,
};
use crate::left_out::{LeftOut, Reason, Source};
use crate::namespace::{self, annotation};
use crate::view::View;
use crate::{CONTROLLER, Markers, NamespacedName, ServiceMetadata};

const ADDRESS: &str = "ako.vmware.com/load-balancer-ip";
const APPLICATION_PROFILE: &str = "ako.vmware.com/application-profile";
const DISABLE_TRAFFIC: &str = "ako.vmware.com/disable-traffic";
const SKIP_NODE_PORT: &str = "skipnodeport.ako.vmware.com/enabled";

/// Annotations that ask for what is not done yet.
const UNSUPPORTED: [&str; 3] =
    ["ako.vmware.com/enable-shared-vip", "ako.vmware.com/l4rule", "aviinfrasetting.ako.vmware.com/name"];

/// What serves a Service.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceUnit {
    pub(crate) tenant: String,
    /// Empty when nothing does.
    pub(crate) objects: Arc<Vec<Object>>,
    /// Name that is registered for it.
    pub(crate) fqdn: Option<String>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Builds what serves a Service; nothing for one of another type.
pub(crate) fn build(view: &mut View<'_>, name: &NamespacedName, site: &Site) -> ServiceUnit {
    let Some(service) = view.service(name).filter(|service| is_load_balancer(service)) else {
        return ServiceUnit::default();
    };
    let tenant = namespace::tenant(view, &name.namespace, &site.settings);
    let mut unit = ServiceUnit { tenant, ..ServiceUnit::default() };
    let admitted = namespace::check(view, &name.namespace, &site.settings)
        .and_then(|()| check(service, site))
        .and_then(|()| address(service));
    match admitted {
        Ok(address) => {
            unit.fqdn = fqdn::of(service, name, site);
            unit.objects = Arc::new(objects(view, name, service, address, &mut unit, site));
        }
        Err(reason) => unit.left_out.push(LeftOut::whole(Source::Service(name.clone()), reason)),
    }
    unit
}

pub(crate) fn is_load_balancer(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}

/// Whether it is ours, and can be done (ako 3.1).
fn check(service: &Service, site: &Site) -> Result<(), Reason> {
    match service.spec.as_ref().and_then(|spec| spec.load_balancer_class.as_deref()) {
        None if !site.settings.default_lb_controller => return Err(Reason::NoLoadBalancerClass),
        Some(class) if class != CONTROLLER => return Err(Reason::LoadBalancerClass(class.to_owned())),
        _ => {}
    }
    if let Some(key) = UNSUPPORTED.iter().find(|key| annotation(&service.metadata, key).is_some()) {
        return Err(Reason::Unsupported(format!("annotation {key}")));
    }
    if ports(service).is_empty() { Err(Reason::NoPort) } else { Ok(()) }
}

/// The address that is asked for: that of the spec, else of the annotation (ako 3.6).
fn address(service: &Service) -> Result<Option<IpAddr>, Reason> {
    let of_spec = service.spec.as_ref().and_then(|spec| spec.load_balancer_ip.as_deref());
    let text = of_spec.filter(|text| !text.is_empty()).or_else(|| annotation(&service.metadata, ADDRESS));
    text.map(|text| text.parse().map_err(|_| Reason::InvalidAddress(text.to_owned()))).transpose()
}

fn objects(
    view: &mut View<'_>,
    name: &NamespacedName,
    service: &Service,
    address: Option<IpAddr>,
    unit: &mut ServiceUnit,
    site: &Site,
) -> Vec<Object> {
    let from = match annotation(&service.metadata, SKIP_NODE_PORT) {
        Some(_) => Where::Pods,
        None => Where::Configured,
    };
    let mut objects = Vec::new();
    let mut listeners = Vec::new();
    let vs_name = site.names.l4(name);
    let tenant = unit.tenant.clone();
    let mut add = |kind, name: String, markers: Markers, spec| {
        objects.push(Object { key: ObjectKey { kind, tenant: tenant.clone(), name }, markers, spec });
    };
    let markers =
        Markers { namespace: Some(name.namespace.clone()), service: Some(name.name.clone()), ..Markers::default() };
    let hosts: Vec<String> = unit.fqdn.iter().cloned().collect();
    for port in ports(service) {
        let Ok(number) = u16::try_from(port.port) else { continue };
        let protocol = protocol(port.protocol.as_deref());
        let members = members_of_port(view, name, service, port, site, from);
        if let Some(reason) = members.problem {
            unit.left_out.push(LeftOut::whole(Source::Service(name.clone()), reason));
        }
        let pool = site.names.l4_pool(name, protocol.name(), number);
        let metadata = ServiceMetadata { hosts: hosts.clone(), ..ServiceMetadata::default() };
        let spec = Pool { default_port: members.default_port, protocol, servers: members.servers, metadata };
        let pool_markers = Markers { port: Some(number), ..markers.clone() };
        add(ObjectType::Pool, pool.clone(), pool_markers, Spec::Pool(spec));
        listeners.push(L4Port { port: number, protocol, pool });
    }
    let mut protocols: Vec<_> = listeners.iter().map(|listener| listener.protocol.name()).collect();
    protocols.sort_unstable();
    protocols.dedup();
    let set_markers = Markers { protocols: vec![protocols.join(",")], ..markers.clone() };
    let set = L4PolicySet { ports: listeners.clone() };
    add(ObjectType::L4PolicySet, vs_name.clone(), set_markers, Spec::L4PolicySet(set));
    let vip = VsVip { fqdns: hosts.clone(), address };
    add(ObjectType::VsVip, vs_name.clone(), Markers::default(), Spec::VsVip(vip));
    let profile = annotation(&service.metadata, APPLICATION_PROFILE).unwrap_or("System-L4-Application");
    let role = Role::L4 {
        ports: listeners,
        application_profile: profile.to_owned(),
        traffic_enabled: annotation(&service.metadata, DISABLE_TRAFFIC) != Some("true"),
    };
    let metadata = ServiceMetadata { hosts, services: vec![name.clone()], ..ServiceMetadata::default() };
    let spec = Spec::VirtualService(VirtualService { role, metadata });
    add(ObjectType::VirtualService, vs_name, markers, spec);
    objects.sort_by(|a, b| a.key.cmp(&b.key));
    objects
}
