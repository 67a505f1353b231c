//! Service engines: what connected, shown like objects though none is stored (avi-api 2.20, 7.1).

use std::{net::Ipv4Addr, sync::Arc};

use ::objects::{ADMIN, Object, RenderOptions};
use avi_schema::SERVICE_ENGINE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{
    Request, objects,
    runtime::{self, Status, View},
};
use crate::{EngineInfo, error::ApiError};

/// `/api/serviceengine`.
pub(super) fn list(request: &Request<'_>) -> Result<Response, ApiError> {
    let query = objects::query(request)?;
    let options = query.render_options(&request.call.base_url, request.api.clock.wall_us());
    let with_runtime = query.join.iter().any(|join| join == "runtime");
    let document = runtime::look_at_many(request, |view| {
        let page = page(request, view, &query)?;
        let results = page.objects.iter().filter_map(|object| {
            let engine = view.engines.iter().find(|engine| engine.uuid == object.uuid)?;
            Some(shown(engine, object, view, &options, with_runtime))
        });
        Ok::<_, ApiError>(objects::envelope(request, SERVICE_ENGINE.path, &page, results.collect()))
    })?;
    Ok(axum::Json(document).into_response())
}

/// `/api/serviceengine/<uuid>`.
pub(super) fn element(request: &Request<'_>, uuid: &str) -> Result<Response, ApiError> {
    let query = objects::query(request)?;
    let options = query.render_options(&request.call.base_url, request.api.clock.wall_us());
    let with_runtime = query.join.iter().any(|join| join == "runtime");
    let document = runtime::look(request, |view| {
        let engine = find(view, uuid)?;
        Ok::<_, ApiError>(shown(engine, &object_of(request, engine, view), view, &options, with_runtime))
    })?;
    Ok(axum::Json(document).into_response())
}

/// `/api/serviceengine/<uuid>/runtime`.
pub(super) fn runtime_of_one(request: &Request<'_>, uuid: &str) -> Result<Response, ApiError> {
    let document = runtime::look(request, |view| Ok::<_, ApiError>(summary(find(view, uuid)?)))?;
    Ok(axum::Json(document).into_response())
}

/// The page of engines that a query asks for, by name.
pub(super) fn page(
    request: &Request<'_>,
    view: &View<'_>,
    query: &::objects::Query,
) -> Result<::objects::Page, ApiError> {
    let mut engines: Vec<Arc<Object>> = view.engines.iter().map(|engine| object_of(request, engine, view)).collect();
    engines.sort_by(|a, b| (&a.name, &a.uuid).cmp(&(&b.name, &b.uuid)));
    Ok(::objects::select(view.projection, &SERVICE_ENGINE, engines.iter().collect(), query)?)
}

/// The engine of this uuid.
pub(super) fn find<'a>(view: &View<'a>, uuid: &str) -> Result<&'a EngineInfo, ApiError> {
    let found = view.engines.iter().find(|engine| engine.uuid == uuid);
    Ok(found.ok_or(::objects::ReadError::NotFound(SERVICE_ENGINE.model))?)
}

/// ServiceEngineRuntimeSummary.
pub(super) fn summary(engine: &EngineInfo) -> Value {
    let status = match (engine.connected, &engine.refusal) {
        (true, None) => Status { state: "OPER_UP", reason: String::new(), since_us: None },
        (true, Some(refusal)) => {
            let reason = format!("it refused the last configuration and goes on with the one before: {refusal}");
            Status { state: "OPER_UP", reason, since_us: None }
        }
        (false, _) => Status { state: "OPER_DOWN", reason: "it is not connected".to_owned(), since_us: None },
    };
    json!({
        "uuid": engine.uuid, "name": engine.name, "oper_status": status.to_json(), "version": engine.software,
        "se_connected": engine.connected, "power_state": if engine.connected { "SE_POWER_ON" } else { "SE_POWER_UNKNOWN" },
        "hb_status": {"num_hb_misses": 0, "num_outstanding_hb": 0}, "gateway_up": engine.connected,
        "migrate_state": "SE_MIGRATE_STATE_IDLE", "license_state": "LICENSE_STATE_LICENSED",
        "at_curr_ver": engine.software == env!("CARGO_PKG_VERSION"),
        "config_revision": engine.running.as_ref().map_or(0, |version| version.revision.0),
    })
}

/// An engine as the object that it would be; of its virtual services it names those that the caller sees.
pub(super) fn object_of(request: &Request<'_>, engine: &EngineInfo, view: &View<'_>) -> Arc<Object> {
    let cloud = view.projection.by_name("cloud", ADMIN, None, "Default-Cloud");
    // Each cloud may have a group of the name; that of its own cloud comes first.
    let groups = view.projection.objects("serviceenginegroup").filter(|group| engine.is_in(group));
    let own = cloud.map(|cloud| cloud.reference());
    let group = groups.min_by_key(|group| group.body.get("cloud_ref").and_then(Value::as_str) != own.as_deref());
    let mut body = Map::new();
    for (field, target) in [("cloud_ref", cloud), ("se_group_ref", group)] {
        if let Some(target) = target {
            body.insert(field.to_owned(), json!(target.reference()));
        }
    }
    let network = json!({"ip": {"ip_addr": address_of(engine), "mask": 32}, "mode": "MODE_MANUAL"});
    let vnic = json!({"enabled": true, "connected": engine.connected, "is_mgmt": true, "vnic_networks": [network]});
    body.insert("enable_state".to_owned(), json!("SE_STATE_ENABLED"));
    body.insert("mgmt_vnic".to_owned(), vnic);
    body.insert("controller_created".to_owned(), json!(false));
    let visibility = request.tenancy.visibility();
    let sees = |object: &Object| {
        view.projection.types().get(object.path).is_some_and(|schema| visibility.sees(schema, object))
    };
    let services = services_of(engine).filter_map(|uuid| view.projection.get("virtualservice", uuid));
    let services: Vec<String> = services.filter(|service| sees(service)).map(|service| service.reference()).collect();
    body.insert("vs_refs".to_owned(), json!(services));
    Arc::new(Object::new(SERVICE_ENGINE.path, engine.uuid.clone(), engine.name.clone(), ADMIN.to_owned(), body, 0))
}

/// `IpAddr` of where an engine connected from; loopback for one in the controller's own process.
pub(super) fn address_of(engine: &EngineInfo) -> Value {
    let address = engine.address.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip().to_canonical());
    json!({"addr": address.to_string(), "type": if address.is_ipv4() { "V4" } else { "V6" }})
}

/// Virtual services that a connected engine runs.
fn services_of(engine: &EngineInfo) -> impl Iterator<Item = &str> {
    let report = engine.report.as_deref().filter(|_| engine.connected);
    let dns = report.into_iter().flat_map(|report| report.dns_services.iter().map(|service| service.uuid.as_str()));
    let http = report.into_iter().flat_map(|report| report.http_services.iter().map(|service| service.uuid.as_str()));
    dns.chain(http)
}

fn shown(
    engine: &EngineInfo,
    object: &Object,
    view: &View<'_>,
    options: &RenderOptions<'_>,
    with_runtime: bool,
) -> Value {
    let mut shown = ::objects::render_as(view.projection, Some(&SERVICE_ENGINE), object, options);
    if with_runtime {
        shown["runtime"] = summary(engine);
    }
    shown
}
