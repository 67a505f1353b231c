//! `GET /api/explain/dns?name=&client=&qtype=`: what the engine would answer now, and why. `type` is `qtype` too.

use std::{net::IpAddr, time::Duration};

use axum::response::{IntoResponse, Response};
use se_protocol::explain::DnsQuestion;

use super::Request;
use crate::error::ApiError;

/// Longest wait for the engine.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn dns(request: &Request<'_>) -> Result<Response, ApiError> {
    let given = |name: &str| request.call.parameter(name).map(str::trim).filter(|text| !text.is_empty());
    let name = given("name").ok_or_else(|| {
        ApiError::Parameter("name: which name to explain is missing, for example ?name=app.example.com".into())
    })?;
    let client = match given("client") {
        Some(text) => Some(text.parse::<IpAddr>().map_err(|_| {
            ApiError::Parameter(format!("client: '{text}' is not an IP address such as 10.1.2.3 or 2001:db8::1"))
        })?),
        None => None,
    };
    let qtype = given("qtype").or_else(|| given("type")).unwrap_or("A").to_ascii_uppercase();
    let question = DnsQuestion { name: name.to_owned(), qtype, client };
    match tokio::time::timeout(ANSWER_WITHIN, request.api.engine.explain_dns(question)).await {
        Ok(Ok(explanation)) => Ok(axum::Json(explanation).into_response()),
        Ok(Err(error)) => Err(ApiError::Explain(error)),
        Err(_) => Err(ApiError::ExplainTimeout(ANSWER_WITHIN.as_secs())),
    }
}
