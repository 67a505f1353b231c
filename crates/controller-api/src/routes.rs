//! Where paths lead, and what happens on the way there.

mod account;
mod addresses;
mod cluster;
mod explain;
mod files;
mod inventory;
mod login;
mod logs;
mod macros;
mod neighbours;
mod objects;
mod runtime;
mod service_engines;
mod site_join;
mod user_token;

use ::objects::Types;
use avi_schema::{Names, TypeSchema};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode};

use crate::{api, api::Inner, authenticate, authenticate::Caller, call::Call, error::ApiError, tenancy::Tenancy};

/// Where a path leads.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    Login,
    Logout,
    ClusterStatus,
    ClusterRuntime,
    ClusterVersion,
    InitialData,
    UserAccount,
    UserTokens,
    UserToken(String),
    ExplainDns,
    Macro,
    NetworkRuntimes,
    NetworkRuntime(String),
    Domains,
    CloudStatus(String),
    Logs,
    SiteJoin,
    /// `/api/serviceengine`, one of it, and that one's runtime.
    ServiceEngines,
    ServiceEngine(String),
    ServiceEngineRuntime(String),
    /// `/api/fileservice`, a directory of it, and a file there.
    Files,
    FileDirectory(String),
    File(String, String),
    FileObjectUpload,
    /// `/api/<type>-inventory`, and one element of it.
    Inventory(&'static TypeSchema),
    InventoryElement(&'static TypeSchema, String),
    /// `/api/<type>`.
    Collection(&'static TypeSchema),
    /// `/api/<type>/<uuid>`.
    Element(&'static TypeSchema, String),
    /// `/api/<type>/<uuid>/runtime` and what is below.
    Runtime(&'static TypeSchema, String, runtime::Part),
}

impl Route {
    /// The route of normalised path segments; `None` when there is none.
    pub(crate) fn of(segments: &[String], types: &Types) -> Option<Self> {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        Some(match *segments.as_slice() {
            ["login"] => Self::Login,
            ["logout"] => Self::Logout,
            ["api", "cluster", "status"] => Self::ClusterStatus,
            ["api", "cluster", "runtime"] => Self::ClusterRuntime,
            ["api", "cluster", "version"] => Self::ClusterVersion,
            ["api", "initial-data"] => Self::InitialData,
            ["api", "useraccount"] => Self::UserAccount,
            ["api", "user-token"] => Self::UserTokens,
            ["api", "user-token", id] => Self::UserToken(id.to_owned()),
            ["api", "explain", "dns"] => Self::ExplainDns,
            ["api", "site-join"] => Self::SiteJoin,
            ["api", "macro"] => Self::Macro,
            ["api", "networkruntime"] => Self::NetworkRuntimes,
            ["api", "networkruntime", uuid] => Self::NetworkRuntime(uuid.to_owned()),
            ["api", "ipamdnsproviderprofiledomainlist"] => Self::Domains,
            ["api", "cloud", uuid, "status"] => Self::CloudStatus(uuid.to_owned()),
            ["api", "analytics", "logs"] => Self::Logs,
            ["api", "serviceengine"] => Self::ServiceEngines,
            ["api", "serviceengine", uuid] => Self::ServiceEngine(uuid.to_owned()),
            ["api", "serviceengine", uuid, "runtime"] => Self::ServiceEngineRuntime(uuid.to_owned()),
            ["api", "fileservice"] => Self::Files,
            ["api", "fileservice", directory] => Self::FileDirectory(directory.to_owned()),
            ["api", "fileservice", directory, name] => Self::File(directory.to_owned(), name.to_owned()),
            ["api", "fileobject", "upload"] => Self::FileObjectUpload,
            ["api", kind] if kind.ends_with("-inventory") => Self::Inventory(inventory::of(kind, types)?),
            ["api", kind, uuid] if kind.ends_with("-inventory") => {
                Self::InventoryElement(inventory::of(kind, types)?, uuid.to_owned())
            }
            ["api", kind] => Self::Collection(types.get(kind)?),
            ["api", kind, uuid] => Self::Element(types.get(kind)?, uuid.to_owned()),
            ["api", kind, uuid, "runtime", ref rest @ ..] => {
                let schema = types.get(kind)?;
                Self::Runtime(schema, uuid.to_owned(), runtime::Part::of(schema, rest)?)
            }
            _ => return None,
        })
    }

    /// Value of the `Allow` header.
    pub(crate) fn allow(&self) -> &'static str {
        match self {
            Self::Login | Self::Logout | Self::SiteJoin | Self::FileObjectUpload => "POST, OPTIONS",
            Self::FileDirectory(_) => "HEAD, POST, GET, OPTIONS",
            Self::ClusterStatus
            | Self::ClusterRuntime
            | Self::ClusterVersion
            | Self::InitialData
            | Self::ExplainDns
            | Self::NetworkRuntimes
            | Self::NetworkRuntime(_)
            | Self::Domains
            | Self::CloudStatus(_)
            | Self::Logs
            | Self::Files
            | Self::File(..)
            | Self::ServiceEngines
            | Self::ServiceEngine(_)
            | Self::ServiceEngineRuntime(_)
            | Self::Inventory(_)
            | Self::InventoryElement(..)
            | Self::Runtime(..) => "HEAD, GET, OPTIONS",
            Self::Macro => "POST, PUT, OPTIONS, DELETE",
            Self::UserAccount => "HEAD, GET, PUT, OPTIONS",
            Self::UserTokens => "HEAD, POST, GET, OPTIONS",
            Self::UserToken(_) => "DELETE, OPTIONS",
            Self::Collection(schema) if schema.names == Names::Singleton => "HEAD, GET, PUT, PATCH, OPTIONS",
            Self::Collection(_) => "HEAD, POST, GET, OPTIONS",
            Self::Element(schema, _) if schema.names == Names::Singleton => "HEAD, GET, PUT, PATCH, OPTIONS",
            Self::Element(..) => "HEAD, GET, PUT, PATCH, OPTIONS, DELETE",
        }
    }

    /// The path with a word where a uuid or id stands.
    pub(crate) fn template(&self) -> String {
        let fixed = match self {
            Self::Login => "/login",
            Self::Logout => "/logout",
            Self::ClusterStatus => "/api/cluster/status",
            Self::ClusterRuntime => "/api/cluster/runtime",
            Self::ClusterVersion => "/api/cluster/version",
            Self::InitialData => "/api/initial-data",
            Self::UserAccount => "/api/useraccount",
            Self::UserTokens => "/api/user-token",
            Self::UserToken(_) => "/api/user-token/{id}",
            Self::ExplainDns => "/api/explain/dns",
            Self::Logs => "/api/analytics/logs",
            Self::Macro => "/api/macro",
            Self::SiteJoin => "/api/site-join",
            Self::NetworkRuntimes => "/api/networkruntime",
            Self::NetworkRuntime(_) => "/api/networkruntime/{uuid}",
            Self::Domains => "/api/ipamdnsproviderprofiledomainlist",
            Self::CloudStatus(_) => "/api/cloud/{uuid}/status",
            Self::Files => "/api/fileservice",
            Self::FileDirectory(_) => "/api/fileservice/{directory}",
            Self::File(..) => "/api/fileservice/{directory}/{name}",
            Self::FileObjectUpload => "/api/fileobject/upload",
            Self::ServiceEngines => "/api/serviceengine",
            Self::ServiceEngine(_) => "/api/serviceengine/{uuid}",
            Self::ServiceEngineRuntime(_) => "/api/serviceengine/{uuid}/runtime",
            Self::Inventory(schema) => return format!("/api/{}-inventory", schema.path),
            Self::InventoryElement(schema, _) => return format!("/api/{}-inventory/{{uuid}}", schema.path),
            Self::Collection(schema) => return format!("/api/{}", schema.path),
            Self::Element(schema, _) => return format!("/api/{}/{{uuid}}", schema.path),
            Self::Runtime(schema, _, part) => {
                return format!("/api/{}/{{uuid}}/runtime{}", schema.path, part.suffix());
            }
        };
        fixed.to_owned()
    }

    fn allows(&self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// An authenticated request on its way.
pub(crate) struct Request<'a> {
    pub(crate) api: &'a Inner,
    pub(crate) call: &'a Call,
    pub(crate) caller: &'a Caller,
    pub(crate) tenancy: &'a Tenancy,
}

/// Answers a request.
pub(crate) async fn answer(api: &Inner, call: &Call, body: &mut Body) -> Result<Response, ApiError> {
    match &call.route {
        Some(Route::ClusterStatus) if call.method == Method::GET => return cluster::status(api),
        _ if !api.live.is_loaded() => return Err(ApiError::Starting),
        Some(Route::Login) if call.method == Method::POST => return login::login(api, call, body).await,
        Some(Route::Logout) if call.method == Method::POST => return login::logout(api, call),
        _ if call.method == Method::OPTIONS => return Ok(StatusCode::OK.into_response()),
        Some(Route::Login | Route::Logout | Route::ClusterStatus) => {
            return Err(ApiError::Method(call.method.to_string()));
        }
        _ => {}
    }
    let caller = match authenticate::authenticate(api, call).await {
        Ok(caller) => caller,
        // Operators read the version before they log in; the original answers too.
        Err(_) if matches!(call.route, Some(Route::InitialData)) && call.method == Method::GET => {
            return Ok(cluster::initial_data_of_a_stranger());
        }
        Err(error) => return Err(error),
    };
    let (version, answered) = match api::negotiate(call) {
        Ok(version) => (version, answer_to(api, call, &caller, body).await),
        Err(error) => (crate::API_VERSION, Err(error)),
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    api::decorate(response.headers_mut(), &caller, version, api.is_secure());
    Ok(response)
}

async fn answer_to(api: &Inner, call: &Call, caller: &Caller, body: &mut Body) -> Result<Response, ApiError> {
    let Some(route) = &call.route else { return Err(ApiError::NoSuchPath(call.path.clone())) };
    if !route.allows(&call.method) {
        return Err(ApiError::Method(call.method.to_string()));
    }
    // Held until the answer: no later leader begins while an earlier one's write is under way.
    let _turn = api.fences.admit(call, caller).await?;
    let tenancy = api.live.read(|state| Tenancy::read(call, &caller.user, &state.projection))?;
    let request = Request { api, call, caller, tenancy: &tenancy };
    match route {
        Route::ClusterRuntime => cluster::runtime(&request),
        Route::ClusterVersion => Ok(cluster::version()),
        Route::InitialData => Ok(cluster::initial_data(&request)),
        Route::UserAccount if call.method == Method::PUT => account::change(&request, body).await,
        Route::UserAccount => account::show(&request),
        Route::UserTokens => user_token::at_collection(&request, body).await,
        Route::UserToken(id) => user_token::at_element(&request, id).await,
        Route::ExplainDns => explain::dns(&request).await,
        Route::SiteJoin => site_join::join(&request, body).await,
        Route::Macro => macros::write(&request, body).await,
        Route::NetworkRuntimes => addresses::network_runtimes(&request),
        Route::NetworkRuntime(uuid) => addresses::network_runtime(&request, uuid),
        Route::Domains => addresses::domains(&request),
        Route::CloudStatus(uuid) => addresses::cloud_status(&request, uuid),
        Route::Logs => logs::show(&request).await,
        Route::Runtime(schema, uuid, part) => runtime::show(&request, schema, uuid, *part),
        Route::Files => files::list(&request),
        Route::FileDirectory(directory) => files::at_directory(&request, directory, body).await,
        Route::File(directory, name) => files::show(&request, directory, name).await,
        Route::FileObjectUpload => files::upload(&request, files::GEO_DIRECTORY, body).await,
        Route::ServiceEngines => service_engines::list(&request),
        Route::ServiceEngine(uuid) => service_engines::element(&request, uuid),
        Route::ServiceEngineRuntime(uuid) => service_engines::runtime_of_one(&request, uuid),
        Route::Inventory(schema) => inventory::list(&request, schema),
        Route::InventoryElement(schema, uuid) => inventory::show(&request, schema, uuid),
        Route::Collection(schema) => objects::at_collection(&request, schema, body).await,
        Route::Element(schema, uuid) => objects::at_element(&request, schema, uuid, body).await,
        Route::Login | Route::Logout | Route::ClusterStatus => Err(ApiError::Method(call.method.to_string())),
    }
}
