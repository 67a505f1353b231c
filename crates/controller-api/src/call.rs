//! What a request asks, before anybody looked at who asks.

use http::{HeaderMap, Method, header, request::Parts, uri::Authority};

use crate::{
    api::{Inner, Scheme},
    path,
    routes::Route,
};

/// The head of a request, normalised.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// `None` for a path that leads nowhere.
    pub(crate) route: Option<Route>,
    /// Path as sent, for messages.
    pub(crate) path: String,
    /// Query as sent, for the link to the next page.
    pub(crate) raw_query: String,
    /// Query, decoded.
    pub(crate) query: Vec<(String, Option<String>)>,
    pub(crate) headers: HeaderMap,
    /// Scheme and host that urls in the answer start with.
    pub(crate) base_url: String,
}

impl Call {
    pub(crate) fn read(head: Parts, api: &Inner) -> Self {
        let scheme = match api.config.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
        };
        // HTTP/2 carries the host in the target, HTTP/1.1 in the header; what is no authority is not echoed.
        let sent = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = head.uri.authority().map(Authority::as_str).or(sent);
        let host = host.filter(|host| host.parse::<Authority>().is_ok() && !host.contains('@'));
        let raw_query = head.uri.query().unwrap_or_default().to_owned();
        // HEAD is answered like GET; the server leaves the body out.
        let method = if head.method == Method::HEAD { Method::GET } else { head.method };
        Self {
            method,
            route: Route::of(&path::segments(head.uri.path()), &api.types),
            path: head.uri.path().to_owned(),
            query: path::parameters(&raw_query),
            raw_query,
            base_url: format!("{scheme}://{}", host.unwrap_or(&api.config.authority)),
            headers: head.headers,
        }
    }

    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query parameter that has a value.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        path::parameter(&self.query, name)
    }

    /// Whether it asks to change something.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::OPTIONS)
    }
}
