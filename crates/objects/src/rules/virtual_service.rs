//! VirtualService: what it needs by its type, what depends on other members, who may share an address (avi-api 2.4,
//! 4.2, 10.2).

mod inline_vip;
mod listeners;
mod virtual_hosting;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::virtual_hosting::Role;
use super::{Claim, Draft, Show, TypeRules, vs_vip};
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::Projection;
use crate::reference;
use crate::render;
use crate::write::Batch;
use crate::write::guards::Guards;

/// Certificates of a virtual service that is no parent: one for each kind of key.
const CERTIFICATES_MAX: usize = 2;

pub(super) struct VirtualService;

impl TypeRules for VirtualService {
    fn before_create(&self, batch: &mut Batch<'_>, input: &mut Map<String, Value>) -> Result<(), WriteError> {
        inline_vip::before_create(batch, input)
    }

    fn before_replace(
        &self,
        batch: &mut Batch<'_>,
        before: &Object,
        input: &mut Map<String, Value>,
    ) -> Result<(), WriteError> {
        inline_vip::before_replace(batch, before, input)
    }

    fn after_delete(&self, batch: &mut Batch<'_>, object: &Object) -> Result<(), WriteError> {
        inline_vip::after_delete(batch, object)
    }

    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let projection = draft.projection;
        let cloud = reference::cloud_of(&draft.object).and_then(|uuid| projection.get("cloud", uuid));
        let vtype = cloud.and_then(|cloud| cloud.body.get("vtype").cloned());
        let vs_vip = target(projection, &draft.object.body, "vsvip_ref");
        let parent = target(projection, &draft.object.body, "vh_parent_vs_ref");
        let named = |path: &str, name: &str| {
            let found = projection.by_name(path, &draft.object.tenant, reference::cloud_of(&draft.object), name);
            found.map(|found| Value::from(found.reference()))
        };
        let of_source = vs_vip.or(parent).and_then(|source| source.body.get("vrf_context_ref").cloned());
        let vrf = of_source.or_else(|| named("vrfcontext", "global"));
        let is_dns = target(projection, &draft.object.body, "application_profile_ref").is_some_and(|profile| {
            profile.body.get("type").and_then(Value::as_str) == Some("APPLICATION_PROFILE_TYPE_DNS")
        });
        let network = projection.by_name(
            "networkprofile",
            &draft.object.tenant,
            None,
            if is_dns { "System-UDP-Per-Pkt" } else { "System-TCP-Proxy" },
        );
        let network = network.map(|found| Value::from(found.reference()));
        let ssl = projection.by_name("sslprofile", &draft.object.tenant, None, "System-Standard");
        let ssl = ssl.filter(|_| has_tls(&draft.object.body)).map(|found| Value::from(found.reference()));
        let body = &mut draft.object.body;
        if let Some(vtype) = vtype {
            body.insert("cloud_type".to_owned(), vtype);
        }
        let defaults = [("vrf_context_ref", vrf), ("network_profile_ref", network), ("ssl_profile_ref", ssl)];
        for (field, default) in defaults {
            if let (Some(default), false) = (default, body.contains_key(field)) {
                body.insert(field.to_owned(), default);
            }
        }
        Ok(())
    }

    fn check(&self, draft: &Draft<'_>, guards: &mut Guards) -> Result<(), WriteError> {
        let (body, role) = (&draft.object.body, Role::of(&draft.object.body));
        if role != Role::Child {
            for field in ["vsvip_ref", "services"] {
                if !body.contains_key(field) {
                    return Err(WriteError::Required(field.to_owned()));
                }
            }
        }
        if body.contains_key("pool_ref") && body.contains_key("pool_group_ref") {
            return Err(WriteError::invalid("pool_group_ref", "not possible together with pool_ref"));
        }
        let certificates = body.get("ssl_key_and_certificate_refs").and_then(Value::as_array).map_or(0, Vec::len);
        if role != Role::Parent && certificates > CERTIFICATES_MAX {
            let problem =
                format!("{certificates} certificates, {CERTIFICATES_MAX} are possible: one for each kind of key");
            return Err(WriteError::invalid("ssl_key_and_certificate_refs", problem));
        }
        check_place(draft)?;
        virtual_hosting::check(draft, role, guards)?;
        listeners::check(draft, guards)
    }

    fn claims(&self, body: &Map<String, Value>) -> Vec<Claim> {
        virtual_hosting::claims(body)
    }

    fn show(&self, show: &mut Show<'_>, object: &Object) {
        if let Some(vs_vip) = target(show.projection, &object.body, "vsvip_ref") {
            let kind = show.projection.types().get("vsvip").and_then(|schema| schema.message.field("vip"));
            let vips = kind
                .zip(vs_vip.body.get("vip"))
                .and_then(|(field, vips)| render::render_value(show.projection, &field.kind, vips, show.options));
            if let Some(vips) = vips {
                show.set("vip", vips);
            }
            let names = vs_vip.body.get("dns_info").and_then(Value::as_array).into_iter().flatten();
            let mut names = names.filter_map(|info| info.get("fqdn"));
            if let Some(first) = names.next().cloned().filter(|_| !object.body.contains_key("fqdn")) {
                show.set("fqdn", first);
            }
        }
        virtual_hosting::show(show, object);
    }
}

/// Cloud and VRF are those of the VsVip and of the pool.
fn check_place(draft: &Draft<'_>) -> Result<(), WriteError> {
    let (projection, object) = (draft.projection, &draft.object);
    for (field, vrf_field) in
        [("vsvip_ref", "vrf_context_ref"), ("pool_ref", "vrf_ref"), ("pool_group_ref", ""), ("vh_parent_vs_ref", "")]
    {
        let Some(target) = target(projection, &object.body, field) else { continue };
        let model = projection.types().get(target.path).map_or(target.path, |schema| schema.model);
        if reference::cloud_of(target) != reference::cloud_of(object) {
            return Err(WriteError::invalid(field, format!("{model} {} is in another cloud", target.name)));
        }
        let vrf = target.body.get(vrf_field);
        if vrf.is_some() && vrf != object.body.get("vrf_context_ref") {
            return Err(WriteError::invalid(field, format!("{model} {} is in another VRF", target.name)));
        }
    }
    Ok(())
}

fn has_tls(body: &Map<String, Value>) -> bool {
    let services = body.get("services").and_then(Value::as_array).into_iter().flatten();
    services.into_iter().any(|service| service.get("enable_ssl").and_then(Value::as_bool) == Some(true))
}

/// The object that a member refers to.
fn target<'p>(projection: &'p Projection, body: &Map<String, Value>, field: &str) -> Option<&'p Arc<Object>> {
    let (path, uuid) = reference::parse_stored(body.get(field)?.as_str()?)?;
    projection.get(path, uuid)
}

/// Whether a VsVip was made for the virtual service that used it first.
fn is_implicit(vs_vip: &Object) -> bool {
    vs_vip.body.get("created_by").and_then(Value::as_str) == Some(vs_vip::OF_VIRTUAL_SERVICE)
}
