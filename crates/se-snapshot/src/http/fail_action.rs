//! `FailAction`: what clients get when no server is usable (avi-api 10.9).

use model::http::{FailAction, LocalResponse, Redirect, UriPart};

use super::response;
use crate::{field::Message, reading::Reading};

pub(super) fn read(action: &Message<'_>, reading: &mut Reading<'_, '_>) -> FailAction {
    match action.text("type") {
        None => FailAction::ServiceUnavailable,
        Some("FAIL_ACTION_CLOSE_CONN") => FailAction::CloseConnection,
        Some("FAIL_ACTION_HTTP_LOCAL_RSP") => {
            let local = action.message("local_rsp");
            let status = response::status_of(local.text("status_code")).unwrap_or(503);
            FailAction::Respond(LocalResponse { status, file: response::file(&local) })
        }
        Some("FAIL_ACTION_HTTP_REDIRECT") => redirect(&action.message("redirect")).unwrap_or_else(|| {
            reading.tell(action.problem("redirect.host", "no host to go to; clients get 503"));
            FailAction::ServiceUnavailable
        }),
        Some(other) => {
            reading.tell(action.problem("type", format!("`{other}` is not done by this release; clients get 503")));
            FailAction::ServiceUnavailable
        }
    }
}

fn redirect(redirect: &Message<'_>) -> Option<FailAction> {
    let host = redirect.text("host")?.to_owned();
    let path = redirect.text("path").unwrap_or("/");
    // The path is written as it is, so that the query may be part of it.
    let path = redirect.text("query").map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    Some(FailAction::Redirect(Redirect {
        https: redirect.text("protocol") != Some("HTTP"),
        port: None,
        host: vec![UriPart::Text(host)],
        path: vec![UriPart::Text(path)],
        keep_query: false,
        status: response::status_of(redirect.text("status_code")).unwrap_or(302),
    }))
}
