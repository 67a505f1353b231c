//! Answers that need no request body reach a client that sends one, over HTTP/2.

use controller::start;
use reqwest::{Method, RequestBuilder, Version};
use serde_json::json;

use crate::harness::{Client, config, http};

/// Requests per case, sent at once over one connection.
const ATTEMPTS: usize = 40;

/// Sends the request again and again; each answer has this status and text.
#[track_caller]
fn check(request: RequestBuilder, status: u16, text: &str) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        // More than one frame, so that the answer is due before the body is there.
        let body = json!({"name": "x", "description": "x".repeat(200_000)}).to_string();
        let mut attempts = tokio::task::JoinSet::new();
        for _ in 0..ATTEMPTS {
            attempts.spawn(request.try_clone().unwrap().body(body.clone()).send());
        }
        while let Some(reply) = attempts.join_next().await {
            let reply = reply.unwrap().unwrap_or_else(|error| panic!("{caller}: {error:?}"));
            assert_eq!(reply.version(), Version::HTTP_2, "{caller}");
            let got = reply.status();
            let told = reply.text().await.unwrap_or_else(|error| panic!("{caller}: {error:?}"));
            assert_eq!(got, status, "{caller}: {told}");
            assert!(told.contains(text), "{caller}: {told}");
        }
    }
}

#[tokio::test]
async fn every_early_answer_arrives_with_its_text() {
    let root = tempfile::tempdir().unwrap();
    let controller = start(config(root.path())).await.unwrap();
    let client = Client::log_in(&controller).await;
    let request = |method, path| client.request(method, path);
    check(request(Method::POST, "/api/nosuch"), 404, "nosuch").await;
    check(request(Method::POST, "/api/cluster/version"), 405, "POST").await;
    check(request(Method::POST, "/api/tenant").header("x-avi-version", "none"), 400, "ersion").await;
    check(request(Method::POST, "/api/tenant").header("x-avi-tenant", "nosuch"), 403, "nosuch").await;
    check(request(Method::GET, "/api/tenant"), 200, "admin").await;
    check(request(Method::HEAD, "/api/tenant"), 200, "").await;
    check(request(Method::DELETE, "/api/tenant/nosuch"), 404, "not").await;

    let stranger = http(controller.ca_path());
    let url = controller.url();
    check(stranger.post(format!("{url}/api/tenant")), 401, "uthentication").await;
    let without_token = stranger.post(format!("{url}/api/tenant")).header("cookie", client.cookies());
    check(without_token, 401, "CSRF").await;
    check(stranger.post(format!("{url}/logout")), 200, "{}").await;
}
