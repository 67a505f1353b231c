//! Files that clients send, above all geo databases (avi-api 1.14).
//!
//! What a file holds lies in the controller's data directory; that there is one, is an object like any other, so that
//! whoever uses it is told when another one comes. Those of geo databases belong to all sites (5.1): they are sent to the
//! leader, and the others fetch what they hold.

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use geo::{Format, Table};
use http::{Method, StatusCode, header};
use objects::{Object, federated};
use serde_json::{Value, json};

use super::{
    Request,
    objects::{audit, check_may_write, shown, write},
};
use crate::{
    body,
    error::ApiError,
    files::{FILE_BYTES_MAX, Files},
};

/// Directory of geo databases.
pub(super) const GEO_DIRECTORY: &str = "gslb";
/// What a location begins with.
const CONTROLLER: &str = "controller://";

/// `GET /api/fileservice?uri=controller://gslb`.
pub(super) fn list(request: &Request<'_>) -> Result<Response, ApiError> {
    let directory = request.call.parameter("uri").and_then(|uri| uri.strip_prefix(CONTROLLER)).map(str::to_owned);
    let directory =
        directory.ok_or_else(|| ApiError::Parameter("Say which directory: ?uri=controller://gslb".to_owned()))?;
    list_of(request, directory.trim_end_matches('/'))
}

/// `/api/fileservice/<directory>`.
pub(super) async fn at_directory(
    request: &Request<'_>,
    directory: &str,
    body: &mut Body,
) -> Result<Response, ApiError> {
    match request.call.method {
        Method::POST => upload(request, directory, body).await,
        _ => list_of(request, directory),
    }
}

/// `GET /api/fileservice/<directory>/<name>`.
pub(super) async fn show(request: &Request<'_>, directory: &str, name: &str) -> Result<Response, ApiError> {
    let files = request.api.config.files.as_ref().ok_or(ApiError::NoFiles)?;
    let object = find(request, directory, name);
    let checksum = object.as_ref().and_then(|object| text(object, "checksum"));
    let checksum = checksum.ok_or_else(|| ApiError::NoSuchPath(request.call.path.clone()))?;
    let content = files.load(checksum).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ApiError::NotHere,
        _ => ApiError::Internal(error.into()),
    })?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], content).into_response())
}

/// Takes a file, in the part `file` of a form; it replaces one of the same name.
pub(super) async fn upload(request: &Request<'_>, directory: &str, body: &mut Body) -> Result<Response, ApiError> {
    check_may_write(request)?;
    let files = request.api.config.files.as_ref().ok_or(ApiError::NoFiles)?;
    if !is_plain(directory) {
        return Err(ApiError::NoSuchPath(request.call.path.clone()));
    }
    let is_federated = directory == GEO_DIRECTORY;
    if is_federated {
        // Before all of it comes, and stays where nobody refers to it.
        request.api.live.read(|state| federated::check_may_write(&state.projection)).map_err(ApiError::Write)?;
    }
    let sent = body::read(body, FILE_BYTES_MAX).await?;
    let (name, content) = file_of_form(request, sent).await?;
    if directory == GEO_DIRECTORY {
        check_geo_database(content.clone()).await?;
    }
    let size = content.len();
    let checksum = files.keep(content).await.map_err(|error| ApiError::Internal(error.into()))?;
    let schema = request.api.types.get("fileobject").ok_or(ApiError::NoFiles)?;
    let input = json!({"name": format!("{directory}/{name}"), "path": format!("{CONTROLLER}{directory}/{name}"),
        "checksum": checksum, "size": size, "created": request.api.clock.wall_us(), "is_federated": is_federated});
    let mut before = find(request, directory, &name);
    // One of an earlier release, when each site had its own.
    let own = before.take_if(|before| is_federated && !is_of_all_sites(before));
    if let Some(own) = &own {
        write(request, |projection, context| objects::delete(projection, schema, &own.uuid, context)).await?;
    }
    let (written, revision) = match &before {
        Some(before) => {
            write(request, |projection, context| objects::replace(projection, schema, &before.uuid, &input, context))
                .await?
        }
        None => write(request, |projection, context| objects::create(projection, schema, &input, context)).await?,
    };
    audit(request, &written, revision);
    if let Some(old) = before.or(own).as_ref().and_then(|before| text(before, "checksum")) {
        forget(request, files, old).await;
    }
    let document = written.object().map_or(Value::Null, |object| shown(request, object));
    Ok((StatusCode::CREATED, axum::Json(document)).into_response())
}

fn list_of(request: &Request<'_>, directory: &str) -> Result<Response, ApiError> {
    let prefix = format!("{CONTROLLER}{directory}/");
    let results: Vec<Value> = request.api.live.read(|state| {
        let objects = state.projection.objects("fileobject").filter(|object| is_visible(request, object));
        let of_directory = objects.filter_map(|object| Some((object, text(object, "path")?.strip_prefix(&prefix)?)));
        of_directory
            .map(|(object, name)| {
                json!({"url": format!("{}/api/fileservice/{directory}/{name}", request.call.base_url),
                    "size": object.body.get("size"), "modified": object.last_modified_us / 1_000_000})
            })
            .collect()
    });
    Ok(axum::Json(json!({"count": results.len(), "results": results})).into_response())
}

/// What nobody refers to any more is removed; that this fails is no reason to refuse what was sent.
async fn forget(request: &Request<'_>, files: &Files, checksum: &str) {
    let is_used = |object: &Object| text(object, "checksum") == Some(checksum);
    if request.api.live.read(|state| state.projection.objects("fileobject").any(|object| is_used(object))) {
        return;
    }
    if let Err(error) = files.remove(checksum).await {
        tracing::warn!(checksum, reason = %error, "a file that was replaced cannot be removed");
    }
}

fn find(request: &Request<'_>, directory: &str, name: &str) -> Option<std::sync::Arc<Object>> {
    let path = format!("{CONTROLLER}{directory}/{name}");
    request.api.live.read(|state| {
        let objects = state.projection.objects("fileobject");
        let found = objects.filter(|object| is_visible(request, object) && text(object, "path") == Some(&path));
        found.max_by_key(|object| is_of_all_sites(object)).cloned()
    })
}

fn is_of_all_sites(object: &Object) -> bool {
    object.body.get("is_federated").and_then(Value::as_bool) == Some(true)
}

fn is_visible(request: &Request<'_>, object: &Object) -> bool {
    object.tenant == request.tenancy.tenant
}

fn text<'o>(object: &'o Object, field: &str) -> Option<&'o str> {
    object.body.get(field).and_then(Value::as_str)
}

/// Name and content of the first part with a file; the part is called `file` by convention.
async fn file_of_form(request: &Request<'_>, sent: Bytes) -> Result<(String, Bytes), ApiError> {
    let is_bad = |error: multer::Error| ApiError::Body(format!("it is no form with a part `file` ({error})"));
    let boundary = request.call.header("content-type").unwrap_or_default();
    let boundary = multer::parse_boundary(boundary).map_err(is_bad)?;
    let mut form = multer::Multipart::new(tokio_stream::once(Ok::<_, std::io::Error>(sent)), boundary);
    while let Some(part) = form.next_field().await.map_err(is_bad)? {
        let Some(name) = part.file_name().map(str::to_owned) else { continue };
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        if !is_plain(&name) {
            return Err(ApiError::Body(format!(
                "`{name}` is no name of a file: use letters, digits, `.`, `-` and `_`"
            )));
        }
        return Ok((name, part.bytes().await.map_err(is_bad)?));
    }
    Err(ApiError::Body("it has no part `file` with the name of a file".to_owned()))
}

/// No path, and nothing hidden.
fn is_plain(name: &str) -> bool {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b".-_".contains(&octet);
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(is_plain)
}

/// A file that is no geo database is refused while whoever sends it is listening.
async fn check_geo_database(content: Bytes) -> Result<(), ApiError> {
    let compiled = tokio::task::spawn_blocking(move || Table::compile(Format::sniff(&content), &content).map(drop));
    match compiled.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            Err(ApiError::File(format!("{error}{source}")))
        }
        Err(error) => Err(ApiError::Internal(error.into())),
    }
}
