//! Cloud: comes with its VRFs `global` and `management`, and goes with them (avi-api 2.17, 3.7).

use serde_json::json;

use super::TypeRules;
use crate::error::WriteError;
use crate::object::Object;
use crate::write::{Batch, Origin};

pub(super) struct Cloud;

const VRFS: [&str; 2] = ["global", "management"];

impl TypeRules for Cloud {
    // A new cloud is to bring its `Default-Group` too, once engine groups are here.
    fn after_create(&self, batch: &mut Batch<'_>, object: &Object) -> Result<(), WriteError> {
        if batch.context().origin != Origin::Client {
            return Ok(()); // the first start makes those of its cloud itself
        }
        let Some(schema) = batch.projection().types().get("vrfcontext") else { return Ok(()) };
        let tenant = format!("/api/tenant/{}", object.tenant);
        for name in VRFS {
            let body = json!({"name": name, "cloud_ref": object.reference(), "tenant_ref": tenant});
            batch.create_as_controller(schema, &body, true)?;
        }
        Ok(())
    }

    fn before_delete(&self, batch: &mut Batch<'_>, object: &Object) -> Result<(), WriteError> {
        let Some(schema) = batch.projection().types().get("vrfcontext") else { return Ok(()) };
        let by = batch.projection().referrers(object.path, &object.uuid);
        let is_own = |uuid: &str, batch: &mut Batch<'_>| {
            batch.projection().get("vrfcontext", uuid).is_some_and(|vrf| vrf.system_default)
        };
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for by in by {
            if by.path == "vrfcontext" && is_own(&by.uuid, batch) { own.push(by) } else { others.push(by) }
        }
        if !others.is_empty() {
            let referrers = others.iter().map(|by| format!("{} {}", by.model, by.name)).collect();
            return Err(WriteError::Referred { model: "Cloud", referrers });
        }
        if object.system_default {
            return Err(WriteError::SystemDefault);
        }
        own.iter().try_for_each(|vrf| batch.delete_as_controller(schema, &vrf.uuid))
    }
}
