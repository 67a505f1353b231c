//! `/api/useraccount`, and passwords in bodies of users (avi-api 1.13, 2.21).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use objects::{Object, Origin, RenderOptions, Visibility, WriteContext};
use serde_json::{Map, Value, json};

use super::Request;
use crate::{
    body,
    error::ApiError,
    password::{PasswordError, Verifier},
};

/// What a client sends back for a secret it never saw; the stored one stays.
const SENSITIVE: &str = "<sensitive>";

/// The own account.
pub(super) fn show(request: &Request<'_>) -> Result<Response, ApiError> {
    let options = RenderOptions { base_url: &request.call.base_url, ..RenderOptions::default() };
    let user = &request.caller.user;
    let document = request.api.live.read(|state| objects::render(&state.projection, user, &options));
    Ok(axum::Json(document).into_response())
}

/// Changes password, full name or e-mail of the own account; a new password needs the old one. Sessions stay valid.
pub(super) async fn change(request: &Request<'_>, body: &mut Body) -> Result<Response, ApiError> {
    let input = body::read_json(body, request.api.config.body_bytes_max).await?;
    let Value::Object(input) = input else { return Err(ApiError::Body("send a JSON object".into())) };
    let mut replace = Map::new();
    for field in ["full_name", "email"] {
        replace.extend(input.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    if let Some(password) = input.get("password").and_then(Value::as_str).filter(|text| *text != SENSITIVE) {
        check_old_password(request, &request.caller.user, &input).await?;
        replace.insert("password".into(), json!(request.api.verifier.hash(password).await?));
    }
    if !replace.is_empty() {
        let (schema, user) = (user_schema(request)?, &request.caller.user);
        let patch = json!({"replace": replace});
        let context = WriteContext {
            tenant: &user.tenant,
            visibility: Visibility::All,
            now_us: request.api.clock.wall_us(),
            new_uuid: &|| uuid::Uuid::new_v4().to_string(),
            slug: None,
            origin: Origin::Client,
            attempt: 0,
        };
        let decide = |projection: &objects::Projection, _attempt: u32| {
            objects::patch(projection, schema, &user.uuid, &patch, &context)
        };
        let (_, revision) = request.api.committer.commit(decide).await?;
        let fields: Vec<&str> = replace.keys().map(String::as_str).collect();
        tracing::info!(target: "audit", user = user.name, ?fields, revision, "account changed by its user");
    }
    // Observed: an empty body.
    Ok(StatusCode::OK.into_response())
}

/// Replaces every plain password in the body of a write to users by its hash.
pub(super) async fn hash_passwords(input: &mut Value, verifier: &Verifier) -> Result<(), PasswordError> {
    for place in password_places(input) {
        let plain = match place {
            Value::String(text) if text != SENSITIVE => text.clone(),
            _ => continue,
        };
        *place = json!(verifier.hash(&plain).await?);
    }
    Ok(())
}

/// Where a body of POST, PUT or PATCH can hold the password of a user.
fn password_places(input: &mut Value) -> Vec<&mut Value> {
    match input {
        Value::Array(operations) => operations.iter_mut().filter_map(of_operation).collect(),
        Value::Object(fields) => {
            let mut places = Vec::new();
            for (name, value) in fields.iter_mut() {
                match (name.as_str(), value) {
                    ("password", value) => places.push(value),
                    ("add" | "replace", Value::Object(fields)) => places.extend(fields.get_mut("password")),
                    ("json_patch", Value::Array(operations)) => {
                        places.extend(operations.iter_mut().filter_map(of_operation))
                    }
                    _ => {}
                }
            }
            places
        }
        _ => Vec::new(),
    }
}

fn of_operation(operation: &mut Value) -> Option<&mut Value> {
    let is_password = operation.get("path").and_then(Value::as_str) == Some("/password");
    if is_password { operation.get_mut("value") } else { None }
}

async fn check_old_password(request: &Request<'_>, user: &Object, input: &Map<String, Value>) -> Result<(), ApiError> {
    let old = input.get("old_password").and_then(Value::as_str);
    let old = old.ok_or_else(|| ApiError::Body("a new password needs old_password too".into()))?;
    let hash = user.body.get("password").and_then(Value::as_str);
    if request.api.verifier.verify(hash, old).await? { Ok(()) } else { Err(ApiError::OldPassword) }
}

fn user_schema(request: &Request<'_>) -> Result<&'static avi_schema::TypeSchema, ApiError> {
    request.api.types.get("user").ok_or_else(|| ApiError::NoSuchPath("/api/useraccount".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_form_of_a_password_is_hashed_and_nothing_else() {
        let verifier = Verifier::new().unwrap();
        for (mut input, pointer) in [
            (json!({"username": "u", "password": "plain"}), "/password"),
            (json!({"replace": {"password": "plain"}}), "/replace/password"),
            (json!({"add": {"password": "plain"}}), "/add/password"),
            (json!({"json_patch": [{"op": "replace", "path": "/password", "value": "plain"}]}), "/json_patch/0/value"),
            (json!([{"op": "add", "path": "/password", "value": "plain"}]), "/0/value"),
        ] {
            hash_passwords(&mut input, &verifier).await.unwrap();
            let hash = input.pointer(pointer).unwrap().as_str().unwrap();
            assert!(hash.starts_with("$argon2id$"), "{input}");
            assert!(!input.to_string().contains("plain"), "{input}");
        }
        let mut masked = json!({"password": "<sensitive>", "full_name": "x"});
        let before = masked.clone();
        hash_passwords(&mut masked, &verifier).await.unwrap();
        assert_eq!(masked, before);
    }
}
