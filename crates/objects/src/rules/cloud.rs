//! Cloud: comes with its VRFs `global` and `management` and its `Default-Group`, and goes with them (avi-api 2.17, 3.7).

use serde_json::json;

use super::TypeRules;
use crate::error::WriteError;
use crate::object::Object;
use crate::write::{Batch, Origin};

pub(super) struct Cloud;

/// Type and name of what every cloud has.
const OWN: [(&str, &str); 3] =
    [("vrfcontext", "global"), ("vrfcontext", "management"), ("serviceenginegroup", "Default-Group")];

impl TypeRules for Cloud {
    fn after_create(&self, batch: &mut Batch<'_>, object: &Object) -> Result<(), WriteError> {
        if batch.context().origin != Origin::Client {
            return Ok(()); // the first start makes those of its cloud itself
        }
        let tenant = format!("/api/tenant/{}", object.tenant);
        for (path, name) in OWN {
            let Some(schema) = batch.projection().types().get(path) else { continue };
            let body = json!({"name": name, "cloud_ref": object.reference(), "tenant_ref": tenant});
            batch.create_as_controller(schema, &body, true)?;
        }
        Ok(())
    }

    fn before_delete(&self, batch: &mut Batch<'_>, object: &Object) -> Result<(), WriteError> {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for by in batch.projection().referrers(object.path, &object.uuid) {
            let referrer = batch.projection().get(by.path, &by.uuid);
            let is_own = referrer.is_some_and(|referrer| referrer.system_default)
                && OWN.iter().any(|(path, _)| *path == by.path);
            if is_own { own.push(by) } else { others.push(by) }
        }
        if !others.is_empty() {
            let referrers = others.iter().map(|by| format!("{} {}", by.model, by.name)).collect();
            return Err(WriteError::Referred { model: "Cloud", referrers });
        }
        if object.system_default {
            return Err(WriteError::SystemDefault);
        }
        for by in own {
            let Some(schema) = batch.projection().types().get(by.path) else { continue };
            batch.delete_as_controller(schema, &by.uuid)?;
        }
        Ok(())
    }
}
