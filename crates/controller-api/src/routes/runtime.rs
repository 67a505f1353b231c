//! Operational state under objects, from the last reports of the engines (avi-api 5.4, 7.1, 7.3).

use avi_schema::TypeSchema;
use axum::response::{IntoResponse, Response};
use objects::{Object, Projection};
use se_protocol::{DnsServiceSummary, GslbServiceState, MemberState, PoolState, Reports, State};
use serde_json::{Map, Value, json};

use super::Request;
use crate::error::ApiError;

/// Whether objects of this type have a runtime.
pub(super) fn has(schema: &TypeSchema) -> bool {
    matches!(schema.path, "virtualservice" | "gslbservice" | "gslb")
}

/// `/api/<type>/<uuid>/runtime`.
pub(super) fn show(request: &Request<'_>, schema: &TypeSchema, uuid: &str) -> Result<Response, ApiError> {
    let reports = request.api.engine.reports();
    let document = request.api.live.read(|state| {
        let projection = &state.projection;
        let object = objects::read(projection, schema, uuid, request.tenancy.visibility())?;
        Ok::<_, ApiError>(of(schema, object, projection, &reports))
    })?;
    Ok(axum::Json(document).into_response())
}

/// The runtime of an object; unknown where no engine said anything.
pub(super) fn of(schema: &TypeSchema, object: &Object, projection: &Projection, reports: &Reports) -> Value {
    match schema.path {
        "virtualservice" => virtual_service(object, projection, reports),
        "gslbservice" => gslb_service(object, projection, reports),
        _ => gslb(object, projection, reports),
    }
}

fn virtual_service(object: &Object, projection: &Projection, reports: &Reports) -> Value {
    let found = reports.dns_service(&object.uuid);
    let (state, reason) = match &found {
        _ if object.body.get("enabled") == Some(&Value::Bool(false)) => (State::Disabled, ""),
        Some(DnsServiceSummary { state, reason, .. }) => (*state, reason.as_str()),
        None => (State::Unknown, "no engine has reported it"),
    };
    let (assigned, up) = found.as_ref().map_or((0, 0), |found| (found.engines, found.engines_up));
    let percent = if state == State::Up { 100 * up / assigned.max(1) } else { 0 };
    // Each engine that is connected is asked to run it; before one is, it awaits one.
    let requested = assigned.max(1);
    let vs_vip = object.body.get("vsvip_ref").and_then(Value::as_str).and_then(|text| text.rsplit('/').next());
    let vs_vip = vs_vip.and_then(|uuid| projection.get("vsvip", uuid));
    let vips = list(vs_vip.map_or(&object.body, |vs_vip| &vs_vip.body), "vip").iter().map(|vip| {
        json!({
            "vip_id": vip.get("vip_id").cloned().unwrap_or(json!("0")), "oper_status": status(state, reason, None),
            "num_se_assigned": assigned, "num_se_requested": requested, "percent_ses_up": percent,
        })
    });
    let vips: Vec<Value> = vips.collect();
    json!({
        "uuid": object.uuid, "name": object.name, "oper_status": status(state, reason, None),
        "percent_ses_up": percent, "num_se_assigned": assigned, "num_se_requested": requested,
        "east_west": false, "vip_summary": vips,
    })
}

fn gslb_service(object: &Object, projection: &Projection, reports: &Reports) -> Value {
    let found = reports.gslb_service(&object.uuid);
    let oper_status = match &found {
        _ if object.body.get("enabled") == Some(&Value::Bool(false)) => status(State::Disabled, "", None),
        Some(GslbServiceState { state, reason, since_us, .. }) => status(*state, reason, Some(*since_us)),
        None => status(State::Unknown, "no engine has reported it", None),
    };
    let sites = Sites::read(projection);
    let groups = list(&object.body, "groups").iter().enumerate().map(|(index, group)| {
        let name = group.get("name").and_then(Value::as_str).unwrap_or_default();
        let pool = found.as_ref().and_then(|service| service.pool(index, name));
        gslb_pool(group, name, pool, object, &sites)
    });
    let groups: Vec<Value> = groups.collect();
    let tenant = projection.get("tenant", &object.tenant).map_or(object.tenant.as_str(), |tenant| tenant.name.as_str());
    json!({
        "uuid": object.uuid, "name": object.name, "tenant_name": tenant, "domain_names": list(&object.body, "domain_names"),
        "oper_status": oper_status, "groups": groups,
    })
}

fn gslb_pool(group: &Value, name: &str, pool: Option<&PoolState>, service: &Object, sites: &Sites<'_>) -> Value {
    let members = group.get("members").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut reported: Vec<&MemberState> = pool.map(|pool| pool.members.iter().collect()).unwrap_or_default();
    let members: Vec<Value> = members
        .iter()
        .map(|member| {
            let ip = member.pointer("/ip/addr").and_then(Value::as_str).and_then(|addr| addr.parse().ok());
            // The engine may have left members out, so addresses decide; each state is used once.
            let state = reported.iter().position(|state| Some(state.ip) == ip).map(|at| reported.remove(at));
            gslb_member(member, state, service, sites)
        })
        .collect();
    let state = pool.map_or(State::Unknown, |pool| pool.state);
    json!({"name": name, "oper_status": status(state, "", None), "members": members})
}

fn gslb_member(member: &Value, state: Option<&MemberState>, service: &Object, sites: &Sites<'_>) -> Value {
    let text = |field: &str| member.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    for field in ["ip", "public_ip", "fqdn", "cluster_uuid", "vs_uuid", "ratio"] {
        if let Some(value) = member.get(field).filter(|value| **value != json!("")) {
            put(field, value.clone());
        }
    }
    if let Some(name) = text("cluster_uuid").and_then(|uuid| sites.name(uuid)) {
        put("site_name", json!(name));
    }
    put("vip_type", json!(if text("vs_uuid").is_some() { "AVI_VIP" } else { "NON_AVI_VIP" }));
    put("gs_uuid", json!(service.uuid));
    put("gs_name", json!(service.name));
    let Some(state) = state else {
        put("oper_status", status(State::Unknown, "no engine has reported it", None));
        return Value::Object(out);
    };
    put("oper_status", status(state.state, &state.reason, Some(state.since_us)));
    if let Some(controller) = state.controller {
        put("controller_status", status(controller, "", None));
    }
    let datapath = status(state.datapath, "", None);
    put("datapath_status", json!([{"site_uuid": sites.own, "oper_status": datapath}]));
    if !state.monitors.is_empty() {
        let monitors = state.monitors.iter().map(|monitor| {
            let mut out = json!({
                "uuid": monitor.uuid, "name": monitor.name, "target": monitor.target.to_string(),
                "oper_status": status(monitor.state, monitor.last_failure.as_deref().unwrap_or_default(), None),
                "streak": monitor.streak,
            });
            if let Some(latency) = monitor.latency_us {
                out["latency_us"] = json!(latency);
            }
            out
        });
        put("health_monitor_info", Value::Array(monitors.collect()));
    }
    Value::Object(out)
}

fn gslb(object: &Object, projection: &Projection, reports: &Reports) -> Value {
    let sites = Sites::read(projection);
    let leader = object.body.get("leader_cluster_uuid").and_then(Value::as_str).unwrap_or_default();
    let mut dns_enabled = false;
    let of_site = |site: &Value, kind: &str| {
        let text = |field: &str| site.get(field).and_then(Value::as_str).unwrap_or_default();
        let uuid = text("cluster_uuid");
        let enabled = site.get("enabled").and_then(Value::as_bool).unwrap_or(true);
        let own = uuid == sites.own;
        // One controller plays all sites in this release: only of its own does it know the state.
        let (state, reason) = match (enabled, own) {
            (false, _) => (State::Disabled, ""),
            (true, true) => (State::Up, ""),
            (true, false) => (State::Unknown, "this release exchanges no state with other sites"),
        };
        let mut info = json!({
            "name": text("name"), "cluster_uuid": uuid, "cluster_leader": uuid == leader, "site_type": kind,
            "role": if uuid == leader { "GSLB_LEADER" } else { "GSLB_MEMBER" }, "state": "SITE_STATE_NULL",
            "oper_status": status(state, reason, None), "enabled": enabled,
        });
        if own {
            info["sw_version"] = json!(crate::API_VERSION);
            let states =
                site.get("dns_vses").and_then(Value::as_array).map(|listed| dns_vs_states(listed, projection, reports));
            if let Some(states) = states.filter(|states| !states.is_empty()) {
                info["dns_info"] = json!({"dns_active": true, "dns_vs_states": states});
            }
        }
        json!({"site_info": info})
    };
    let avi: Vec<Value> = list(&object.body, "sites").iter().map(|site| of_site(site, "GSLB_AVI_SITE")).collect();
    let third = list(&object.body, "third_party_sites").iter().map(|site| of_site(site, "GSLB_THIRD_PARTY_SITE"));
    let third: Vec<Value> = third.collect();
    dns_enabled |= avi.iter().any(|site| site.pointer("/site_info/dns_info").is_some());
    let mut out = json!({"uuid": object.uuid, "name": object.name, "dns_enabled": dns_enabled, "site": avi});
    for field in ["send_interval", "clear_on_max_retries", "view_id"] {
        if let Some(value) = object.body.get(field) {
            out[field] = value.clone();
        }
    }
    if !third.is_empty() {
        out["third_party_sites"] = Value::Array(third);
    }
    out
}

fn dns_vs_states(listed: &[Value], projection: &Projection, reports: &Reports) -> Vec<Value> {
    let states = listed.iter().filter_map(|vs| {
        let uuid = vs.get("dns_vs_uuid")?.as_str()?;
        let object = projection.get("virtualservice", uuid);
        let oper_status =
            reports.dns_service(uuid).map_or(status(State::Unknown, "no engine has reported it", None), |service| {
                status(service.state, &service.reason, None)
            });
        let name = object.map_or(uuid, |object| object.name.as_str());
        Some(json!({"uuid": uuid, "name": name, "oper_status": oper_status, "valid_dns_vs": object.is_some()}))
    });
    states.collect()
}

/// An `OperationalStatus`.
fn status(state: State, reason: &str, since_us: Option<i64>) -> Value {
    let mut out = json!({"state": state.as_avi()});
    if !reason.is_empty() {
        out["reason"] = json!([reason]);
    }
    if let Some(since) = since_us {
        out["last_changed_time"] = json!({"secs": since.div_euclid(1_000_000), "usecs": since.rem_euclid(1_000_000)});
    }
    out
}

fn list<'a>(fields: &'a Map<String, Value>, field: &str) -> &'a [Value] {
    fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Names of the GSLB sites, and which is this controller's.
pub(super) struct Sites<'a> {
    own: &'a str,
    gslb: Option<&'a Object>,
}

impl<'a> Sites<'a> {
    pub(super) fn read(projection: &'a Projection) -> Self {
        let own = projection.single("cluster").map_or("", |cluster| cluster.uuid.as_str());
        Self { own, gslb: projection.single("gslb").map(AsRef::as_ref) }
    }

    pub(super) fn name(&self, cluster_uuid: &str) -> Option<&'a str> {
        let body = &self.gslb?.body;
        let sites = list(body, "sites").iter().chain(list(body, "third_party_sites"));
        let site =
            sites.into_iter().find(|site| site.get("cluster_uuid").and_then(Value::as_str) == Some(cluster_uuid))?;
        site.get("name")?.as_str()
    }
}
