//! The compiled form of a whole configuration.

use std::net::SocketAddr;
use std::sync::Arc;

use model::Version;
use model::http::{
    HeaderEdit, HttpConfig, LocalResponse, Redirect, RequestAction, SecurityAction, ServicePort, Target,
};
use rustc_hash::FxHashMap;

use crate::decide::RulePlace;
use crate::group::Group;
use crate::hosts::Hosts;
use crate::matching::Matcher;
use crate::pool::{Binding, Pool};

/// All that is needed to serve, at one version. A request takes one table and uses nothing else.
#[derive(Debug)]
pub struct Table {
    /// Version of the configuration it was compiled from.
    pub version: Version,
    /// Who answers at each address that is to be listened on.
    pub listeners: FxHashMap<SocketAddr, Listener>,
    /// Enabled virtual services, in the order of the configuration.
    pub services: Vec<Arc<Service>>,
    pools: FxHashMap<String, Arc<Pool>>,
    groups: FxHashMap<String, Arc<Group>>,
}

/// Who answers at an address.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The virtual service.
    pub service: Arc<Service>,
    /// The port of it.
    pub port: ServicePort,
}

/// A virtual service with its children.
#[derive(Debug)]
pub struct Service {
    /// What it was compiled from.
    pub source: Arc<model::http::VirtualService>,
    pub(crate) parent: VirtualHost,
    pub(crate) children: Box<[VirtualHost]>,
    pub(crate) hosts: Hosts,
    /// Every target named in it, and what that was bound to.
    bindings: Vec<(Target, Binding)>,
    problems: Vec<Problem>,
}

/// A virtual service, or a child, with its rules.
#[derive(Debug)]
pub struct VirtualHost {
    /// What it was compiled from.
    pub source: model::http::VirtualHost,
    pub(crate) security: Vec<Rule>,
    /// A list per policy set.
    pub(crate) request: Vec<Vec<Rule>>,
    pub(crate) target: Option<Binding>,
    pub(crate) to_https: Redirect,
}

/// A rule, and what it does at last.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) matcher: Matcher,
    pub(crate) edits: Vec<HeaderEdit>,
    /// `None` goes on with what comes next.
    pub(crate) action: Option<Action>,
}

#[derive(Debug)]
pub(crate) enum Action {
    Close,
    Respond(LocalResponse),
    Redirect(Redirect),
    Forward(Binding),
}

/// Something of a configuration that cannot be used. All else is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Uuid of the virtual service, child or pool group.
    pub object: String,
    /// Its name.
    pub name: String,
    /// What is wrong, and what happens therefore.
    pub text: String,
}

impl Table {
    /// A table without anything.
    #[must_use]
    pub fn empty(version: Version) -> Self {
        Self {
            version,
            listeners: FxHashMap::default(),
            services: vec![],
            pools: FxHashMap::default(),
            groups: FxHashMap::default(),
        }
    }

    /// Compiles `config`. Parts that are as in `previous` are shared with it, counters and cursors live on.
    #[must_use]
    pub fn compile(config: &HttpConfig, previous: Option<&Self>) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut table = Self::empty(config.version.clone());
        table.pools = config.pools.iter().map(|pool| (pool.uuid.clone(), compile_pool(pool, previous))).collect();
        for source in &config.pool_groups {
            let group = compile_group(source, &table.pools, previous);
            for member in source.members.iter().filter(|member| !table.pools.contains_key(&member.pool)) {
                let text = format!("its member {} does not exist and gets nothing", member.pool);
                problems.push(Problem { object: source.uuid.clone(), name: source.name.clone(), text });
            }
            table.groups.insert(source.uuid.clone(), group);
        }
        let known: FxHashMap<&str, &Arc<Service>> = previous
            .iter()
            .flat_map(|table| &table.services)
            .map(|service| (service.source.host.uuid.as_str(), service))
            .collect();
        for source in config.services.iter().filter(|service| service.host.enabled) {
            let service = known
                .get(source.host.uuid.as_str())
                .filter(|service| is_same(&service.source, source) && service.is_bound_as_in(&table))
                .map_or_else(|| Arc::new(Service::compile(source, &table)), |&service| Arc::clone(service));
            problems.extend(service.problems.iter().cloned());
            table.listen(&service, &mut problems);
            table.services.push(service);
        }
        (table, problems)
    }

    /// A pool by uuid.
    #[must_use]
    pub fn pool(&self, uuid: &str) -> Option<&Arc<Pool>> {
        self.pools.get(uuid)
    }

    /// All pools.
    pub fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.pools.values()
    }

    fn bind(&self, target: &Target) -> Binding {
        match target {
            Target::Pool(uuid) => self.pools.get(uuid).cloned().map_or(Binding::Missing, Binding::Pool),
            Target::PoolGroup(uuid) => self.groups.get(uuid).cloned().map_or(Binding::Missing, Binding::Group),
        }
    }

    fn listen(&mut self, service: &Arc<Service>, problems: &mut Vec<Problem>) {
        for &address in &service.source.addresses {
            for &port in &service.source.ports {
                let address = SocketAddr::new(address, port.listen_port);
                if let Some(other) = self.listeners.get(&address) {
                    let text = format!(
                        "{address} belongs to virtual service {} already and stays with it",
                        other.service.source.host.name
                    );
                    problems.push(service.parent.problem(text));
                    continue;
                }
                self.listeners.insert(address, Listener { service: Arc::clone(service), port });
            }
        }
    }
}

impl Service {
    fn compile(source: &Arc<model::http::VirtualService>, table: &Table) -> Self {
        let mut build = Build { table, bindings: Vec::new(), problems: Vec::new() };
        let parent = build.host(&source.host);
        let enabled = || source.children.iter().filter(|child| child.host.enabled);
        let children = enabled().map(|child| build.host(&child.host)).collect();
        let hosts = Hosts::compile(enabled().map(Arc::as_ref), |child, text| build.problem(&child.host, text));
        let Build { bindings, problems, .. } = build;
        Self { source: Arc::clone(source), parent, children, hosts, bindings, problems }
    }

    /// An enabled child by its place, or the virtual service itself.
    #[must_use]
    pub fn host(&self, child: Option<usize>) -> Option<&VirtualHost> {
        child.map_or(Some(&self.parent), |child| self.children.get(child))
    }

    fn is_bound_as_in(&self, table: &Table) -> bool {
        self.bindings.iter().all(|(target, binding)| table.bind(target).is_same(binding))
    }
}

impl VirtualHost {
    /// Name of one of its rules.
    #[must_use]
    pub fn rule_name(&self, place: RulePlace) -> Option<&str> {
        let rule = match place {
            RulePlace::Security(rule) => self.security.get(rule),
            RulePlace::Request(set, rule) => self.request.get(set)?.get(rule),
        };
        rule.map(|rule| rule.name.as_str())
    }

    fn problem(&self, text: String) -> Problem {
        Problem { object: self.source.uuid.clone(), name: self.source.name.clone(), text }
    }
}

/// Compiles one service, and remembers what it depends on.
struct Build<'t> {
    table: &'t Table,
    bindings: Vec<(Target, Binding)>,
    problems: Vec<Problem>,
}

impl Build<'_> {
    fn host(&mut self, source: &model::http::VirtualHost) -> VirtualHost {
        let rules: Vec<_> = source.policies.iter().flat_map(|set| &set.security).collect();
        let last_denial = rules.iter().rposition(|rule| rule.action != SecurityAction::Allow);
        let security = (0..)
            .zip(rules)
            .filter_map(|(place, rule)| self.security_rule(source, rule, Some(place) <= last_denial))
            .collect();
        let mut request = Vec::new();
        for set in &source.policies {
            request.push(set.request.iter().filter_map(|rule| self.request_rule(source, rule)).collect());
        }
        let target = source.target.as_ref().map(|target| self.bind(source, target));
        VirtualHost { source: source.clone(), security, request, target, to_https: Redirect::to_https(443) }
    }

    /// A rule that protects (it, or one after it, denies) is never left out: where it cannot be used, nothing passes it.
    fn security_rule(
        &mut self,
        host: &model::http::VirtualHost,
        rule: &model::http::SecurityRule,
        protects: bool,
    ) -> Option<Rule> {
        let action = match &rule.action {
            SecurityAction::Allow => None,
            SecurityAction::CloseConnection => Some(Action::Close),
            SecurityAction::Respond(response) => Some(Action::Respond(response.clone())),
            SecurityAction::RedirectToHttps { port } => Some(Action::Redirect(Redirect::to_https(*port))),
        };
        let name = rule.name.clone();
        if !protects {
            let matcher = self.matcher(host, &name, &rule.matches)?;
            return Some(Rule { name, matcher, edits: vec![], action });
        }
        let (matcher, action) = match Matcher::compile(&rule.matches) {
            Ok(matcher) => (matcher, action),
            Err(reason) => {
                let text = format!(
                    "security rule `{name}` cannot be used: {reason}; requests that reach it get 503: change the rule, or \
                     switch it off"
                );
                self.problem(host, text);
                (Matcher::any(), Some(Action::Respond(LocalResponse { status: 503, file: None })))
            }
        };
        Some(Rule { name, matcher, edits: vec![], action })
    }

    fn request_rule(&mut self, host: &model::http::VirtualHost, rule: &model::http::RequestRule) -> Option<Rule> {
        let matcher = self.matcher(host, &rule.name, &rule.matches)?;
        let action = rule.action.as_ref().map(|action| match action {
            RequestAction::Redirect(redirect) => Action::Redirect(redirect.clone()),
            RequestAction::Respond(response) => Action::Respond(response.clone()),
            RequestAction::Select(target) => Action::Forward(self.bind(host, target)),
        });
        Some(Rule { name: rule.name.clone(), matcher, edits: rule.header_edits.clone(), action })
    }

    fn matcher(
        &mut self,
        host: &model::http::VirtualHost,
        rule: &str,
        source: &model::http::RequestMatch,
    ) -> Option<Matcher> {
        Matcher::compile(source)
            .map_err(|reason| self.problem(host, format!("rule `{rule}` is left out: {reason}")))
            .ok()
    }

    fn bind(&mut self, host: &model::http::VirtualHost, target: &Target) -> Binding {
        let binding = self.table.bind(target);
        if matches!(binding, Binding::Missing) {
            let (Target::Pool(uuid) | Target::PoolGroup(uuid)) = target;
            self.problem(host, format!("{uuid} does not exist: its requests get 503"));
        }
        self.bindings.push((target.clone(), binding.clone()));
        binding
    }

    fn problem(&mut self, host: &model::http::VirtualHost, text: String) {
        self.problems.push(Problem { object: host.uuid.clone(), name: host.name.clone(), text });
    }
}

fn compile_pool(source: &Arc<model::http::Pool>, previous: Option<&Table>) -> Arc<Pool> {
    let before = previous.and_then(|table| table.pools.get(&source.uuid));
    match before {
        Some(pool) if is_same(&pool.source, source) => Arc::clone(pool),
        _ => Arc::new(Pool::compile(source, before.map(Arc::as_ref))),
    }
}

fn compile_group(
    source: &Arc<model::http::PoolGroup>,
    pools: &FxHashMap<String, Arc<Pool>>,
    previous: Option<&Table>,
) -> Arc<Group> {
    let before = previous.and_then(|table| table.groups.get(&source.uuid));
    match before {
        Some(group) if is_same(&group.source, source) && group.has_pools_of(|uuid| pools.get(uuid)) => {
            Arc::clone(group)
        }
        _ => Arc::new(Group::compile(source, before.map(Arc::as_ref), |uuid| pools.get(uuid))),
    }
}

fn is_same<T: PartialEq>(one: &Arc<T>, other: &Arc<T>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}
