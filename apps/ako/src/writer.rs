//! Carries out one write.

use std::sync::Arc;

use ako_translate::{ObjectKey, ObjectType, Site};
use avi_client::{AviClient, AviError, ErrorClass, chain};
use serde_json::Value;

use crate::event::Teller;
use crate::held::{self, HeldObject};
use crate::plan::{Action, Step, Wanted};
use crate::reading;

/// What became of a write.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) step: Step,
    /// What is known of the object by now: present, or `Some(None)` for gone; `None`: nothing new.
    pub(crate) effect: Option<Option<HeldObject>>,
    pub(crate) failure: Option<Failure>,
}

/// A write that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: ErrorClass,
    pub(crate) status: Option<u16>,
    pub(crate) reason: String,
    /// What the controller has is known better by now, so that another plan is likely to succeed.
    pub(crate) is_settled: bool,
}

/// Carries it out. A failure that comes from knowing the controller badly is followed by another look at it (ako 9.6).
pub(crate) async fn write(client: AviClient, site: Arc<Site>, step: Step, teller: Teller) -> Written {
    let performed = perform(&client, &site, &step).await;
    teller.counts().count(performed.is_ok());
    let error = match performed {
        Ok(object) => {
            tracing::debug!(
                kind = step.key.kind.path(),
                name = step.key.name,
                tenant = step.key.tenant,
                verb = step.action.verb(),
                "wrote to the controller"
            );
            return Written { step, effect: Some(object), failure: None };
        }
        Err(error) => error,
    };
    let mut reason = chain(&error);
    let mut effect = None;
    match (error.class(), &step.action) {
        (ErrorClass::NotFound, Action::Update { .. }) => effect = read_again(&client, &site, &step.key).await,
        (ErrorClass::Conflict | ErrorClass::Stale, _) => {
            effect = read_again(&client, &site, &step.key).await;
            if let (Some(None), Action::Create(_)) = (&effect, &step.action) {
                reason = in_the_way(&client, &step.key).await.unwrap_or(reason);
                effect = None;
            }
        }
        _ => {}
    }
    let is_settled = effect.is_some();
    let failure = Failure { class: error.class(), status: error.status(), reason, is_settled };
    Written { step, effect, failure: Some(failure) }
}

impl Action {
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "created",
            Self::Update { .. } => "updated",
            Self::Delete { .. } => "deleted",
        }
    }
}

/// The object as it is now, `None` for gone.
async fn perform(client: &AviClient, site: &Site, step: &Step) -> Result<Option<HeldObject>, AviError> {
    let ObjectKey { kind, tenant, .. } = &step.key;
    let collection = format!("/api/{}", kind.path());
    let stored = |answer: &Value, wanted: &Wanted| HeldObject::written(answer, wanted, step.unit.as_ref(), site);
    match &step.action {
        Action::Create(wanted) => {
            let answer = client.post(&collection, &wanted.object().to_body(site), tenant).await?;
            Ok(stored(&answer, wanted))
        }
        Action::Update { uuid, wanted } => {
            let path = format!("{collection}/{uuid}");
            let mut body = wanted.object().to_body(site);
            if *kind == ObjectType::VsVip {
                let there = client.get(&path, &[("include_name", "")], tenant).await?;
                body = merge_vsvip(there, body);
            }
            let answer = client.put(&path, &body, tenant).await?;
            Ok(stored(&answer, wanted))
        }
        Action::Delete { uuid } => match client.delete(&format!("{collection}/{uuid}"), tenant).await {
            Err(error) if error.class() != ErrorClass::NotFound => Err(error),
            _ => Ok(None),
        },
    }
}

/// A VsVip is changed, not replaced: its address stays, and so does what the controller added (ako 9.7).
fn merge_vsvip(mut there: Value, wanted: Value) -> Value {
    let Value::Object(wanted) = wanted else { return there };
    let network =
        |vip: &Value| vip["ipam_network_subnet"]["network_ref"].as_str().map(|text| held::named(text).to_owned());
    let had = there["vip"].as_array().cloned().unwrap_or_default();
    let has_names = wanted.contains_key("dns_info");
    for (field, value) in wanted {
        there[field] = value;
    }
    if !has_names && let Some(fields) = there.as_object_mut() {
        fields.remove("dns_info");
    }
    for vip in there["vip"].as_array_mut().into_iter().flatten() {
        let same =
            |old: &&Value| old["vip_id"] == vip["vip_id"] && network(old).is_some() && network(old) == network(vip);
        if let Some(old) = had.iter().find(same) {
            vip["ipam_network_subnet"] = old["ipam_network_subnet"].clone();
        }
    }
    there
}

/// What is known of our object of this name now; `None` when it cannot be read.
async fn read_again(client: &AviClient, site: &Site, key: &ObjectKey) -> Option<Option<HeldObject>> {
    let body = reading::read_one(client, key.kind.path(), &key.name, &key.tenant).await.ok()?;
    let ours = body.and_then(|body| held::listed(key.kind.path(), &body, site));
    Some(ours.filter(|(there, _)| there.kind == key.kind).map(|(_, object)| object))
}

/// Who has the name.
async fn in_the_way(client: &AviClient, key: &ObjectKey) -> Option<String> {
    let body = reading::read_one(client, key.kind.path(), &key.name, &key.tenant).await.ok()??;
    let owner = body["created_by"].as_str().filter(|owner| !owner.is_empty()).unwrap_or("nobody that it says");
    Some(format!("the name is taken by an object of {owner}; delete that one, or change clusterName"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_vsvip_keeps_its_network_and_what_the_controller_added() {
        let there = json!({
            "uuid": "vsvip-1", "name": "c--Shared", "dns_info": [{"fqdn": "old"}], "ipam_selector": {"x": 1},
            "vip": [{"vip_id": "0", "ip_address": {"addr": "10.0.0.4"}, "ipam_network_subnet":
                {"network_ref": "https://h/api/network/network-1#front", "subnet": {"mask": 24}}}],
        });
        let wanted = json!({
            "name": "c--Shared",
            "vip": [{"vip_id": "0", "auto_allocate_ip": true,
                "ipam_network_subnet": {"network_ref": "/api/network/?name=front"}}],
        });
        let merged = merge_vsvip(there.clone(), wanted);
        assert_eq!(merged["uuid"], "vsvip-1");
        assert_eq!(merged["ipam_selector"], json!({"x": 1}));
        assert_eq!(merged.get("dns_info"), None, "names that are not wanted any more go");
        assert_eq!(merged["vip"][0]["ipam_network_subnet"], there["vip"][0]["ipam_network_subnet"]);
        assert_eq!(merged["vip"][0].get("ip_address"), None, "the controller keeps the address by itself");
    }
}
