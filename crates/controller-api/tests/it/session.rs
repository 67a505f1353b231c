//! avi-api 11.1.

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::json;

use crate::harness::{Controller, PASSWORD};

/// Lines 1, 2, 5.
#[tokio::test]
async fn a_login_by_form_or_json_on_either_path_sets_the_three_cookies() {
    let controller = Controller::start().await;
    let form = format!("username=admin&password={}", PASSWORD.replace(' ', "+"));
    let body = json!({"username": "admin", "password": PASSWORD}).to_string();
    for (path, kind, body) in [
        ("/login", "application/x-www-form-urlencoded", form.clone()),
        ("//login", "application/x-www-form-urlencoded", form),
        ("/login", "application/json", body.clone()),
        ("//login/", "application/json; charset=utf-8", body),
    ] {
        let mut client = controller.stranger();
        client.header("x-avi-tenant", "*");
        let reply = client.send(Method::POST, path, kind, body.into()).await.expect(200);
        let document = reply.json();
        assert_eq!(document["version"]["Version"], "30.2.1");
        assert_eq!(document["session_cookie_name"], "avi-sessionid");
        assert_eq!(document["user"]["uuid"], "user-1");
        assert_eq!(document["tenants"][0]["url"], "https://controller.test/api/tenant/admin");
        assert_eq!(document["system_config"]["default_license_tier"], "ENTERPRISE");
        assert!(!document.to_string().contains("argon2"));
        let cookies = reply.set_cookies();
        assert_eq!(cookies["sessionid"], cookies["avi-sessionid"]);
        assert_eq!((cookies["sessionid"].len(), cookies["csrftoken"].len()), (32, 32));
        let attributes: Vec<_> = reply.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
        assert!(attributes.iter().all(|text| text.contains("Path=/") && text.contains("Secure")), "{attributes:?}");
        assert_eq!(attributes.iter().filter(|text| text.contains("HttpOnly")).count(), 2);
    }
}

/// Line 3.
#[tokio::test]
async fn only_a_wrong_user_or_password_says_invalid_credentials() {
    let controller = Controller::start().await;
    let mut client = controller.stranger();
    client.log_in("admin", "wrong").await.refused(401, "Invalid credentials");
    client.log_in("nobody", PASSWORD).await.refused(401, "Invalid credentials");
    client.log_in("", "").await.refused(401, "Invalid credentials");
    let incomplete = client.send(Method::POST, "/login", "application/json", "{\"username\":\"admin\"}".into()).await;
    incomplete.refused(400, "password is missing");
    assert!(client.cookies.is_empty());
}

/// Lines 6, 7, 8, 11.
#[tokio::test]
async fn sessions_and_csrf_tokens_are_asked_for() {
    let controller = Controller::start().await;
    let refused = controller.stranger().get("/api/healthmonitor").await;
    refused.refused(401, "not provided");
    assert!(!refused.text.contains("Invalid credentials"));

    let mut client = controller.admin().await;
    client.send_csrf = false;
    let refused = client.post("/api/tenant", json!({"name": "t"})).await.expect(401);
    assert_eq!(refused.text, "CSRF token missing or incorrect.");
    client.get("/api/healthmonitor").await.expect(200);

    let mut old = controller.admin().await;
    let old_token = old.cookies["csrftoken"].clone();
    old.post("/logout", json!({})).await.expect(200);
    old.get("/api/healthmonitor").await.refused(401, "Session expired");
    old.post("/logout", json!({})).await.expect(200);
    old.log_in("admin", PASSWORD).await.expect(200);
    old.clone().header("x-csrftoken", &old_token).post("/api/tenant", json!({"name": "t"})).await.expect(401);
    old.post("/api/tenant", json!({"name": "t"})).await.expect(201);
}

/// Lines 9, 10, 16.
#[tokio::test]
async fn one_valid_session_cookie_is_enough_and_is_refreshed() {
    let controller = Controller::start().await;
    let client = controller.admin().await;
    let id = client.cookies["sessionid"].clone();
    for cookies in [
        format!("sessionid=stale; sessionid={id}"),
        format!("sessionid={id}; sessionid=stale"),
        format!("avi-sessionid={id}"),
        format!("sessionid=stale; avi-sessionid={id}; csrftoken=stale"),
    ] {
        let reply = client.clone().header("cookie", &cookies).get("/api/healthmonitor").await.expect(200);
        let set = reply.set_cookies();
        assert_eq!((&set["sessionid"], &set["avi-sessionid"]), (&id, &id), "{cookies}");
        assert!(!set.contains_key("csrftoken"));
    }
    let error = client.clone().get("/api/healthmonitor/none").await.expect(404);
    assert_eq!(error.set_cookies()["sessionid"], id);
}

/// Lines 12, 21, 22, 99.
#[tokio::test]
async fn the_controller_tells_that_it_is_up_and_what_it_is() {
    let controller = Controller::start().await;
    let status = controller.stranger().get("//api/cluster/status/").await.expect(200);
    assert_eq!(status.json()["cluster_state"]["state"], "CLUSTER_UP_NO_HA");
    assert_eq!(controller.stranger().get("/api/initial-data").await.expect(200).json()["version"]["Version"], "30.2.1");
    let mut client = controller.admin().await;
    assert_eq!(client.get("/api/initial-data").await.json()["user"]["username"], "admin");
    let version = client.get("/api/cluster/version").await.expect(200).json();
    assert!(version["Version"].is_string() && version["Tag"].is_string() && version["build"].is_u64());
    controller.stranger().get("/api/cluster/version").await.expect(401);

    let runtime = client.get("/api/cluster/runtime").await.expect(200).json();
    assert_eq!(runtime["cluster_state"]["state"], "CLUSTER_UP_NO_HA");
    assert_eq!(runtime["node_states"][0]["role"], "CLUSTER_LEADER");
    assert_eq!(runtime["node_info"]["cluster_uuid"], client.get("/api/cluster").await.json()["uuid"]);
    assert_eq!(runtime["node_states"][0]["up_since"].as_str().unwrap().len(), "2024-01-01 10:00:00".len());
    controller.clock.advance(60);
    assert_eq!(client.get("/api/cluster/runtime").await.json(), runtime);
}

/// Lines 13, 14.
#[tokio::test]
async fn slashes_and_holes_in_the_query_make_no_difference() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let plain = client.get("/api/tenant").await.expect(200).json();
    for path in ["//api/tenant", "/api//tenant/", "/api/tenant/?", "/api/tenant?&", "//api/tenant/?&unknown=1"] {
        assert_eq!(client.get(path).await.expect(200).json(), plain, "{path}");
    }
    let named = client.get("/api/tenant/?name=admin&").await.expect(200).json();
    assert_eq!((&named["count"], &named["results"][0]["uuid"]), (&json!(1), &json!("admin")));
    assert!(named["results"][0]["url"].as_str().unwrap().ends_with("/api/tenant/admin"));
}

/// Line 15.
#[tokio::test]
async fn basic_authentication_works_once_it_is_switched_on() {
    let controller = Controller::start().await;
    let mut admin = controller.admin().await;
    let mut script = controller.stranger();
    script.send_csrf = false;
    script.header("authorization", &format!("Basic {}", STANDARD.encode(format!("admin:{PASSWORD}"))));
    script.get("/api/tenant").await.refused(401, "Basic authentication is switched off");
    let mut config = admin.get("/api/systemconfiguration").await.expect(200).json();
    config["portal_configuration"]["allow_basic_authentication"] = json!(true);
    admin.put("/api/systemconfiguration", config).await.expect(200);
    let reply = script.get("/api/tenant").await.expect(200);
    assert_eq!(reply.set_cookies().len(), 3);
    script.post("/api/tenant", json!({"name": "by-script"})).await.expect(201);
    let mut wrong = controller.stranger();
    wrong.header("authorization", &format!("Basic {}", STANDARD.encode("admin:wrong")));
    wrong.get("/api/tenant").await.refused(401, "Invalid credentials");
}

/// Lines 17, 18, 19, 20.
#[tokio::test]
async fn versions_and_tenants_are_checked() {
    let controller = Controller::start().await;
    let client = controller.admin().await;
    let refused = client.clone().header("x-avi-version", "99.1.1").get("/api/tenant").await;
    refused.refused(400, "Invalid version : 99.1.1. Please use API version 30.2.1 or lower");
    let reply = client.clone().header("x-avi-version", "18.2.6").get("/api/tenant").await.expect(200);
    assert_eq!(reply.headers["avi_api_version"], "18.2.6");
    let mut without = controller.stranger();
    without.log_in("admin", PASSWORD).await.expect(200);
    without.get("/api/tenant").await.expect(200);
    let refused = client.clone().header("x-avi-tenant", "nosuch").get("/api/healthmonitor").await;
    refused.refused(403, "Tenant 'nosuch' does not exist!");
    let mut both = client.clone();
    both.header("x-avi-tenant", "nosuch").header("x-avi-tenant-uuid", "admin").get("/api/tenant").await.expect(200);
}

/// Lines 4, 23.
#[tokio::test]
async fn a_token_stands_in_for_the_password() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    assert_eq!(client.get("/api/user-token").await.expect(200).json(), json!({"count": 0, "results": []}));
    let made = client.post("/api/user-token", json!({"hours": "240"})).await.expect(201).json();
    let value = made["token"].as_str().unwrap().to_owned();
    assert_eq!((value.len(), &made["hours"], &made["username"]), (40, &json!(240), &json!("admin")));
    assert_eq!(made["expires_at"], "2023-11-24T22:13:20+00:00");
    client.post("/api/user-token", json!({"hours": "soon"})).await.refused(400, "hours");

    let mut other = controller.stranger();
    let body = json!({"username": "admin", "token": value}).to_string();
    other.send(Method::POST, "/login", "application/json", body.into()).await.expect(200);
    other.post("/api/tenant", json!({"name": "t"})).await.expect(201);
    let form = format!("username=nobody&token={value}");
    let refused = other.send(Method::POST, "/login", "application/x-www-form-urlencoded", form.into()).await;
    refused.refused(401, "Invalid credentials");
    let mut bearer = controller.stranger();
    bearer.header("authorization", &format!("Bearer {value}"));
    bearer.post("/api/tenant", json!({"name": "t2"})).await.expect(201);

    let listed = client.get("/api/user-token/").await.json();
    assert_eq!((&listed["count"], &listed["results"][0]["token"]), (&json!(1), &json!("<sensitive>")));
    client.delete(&format!("/api/user-token/{}", made["uuid"].as_str().unwrap())).await.expect(204);
    client.delete(&format!("/api/user-token/{value}")).await.expect(404);
    bearer.get("/api/tenant").await.refused(401, "Invalid credentials");
}

/// Line 24.
#[tokio::test]
async fn a_user_changes_the_own_password() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let wrong = client.put("/api/useraccount", json!({"old_password": "wrong", "password": "another one"})).await;
    wrong.refused(400, "old password is wrong");
    assert!(!wrong.text.contains("Invalid credentials"));
    client.put("/api/useraccount", json!({"password": "another one"})).await.refused(400, "old_password");
    let reply = client.put("/api/useraccount", json!({"old_password": PASSWORD, "password": "another one"})).await;
    assert_eq!(reply.expect(200).text, "");
    client.get("/api/tenant").await.expect(200);
    controller.stranger().log_in("admin", PASSWORD).await.expect(401);
    controller.stranger().log_in("admin", "another one").await.expect(200);
    assert_eq!(client.get("/api/useraccount").await.expect(200).json()["password"], "<sensitive>");
}

/// Line 25.
#[tokio::test]
async fn an_idle_session_ends() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    controller.clock.advance(15 * 60);
    client.get("/api/tenant").await.expect(200);
    controller.clock.advance(15 * 60 + 1);
    client.get("/api/tenant").await.refused(401, "Session expired");
    client.log_in("admin", PASSWORD).await.expect(200);
    let mut properties = client.get("/api/controllerproperties").await.expect(200).json();
    properties["api_idle_timeout"] = json!(0);
    client.put("/api/controllerproperties", properties).await.expect(200);
    controller.clock.advance(23 * 3600);
    client.get("/api/tenant").await.expect(200);
    controller.clock.advance(2 * 3600);
    client.get("/api/tenant").await.refused(401, "Session expired");
}

#[tokio::test]
async fn users_are_objects_whose_passwords_nobody_reads() {
    let controller = Controller::start().await;
    let mut admin = controller.admin().await;
    let user = json!({"name": "eve", "username": "eve", "password": "secret of eve"});
    let made = admin.post("/api/user", user).await.expect(201).json();
    assert_eq!((&made["password"], &made["username"]), (&json!("<sensitive>"), &json!("eve")));
    let path = format!("/api/user/{}", made["uuid"].as_str().unwrap());

    let mut eve = controller.stranger();
    eve.log_in("eve", "secret of eve").await.expect(200);
    eve.get("/api/tenant").await.expect(200);
    eve.post("/api/tenant", json!({"name": "t"})).await.refused(403, "User eve may only read");
    eve.delete(&path).await.refused(403, "may only read");

    let mut body = admin.get(&path).await.json();
    body.as_object_mut().unwrap().shift_remove("_last_modified");
    body["full_name"] = json!("Eve");
    admin.put(&path, body.clone()).await.expect(200);
    controller.stranger().log_in("eve", "secret of eve").await.expect(200);
    body["password"] = json!("new secret");
    admin.put(&path, body).await.expect(200);
    controller.stranger().log_in("eve", "secret of eve").await.expect(401);
    admin.patch(&path, json!({"replace": {"password": "third", "is_active": false}})).await.expect(200);
    controller.stranger().log_in("eve", "third").await.refused(401, "User account is locked");
    eve.get("/api/tenant").await.expect(401);
    admin.delete(&path).await.expect(204);
    admin.delete("/api/user/user-1").await.refused(403, "Cannot delete system default object");
}

#[tokio::test]
async fn compressed_answers_are_given_to_those_who_ask() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let reply = client.header("accept-encoding", "gzip").get("/api/healthmonitor?page_size=1000").await.expect(200);
    assert_eq!(reply.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn every_answer_says_what_is_allowed_and_must_not_be_kept() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let reply = client.get("/api/healthmonitor").await;
    assert_eq!(reply.headers["allow"], "HEAD, POST, GET, OPTIONS");
    assert_eq!(reply.headers["cache-control"], "private, no-cache, must-revalidate");
    assert_eq!(reply.headers["content-type"], "application/json");
    let reply = client.get("/api/tenant/admin").await;
    assert_eq!(reply.headers["allow"], "HEAD, GET, PUT, PATCH, OPTIONS, DELETE");
    let reply = client.delete("/api/healthmonitor").await.expect(405);
    assert_eq!(reply.json(), json!({"detail": "Method 'DELETE' not allowed."}));
    client.send(Method::OPTIONS, "/api/healthmonitor", "", Body::empty()).await.expect(200);
    client.send(Method::HEAD, "/api/healthmonitor", "", Body::empty()).await.expect(200);
    client.get("/api/nosuchtype").await.refused(404, "/api/nosuchtype");
    client.get("/login").await.expect(405);
}
