//! What an Ingress asks for, once it is ours (ako 4.1, 5.1).
//!
//! Two choices of ako 13 are taken here: a rule without `http` costs that rule alone (line 8), and
//! `spec.defaultBackend` is reported (line 7).

use std::sync::Arc;

use k8s_openapi::api::networking::v1::{HTTPIngressPath, Ingress, IngressBackend, IngressClass, IngressTLS};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use model::DomainName;

use crate::desired::Site;
use crate::index::namespaced;
use crate::left_out::{LeftOut, Reason, Source};
use crate::namespace::{self, annotation};
use crate::view::View;
use crate::{CONTROLLER, NamespacedName};

const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";
const ENABLE_TLS: &str = "ako.vmware.com/enable-tls";
const PASSTHROUGH: &str = "passthrough.ako.vmware.com/enabled";
const INFRA_SETTING: &str = "aviinfrasetting.ako.vmware.com/name";

/// What an Ingress asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    /// Tenant of its objects.
    pub(crate) tenant: String,
    /// One for each host, in the order of appearance.
    pub(crate) claims: Vec<Arc<Claim>>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// One host of an Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) ingress: NamespacedName,
    pub(crate) host: String,
    /// Whether the rule names it; a host that was made up is not shown in the status.
    pub(crate) is_named: bool,
    pub(crate) tls: Option<TlsSource>,
    pub(crate) paths: Vec<PathRule>,
}

/// Where the certificate of a host comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsSource {
    /// A Secret in the namespace of the Ingress; empty when `spec.tls` names none.
    Secret(String),
    /// The default certificate.
    Default,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathRule {
    pub(crate) path: String,
    pub(crate) is_exact: bool,
    /// `None` when the backend is no Service.
    pub(crate) backend: Option<Backend>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) service: String,
    pub(crate) port: BackendPort,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BackendPort {
    Number(i32),
    Name(String),
}

/// Decides whether an Ingress is ours, and reads what it asks for.
pub(crate) fn admit(view: &mut View<'_>, name: &NamespacedName, site: &Site) -> Admission {
    let Some(ingress) = view.ingress(name) else { return Admission::default() };
    let mut admission =
        Admission { tenant: namespace::tenant(view, &name.namespace, &site.settings), ..Admission::default() };
    let refused = namespace::check(view, &name.namespace, &site.settings)
        .and_then(|()| check_class(view, ingress))
        .and_then(|()| check_annotations(view, ingress));
    match refused {
        Err(reason) => admission.left_out.push(LeftOut::whole(Source::Ingress(name.clone()), reason)),
        Ok(()) => read_rules(ingress, name, site, &mut admission),
    }
    admission
}

fn check_class(view: &mut View<'_>, ingress: &Ingress) -> Result<(), Reason> {
    let named = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_deref());
    let classes = view.classes();
    let is_ours = |class: &&Arc<IngressClass>| controller(class) == CONTROLLER;
    let class = match named {
        Some(name) => {
            let class = classes.get(name).ok_or_else(|| Reason::ClassMissing(name.to_owned()))?;
            if !is_ours(&class) {
                let controller = controller(class).to_owned();
                return Err(Reason::ClassOfAnother { class: name.to_owned(), controller });
            }
            class
        }
        None => {
            let is_default = |class: &&Arc<IngressClass>| annotation(&class.metadata, DEFAULT_CLASS) == Some("true");
            let others = || {
                if classes.values().any(|class| is_default(&class)) { Reason::NoDefaultClass } else { Reason::NoClass }
            };
            classes.values().filter(is_ours).find(is_default).ok_or_else(others)?
        }
    };
    match class.spec.as_ref().and_then(|spec| spec.parameters.as_ref()) {
        Some(parameters) => Err(Reason::Unsupported(format!("{} {} of its class", parameters.kind, parameters.name))),
        None => Ok(()),
    }
}

fn controller(class: &IngressClass) -> &str {
    class.spec.as_ref().and_then(|spec| spec.controller.as_deref()).unwrap_or_default()
}

/// Annotations that ask for what is not done yet: serving without them would be wrong.
fn check_annotations(view: &mut View<'_>, ingress: &Ingress) -> Result<(), Reason> {
    if annotation(&ingress.metadata, PASSTHROUGH) == Some("true") {
        return Err(Reason::Unsupported(format!("annotation {PASSTHROUGH}")));
    }
    let namespace = namespaced(&ingress.metadata).namespace;
    let setting = view.namespace(&namespace).and_then(|namespace| annotation(&namespace.metadata, INFRA_SETTING));
    match setting {
        Some(setting) => Err(Reason::Unsupported(format!("AviInfraSetting {setting} of its namespace"))),
        None => Ok(()),
    }
}

fn read_rules(ingress: &Ingress, name: &NamespacedName, site: &Site, admission: &mut Admission) {
    let source = || Source::Ingress(name.clone());
    let Some(spec) = &ingress.spec else {
        admission.left_out.push(LeftOut::whole(source(), Reason::NoRule));
        return;
    };
    let mut claims: Vec<Claim> = Vec::new();
    if spec.default_backend.is_some() {
        admission.left_out.push(LeftOut::whole(source(), Reason::DefaultBackend));
    }
    for rule in spec.rules.iter().flatten() {
        let given = rule.host.as_deref().filter(|host| !host.is_empty());
        let host = match host(given, name, site) {
            Ok(host) => host,
            Err(reason) => {
                admission.left_out.push(LeftOut::whole(source(), reason));
                continue;
            }
        };
        let Some(http) = &rule.http else {
            admission.left_out.push(LeftOut::host(name, &host, Reason::RuleWithoutHttp));
            continue;
        };
        let at = claims.iter().position(|claim| claim.host == host).unwrap_or_else(|| {
            let tls = tls_source(ingress, &host);
            let is_named = given.is_some();
            claims.push(Claim { ingress: name.clone(), host: host.clone(), is_named, tls, paths: Vec::new() });
            claims.len() - 1
        });
        for path in http.paths.iter().map(path_rule) {
            // The same path twice in one Ingress: the first counts.
            if !claims[at].paths.iter().any(|there| there.path == path.path && there.is_exact == path.is_exact) {
                claims[at].paths.push(path);
            }
        }
    }
    claims.retain(|claim| !claim.paths.is_empty());
    if claims.is_empty() && admission.left_out.is_empty() {
        admission.left_out.push(LeftOut::whole(source(), Reason::NoRule));
    }
    admission.claims = claims.into_iter().map(Arc::new).collect();
}

/// The host of a rule in lower case, or one made from the name of the Ingress.
fn host(given: Option<&str>, name: &NamespacedName, site: &Site) -> Result<String, Reason> {
    let text = match given {
        Some(host) => host.to_owned(),
        None => {
            let domain = site.settings.sub_domain(&site.cloud).ok_or(Reason::NoDomain)?;
            format!("{}.{}.{domain}", name.name, name.namespace)
        }
    };
    let (wildcard, rest) = text.strip_prefix("*.").map_or(("", text.as_str()), |rest| ("*.", rest));
    let is_host = |host: &DomainName| !host.as_str().contains(['/', '*', ':']) && host.as_str() == rest.to_lowercase();
    let parsed = DomainName::parse(rest).ok().filter(is_host).ok_or_else(|| Reason::InvalidHost(text.clone()))?;
    if !site.cloud.serves(parsed.as_str()) {
        return Err(Reason::OutsideDomains(format!("{wildcard}{parsed}")));
    }
    Ok(format!("{wildcard}{parsed}"))
}

fn tls_hosts(entry: &IngressTLS) -> &[String] {
    entry.hosts.as_deref().unwrap_or_default()
}

/// `spec.tls` for the host, else the annotation (ako 5.1). An entry without hosts is for all.
pub(crate) fn tls_source(ingress: &Ingress, host: &str) -> Option<TlsSource> {
    let entries = || ingress.spec.iter().filter_map(|spec| spec.tls.as_ref()).flatten();
    let exact = entries().find(|entry| tls_hosts(entry).iter().any(|of| of.eq_ignore_ascii_case(host)));
    match exact.or_else(|| entries().find(|entry| tls_hosts(entry).is_empty())) {
        Some(entry) => Some(TlsSource::Secret(entry.secret_name.clone().unwrap_or_default())),
        None => (annotation(&ingress.metadata, ENABLE_TLS) == Some("true")).then_some(TlsSource::Default),
    }
}

fn path_rule(path: &HTTPIngressPath) -> PathRule {
    PathRule {
        path: path.path.clone().unwrap_or_default(),
        is_exact: path.path_type == "Exact",
        backend: backend(&path.backend),
    }
}

/// Without a port it is 80 (ako 4.7).
fn backend(backend: &IngressBackend) -> Option<Backend> {
    const DEFAULT_PORT: i32 = 80;
    let service = backend.service.as_ref()?;
    let port = service.port.as_ref();
    let name = port.and_then(|port| port.name.clone()).filter(|name| !name.is_empty());
    let port = match name {
        Some(name) => BackendPort::Name(name),
        None => BackendPort::Number(port.and_then(|port| port.number).unwrap_or(DEFAULT_PORT)),
    };
    Some(Backend { service: service.name.clone(), port })
}

/// What orders Ingresses: the older first, then by UID (ako 1.5), then by name.
pub(crate) fn age(metadata: &ObjectMeta) -> (bool, Option<jiff::Timestamp>, &str) {
    let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created.is_none(), created, metadata.uid.as_deref().unwrap_or_default())
}
