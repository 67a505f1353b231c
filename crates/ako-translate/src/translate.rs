//! Index to desired objects, making again only what changed.

mod collisions;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::certificate;
use crate::desired::{Desired, Object, Site, UnitName};
use crate::host::{self, HostUnit};
use crate::index::Index;
use crate::ingress::{self, Admission, Claim};
use crate::left_out::{LeftOut, Reason, Source};
use crate::metadata::Markers;
use crate::name::{NamespacedName, shard};
use crate::parent::{self, Shard};
use crate::routes::{self, Routes};
use crate::service::{self, ServiceUnit};
use crate::view::{Memo, View};
use collisions::Collisions;

/// Translates, and keeps what it made.
#[derive(Debug)]
pub struct Translator {
    site: Arc<Site>,
    admissions: Memo<NamespacedName, (), Admission>,
    hosts: Memo<HostName, Vec<Arc<Claim>>, HostUnit>,
    shards: Memo<(String, u32), Shard, Vec<Object>>,
    services: Memo<NamespacedName, (), ServiceUnit>,
    default_certificates: Memo<String, (), Vec<Object>>,
    routes: Memo<(), (), Routes>,
    collisions: Collisions,
}

/// Tenant and host.
type HostName = (String, String);

/// What comes out; kept for the next time, to explain what changed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the controller should hold.
    pub desired: Desired,
    /// Hosts of each Ingress that has any, ascending.
    pub ingresses: BTreeMap<NamespacedName, Vec<Served>>,
    /// Services of type LoadBalancer that have a virtual service.
    pub services: BTreeMap<NamespacedName, ServedService>,
    /// What is not translated as it says, and why; ascending.
    pub left_out: Vec<LeftOut>,
    /// What had to be made for it.
    pub work: Work,
}

/// A host of an Ingress that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Host.
    pub host: String,
    /// Whether the Ingress names it, without `*`: only then it is shown in its status.
    pub is_shown: bool,
    /// Tenant of its virtual service.
    pub tenant: String,
    /// Shard of its parent.
    pub shard: u32,
}

/// A Service that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedService {
    /// Tenant of its virtual service.
    pub tenant: String,
    /// Name of its virtual service and VsVip.
    pub name: String,
    /// Name that is registered for it.
    pub fqdn: Option<String>,
}

/// How many parts had to be made; the others were kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Ingresses read.
    pub ingresses: usize,
    /// Hosts built.
    pub hosts: usize,
    /// Parents built.
    pub shards: usize,
    /// Services looked at.
    pub services: usize,
}

impl Translator {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            site: Arc::new(site),
            admissions: Memo::new(),
            hosts: Memo::new(),
            shards: Memo::new(),
            services: Memo::new(),
            default_certificates: Memo::new(),
            routes: Memo::new(),
            collisions: Collisions::default(),
        }
    }

    /// Goes on with other settings or another cloud; if they differ, everything is made again.
    pub fn set_site(&mut self, site: Site) {
        if *self.site != site {
            *self = Self::new(site);
        }
    }

    /// Translates. The same index gives the same result, whatever was translated before.
    ///
    /// `kept` names tenant and shard of parents that stay though no host needs them, so that their address does (ako
    /// 4.2); parents in use need not be named.
    pub fn translate(&mut self, index: &Index, kept: &BTreeSet<(String, u32)>) -> Outcome {
        self.start_pass();
        let mut pass = Pass { left_out: Vec::new(), work: Work::default(), units: Vec::new() };
        let claims = self.claims(index, &mut pass);
        let mut hosts = self.build_hosts(index, claims, &mut pass);
        let mut services = self.build_services(index, &mut pass);
        self.build_default_certificates(index, &hosts, &mut pass);
        // The default certificates were there first, then come hosts by age, then Services.
        pass.units.extend(hosts.iter().map(|(name, unit)| (host_unit(name), Arc::clone(&unit.objects))));
        pass.units.extend(services.iter().map(|(name, unit)| (service_unit(name, unit), Arc::clone(&unit.objects))));
        let losers = self.collisions.among(&pass.units);
        if !losers.is_empty() {
            pass.units.retain(|(name, _)| !losers.contains_key(name));
            hosts.retain(|(name, unit)| match losers.get(&host_unit(name)) {
                Some(winner) => {
                    let reason = || Reason::NamesTaken(winner.to_string());
                    let told = unit.served.iter().map(|claim| LeftOut::host(&claim.ingress, &claim.host, reason()));
                    pass.left_out.extend(told);
                    false
                }
                None => true,
            });
            services.retain(|(name, unit)| match losers.get(&service_unit(name, unit)) {
                Some(winner) => {
                    let reason = Reason::NamesTaken(winner.to_string());
                    pass.left_out.push(LeftOut::whole(Source::Service(name.clone()), reason));
                    false
                }
                None => true,
            });
        }
        self.build_shards(index, &hosts, kept, &mut pass);
        let site = Arc::clone(&self.site);
        let (routes, _) = self.routes.get(index, &(), (), |view, ()| routes::build(view, &site));
        pass.left_out.extend(routes.left_out.iter().cloned());
        pass.left_out.sort_unstable();
        self.end_pass();
        Outcome {
            desired: Desired {
                site: Arc::clone(&self.site),
                units: pass.units.into_iter().collect(),
                routes: routes.routes.clone(),
            },
            ingresses: served(&hosts, &self.site),
            services: services
                .iter()
                .map(|(name, unit)| (name.clone(), served_service(name, unit, &self.site)))
                .collect(),
            left_out: pass.left_out,
            work: pass.work,
        }
    }

    /// What Ingresses ask for, by host, the oldest first; hosts in the order of their oldest claim.
    fn claims(&mut self, index: &Index, pass: &mut Pass) -> Vec<(HostName, Vec<Arc<Claim>>)> {
        let mut by_age: Vec<_> = index.ingresses.iter().collect();
        by_age.sort_by(|(a, x), (b, y)| ingress::age(&x.metadata).cmp(&ingress::age(&y.metadata)).then(a.cmp(b)));
        let mut owners = HashMap::new();
        let mut position: HashMap<HostName, usize> = HashMap::new();
        let mut hosts: Vec<(HostName, Vec<Arc<Claim>>)> = Vec::new();
        let site = Arc::clone(&self.site);
        for (name, _) in by_age {
            let (admission, made) = self.admissions.get(index, name, (), |view, ()| ingress::admit(view, name, &site));
            pass.work.ingresses += usize::from(made);
            pass.left_out.extend(admission.left_out.iter().cloned());
            if site.settings.strict_hosts
                && let Err(reason) = claim_hosts(&admission.claims, &mut owners)
            {
                pass.left_out.push(LeftOut::whole(Source::Ingress(name.clone()), reason));
                continue;
            }
            for claim in &admission.claims {
                let key = (admission.tenant.clone(), claim.host.clone());
                let at = *position.entry(key.clone()).or_insert_with(|| {
                    hosts.push((key, Vec::new()));
                    hosts.len() - 1
                });
                hosts[at].1.push(Arc::clone(claim));
            }
        }
        hosts
    }

    /// Hosts that are served, the oldest first.
    fn build_hosts(
        &mut self,
        index: &Index,
        claims: Vec<(HostName, Vec<Arc<Claim>>)>,
        pass: &mut Pass,
    ) -> Vec<(HostName, Arc<HostUnit>)> {
        let mut hosts = Vec::new();
        let site = Arc::clone(&self.site);
        for (name, claims) in claims {
            let (tenant, host) = &name;
            let make = |view: &mut View<'_>, claims: &Vec<_>| host::build(view, tenant, host, claims, &site);
            let (unit, made) = self.hosts.get(index, &name, claims, make);
            pass.work.hosts += usize::from(made);
            pass.left_out.extend(unit.left_out.iter().cloned());
            if !unit.objects.is_empty() {
                hosts.push((name, unit));
            }
        }
        hosts
    }

    /// Services that are served, by name.
    fn build_services(&mut self, index: &Index, pass: &mut Pass) -> Vec<(NamespacedName, Arc<ServiceUnit>)> {
        let mut services = Vec::new();
        let site = Arc::clone(&self.site);
        if site.settings.layer7_only {
            return services;
        }
        let load_balancers = index.services.iter().filter(|(_, service)| service::is_load_balancer(service));
        for (name, _) in load_balancers {
            let (unit, made) = self.services.get(index, name, (), |view, ()| service::build(view, name, &site));
            pass.work.services += usize::from(made);
            pass.left_out.extend(unit.left_out.iter().cloned());
            if !unit.objects.is_empty() {
                services.push((name.clone(), unit));
            }
        }
        services
    }

    fn build_shards(
        &mut self,
        index: &Index,
        hosts: &[(HostName, Arc<HostUnit>)],
        kept: &BTreeSet<(String, u32)>,
        pass: &mut Pass,
    ) {
        let site = Arc::clone(&self.site);
        let in_range = |(_, number): &&(String, u32)| *number < site.settings.shards;
        let mut shards: BTreeMap<(String, u32), Shard> =
            kept.iter().filter(in_range).map(|name| (name.clone(), Shard::default())).collect();
        for ((tenant, host), unit) in hosts {
            let shard = shards.entry((tenant.clone(), shard(host, site.settings.shards))).or_default();
            shard.hosts.push(host.clone());
            shard.certificates.extend(unit.certificates.iter().cloned());
        }
        for (name, mut shard) in shards {
            shard.hosts.sort_unstable();
            shard.certificates.sort_unstable();
            shard.certificates.dedup();
            let (tenant, number) = name.clone();
            let make = |_: &mut View<'_>, shard: &Shard| parent::build(&tenant, number, shard, &site);
            let (objects, made) = self.shards.get(index, &name, shard, make);
            pass.work.shards += usize::from(made);
            pass.units.push((UnitName::Parent { tenant, shard: number }, objects));
        }
    }

    /// One for each tenant that has a host with it.
    fn build_default_certificates(&mut self, index: &Index, hosts: &[(HostName, Arc<HostUnit>)], pass: &mut Pass) {
        let site = Arc::clone(&self.site);
        let users = hosts.iter().filter(|(_, unit)| unit.uses_default_certificate);
        let tenants: BTreeSet<&String> = users.map(|((tenant, _), _)| tenant).collect();
        for tenant in tenants {
            let (objects, _) = self.default_certificates.get(index, tenant, (), |view, ()| {
                let names = [site.names.default_certificate(false), site.names.default_certificate(true)];
                let pair = certificate::read(view, &certificate::default_secret(&site));
                pair.map(|pair| certificate::objects(&pair, tenant, names, &Markers::default())).unwrap_or_default()
            });
            pass.units.push((UnitName::DefaultCertificate { tenant: tenant.clone() }, objects));
        }
    }

    fn start_pass(&mut self) {
        self.admissions.start_pass();
        self.hosts.start_pass();
        self.shards.start_pass();
        self.services.start_pass();
        self.default_certificates.start_pass();
    }

    fn end_pass(&mut self) {
        self.admissions.end_pass();
        self.hosts.end_pass();
        self.shards.end_pass();
        self.services.end_pass();
        self.default_certificates.end_pass();
    }
}

/// What a translation gathers.
struct Pass {
    left_out: Vec<LeftOut>,
    work: Work,
    units: Vec<(UnitName, Arc<Vec<Object>>)>,
}

/// Takes the hosts of an Ingress for its namespace, all or none (ako 5.7).
fn claim_hosts(claims: &[Arc<Claim>], owners: &mut HashMap<String, String>) -> Result<(), Reason> {
    for claim in claims {
        if let Some(owner) = owners.get(&claim.host)
            && *owner != claim.ingress.namespace
        {
            return Err(Reason::HostClaimed { host: claim.host.clone(), namespace: owner.clone() });
        }
    }
    for claim in claims {
        owners.insert(claim.host.clone(), claim.ingress.namespace.clone());
    }
    Ok(())
}

fn host_unit((tenant, host): &HostName) -> UnitName {
    UnitName::Host { tenant: tenant.clone(), host: host.clone() }
}

fn service_unit(name: &NamespacedName, unit: &ServiceUnit) -> UnitName {
    UnitName::Service { tenant: unit.tenant.clone(), service: name.clone() }
}

fn served_service(name: &NamespacedName, unit: &ServiceUnit, site: &Site) -> ServedService {
    ServedService { tenant: unit.tenant.clone(), name: site.names.l4(name), fqdn: unit.fqdn.clone() }
}

fn served(hosts: &[(HostName, Arc<HostUnit>)], site: &Site) -> BTreeMap<NamespacedName, Vec<Served>> {
    let mut served: BTreeMap<NamespacedName, Vec<Served>> = BTreeMap::new();
    for ((tenant, host), unit) in hosts {
        for claim in &unit.served {
            served.entry(claim.ingress.clone()).or_default().push(Served {
                host: host.clone(),
                is_shown: claim.is_named && !host.starts_with('*'),
                tenant: tenant.clone(),
                shard: shard(host, site.settings.shards),
            });
        }
    }
    for hosts in served.values_mut() {
        hosts.sort_by(|a, b| a.host.cmp(&b.host));
    }
    served
}
