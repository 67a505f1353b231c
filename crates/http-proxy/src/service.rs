//! One request: checked, decided, answered.

use std::io;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use http_policy::{Outcome, location, normalize_host};
use hyper::body::Incoming;
use model::http::LocalResponse;

use crate::access::Ending;
use crate::admission;
use crate::body::ResponseBody;
use crate::client::Client;
use crate::finish::Finish;
use crate::forward::forward;
use crate::respond::{page, redirect};
use crate::view::Held;

/// Headers of a request, as rules look them up.
struct HeadersOf<'a>(&'a HeaderMap);

impl http_policy::Headers for HeadersOf<'_> {
    fn any(&self, name: &str, holds: &mut dyn FnMut(&str) -> bool) -> bool {
        self.0.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).any(holds)
    }
}

/// Answers a request. An error closes the connection without an answer.
pub(crate) async fn serve(client: Rc<Client>, request: Request<Incoming>) -> io::Result<Response<ResponseBody>> {
    let (parts, body) = request.into_parts();
    let view = client.worker.view();
    let number = client.count_request();
    client.worker.stats.requests.add(1);
    let is_last = client.is_last(number);
    let finish = Finish::new(&client, Rc::clone(&view), parts);
    let response = answer(&client, number, &view, finish, body).await?;
    let ends = is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS;
    Ok(if ends { closing(&client, response) } else { response })
}

async fn answer(
    client: &Rc<Client>,
    number: u64,
    view: &Held,
    mut finish: Box<Finish>,
    body: Incoming,
) -> io::Result<Response<ResponseBody>> {
    let host = match admission::host_of(&finish.parts, client, number) {
        Ok(host) => host.to_owned(),
        Err(status) => return Ok(refuse(finish, status)),
    };
    // The virtual service has gone while its connection was kept.
    let Some(listener) = view.table.listeners.get(&client.listener.address) else {
        return Ok(refuse(finish, StatusCode::MISDIRECTED_REQUEST));
    };
    let headers = HeadersOf(&finish.parts.headers);
    let name = normalize_host(&host);
    let request = http_policy::Request {
        method: finish.parts.method.as_str(),
        host: &name,
        path: finish.parts.uri.path(),
        query: finish.parts.uri.query(),
        https: client.port.tls,
        port: client.port.port,
        client: client.peer.ip().to_canonical(),
        headers: &headers,
    };
    let decision = listener.service.decide(&request);
    let target =
        if let Outcome::Redirect(to) = decision.outcome { Some((location(to, &request), to.status)) } else { None };
    finish.host = Some(decision.child);
    finish.child_rule = decision.child_rule.map(str::to_owned);
    finish.rule = decision.rule;
    match decision.outcome {
        Outcome::Forward(binding) => {
            let profile = &decision.host.source.profile;
            forward(client, finish, body, binding, profile, &host, &decision.edits).await
        }
        Outcome::Redirect(_) => {
            let (location, status) = target.unwrap_or_default();
            finish.ending = Ending::Redirected;
            Ok(redirect(finish, location, status))
        }
        Outcome::Respond(response) => {
            finish.ending = Ending::Local;
            Ok(local(finish, response))
        }
        Outcome::NotFound => {
            finish.ending = Ending::NotFound;
            Ok(page(finish, StatusCode::NOT_FOUND))
        }
        Outcome::CloseConnection => {
            finish.ending = Ending::ClosedByRule;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }
}

/// Refuses a request, and the connection with it: what follows cannot be trusted to be a request.
pub(crate) fn refuse(mut finish: Box<Finish>, status: StatusCode) -> Response<ResponseBody> {
    finish.ending = Ending::Refused;
    finish.client.worker.stats.requests_refused.add(1);
    let client = Rc::clone(&finish.client);
    closing(&client, page(finish, status))
}

/// The same response, and the connection's last.
pub(crate) fn closing(client: &Client, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    client.lingers.set(true);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A rule's answer; a short page where it has no file.
pub(crate) fn local(mut finish: Box<Finish>, source: &LocalResponse) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(source.status).unwrap_or(StatusCode::OK);
    let Some((content_type, content)) = &source.file else { return page(finish, status) };
    finish.status = status.as_u16();
    let mut response = Response::new(ResponseBody::whole(Bytes::copy_from_slice(content), finish));
    *response.status_mut() = status;
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    }
    response
}
