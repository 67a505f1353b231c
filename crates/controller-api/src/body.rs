//! Request bodies: bounded in size and time, JSON with a clear message when it is none.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::error::ApiError;

/// Longest wait for a whole body.
const BODY_WITHIN: Duration = Duration::from_secs(60);
/// How much of an oversized body is thrown away before the answer: a client that still sends when the connection
/// closes never reads why.
const DRAIN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long that may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// The bytes of a body of at most `bytes_max` bytes.
pub(crate) async fn read(mut body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(BODY_WITHIN, collect(&mut body, bytes_max)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            // However that ends, the answer is the same.
            tokio::time::timeout(DRAIN_WITHIN, drain(&mut body)).await.unwrap_or_default();
            Err(ApiError::TooLarge(bytes_max))
        }
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

async fn drain(body: &mut Body) {
    let mut drained = 0;
    while let Some(Ok(frame)) = body.frame().await {
        drained += frame.data_ref().map_or(0, Bytes::len);
        if drained > DRAIN_BYTES_MAX {
            return;
        }
    }
}
