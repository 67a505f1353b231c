//! Who asks: session cookies with CSRF token, Basic, or a token (avi-api 1.3).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use objects::Object;
use serde_json::Value;

use crate::{api::Inner, call::Call, cookies, error::ApiError, session::Session, settings::Settings};

/// What is logged of a name that somebody tried.
const SHOWN_CHARS_MAX: usize = 64;

/// The user behind a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: Arc<Object>,
    /// Session whose cookies are refreshed.
    pub(crate) session: Option<Session>,
    /// Whether the client does not know the session's CSRF token yet.
    pub(crate) is_new_session: bool,
}

impl Caller {
    /// Whether the user may write.
    pub(crate) fn is_superuser(&self) -> bool {
        flag(&self.user, "is_superuser")
    }
}

/// Finds out who asks.
pub(crate) async fn authenticate(api: &Inner, call: &Call) -> Result<Caller, ApiError> {
    let settings = api.live.read(|state| Settings::read(&state.projection));
    if let Some(value) = call.header("authorization").and_then(token_value) {
        let user = check_token(api, value).await?;
        return Ok(Caller { user, session: None, is_new_session: false });
    }
    let basic = call.header("authorization").and_then(basic_credentials);
    let candidates = cookies::session_ids(&call.headers);
    let session = api.sessions.lock().resume(&candidates, settings.lifetime, api.clock.monotonic());
    let user = session.as_ref().and_then(|session| user_by_uuid(api, &session.user));
    match (session, user, basic) {
        (Some(session), Some(user), None) => {
            // The token is compared to the session's, not to the cookie: stale duplicates of that exist.
            if call.is_write() && call.header("x-csrftoken") != Some(session.csrf_token.as_str()) {
                return Err(ApiError::Csrf);
            }
            Ok(Caller { user, session: Some(session), is_new_session: false })
        }
        // No other site can make a browser send this header, so it stands in for the CSRF token.
        (Some(session), Some(user), Some((name, _))) if settings.basic && user.name == name => {
            Ok(Caller { user, session: Some(session), is_new_session: false })
        }
        (_, _, Some(_)) if !settings.basic => Err(ApiError::BasicOff),
        (_, _, Some((name, password))) => {
            let user = check_password(api, &name, &password).await?;
            let now = api.clock.monotonic();
            let mut sessions = api.sessions.lock();
            let session = sessions
                .resume_basic(&user.uuid, settings.lifetime, now)
                .unwrap_or_else(|| sessions.start(&user.uuid, true, now, &mut rand::rng()));
            Ok(Caller { user, session: Some(session), is_new_session: true })
        }
        _ if candidates.is_empty() => Err(ApiError::NotLoggedIn),
        _ => Err(ApiError::SessionExpired),
    }
}

/// The active user with this name and password. Takes as long for a user that does not exist.
pub(crate) async fn check_password(api: &Inner, name: &str, password: &str) -> Result<Arc<Object>, ApiError> {
    let user = api.live.read(|state| state.projection.by_name("user", "admin", None, name).cloned());
    let hash = user.as_ref().and_then(|user| user.body.get("password")).and_then(Value::as_str);
    let right = api.verifier.verify(hash, password).await?;
    match user {
        Some(user) if right && user.body.get("is_active").and_then(Value::as_bool) == Some(false) => {
            tracing::info!(user = user.name, reason = "not active", "login refused");
            Err(ApiError::Locked)
        }
        Some(user) if right => Ok(user),
        _ => {
            let shown: String = name.chars().take(SHOWN_CHARS_MAX).collect();
            tracing::info!(user = shown, reason = "wrong user name or password", "login refused");
            Err(ApiError::InvalidCredentials)
        }
    }
}

/// The active user whose living token this is.
pub(crate) async fn check_token(api: &Inner, value: &str) -> Result<Arc<Object>, ApiError> {
    let token = api.tokens.find(value, api.clock.wall_us()).await?;
    token.and_then(|token| user_by_uuid(api, &token.user)).ok_or(ApiError::InvalidCredentials)
}

fn user_by_uuid(api: &Inner, uuid: &str) -> Option<Arc<Object>> {
    let user = api.live.read(|state| state.projection.get("user", uuid).cloned())?;
    (user.body.get("is_active").and_then(Value::as_bool) != Some(false)).then_some(user)
}

fn flag(user: &Object, field: &str) -> bool {
    user.body.get(field).and_then(Value::as_bool).unwrap_or(false)
}

/// The token of an `Authorization: Token` or `Bearer` header.
fn token_value(header: &str) -> Option<&str> {
    let (scheme, value) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer")).then_some(value.trim())
}

/// User name and password of an `Authorization: Basic` header.
fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_may_hold_colons_in_the_password_only() {
        let header = format!("basic {}", STANDARD.encode("admin:a:b"));
        assert_eq!(basic_credentials(&header), Some(("admin".into(), "a:b".into())));
        for bad in ["Basic", "Basic !!", "Bearer abc", "Basic YWRtaW4="] {
            assert_eq!(basic_credentials(bad), None, "{bad}");
        }
    }
}
