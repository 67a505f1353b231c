//! Calls, pages, and answers of every kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use avi_client::{AviClient, AviError, Config, ErrorClass, Fence, Retry};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::fake::{Fake, client, config};

#[tokio::test]
async fn each_verb_sends_its_method_and_body() {
    let (fake, address) = Fake::start().await;
    let client = client(&address);
    let body = json!({"name": "a"});
    fake.will_answer(201, r#"{"uuid":"p-1"}"#);
    fake.will_answer(200, r#"{"uuid":"p-1"}"#);
    fake.will_answer(200, r#"{"uuid":"p-1"}"#);
    fake.will_answer(204, "");
    assert_eq!(client.post("/api/pool", &body, "admin").await.unwrap()["uuid"], "p-1");
    assert_eq!(client.put("/api/pool/p-1", &body, "admin").await.unwrap()["uuid"], "p-1");
    assert_eq!(client.patch("/api/pool/p-1", &body, "admin").await.unwrap()["uuid"], "p-1");
    client.delete("/api/pool/p-1", "admin").await.unwrap();
    assert_eq!(fake.lines(), ["POST /api/pool", "PUT /api/pool/p-1", "PATCH /api/pool/p-1", "DELETE /api/pool/p-1"]);
    assert_eq!(fake.asked()[1].body, body.to_string());
    assert_eq!(fake.asked()[4].body, "");
}

// catalogue amko: 108
#[tokio::test]
async fn a_leader_says_its_term_with_each_call_and_sends_no_write_when_it_leads_no_more() {
    let (fake, address) = Fake::start().await;
    let leads = Arc::new(AtomicBool::new(true));
    let fence = Fence::new({
        let leads = Arc::clone(&leads);
        move || if leads.load(Ordering::Relaxed) { Ok(Some(7)) } else { Err("another one leads".to_owned()) }
    });
    let config = Config { fence: Some(fence), ..config(&address) };
    let client = AviClient::new(config).unwrap().on_behalf_of("amko-1");
    client.get("/api/pool", &[], "admin").await.unwrap();
    client.put("/api/pool/p-1", &json!({}), "admin").await.unwrap();
    let terms: Vec<String> = fake.asked().iter().map(|asked| asked.header("x-meridian-fence").to_owned()).collect();
    assert_eq!(terms, ["", "amko-1;term=7", "amko-1;term=7"], "the login is nobody's write");

    leads.store(false, Ordering::Relaxed);
    let error = client.delete("/api/pool/p-1", "admin").await.unwrap_err();
    assert_eq!(error.to_string(), "DELETE /api/pool/p-1: not sent, another one leads");
    client.get("/api/pool", &[], "admin").await.unwrap();
    assert_eq!(fake.lines(), ["GET /api/pool", "PUT /api/pool/p-1", "GET /api/pool"]);
    assert_eq!(fake.asked().last().unwrap().header("x-meridian-fence"), "");
}

#[tokio::test]
async fn a_list_follows_next_exactly() {
    let (fake, address) = Fake::start().await;
    let next = "/api/gslbservice?created_by=amko-gslb&page=2&page_size=100&odd=%2Fx";
    fake.will_answer(200, json!({"count": 3, "results": [1, 2], "next": format!("https://other{next}")}).to_string());
    fake.will_answer(200, json!({"count": 3, "results": [3]}).to_string());
    let query = [("include_name", ""), ("created_by", "amko-gslb")];
    let objects = client(&address).list("/api/gslbservice", &query, "*").await.unwrap();
    assert_eq!(objects, [json!(1), json!(2), json!(3)]);
    let first = "GET /api/gslbservice?created_by=amko-gslb&include_name=&page_size=100";
    assert_eq!(fake.lines(), [first.to_owned(), format!("GET {next}")]);
}

#[tokio::test]
async fn an_empty_collection_is_an_empty_list() {
    let (fake, address) = Fake::start().await;
    fake.will_answer(200, r#"{"count": 0, "results": [], "next": null}"#);
    let objects = client(&address).list("/api/gslb", &[("page_size", "10")], "*").await.unwrap();
    assert_eq!(objects, Vec::<Value>::new());
    assert_eq!(fake.lines(), ["GET /api/gslb?page_size=10"]);
}

#[tokio::test]
async fn pages_that_never_end_are_an_error() {
    let (fake, address) = Fake::start().await;
    for _ in 0..2 {
        fake.will_answer(200, r#"{"count": 9, "results": [1], "next": "/api/gslb?page=2"}"#);
    }
    let error = client(&address).list("/api/gslb", &[], "*").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Decode);
    assert!(error.to_string().contains("its pages never end"), "{error}");
}

#[tokio::test]
async fn garbage_is_an_error_that_names_the_path() {
    let (fake, address) = Fake::start().await;
    let client = client(&address);
    for body in ["<html>", "{", "\u{0}\u{1}", "[1,", "{\"a\":"] {
        fake.will_answer(200, body);
        let error = client.get("/api/gslb", &[("name", "x")], "admin").await.unwrap_err();
        assert!(matches!(&error, AviError::Decode { path, .. } if path == "/api/gslb?name=x"), "{error}");
    }
    for body in ["[]", "{}", r#"{"results": 1}"#, r#"{"results": [], "next": 5}"#, "null", ""] {
        fake.will_answer(200, body);
        let error = client.list("/api/gslb", &[], "admin").await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Decode, "{body}");
    }
}

#[tokio::test]
async fn the_text_of_an_error_is_found_in_every_shape() {
    let (fake, address) = Fake::start().await;
    let client = client(&address);
    for (body, expected) in [
        (r#"{"error": "Pool object not found!"}"#, "Pool object not found!"),
        (r#"{"detail": "Method 'DELETE' not allowed."}"#, "Method 'DELETE' not allowed."),
        (r#"{"error": {"a": 1}}"#, r#"{"a":1}"#),
        ("plain text\n", "plain text"),
        ("", ""),
    ] {
        fake.will_answer(404, body);
        let error = client.delete("/api/pool/p-1", "admin").await.unwrap_err();
        assert!(matches!(&error, AviError::Status { status: 404, message, .. } if message == expected), "{error}");
        assert_eq!(error.class().retry(), Retry::Fast);
    }
}

#[tokio::test]
async fn a_controller_that_is_away_is_worth_a_repeat() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&address).get("/api/gslb", &[], "admin").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transport);
    assert!(!error.is_late(), "nobody is there: {error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "POST {address}/login: no answer from the controller; check that it runs, and that address and port are right"
        )
    );
}

#[tokio::test]
async fn silence_ends_at_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let impatient = Config {
        request_timeout: Duration::from_millis(100),
        ..config(&format!("http://{}", listener.local_addr().unwrap()))
    };
    let error = AviClient::new(impatient).unwrap().login().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transport);
    assert!(error.to_string().contains("it took too long"), "{error}");
    assert!(error.is_late(), "somebody is there: {error:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_transport_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\"").await.unwrap();
    });
    let error = client(&address).login().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transport);
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let (fake, address) = Fake::start().await;
    fake.will_answer(302, "");
    let error = client(&address).get("/api/gslb", &[], "admin").await.unwrap_err();
    assert_eq!(error.status(), Some(302));
    assert_eq!(error.class().retry(), Retry::Flag);
}

#[tokio::test]
async fn the_path_of_a_call_does_not_decide_what_is_advised() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // A connection that is closed with something unread is reset.
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        let login = b"HTTP/1.1 200 OK\r\nSet-Cookie: csrftoken=t\r\nSet-Cookie: sessionid=s\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(login).await.unwrap();
    });
    let error = client(&address).get("/api/sslkeyandcertificate", &[], "admin").await.unwrap_err();
    assert!(error.to_string().contains("/api/sslkeyandcertificate: no answer"), "{error}");
    assert!(error.to_string().contains("check that it runs"), "{error}");
}
