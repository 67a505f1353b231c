//! What a request rule does (avi-api 2.9, 10.4).

use model::http::{HeaderEdit, HeaderValue, Redirect, RequestAction, Target, UriPart};

use super::response;
use crate::{Problem, field::Message, reading::Reading};

/// The action that ends the evaluation, if the rule has one.
pub(super) fn read(rule: &Message<'_>) -> Result<Option<RequestAction>, Problem> {
    if let Some(action) = rule.some("redirect_action") {
        return redirect(&action).map(RequestAction::Redirect).map(Some);
    }
    let Some(action) = rule.some("switching_action") else { return Ok(None) };
    if action.has("server") {
        return Err(action.problem("server", "a single server of a pool cannot be chosen by this release"));
    }
    let target = |field: &str, target: fn(String) -> Target| {
        let uuid = action.reference(field).ok_or_else(|| action.problem(field, "names nothing to go to"))?;
        Ok(Some(RequestAction::Select(target(uuid.to_owned()))))
    };
    match action.text("action").unwrap_or_default() {
        "HTTP_SWITCHING_SELECT_POOL" => target("pool_ref", Target::Pool),
        "HTTP_SWITCHING_SELECT_POOLGROUP" => target("pool_group_ref", Target::PoolGroup),
        "HTTP_SWITCHING_SELECT_LOCAL" => response::read(&action).map(RequestAction::Respond).map(Some),
        other => Err(action.problem("action", format!("`{other}` is unknown"))),
    }
}

/// Avi: `HTTPRedirectAction`.
fn redirect(action: &Message<'_>) -> Result<Redirect, Problem> {
    if action.has("add_string") {
        return Err(action.problem("add_string", "nothing is added to the query by this release"));
    }
    Ok(Redirect {
        https: action.text("protocol") == Some("HTTPS"),
        port: action.number("port").and_then(|port| u16::try_from(port).ok()),
        host: uri_parts(&action.message("host"))?,
        path: uri_parts(&action.message("path"))?,
        keep_query: action.flag("keep_query", true),
        status: response::status_of(action.text("status_code")).unwrap_or(302),
    })
}

/// Avi: `URIParam`.
fn uri_parts(param: &Message<'_>) -> Result<Vec<UriPart>, Problem> {
    let part = |token: &Message<'_>| {
        let index = |field: &str, default: u16| {
            token.number(field).map_or(default, |index| u16::try_from(index).unwrap_or(u16::MAX))
        };
        let (first, last) = (index("start_index", 0), index("end_index", u16::MAX));
        match token.text("type").unwrap_or_default() {
            "URI_TOKEN_TYPE_STRING" => Ok(UriPart::Text(token.text("str_value").unwrap_or_default().to_owned())),
            "URI_TOKEN_TYPE_HOST" => Ok(UriPart::HostLabels(first, last)),
            "URI_TOKEN_TYPE_PATH" => Ok(UriPart::PathSegments(first, last)),
            other => Err(token.problem("type", format!("`{other}` is not resolved by this release"))),
        }
    };
    param.messages("tokens").iter().map(part).collect()
}

/// The changes to headers that can be made. One whose value is unknown here removes what the client sent, so that a
/// server which trusts the header is not deceived.
pub(super) fn header_edits(rule: &Message<'_>, reading: &mut Reading<'_, '_>) -> Vec<HeaderEdit> {
    let mut found = Vec::new();
    for edit in rule.messages("hdr_action") {
        if edit.has("cookie") {
            reading.tell(edit.problem("cookie", "cookies are not changed by this release; the edit is left out"));
            continue;
        }
        let header = edit.message("hdr");
        let Some(name) = header.text("name").map(str::to_owned) else {
            reading.tell(header.problem("name", "no header given; the edit is left out"));
            continue;
        };
        let kind = edit.text("action").unwrap_or_default();
        if kind == "HTTP_REMOVE_HDR" {
            found.push(HeaderEdit::Remove(name));
            continue;
        }
        match (header_value(&header.message("value")), kind) {
            (Ok(value), "HTTP_ADD_HDR") => found.push(HeaderEdit::Add(name, value)),
            (Ok(value), _) => found.push(HeaderEdit::Replace(name, value)),
            (Err(problem), "HTTP_ADD_HDR") => reading.tell(problem.then("the edit is left out")),
            (Err(problem), _) => {
                reading.tell(problem.then("the header is removed"));
                found.push(HeaderEdit::Remove(name));
            }
        }
    }
    found
}

/// Avi: `HTTPHdrValue`.
fn header_value(value: &Message<'_>) -> Result<HeaderValue, Problem> {
    let text = || value.text("val").unwrap_or_default().to_owned();
    Ok(match value.text("var") {
        None => HeaderValue::Text(text()),
        Some("HTTP_POLICY_VAR_CLIENT_IP" | "HTTP_POLICY_VAR_SOURCE_IP") => HeaderValue::ClientIp,
        Some("HTTP_POLICY_VAR_VS_IP") => HeaderValue::ServiceIp,
        Some("HTTP_POLICY_VAR_VS_PORT") => HeaderValue::ServicePort,
        Some("HTTP_POLICY_VAR_HTTP_HDR") => HeaderValue::Header(text()),
        Some(other) => return Err(value.problem("var", format!("`{other}` is not known to this release"))),
    })
}
