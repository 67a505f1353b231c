//! References: the forms clients send, and the one that is stored (avi-api 1.7).

use crate::object::Object;

/// The stored form: `/api/<path>/<uuid>`.
pub(crate) fn stored(path: &str, uuid: &str) -> String {
    format!("/api/{path}/{uuid}")
}

/// Path and uuid of a stored reference.
pub(crate) fn parse_stored(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("/api/")?.split_once('/')
}

/// Uuid of the cloud an object lives in.
pub(crate) fn cloud_of(object: &Object) -> Option<&str> {
    let (_, uuid) = parse_stored(object.body.get("cloud_ref")?.as_str()?)?;
    Some(uuid)
}
