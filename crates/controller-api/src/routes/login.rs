//! `/login` and `/logout` (avi-api 1.2).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use objects::{Object, Projection, RenderOptions};
use serde_json::{Map, Value, json};

use crate::{
    api::Inner, authenticate, body, call::Call, cookies, error::ApiError, path, session::Session, settings::Settings,
    version,
};

/// Largest login body in bytes.
const LOGIN_BYTES_MAX: usize = 64 * 1024;

/// Starts a session.
pub(super) async fn login(api: &Inner, call: &Call, body: &mut Body) -> Result<Response, ApiError> {
    let user = match credentials(call, body).await? {
        (name, Secret::Password(password)) => authenticate::check_password(api, &name, &password).await?,
        (name, Secret::Token(value)) => {
            let user = authenticate::check_token(api, &value).await?;
            if user.name != name {
                return Err(ApiError::InvalidCredentials);
            }
            user
        }
    };
    let now = api.clock.monotonic();
    let session = {
        let settings = api.live.read(|state| Settings::read(&state.projection));
        let mut sessions = api.sessions.lock();
        sessions.sweep(settings.lifetime, now);
        sessions.start(&user.uuid, false, now, &mut rand::rng())
    };
    tracing::debug!(user = user.name, "logged in");
    let document = api.live.read(|state| account_document(&state.projection, &user, &call.base_url));
    let mut response = axum::Json(document).into_response();
    cookies::set_csrf(response.headers_mut(), &session.csrf_token, api.is_secure());
    cookies::set_session(response.headers_mut(), &session.id, api.is_secure());
    Ok(response)
}

/// Ends the session; an unknown one is as good as ended.
pub(super) fn logout(api: &Inner, call: &Call) -> Result<Response, ApiError> {
    let settings = api.live.read(|state| Settings::read(&state.projection));
    let candidates = cookies::session_ids(&call.headers);
    let mut sessions = api.sessions.lock();
    if let Some(Session { id, csrf_token, .. }) = sessions.resume(&candidates, settings.lifetime, api.clock.monotonic())
    {
        if call.header("x-csrftoken") != Some(csrf_token.as_str()) {
            return Err(ApiError::Csrf);
        }
        sessions.end(&id);
    }
    Ok(axum::Json(json!({})).into_response())
}

/// What a login tells about the account; `/api/initial-data` tells the same.
pub(super) fn account_document(projection: &Projection, user: &Object, base_url: &str) -> Value {
    let settings = Settings::read(projection);
    // References in there are relative (observed).
    let relative = RenderOptions { base_url: "", ..RenderOptions::default() };
    let system_config = projection.single("systemconfiguration");
    let system_config = system_config.map(|object| objects::render(projection, object, &relative));
    let tenants: Vec<Value> = projection
        .objects("tenant")
        .map(|tenant| {
            let local = tenant.body.get("local").cloned().unwrap_or(Value::Bool(true));
            json!({"uuid": tenant.uuid, "name": tenant.name, "local": local, "url": format!("{base_url}{}", tenant.reference())})
        })
        .collect();
    let mut document = Map::new();
    document.insert("session_cookie_name".into(), json!("avi-sessionid"));
    document.insert("version".into(), version::document());
    document.insert("user_initialized".into(), json!(true));
    document.insert("user".into(), user_document(user, base_url));
    document.insert("tenants".into(), Value::Array(tenants));
    document.extend(system_config.map(|config| ("system_config".to_owned(), config)));
    document.insert("controller".into(), json!({"api_idle_timeout": settings.idle_minutes}));
    Value::Object(document)
}

fn user_document(user: &Object, base_url: &str) -> Value {
    let field = |name: &str, absent: Value| user.body.get(name).cloned().unwrap_or(absent);
    let tenant = user.body.get("default_tenant_ref").and_then(Value::as_str).unwrap_or("/api/tenant/admin");
    json!({
        "uuid": user.uuid, "username": user.name, "name": user.name, "full_name": field("full_name", json!("")),
        "email": field("email", json!("")), "is_superuser": field("is_superuser", json!(false)),
        "local": field("local", json!(true)), "default_tenant_ref": format!("{base_url}{tenant}"),
        "ui_property": field("ui_property", json!("{}")),
    })
}

/// What proves that a user is the one.
enum Secret {
    Password(String),
    Token(String),
}

/// User name and secret of a login body, whichever way it is encoded.
async fn credentials(call: &Call, body: &mut Body) -> Result<(String, Secret), ApiError> {
    let bytes = body::read(body, LOGIN_BYTES_MAX).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ApiError::Body("it is not UTF-8".into()))?;
    let is_json = call.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    // Some scripts send JSON under curl's default content type.
    if is_json || text.trim_start().starts_with('{') {
        let fields: Value = serde_json::from_str(text)?;
        choose(|name| fields.get(name).and_then(Value::as_str))
    } else {
        let fields = path::parameters(text);
        choose(|name| path::parameter(&fields, name))
    }
}

fn choose<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Result<(String, Secret), ApiError> {
    let missing = |name: &str| ApiError::Body(format!("send username and password; {name} is missing"));
    let name = field("username").ok_or_else(|| missing("username"))?.to_owned();
    match (field("token").filter(|token| !token.is_empty()), field("password")) {
        (Some(token), _) => Ok((name, Secret::Token(token.to_owned()))),
        (None, Some(password)) => Ok((name, Secret::Password(password.to_owned()))),
        (None, None) => Err(missing("password")),
    }
}
