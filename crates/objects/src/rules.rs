//! What the tables cannot say: rules of single types, registered by path.
//!
//! A type without a line in [`RULES`] follows its table alone.

mod federation;
mod gslb;
mod gslb_service;
mod health_monitor;
mod tenant;
mod user;
mod virtual_service;

use std::collections::BTreeSet;

use avi_schema::{Names, Scope, TypeSchema};
use serde_json::{Map, Value};

use crate::error::{UniqueBy, WriteError};
use crate::object::Object;
use crate::projection::Projection;
use crate::write::WriteContext;
use crate::write::guards::Guards;
use crate::{key, reference};

/// Rules by API path.
static RULES: &[(&str, &dyn TypeRules)] = &[
    ("gslb", &gslb::Gslb),
    ("gslbservice", &gslb_service::GslbService),
    ("healthmonitor", &health_monitor::HealthMonitor),
    ("tenant", &tenant::Tenant),
    ("user", &user::User),
    ("virtualservice", &virtual_service::VirtualService),
];

/// Rules of one type; every hook may be left out.
pub(crate) trait TypeRules: Sync {
    /// The name of an input that has no `name` member.
    fn name_of<'v>(&self, _input: &'v Map<String, Value>) -> Option<&'v Value> {
        None
    }

    /// Fills in what depends on other members or objects; runs before required fields are checked.
    fn complete(&self, _draft: &mut Draft<'_>) {}

    /// Refuses what the table would let pass, and guards what it relied on.
    fn check(&self, _draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        Ok(())
    }

    /// Refuses a delete that references alone would let pass, and guards what it relied on.
    fn check_delete(&self, _projection: &Projection, _object: &Object, _guards: &mut Guards) -> Result<(), WriteError> {
        Ok(())
    }

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
}

impl Claim {
    /// The guard key that stands for it.
    pub(crate) fn key(&self, schema: &TypeSchema, object: &Object) -> String {
        match self {
            Self::Name => {
                let cloud = (schema.scope == Scope::TenantCloud).then(|| reference::cloud_of(object).unwrap_or("-"));
                key::name(schema.path, &object.tenant, cloud, &object.name)
            }
            Self::Single => key::single(schema.path),
            Self::DomainName(domain_name) => key::fqdn(domain_name),
        }
    }

    /// The refusal when another object holds it.
    pub(crate) fn taken(&self, schema: &TypeSchema, object: &Object) -> WriteError {
        match self {
            Self::Name => WriteError::NameTaken { words: schema.words, unique: unique_by(schema.scope) },
            Self::Single => WriteError::SingleTaken(schema.model),
            Self::DomainName(domain_name) => {
                WriteError::DomainNameTaken { name: object.name.clone(), domain_name: domain_name.clone() }
            }
        }
    }
}

/// The rules of a type.
pub(crate) fn of(path: &str) -> Option<&'static dyn TypeRules> {
    RULES.iter().find(|(of, _)| *of == path).map(|(_, rules)| *rules)
}

/// Rules that hold for federated objects of every type.
pub(crate) use federation::{check as check_federation, is_federated};

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
        Scope::TenantCloud => UniqueBy::TenantAndCloud,
    }
}
