//! Which objects become members (amko 3.3, 3.7, 5.9), and why each other one does not.

mod ingress;
mod listing;
mod multi_cluster_ingress;
mod route;
mod service;

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_crds::Kind;

use crate::host_names::HostNames;
use crate::source::{Marks, Source};
use crate::{Config, Index, MemberKind, NameBook, ObjectRef, Policy, Requirement};
pub(crate) use ingress::part as ingress_part;
pub use listing::records_of;
pub(crate) use service::part as service_part;

/// What is selected, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Members-to-be, in the order in which services list them.
    pub accepted: Vec<Candidate>,
    /// Everything else of the kinds that can become members.
    pub rejected: Vec<Rejected>,
}

/// One record: an object, and one host of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it comes from.
    pub object: ObjectRef,
    /// Name of the GSLB service: the host, or in custom mode the global name of it.
    pub host: String,
    /// Virtual address.
    pub address: IpAddr,
    /// Tenant of the GSLB service.
    pub tenant: String,
    /// What can be probed.
    pub traffic: Traffic,
    /// Avi identifiers of the virtual service; `None` when the object does not carry both.
    pub identifiers: Option<Identifiers>,
    /// Whether it stands for something that cannot be read at present, as the controller has it.
    pub is_held: bool,
}

/// What can be probed at a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traffic {
    /// HTTP paths.
    Paths {
        /// Paths, in order of appearance; never empty.
        paths: Vec<String>,
        /// Whether they are served by TLS.
        tls: bool,
    },
    /// One port.
    Port {
        /// Port.
        port: u16,
        /// Protocol.
        protocol: Protocol,
    },
    /// TLS that ends behind the virtual service; port 443 is what all of these have.
    Passthrough,
}

/// Transport protocol of a Service port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Avi identifiers of a virtual service (amko 3.7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifiers {
    /// UUID of the virtual service.
    pub vs_uuid: String,
    /// UUID of the Avi cluster that owns it.
    pub cluster_uuid: String,
}

/// An object that does not become a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which; without a host when it concerns all of them.
    pub object: ObjectRef,
    /// Why.
    pub reason: Reason,
}

/// Why an object does not become a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No policy is in force.
    #[error("there is no GlobalDeploymentPolicy")]
    NoPolicy,
    /// The policy has no usable selector.
    #[error(
        "the policy has no appSelector and no namespaceSelector that counts: one label, matchLabels or matchExpressions"
    )]
    NoSelector,
    /// The cluster is not in `matchClusters`.
    #[error("cluster {0} is not in matchClusters")]
    ClusterNotSelected(String),
    /// This of `appSelector` does not hold of the object.
    #[error("it {}", .0.lack())]
    LabelMissing(Requirement),
    /// This of `namespaceSelector` does not hold of the namespace.
    #[error("its namespace {}", .0.lack())]
    NamespaceLabelMissing(Requirement),
    /// Not a Service of type LoadBalancer.
    #[error("it is not of type LoadBalancer")]
    NotLoadBalancer,
    /// A Service without ports.
    #[error("it has no port")]
    NoPort,
    /// Nothing in `status.loadBalancer`.
    #[error("its status has no load balancer entry yet")]
    NoStatus,
    /// No usable address in the status entry.
    #[error("its status has no valid address")]
    NoAddress,
    /// No host name in the status entry.
    #[error("its status has no host name")]
    NoHost,
    /// The host stands for many names (amko 12 line 31).
    #[error("host {0} is a wildcard, which no GSLB service stands for; name each host")]
    WildcardHost(String),
    /// The host of the status entry is in no rule.
    #[error("host {0} of its status is in none of its rules")]
    HostNotInRules(String),
    /// A Route of which no AKO says anything.
    #[error("its status has no entry of AKO for host {0}")]
    NoEntryOfAko(String),
    /// A Route with a sub-domain, and a policy without a domain.
    #[error("it has the subdomain {0} only, and the policy has no defaultDomain")]
    NoDefaultDomain(String),
    /// OpenShift makes a Route of each Ingress, and AKO serves that one.
    #[error("its cluster serves Routes, which are read in place of Ingresses")]
    RoutesInstead,
    /// Custom mode: no rule is about the host.
    #[error("no HostRule of its cluster gives host {0} a global name")]
    NoHostRule(String),
    /// Custom mode: AKO does not have the rule in force.
    #[error("HostRule {rule} is not in force: {status}")]
    HostRuleNotAccepted {
        /// `namespace/name`.
        rule: String,
        /// What AKO says of it.
        status: String,
    },
    /// Custom mode: the rule says nothing of a global name.
    #[error("HostRule {0} has no gslb.fqdn")]
    NoGlobalName(String),
    /// Custom mode: what ends behind the virtual service cannot have another name.
    #[error("it is passthrough, which has no custom global name")]
    Passthrough,
    /// Namespace and object name different tenants.
    #[error("its namespace is annotated with tenant {namespace}, it itself is in tenant {object}")]
    TenantsDisagree {
        /// Tenant of the namespace.
        namespace: String,
        /// Tenant of the object.
        object: String,
    },
    /// Avi identifiers are missing, and the service has members that carry them.
    #[error("it does not carry the virtual service and cluster UUIDs, and its cluster is not syncVipOnly")]
    NoIdentifiers,
}

impl Reason {
    /// Whether the policy selects the object and something in the object itself is amiss, so that its owner waits for
    /// a service that does not come. A Service of another type is meant for its cluster alone.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        match self {
            Self::NoPort
            | Self::NoStatus
            | Self::NoAddress
            | Self::NoHost
            | Self::HostNotInRules(_)
            | Self::WildcardHost(_)
            | Self::NoEntryOfAko(_)
            | Self::NoDefaultDomain(_)
            | Self::NoHostRule(_)
            | Self::HostRuleNotAccepted { .. }
            | Self::NoGlobalName(_)
            | Self::Passthrough
            | Self::TenantsDisagree { .. }
            | Self::NoIdentifiers => true,
            Self::NoPolicy
            | Self::NoSelector
            | Self::ClusterNotSelected(_)
            | Self::LabelMissing(_)
            | Self::NamespaceLabelMissing(_)
            | Self::RoutesInstead
            | Self::NotLoadBalancer => false,
        }
    }
}

/// A record of an object, or why there is none.
type Record = Result<Candidate, Box<Rejected>>;

const TENANT_ANNOTATION: &str = "ako.vmware.com/tenant-name";
const VS_UUID_MAP_ANNOTATION: &str = "ako.vmware.com/host-fqdn-vs-uuid-map";
const PASSTHROUGH_ANNOTATION: &str = "passthrough.ako.vmware.com/enabled";
const CLUSTER_UUID_ANNOTATION: &str = "ako.vmware.com/controller-cluster-uuid";

/// All that are read of Ingresses and Services.
pub(crate) const READ_ANNOTATIONS: [&str; 5] = [
    TENANT_ANNOTATION,
    VS_UUID_MAP_ANNOTATION,
    PASSTHROUGH_ANNOTATION,
    CLUSTER_UUID_ANNOTATION,
    ingress::ENABLE_TLS_ANNOTATION,
];

/// Applies a policy to all objects. `placed` tells in which tenant an object's membership is at present, so that it
/// stays there while namespace and object disagree about the tenant.
pub(crate) fn select(
    index: &Index,
    config: &Config,
    policy: Option<&Policy>,
    placed: &BTreeMap<ObjectRef, String>,
    book: &NameBook,
) -> Selection {
    let mut selection = Selection::default();
    for cluster in &config.clusters {
        let Some(objects) = index.cluster(cluster) else { continue };
        let names = HostNames::of(objects);
        let kept = |object: &ObjectRef| book.service_of(index, object).map(str::to_owned);
        let has_routes = objects.serves(Kind::Route);
        for (key, object) in objects.sources() {
            let whole = object.whole(cluster, key);
            match check_policy(index, policy, &whole, object.marks()) {
                Err(reason) => selection.rejected.push(Rejected { object: whole, reason }),
                Ok(()) if has_routes && whole.kind == MemberKind::Ingress => {
                    selection.rejected.push(Rejected { object: whole, reason: Reason::RoutesInstead });
                }
                Ok(()) => {
                    for record in records(&whole, object, policy) {
                        let record = record
                            .and_then(|r| name(r, &names, config, object.marks(), &kept))
                            .and_then(|r| place(r, index, config, object.marks(), placed));
                        match record {
                            Ok(candidate) => selection.accepted.push(candidate),
                            Err(rejected) => selection.rejected.push(*rejected),
                        }
                    }
                }
            }
        }
    }
    selection
}

/// Sorts as services list their members: cluster in the order of the config, then namespace, name, kind and host.
pub(crate) fn sort(candidates: &mut [Candidate], config: &Config) {
    let position = |cluster: &str| config.clusters.iter().position(|c| c == cluster);
    candidates.sort_by(|a, b| {
        position(&a.object.cluster).cmp(&position(&b.object.cluster)).then_with(|| a.object.cmp(&b.object))
    });
}

/// Addresses in the status of an object, for any host.
pub(crate) fn addresses(index: &Index, object: &ObjectRef, policy: Option<&Policy>) -> Vec<IpAddr> {
    let Some(cluster) = index.cluster(&object.cluster) else { return vec![] };
    let whole = object.with_host(None);
    let found = object.key().and_then(|key| cluster.source(&key));
    let records = found.map(|object| records(&whole, object, policy)).unwrap_or_default();
    records.into_iter().flatten().map(|candidate| candidate.address).collect()
}

/// Tenant that a namespace is annotated with.
pub(crate) fn namespace_tenant(index: &Index, cluster: &str, namespace: &str) -> Option<String> {
    let namespace = Marks::Whole(&index.namespace(cluster, namespace)?.metadata);
    namespace.annotation(TENANT_ANNOTATION).map(str::to_owned)
}

fn check_policy(index: &Index, policy: Option<&Policy>, object: &ObjectRef, marks: Marks<'_>) -> Result<(), Reason> {
    let policy = policy.ok_or(Reason::NoPolicy)?;
    if policy.selects_nothing() {
        return Err(Reason::NoSelector);
    }
    if !policy.clusters.contains_key(&object.cluster) {
        return Err(Reason::ClusterNotSelected(object.cluster.clone()));
    }
    if let Some(selector) = &policy.namespace_selector {
        // Of a namespace that is not known yet nothing holds, not even that a label is absent.
        let unmet = match index.namespace(&object.cluster, &object.namespace) {
            Some(namespace) => selector.unmet(namespace.metadata.labels.as_ref()),
            None => selector.requirements().first(),
        };
        if let Some(unmet) = unmet {
            return Err(Reason::NamespaceLabelMissing(unmet.clone()));
        }
    }
    match policy.app_selector.as_ref().and_then(|selector| selector.unmet_of(&|key| marks.label(key))) {
        Some(unmet) => Err(Reason::LabelMissing(unmet.clone())),
        None => Ok(()),
    }
}

/// Records of an object of a kind that can become a member.
fn records(whole: &ObjectRef, object: Source<'_>, policy: Option<&Policy>) -> Vec<Record> {
    match object {
        Source::Ingress(ingress) => ingress::records(whole, ingress),
        Source::Service(service) => service::records(whole, service),
        Source::MultiClusterIngress(ingress) => multi_cluster_ingress::records(whole, ingress),
        Source::Route(route) => {
            route::records(whole, route, policy.and_then(|policy| policy.default_domain.as_deref()))
        }
    }
}

/// Settles what the rules of the cluster say about the host: a certificate, and in custom mode the global name
/// (amko 3.3 rule 5, 3.4, 4.2). Where no rule is about the host, the name is kept that the controller has, if any.
fn name(
    mut candidate: Candidate,
    names: &HostNames<'_>,
    config: &Config,
    marks: Marks<'_>,
    kept: &dyn Fn(&ObjectRef) -> Option<String>,
) -> Record {
    let local_host = candidate.host.clone();
    names.secure(&mut candidate, &local_host);
    if !config.use_custom_global_fqdn {
        return Ok(candidate);
    }
    let global_name = match is_passthrough(&candidate, marks) {
        true => Err(Reason::Passthrough),
        false => names.global_name(&local_host).map(str::to_owned).or_else(|reason| match reason {
            Reason::NoHostRule(_) => kept(&candidate.object).ok_or(reason),
            _ => Err(reason),
        }),
    };
    match global_name {
        Ok(global_name) => Ok(Candidate { host: global_name, ..candidate }),
        Err(reason) => Err(Box::new(Rejected { object: candidate.object, reason })),
    }
}

fn is_passthrough(candidate: &Candidate, marks: Marks<'_>) -> bool {
    let annotated = marks.annotation(PASSTHROUGH_ANNOTATION).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    candidate.traffic == Traffic::Passthrough || candidate.object.kind == MemberKind::Ingress && annotated
}

/// Settles the tenant (amko 5.9): the default one, unless namespace and object agree on another.
fn place(
    mut candidate: Candidate,
    index: &Index,
    config: &Config,
    marks: Marks<'_>,
    placed: &BTreeMap<ObjectRef, String>,
) -> Record {
    let told = std::mem::take(&mut candidate.tenant);
    let told = Some(told.as_str()).filter(|tenant| !tenant.is_empty());
    let object_tenant = told.or_else(|| marks.annotation(TENANT_ANNOTATION)).unwrap_or(&config.tenant);
    candidate.tenant = match namespace_tenant(index, &candidate.object.cluster, &candidate.object.namespace) {
        None => config.tenant.clone(),
        Some(tenant) if tenant == object_tenant => tenant,
        Some(tenant) => match placed.get(&candidate.object) {
            Some(placed) => placed.clone(),
            None => {
                let reason = Reason::TenantsDisagree { namespace: tenant, object: object_tenant.to_owned() };
                return Err(Box::new(Rejected { object: candidate.object, reason }));
            }
        },
    };
    Ok(candidate)
}

/// A host name that stands for itself alone.
///
/// # Errors
/// There is none, or it is a wildcard.
fn single_host(host: Option<&str>) -> Result<&str, Reason> {
    match host.filter(|host| !host.is_empty()) {
        None => Err(Reason::NoHost),
        Some(host) if host.starts_with('*') => Err(Reason::WildcardHost(host.to_owned())),
        Some(host) => Ok(host),
    }
}

/// Identifiers that an object carries for a host; both or none.
fn identifiers(marks: Marks<'_>, host: &str) -> Option<Identifiers> {
    let map = marks.annotation(VS_UUID_MAP_ANNOTATION)?;
    identifiers_of(map, marks.annotation(CLUSTER_UUID_ANNOTATION)?, host)
}

/// The same, from what the annotations hold.
fn identifiers_of(map: &str, cluster_uuid: &str, host: &str) -> Option<Identifiers> {
    let map: BTreeMap<String, String> = serde_json::from_str(map).ok()?;
    let vs_uuid = map.get(host).filter(|uuid| !uuid.is_empty())?.clone();
    Some(Identifiers { vs_uuid, cluster_uuid: cluster_uuid.to_owned() }).filter(|it| !it.cluster_uuid.is_empty())
}
