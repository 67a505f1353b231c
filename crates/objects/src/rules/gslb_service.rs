//! GslbService: names inside the sub-domains, held by one service; federated helpers only (avi-api 5.2).

use model::DomainName;
use serde_json::{Map, Value};

use super::{Claim, Draft, TypeRules, gslb};
use crate::error::WriteError;
use crate::reference;
use crate::write::guards::Guards;

pub(super) struct GslbService;

impl TypeRules for GslbService {
    fn our_fields(&self) -> &'static [&'static str] {
        &["site_quorum"]
    }

    fn check(&self, draft: &Draft<'_>, guards: &mut Guards) -> Result<(), WriteError> {
        check_domain_names(draft)?;
        check_quorum(draft)?;
        check_members(&draft.object.body)?;
        for field in ["health_monitor_refs", "application_persistence_profile_ref", "pki_profile_ref"] {
            check_federated(draft, field)?;
        }
        if draft.before.is_none()
            && let Some(gslb) = draft.projection.single("gslb")
        {
            guards.refer_to(gslb, &draft.object.uuid);
        }
        Ok(())
    }

    fn claims(&self, body: &Map<String, Value>) -> Vec<Claim> {
        domain_names(body).map(|name| Claim::DomainName(name.to_owned())).collect()
    }
}

fn domain_names(body: &Map<String, Value>) -> impl Iterator<Item = &str> {
    body.get("domain_names").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn check_domain_names(draft: &Draft<'_>) -> Result<(), WriteError> {
    let sub_domains = draft.projection.single("gslb").map(|gslb| gslb::sub_domains(&gslb.body)).unwrap_or_default();
    let mut seen: Vec<DomainName> = Vec::new();
    for (index, text) in domain_names(&draft.object.body).enumerate() {
        let at = || format!("domain_names[{index}]");
        let name = DomainName::parse(text).map_err(|error| WriteError::invalid(at(), error.to_string()))?;
        if !sub_domains.iter().any(|sub_domain| name.is_within(sub_domain)) {
            return Err(WriteError::OutsideSubDomains(text.to_owned()));
        }
        if seen.contains(&name) {
            return Err(WriteError::invalid(at(), format!("'{text}' is given twice")));
        }
        seen.push(name);
    }
    Ok(())
}

/// A member is found by its address, its name, or its virtual service.
fn check_members(body: &Map<String, Value>) -> Result<(), WriteError> {
    let list = |of: Option<&'_ Value>| of.and_then(Value::as_array).cloned().unwrap_or_default();
    for (group, pool) in list(body.get("groups")).iter().enumerate() {
        for (index, member) in list(pool.get("members")).iter().enumerate() {
            let at = format!("groups[{group}].members[{index}]");
            let text = |pointer: &str| member.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
            if let Some(name) = text("/fqdn") {
                DomainName::parse(name)
                    .map_err(|error| WriteError::invalid(format!("{at}.fqdn"), error.to_string()))?;
            } else if text("/ip/addr").is_none() && text("/vs_uuid").is_none() {
                return Err(WriteError::invalid(at, "an ip, a fqdn or a vs_uuid is needed"));
            }
        }
    }
    Ok(())
}

fn check_quorum(draft: &Draft<'_>) -> Result<(), WriteError> {
    let Some(quorum) = draft.object.body.get("site_quorum") else { return Ok(()) };
    let is_count = quorum.get("type").and_then(Value::as_str) == Some("SITE_QUORUM_COUNT");
    match (is_count, quorum.get("count").is_some()) {
        (true, false) => Err(WriteError::invalid("site_quorum.count", "a count is needed with SITE_QUORUM_COUNT")),
        (false, true) => Err(WriteError::invalid("site_quorum.count", "a count goes with SITE_QUORUM_COUNT only")),
        _ => Ok(()),
    }
}

fn check_federated(draft: &Draft<'_>, field: &str) -> Result<(), WriteError> {
    let texts = match draft.object.body.get(field) {
        Some(Value::Array(texts)) => texts.as_slice(),
        Some(text) => std::slice::from_ref(text),
        None => &[],
    };
    for text in texts.iter().filter_map(Value::as_str) {
        let target = reference::parse_stored(text).and_then(|(path, uuid)| draft.projection.get(path, uuid));
        if let Some(target) = target
            && !super::is_federated(target.path, &target.body)
        {
            let model = draft.projection.types().get(target.path).map_or(target.path, |schema| schema.model);
            return Err(WriteError::invalid(field, format!("{model} {} is not federated", target.name)));
        }
    }
    Ok(())
}
