//! `/api/user-token`: tokens of the own account (avi-api 1.13).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Request;
use crate::{body, error::ApiError, settings::Settings, token::Token};

/// Longest life: ten years.
const HOURS_MAX: u32 = 87_600;

/// `/api/user-token`.
pub(super) async fn at_collection(request: &Request<'_>, body: &mut Body) -> Result<Response, ApiError> {
    let (api, user) = (request.api, &request.caller.user);
    if request.call.method == Method::POST {
        let input = body::read_json(body, api.config.body_bytes_max).await?;
        let hours = hours(&input, session_hours(request))?;
        let (value, token) = api.tokens.create(&user.uuid, hours, api.clock.wall_us()).await?;
        tracing::info!(target: "audit", user = user.name, token = token.uuid, hours, "token made");
        return Ok((StatusCode::CREATED, axum::Json(document(request, &token, &value))).into_response());
    }
    let tokens = api.tokens.list(&user.uuid, api.clock.wall_us()).await?;
    let results: Vec<Value> = tokens.iter().map(|token| document(request, token, "<sensitive>")).collect();
    Ok(axum::Json(json!({"count": results.len(), "results": results})).into_response())
}

/// `/api/user-token/<uuid or value>`.
pub(super) async fn at_element(request: &Request<'_>, id: &str) -> Result<Response, ApiError> {
    let user = &request.caller.user;
    if !request.api.tokens.delete(&user.uuid, id).await? {
        return Err(ApiError::Read(objects::ReadError::NotFound("UserToken")));
    }
    tracing::info!(target: "audit", user = user.name, "token ended");
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn document(request: &Request<'_>, token: &Token, value: &str) -> Value {
    let expires = jiff::Timestamp::from_microsecond(token.expires_us).unwrap_or(jiff::Timestamp::MAX);
    json!({
        "token": value, "username": request.caller.user.name, "hours": token.hours, "uuid": token.uuid,
        "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
    })
}

/// `hours` as number or text; none or 0 means as long as a session.
fn hours(input: &Value, session: u32) -> Result<u32, ApiError> {
    let number = match input.get("hours") {
        None | Some(Value::Null) => Some(0),
        Some(Value::String(text)) => text.trim().parse::<u32>().ok(),
        Some(value) => value.as_u64().and_then(|hours| u32::try_from(hours).ok()),
    };
    match number {
        Some(0) => Ok(session),
        Some(hours) if hours <= HOURS_MAX => Ok(hours),
        _ => Err(ApiError::Parameter(format!("hours: give 0 to {HOURS_MAX}"))),
    }
}

fn session_hours(request: &Request<'_>) -> u32 {
    let absolute = request.api.live.read(|state| Settings::read(&state.projection).lifetime.absolute);
    absolute.and_then(|limit| u32::try_from(limit.as_secs() / 3_600).ok()).unwrap_or(HOURS_MAX).clamp(1, HOURS_MAX)
}
