//! What the tables cannot say: rules of single types, registered by path.
//!
//! A type without a line in [`RULES`] follows its table alone.

mod cloud;
mod federation;
mod gslb;
mod gslb_service;
mod health_monitor;
mod http_policy_set;
mod network;
mod network_profile;
mod pool;
mod ssl_key_and_certificate;
mod tenant;
mod user;
mod virtual_service;
mod vrf_context;
mod vs_vip;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use avi_schema::{Names, Scope, TypeSchema};
use serde_json::{Map, Value};

use crate::error::{UniqueBy, WriteError};
use crate::object::Object;
use crate::projection::Projection;
use crate::render::{self, RenderOptions};
use crate::write::guards::Guards;
use crate::write::{Batch, WriteContext};
use crate::{key, reference};

/// Rules by API path.
static RULES: &[(&str, &dyn TypeRules)] = &[
    ("cloud", &cloud::Cloud),
    ("gslb", &gslb::Gslb),
    ("gslbservice", &gslb_service::GslbService),
    ("healthmonitor", &health_monitor::HealthMonitor),
    ("httppolicyset", &http_policy_set::HttpPolicySet),
    ("network", &network::Network),
    ("networkprofile", &network_profile::NetworkProfile),
    ("pool", &pool::Pool),
    ("sslkeyandcertificate", &ssl_key_and_certificate::SslKeyAndCertificate),
    ("tenant", &tenant::Tenant),
    ("user", &user::User),
    ("virtualservice", &virtual_service::VirtualService),
    ("vrfcontext", &vrf_context::VrfContext),
    ("vsvip", &vs_vip::VsVip),
];

/// Rules of one type; every hook may be left out.
pub(crate) trait TypeRules: Sync {
    /// The name of an input that has no `name` member.
    fn name_of<'v>(&self, _input: &'v Map<String, Value>) -> Option<&'v Value> {
        None
    }

    /// Fields that Avi's API does not have.
    fn our_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// Fills in what depends on other members or objects; runs before required fields are checked.
    fn complete(&self, _draft: &mut Draft<'_>) -> Result<(), WriteError> {
        Ok(())
    }

    /// Refuses what the table would let pass, and guards what it relied on.
    fn check(&self, _draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        Ok(())
    }

    /// Refuses a delete that references alone would let pass, and guards what it relied on.
    fn check_delete(&self, _projection: &Projection, _object: &Object, _guards: &mut Guards) -> Result<(), WriteError> {
        Ok(())
    }

    /// Makes what has to be there first, and may turn the input into one that refers to it.
    fn before_create(&self, _batch: &mut Batch<'_>, _input: &mut Map<String, Value>) -> Result<(), WriteError> {
        Ok(())
    }

    /// Makes what comes with every object of the type.
    fn after_create(&self, _batch: &mut Batch<'_>, _object: &Object) -> Result<(), WriteError> {
        Ok(())
    }

    /// Changes what the object brought along.
    fn before_replace(
        &self,
        _batch: &mut Batch<'_>,
        _before: &Object,
        _input: &mut Map<String, Value>,
    ) -> Result<(), WriteError> {
        Ok(())
    }

    /// Removes what came with it and refers to it.
    fn before_delete(&self, _batch: &mut Batch<'_>, _object: &Object) -> Result<(), WriteError> {
        Ok(())
    }

    /// Removes what it brought along and referred to.
    fn after_delete(&self, _batch: &mut Batch<'_>, _object: &Object) -> Result<(), WriteError> {
        Ok(())
    }

    /// Adds to a rendered object what follows from others.
    fn show(&self, _shown: &mut Show<'_>, _object: &Object) {}

    /// Exclusive things it holds beside its name.
    fn claims(&self, _body: &Map<String, Value>) -> Vec<Claim> {
        Vec::new()
    }

    /// Objects it points at without a reference field, as `(path, uuid)`; they need not exist.
    fn points_at(&self, _body: &Map<String, Value>) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// An object on its way to a write.
pub(crate) struct Draft<'a> {
    pub(crate) projection: &'a Projection,
    pub(crate) context: &'a WriteContext<'a>,
    /// As it was, for a replace.
    pub(crate) before: Option<&'a Object>,
    /// As it will be.
    pub(crate) object: Object,
    /// Objects that must not change before the commit.
    pub(crate) relied_on: Vec<Arc<Object>>,
    /// What deserves a look although it is accepted.
    pub(crate) warnings: Vec<String>,
}

/// A rendered object on its way to a client.
pub(crate) struct Show<'a> {
    pub(crate) projection: &'a Projection,
    pub(crate) options: &'a RenderOptions<'a>,
    pub(crate) shown: &'a mut Map<String, Value>,
}

impl Show<'_> {
    /// A reference as the client wants it.
    pub(crate) fn reference(&self, object: &Object) -> Value {
        Value::from(render::url(object, self.options.base_url, self.options.names))
    }

    /// Sets a member, unless the client did not ask for it.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if self.options.shows(name) {
            self.shown.insert(name.to_owned(), value);
        }
    }
}

/// Something that only one object can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The object's name, within its tenant (and cloud).
    Name,
    /// Being the only object of its type.
    Single,
    /// A domain name of a GSLB service.
    DomainName(String),
    /// An address in a VRF, or one allocated from a network.
    Address {
        /// Uuid of the VRF or network.
        space: String,
        /// The address.
        address: IpAddr,
    },
    /// A server name among the children of a virtual service.
    VhDomain {
        /// Uuid of the parent.
        parent: String,
        /// The name.
        domain_name: String,
    },
}

impl Claim {
    /// The guard key that stands for it.
    pub(crate) fn key(&self, schema: &TypeSchema, object: &Object) -> String {
        match self {
            Self::Name => {
                let cloud = schema.scope.is_in_cloud().then(|| reference::cloud_of(object).unwrap_or("-"));
                key::name(schema.path, &object.tenant, cloud, &object.name)
            }
            Self::Single => key::single(schema.path),
            Self::DomainName(domain_name) => key::fqdn(domain_name),
            Self::Address { space, address } => key::address(space, *address),
            Self::VhDomain { parent, domain_name } => key::vh_domain(parent, domain_name),
        }
    }

    /// The refusal when another object, `holder`, holds it.
    pub(crate) fn taken(&self, schema: &TypeSchema, object: &Object, holder: &Object) -> WriteError {
        match self {
            Self::Name => WriteError::NameTaken { words: schema.words, unique: unique_by(schema.scope) },
            Self::Single => WriteError::SingleTaken(schema.model),
            Self::DomainName(domain_name) => {
                WriteError::DomainNameTaken { name: object.name.clone(), domain_name: domain_name.clone() }
            }
            Self::Address { address, .. } => {
                WriteError::AddressTaken { address: *address, holder: holder.name.clone() }
            }
            Self::VhDomain { domain_name, .. } => WriteError::invalid(
                "vh_domain_name",
                format!("'{domain_name}' belongs to VirtualService {} of the same parent", holder.name),
            ),
        }
    }
}

/// The rules of a type.
pub(crate) fn of(path: &str) -> Option<&'static dyn TypeRules> {
    RULES.iter().find(|(of, _)| *of == path).map(|(_, rules)| *rules)
}

/// Rules that hold for federated objects of every type.
pub(crate) use federation::{check as check_federation, is_federated};

/// Domains that names of virtual services in a cloud must end in, of its DNS profile; `None` when it has no profile, so
/// that names are kept and not published (avi-api 4.3).
#[must_use]
pub fn dns_domains(projection: &Projection, cloud: &Object) -> Option<Vec<String>> {
    vs_vip::dns_domains_of(projection, cloud)
}

/// Every stored reference text of an object: reference fields at any depth, and what its rules point at.
pub(crate) fn references(schema: &TypeSchema, body: &Map<String, Value>) -> BTreeSet<String> {
    let mut references = BTreeSet::new();
    reference::collect(schema.message, body, &mut references);
    let pointed_at = of(schema.path).map(|rules| rules.points_at(body)).unwrap_or_default();
    references.extend(pointed_at.iter().map(|(path, uuid)| reference::stored(path, uuid)));
    references
}

/// Everything exclusive that an object holds.
pub(crate) fn claims(schema: &TypeSchema, object: &Object) -> Vec<Claim> {
    let mut claims = match schema.names {
        Names::Unique => vec![Claim::Name],
        Names::Singleton => vec![Claim::Single],
        Names::AtMostOne => vec![Claim::Single, Claim::Name],
    };
    claims.extend(of(schema.path).map(|rules| rules.claims(&object.body)).unwrap_or_default());
    claims
}

/// The guard keys of [`claims`].
pub(crate) fn claim_keys(schema: &TypeSchema, object: &Object) -> Vec<String> {
    claims(schema, object).iter().map(|claim| claim.key(schema, object)).collect()
}

fn unique_by(scope: Scope) -> UniqueBy {
    match scope {
        Scope::Global => UniqueBy::Name,
        Scope::Tenant | Scope::TenantShared => UniqueBy::Tenant,
        Scope::TenantCloud | Scope::TenantCloudShared => UniqueBy::TenantAndCloud,
    }
}
