//! Operational state under objects, from the last reports of the engines (avi-api 5.4, 7.1, 7.3).

mod gslb;
mod pool;
pub(super) mod virtual_service;

use std::{cell::OnceCell, ops::Deref};

use avi_schema::TypeSchema;
use axum::response::{IntoResponse, Response};
use objects::{Object, Projection};
use se_protocol::{MonitorState, Reports, State};
use serde_json::{Map, Value, json};

use super::Request;
use crate::{EngineInfo, error::ApiError, sites::Standing};

pub(super) use gslb::Sites;

/// What is asked of a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `/runtime`: what `join_subresources=runtime` adds.
    Summary,
    /// `/runtime/detail`, `/runtime/internal`: one element per engine.
    Detail,
    /// `/runtime/server`: the servers of a pool.
    Servers,
    /// `/runtime/server/detail`, `/runtime/server/hmonstat`: the servers of a pool, per engine.
    ServersDetail,
}

/// How the other sites stand, as it was when the first looked at it.
pub(super) struct AskedStanding<'a> {
    asked: &'a dyn crate::Sites,
    known: OnceCell<Standing>,
}

impl Deref for AskedStanding<'_> {
    type Target = Standing;

    fn deref(&self) -> &Standing {
        self.known.get_or_init(|| self.asked.standing())
    }
}

/// What the state of an object is derived from.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) projection: &'a Projection,
    pub(super) engines: &'a [EngineInfo],
    /// Of the engines that are connected.
    pub(super) reports: &'a Reports,
    /// How the other sites stand; put together when the first looks at it, as it names every member of every service.
    pub(super) standing: &'a AskedStanding<'a>,
    /// Scheme and host that urls start with.
    pub(super) base_url: &'a str,
}

/// An `OperationalStatus` to be.
#[derive(Debug, Clone)]
pub(super) struct Status {
    /// `OPER_…`.
    pub(super) state: &'static str,
    /// Why, in words; empty when there is nothing to say.
    pub(super) reason: String,
    /// Microseconds since the Unix epoch.
    pub(super) since_us: Option<i64>,
}

impl Part {
    /// The part that the segments behind `/api/<type>/<uuid>/runtime` name; `None` where the type has none such.
    pub(crate) fn of(schema: &TypeSchema, rest: &[&str]) -> Option<Self> {
        match (schema.path, rest) {
            (_, []) => Some(Self::Summary),
            ("virtualservice" | "pool", ["detail" | "internal"]) => Some(Self::Detail),
            ("pool", ["server"]) => Some(Self::Servers),
            ("pool", ["server", "detail" | "hmonstat"]) => Some(Self::ServersDetail),
            _ => None,
        }
        .filter(|_| has(schema))
    }

    /// How its path ends.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Summary => "",
            Self::Detail => "/detail",
            Self::Servers => "/server",
            Self::ServersDetail => "/server/detail",
        }
    }
}

/// Whether objects of this type have a runtime.
pub(super) fn has(schema: &TypeSchema) -> bool {
    matches!(schema.path, "virtualservice" | "pool" | "gslbservice" | "gslb")
}

/// `/api/<type>/<uuid>/runtime` and what is below.
pub(super) fn show(request: &Request<'_>, schema: &TypeSchema, uuid: &str, part: Part) -> Result<Response, ApiError> {
    let document = look(request, |view| {
        let object = objects::read(view.projection, schema, uuid, request.tenancy.visibility())?;
        Ok::<_, ApiError>(match (part, schema.path) {
            (Part::Summary, _) => of(schema, object, view),
            (Part::Detail, "pool") => pool::detail(object, view),
            (Part::Detail, _) => virtual_service::detail(object, view),
            (Part::Servers, _) => pool::servers(object, view),
            (Part::ServersDetail, _) => pool::servers_detail(object, view),
        })
    })?;
    Ok(axum::Json(document).into_response())
}

/// Looks at an object together with what the engines say; commits wait meanwhile.
pub(super) fn look<T>(request: &Request<'_>, look: impl FnOnce(&View<'_>) -> T) -> T {
    request.api.live.read(|state| with_engines(request, &state.projection, look))
}

/// Looks at many objects: at a copy, which is cheap, so that no commit waits until a long list is written.
pub(super) fn look_at_many<T>(request: &Request<'_>, look: impl FnOnce(&View<'_>) -> T) -> T {
    let projection = request.api.live.read(|state| state.projection.clone());
    with_engines(request, &projection, look)
}

fn with_engines<T>(request: &Request<'_>, projection: &Projection, look: impl FnOnce(&View<'_>) -> T) -> T {
    let engines = request.api.engine.engines();
    let connected = engines.iter().filter(|engine| engine.connected);
    let reports: Reports = connected.filter_map(|engine| engine.report.clone()).collect();
    let standing = AskedStanding { asked: &*request.api.sites, known: OnceCell::new() };
    let base_url = &request.call.base_url;
    look(&View { projection, engines: &engines, reports: &reports, standing: &standing, base_url })
}

/// The runtime of an object whose type has one.
pub(super) fn of(schema: &TypeSchema, object: &Object, view: &View<'_>) -> Value {
    match schema.path {
        "virtualservice" => virtual_service::summary(object, view),
        "pool" => pool::summary(object, view),
        "gslbservice" => gslb::service(object, view),
        _ => gslb::sites(object, view),
    }
}

impl View<'_> {
    /// Engines that are connected.
    pub(super) fn connected(&self) -> impl Iterator<Item = &EngineInfo> {
        self.engines.iter().filter(|engine| engine.connected)
    }

    /// Engines that are asked to run what is placed on a group; on any without one.
    fn asked(&self, group: Option<&Object>) -> impl Iterator<Item = &EngineInfo> {
        self.engines.iter().filter(move |engine| group.is_none_or(|group| engine.is_in(group)))
    }

    /// Why no engine says anything about an object that those of a group should have: each step on the way has its own
    /// state (7.1).
    fn awaited(&self, object: &Object, group: Option<&Object>) -> Status {
        let connected = || self.asked(group).filter(|engine| engine.connected);
        let of_group = group.map_or_else(String::new, |group| format!(" of {}", group.name));
        let is_new_enough = |engine: &EngineInfo| {
            engine.report.as_ref().is_some_and(|report| report.version.revision.0 >= object.modified)
        };
        let (state, reason) = match (self.asked(group).count(), connected().count()) {
            (0, _) => ("OPER_RESOURCES", format!("awaiting a service engine{of_group}, none has connected")),
            (known, 0) => ("OPER_UNAVAIL", format!("none of {known} service engines{of_group} is connected")),
            _ if connected().any(is_new_enough) => {
                let reason =
                    "service engines have the configuration and leave this out; the controller's log may say why";
                ("OPER_UNAVAIL", reason.to_owned())
            }
            _ => ("OPER_INITIALIZING", "no service engine has reported it yet".to_owned()),
        };
        Status { state, reason, since_us: None }
    }
}

impl Status {
    pub(super) fn of(state: State, reason: &str, since_us: Option<i64>) -> Self {
        Self { state: state.as_avi(), reason: reason.to_owned(), since_us }
    }

    pub(super) fn disabled(reason: &str) -> Self {
        Self::of(State::Disabled, reason, None)
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up.as_avi()
    }

    pub(super) fn to_json(&self) -> Value {
        let mut out = json!({"state": self.state});
        if !self.reason.is_empty() {
            out["reason"] = json!([self.reason]);
        }
        if let Some(since) = self.since_us {
            let (secs, usecs) = (since.div_euclid(1_000_000), since.rem_euclid(1_000_000));
            out["last_changed_time"] = json!({"secs": secs, "usecs": usecs});
        }
        out
    }
}

/// An `OperationalStatus`.
fn status(state: State, reason: &str, since_us: Option<i64>) -> Value {
    Status::of(state, reason, since_us).to_json()
}

/// What each monitor says of one target.
fn monitors(monitors: &[MonitorState]) -> Value {
    let shown = monitors.iter().map(|monitor| {
        let mut out = json!({
            "uuid": monitor.uuid, "name": monitor.name, "target": monitor.target.to_string(),
            "oper_status": status(monitor.state, monitor.last_failure.as_deref().unwrap_or_default(), None),
            "streak": monitor.streak,
        });
        if let Some(latency) = monitor.latency_us {
            out["latency_us"] = json!(latency);
        }
        if let Some(engine) = &monitor.probed_by {
            out["probed_by"] = json!(engine);
        }
        out
    });
    Value::Array(shown.collect())
}

fn is_enabled(fields: &Map<String, Value>) -> bool {
    fields.get("enabled") != Some(&Value::Bool(false))
}

fn list<'a>(fields: &'a Map<String, Value>, field: &str) -> &'a [Value] {
    fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
