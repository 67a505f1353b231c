//! Objects and policy to services and monitors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::aliases::{self, Aliases};
use crate::desired::{
    Desired, GslbService, HealthMonitor, Member, MonitorRefs, ObjectName, Persistence, Pool, Probe, VsRef,
};
use crate::host_rule::{HostRule, effective};
use crate::selection::{self, Candidate, Protocol, Reason, Rejected, Selection, Traffic};
use crate::{
    Config, ControllerView, Identity, Index, MemberKind, MonitorPolicy, NameBook, ObjectParts, ObjectRef, Policy,
    monitor,
};

/// Port that is probed where TLS ends behind the virtual service (amko 3.5).
const PASSTHROUGH_PORT: u16 = 443;

/// All that the result depends on.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What the clusters last said.
    pub index: &'a Index,
    /// The `GSLBConfig` in force.
    pub config: &'a Config,
    /// The policy in force; `None` selects nothing.
    pub policy: Option<&'a Policy>,
    /// What the operator calls itself.
    pub identity: &'a Identity,
    /// What the controller holds.
    pub view: &'a ControllerView,
    /// Members that the controller has and whose object cannot be read at present, see [`hold`](crate::hold).
    pub held: &'a [Candidate],
    /// Tenant in which each object's membership is at present.
    pub placed: &'a BTreeMap<ObjectRef, String>,
    /// The rules in force.
    pub rules: &'a BTreeMap<ObjectName, HostRule>,
    /// Services of ours that the controller has and that a rule gives third-party members, with what their monitors
    /// probe: these stay when the last object behind them goes (amko 5.3 rule 4).
    pub standing: &'a BTreeMap<ObjectName, Traffic>,
    /// Who has which name at present.
    pub names: &'a NameBook,
}

/// What comes out; kept for the next time, to explain what changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What the controller should hold.
    pub desired: Desired,
    /// What was selected, and why the rest was not.
    pub selection: Arc<Selection>,
    /// Further names of the services, and claims that were refused.
    pub aliases: Aliases,
    /// The policy it was made with.
    pub policy: Option<Policy>,
    /// Member clusters of the `GSLBConfig` it was made with.
    pub clusters: Vec<String>,
    /// The rules it was made with.
    pub rules: BTreeMap<ObjectName, HostRule>,
}

/// Translates. The same inputs give the same result, in the same order.
#[must_use]
pub fn translate(inputs: Inputs<'_>) -> Outcome {
    let mut selection = selection::select(inputs.index, inputs.config, inputs.policy, inputs.placed, inputs.names);
    selection.accepted.extend(still_held(&inputs));
    selection::sort(&mut selection.accepted, inputs.config);
    let (mut desired, mut aliases) = (Desired::default(), Aliases::default());
    if let Some(policy) = inputs.policy {
        drop_unidentified(&mut selection, policy);
        let mut services = by_service(&selection.accepted);
        for name in inputs.standing.keys() {
            services.entry(name.clone()).or_default();
        }
        for (name, candidates) in services {
            let rule = inputs.rules.get(&name);
            let policy = effective(policy, rule);
            let traffics: Vec<&Traffic> = match inputs.standing.get(&name) {
                Some(traffic) if candidates.is_empty() => vec![traffic],
                _ => candidates.iter().map(|candidate| &candidate.traffic).collect(),
            };
            let pools = pools(&candidates, &policy, rule);
            if pools.is_empty() {
                continue;
            }
            let monitors = generated_monitors(&name, &traffics, &policy, inputs.identity);
            let service = service(&name, &candidates, (pools, &traffics), &monitors, &policy, &inputs);
            desired.monitors.extend(monitors.into_iter().map(|monitor| (monitor.name.clone(), monitor)));
            desired.services.insert(name, service);
        }
        let names = desired.services.keys().collect();
        aliases = aliases::settle(inputs.index, inputs.config, policy, &names, inputs.names);
        for (name, of_service) in &aliases.granted {
            if let Some(service) = desired.services.get_mut(name) {
                service.domain_names.extend(of_service.keys().cloned());
                service.domain_names.sort();
            }
        }
    }
    Outcome {
        desired,
        selection: Arc::new(selection),
        aliases,
        policy: inputs.policy.cloned(),
        clusters: inputs.config.clusters.clone(),
        rules: inputs.rules.clone(),
    }
}

impl Outcome {
    /// Tenant in which each object's membership is; the next translation's `placed`.
    #[must_use]
    pub fn placed(&self) -> BTreeMap<ObjectRef, String> {
        let accepted = self.selection.accepted.iter();
        accepted.map(|candidate| (candidate.object.clone(), candidate.tenant.clone())).collect()
    }
}

/// Held members whose cluster is still silent about them, and which the policy's clusters still cover.
fn still_held<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = Candidate> + 'a {
    inputs
        .held
        .iter()
        .filter(|candidate| {
            let cluster = &candidate.object.cluster;
            inputs.config.clusters.contains(cluster)
                && inputs
                    .policy
                    .is_some_and(|policy| !policy.selects_nothing() && policy.clusters.contains_key(cluster))
                && crate::held::is_unreadable(inputs.index, &candidate.object)
        })
        .cloned()
}

/// Objects without identifiers, in clusters that should have them, become members only where nothing else does, and
/// then the first alone (amko 3.7).
fn drop_unidentified(selection: &mut Selection, policy: &Policy) {
    let is_identified = |candidate: &Candidate| {
        candidate.is_held || candidate.identifiers.is_some() || is_vip_only(policy, &candidate.object.cluster)
    };
    let mut served: BTreeSet<(String, String)> = selection
        .accepted
        .iter()
        .filter(|candidate| is_identified(candidate))
        .map(|candidate| (candidate.tenant.clone(), candidate.host.clone()))
        .collect();
    let candidates = std::mem::take(&mut selection.accepted);
    selection.accepted.reserve_exact(candidates.len());
    for candidate in candidates {
        if is_identified(&candidate) || served.insert((candidate.tenant.clone(), candidate.host.clone())) {
            selection.accepted.push(candidate);
        } else {
            selection.rejected.push(Rejected { object: candidate.object, reason: Reason::NoIdentifiers });
        }
    }
}

fn is_vip_only(policy: &Policy, cluster: &str) -> bool {
    policy.clusters.get(cluster).copied().unwrap_or(false)
}

fn by_service(candidates: &[Candidate]) -> BTreeMap<ObjectName, Vec<&Candidate>> {
    let mut services: BTreeMap<ObjectName, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates {
        let name = ObjectName { tenant: candidate.tenant.clone(), name: candidate.host.clone() };
        services.entry(name).or_default().push(candidate);
    }
    services
}

fn service(
    name: &ObjectName,
    candidates: &[&Candidate],
    (pools, traffics): (Vec<Pool>, &[&Traffic]),
    monitors: &[HealthMonitor],
    policy: &Policy,
    inputs: &Inputs<'_>,
) -> GslbService {
    let has_tls = traffics.iter().any(|traffic| matches!(traffic, Traffic::Paths { tls: true, .. }));
    let persistence = policy.persistence.as_ref().filter(|_| has_tls).map(|profile| Persistence {
        profile: profile.clone(),
        pki_profile: policy
            .pki_profile
            .clone()
            .or_else(|| inputs.view.first_pki_profile(&name.tenant).map(str::to_owned)),
    });
    GslbService {
        name: name.clone(),
        domain_names: vec![name.name.clone()],
        objects: objects(candidates),
        created_by: inputs.identity.as_str().to_owned(),
        pools,
        monitors: match &policy.monitors {
            _ if policy.control_plane_only => MonitorRefs::None,
            MonitorPolicy::Refs(names) => MonitorRefs::Explicit(names.clone()),
            MonitorPolicy::Generated | MonitorPolicy::Template(_) => {
                MonitorRefs::Generated(monitors.iter().map(|monitor| monitor.name.name.clone()).collect())
            }
        },
        algorithm: policy.algorithm,
        ttl: policy.ttl,
        persistence,
        down_response: policy.down_response,
    }
}

/// Each object once, though a held one may stand for several members.
fn objects(candidates: &[&Candidate]) -> Vec<ObjectRef> {
    let mut objects: Vec<ObjectRef> = candidates.iter().map(|candidate| candidate.object.clone()).collect();
    objects.dedup();
    objects
}

/// Pools by priority, highest first; of members with the same address the first stays (amko 5.3 rule 2).
/// Members outside of clusters come last.
fn pools(candidates: &[&Candidate], policy: &Policy, rule: Option<&HostRule>) -> Vec<Pool> {
    let mut addresses = BTreeSet::new();
    let mut pools: BTreeMap<u32, Vec<Member>> = BTreeMap::new();
    for candidate in candidates {
        if !addresses.insert(candidate.address) {
            continue;
        }
        let cluster = &candidate.object.cluster;
        let split = policy.split_of(cluster);
        let vs = match &candidate.identifiers {
            _ if is_vip_only(policy, cluster) => None,
            Some(identifiers) => Some(VsRef::Known(identifiers.clone())),
            None => Some(VsRef::Missing),
        };
        pools.entry(split.priority).or_default().push(Member {
            address: candidate.address,
            ratio: split.ratio,
            vs,
            public_ip: rule.and_then(|rule| rule.public_ips.get(cluster).copied()),
            object: candidate.object.clone(),
        });
    }
    for (rule, party) in rule.into_iter().flat_map(|rule| rule.third_party.iter().map(move |party| (rule, party))) {
        if !addresses.insert(party.vip) {
            continue;
        }
        let split = rule.split_of_site(&party.site);
        pools.entry(split.priority).or_default().push(Member {
            address: party.vip,
            ratio: split.ratio,
            vs: None,
            public_ip: party.public_ip,
            object: ObjectRef::from(ObjectParts {
                cluster: party.site.clone(),
                namespace: String::new(),
                name: party.vip.to_string(),
                kind: MemberKind::ThirdParty,
                host: None,
            }),
        });
    }
    let exact = |mut members: Vec<Member>| {
        members.shrink_to_fit();
        members
    };
    pools.into_iter().rev().map(|(priority, members)| Pool { priority, members: exact(members) }).collect()
}

/// Monitors that are made for a service (amko 6.1): one per path when any member has paths, else one for a port.
fn generated_monitors(
    name: &ObjectName,
    traffics: &[&Traffic],
    policy: &Policy,
    identity: &Identity,
) -> Vec<HealthMonitor> {
    let template = match &policy.monitors {
        _ if policy.control_plane_only => return vec![],
        MonitorPolicy::Refs(_) => return vec![],
        MonitorPolicy::Generated => None,
        MonitorPolicy::Template(template) => Some(template),
    };
    let mut paths: Vec<&str> = Vec::new();
    let mut tls = false;
    let mut port: Option<(u16, Protocol)> = None;
    let mut is_passthrough = false;
    for traffic in traffics {
        match traffic {
            Traffic::Paths { paths: of_member, tls: is_tls } => {
                tls |= is_tls;
                for path in of_member {
                    if !paths.contains(&path.as_str()) {
                        paths.push(path);
                    }
                }
            }
            Traffic::Port { port: number, protocol } => {
                if port.is_none_or(|(smallest, _)| *number < smallest) {
                    port = Some((*number, *protocol));
                }
            }
            Traffic::Passthrough => is_passthrough = true,
        }
    }
    let build = |monitor_name: String, description: String, probe: Probe| HealthMonitor {
        name: ObjectName { tenant: name.tenant.clone(), name: monitor_name },
        service: name.name.clone(),
        description,
        created_by: identity.as_str().to_owned(),
        probe,
    };
    if paths.is_empty() && is_passthrough {
        return vec![shared_monitor(&name.tenant, identity)];
    }
    if let ([], Some((port, protocol))) = (&paths[..], port) {
        let description = monitor::non_path_description(&name.name);
        return vec![build(monitor::non_path_name(&name.name), description, Probe::Port { port, protocol })];
    }
    paths
        .into_iter()
        .map(|path| {
            let (request, response_codes) = match template {
                Some(t) => (format!("{} {path} {}", t.method, t.version), t.response_codes.clone()),
                None => (format!("HEAD {path} HTTP/1.0"), vec!["HTTP_2XX".to_owned(), "HTTP_3XX".to_owned()]),
            };
            let template_name = template.map(|template| template.name.as_str());
            build(
                monitor::path_name(tls, &name.name, path),
                monitor::path_description(tls, &name.name, path, template_name),
                Probe::Http { tls, request, response_codes },
            )
        })
        .collect()
}

/// The monitor that all passthrough services of a tenant share. It is in no service's care: it stays when they go
/// (amko 6.9).
fn shared_monitor(tenant: &str, identity: &Identity) -> HealthMonitor {
    let name = monitor::shared_name(identity);
    HealthMonitor {
        service: name.clone(),
        name: ObjectName { tenant: tenant.to_owned(), name },
        description: monitor::SHARED_DESCRIPTION.to_owned(),
        created_by: identity.as_str().to_owned(),
        probe: Probe::Port { port: PASSTHROUGH_PORT, protocol: Protocol::Tcp },
    }
}
