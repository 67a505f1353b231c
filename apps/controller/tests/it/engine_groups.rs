//! Service engine groups, from the object to the engine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use controller::{Controller, start};
use se_link::{Answers, Authority, ClientConfig, join};
use se_protocol::{Snapshot, explain::ExplainRefusal, logs::LogRefusal};
use serde_json::json;
use tokio::sync::watch;

use crate::harness::{Client, config};

/// An engine that joined into `group`.
async fn engine(controller: &Controller, root: &Path, dir: &Path, group: &str) -> se_link::Client {
    let authority = Authority::open(&root.join("engines"), now()).unwrap();
    let at = controller.engine_addr().unwrap().to_string();
    let token = authority.create_token(vec![at], group, Duration::from_secs(600), now()).unwrap();
    join(&token, dir, "engine").await.unwrap();
    let mut client = se_link::Client::open(ClientConfig::new(dir, "test", 1)).unwrap();
    let answers = Answers {
        explain: Arc::new(|_: &_| Err(ExplainRefusal::Unavailable("a test".into()))),
        logs: Arc::new(|_: &_| Err(LogRefusal("a test".into()))),
    };
    client.start(watch::channel(None).1, answers);
    client
}

async fn until(engine: &se_link::Client, is_wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut snapshots = engine.snapshots();
    let wanted = snapshots.wait_for(|snapshot| snapshot.as_deref().is_some_and(&is_wanted));
    tokio::time::timeout(Duration::from_secs(30), wanted).await.unwrap().unwrap().clone().unwrap()
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.dns_services.iter().map(|service| service.name.as_str()).collect()
}

#[tokio::test]
async fn engines_run_the_virtual_services_of_their_group_on_its_ports() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let root = dirs[0].path();
    let mut config = config(root);
    config.engine_listen = Some("127.0.0.1:0".parse().unwrap());
    let controller = start(config).await.unwrap();
    let client = Client::log_in(&controller).await;
    client.post("/api/serviceenginegroup", json!({"name": "edge", "port_offset": 0})).await;
    for (name, group, ip) in [("here", "Default-Group", "192.0.2.1"), ("there", "edge", "192.0.2.2")] {
        let service = json!({"name": name, "application_profile_ref": "/api/applicationprofile?name=System-DNS",
            "se_group_ref": format!("/api/serviceenginegroup?name={group}"),
            "services": [{"port": 53}], "vip": [{"vip_id": "0", "ip_address": {"addr": ip, "type": "V4"}}]});
        client.post("/api/virtualservice", service).await;
    }
    let default = engine(&controller, root, dirs[1].path(), "Default-Group").await;
    let edge = engine(&controller, root, dirs[2].path(), "edge").await;
    let ours = until(&default, |snapshot| names(snapshot) == ["here"]).await;
    let theirs = until(&edge, |snapshot| names(snapshot) == ["there"]).await;
    assert_eq!((ours.port_offset.apply(53), theirs.port_offset.apply(53)), (8053, 53));
    assert_eq!(
        controller.snapshots().borrow().as_ref(),
        Some(&ours),
        "an engine in this process is of the default group"
    );
    let listed = client.get("/api/serviceengine?include_name&se_group_ref.name=edge").await;
    assert!(
        listed["count"] == 1 && listed["results"][0]["se_group_ref"].as_str().unwrap().ends_with("#edge"),
        "{listed}"
    );
    let there = client.get("/api/virtualservice?name=there&join_subresources=runtime").await;
    let runtime = &there["results"][0]["runtime"];
    // Its one engine has said nothing yet; the other one is not asked.
    assert_eq!(
        (&runtime["oper_status"]["state"], &runtime["num_se_requested"]),
        (&json!("OPER_INITIALIZING"), &json!(1))
    );
    controller.shutdown().await;
}

#[expect(clippy::disallowed_methods, reason = "tokens and certificates of real sockets need the real time")]
fn now() -> SystemTime {
    SystemTime::now()
}
