//! Request bodies: bounded in size and time, JSON with a clear message when it is none.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::error::ApiError;

/// Longest wait for a whole body.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// How much of a body that nobody wants is thrown away before the answer.
const DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long that may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// The bytes of a body of at most `bytes_max` bytes.
pub(crate) async fn read(body: &mut Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(BODY_WITHIN, collect(body, bytes_max)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(ApiError::TooLarge(bytes_max)),
        Ok(Err(error)) => Err(ApiError::Body(format!("it ended early ({error})"))),
        Err(_) => Err(ApiError::BodyTimeout(BODY_WITHIN.as_secs())),
    }
}

/// The JSON of a body; an empty one is `null`.
pub(crate) async fn read_json(body: &mut Body, bytes_max: usize) -> Result<Value, ApiError> {
    let bytes = read(body, bytes_max).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&bytes)?)
}

/// The whole body, or `None` as soon as it is too large.
async fn collect(body: &mut Body, bytes_max: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if collected.len() + data.len() > bytes_max {
            return Ok(None);
        }
        collected.extend_from_slice(&data);
    }
    Ok(Some(collected.into()))
}

/// Throws away what is left of a body, within bounds. To be done before every answer: a client that still sends when
/// HTTP/1.1 closes the connection, or HTTP/2 resets the stream, may never read the answer.
pub(crate) async fn drain(body: &mut Body) {
    let all = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > DRAIN_BYTES_MAX {
                return;
            }
        }
    };
    // However that ends, the answer is the same.
    tokio::time::timeout(DRAIN_WITHIN, all).await.unwrap_or_default();
}
