//! What clients read of networks, addresses and clouds beside the objects themselves (avi-api 2.17 to 2.19, 3.1).

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Request;
use crate::error::ApiError;

/// State of a cloud without orchestrator.
pub(super) const CLOUD_READY: &str = "CLOUD_STATE_PLACEMENT_READY";

/// `/api/networkruntime/<uuid>`: which addresses are allocated, and to whom.
pub(super) fn network_runtime(request: &Request<'_>, uuid: &str) -> Result<Response, ApiError> {
    let schema = network_schema(request)?;
    let document = request.api.live.read(|state| {
        let network = objects::read(&state.projection, schema, uuid, request.tenancy.visibility())?;
        Ok::<_, ApiError>(objects::network_runtime(&state.projection, network))
    })?;
    Ok(axum::Json(document).into_response())
}

/// `/api/networkruntime`: all of them.
pub(super) fn network_runtimes(request: &Request<'_>) -> Result<Response, ApiError> {
    let schema = network_schema(request)?;
    let results: Vec<Value> = request.api.live.read(|state| {
        let networks = state.projection.visible(schema, request.tenancy.visibility());
        networks.into_iter().map(|network| objects::network_runtime(&state.projection, network)).collect()
    });
    Ok(axum::Json(json!({"count": results.len(), "results": results})).into_response())
}

/// `/api/ipamdnsproviderprofiledomainlist?cloud_uuid=`: domains for names of virtual services; of `Default-Cloud` when
/// none is named.
pub(super) fn domains(request: &Request<'_>) -> Result<Response, ApiError> {
    let schema = cloud_schema(request)?;
    let domains = request.api.live.read(|state| {
        let projection = &state.projection;
        let cloud = match request.call.parameter("cloud_uuid") {
            Some(uuid) => Some(objects::read(projection, schema, uuid, request.tenancy.visibility())?),
            None => projection.by_name("cloud", objects::ADMIN, None, "Default-Cloud"),
        };
        Ok::<_, ApiError>(cloud.and_then(|cloud| objects::dns_domains(projection, cloud)).unwrap_or_default())
    })?;
    Ok(axum::Json(json!({ "domains": domains })).into_response())
}

/// `/api/cloud/<uuid>/status`: a cloud without orchestrator is always ready.
pub(super) fn cloud_status(request: &Request<'_>, uuid: &str) -> Result<Response, ApiError> {
    let schema = cloud_schema(request)?;
    let name = request.api.live.read(|state| {
        let cloud = objects::read(&state.projection, schema, uuid, request.tenancy.visibility())?;
        Ok::<_, ApiError>(cloud.name.clone())
    })?;
    let document = json!({"uuid": uuid, "name": name, "state": CLOUD_READY, "reason": "Cloud is ready"});
    Ok(axum::Json(document).into_response())
}

fn network_schema(request: &Request<'_>) -> Result<&'static avi_schema::TypeSchema, ApiError> {
    schema(request, "network")
}

fn cloud_schema(request: &Request<'_>) -> Result<&'static avi_schema::TypeSchema, ApiError> {
    schema(request, "cloud")
}

fn schema(request: &Request<'_>, path: &str) -> Result<&'static avi_schema::TypeSchema, ApiError> {
    request.api.types.get(path).ok_or_else(|| ApiError::NoSuchPath(request.call.path.clone()))
}
