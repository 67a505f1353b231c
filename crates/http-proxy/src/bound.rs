//! Connections to servers that belong to one client.
//!
//! NTLM and Negotiate authenticate a connection, not a request (RFC 4559 §6): what the next client sent on it would be done
//! in the name of the one before. So once either is seen, the connection to the server is kept with the client's, closes
//! with that, and is where its next request goes. Avi: `detect_ntlm_app`.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use http_policy::{Binding, Choice, ServerState};

use crate::upstream::Upstream;

/// The schemes that authenticate connections.
const SCHEMES: [&str; 2] = ["NTLM", "Negotiate"];

/// A client's own connection to a server.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// Either scheme was seen: none of its connections to servers is for others from now on.
    is_on: Cell<bool>,
    kept: RefCell<Option<(Upstream, Arc<ServerState>)>>,
}

impl Bound {
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Looks at a request.
    pub(crate) fn see_request(&self, headers: &HeaderMap) {
        if headers.get_all(AUTHORIZATION).iter().any(names_scheme) {
            self.is_on.set(true);
        }
    }

    /// Looks at a response, which may ask for either scheme.
    pub(crate) fn see_response(&self, status: StatusCode, headers: &HeaderMap) {
        if status == StatusCode::UNAUTHORIZED && headers.get_all(WWW_AUTHENTICATE).iter().any(names_scheme) {
            self.is_on.set(true);
        }
    }

    /// The kept connection, where requests may go to its server.
    pub(crate) fn take<'b>(&self, binding: &'b Binding) -> Option<(Choice<'b>, Upstream)> {
        let mut kept = self.kept.borrow_mut();
        let choice = binding.find(&kept.as_ref()?.1)?;
        let (mut upstream, _) = kept.take()?;
        upstream.is_quiet().then_some((choice, upstream))
    }

    /// Keeps a connection whose response has ended, in place of the one before.
    pub(crate) fn give(&self, mut upstream: Upstream, state: &Arc<ServerState>) {
        if upstream.rest() {
            self.kept.replace(Some((upstream, Arc::clone(state))));
        }
    }
}

/// Whether a value names either scheme. A list of challenges is cut at its commas: one too many costs a connection only.
fn names_scheme(value: &http::HeaderValue) -> bool {
    let parts = value.as_bytes().split(|octet| *octet == b',');
    parts
        .filter_map(|part| part.trim_ascii().split(|octet| *octet == b' ').next())
        .any(|scheme| SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_found_among_others_in_any_case() {
        for (value, expected) in [
            ("NTLM", true),
            ("negotiate YII=", true),
            ("Basic realm=\"a\", NTLM", true),
            ("Basic TlRMTQ==", false),
            ("Bearer NTLM", false),
            ("", false),
        ] {
            assert_eq!(names_scheme(&http::HeaderValue::from_static(value)), expected, "{value}");
        }
    }
}
