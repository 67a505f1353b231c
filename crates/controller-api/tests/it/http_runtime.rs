//! Runtime of L7 virtual services and pools (avi-api 7.1) and line 137 of 11.8.

use std::sync::Arc;

use model::{Revision, Version};
use se_protocol::{HttpPoolState, HttpServiceState, MonitorState, Report, ServerState, State};
use serde_json::{Value, json};

use crate::harness::{Client, Controller, engine};

/// Microseconds since the epoch at which everything changed last.
const SINCE_US: i64 = 1_700_000_000_000_007;

/// What [`create`] made.
pub(crate) struct World {
    pub(crate) vs: String,
    pub(crate) child: String,
    pub(crate) pool: String,
}

/// An EVH parent with a child whose pool has three servers, the last one disabled.
pub(crate) async fn create(client: &mut Client) -> World {
    let mut post = async |kind: &str, body: Value| {
        let made = client.post(&format!("/api/{kind}"), body).await.expect(201).json();
        made["uuid"].as_str().unwrap().to_owned()
    };
    let vip = json!([{"vip_id": "0", "ip_address": {"addr": "192.0.2.10", "type": "V4"}}]);
    post("vsvip", json!({"name": "v", "vip": vip})).await;
    let server = |addr: &str| json!({"ip": {"addr": addr, "type": "V4"}});
    let mut disabled = server("192.0.2.3");
    disabled["enabled"] = json!(false);
    let servers = json!([server("192.0.2.1"), {"ip": {"addr": "192.0.2.2"}, "port": 8081}, disabled]);
    let pool = post("pool", json!({"name": "p", "default_server_port": 8080, "servers": servers})).await;
    post("poolgroup", json!({"name": "g", "members": [{"pool_ref": "/api/pool?name=p"}]})).await;
    let rule = json!({"name": "r", "index": 0, "enable": true,
        "match": {"path": {"match_criteria": "BEGINS_WITH", "match_str": ["/"]}},
        "switching_action": {"action": "HTTP_SWITCHING_SELECT_POOLGROUP", "pool_group_ref": "/api/poolgroup?name=g"}});
    post("httppolicyset", json!({"name": "s", "http_request_policy": {"rules": [rule]}})).await;
    let parent = json!({"name": "parent", "services": [{"port": 80}], "vsvip_ref": "/api/vsvip?name=v",
        "type": "VS_TYPE_VH_PARENT", "vh_type": "VS_TYPE_VH_ENHANCED"});
    let vs = post("virtualservice", parent).await;
    let child = json!({"name": "child", "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED",
        "vh_parent_vs_ref": "/api/virtualservice?name=parent",
        "http_policies": [{"http_policy_set_ref": "/api/httppolicyset?name=s", "index": 11}],
        "vh_matches": [{"host": "a.test"}]});
    let child = post("virtualservice", child).await;
    World { vs, child, pool }
}

/// What an engine says that has all of `world`, its servers in `servers`.
pub(crate) fn report(world: &World, servers: [State; 2]) -> Report {
    let up = |states: &[State]| if states.contains(&State::Up) { State::Up } else { State::Down };
    let why = |state: State, text: &str| if state == State::Up { String::new() } else { text.to_owned() };
    let service = |uuid: &String, state: State, listeners: &[&str]| {
        Arc::new(HttpServiceState {
            uuid: uuid.clone(),
            state,
            reason: why(state, "no pool is up"),
            since_us: SINCE_US,
            listeners: listeners.iter().map(|listener| listener.parse().unwrap()).collect(),
        })
    };
    let server = |address: &str, state: State| {
        let monitor = MonitorState {
            uuid: "healthmonitor-1".into(),
            name: "System-TCP".into(),
            target: address.parse().unwrap(),
            state,
            streak: 0,
            last_failure: (state == State::Down).then(|| "CONNECTION_REFUSED".into()),
            latency_us: (state == State::Up).then_some(900),
            probed_by: None,
        };
        ServerState {
            address: address.parse().unwrap(),
            state,
            reason: why(state, "0 of 1 required monitors pass"),
            since_us: SINCE_US,
            monitors: vec![monitor],
        }
    };
    let state = up(&servers);
    let mut http_services = vec![service(&world.vs, State::Up, &["192.0.2.10:80"]), service(&world.child, state, &[])];
    http_services.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    Report {
        version: Version { incarnation: "i".into(), term: 0, revision: Revision(1_000_000) },
        dns_services: vec![],
        gslb_services: vec![],
        http_services,
        http_pools: vec![Arc::new(HttpPoolState {
            uuid: world.pool.clone(),
            state,
            reason: why(state, "no server is up"),
            since_us: SINCE_US,
            servers: vec![server("192.0.2.1:8080", servers[0]), server("192.0.2.2:8081", servers[1])],
        })],
    }
}

async fn get(client: &mut Client, path: &str) -> Value {
    client.get(path).await.expect(200).json()
}

#[tokio::test]
async fn a_virtual_service_says_which_step_it_waits_for() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let world = create(&mut client).await;
    let runtime = format!("/api/virtualservice/{}/runtime", world.vs);
    let mut state = async || {
        let runtime = get(&mut client, &runtime).await;
        assert_eq!(runtime["vip_summary"][0]["oper_status"], runtime["oper_status"]);
        let zero = json!(0);
        assert_eq!((&runtime["percent_ses_up"], &runtime["num_se_assigned"]), (&zero, &zero));
        assert!(runtime["oper_status"]["reason"][0].is_string(), "{runtime}");
        runtime["oper_status"]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "OPER_RESOURCES");
    *controller.engine.3.lock().unwrap() = vec![engine(1, None)];
    assert_eq!(state().await, "OPER_INITIALIZING");
    let mut old = report(&world, [State::Up; 2]);
    (old.version.revision, old.http_services) = (Revision(1), vec![]);
    *controller.engine.3.lock().unwrap() = vec![engine(1, Some(Arc::new(old.clone())))];
    assert_eq!(state().await, "OPER_INITIALIZING");
    old.version.revision = Revision(1_000_000);
    *controller.engine.3.lock().unwrap() = vec![engine(1, Some(Arc::new(old)))];
    assert_eq!(state().await, "OPER_UNAVAIL");
    let mut gone = engine(1, Some(Arc::new(report(&world, [State::Up; 2]))));
    gone.connected = false;
    *controller.engine.3.lock().unwrap() = vec![gone];
    assert_eq!(state().await, "OPER_UNAVAIL");
}

#[tokio::test]
async fn only_engines_of_its_group_are_asked_to_run_a_virtual_service() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let world = create(&mut client).await;
    let group = client.post("/api/serviceenginegroup", json!({"name": "edge"})).await.expect(201).json();
    let mut edge = engine(1, None);
    edge.group = "edge".into();
    *controller.engine.3.lock().unwrap() = vec![edge.clone()];
    let path = format!("/api/virtualservice/{}/runtime", world.child);
    let before = get(&mut client, &path).await;
    let reason = "awaiting a service engine of Default-Group, none has connected";
    assert_eq!(before["oper_status"], json!({"state": "OPER_RESOURCES", "reason": [reason]}));
    let place = json!({"replace": {"se_group_ref": "/api/serviceenginegroup?name=edge"}});
    client.patch(&format!("/api/virtualservice/{}", world.vs), place).await.expect(200);
    let after = get(&mut client, &path).await;
    assert_eq!(after["oper_status"]["state"], "OPER_INITIALIZING", "a child is where its parent is");
    let second = engine(2, None);
    edge.group = group["uuid"].as_str().unwrap().to_owned();
    *controller.engine.3.lock().unwrap() = vec![edge, second];
    assert_eq!(get(&mut client, &path).await["num_se_requested"], 1);
    let engines = client.get("/api/serviceengine?include_name&se_group_ref.name=edge").await.json();
    assert_eq!((&engines["count"], &engines["results"][0]["name"]), (&json!(1), &json!("engine-1")));
    let groups = client.get("/api/serviceenginegroup-inventory?name=edge&include_name").await.json();
    let engine = "https://controller.test/api/serviceengine/se-1#engine-1";
    assert_eq!(groups["results"][0]["serviceengines"], json!([engine]));
    assert!(groups["results"][0]["virtualservices"][0].as_str().unwrap().ends_with("#parent"));
}

#[tokio::test]
async fn a_virtual_service_and_its_child_are_what_the_engines_say() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let world = create(&mut client).await;
    let reports = [report(&world, [State::Down; 2]), report(&world, [State::Up, State::Down])];
    *controller.engine.0.lock().unwrap() = reports.map(Arc::new).to_vec();

    let parent = get(&mut client, &format!("/api/virtualservice/{}/runtime/", world.vs)).await;
    assert_eq!(parent["oper_status"]["state"], "OPER_UP");
    assert_eq!(parent["oper_status"]["last_changed_time"], json!({"secs": 1_700_000_000, "usecs": 7}));
    assert!(parent["oper_status"].get("reason").is_none());
    assert_eq!((&parent["percent_ses_up"], &parent["num_se_requested"]), (&json!(100), &json!(2)));
    assert_eq!(parent["vip_summary"][0]["ip_address"]["addr"], "192.0.2.10");

    let path = format!("/api/virtualservice/{}/runtime", world.child);
    let child = get(&mut client, &path).await;
    let vip = &child["vip_summary"][0];
    assert_eq!((&child["name"], &vip["vip_id"]), (&json!("child"), &json!("0")), "the parent's address");
    assert_eq!((&child["oper_status"]["state"], &vip["percent_ses_up"]), (&json!("OPER_UP"), &json!(50)));
    let reason = "so on 1 of 2 service engines, OPER_DOWN on another: no pool is up";
    assert_eq!(child["oper_status"]["reason"], json!([reason]));
    let engines: Vec<_> = vip["service_engine"].as_array().unwrap().iter().collect();
    assert_eq!(engines.len(), 2);
    assert_eq!((&engines[0]["name"], &engines[0]["connected"]), (&json!("engine-1"), &json!(true)));
    assert_eq!(engines[0]["oper_status"]["state"], "OPER_DOWN");
    assert_eq!(engines[0]["mgmt_ip"], json!({"addr": "192.0.2.1", "type": "V4"}));
    assert_eq!(engines[1]["url"], "https://controller.test/api/serviceengine/se-2");
    assert_eq!(engines[1]["oper_status"]["state"], "OPER_UP");

    let detail = get(&mut client, &format!("/api/virtualservice/{}/runtime/detail/", world.vs)).await;
    assert_eq!((&detail[1]["se_uuid"], &detail[1]["listeners"]), (&json!("se-2"), &json!(["192.0.2.10:80"])));
    let joined = client.get("/api/virtualservice?name=child&join_subresources=runtime").await.json();
    assert_eq!(joined["results"][0]["runtime"], child);

    let disable = json!({"replace": {"enabled": false}});
    client.patch(&format!("/api/virtualservice/{}", world.vs), disable).await.expect(200);
    let child = get(&mut client, &path).await;
    assert_eq!(child["oper_status"], json!({"state": "OPER_DISABLED", "reason": ["its parent parent is disabled"]}));
}

#[tokio::test]
async fn a_pool_counts_its_servers() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let world = create(&mut client).await;
    let path = format!("/api/pool/{}", world.pool);
    let before = get(&mut client, &format!("{path}/runtime")).await;
    assert_eq!(before["oper_status"]["state"], "OPER_RESOURCES");
    let counts = |runtime: &Value| {
        [
            "num_servers",
            "num_servers_enabled",
            "num_servers_up",
            "percent_servers_up_total",
            "percent_servers_up_enabled",
        ]
        .map(|field| runtime[field].as_u64().unwrap())
    };
    assert_eq!(counts(&before), [3, 2, 0, 0, 0]);
    let detail = get(&mut client, &format!("{path}/runtime/detail/")).await;
    assert_eq!((&detail[0]["name"], &detail[0]["oper_status"]["state"]), (&json!("p"), &json!("OPER_RESOURCES")));

    let reports = [report(&world, [State::Down; 2]), report(&world, [State::Up, State::Down])];
    *controller.engine.0.lock().unwrap() = reports.map(Arc::new).to_vec();
    let after = get(&mut client, &format!("{path}/runtime/")).await;
    assert_eq!((&after["oper_status"]["state"], counts(&after)), (&json!("OPER_UP"), [3, 2, 1, 33, 50]));
    let joined = client.get(&format!("{path}?join=runtime")).await.json();
    assert_eq!(joined["runtime"], after);

    let servers = get(&mut client, &format!("{path}/runtime/server/")).await;
    assert_eq!(servers["count"], 3);
    let [up, down, disabled] = [0, 1, 2].map(|index| &servers["results"][index]);
    assert_eq!(
        (&up["ip_addr"]["addr"], &up["port"], &up["hostname"]),
        (&json!("192.0.2.1"), &json!(8080), &json!("192.0.2.1"))
    );
    assert_eq!(up["oper_status"]["state"], "OPER_UP");
    assert_eq!(up["health_monitor_info"][0]["latency_us"], 900);
    assert_eq!((&down["port"], &down["oper_status"]["state"]), (&json!(8081), &json!("OPER_DOWN")));
    assert_eq!(down["oper_status"]["reason"], json!(["0 of 1 required monitors pass"]));
    assert_eq!(down["health_monitor_info"][0]["oper_status"]["reason"], json!(["CONNECTION_REFUSED"]));
    assert_eq!(disabled["oper_status"], json!({"state": "OPER_DISABLED"}));

    for last in ["detail", "hmonstat"] {
        let detail = get(&mut client, &format!("{path}/runtime/server/{last}")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let states: Vec<_> = detail
            .as_array()
            .unwrap()
            .iter()
            .map(|engine| (text(&engine["se_uuid"]), text(&engine["servers"][0]["oper_status"]["state"])))
            .collect();
        let expected = [("se-1", "OPER_DOWN"), ("se-2", "OPER_UP")];
        assert_eq!(states, expected.map(|(uuid, state)| (uuid.to_owned(), state.to_owned())));
    }
    let detail = get(&mut client, &format!("{path}/runtime/detail/")).await;
    assert_eq!((&detail[0]["oper_status"]["state"], &detail[1]["num_servers_up"]), (&json!("OPER_DOWN"), &json!(1)));

    client.patch(&path, json!({"replace": {"enabled": false}})).await.expect(200);
    assert_eq!(get(&mut client, &format!("{path}/runtime")).await["oper_status"], json!({"state": "OPER_DISABLED"}));
}

#[tokio::test]
async fn a_pool_that_nobody_uses_is_unused() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let server = json!({"ip": {"addr": "192.0.2.1"}});
    let pool = client.post("/api/pool", json!({"name": "p", "servers": [server]})).await.expect(201).json();
    let group = json!({"name": "g", "members": [{"pool_ref": "/api/pool?name=p"}]});
    client.post("/api/poolgroup", group).await.expect(201);
    let path = format!("/api/pool/{}/runtime", pool["uuid"].as_str().unwrap());
    assert_eq!(get(&mut client, &path).await["oper_status"]["state"], "OPER_UNUSED", "a group alone does not count");
    let servers = get(&mut client, &format!("{path}/server")).await;
    assert_eq!(servers["results"][0]["oper_status"]["state"], "OPER_UNUSED");
    client.get("/api/pool/none/runtime").await.refused(404, "Pool object not found!");
    client.get("/api/pool/none/runtime/server/other").await.expect(404);
    client.post(&path, json!({})).await.expect(405);
}
