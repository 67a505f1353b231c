//! Create, read, replace, patch, delete and list, for every type alike (avi-api 1.7 to 1.10).

use avi_schema::{Names, TypeSchema};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use objects::{Change, Object, Origin, Page, Projection, Query, RenderOptions, Write, WriteContext, WriteError};
use serde_json::{Value, json};

use super::{Request, account, runtime, runtime::View};
use crate::{body, error::ApiError, path, settings::Settings};

/// `/api/<type>`.
pub(super) async fn at_collection(
    request: &Request<'_>,
    schema: &'static TypeSchema,
    body: &mut Body,
) -> Result<Response, ApiError> {
    let singleton = schema.names == Names::Singleton;
    match request.call.method {
        Method::POST => create(request, schema, body).await,
        _ if singleton => {
            let uuid = request.api.live.read(|state| state.projection.single(schema.path).map(|o| o.uuid.clone()));
            at_element(request, schema, &uuid.unwrap_or_default(), body).await
        }
        _ => list(request, schema),
    }
}

/// `/api/<type>/<uuid>`.
pub(super) async fn at_element(
    request: &Request<'_>,
    schema: &'static TypeSchema,
    uuid: &str,
    body: &mut Body,
) -> Result<Response, ApiError> {
    let (write, revision) = match request.call.method {
        Method::GET => return read(request, schema, uuid),
        Method::DELETE => {
            write(request, |projection, context| objects::delete(projection, schema, uuid, context)).await?
        }
        Method::PATCH => {
            let input = input(request, schema, body).await?;
            write(request, |projection, context| objects::patch(projection, schema, uuid, &input, context)).await?
        }
        _ => {
            let input = input(request, schema, body).await?;
            write(request, |projection, context| objects::replace(projection, schema, uuid, &input, context)).await?
        }
    };
    audit(request, &write, revision);
    Ok(match write.object() {
        Some(object) => axum::Json(shown(request, object)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn create(request: &Request<'_>, schema: &'static TypeSchema, body: &mut Body) -> Result<Response, ApiError> {
    let input = input(request, schema, body).await?;
    let (write, revision) = write_as(request, slug(request, &input), |projection, context| {
        objects::create(projection, schema, &input, context)
    })
    .await?;
    audit(request, &write, revision);
    let Some(object) = write.object() else { return Ok(StatusCode::CREATED.into_response()) };
    let document = shown(request, object);
    let location = document.get("url").and_then(Value::as_str).map(|url| HeaderValue::from_bytes(url.as_bytes()));
    let mut response = (StatusCode::CREATED, axum::Json(document)).into_response();
    if let Some(Ok(location)) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn list(request: &Request<'_>, schema: &'static TypeSchema) -> Result<Response, ApiError> {
    let query = query(request)?;
    let options = query.render_options(&request.call.base_url, request.api.clock.wall_us());
    let document = runtime::look_at_many(request, |view| {
        let projection = view.projection;
        let page = objects::list(projection, schema, request.tenancy.visibility(), &query)?;
        let results = page.objects.iter().map(|object| {
            let mut shown = objects::render(projection, object, &options);
            join_runtime(&mut shown, schema, object, &query, view);
            shown
        });
        Ok::<_, ApiError>(envelope(request, schema.path, &page, results.collect()))
    })?;
    Ok(axum::Json(document).into_response())
}

/// What a collection answers: a page of `results` (avi-api 1.8).
pub(super) fn envelope(request: &Request<'_>, path: &str, page: &Page, results: Vec<Value>) -> Value {
    let mut document = json!({"count": page.count, "results": results});
    // Without a next page the key is left out: decoders of operators take no null.
    if let Some(next) = page.next {
        let query = path::with_page(&request.call.raw_query, next);
        document["next"] = json!(format!("{}/api/{path}?{query}", request.call.base_url));
    }
    document
}

fn read(request: &Request<'_>, schema: &'static TypeSchema, uuid: &str) -> Result<Response, ApiError> {
    let query = query(request)?;
    let options = query.render_options(&request.call.base_url, request.api.clock.wall_us());
    let document = runtime::look(request, |view| {
        let projection = view.projection;
        let object = objects::read(projection, schema, uuid, request.tenancy.visibility())?;
        let mut shown = objects::render(projection, object, &options);
        join_runtime(&mut shown, schema, object, &query, view);
        Ok::<_, ApiError>(shown)
    })?;
    Ok(axum::Json(document).into_response())
}

pub(super) fn query(request: &Request<'_>) -> Result<Query, ApiError> {
    let pairs = request.call.query.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
    Ok(Query::parse(pairs)?)
}

fn join_runtime(shown: &mut Value, schema: &TypeSchema, object: &Object, query: &Query, view: &View<'_>) {
    if query.join.iter().any(|join| join == "runtime") && runtime::has(schema) {
        shown["runtime"] = runtime::of(schema, object, view);
    }
}

/// The body of a write, with passwords of users already hashed: no plain password reaches a rule or the store.
async fn input(request: &Request<'_>, schema: &TypeSchema, body: &mut Body) -> Result<Value, ApiError> {
    check_may_write(request)?;
    let mut input = body::read_json(body, request.api.config.body_bytes_max).await?;
    if schema.path == "user" {
        account::hash_passwords(&mut input, &request.api.verifier).await?;
    }
    Ok(input)
}

/// Refuses those who may only read.
pub(super) fn check_may_write(request: &Request<'_>) -> Result<(), ApiError> {
    if request.caller.is_superuser() { Ok(()) } else { Err(ApiError::ReadOnly(request.caller.user.name.clone())) }
}

/// The uuid that a new object is to have, if the client may and does say.
fn slug(request: &Request<'_>, input: &Value) -> Option<String> {
    let header = request.call.header("slug").map(str::to_owned);
    header.or_else(|| {
        let allowed = request.api.live.read(|state| Settings::read(&state.projection).uuid_from_input);
        input.get("uuid").filter(|_| allowed).and_then(Value::as_str).map(str::to_owned)
    })
}

pub(super) async fn write<F>(request: &Request<'_>, decide: F) -> Result<(Write, u64), ApiError>
where
    F: Fn(&Projection, &WriteContext<'_>) -> Result<Write, WriteError>,
{
    write_as(request, None, decide).await
}

async fn write_as<F>(request: &Request<'_>, slug: Option<String>, decide: F) -> Result<(Write, u64), ApiError>
where
    F: Fn(&Projection, &WriteContext<'_>) -> Result<Write, WriteError>,
{
    check_may_write(request)?;
    let context = WriteContext {
        tenant: &request.tenancy.tenant,
        visibility: request.tenancy.visibility(),
        now_us: request.api.clock.wall_us(),
        new_uuid: &|| uuid::Uuid::new_v4().to_string(),
        slug: slug.as_deref(),
        origin: Origin::Client,
        attempt: 0,
    };
    let decide = |projection: &Projection, attempt| decide(projection, &WriteContext { attempt, ..context });
    Ok(request.api.committer.commit(decide).await?)
}

/// The object as the answer to a write shows it: names on every reference (avi-api 1.7).
pub(super) fn shown(request: &Request<'_>, object: &Object) -> Value {
    let (base_url, now_us) = (&request.call.base_url, request.api.clock.wall_us());
    let options = RenderOptions { base_url, names: true, is_reply: true, now_us, ..RenderOptions::default() };
    request.api.live.read(|state| objects::render(&state.projection, object, &options))
}

pub(super) fn audit(request: &Request<'_>, write: &Write, revision: u64) {
    let (user, agent) = (&request.caller.user.name, request.call.header("x-avi-useragent").unwrap_or_default());
    for change in std::iter::once(&write.change).chain(&write.others) {
        let (action, object) = match change {
            Change::Created(object) => ("created", object),
            Change::Replaced { after, .. } => ("changed", after),
            Change::Deleted(object) => ("deleted", object),
        };
        let (kind, name, tenant) = (object.path, &object.name, &object.tenant);
        tracing::info!(target: "audit", action, kind, %name, %tenant, %user, agent, revision, "configuration written");
    }
    for reason in &write.warnings {
        tracing::warn!(reason, "configuration accepted with a doubt");
    }
}
