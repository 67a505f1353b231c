//! Addresses given in a virtual service itself: they become a VsVip that lives as long as it (avi-api 2.4, 1.10).

use serde_json::{Map, Value, json};

use super::{is_implicit, target, vs_vip};
use crate::error::WriteError;
use crate::object::Object;
use crate::reference::{self, Resolver};
use crate::rules;
use crate::write::Batch;

/// Members that move into the VsVip.
const MOVED: [&str; 2] = ["vip", "dns_info"];
/// Members that both have.
const COPIED: [&str; 3] = ["tenant_ref", "cloud_ref", "vrf_context_ref"];

pub(super) fn before_create(batch: &mut Batch<'_>, input: &mut Map<String, Value>) -> Result<(), WriteError> {
    let vip = input.shift_remove("vip").filter(is_set);
    let Some(vip) = vip.filter(|_| !input.get("vsvip_ref").is_some_and(is_set)) else { return Ok(()) };
    let made = make(batch, input, vip)?;
    input.insert("vsvip_ref".to_owned(), Value::from(made));
    Ok(())
}

pub(super) fn before_replace(
    batch: &mut Batch<'_>,
    before: &Object,
    input: &mut Map<String, Value>,
) -> Result<(), WriteError> {
    let vip = input.shift_remove("vip").filter(is_set);
    let current = target(batch.projection(), &before.body, "vsvip_ref").cloned();
    let Some(current) = current else {
        // Stored before VsVips were.
        if let Some(vip) = vip.filter(|_| !input.get("vsvip_ref").is_some_and(is_set)) {
            let made = make(batch, input, vip)?;
            input.insert("vsvip_ref".to_owned(), Value::from(made));
        }
        return Ok(());
    };
    if !is_implicit(&current) {
        return Ok(());
    }
    if !input.get("vsvip_ref").is_some_and(is_set) {
        input.insert("vsvip_ref".to_owned(), Value::from(current.reference()));
    }
    let Some(schema) = batch.projection().types().get("vsvip") else { return Ok(()) };
    let mut body = current.body.clone();
    body.insert("name".to_owned(), Value::from(current.name.clone()));
    if let Some(vip) = vip {
        body.insert("vip".to_owned(), vip);
    }
    if let Some(dns_info) = input.shift_remove("dns_info").filter(is_set) {
        body.insert("dns_info".to_owned(), dns_info);
    }
    let body = Value::Object(body);
    let changes = ["vip", "dns_info"].iter().any(|member| body.get(member) != current.body.get(*member));
    if changes {
        batch.replace(schema, &current.uuid, &body)?;
    }
    Ok(())
}

pub(super) fn after_delete(batch: &mut Batch<'_>, object: &Object) -> Result<(), WriteError> {
    let Some(vs_vip) = target(batch.base(), &object.body, "vsvip_ref").filter(|vs_vip| is_implicit(vs_vip)).cloned()
    else {
        return Ok(());
    };
    let is_used = !batch.projection().referrers(vs_vip.path, &vs_vip.uuid).is_empty();
    match batch.projection().types().get("vsvip") {
        Some(schema) if !is_used => batch.delete_as_controller(schema, &vs_vip.uuid),
        _ => Ok(()),
    }
}

/// Makes the VsVip, and returns the reference to it.
fn make(batch: &mut Batch<'_>, input: &mut Map<String, Value>, vip: Value) -> Result<String, WriteError> {
    let schema = batch.projection().types().get("vsvip").ok_or(WriteError::NotFound("VsVip"))?;
    let random = (batch.context().new_uuid)();
    let name = format!("vsvip-{}", random.rsplit('-').next().unwrap_or(&random));
    let mut body = json!({"name": name, "created_by": vs_vip::OF_VIRTUAL_SERVICE});
    for member in COPIED {
        if let Some(value) = input.get(member) {
            body[member] = value.clone();
        }
    }
    for member in MOVED {
        if let Some(value) = input.shift_remove(member) {
            body[member] = value;
        }
    }
    let fqdn = input.shift_remove("fqdn").filter(is_set);
    if let (Some(Value::String(fqdn)), None) = (fqdn, body.get("dns_info")) {
        body["dns_info"] = json!([{"fqdn": in_domain(batch, input, fqdn)}]);
    }
    body["vip"] = vip;
    Ok(batch.create_as_controller(schema, &body, false)?.reference())
}

/// A name of one label lies in the first domain of the cloud (avi-api 4.3).
fn in_domain(batch: &mut Batch<'_>, input: &Map<String, Value>, name: String) -> String {
    let tenant = batch.context().tenant;
    let projection = batch.projection();
    let resolver = Resolver { projection, tenant, any_tenant: false, cloud: None };
    let named = input.get("cloud_ref").and_then(Value::as_str).filter(|text| !text.is_empty());
    let cloud = match named {
        Some(text) => resolver.resolve("cloud", text, "cloud_ref").ok(),
        None => resolver.resolve_default("cloud", "Default-Cloud"),
    };
    let cloud = cloud.as_deref().and_then(reference::parse_stored).and_then(|(path, uuid)| projection.get(path, uuid));
    let domains = cloud.and_then(|cloud| rules::dns_domains(projection, cloud)).unwrap_or_default();
    match domains.first() {
        Some(domain) if !name.contains('.') => format!("{name}.{domain}"),
        _ => name,
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        _ => true,
    }
}
