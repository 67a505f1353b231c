//! Pool: host names of its servers, and monitors it may use (avi-api 2.1, 2.6).

use serde_json::Value;

use super::{Draft, TypeRules};
use crate::error::WriteError;
use crate::reference;
use crate::write::guards::Guards;

pub(super) struct Pool;

impl TypeRules for Pool {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let servers = draft.object.body.get_mut("servers").and_then(Value::as_array_mut).into_iter().flatten();
        for server in servers.filter_map(Value::as_object_mut) {
            if let Some(address) = server.get("ip").and_then(|ip| ip.get("addr")).cloned() {
                server.entry("hostname").or_insert(address);
            }
        }
        Ok(())
    }

    fn check(&self, draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        let body = &draft.object.body;
        let monitors = body.get("health_monitor_refs").and_then(Value::as_array).into_iter().flatten();
        for text in monitors.filter_map(Value::as_str) {
            let monitor = reference::parse_stored(text).and_then(|(path, uuid)| draft.projection.get(path, uuid));
            if let Some(monitor) = monitor.filter(|monitor| super::is_federated(monitor.path, &monitor.body)) {
                let problem = format!("HealthMonitor {} is federated, which is for GSLB services", monitor.name);
                return Err(WriteError::invalid("health_monitor_refs", problem));
            }
        }
        let header =
            body.get("lb_algorithm_hash").and_then(Value::as_str) == Some("LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER");
        if header && !body.contains_key("lb_algorithm_consistent_hash_hdr") {
            return Err(WriteError::Required("lb_algorithm_consistent_hash_hdr".to_owned()));
        }
        Ok(())
    }
}
