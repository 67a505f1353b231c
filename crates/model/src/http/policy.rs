//! Rules over a request's head: what they match, and what they do (avi-api 2.9, 10.4).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::pool::Target;

/// Rules that are evaluated together. Avi: `HTTPPolicySet`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicySet {
    /// Object uuid, `httppolicyset-…`.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Rules in ascending index; disabled ones are not here.
    pub security: Vec<SecurityRule>,
    /// Rules in ascending index; disabled ones are not here.
    pub request: Vec<RequestRule>,
}

/// A rule of `http_security_policy`: the first that matches decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityRule {
    /// Label, for logs.
    pub name: String,
    /// Which requests.
    pub matches: RequestMatch,
    /// What happens to them.
    pub action: SecurityAction,
}

/// Avi: `HTTPSecurityAction`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SecurityAction {
    /// No further security rule is looked at.
    Allow,
    /// The connection closes without an answer.
    CloseConnection,
    /// This answer.
    Respond(LocalResponse),
    /// 302 to HTTPS on this port.
    RedirectToHttps {
        /// Port of the `Location`; left out when 443.
        port: u16,
    },
}

/// A rule of `http_request_policy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestRule {
    /// Label, for logs.
    pub name: String,
    /// Which requests.
    pub matches: RequestMatch,
    /// Changes to the head that the server gets, in order.
    pub header_edits: Vec<HeaderEdit>,
    /// What happens to them; `None` changes headers only, and the next set is looked at.
    pub action: Option<RequestAction>,
}

/// What a rule does that ends the evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RequestAction {
    /// Avi: `redirect_action`.
    Redirect(Redirect),
    /// Avi: `switching_action` with `HTTP_SWITCHING_SELECT_POOL` or `…_SELECT_POOLGROUP`.
    Select(Target),
    /// Avi: `switching_action` with `HTTP_SWITCHING_SELECT_LOCAL`.
    Respond(LocalResponse),
}

/// Elsewhere. Avi: `HTTPRedirectAction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// Whether the `Location` is `https`.
    pub https: bool,
    /// Port of the `Location`; the default of its scheme when `None`.
    pub port: Option<u16>,
    /// Host; the request's when empty. Tokens are joined by dots.
    pub host: Vec<UriPart>,
    /// Path; the request's when empty. Tokens are joined by slashes.
    pub path: Vec<UriPart>,
    /// Carry the query.
    pub keep_query: bool,
    /// 301, 302 or 307.
    pub status: u16,
}

impl Redirect {
    /// To HTTPS, same host, path and query, with 302.
    #[must_use]
    pub fn to_https(port: u16) -> Self {
        Self { https: true, port: Some(port), host: vec![], path: vec![], keep_query: true, status: 302 }
    }
}

/// Part of a host or path that is put together. Avi: `URIParamToken`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UriPart {
    /// This text. Avi: `URI_TOKEN_TYPE_STRING`.
    Text(String),
    /// Labels of the request's host, from the first (0) to the last index, both included. Avi: `URI_TOKEN_TYPE_HOST`.
    HostLabels(u16, u16),
    /// Segments of the request's path, likewise. Avi: `URI_TOKEN_TYPE_PATH`.
    PathSegments(u16, u16),
}

/// An answer of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalResponse {
    /// Status, 200 to 599.
    pub status: u16,
    /// Content type and body; a short HTML page when `None`. Avi: `HTTPLocalFile`.
    pub file: Option<(String, Vec<u8>)>,
}

/// A change to a header. Avi: `HTTPHdrAction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderEdit {
    /// One more. Avi: `HTTP_ADD_HDR`.
    Add(String, HeaderValue),
    /// In place of those of that name, or a new one. Avi: `HTTP_REPLACE_HDR`.
    Replace(String, HeaderValue),
    /// None of that name. Avi: `HTTP_REMOVE_HDR`.
    Remove(String),
}

/// What a header is set to. Avi: `HTTPHdrValue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderValue {
    /// This text.
    Text(String),
    /// Avi: `HTTP_POLICY_VAR_CLIENT_IP`.
    ClientIp,
    /// Avi: `HTTP_POLICY_VAR_VS_IP`.
    ServiceIp,
    /// Avi: `HTTP_POLICY_VAR_VS_PORT`.
    ServicePort,
    /// The request's header of this name. Avi: `HTTP_POLICY_VAR_HTTP_HDR`.
    Header(String),
}

/// Which requests an EVH child takes. Avi: `VHMatch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostMatch {
    /// Host name, exact or `*.x`, which takes names of any depth below `x`.
    pub host: String,
    /// Any of them; every request to the host when empty.
    pub rules: Vec<PathRule>,
}

/// Avi: `VHMatchRule`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathRule {
    /// Label, logged as `vh_match_rule`.
    pub name: String,
    /// Which requests to the host.
    pub matches: RequestMatch,
}

/// All members must hold; absent ones hold. Avi: `MatchTarget`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestMatch {
    /// The client's address.
    pub client_ip: Option<IpMatch>,
    /// The virtual service's port.
    pub port: Option<(Membership, Vec<u16>)>,
    /// Whether the request came by TLS.
    pub https: Option<bool>,
    /// Methods, as `GET`.
    pub method: Option<(Membership, Vec<String>)>,
    /// The path, from its slash on.
    pub path: Option<PathMatch>,
    /// `Host` without its port.
    pub host: Option<HeaderMatch>,
    /// Headers; all must hold.
    pub headers: Vec<HeaderMatch>,
}

/// Whether to be in the list or not to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// Avi: `IS_IN`.
    In,
    /// Avi: `IS_NOT_IN`.
    NotIn,
}

/// Avi: `IpAddrMatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpMatch {
    /// In any of the ranges, or in none.
    pub membership: Membership,
    /// First and last address of each range; one address is a range, a prefix too.
    pub ranges: Vec<(IpAddr, IpAddr)>,
}

/// Avi: `PathMatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMatch {
    /// How.
    pub criterion: StringCriterion,
    /// Whether the opposite is asked for: none of the values may match.
    pub negated: bool,
    /// Whether case counts.
    pub case_sensitive: bool,
    /// Match the path with its percent escapes decoded.
    pub decoded: bool,
    /// Any of them.
    pub values: Vec<String>,
}

/// How texts are compared. Avi: `StringOperation`, `HdrMatchOperation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StringCriterion {
    /// Starts with the value: `/foo` takes `/foobar` too.
    BeginsWith,
    /// Has the value somewhere.
    Contains,
    /// Ends with the value.
    EndsWith,
    /// Is the value.
    Equals,
    /// The regular expression matches somewhere. Not for headers.
    Regex,
    /// There is one, whatever it says. Only for headers.
    Exists,
}

/// Avi: `HdrMatch`, `HostHdrMatch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderMatch {
    /// Header name.
    pub header: String,
    /// How.
    pub criterion: StringCriterion,
    /// Whether the opposite is asked for: none may match.
    pub negated: bool,
    /// Whether case counts.
    pub case_sensitive: bool,
    /// Any of them.
    pub values: Vec<String>,
}
