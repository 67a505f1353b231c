//! The head that a server gets.

use std::fmt::Write as _;
use std::net::SocketAddr;

use bytes::{BufMut as _, BytesMut};
use http::Version;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http_wire::connection_options;
use model::http::{ForwardedForUpdate, HeaderEdit, HeaderValue, HttpProfile};

/// How the length of a request's body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is none.
    None,
    /// So many octets.
    Exact(u64),
    /// Unknown before its end.
    Chunked,
}

/// What a head is written from, beside the client's own.
pub(crate) struct HeadContext<'a> {
    pub(crate) host: &'a str,
    /// The client's address.
    pub(crate) client: &'a str,
    pub(crate) local: SocketAddr,
    /// Port of the virtual service, as configured.
    pub(crate) port: u16,
    pub(crate) https: bool,
    pub(crate) profile: &'a HttpProfile,
    pub(crate) edits: &'a [&'a [HeaderEdit]],
    pub(crate) body: BodyLength,
    /// Protocol that the client asks to change to, when it may.
    pub(crate) upgrade: Option<&'a http::HeaderValue>,
}

/// Headers that concern one connection (RFC 9110 §7.6.1), or that are written anew.
fn is_ours(name: &HeaderName) -> bool {
    [&CONNECTION, &CONTENT_LENGTH, &TRANSFER_ENCODING, &TE, &TRAILER, &UPGRADE, &EXPECT, &HOST].contains(&name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

/// Whether a header goes from one side to the other.
fn passes(name: &HeaderName, connection: &[&str]) -> bool {
    !is_ours(name) && !connection.iter().any(|option| name.as_str().eq_ignore_ascii_case(option))
}

/// Writes the head of a request to a server.
pub(crate) fn write(out: &mut BytesMut, parts: &Parts, context: &HeadContext<'_>) {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    out.reserve(512);
    // An absolute target may have a query and no path (RFC 9112 §3.2.1).
    let root: &[u8] = if target.starts_with('?') { b"/" } else { b"" };
    put(out, &[parts.method.as_str().as_bytes(), b" ", root, target.as_bytes(), b" HTTP/1.1\r\n"]);
    let connection = connection_options(&parts.headers);
    let edited = EditedHeaders::new(context, parts);
    if !edited.replaces(&HOST) {
        put(out, &[b"host: ", context.host.as_bytes(), b"\r\n"]);
    }
    // HTTP/2 may cut cookies into several fields, HTTP/1.1 has one (RFC 9113 §8.2.3).
    let joins_cookies = parts.version == Version::HTTP_2 && parts.headers.contains_key(COOKIE);
    let forwarded = context.profile.forwarded_for.as_ref();
    for (name, value) in &parts.headers {
        let is_forwarded =
            |update| forwarded.is_some_and(|f| f.update == update && f.header.eq_ignore_ascii_case(name.as_str()));
        let replaced = is_forwarded(ForwardedForUpdate::Replace)
            || is_forwarded(ForwardedForUpdate::Append)
            || (context.profile.forwarded_proto && name == "x-forwarded-proto")
            || edited.replaces(name);
        let is_joined = joins_cookies && name == COOKIE;
        if !replaced && !is_joined && passes(name, &connection) {
            put(out, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    if joins_cookies && !edited.replaces(&COOKIE) {
        write_cookies(out, &parts.headers);
    }
    write_forwarded(out, &parts.headers, context, &edited);
    for (name, value) in &edited.added {
        put(out, &[name.as_str().as_bytes(), b": ", value, b"\r\n"]);
    }
    match context.body {
        BodyLength::None => {}
        BodyLength::Exact(length) => _ = write!(out, "content-length: {length}\r\n"),
        BodyLength::Chunked => put(out, &[b"transfer-encoding: chunked\r\n"]),
    }
    if let Some(protocol) = context.upgrade {
        put(out, &[b"connection: upgrade\r\nupgrade: ", protocol.as_bytes(), b"\r\n"]);
    }
    put(out, &[b"\r\n"]);
}

fn write_cookies(out: &mut BytesMut, headers: &HeaderMap) {
    put(out, &[b"cookie: "]);
    for (index, cookie) in headers.get_all(COOKIE).into_iter().enumerate() {
        put(out, &[if index > 0 { b"; " } else { b"" }, cookie.as_bytes()]);
    }
    put(out, &[b"\r\n"]);
}

fn put(out: &mut BytesMut, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.put_slice(part));
}

/// The client's address and scheme (avi-api 10.10). A rule that sets one of the headers has the last word.
fn write_forwarded(out: &mut BytesMut, headers: &HeaderMap, context: &HeadContext<'_>, edited: &EditedHeaders) {
    if let Some(forwarded) = &context.profile.forwarded_for
        && !edited.removed.iter().any(|name| name.as_str().eq_ignore_ascii_case(&forwarded.header))
    {
        put(out, &[forwarded.header.as_bytes(), b": "]);
        if forwarded.update == ForwardedForUpdate::Append {
            for value in headers.get_all(&forwarded.header) {
                put(out, &[value.as_bytes(), b", "]);
            }
        }
        put(out, &[context.client.as_bytes(), b"\r\n"]);
    }
    if context.profile.forwarded_proto {
        put(out, &[b"x-forwarded-proto: ", if context.https { b"https" } else { b"http" }, b"\r\n"]);
    }
}

/// What the edits of rules come to.
struct EditedHeaders {
    /// Names whose own values do not pass.
    removed: Vec<HeaderName>,
    added: Vec<(HeaderName, Vec<u8>)>,
}

impl EditedHeaders {
    fn new(context: &HeadContext<'_>, parts: &Parts) -> Self {
        let mut edited = Self { removed: vec![], added: vec![] };
        for edit in context.edits.iter().copied().flatten() {
            match edit {
                HeaderEdit::Add(name, value) => edited.add(name, value, context, parts),
                HeaderEdit::Replace(name, value) => {
                    edited.remove(name);
                    edited.add(name, value, context, parts);
                }
                HeaderEdit::Remove(name) => edited.remove(name),
            }
        }
        edited
    }

    fn replaces(&self, name: &HeaderName) -> bool {
        self.removed.contains(name)
    }

    fn remove(&mut self, name: &str) {
        // `Host` can be set to something else, but not be missing; what frames a message is not a rule's to change.
        let Ok(name) = HeaderName::try_from(name) else { return };
        if name != HOST && !is_ours(&name) || name == HOST && !self.removed.contains(&HOST) {
            self.added.retain(|(known, _)| *known != name);
            self.removed.push(name);
        }
    }

    fn add(&mut self, name: &str, value: &HeaderValue, context: &HeadContext<'_>, parts: &Parts) {
        let Ok(name) = HeaderName::try_from(name) else { return };
        if is_ours(&name) && name != HOST {
            return;
        }
        let value = match value {
            HeaderValue::Text(text) => text.clone().into_bytes(),
            HeaderValue::ClientIp => context.client.as_bytes().to_vec(),
            HeaderValue::ServiceIp => context.local.ip().to_canonical().to_string().into_bytes(),
            HeaderValue::ServicePort => context.port.to_string().into_bytes(),
            HeaderValue::Header(source) => match parts.headers.get(source) {
                Some(value) => value.as_bytes().to_vec(),
                None => return,
            },
        };
        // A text of a rule that could end its line is not written.
        if http::HeaderValue::from_bytes(&value).is_ok() {
            self.added.push((name, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: http::request::Builder, body: BodyLength, expected: &str) {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let profile = HttpProfile { forwarded_for: None, ..HttpProfile::default() };
        let address = "192.0.2.1:80".parse().unwrap();
        let context = HeadContext {
            host: "app.example.com",
            client: "192.0.2.1",
            local: address,
            port: 80,
            https: false,
            profile: &profile,
            edits: &[],
            body,
            upgrade: None,
        };
        let mut out = BytesMut::new();
        write(&mut out, &parts, &context);
        assert_eq!(out, expected);
    }

    #[test]
    fn cookies_that_http_2_cut_are_one_again() {
        check(
            http::Request::get("https://app.example.com/a?b")
                .version(Version::HTTP_2)
                .header("cookie", "a=1")
                .header("accept", "*/*")
                .header("cookie", "b=2"),
            BodyLength::None,
            "GET /a?b HTTP/1.1\r\nhost: app.example.com\r\naccept: */*\r\ncookie: a=1; b=2\r\n\r\n",
        );
    }

    #[test]
    fn a_body_is_framed_anew() {
        check(
            http::Request::post("/").header("content-length", "9").header("transfer-encoding", "chunked"),
            BodyLength::Chunked,
            "POST / HTTP/1.1\r\nhost: app.example.com\r\ntransfer-encoding: chunked\r\n\r\n",
        );
        check(
            http::Request::post("/"),
            BodyLength::Exact(3),
            "POST / HTTP/1.1\r\nhost: app.example.com\r\ncontent-length: 3\r\n\r\n",
        );
    }
}
