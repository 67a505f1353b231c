//! Metrics of requests.

use axum::body::Body;
use http::Method;
use prometheus_client::registry::Registry;

use crate::harness::Controller;

#[tokio::test]
async fn requests_are_counted_by_template_and_code_whatever_clients_write() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    client.get("/api/tenant").await.expect(200);
    client.get("/api/tenant/tenant-1?name=x").await.expect(404);
    client.get("/api/tenant/tenant-2/").await.expect(404);
    let mut stranger = controller.stranger();
    for number in 0..40 {
        stranger.get(&format!("/api/made-up-{number}")).await;
        let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
        stranger.send(method, "/api/tenant", "", Body::empty()).await;
    }
    let mut registry = Registry::default();
    controller.requests.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        r#"api_requests_total{method="POST",path_template="/login",code="200"} 1"#,
        r#"api_requests_total{method="GET",path_template="/api/tenant",code="200"} 1"#,
        r#"api_requests_total{method="GET",path_template="/api/tenant/{uuid}",code="404"} 2"#,
        r#"api_requests_total{method="GET",path_template="none",code="401"} 40"#,
        r#"api_requests_total{method="other",path_template="/api/tenant",code="401"} 40"#,
        r#"api_request_duration_seconds_count{method="GET",path_template="/api/tenant/{uuid}"} 2"#,
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(!text.contains("made-up") && !text.contains("M7") && !text.contains("tenant-1"), "{text}");
}
