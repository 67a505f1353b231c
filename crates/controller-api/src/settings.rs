//! What the stored configuration says about the API itself.

use std::time::Duration;

use objects::Projection;
use serde_json::Value;

use crate::session::Lifetime;

/// Settings in force for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Idle and absolute timeout of sessions.
    pub(crate) lifetime: Lifetime,
    /// `portal_configuration.allow_basic_authentication`.
    pub(crate) basic: bool,
    /// `portal_configuration.use_uuid_from_input`.
    pub(crate) uuid_from_input: bool,
    /// `controllerproperties.api_idle_timeout` in minutes, as login answers tell it.
    pub(crate) idle_minutes: u64,
}

impl Settings {
    /// Reads them, with the defaults of avi-api 2.21 where an object is missing.
    pub(crate) fn read(projection: &Projection) -> Self {
        let idle_minutes = number(projection, "controllerproperties", "/api_idle_timeout").unwrap_or(15);
        let hours = number(projection, "systemconfiguration", "/portal_configuration/api_force_timeout").unwrap_or(24);
        let timeout =
            |count: u64, seconds: u64| (count > 0).then(|| Duration::from_secs(count.saturating_mul(seconds)));
        Self {
            lifetime: Lifetime { idle: timeout(idle_minutes, 60), absolute: timeout(hours, 3_600) },
            basic: flag(projection, "/portal_configuration/allow_basic_authentication"),
            uuid_from_input: flag(projection, "/portal_configuration/use_uuid_from_input"),
            idle_minutes,
        }
    }
}

fn value<'a>(projection: &'a Projection, path: &str, pointer: &str) -> Option<&'a Value> {
    let (first, rest) =
        pointer.trim_start_matches('/').split_once('/').unwrap_or((pointer.trim_start_matches('/'), ""));
    let value = projection.single(path)?.body.get(first)?;
    if rest.is_empty() { Some(value) } else { value.get(rest) }
}

fn number(projection: &Projection, path: &str, pointer: &str) -> Option<u64> {
    value(projection, path, pointer)?.as_u64()
}

fn flag(projection: &Projection, pointer: &str) -> bool {
    value(projection, "systemconfiguration", pointer).and_then(Value::as_bool).unwrap_or(false)
}
