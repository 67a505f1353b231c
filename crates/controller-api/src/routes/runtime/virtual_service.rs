//! Virtual services: DNS and L7, EVH children among them (avi-api 7.1).

use objects::{Object, Projection};
use se_protocol::Report;
use serde_json::{Value, json};

use super::{Status, View, is_enabled, list, pool};
use crate::EngineInfo;
use crate::routes::{neighbours, service_engines};

/// State of a virtual service on all engines.
pub(in crate::routes) struct Summary {
    pub(in crate::routes) status: Status,
    /// Engines that have it.
    assigned: usize,
    /// Of 100 of these, those that have it up.
    percent_up: usize,
}

impl Summary {
    pub(in crate::routes) fn of(object: &Object, view: &View<'_>) -> Self {
        let reports = view.reports;
        let http = reports.http_service(&object.uuid).map(|found| {
            (Status::of(found.state, &found.reason, Some(found.since_us)), found.engines, found.engines_up)
        });
        let found = http.or_else(|| {
            let found = reports.dns_service(&object.uuid)?;
            Some((Status::of(found.state, &found.reason, None), found.engines, found.engines_up))
        });
        let (status, assigned, up) = match (switched_off(object, view.projection), found) {
            (Some(status), _) => (status, 0, 0),
            (None, Some(found)) => found,
            (None, None) => (view.awaited(object, group_of(object, view.projection)), 0, 0),
        };
        Self { percent_up: if status.is_up() { 100 * up / assigned.max(1) } else { 0 }, status, assigned }
    }
}

/// `/runtime`.
pub(super) fn summary(object: &Object, view: &View<'_>) -> Value {
    let Summary { status, assigned, percent_up } = Summary::of(object, view);
    let oper_status = status.to_json();
    // Each engine of its group that is connected is asked to run it; before one is, it awaits one.
    let requested = view.asked(group_of(object, view.projection)).filter(|engine| engine.connected).count().max(1);
    let engines: Vec<Value> = on_engines(object, view)
        .enumerate()
        .map(|(index, (engine, _, status))| {
            json!({
                "uuid": engine.uuid, "url": engine_url(view, engine), "name": engine.name,
                // Every engine takes what reaches it; scripts want one that is the primary.
                "primary": index == 0, "standby": false, "connected": engine.connected,
                "oper_status": status.to_json(), "mgmt_ip": service_engines::address_of(engine),
            })
        })
        .collect();
    let vips = place(object, view.projection).0.iter().map(|vip| {
        let mut out = json!({
            "vip_id": vip.get("vip_id").cloned().unwrap_or(json!("0")), "oper_status": oper_status,
            "num_se_assigned": assigned, "num_se_requested": requested, "percent_ses_up": percent_up,
            "service_engine": engines,
        });
        for family in ["ip_address", "ip6_address"] {
            if let Some(address) = vip.get(family) {
                out[family] = address.clone();
            }
        }
        out
    });
    let vips: Vec<Value> = vips.collect();
    let below = Below::of(object, view);
    json!({
        "uuid": object.uuid, "name": object.name, "oper_status": oper_status, "percent_ses_up": percent_up,
        "num_se_assigned": assigned, "num_se_requested": requested, "east_west": false, "vip_summary": vips,
        "num_pools": below.pools, "num_pools_up": below.pools_up,
        "num_servers_enabled": below.servers_enabled, "num_servers_up": below.servers_up,
    })
}

/// What a virtual service sends requests to, counted.
#[derive(Default)]
struct Below {
    pools: usize,
    pools_up: usize,
    servers_enabled: u64,
    servers_up: u64,
}

impl Below {
    fn of(object: &Object, view: &View<'_>) -> Self {
        let pools = neighbours::below(object, view.projection).pools;
        let mut below = Self { pools: pools.len(), ..Self::default() };
        for pool in pools {
            let health = pool::Health::of(pool, view);
            below.pools_up += usize::from(health.status.is_up());
            below.servers_enabled += health.servers_enabled;
            below.servers_up += health.servers_up;
        }
        below
    }
}

/// `/runtime/detail`: what each engine says; the controller's own view where none says anything.
pub(super) fn detail(object: &Object, view: &View<'_>) -> Value {
    let of = |status: &Status| json!({"uuid": object.uuid, "name": object.name, "oper_status": status.to_json()});
    let mut out: Vec<Value> = on_engines(object, view)
        .map(|(engine, listeners, status)| {
            let mut out = of(&status);
            out["se_uuid"] = json!(engine.uuid);
            out["se_ref"] = json!(engine_url(view, engine));
            out["se_name"] = json!(engine.name);
            out["listeners"] = json!(listeners);
            out
        })
        .collect();
    if out.is_empty() {
        out.push(of(&Summary::of(object, view).status));
    }
    Value::Array(out)
}

/// Connected engines that have it, where they listen, and their state of it.
fn on_engines<'a>(
    object: &'a Object,
    view: &'a View<'_>,
) -> impl Iterator<Item = (&'a EngineInfo, Vec<String>, Status)> {
    let off = switched_off(object, view.projection);
    view.connected().filter_map(move |engine| {
        let (listeners, status) = on_engine(engine.report.as_deref()?, &object.uuid)?;
        Some((engine, listeners, off.clone().unwrap_or(status)))
    })
}

fn on_engine(report: &Report, uuid: &str) -> Option<(Vec<String>, Status)> {
    if let Some(service) = report.http_service(uuid) {
        let status = Status::of(service.state, &service.reason, Some(service.since_us));
        return Some((service.listeners.iter().map(ToString::to_string).collect(), status));
    }
    let service = report.dns_services.iter().find(|service| service.uuid == uuid)?;
    let status = Status::of(service.state, &service.reason, None);
    Some((service.listeners.iter().map(ToString::to_string).collect(), status))
}

/// The state of one that the administrator switched off, itself or with its parent.
fn switched_off(object: &Object, projection: &Projection) -> Option<Status> {
    if !is_enabled(&object.body) {
        return Some(Status::disabled(""));
    }
    let parent = target(projection, object, "vh_parent_vs_ref", "virtualservice")?;
    let reason = || format!("its parent {} is disabled", parent.name);
    (!is_enabled(&parent.body)).then(|| Status::disabled(&reason()))
}

/// The service engine group it is placed on: of a child, that of its parent.
fn group_of<'a>(object: &'a Object, projection: &'a Projection) -> Option<&'a Object> {
    let owner = target(projection, object, "vh_parent_vs_ref", "virtualservice").unwrap_or(object);
    target(projection, owner, "se_group_ref", "serviceenginegroup")
}

/// Addresses and names of a virtual service: of a child, those of its parent's VsVip.
pub(in crate::routes) fn place<'a>(object: &'a Object, projection: &'a Projection) -> (&'a [Value], &'a [Value]) {
    let owner = target(projection, object, "vh_parent_vs_ref", "virtualservice").unwrap_or(object);
    let vs_vip = target(projection, owner, "vsvip_ref", "vsvip").unwrap_or(owner);
    (list(&vs_vip.body, "vip"), list(&vs_vip.body, "dns_info"))
}

/// The object that a reference field points at.
fn target<'a>(projection: &'a Projection, object: &Object, field: &str, path: &str) -> Option<&'a Object> {
    let uuid = object.body.get(field)?.as_str()?.rsplit('/').next()?;
    projection.get(path, uuid).map(AsRef::as_ref)
}

fn engine_url(view: &View<'_>, engine: &EngineInfo) -> String {
    format!("{}/api/serviceengine/{}", view.base_url, engine.uuid)
}
