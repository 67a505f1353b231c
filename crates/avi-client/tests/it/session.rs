//! Logging in, and doing so again.

use avi_client::{AviClient, AviError, Config, ErrorClass};

use crate::fake::{Fake, client, config};

#[tokio::test]
async fn first_call_logs_in_and_carries_the_session() {
    let (fake, address) = Fake::start().await;
    client(&address).get("/api/cluster", &[], "*").await.unwrap();

    let [login, call] = &fake.asked()[..] else { panic!("{:?}", fake.asked()) };
    assert_eq!(login.line, "POST /login");
    assert_eq!(login.body, r#"{"username":"admin","password":"right"}"#);
    assert_eq!(login.header("x-csrftoken"), "");
    assert_eq!(call.line, "GET /api/cluster");
    assert_eq!(call.header("x-avi-tenant"), "*");
    assert_eq!(call.header("x-csrftoken"), "t1");
    assert_eq!(call.header("cookie"), "csrftoken=t1; sessionid=s1; avi-sessionid=s1");
    for asked in [login, call] {
        assert_eq!(asked.header("content-type"), "application/json");
        assert_eq!(asked.header("referer"), format!("{address}/"));
        assert_eq!(asked.header("x-avi-useragent"), "AMKO");
        assert_eq!(asked.header("x-avi-version"), "30.2.1");
    }
}

#[tokio::test]
async fn one_login_serves_all_tenants() {
    let (fake, address) = Fake::start().await;
    let client = client(&address);
    for tenant in ["*", "admin", "blue"] {
        client.get("api/gslb", &[], tenant).await.unwrap();
    }
    assert_eq!(fake.logins(), 1);
    assert_eq!(fake.asked()[3].header("x-avi-tenant"), "blue");
}

#[tokio::test]
async fn an_ended_session_is_renewed_and_the_call_repeated() {
    let (fake, address) = Fake::start().await;
    let client = client(&address);
    client.login().await.unwrap();
    fake.end_sessions();
    fake.will_answer(201, r#"{"uuid": "gslbservice-1"}"#);

    let stored = client.post("api/gslbservice/", &serde_json::json!({"name": "a"}), "admin").await.unwrap();
    assert_eq!(stored["uuid"], "gslbservice-1");
    assert_eq!(fake.lines(), ["POST /api/gslbservice/", "POST /api/gslbservice/"]);
    let repeat = fake.asked().pop().unwrap();
    assert_eq!(repeat.body, r#"{"name":"a"}"#);
    assert_eq!(repeat.header("x-csrftoken"), "t2");
}

#[tokio::test]
async fn calls_that_meet_an_ended_session_together_make_one_login() {
    let (fake, address) = Fake::start().await;
    let client = client(&address);
    client.login().await.unwrap();
    fake.end_sessions();
    let call = || client.get("api/gslb", &[], "admin");
    let (a, b, c, d) = tokio::join!(call(), call(), call(), call());
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn a_session_refused_twice_is_an_error_and_not_a_loop() {
    let (fake, address) = Fake::start().await;
    let client = client(&address);
    fake.will_answer(401, "CSRF token missing or incorrect.");
    fake.will_answer(401, "CSRF token missing or incorrect.");
    let error = client.get("api/gslb", &[], "admin").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert_eq!(error.to_string(), "GET /api/gslb: the controller answered 401: CSRF token missing or incorrect.");
    assert_eq!(fake.logins(), 2);
}

#[tokio::test]
async fn a_wrong_password_says_so_and_is_not_tried_again() {
    let (fake, address) = Fake::start().await;
    let wrong = Config { password: "wrong".to_owned(), ..config(&address) };
    let client = AviClient::new(wrong).unwrap();
    let error = client.get("api/gslb", &[], "admin").await.unwrap_err();
    assert!(matches!(&error, AviError::InvalidCredentials { username, .. } if username == "admin"));
    assert_eq!(
        error.to_string(),
        format!("controller {address}/ refuses user `admin`: Invalid credentials; check user name and password")
    );
    assert_eq!(fake.asked().len(), 1);
    assert!(!format!("{client:?}").contains("wrong"));
}
