//! Whether the controller is up, and what it is (avi-api 1.4, 3.1).

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Request, login};
use crate::{api::Inner, error::ApiError, version};

/// `/api/cluster/status`, without authentication: anything but 5xx means "up" to the SDKs.
pub(super) fn status(api: &Inner) -> Result<Response, ApiError> {
    if !api.live.is_loaded() {
        return Err(ApiError::Starting);
    }
    Ok(axum::Json(json!({"cluster_state": cluster_state(api)})).into_response())
}

/// `/api/cluster/runtime`. Operators re-synchronise when `up_since` or the leader's name changes, so both stay for the
/// life of the process.
pub(super) fn runtime(request: &Request<'_>) -> Result<Response, ApiError> {
    let api = request.api;
    let address = &api.config.node_address;
    let (name, cluster) = api.live.read(|state| {
        let cluster = state.projection.single("cluster");
        let node = cluster.and_then(|cluster| cluster.body.get("nodes")?.get(0)?.get("name")?.as_str());
        (node.unwrap_or(address).to_owned(), cluster.map(|cluster| cluster.uuid.clone()).unwrap_or_default())
    });
    let since = up_since(api);
    let node = json!({"name": name, "role": "CLUSTER_LEADER", "up_since": since, "state": "CLUSTER_ACTIVE", "mgmt_ip": address});
    let info = json!({"uuid": name, "version": crate::API_VERSION, "cluster_uuid": cluster, "mgmt_ip": address});
    let document: Value =
        json!({"cluster_state": cluster_state(api), "node_states": [node], "node_info": info, "service_states": []});
    Ok(axum::Json(document).into_response())
}

/// `/api/cluster/version`.
pub(super) fn version() -> Response {
    axum::Json(version::document()).into_response()
}

/// `/api/initial-data` for a user.
pub(super) fn initial_data(request: &Request<'_>) -> Response {
    let user = &request.caller.user;
    let mut document =
        request.api.live.read(|state| login::account_document(&state.projection, user, &request.call.base_url));
    document["default_tenant"] = json!("admin");
    axum::Json(document).into_response()
}

/// `/api/initial-data` for somebody who has not logged in.
pub(super) fn initial_data_of_a_stranger() -> Response {
    axum::Json(json!({"version": version::document(), "session_cookie_name": "avi-sessionid"})).into_response()
}

fn cluster_state(api: &Inner) -> Value {
    json!({"state": "CLUSTER_UP_NO_HA", "progress": 100, "reason": "The controller is up", "up_since": up_since(api)})
}

fn up_since(api: &Inner) -> String {
    let started = jiff::Timestamp::from_microsecond(api.started_us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    started.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
