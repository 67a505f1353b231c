//! All that serves one host: child virtual service, policies, pool groups, pools, certificate (ako 5.4, 9.7).
//!
//! Choices where AKO's result is undefined (ako 13): of two Ingresses with the same host and path the older one serves it
//! (line 9); of two certificates for a host the older Ingress's is used (line 10).

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::backend::{self, Members};
use crate::desired::{
    HttpPolicySet, HttpRule, Object, ObjectKey, ObjectType, Pool, PoolGroup, Protocol, Role, Site, Spec, VirtualService,
};
use crate::ingress::{Backend, Claim, TlsSource};
use crate::left_out::{LeftOut, Reason};
use crate::name::{PathName, shard};
use crate::view::View;
use crate::{Markers, NamespacedName, ServiceMetadata, certificate};
use rules::{Rule, sets};

/// Share of a backend of an Ingress.
const RATIO: u32 = 100;

/// What serves a host.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HostUnit {
    /// Empty when nothing does.
    pub(crate) objects: Arc<Vec<Object>>,
    /// Names of its certificates, which the parent carries.
    pub(crate) certificates: Vec<String>,
    /// Whether one of them is the default certificate, which is not among its objects.
    pub(crate) uses_default_certificate: bool,
    /// Claims that have a path here.
    pub(crate) served: Vec<Arc<Claim>>,
    pub(crate) left_out: Vec<LeftOut>,
}

struct Builder<'a> {
    tenant: &'a str,
    host: &'a str,
    site: &'a Site,
    objects: Vec<Object>,
    rules: Vec<Rule>,
    /// Who made the pool group of a name: Ingress, path, backend.
    groups: BTreeMap<String, (NamespacedName, String, Backend)>,
    unit: HostUnit,
}

/// Builds what serves a host. `claims` are of this host, the oldest first.
pub(crate) fn build(view: &mut View<'_>, tenant: &str, host: &str, claims: &[Arc<Claim>], site: &Site) -> HostUnit {
    let mut builder = Builder {
        tenant,
        host,
        site,
        objects: Vec::new(),
        rules: Vec::new(),
        groups: BTreeMap::new(),
        unit: HostUnit::default(),
    };
    let claims = builder.certificates(view, claims);
    for claim in claims {
        builder.paths(view, claim);
    }
    builder.finish()
}

impl Builder<'_> {
    /// Settles the certificate; a claim whose own is not there is left out (ako 5.1).
    fn certificates<'c>(&mut self, view: &mut View<'_>, claims: &'c [Arc<Claim>]) -> Vec<&'c Arc<Claim>> {
        let mut first: Option<(NamespacedName, NamespacedName)> = None;
        let mut usable = Vec::new();
        for claim in claims {
            let Some(source) = &claim.tls else {
                usable.push(claim);
                continue;
            };
            let secret = match source {
                TlsSource::Secret(name) => NamespacedName::new(claim.ingress.namespace.clone(), name.clone()),
                TlsSource::Default => certificate::default_secret(self.site),
            };
            if secret.name.is_empty() {
                self.leave_out(claim, Reason::NoSecretName(self.host.to_owned()));
                continue;
            }
            let pair = match certificate::read(view, &secret) {
                Ok(pair) => pair,
                Err(reason) => {
                    self.leave_out(claim, reason);
                    continue;
                }
            };
            usable.push(claim);
            match &first {
                Some((used, _)) if *used == secret => {}
                Some((_, ingress)) => {
                    let reason = Reason::OtherCertificate(ingress.clone());
                    self.unit.left_out.push(LeftOut::host(&claim.ingress, self.host, reason));
                }
                None => {
                    first = Some((secret, claim.ingress.clone()));
                    self.take_certificate(&pair, *source == TlsSource::Default);
                }
            }
        }
        usable
    }

    fn take_certificate(&mut self, pair: &certificate::Pair, is_default: bool) {
        let names = &self.site.names;
        let names = if is_default {
            [names.default_certificate(false), names.default_certificate(true)]
        } else {
            [names.host(self.host), names.alternate_certificate(self.host)]
        };
        let count = if pair.alternate.is_some() { 2 } else { 1 };
        self.unit.certificates = names.iter().take(count).cloned().collect();
        self.unit.uses_default_certificate = is_default;
        if !is_default {
            let markers = Markers { hosts: vec![self.host.to_owned()], ..Markers::default() };
            self.objects.extend(certificate::objects(pair, self.tenant, names, &markers));
        }
    }

    fn paths(&mut self, view: &mut View<'_>, claim: &Arc<Claim>) {
        let before = self.rules.len();
        for path in &claim.paths {
            let Some(backend) = &path.backend else {
                self.leave_path_out(claim, &path.path, Reason::BackendNotService);
                continue;
            };
            let same = |rule: &&Rule| rule.path == path.path && rule.is_exact == path.is_exact;
            if let Some(older) = self.rules.iter().find(same) {
                let reason = Reason::DuplicatePath(older.ingress.clone());
                self.leave_path_out(claim, &path.path, reason);
                continue;
            }
            match self.pool_group(view, claim, &path.path, backend) {
                Ok(pool_group) => self.rules.push(Rule {
                    ingress: claim.ingress.clone(),
                    path: path.path.clone(),
                    is_exact: path.is_exact,
                    pool_group,
                }),
                Err(reason) => self.leave_path_out(claim, &path.path, reason),
            }
        }
        if self.rules.len() > before {
            self.unit.served.push(Arc::clone(claim));
        }
    }

    /// Makes pool group and pool of a path; gives the group's name.
    fn pool_group(
        &mut self,
        view: &mut View<'_>,
        claim: &Claim,
        path: &str,
        backend: &Backend,
    ) -> Result<String, Reason> {
        let of = PathName { ingress: &claim.ingress, host: self.host, path };
        let name = self.site.names.pool_group(of);
        if let Some((ingress, taken, by)) = self.groups.get(&name) {
            // An exact path and a prefix with the same backend share their group.
            return if *ingress == claim.ingress && taken == path && by == backend {
                Ok(name)
            } else {
                Err(Reason::NameTaken { path: taken.clone(), ingress: ingress.clone() })
            };
        }
        self.groups.insert(name.clone(), (claim.ingress.clone(), path.to_owned(), backend.clone()));
        let service = NamespacedName::new(claim.ingress.namespace.clone(), backend.service.clone());
        let Members { servers, default_port, problem } = backend::members(view, &service, &backend.port, self.site);
        if let Some(problem) = problem {
            self.leave_path_out(claim, path, problem);
        }
        let group_markers = Markers {
            namespace: Some(claim.ingress.namespace.clone()),
            hosts: vec![self.host.to_owned()],
            paths: Some(path.to_owned()).filter(|path| !path.is_empty()).into_iter().collect(),
            ingresses: vec![claim.ingress.name.clone()],
            ..Markers::default()
        };
        let pool = self.site.names.pool(of, &backend.service);
        let metadata = ServiceMetadata {
            ingress: Some(claim.ingress.clone()),
            hosts: vec![self.host.to_owned()],
            ..ServiceMetadata::default()
        };
        let pool_markers = Markers { service: Some(backend.service.clone()), ..group_markers.clone() };
        let spec = Spec::Pool(Pool { default_port, protocol: Protocol::Tcp, servers, metadata });
        self.add(ObjectType::Pool, pool.clone(), pool_markers, spec);
        let spec = Spec::PoolGroup(PoolGroup { members: vec![(pool, RATIO)] });
        self.add(ObjectType::PoolGroup, name.clone(), group_markers, spec);
        Ok(name)
    }

    fn finish(mut self) -> HostUnit {
        if self.rules.is_empty() {
            return HostUnit { left_out: self.unit.left_out, ..HostUnit::default() };
        }
        let name = self.site.names.host(self.host);
        let namespace = self.rules[0].ingress.namespace.clone();
        let host = vec![self.host.to_owned()];
        let markers = Markers { namespace: Some(namespace), hosts: host.clone(), ..Markers::default() };
        let mut policies = Vec::new();
        if !self.unit.certificates.is_empty() {
            policies.push(name.clone());
            let rules = vec![HttpRule::RedirectToHttps { host: self.host.to_owned() }];
            let spec = Spec::HttpPolicySet(HttpPolicySet { rules });
            self.add(ObjectType::HttpPolicySet, name.clone(), markers.clone(), spec);
        }
        for set in sets(&self.rules) {
            let name = self.site.names.switching_policy(&set.namespace, self.host);
            let markers = Markers {
                namespace: Some(set.namespace),
                hosts: host.clone(),
                paths: set.paths,
                ingresses: set.ingresses,
                ..Markers::default()
            };
            policies.push(name.clone());
            let spec = Spec::HttpPolicySet(HttpPolicySet { rules: set.rules });
            self.add(ObjectType::HttpPolicySet, name, markers, spec);
        }
        let mut ingresses: Vec<_> = self.unit.served.iter().map(|claim| claim.ingress.clone()).collect();
        ingresses.sort_unstable();
        let metadata = ServiceMetadata {
            ingresses: ingresses.clone(),
            hosts: host,
            strict_hosts: Some(self.site.settings.strict_hosts),
            ingresses_by_host: [(self.host.to_owned(), ingresses)].into(),
            ..ServiceMetadata::default()
        };
        let parent = self.site.names.parent(shard(self.host, self.site.settings.shards));
        let role = Role::Child { parent, host: self.host.to_owned(), policies };
        let spec = Spec::VirtualService(VirtualService { role, metadata });
        self.add(ObjectType::ChildVirtualService, name, markers, spec);
        self.objects.sort_by(|a, b| a.key.cmp(&b.key));
        HostUnit { objects: Arc::new(self.objects), ..self.unit }
    }

    fn add(&mut self, kind: ObjectType, name: String, markers: Markers, spec: Spec) {
        self.objects.push(Object { key: ObjectKey { kind, tenant: self.tenant.to_owned(), name }, markers, spec });
    }

    fn leave_out(&mut self, claim: &Claim, reason: Reason) {
        self.unit.left_out.push(LeftOut::host(&claim.ingress, self.host, reason));
    }

    fn leave_path_out(&mut self, claim: &Claim, path: &str, reason: Reason) {
        self.unit.left_out.push(LeftOut::path(&claim.ingress, self.host, path, reason));
    }
}
