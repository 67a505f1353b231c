//! `POST /api/site-join`: the leader of a GSLB asks this controller to become one of its sites (avi-api 5.1).
//!
//! The leader logs in as an ordinary client with the site's credentials; from then on the two speak over a link of their
//! own, and know each other by the certificates that they exchange here.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};

use super::{Request, objects};
use crate::{body, error::ApiError};

pub(super) async fn join(request: &Request<'_>, body: &mut Body) -> Result<Response, ApiError> {
    objects::check_may_write(request)?;
    let input = body::read_json(body, request.api.config.body_bytes_max).await?;
    let answer = request.api.sites.join(&input).await.map_err(ApiError::Sites)?;
    Ok(axum::Json(answer).into_response())
}
