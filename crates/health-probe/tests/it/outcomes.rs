//! One probe of each kind against each kind of server.

use std::time::Duration;

use health_probe::{Failure, FailureCode};
use model::monitor::{Check, HttpCheck, StatusClass};
use tokio::time::Instant;

use super::{servers::Then, *};

/// Short, for servers that hang.
const RECEIVE_TIMEOUT: Duration = Duration::from_millis(300);

fn http_check() -> HttpCheck {
    HttpCheck {
        request: "GET /healthz HTTP/1.1".into(),
        exact_request: false,
        request_body: None,
        status_classes: vec![StatusClass::Hundreds(2)],
        response: None,
        response_bytes_max: 2048,
        maintenance_codes: vec![503],
        maintenance_response: None,
        server_name: None,
    }
}

fn expecting(text: &str) -> HttpCheck {
    HttpCheck { response: Some(text.into()), ..http_check() }
}

fn tcp(request: Option<&str>, response: Option<&str>) -> Check {
    Check::Tcp { request: request.map(Into::into), response: response.map(Into::into) }
}

fn udp(response: Option<&str>) -> Check {
    Check::Udp { request: Some("ping".into()), response: response.map(Into::into) }
}

async fn probe(check: Check, address: SocketAddr) -> Result<Duration, Failure> {
    let monitor = HealthMonitor { receive_timeout: RECEIVE_TIMEOUT, ..monitor(check) };
    let (prober, mut results, _stop) = start();
    prober.change(vec![target(&monitor, address, "a.example")], vec![]).await;
    next(&mut results).await.outcome
}

async fn check_pass(check: Check, address: SocketAddr) -> Duration {
    probe(check, address).await.expect("the probe passes")
}

async fn check_fail(check: Check, address: SocketAddr, expected: FailureCode) -> String {
    let failure = probe(check, address).await.expect_err("the probe fails");
    assert_eq!(failure.code, expected, "{failure}");
    failure.detail
}

#[tokio::test]
async fn http_passes_on_an_expected_status() {
    let address = servers::answering("HTTP/1.1 204 No Content\r\n\r\n", Then::KeepOpen).await;
    check_pass(Check::Http(http_check()), address).await;
}

#[tokio::test]
async fn http_finds_its_text_in_an_answer_that_ends_by_closing() {
    let address = servers::answering("HTTP/1.0 200 OK\r\n\r\nall READY", Then::Close).await;
    check_pass(Check::Http(expecting("READY")), address).await;
    check_fail(Check::Http(expecting("BUSY")), address, FailureCode::PayloadContentMismatch).await;
}

#[tokio::test]
async fn http_finds_its_text_across_chunks() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nRE\r\n3\r\nADY\r\n0\r\n\r\n";
    let address = servers::answering(answer, Then::KeepOpen).await;
    check_pass(Check::Http(expecting("READY")), address).await;
}

#[tokio::test]
async fn http_fails_on_another_status() {
    let address = servers::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Then::KeepOpen).await;
    let detail = check_fail(Check::Http(http_check()), address, FailureCode::ResponseCodeMismatch).await;
    assert_eq!(detail, "status 404, expected 2xx");
}

#[tokio::test]
async fn http_fails_on_a_maintenance_code() {
    let address = servers::answering("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", Then::KeepOpen).await;
    check_fail(Check::Http(http_check()), address, FailureCode::MaintenanceResponseCodeMatch).await;
}

#[tokio::test]
async fn head_does_not_wait_for_a_body() {
    let answer = "HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n";
    let address = servers::answering(answer, Then::KeepOpen).await;
    let head = HttpCheck { request: "HEAD / HTTP/1.0".into(), ..http_check() };
    let took = check_pass(Check::Http(head), address).await;
    assert!(took < RECEIVE_TIMEOUT * 2 / 3, "{took:?}");
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_hide_a_verdict() {
    let address = servers::answering("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n", Then::KeepOpen).await;
    check_pass(Check::Http(http_check()), address).await;
    check_pass(Check::Http(expecting("data")), address).await;
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let address = servers::closed();
    check_fail(Check::Http(http_check()), address, FailureCode::ConnectionRefused).await;
    check_fail(Check::Https(http_check()), address, FailureCode::ConnectionRefused).await;
    check_fail(tcp(None, None), address, FailureCode::ConnectionRefused).await;
}

#[tokio::test]
async fn a_silent_server_fails_at_the_receive_timeout() {
    let (_listener, address) = servers::hanging();
    for (check, code) in [
        (Check::Http(http_check()), FailureCode::PayloadTimeout),
        (Check::Https(http_check()), FailureCode::ConnectionTimeout),
        (tcp(None, Some("220")), FailureCode::PayloadTimeout),
    ] {
        let started = Instant::now();
        check_fail(check, address, code).await;
        let took = started.elapsed();
        assert!(took >= RECEIVE_TIMEOUT && took < RECEIVE_TIMEOUT * 6, "{took:?}");
    }
}

#[tokio::test]
async fn an_unanswered_connection_attempt_fails_at_the_receive_timeout() {
    let (_sockets, address) = servers::unreachable();
    check_fail(tcp(None, None), address, FailureCode::ConnectionTimeout).await;
}

#[tokio::test]
async fn a_reset_says_so() {
    let address = servers::answering("", Then::Reset).await;
    check_fail(Check::Http(http_check()), address, FailureCode::ConnectionReset).await;
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_says_so() {
    let address = servers::answering("", Then::Close).await;
    check_fail(Check::Http(http_check()), address, FailureCode::NoResponse).await;
}

#[tokio::test]
async fn https_takes_any_certificate_and_names_the_host() {
    let (address, mut visits) = servers::tls("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nREADY").await;
    check_pass(Check::Https(expecting("READY")), address).await;
    let visit = visits.recv().await.unwrap();
    assert_eq!(visit.server_name.as_deref(), Some("a.example"));
    let head = "GET /healthz HTTP/1.1\r\nHost: a.example\r\nUser-Agent: avi/1.0\r\nAccept: */*\r\n\r\n";
    assert_eq!(visit.head, head);

    let named = HttpCheck { server_name: Some("own.example".into()), ..http_check() };
    check_pass(Check::Https(named), address).await;
    assert_eq!(visits.recv().await.unwrap().server_name.as_deref(), Some("own.example"));
}

#[tokio::test]
async fn https_to_a_clear_text_server_is_an_ssl_error() {
    let address = servers::greeting("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    check_fail(Check::Https(http_check()), address, FailureCode::SslError).await;
}

#[tokio::test]
async fn tcp_passes_once_connected() {
    let (_listener, address) = servers::hanging();
    check_pass(tcp(None, None), address).await;
    check_pass(tcp(Some("hello"), None), address).await;
}

#[tokio::test]
async fn tcp_looks_for_its_text() {
    let address = servers::greeting("220 mail.example ready").await;
    check_pass(tcp(None, Some("ready")), address).await;
    check_pass(tcp(Some("EHLO"), Some("220")), address).await;
    let echo = servers::answering("-ERR", Then::Close).await;
    check_fail(tcp(Some("PING\r\n\r\n"), Some("+PONG")), echo, FailureCode::PayloadContentMismatch).await;
}

#[tokio::test]
async fn udp_looks_for_its_text() {
    let address = servers::udp_answering("pong").await;
    check_pass(udp(Some("pong")), address).await;
    check_pass(udp(None), address).await;
    check_fail(udp(Some("ready")), address, FailureCode::PayloadContentMismatch).await;
}

#[tokio::test]
async fn udp_silence_passes_only_when_no_answer_is_expected() {
    let (_socket, address) = servers::udp_silent();
    let took = check_pass(udp(None), address).await;
    assert!(took >= RECEIVE_TIMEOUT, "{took:?}");
    check_fail(udp(Some("pong")), address, FailureCode::PayloadTimeout).await;
}

#[tokio::test]
async fn udp_to_a_closed_port_fails_by_icmp() {
    let (socket, address) = servers::udp_silent();
    drop(socket);
    check_fail(udp(None), address, FailureCode::PortUnreachable).await;
}
