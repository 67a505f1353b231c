//! What a running operator sees and serves, as a document.

use std::collections::BTreeMap;

use amko_translate::{GslbService, MemberKind};
use serde::{Deserialize, Serialize};

use crate::api::Picture;
use crate::clusters::Reach;
use crate::plan::ClusterLine;

/// How the operator itself is, beside what it decided.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    pub(crate) controller: ControllerLine,
    pub(crate) is_synced: bool,
    /// Clusters in use, and whether all of each can be read.
    pub(crate) readable: BTreeMap<String, bool>,
    pub(crate) reach: BTreeMap<String, Reach>,
    /// Services that could not be written, `tenant/name`, with the reason.
    pub(crate) failing: Vec<(String, String)>,
}

/// What a running operator sees and serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusDocument {
    /// The controller.
    pub controller: ControllerLine,
    /// Name of the `GSLBConfig` in force; `None`: nothing is written.
    pub gslb_config: Option<String>,
    /// Name of the `GlobalDeploymentPolicy` in force.
    pub policy: Option<String>,
    /// What that selects: `objects with app=gslb`, `namespaces with team in (a,b)`.
    #[serde(default)]
    pub selects: Vec<String>,
    /// Whether the controller holds what it should, as far as it lets us.
    pub is_synced: bool,
    /// The clusters, and how they can be reached.
    pub clusters: Vec<ClusterLine>,
    /// GSLB services that should be there, by tenant and name.
    pub services: Vec<ServiceLine>,
    /// Objects that make no member.
    pub left_out: Vec<LeftOut>,
}

/// A controller, and whether it can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerLine {
    /// Address in use.
    pub address: String,
    /// Site that it belongs to, where it is not the configured one: the one that leads.
    pub site: Option<String>,
    /// Whether it can be used.
    pub is_usable: bool,
    /// Why not.
    pub trouble: Option<String>,
}

/// A GSLB service that should be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLine {
    /// Tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
    /// Names it answers for.
    pub domain_names: Vec<String>,
    /// Members, those of the highest priority first.
    pub members: Vec<MemberLine>,
    /// Why it could not be written.
    pub trouble: Option<String>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberLine {
    /// Address.
    pub address: String,
    /// Cluster, or site of a third-party member.
    pub cluster: String,
    /// `Ingress default/hello`.
    pub object: String,
    /// Weight within its priority.
    pub ratio: u32,
    /// Priority; the highest with a member that is up answers.
    pub priority: u32,
    /// Whether it stays because its cluster cannot be read, as the controller has it.
    pub is_held: bool,
}

/// An object that makes no member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Cluster.
    pub cluster: String,
    /// `Ingress default/hello`.
    pub object: String,
    /// Its host, where it is that one alone.
    pub host: Option<String>,
    /// Why.
    pub reason: String,
    /// Whether the policy selects it, so that its owner waits for a service that does not come.
    pub is_selected: bool,
}

pub(crate) fn document(picture: &Picture) -> StatusDocument {
    let health = &picture.health;
    let selection = picture.outcome.as_ref().map(|outcome| &outcome.selection);
    let services = picture.outcome.iter().flat_map(|outcome| outcome.desired.services.values());
    let rejected = selection.iter().flat_map(|selection| &selection.rejected).map(|rejected| LeftOut {
        cluster: rejected.object.cluster.clone(),
        object: rejected.object.spoken(),
        host: rejected.object.host.clone(),
        reason: rejected.reason.to_string(),
        is_selected: rejected.reason.is_unusable(),
    });
    let policy = picture.outcome.as_ref().and_then(|outcome| outcome.policy.as_ref());
    let app = policy.and_then(|policy| policy.app_selector.as_ref()).map(|it| format!("objects with {it}"));
    let namespaces = policy.and_then(|policy| policy.namespace_selector.as_ref());
    let namespaces = namespaces.map(|it| format!("namespaces with {it}"));
    StatusDocument {
        controller: health.controller.clone(),
        gslb_config: picture.config.as_ref().map(|config| config.name.clone()),
        policy: policy.map(|policy| policy.name.clone()),
        selects: app.into_iter().chain(namespaces).collect(),
        is_synced: health.is_synced,
        clusters: clusters(picture),
        services: services.map(|wanted| service(wanted, picture)).collect(),
        left_out: rejected.collect(),
    }
}

fn service(wanted: &GslbService, picture: &Picture) -> ServiceLine {
    let accepted = picture.outcome.iter().flat_map(|outcome| &outcome.selection.accepted);
    let held: Vec<_> = accepted.filter(|candidate| candidate.is_held).map(|candidate| &candidate.object).collect();
    let members = wanted.members().map(|(priority, member)| MemberLine {
        address: member.address.to_string(),
        cluster: member.object.cluster.clone(),
        object: member.object.spoken(),
        ratio: member.ratio,
        priority,
        is_held: held.contains(&&member.object),
    });
    let full_name = format!("{}/{}", wanted.name.tenant, wanted.name.name);
    ServiceLine {
        tenant: wanted.name.tenant.clone(),
        name: wanted.name.name.clone(),
        domain_names: wanted.domain_names.clone(),
        members: members.collect(),
        trouble: picture.health.failing.iter().find(|(name, _)| *name == full_name).map(|(_, why)| why.clone()),
    }
}

/// In the order of the `GSLBConfig`; the leader at the end, where it is no member.
fn clusters(picture: &Picture) -> Vec<ClusterLine> {
    let health = &picture.health;
    let mut names: Vec<&str> =
        picture.config.iter().flat_map(|config| config.clusters.iter().map(String::as_str)).collect();
    let leader = picture.index.leader();
    if !names.contains(&leader) {
        names.push(leader);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let accepted = picture.outcome.iter().flat_map(|outcome| &outcome.selection.accepted);
    for candidate in accepted.filter(|candidate| candidate.object.kind != MemberKind::ThirdParty) {
        *counts.entry(&candidate.object.cluster).or_default() += 1;
    }
    let line = |cluster: &str| {
        let reach = health.reach.get(cluster);
        let mut problems: Vec<String> =
            reach.iter().flat_map(|reach| reach.problems.iter().map(ToString::to_string)).collect();
        if reach.is_some_and(|reach| reach.is_silent) {
            problems.push("its watch broke off, and is being taken up again".to_owned());
        }
        ClusterLine {
            cluster: cluster.to_owned(),
            is_readable: health.readable.get(cluster).copied().unwrap_or(false),
            problems,
            members: counts.get(cluster).copied().unwrap_or_default(),
        }
    };
    names.into_iter().map(line).collect()
}
