//! What was answered 2xx survives `kill -9`.
//!
//! The test binary starts itself again: the child runs [`serve_until_killed`] alone and is killed in the middle of
//! writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use controller::start;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, config};

/// Tells the child where to work; without it the child's test has nothing to do.
const DATA: &str = "MERIDIAN_TEST_DATA";
const ADDRESS_FILE: &str = "address";

/// Not a test of its own: the body of the child process.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the parent passes the directory to its own child")]
async fn serve_until_killed() {
    let Ok(data) = std::env::var(DATA) else { return };
    let data = PathBuf::from(data);
    let controller = start(config(&data)).await.unwrap();
    std::fs::write(data.join("address.new"), controller.url()).unwrap();
    std::fs::rename(data.join("address.new"), data.join(ADDRESS_FILE)).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives_a_kill() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path();
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let mut child = spawn(data);
        let client = connect(data).await;
        check(&client, &acknowledged).await;
        let done = Arc::new(AtomicUsize::new(0));
        let writes = tokio::spawn(write_until_refused(client, round, done.clone()));
        // Some writes are done, the next is under way.
        wait_until(|| done.load(Ordering::Relaxed) >= 20).await;
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(writes.await.unwrap());
        std::fs::remove_file(data.join(ADDRESS_FILE)).unwrap();
    }
    assert!(acknowledged.len() >= 60, "{}", acknowledged.len());
    let controller = start(config(data)).await.unwrap();
    check(&Client::log_in(&controller).await, &acknowledged).await;
}

/// Creates and changes objects until the connection breaks; gives what was answered 2xx.
async fn write_until_refused(client: Client, round: usize, done: Arc<AtomicUsize>) -> BTreeSet<(String, u64)> {
    let mut acknowledged = BTreeSet::new();
    for index in 0.. {
        let name = format!("m{round}-{index}");
        let body = json!({"name": name, "type": "HEALTH_MONITOR_TCP", "send_interval": 10});
        let Ok(reply) = client.send(Method::POST, "/api/healthmonitor", &body).await else { break };
        assert_eq!(reply.status(), 201);
        let Ok(text) = reply.text().await else { break };
        let made: Value = serde_json::from_str(&text).unwrap();
        let path = format!("/api/healthmonitor/{}", made["uuid"].as_str().unwrap());
        let change = json!({"replace": {"send_interval": 20}});
        match client.send(Method::PATCH, &path, &change).await {
            Ok(reply) => {
                assert_eq!(reply.status(), 200);
                acknowledged.insert((name, 20));
                done.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                // Created for sure; whether it was changed is open.
                acknowledged.insert((name, 0));
                break;
            }
        }
    }
    acknowledged
}

async fn check(client: &Client, acknowledged: &BTreeSet<(String, u64)>) {
    let mut found = std::collections::BTreeMap::new();
    let mut next = Some("/api/healthmonitor?page_size=1000".to_owned());
    while let Some(path) = next {
        let page = client.get(&path).await;
        for object in page["results"].as_array().unwrap() {
            found.insert(object["name"].as_str().unwrap().to_owned(), object["send_interval"].as_u64().unwrap());
        }
        next = page.get("next").map(|next| format!("/api/{}", next.as_str().unwrap().split("/api/").nth(1).unwrap()));
    }
    for (name, interval) in acknowledged {
        let stored = found.get(name).unwrap_or_else(|| panic!("{name} was acknowledged and is lost"));
        assert!(*interval == 0 || stored == interval, "the change of {name} was acknowledged and is lost");
    }
}

fn spawn(data: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::serve_until_killed", "--nocapture"])
        .env(DATA, data)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

async fn connect(data: &Path) -> Client {
    wait_until(|| data.join(ADDRESS_FILE).exists()).await;
    let url = std::fs::read_to_string(data.join(ADDRESS_FILE)).unwrap();
    let password = std::fs::read_to_string(data.join("admin-password")).unwrap();
    Client::log_in_at(&url, &data.join("ca.pem"), password.trim()).await
}

async fn wait_until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await; // bounded: polls a condition
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the condition came true in time");
}
