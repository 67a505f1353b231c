//! Tenant: cannot go while it owns objects; `admin` keeps its name (avi-api 1.6, 2.21).

use super::{Draft, TypeRules};
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::{ADMIN, Projection};
use crate::write::guards::Guards;

/// Owned objects that a refusal names.
const NAMED_MAX: usize = 20;

pub(super) struct Tenant;

impl TypeRules for Tenant {
    fn check(&self, draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        if draft.object.uuid == ADMIN && draft.object.name != ADMIN {
            return Err(WriteError::Immutable("name".to_owned()));
        }
        Ok(())
    }

    fn check_delete(&self, projection: &Projection, object: &Object, _guards: &mut Guards) -> Result<(), WriteError> {
        // No guard of its own: every object that is created writes the back-reference guard of its tenant.
        let owned = projection.owned_by(&object.uuid);
        if owned.is_empty() {
            return Ok(());
        }
        let referrers = owned.iter().take(NAMED_MAX).map(|owned| format!("{} {}", owned.model, owned.name)).collect();
        Err(WriteError::Referred { model: "Tenant", referrers })
    }
}
