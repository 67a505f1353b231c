//! A small controller: real sessions, scripted answers, a record of what was asked.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use avi_client::{AviClient, Config, Verification};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

pub(crate) const PASSWORD: &str = "right";

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) asked: Vec<Asked>,
    pub(crate) logins: usize,
    sessions: HashSet<String>,
    answers: VecDeque<(u16, String)>,
}

#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) script: Arc<Mutex<Script>>,
}

impl Fake {
    /// Starts one on a free port; it ends with the test's runtime.
    pub(crate) async fn start() -> (Self, String) {
        let fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = fake.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, address)
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// The next call that carries a valid session gets this; `{}` with 200 when nothing is left.
    pub(crate) fn will_answer(&self, status: u16, body: impl Into<String>) {
        self.script.lock().unwrap().answers.push_back((status, body.into()));
    }

    pub(crate) fn end_sessions(&self) {
        self.script.lock().unwrap().sessions.clear();
    }

    pub(crate) fn logins(&self) -> usize {
        self.script.lock().unwrap().logins
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    /// Method and target of each call except logins.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.asked().into_iter().map(|asked| asked.line);
        lines.filter(|line| !line.ends_with("/login")).collect()
    }
}

pub(crate) fn config(address: &str) -> Config {
    Config {
        user_agent: "AMKO".to_owned(),
        api_version: "30.2.1".to_owned(),
        request_timeout: Duration::from_secs(20),
        ..Config::new(address, "admin", PASSWORD, Verification::Insecure)
    }
}

pub(crate) fn client(address: &str) -> AviClient {
    AviClient::new(config(address)).unwrap()
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let asked = Asked {
        line: format!("{} {}", parts.method, parts.uri.path_and_query().unwrap()),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut script = fake.script.lock().unwrap();
    script.asked.push(asked.clone());
    if asked.line == "POST /login" {
        return log_in(&mut script, &asked);
    }
    let cookies = asked.header("cookie");
    let known = script.sessions.iter().any(|id| cookies.contains(&format!("sessionid=s{id};")));
    if !known {
        return (StatusCode::UNAUTHORIZED, r#"{"error": "Session expired"}"#).into_response();
    }
    let (status, body) = script.answers.pop_front().unwrap_or((200, "{}".to_owned()));
    Response::builder().status(status).body(Body::from(body)).unwrap()
}

fn log_in(script: &mut Script, asked: &Asked) -> Response {
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    if body["password"] != PASSWORD {
        return (StatusCode::UNAUTHORIZED, r#"{"error": "Invalid credentials"}"#).into_response();
    }
    script.logins += 1;
    let id = script.logins.to_string();
    let cookies = [
        (header::SET_COOKIE, format!("csrftoken=t{id}; Path=/; Max-Age=31449600")),
        (header::SET_COOKIE, format!("sessionid=s{id}; Path=/; HttpOnly")),
        (header::SET_COOKIE, format!("avi-sessionid=s{id}; Path=/; HttpOnly")),
    ];
    script.sessions.insert(id);
    let mut response = "{}".into_response();
    for (name, value) in cookies {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}
