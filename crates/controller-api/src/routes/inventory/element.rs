//! One element of an inventory.

use ::objects::{Object, RenderOptions};
use avi_schema::TypeSchema;
use serde_json::{Map, Value, json};

use super::Include;
use crate::routes::{
    Request, neighbours,
    runtime::{self, View},
    service_engines,
};

/// Configuration that the element of a type shows; all of it for types that are not here.
const CONFIG: [(&str, &[&str]); 3] = [
    (
        "virtualservice",
        &[
            "enabled",
            "type",
            "tenant_ref",
            "cloud_ref",
            "se_group_ref",
            "vrf_context_ref",
            "vsvip_ref",
            "vip",
            "services",
            "fqdn",
            "pool_ref",
            "pool_group_ref",
            "application_profile_ref",
            "vh_type",
            "vh_domain_name",
            "vh_matches",
            "vh_parent_vs_ref",
            "vh_child_vs_uuid",
            "east_west_placement",
        ],
    ),
    (
        "pool",
        &[
            "enabled",
            "default_server_port",
            "tenant_ref",
            "cloud_ref",
            "vrf_ref",
            "gslb_sp_enabled",
            "created_by",
            "health_monitor_refs",
        ],
    ),
    ("serviceengine", &["tenant_ref", "cloud_ref", "se_group_ref", "enable_state", "vs_refs"]),
];

/// How elements are made.
pub(super) struct Element<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) schema: &'static TypeSchema,
    pub(super) request: &'a Request<'a>,
    /// `include_name`.
    pub(super) names: bool,
    pub(super) include: &'a Include,
}

impl Element<'_> {
    pub(super) fn of(&self, object: &Object) -> Value {
        let mut out = Map::new();
        out.insert("uuid".to_owned(), json!(object.uuid));
        out.insert("url".to_owned(), json!(self.url(object)));
        out.insert("config".to_owned(), self.config(object));
        // Always there, if empty (7.2).
        out.insert("metrics".to_owned(), json!({}));
        let runtime = self.runtime(object);
        if self.include.has("alert") {
            out.insert("alert".to_owned(), json!({"low": 0, "medium": 0, "high": 0}));
        }
        if self.include.has("health_score")
            && let Some(runtime) = runtime.as_ref().filter(|_| self.has_score())
        {
            out.insert("health_score".to_owned(), health_score(runtime));
        }
        if let Some(runtime) = runtime.filter(|_| self.include.has("runtime")) {
            let name = if object.path == "cloud" { "status" } else { "runtime" };
            out.insert(name.to_owned(), runtime);
        }
        self.add_neighbours(object, &mut out);
        Value::Object(out)
    }

    fn config(&self, object: &Object) -> Value {
        let listed = CONFIG.iter().find(|(path, _)| *path == object.path);
        let fields: Vec<String> = match listed {
            _ if !self.include.has("config") => vec!["uuid".to_owned()],
            Some((_, fields)) => fields.iter().map(|field| (*field).to_owned()).collect(),
            None => Vec::new(),
        };
        let options = RenderOptions {
            base_url: &self.request.call.base_url,
            names: self.names,
            fields: &fields,
            now_us: self.request.api.clock.wall_us(),
            ..RenderOptions::default()
        };
        let view = self.view;
        let mut config = ::objects::render_as(view.projection, Some(self.schema), object, &options);
        if self.include.has("config") {
            match object.path {
                "virtualservice" => {
                    let (vips, names) = runtime::virtual_service::place(object, view.projection);
                    for (field, values) in [("vip", vips), ("dns_info", names)] {
                        if !values.is_empty() && config.get(field).is_none() {
                            config[field] = json!(values);
                        }
                    }
                }
                "serviceengine" => {
                    if let Some(engine) = view.engines.iter().find(|engine| engine.uuid == object.uuid) {
                        config["mgmt_ip_address"] = service_engines::address_of(engine);
                    }
                }
                _ => {}
            }
        }
        config
    }

    /// State of the object, where its type has one.
    fn runtime(&self, object: &Object) -> Option<Value> {
        let view = self.view;
        match object.path {
            "serviceengine" => {
                let engine = view.engines.iter().find(|engine| engine.uuid == object.uuid)?;
                Some(service_engines::summary(engine))
            }
            "network" => Some(::objects::network_runtime(view.projection, object)),
            "cloud" => Some(json!({"state": crate::routes::addresses::CLOUD_READY})),
            _ => runtime::has(self.schema).then(|| runtime::of(self.schema, object, view)),
        }
    }

    fn has_score(&self) -> bool {
        matches!(self.schema.path, "virtualservice" | "pool" | "serviceengine")
    }

    /// Objects around it that scripts look for.
    fn add_neighbours(&self, object: &Object, out: &mut Map<String, Value>) {
        let projection = self.view.projection;
        let visibility = self.request.tenancy.visibility();
        let urls = |objects: &[&Object]| {
            let urls = objects.iter().filter(|object| {
                projection.types().get(object.path).is_some_and(|schema| visibility.sees(schema, object))
            });
            json!(urls.map(|object| self.url(object)).collect::<Vec<_>>())
        };
        let mut put = |name: &str, value: Value| {
            out.insert(name.to_owned(), value);
        };
        match object.path {
            "virtualservice" => {
                let below = neighbours::below(object, projection);
                put("pools", urls(&below.pools));
                put("poolgroups", urls(&below.pool_groups));
                put("app_profile_type", json!(neighbours::application(object, projection)));
                put("has_pool_with_realtime_metrics", json!(false));
            }
            "pool" | "poolgroup" | "vsvip" => {
                let users = neighbours::virtual_services_above(object, projection);
                put("virtualservices", urls(&users));
                if object.path == "poolgroup" {
                    put("pools", urls(&neighbours::below(object, projection).pools));
                }
                if let Some(first) = users.first().filter(|_| object.path == "pool") {
                    put("app_profile_type", json!(neighbours::application(first, projection)));
                }
            }
            "serviceenginegroup" => {
                let users = neighbours::virtual_services_above(object, projection);
                put("virtualservices", urls(&users));
                let engines =
                    self.view.engines.iter().map(|engine| service_engines::object_of(self.request, engine, self.view));
                let is_member = |engine: &Object| {
                    engine.body.get("se_group_ref").and_then(Value::as_str) == Some(object.reference().as_str())
                };
                let engines: Vec<Value> =
                    engines.filter(|engine| is_member(engine)).map(|engine| json!(self.url(&engine))).collect();
                put("serviceengines", json!(engines));
            }
            _ => {}
        }
    }

    fn url(&self, object: &Object) -> String {
        ::objects::url(object, &self.request.call.base_url, self.names)
    }
}

/// 0 when it is not up; else the share of servers that are up. Penalties are not computed (7.6).
fn health_score(runtime: &Value) -> Value {
    let is_up = runtime.pointer("/oper_status/state").and_then(Value::as_str) == Some("OPER_UP");
    let number = |field: &str| runtime.get(field).and_then(Value::as_u64).unwrap_or_default();
    let (up, of) = (number("num_servers_up"), number("num_servers_enabled"));
    let score = if is_up { (100 * up).checked_div(of).unwrap_or(100) } else { 0 };
    let reason = if is_up && of > 0 { format!("{up} of {of} servers are up") } else { String::new() };
    json!({
        "health_score": score, "performance_score": {"value": score, "reason": reason},
        "resources_penalty": 0, "security_penalty": 0, "anomaly_penalty": 0,
    })
}
