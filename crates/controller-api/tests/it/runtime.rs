//! Runtime under objects (avi-api 5.4, 7.1, 7.3) and line 72 of 11.3.

use std::sync::Arc;

use model::{Revision, Version};
use se_protocol::{DnsServiceState, GslbServiceState, MemberState, MonitorState, PoolState, Report, State};
use serde_json::{Value, json};

use crate::gslb::{monitor, service, with_gslb};
use crate::harness::Controller;

const NAME: &str = "hello.avi.iberia.local";

fn report(virtual_service: &str, gslb_service: &str) -> Report {
    let monitor = MonitorState {
        uuid: "healthmonitor-1".into(),
        name: "amko--http".into(),
        target: "10.52.1.2:8080".parse().unwrap(),
        state: State::Up,
        streak: 0,
        last_failure: None,
        latency_us: Some(900),
        probed_by: None,
    };
    let member = MemberState {
        ip: "10.52.1.2".parse().unwrap(),
        state: State::Up,
        perceived: State::Up,
        reason: "1 of 1 required monitors pass".into(),
        since_us: 1_700_000_000_000_007,
        datapath: State::Up,
        controller: None,
        monitors: vec![monitor],
    };
    Report {
        version: Version { incarnation: "i".into(), term: 0, revision: Revision(1) },
        dns_services: vec![DnsServiceState {
            uuid: virtual_service.into(),
            state: State::Up,
            reason: String::new(),
            listeners: vec!["127.0.0.1:5300".parse().unwrap()],
        }],
        http_services: vec![],
        http_pools: vec![],
        gslb_services: vec![Arc::new(GslbServiceState {
            uuid: gslb_service.into(),
            state: State::Up,
            reason: "pool amko-gs-group-10 is up".into(),
            since_us: 1_700_000_000_000_007,
            pools: vec![PoolState { name: "amko-gs-group-10".into(), state: State::Up, members: vec![member] }],
        })],
    }
}

#[tokio::test]
async fn runtime_is_unknown_until_the_engine_reports() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let gslb = with_gslb(&mut client).await;
    client.post("/api/healthmonitor", monitor(NAME)).await.expect(201);
    let gs = client.post("/api/gslbservice", service(NAME)).await.expect(201).json();
    let uuid = |object: &Value| object["uuid"].as_str().unwrap().to_owned();
    let vs = gslb["sites"][0]["dns_vses"][0]["dns_vs_uuid"].as_str().unwrap().to_owned();
    let mut get = async |kind: &str, uuid: &str, end: &str| {
        client.get(&format!("/api/{kind}/{uuid}/{end}")).await.expect(200).json()
    };

    let before = get("gslbservice", &uuid(&gs), "runtime").await;
    assert_eq!(before["oper_status"]["state"], "OPER_UNKNOWN");
    assert_eq!(before["groups"][0]["members"][0]["oper_status"]["state"], "OPER_UNKNOWN");
    assert_eq!(get("virtualservice", &vs, "runtime/").await["oper_status"]["state"], "OPER_RESOURCES");

    *controller.engine.0.lock().unwrap() = vec![Arc::new(report(&vs, &uuid(&gs)))];
    let after = get("gslbservice", &uuid(&gs), "runtime/").await;
    assert_eq!((&after["name"], &after["tenant_name"]), (&json!(NAME), &json!("admin")));
    assert_eq!(after["oper_status"]["state"], "OPER_UP");
    assert_eq!(after["oper_status"]["last_changed_time"], json!({"secs": 1_700_000_000, "usecs": 7}));
    let member = &after["groups"][0]["members"][0];
    assert_eq!((&member["ip"]["addr"], &member["vip_type"]), (&json!("10.52.1.2"), &json!("NON_AVI_VIP")));
    assert_eq!(member["oper_status"]["reason"], json!(["1 of 1 required monitors pass"]));
    assert_eq!(member["datapath_status"][0]["site_uuid"], gslb["leader_cluster_uuid"]);
    assert_eq!(member["health_monitor_info"][0]["target"], "10.52.1.2:8080");

    let service = get("virtualservice", &vs, "runtime").await;
    assert_eq!((&service["oper_status"]["state"], &service["percent_ses_up"]), (&json!("OPER_UP"), &json!(100)));
    assert_eq!(service["vip_summary"][0]["vip_id"], "0");
    let site = &get("gslb", &uuid(&gslb), "runtime").await["site"][0]["site_info"];
    assert_eq!((&site["role"], &site["oper_status"]["state"]), (&json!("GSLB_LEADER"), &json!("OPER_UP")));
    assert_eq!(site["dns_info"]["dns_vs_states"][0]["oper_status"]["state"], "OPER_UP");

    let joined = client.get("/api/gslbservice?join_subresources=runtime").await.json();
    assert_eq!(joined["results"][0]["runtime"], after);
    let joined = client.get(&format!("/api/gslbservice/{}?join=runtime", uuid(&gs))).await.json();
    assert_eq!(joined["runtime"], after);
    client.get("/api/gslbservice/none/runtime").await.refused(404, "GslbService object not found!");
    client.get("/api/tenant/admin/runtime").await.expect(404);
}

#[tokio::test]
async fn runtime_is_what_all_engines_say() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let gslb = with_gslb(&mut client).await;
    client.post("/api/healthmonitor", monitor(NAME)).await.expect(201);
    let gs = client.post("/api/gslbservice", service(NAME)).await.expect(201).json();
    let gs = gs["uuid"].as_str().unwrap();
    let vs = gslb["sites"][0]["dns_vses"][0]["dns_vs_uuid"].as_str().unwrap();
    let first = {
        let mut report = report(vs, gs);
        report.dns_services[0].state = State::Down;
        let service = Arc::make_mut(&mut report.gslb_services[0]);
        (service.state, service.reason) = (State::Down, "no pool is up".into());
        service.pools[0].state = State::Down;
        service.pools[0].members[0].state = State::Unknown;
        report
    };
    *controller.engine.0.lock().unwrap() = vec![Arc::new(first), Arc::new(report(vs, gs))];

    let runtime = client.get(&format!("/api/gslbservice/{gs}/runtime")).await.expect(200).json();
    assert_eq!(runtime["oper_status"]["state"], "OPER_UP");
    let reason = "pool amko-gs-group-10 is up; so on 1 of 2 service engines, OPER_DOWN on another: no pool is up";
    assert_eq!(runtime["oper_status"]["reason"], json!([reason]));
    assert_eq!(runtime["groups"][0]["members"][0]["oper_status"]["state"], "OPER_UP");
    let runtime = client.get(&format!("/api/virtualservice/{vs}/runtime")).await.expect(200).json();
    assert_eq!(runtime["oper_status"]["state"], "OPER_UP");
    let counts = (&runtime["num_se_assigned"], &runtime["num_se_requested"], &runtime["percent_ses_up"]);
    assert_eq!(counts, (&json!(2), &json!(2), &json!(50)));
}
