//! Request bodies: bounded in size and time, JSON with a clear message when it is none.

use std::time::Duration;

use axum::body::{Body, Bytes};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use crate::error::ApiError;

/// Longest wait for a whole body.
const BODY_WITHIN: Duration = Duration::from_secs(60);

/// The bytes of a body of at most `bytes_max` bytes.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(BODY_WITHIN, Limited::new(body, bytes_max).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge(bytes_max)),
        Ok(Err(error)) => Err(ApiError::Body(format!("it ended early ({error})"))),
        Err(_) => Err(ApiError::BodyTimeout(BODY_WITHIN.as_secs())),
    }
}

/// The JSON of a body; an empty one is `null`.
pub(crate) async fn read_json(body: Body, bytes_max: usize) -> Result<Value, ApiError> {
    let bytes = read(body, bytes_max).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&bytes)?)
}
