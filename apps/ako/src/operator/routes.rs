//! Routes to the pods of each node, in the VRF of the cluster (ako 6.1).

use std::time::Duration;

use ako_translate::{Site, StaticRoute, merge_routes};
use avi_client::{AviClient, AviError, BackOff};
use serde_json::Value;
use tokio::time::Instant;

/// What the VRF has, and what is being done about it.
#[derive(Debug)]
pub(super) struct RouteWork {
    /// The VRF as it was last seen; `None`: routes are left alone.
    pub(super) vrf: Option<Value>,
    pub(super) is_busy: bool,
    pub(super) until: Option<Instant>,
    pub(super) back_off: BackOff,
    /// What was told of its failing.
    pub(super) told: Option<String>,
}

impl Default for RouteWork {
    fn default() -> Self {
        let back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(90));
        Self { vrf: None, is_busy: false, until: None, back_off, told: None }
    }
}

impl RouteWork {
    /// Whether the VRF has other routes of ours than these.
    pub(super) fn differs(&self, routes: &[StaticRoute], cluster: &str) -> bool {
        let Some(vrf) = &self.vrf else { return false };
        let there = vrf["static_routes"].as_array().cloned().unwrap_or_default();
        compared(&there) != compared(&merge_routes(&there, routes, cluster))
    }
}

/// What counts of each route; the controller adds to the rest.
fn compared(routes: &[Value]) -> Vec<[String; 5]> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let route = |route: &Value| {
        [
            text(&route["route_id"]),
            text(&route["prefix"]["ip_addr"]["addr"]),
            text(&route["prefix"]["mask"]),
            text(&route["next_hop"]["addr"]),
            text(&route["labels"][0]["value"]),
        ]
    };
    let mut compared: Vec<_> = routes.iter().map(route).collect();
    compared.sort_unstable();
    compared
}

/// Reads the VRF, puts the routes into it, and gives it as it is then.
pub(super) async fn write(
    client: AviClient,
    uuid: String,
    routes: Vec<StaticRoute>,
    site: std::sync::Arc<Site>,
) -> Result<Value, AviError> {
    let path = format!("/api/vrfcontext/{uuid}");
    let tenant = &site.settings.tenant;
    let mut vrf = client.get(&path, &[], tenant).await?;
    let there = vrf["static_routes"].as_array().cloned().unwrap_or_default();
    vrf["static_routes"] = merge_routes(&there, &routes, &site.settings.cluster).into();
    client.put(&path, &vrf, tenant).await
}
