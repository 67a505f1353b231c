//! Inventories: configuration and state of objects in one answer, for user interfaces and scripts (avi-api 7.2).

mod element;

use ::objects::Types;
use avi_schema::{SERVICE_ENGINE, TypeSchema};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use self::element::Element;
use super::{Request, objects, runtime, service_engines};
use crate::error::ApiError;

/// What there is an inventory of.
const TYPES: [&str; 9] =
    ["virtualservice", "pool", "poolgroup", "vsvip", "serviceenginegroup", "gslb", "gslbservice", "network", "cloud"];

/// The type whose inventory a path element such as `pool-inventory` names.
pub(super) fn of(segment: &str, types: &Types) -> Option<&'static TypeSchema> {
    match segment.strip_suffix("-inventory")? {
        "serviceengine" => Some(&SERVICE_ENGINE),
        path => types.get(path).filter(|schema| TYPES.contains(&schema.path)),
    }
}

/// `/api/<type>-inventory`.
pub(super) fn list(request: &Request<'_>, schema: &'static TypeSchema) -> Result<Response, ApiError> {
    let query = objects::query(request)?;
    let include = Include::of(request);
    let document = runtime::look_at_many(request, |view| {
        let page = if schema.path == SERVICE_ENGINE.path {
            service_engines::page(request, view, &query)?
        } else {
            ::objects::list(view.projection, schema, request.tenancy.visibility(), &query)?
        };
        let element = Element { view, schema, request, names: query.include_name, include: &include };
        let results: Vec<Value> = page.objects.iter().map(|object| element.of(object)).collect();
        Ok::<_, ApiError>(objects::envelope(request, &format!("{}-inventory", schema.path), &page, results))
    })?;
    Ok(axum::Json(document).into_response())
}

/// `/api/<type>-inventory/<uuid>`.
pub(super) fn show(request: &Request<'_>, schema: &'static TypeSchema, uuid: &str) -> Result<Response, ApiError> {
    let query = objects::query(request)?;
    let include = Include::of(request);
    let document = runtime::look(request, |view| {
        let element = Element { view, schema, request, names: query.include_name, include: &include };
        if schema.path == SERVICE_ENGINE.path {
            let engine = service_engines::find(view, uuid)?;
            return Ok::<_, ApiError>(element.of(&service_engines::object_of(request, engine, view)));
        }
        Ok(element.of(::objects::read(view.projection, schema, uuid, request.tenancy.visibility())?))
    })?;
    Ok(axum::Json(document).into_response())
}

/// Parts that are asked for: `include=config,runtime,…`; all when absent.
struct Include(Option<Vec<String>>);

impl Include {
    fn of(request: &Request<'_>) -> Self {
        let text = request.call.parameter("include").filter(|text| !text.is_empty());
        Self(text.map(|text| text.split(',').map(|part| part.trim().to_owned()).collect()))
    }

    fn has(&self, part: &str) -> bool {
        self.0.as_ref().is_none_or(|parts| parts.iter().any(|listed| listed == part))
    }
}
