//! `GET /api/analytics/logs`: logs of DNS answers and of HTTP requests, from all engines (avi-api 7.5, types 0 and 1).

mod parameters;

use avi_schema::by_path;
use axum::response::{IntoResponse, Response};
use client_log::{csv, json, merge, text, timestamp};
use http::{HeaderValue, header};
use objects::Object;
use se_protocol::logs::{CHILDREN_MAX, EngineLogs, Log, LogKind, LogPage};
use serde_json::{Map, Value, json};

use self::parameters::{Format, Parameters};
use super::{Request, runtime::Sites};
use crate::{error::ApiError, path};

pub(super) async fn show(request: &Request<'_>) -> Result<Response, ApiError> {
    let wanted = request.call.parameter("virtualservice").map(str::trim).filter(|text| !text.is_empty());
    let wanted = wanted.ok_or_else(|| {
        ApiError::Parameter("virtualservice: whose logs is missing; give the uuid or the name of one".into())
    })?;
    let whose = Whose::find(request, wanted)?;
    let kind = whose.kind;
    let parameters = Parameters::read(request.call, whose, request.api.clock.wall_us())?;
    let (page, missing) = merged(request.api.engine.logs(parameters.query.clone()).await, &parameters)?;
    Ok(match parameters.format {
        Format::Json => as_json(request, &parameters, &page, &missing),
        Format::Csv => {
            as_file(&parameters, csv(kind, &page.logs, &parameters.columns), "text/csv; charset=utf-8", &missing)
        }
        Format::Text => {
            as_file(&parameters, text(kind, &page.logs, &parameters.columns), "text/plain; charset=utf-8", &missing)
        }
    })
}

/// Whose logs are asked for.
struct Whose {
    virtual_service: String,
    /// Those of an EVH parent: what a client asked of it is in their logs.
    children: Vec<String>,
    kind: LogKind,
}

impl Whose {
    /// The virtual service with this uuid or name; its application profile says what it logs.
    fn find(request: &Request<'_>, wanted: &str) -> Result<Self, ApiError> {
        request.api.live.read(|state| {
            let schema = by_path("virtualservice").ok_or_else(|| ApiError::NoSuchPath(request.call.path.clone()))?;
            let visible = state.projection.visible(schema, request.tenancy.visibility());
            let is_it = |object: &Object| object.uuid == wanted || object.name == wanted;
            let found = visible.iter().find(|object| is_it(object));
            let found = found.ok_or_else(|| ApiError::Read(objects::ReadError::NotFound(schema.model)))?;
            let parent = |object: &Object| referred(object, "vh_parent_vs_ref") == Some(&found.uuid);
            let children = visible.iter().filter(|object| parent(object)).map(|child| child.uuid.clone());
            let profile = referred(found, "application_profile_ref");
            let profile = profile.and_then(|uuid| state.projection.get("applicationprofile", uuid));
            let profile = profile.and_then(|profile| profile.body.get("type")?.as_str());
            Ok(Self {
                virtual_service: found.uuid.clone(),
                children: children.take(CHILDREN_MAX).collect(),
                kind: match profile {
                    Some("APPLICATION_PROFILE_TYPE_HTTP") => LogKind::Http,
                    _ => LogKind::Dns,
                },
            })
        })
    }
}

/// Uuid that a field of an object refers to.
fn referred<'o>(object: &'o Object, field: &str) -> Option<&'o str> {
    object.body.get(field)?.as_str()?.rsplit('/').next()
}

/// The page asked for, and the engines whose logs are not, or not all, in it, with the reason.
fn merged(answers: Vec<EngineLogs>, parameters: &Parameters) -> Result<(LogPage, Missing), ApiError> {
    let mut missing = Missing { engines: answers.len(), reasons: Vec::new() };
    let mut pages = Vec::new();
    for EngineLogs { engine, outcome } in answers {
        match outcome {
            Ok(page) => {
                if !page.is_complete {
                    missing.reasons.push((engine, "not everything could be searched in the time".to_owned()));
                }
                pages.push(page);
            }
            Err(refusal) => missing.reasons.push((engine, refusal.to_string())),
        }
    }
    if pages.is_empty() {
        let reasons: Vec<String> =
            missing.reasons.iter().map(|(engine, reason)| format!("{engine}: {reason}")).collect();
        let none = "none is connected to this controller".to_owned();
        return Err(ApiError::Logs(if reasons.is_empty() { none } else { reasons.join("; ") }));
    }
    let mut page = merge(pages, parameters.query.newest_first, parameters.query.limit as usize);
    page.logs = page.logs.split_off(parameters.first().min(page.logs.len()));
    Ok((page, missing))
}

/// Engines whose logs are not all there.
struct Missing {
    /// All that were asked.
    engines: usize,
    /// Name and reason.
    reasons: Vec<(String, String)>,
}

impl Missing {
    fn percent(&self) -> usize {
        (100 * self.reasons.len()).div_ceil(self.engines.max(1))
    }
}

fn as_json(request: &Request<'_>, parameters: &Parameters, page: &LogPage, missing: &Missing) -> Response {
    let mut document = Map::new();
    let results: Vec<Value> = match &parameters.query.group_by {
        None => {
            let logs = page.logs.iter().map(|log| json(log, &parameters.columns));
            name_sites(request, page.logs.iter().map(gslb_service).zip(logs))
        }
        Some(field) => {
            let groups = page.groups.iter().skip(parameters.first()).take(parameters.page_size);
            groups.map(|(value, count)| json!({field: value, "count": count})).collect()
        }
    };
    let count = if parameters.query.group_by.is_some() { page.groups.len() as u64 } else { page.count };
    document.insert("count".into(), json!(count));
    document.insert("results".into(), Value::Array(results));
    document.insert("start".into(), json!(timestamp(parameters.query.start_us)));
    document.insert("end".into(), json!(timestamp(parameters.query.end_us)));
    document.insert("percent_remaining".into(), json!(missing.percent()));
    document.insert("query_id".into(), parameters.query_id.clone());
    if !missing.reasons.is_empty() {
        let engines = missing.reasons.iter().map(|(engine, reason)| json!({"name": engine, "reason": reason}));
        document.insert("incomplete".into(), engines.collect());
    }
    if parameters.has_next(count) {
        // The same end for every page: logs that come meanwhile do not move the others.
        let mut query = path::with_page(&request.call.raw_query, parameters.page + 1);
        if request.call.parameter("end").is_none() {
            query += &format!("&end={}", timestamp(parameters.query.end_us).replace('+', "%2B"));
        }
        document.insert("next".into(), json!(format!("{}/api/analytics/logs?{query}", request.call.base_url)));
    }
    download(parameters, axum::Json(Value::Object(document)).into_response(), "json")
}

fn gslb_service(log: &Log) -> &str {
    match log {
        Log::Dns(log) => &log.gslb_service,
        Log::Http(_) => "",
    }
}

/// Adds to each record the site of the member that has its address, as the GSLB service has it now.
fn name_sites<'p>(request: &Request<'_>, logs: impl Iterator<Item = (&'p str, Map<String, Value>)>) -> Vec<Value> {
    request.api.live.read(|state| {
        let sites = Sites::read(&state.projection);
        logs.map(|(service, log)| {
            let mut log = Value::Object(log);
            let object = state.projection.get("gslbservice", service);
            let records = log.pointer_mut("/dns_response/records").and_then(Value::as_array_mut);
            for record in records.into_iter().flatten() {
                let address = ["addr_ip", "addr6_ip_str"].iter().find_map(|member| record.get(member)).cloned();
                let site = object.zip(address).and_then(|(object, address)| site_of(object, &address, &sites));
                if let Some(site) = site {
                    record["site_name"] = json!(site);
                }
            }
            log
        })
        .collect()
    })
}

fn site_of<'a>(service: &Object, address: &Value, sites: &Sites<'a>) -> Option<&'a str> {
    let groups = service.body.get("groups").and_then(Value::as_array).into_iter().flatten();
    let mut members = groups.filter_map(|group| group.get("members")?.as_array()).flatten();
    let member = members.find(|member| member.pointer("/ip/addr") == Some(address))?;
    sites.name(member.get("cluster_uuid")?.as_str()?)
}

fn as_file(parameters: &Parameters, text: String, kind: &'static str, missing: &Missing) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if !missing.reasons.is_empty() {
        // A file of rows has no other place to say it.
        headers.insert("x-percent-remaining", HeaderValue::from(missing.percent() as u64));
    }
    let extension = if parameters.format == Format::Csv { "csv" } else { "txt" };
    download(parameters, response, extension)
}

fn download(parameters: &Parameters, mut response: Response, extension: &str) -> Response {
    if parameters.download
        && let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"logs.{extension}\""))
    {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
