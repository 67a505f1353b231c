//! `VirtualService` with an HTTP application profile: a normal one, an EVH parent or a child of one (avi-api 2.4, 10.2).

use std::sync::Arc;

use model::http::{Certificate, Child, ServicePort, VirtualService};
use se_protocol::PortOffset;

use super::{Base, child, parts::Parts, profile::Profile, unsupported, virtual_host};
use crate::{Object, World, field::Message, listening, reading::Reading};

/// What became of a `VirtualService`.
#[derive(Debug)]
pub(super) enum Translated {
    /// It is not HTTP, or does not run.
    Nothing,
    /// Clients connect to it; still without its children.
    Service(Arc<VirtualService>),
    /// Its parent gives it requests.
    Child {
        /// Uuid of its parent.
        parent: String,
        /// When it was made, microseconds since the epoch.
        created_us: i64,
        /// The child.
        child: Arc<Child>,
    },
}

/// The virtual service or child, with problems where it does not run.
pub(super) fn read<'a>(
    object: Object<'a>,
    world: &World<'a>,
    base: &Base,
    parts: &mut Parts,
    reading: &mut Reading<'_, 'a>,
) -> Translated {
    // What it was made from is itself, first of all.
    reading.get("virtualservice", object.uuid);
    let label = format!("VirtualService {}", object.name);
    let service = Message::root(&label, object.fields);
    // One without a profile is told of with the DNS services.
    let Some(profile) = service.reference("application_profile_ref") else { return Translated::Nothing };
    let profile = match parts.profile(profile, world, reading) {
        None | Some(Profile::Dns) => return Translated::Nothing,
        Some(Profile::Http(profile)) => profile,
        Some(Profile::Refused(what)) => {
            let reason = format!("the profile asks for {what}; the service does not run");
            reading.tell(service.problem("application_profile_ref", reason));
            return Translated::Nothing;
        }
        Some(Profile::Other(kind)) => {
            let reason = format!("`{kind}` is not run by this release; the service does not run");
            reading.tell(service.problem("application_profile_ref", reason));
            return Translated::Nothing;
        }
    };
    let kind = service.text("type").unwrap_or("VS_TYPE_NORMAL");
    if kind != "VS_TYPE_NORMAL" && service.text("vh_type") != Some("VS_TYPE_VH_ENHANCED") {
        let reason = "virtual hosting by server name is not run by this release, only VS_TYPE_VH_ENHANCED; \
            the service does not run";
        reading.tell(service.problem("vh_type", reason));
        return Translated::Nothing;
    }
    if !unsupported::may_run(&service, reading) {
        return Translated::Nothing;
    }
    let Some(host) = virtual_host::read(object, &service, profile, world, base, parts, reading) else {
        return Translated::Nothing;
    };
    if kind == "VS_TYPE_VH_CHILD" {
        if service.is_set("ssl_key_and_certificate_refs") {
            let reason = "clients are shown the certificates of the parent, not those of a child";
            reading.tell(service.problem("ssl_key_and_certificate_refs", reason));
        }
        return match service.reference("vh_parent_vs_ref") {
            Some(parent) => Translated::Child {
                parent: parent.to_owned(),
                created_us: object.created_us,
                child: Arc::new(Child { host, matches: child::matches(&service, reading) }),
            },
            None => {
                reading.tell(service.problem("vh_parent_vs_ref", "no parent; the service does not run"));
                Translated::Nothing
            }
        };
    }
    let vs_vip = service.reference("vsvip_ref").and_then(|uuid| reading.get("vsvip", uuid));
    let addresses = listening::addresses(&service, vs_vip, reading.problems());
    let ports = ports(&service, base.port_offset.unwrap_or(PortOffset::NONE), reading);
    for (field, missing) in [("vsvip_ref", addresses.is_empty()), ("services", ports.is_empty())] {
        if missing {
            reading.tell(service.problem(field, "nothing to listen on; the service does not run"));
        }
    }
    if addresses.is_empty() || ports.is_empty() {
        return Translated::Nothing;
    }
    let has_tls = ports.iter().any(|port| port.tls);
    let certificates = if has_tls { certificates(&service, world, base, parts, reading) } else { Vec::new() };
    Translated::Service(Arc::new(VirtualService { host, addresses, ports, certificates, children: Vec::new() }))
}

fn ports(service: &Message<'_>, offset: PortOffset, reading: &mut Reading<'_, '_>) -> Vec<ServicePort> {
    let mut found: Vec<ServicePort> = Vec::new();
    for entry in service.messages("services") {
        if !unsupported::may_listen(&entry, reading) {
            continue;
        }
        let (tls, http2) = (entry.flag("enable_ssl", false), entry.flag("enable_http2", false));
        if http2 && !tls {
            reading.tell(entry.problem("enable_http2", "HTTP/2 is offered with TLS only; HTTP/1.1 is spoken"));
        }
        for port in listening::ports(&entry, reading.problems()) {
            if found.iter().all(|known| known.port != port) {
                found.push(ServicePort { port, listen_port: offset.apply(port), tls, http2 });
            }
        }
    }
    found
}

/// The certificates that it names; the system's own where none of them can be shown.
fn certificates<'a>(
    service: &Message<'_>,
    world: &World<'a>,
    base: &Base,
    parts: &mut Parts,
    reading: &mut Reading<'_, 'a>,
) -> Vec<Arc<Certificate>> {
    let named = service.references("ssl_key_and_certificate_refs");
    let mut found: Vec<Arc<Certificate>> =
        named.into_iter().filter_map(|uuid| parts.certificate(uuid, world, reading)).collect();
    if found.is_empty() {
        let default = base.default_certificate.as_deref();
        found.extend(default.and_then(|uuid| parts.certificate(uuid, world, reading)));
    }
    if found.is_empty() {
        let reason = "no certificate that can be shown; TLS connections to it fail";
        reading.tell(service.problem("ssl_key_and_certificate_refs", reason));
    }
    found
}
