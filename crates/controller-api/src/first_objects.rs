//! The objects that every controller has, and the first account (avi-api 3.7, appendix A).

use avi_schema::{Names, SystemObject, TypeSchema};
use objects::{Origin, Projection, Visibility, WriteContext};
use serde_json::{Value, json};

use crate::{
    clock::Clock,
    commit::{CommitError, Committer},
    live::LiveProjection,
};

/// The certificate that virtual services with TLS show when they have none (avi-api appendix A).
const DEFAULT_CERTIFICATE: &str = "System-Default-Cert";
/// Uuid of the first account (avi-api 1.7).
const ADMIN_UUID: &str = "user-1";

/// Why the first objects are not complete.
#[derive(Debug, thiserror::Error)]
pub enum FirstObjectsError {
    /// The tables do not have the type of an object.
    #[error("this release has no type {0}")]
    Type(&'static str),
    /// An object could not be made.
    #[error("making the system object {path} {name}")]
    Create {
        /// Type.
        path: &'static str,
        /// Name.
        name: &'static str,
        /// Why not.
        #[source]
        source: Box<CommitError>,
    },
}

/// Makes the system objects that are missing: all at the first start, the rest after one that was cut short, new ones
/// after an upgrade.
///
/// # Errors
/// The first object that cannot be made.
pub async fn complete(
    live: &LiveProjection,
    committer: &Committer,
    clock: &dyn Clock,
) -> Result<(), FirstObjectsError> {
    for object in avi_schema::system_objects() {
        let schema = schema(object.path)?;
        if live.read(|state| is_there(&state.projection, schema, &object)) {
            continue;
        }
        let created = create(committer, clock, schema, object.uuid, &object.body).await;
        created.map_err(|source| FirstObjectsError::Create { path: object.path, name: object.name, source })?;
    }
    Ok(())
}

/// Whether the first account exists.
#[must_use]
pub fn has_admin(live: &LiveProjection) -> bool {
    live.read(|state| state.projection.by_name("user", "admin", None, "admin").is_some())
}

/// Makes the first account.
///
/// # Errors
/// When it exists, or the store fails.
pub async fn create_admin(
    committer: &Committer,
    clock: &dyn Clock,
    password_hash: &str,
) -> Result<(), FirstObjectsError> {
    let body = json!({
        "name": "admin", "username": "admin", "full_name": "System Administrator", "is_superuser": true,
        "is_active": true, "local": true, "default_tenant_ref": "/api/tenant/admin", "password": password_hash,
    });
    let created = create(committer, clock, schema("user")?, Some(ADMIN_UUID), &body).await;
    created.map_err(|source| FirstObjectsError::Create { path: "user", name: "admin", source })
}

/// Whether `System-Default-Cert` exists.
#[must_use]
pub fn has_default_certificate(live: &LiveProjection) -> bool {
    live.read(|state| state.projection.by_name("sslkeyandcertificate", "admin", None, DEFAULT_CERTIFICATE).is_some())
}

/// Makes `System-Default-Cert` of a certificate and its private key, both PEM: each controller has its own.
///
/// # Errors
/// When it exists, the two do not belong together, or the store fails.
pub async fn create_default_certificate(
    committer: &Committer,
    clock: &dyn Clock,
    certificate: &str,
    key: &str,
) -> Result<(), FirstObjectsError> {
    let path = "sslkeyandcertificate";
    let body = json!({
        "name": DEFAULT_CERTIFICATE, "type": "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE",
        "certificate": {"certificate": certificate}, "key": key,
    });
    let created = create(committer, clock, schema(path)?, None, &body).await;
    created.map_err(|source| FirstObjectsError::Create { path, name: DEFAULT_CERTIFICATE, source })
}

fn schema(path: &'static str) -> Result<&'static TypeSchema, FirstObjectsError> {
    avi_schema::by_path(path).ok_or(FirstObjectsError::Type(path))
}

async fn create(
    committer: &Committer,
    clock: &dyn Clock,
    schema: &'static TypeSchema,
    uuid: Option<&str>,
    body: &Value,
) -> Result<(), Box<CommitError>> {
    let context = WriteContext {
        tenant: "admin",
        visibility: Visibility::All,
        now_us: clock.wall_us(),
        new_uuid: &|| uuid::Uuid::new_v4().to_string(),
        slug: uuid,
        origin: Origin::Controller { system_default: true },
        attempt: 0,
    };
    committer.commit(|projection, _| objects::create(projection, schema, body, &context)).await?;
    Ok(())
}

fn is_there(projection: &Projection, schema: &TypeSchema, object: &SystemObject) -> bool {
    if schema.names == Names::Singleton {
        projection.single(object.path).is_some()
    } else {
        projection.by_name(object.path, "admin", None, object.name).is_some()
    }
}
