//! `/api/macro`: an object and those inside it in one request, as operators before March 2021 send every object
//! (avi-api 1.11). The answer is an array.

use ::objects::{Change, MacroVerb, WriteError};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use serde_json::Value;

use super::{Request, account, objects};
use crate::{body, error::ApiError};

/// Makes, replaces or removes what the body says.
pub(super) async fn write(request: &Request<'_>, body: &mut Body) -> Result<Response, ApiError> {
    let (verb, status) = match request.call.method {
        Method::DELETE => (MacroVerb::Delete, StatusCode::NO_CONTENT),
        Method::PUT => (MacroVerb::Replace, StatusCode::OK),
        _ => (MacroVerb::Create, StatusCode::CREATED),
    };
    objects::check_may_write(request)?;
    let mut input = body::read_json(body, request.api.config.body_bytes_max).await?;
    let required = |field: &str| ApiError::Write(WriteError::Required(field.to_owned()));
    let name = input.get("model_name").and_then(Value::as_str).ok_or_else(|| required("model_name"))?;
    let schema = ::objects::model(&request.api.types, name).map_err(ApiError::Write)?;
    let mut data = input.get_mut("data").map(Value::take).ok_or_else(|| required("data"))?;
    if schema.path == "user" {
        account::hash_passwords(&mut data, &request.api.verifier).await?;
    }
    let (write, revision) = objects::write(request, |projection, context| {
        ::objects::decide_macro(projection, schema, verb, &data, context)
    })
    .await?;
    objects::audit(request, &write, revision);
    if verb == MacroVerb::Delete {
        return Ok(status.into_response());
    }
    let changes = std::iter::once(&write.change).chain(&write.others);
    let documents = changes.filter_map(Change::object).map(|object| objects::shown(request, object));
    Ok((status, axum::Json(documents.collect::<Vec<Value>>())).into_response())
}
