//! Answers of our own.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Response, StatusCode};

use crate::body::ResponseBody;
use crate::finish::Finish;

/// A short page that says the status.
pub(crate) fn page(mut finish: Box<Finish>, status: StatusCode) -> Response<ResponseBody> {
    finish.status = status.as_u16();
    let title = status.canonical_reason().unwrap_or("Error");
    let number = status.as_u16();
    let html = format!("<!doctype html><title>{number} {title}</title><h1>{number} {title}</h1>\n");
    let has_body = !matches!(number, 204 | 304);
    let octets = if has_body { Bytes::from(html) } else { Bytes::new() };
    let mut response = Response::new(ResponseBody::whole(octets, finish));
    *response.status_mut() = status;
    if has_body {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    response
}

/// Sends the client elsewhere. A location that is none, because rule and request make none together, is a bad request.
pub(crate) fn redirect(mut finish: Box<Finish>, location: String, status: u16) -> Response<ResponseBody> {
    let Ok(header) = HeaderValue::from_str(&location) else { return page(finish, StatusCode::BAD_REQUEST) };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND);
    finish.location = Some(location);
    let mut response = page(finish, status);
    response.headers_mut().insert(LOCATION, header);
    response
}
