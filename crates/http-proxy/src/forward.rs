//! A request to a server, and its response to the client.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, UPGRADE};
use http::{HeaderMap, Method, Response, StatusCode, Version};
use http_body::Body as _;
use http_policy::{Binding, Choice};
use http_wire::connection_options;
use hyper::body::Incoming;
use model::http::{FailAction, HeaderEdit, HttpProfile};

use crate::access::Ending;
use crate::body::{ResponseBody, ending_of};
use crate::client::Client;
use crate::clock;
use crate::exchange::{Exchange, ExchangeError, Limits};
use crate::finish::{Finish, UsedServer};
use crate::request_head::{self, BodyLength, HeadContext};
use crate::respond::{page, redirect};
use crate::service::{closing, local};
use crate::tunnel::Tunnel;
use crate::upstream::Upstream;
use crate::worker::Worker;
use http_wire::response_head::ResponseHead;

/// Servers that are tried for one request.
const ATTEMPTS_MAX: u32 = 4;

/// From a request to its response where the pool says nothing. Avi: 60 minutes.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Sends a request to a server of `binding`.
///
/// A server that cannot be reached is replaced by another. A kept connection that turns out to be dead is replaced by a
/// new one where the request may be sent twice: an idempotent method without a body (RFC 9110 §9.2.2).
pub(crate) async fn forward(
    client: &Rc<Client>,
    mut finish: Box<Finish>,
    body: Incoming,
    binding: &Binding,
    profile: &HttpProfile,
    host: &str,
    edits: &[&[HeaderEdit]],
) -> io::Result<Response<ResponseBody>> {
    let worker = &client.worker;
    let length = body_length(&finish.parts.headers, &body);
    if let BodyLength::Exact(octets) = length
        && profile.body_size_max > 0
        && octets > profile.body_size_max
    {
        finish.ending = Ending::BodyTooLarge;
        return Ok(closing(client, page(finish, StatusCode::PAYLOAD_TOO_LARGE)));
    }
    let mut body = Some(body).filter(|body| !body.is_end_stream());
    let upgrade = upgrade_of(&finish.parts, profile, body.is_some()).cloned();
    let can_repeat = body.is_none() && is_idempotent(&finish.parts.method);
    client.bound.see_request(&finish.parts.headers);
    let mut bound = client.bound.take(binding);
    let mut tried: Vec<SocketAddr> = Vec::new();
    let mut again: Option<Choice<'_>> = None;
    let mut attempts = 0;
    loop {
        let is_second_try = again.is_some();
        let now_ms = worker.timer.now_ms();
        let (own, bound_to) = bound.take().map(|(choice, upstream)| (upstream, choice)).unzip();
        let choice = match again.take().or(bound_to).map_or_else(|| binding.choose(now_ms, &tried), Ok) {
            Ok(choice) => choice,
            Err(_) if attempts > 0 => return no_server(finish, binding, Ending::Unreachable),
            Err(reason) => return no_server(finish, binding, Ending::NoServer(reason)),
        };
        attempts += 1;
        if attempts > 1 {
            worker.stats.retries.add(1);
        }
        let kept = if own.is_some() {
            own
        } else if is_second_try || !profile.multiplex_connections {
            None
        } else {
            worker.kept.take(&choice.server.state, &choice.pool.source, now_ms)
        };
        let kept = kept.filter(|upstream| can_repeat || upstream.is_quiet_in_kernel());
        let used = finish.server.insert(use_server(choice, attempts, kept.is_some()));
        let mut upstream = match kept {
            Some(upstream) => upstream,
            None => match connect(worker, choice, used).await {
                Some(upstream) => upstream,
                None if attempts < ATTEMPTS_MAX => {
                    used.lease = None;
                    tried.push(choice.server.address);
                    continue;
                }
                None => return no_server(finish, binding, Ending::Unreachable),
            },
        };
        upstream.requests += 1;
        used.sent = Some(clock::now());
        let is_reused = used.reused;
        let context = HeadContext {
            host,
            client: &client.peer_text,
            local: client.local,
            port: client.port.port,
            https: client.port.tls,
            profile,
            edits,
            body: length,
            upgrade: upgrade.as_ref(),
        };
        let mut head = BytesMut::new();
        request_head::write(&mut head, &finish.parts, &context);
        let mut exchange = Box::new(Exchange::new(upstream, head, body.take(), length, limits(choice, profile)));
        let answered = std::future::poll_fn(|cx| exchange.poll_head(cx, &finish.parts.method, worker)).await;
        match answered {
            Ok(head) => {
                choice.server.state.succeed();
                finish.answered();
                return Ok(respond(client, finish, exchange, head, upgrade.is_some(), profile));
            }
            Err(ExchangeError::ServerClosed | ExchangeError::Broken(_))
                if is_reused && can_repeat && !exchange.has_answer =>
            {
                again = Some(choice);
            }
            Err(error) => {
                finish.request_octets = exchange.body_octets;
                if is_servers_fault(&error) {
                    failed(worker, choice);
                }
                finish.ending = ending_of(&error);
                return Ok(closing(client, page(finish, status_of(&error))));
            }
        }
    }
}

/// The response, with what there is of its body.
fn respond(
    client: &Rc<Client>,
    mut finish: Box<Finish>,
    mut exchange: Box<Exchange>,
    head: ResponseHead,
    asked_to_upgrade: bool,
    profile: &HttpProfile,
) -> Response<ResponseBody> {
    let worker = &client.worker;
    let is_switching = head.status == StatusCode::SWITCHING_PROTOCOLS;
    if is_switching && !asked_to_upgrade {
        finish.ending = Ending::BadResponse;
        return page(finish, StatusCode::BAD_GATEWAY);
    }
    finish.status = head.status.as_u16();
    client.bound.see_response(head.status, &head.headers);
    let keep_alive = head.keep_alive && (profile.multiplex_connections || client.bound.is_on());
    let body = if is_switching {
        *client.tunnel.borrow_mut() = Some(Tunnel { upstream: exchange.upstream, finish });
        ResponseBody::none()
    } else if let Some(octets) = exchange.take_whole_body() {
        finish.ending = Ending::Complete;
        finish.give_back(*exchange, worker, keep_alive);
        ResponseBody::whole(octets, finish)
    } else {
        ResponseBody::stream(exchange, Rc::clone(worker), keep_alive, finish)
    };
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

async fn connect(worker: &Worker, choice: Choice<'_>, used: &mut UsedServer) -> Option<Upstream> {
    let started = clock::now();
    match Upstream::connect(choice.server.address, &worker.timer).await {
        Ok(upstream) => {
            worker.stats.server_connections.add(1);
            used.connect = clock::now().saturating_duration_since(started);
            Some(upstream)
        }
        Err(error) => {
            worker.stats.server_connections_failed.add(1);
            tracing::debug!(server = %choice.server.address, reason = %error, "a server could not be reached");
            failed(worker, choice);
            None
        }
    }
}

fn use_server(choice: Choice<'_>, attempts: u32, reused: bool) -> UsedServer {
    UsedServer {
        pool: Arc::clone(choice.pool),
        address: choice.server.address,
        state: Arc::clone(&choice.server.state),
        lease: Some(choice.server.state.lease()),
        attempts,
        reused,
        connect: Duration::ZERO,
        sent: None,
        response: None,
    }
}

fn failed(worker: &Worker, choice: Choice<'_>) {
    if choice.pool.source.passive_health && choice.server.state.fail(worker.timer.now_ms()) {
        tracing::info!(
            pool = choice.pool.source.name,
            server = %choice.server.address,
            reason = "requests to it failed three times in a row",
            "a server is passed over for a while"
        );
    }
}

/// What the pool wants clients to get (avi-api 10.9).
fn no_server(mut finish: Box<Finish>, binding: &Binding, ending: Ending) -> io::Result<Response<ResponseBody>> {
    finish.ending = ending;
    finish.client.worker.stats.without_server.add(1);
    let action =
        if let Binding::Pool(pool) = binding { &pool.source.fail_action } else { &FailAction::ServiceUnavailable };
    match action {
        FailAction::ServiceUnavailable => Ok(page(finish, StatusCode::SERVICE_UNAVAILABLE)),
        FailAction::CloseConnection => Err(io::ErrorKind::ConnectionAborted.into()),
        FailAction::Respond(response) => Ok(local(finish, response)),
        FailAction::Redirect(to) => {
            let host = finish.parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
            let request = http_policy::Request {
                method: finish.parts.method.as_str(),
                host: &http_policy::normalize_host(host),
                path: finish.parts.uri.path(),
                query: finish.parts.uri.query(),
                https: finish.client.port.tls,
                port: finish.client.port.port,
                client: finish.client.peer.ip(),
                headers: &(&[] as &[(&str, &str)]),
            };
            let location = http_policy::location(to, &request);
            Ok(redirect(finish, location, to.status))
        }
    }
}

fn limits(choice: Choice<'_>, profile: &HttpProfile) -> Limits {
    let response_timeout = choice.pool.source.response_timeout;
    Limits {
        response_timeout: if response_timeout.is_zero() { RESPONSE_TIMEOUT } else { response_timeout },
        body_timeout: profile.body_timeout,
        body_size_max: profile.body_size_max,
        response_head_room: usize::try_from(profile.response_head_size_max).unwrap_or(usize::MAX),
    }
}

/// How the length of the client's body is told to the server. A length of 0 that the client told goes on.
fn body_length(headers: &HeaderMap, body: &Incoming) -> BodyLength {
    match body.size_hint().exact() {
        _ if body.is_end_stream() && headers.contains_key(CONTENT_LENGTH) => BodyLength::Exact(0),
        _ if body.is_end_stream() => BodyLength::None,
        Some(octets) => BodyLength::Exact(octets),
        None => BodyLength::Chunked,
    }
}

/// The protocol that the client asks to change to. HTTP/2 in plain text is not one of them: what a server did on such a
/// connection would pass our rules by.
fn upgrade_of<'p>(
    parts: &'p http::request::Parts,
    profile: &HttpProfile,
    has_body: bool,
) -> Option<&'p http::HeaderValue> {
    let protocol = parts.headers.get(UPGRADE).filter(|_| parts.version == Version::HTTP_11)?;
    let is_asked = connection_options(&parts.headers).iter().any(|option| option.eq_ignore_ascii_case("upgrade"));
    let name = protocol.to_str().ok()?.to_ascii_lowercase();
    let is_http = name.split(',').map(str::trim).any(|name| name.starts_with("h2c") || name.starts_with("http/"));
    (is_asked && !is_http && !has_body && profile.websockets).then_some(protocol)
}

fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE].contains(method)
}

const fn is_servers_fault(error: &ExchangeError) -> bool {
    !matches!(error, ExchangeError::ClientTimeout | ExchangeError::ClientBody(_) | ExchangeError::BodyTooLarge)
}

const fn status_of(error: &ExchangeError) -> StatusCode {
    match error {
        ExchangeError::ServerTimeout => StatusCode::GATEWAY_TIMEOUT,
        ExchangeError::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
        ExchangeError::ClientBody(_) => StatusCode::BAD_REQUEST,
        ExchangeError::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_GATEWAY,
    }
}
