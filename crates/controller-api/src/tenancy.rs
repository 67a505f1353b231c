//! Which tenant a request speaks for (avi-api 1.6).

use objects::{Object, Projection, Visibility};
use serde_json::Value;

use crate::{call::Call, error::ApiError};

/// The built-in tenant.
const ADMIN: &str = "admin";

/// The tenant of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tenancy {
    /// Whether all tenants are seen (`*`).
    all: bool,
    /// Uuid of the tenant that new objects go to.
    pub(crate) tenant: String,
}

impl Tenancy {
    /// The tenant that query or headers name; a uuid wins over a name; without any, the user's default.
    pub(crate) fn read(call: &Call, user: &Object, projection: &Projection) -> Result<Self, ApiError> {
        let uuid = call.parameter("tenant_uuid").or_else(|| call.header("x-avi-tenant-uuid"));
        let name = call.parameter("tenant").or_else(|| call.header("x-avi-tenant"));
        let own = || default_tenant(user, projection);
        match (uuid.filter(|text| !text.is_empty()), name.filter(|text| !text.is_empty())) {
            (Some("*"), _) | (None, Some("*")) => Ok(Self { all: true, tenant: own() }),
            (Some(uuid), _) => match projection.get("tenant", uuid) {
                Some(tenant) => Ok(Self { all: false, tenant: tenant.uuid.clone() }),
                None => Err(ApiError::Tenant(uuid.to_owned())),
            },
            (None, Some(name)) => match projection.tenant_by_name(name) {
                Some(tenant) => Ok(Self { all: false, tenant: tenant.uuid.clone() }),
                None => Err(ApiError::Tenant(name.to_owned())),
            },
            (None, None) => Ok(Self { all: false, tenant: own() }),
        }
    }

    /// What the caller sees.
    pub(crate) fn visibility(&self) -> Visibility<'_> {
        if self.all { Visibility::All } else { Visibility::Tenant(&self.tenant) }
    }
}

fn default_tenant(user: &Object, projection: &Projection) -> String {
    let reference = user.body.get("default_tenant_ref").and_then(Value::as_str);
    let uuid = reference.and_then(|reference| reference.rsplit('/').next());
    let known = uuid.and_then(|uuid| projection.get("tenant", uuid));
    known.map_or_else(|| ADMIN.to_owned(), |tenant| tenant.uuid.clone())
}
