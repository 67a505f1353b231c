//! Writes at the same time, and a watch that is lost.

use std::sync::Arc;

use async_trait::async_trait;
use controller_api::{Api, ApiConfig, LiveProjection, NoEngine, NoSites, Scheme, SystemClock};
use objects::Types;
use serde_json::json;
use store::{Entry, MemoryStore, Outcome, Revision, Store, StoreError, Txn, Watch};

use crate::harness::{Client, Controller};

#[tokio::test]
async fn of_two_writers_of_one_name_one_wins() {
    let controller = Controller::start().await;
    let client = controller.admin().await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.post("/api/tenant", json!({"name": "t"})).await.status.as_u16() })
        })
        .collect();
    let mut codes = futures::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    codes.sort_unstable();
    assert_eq!(codes, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn writers_of_one_object_do_not_lose_each_others_patches() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let made = client.post("/api/healthmonitor", json!({"name": "m", "type": "HEALTH_MONITOR_TCP"})).await.json();
    let path = format!("/api/healthmonitor/{}", made["uuid"].as_str().unwrap());
    let tasks: Vec<_> = (0..8)
        .map(|index| {
            let (mut client, path) = (client.clone(), path.clone());
            let marker = json!({"key": format!("k{index}"), "values": ["v"]});
            tokio::spawn(async move { client.patch(&path, json!({"add": {"markers": [marker]}})).await.expect(200) })
        })
        .collect();
    futures::future::join_all(tasks).await.into_iter().for_each(|task| drop(task.unwrap()));
    assert_eq!(client.get(&path).await.json()["markers"].as_array().unwrap().len(), 8);
}

/// A memory store whose watches end after one commit.
struct ForgetfulStore(MemoryStore);

#[async_trait]
impl Store for ForgetfulStore {
    fn incarnation(&self) -> &str {
        self.0.incarnation()
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.0.revision().await
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        self.0.get(key).await
    }

    async fn range(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Revision), StoreError> {
        self.0.range(prefix, after, limit).await
    }

    async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError> {
        self.0.txn(txn).await
    }

    async fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        let mut whole = self.0.watch(after).await?;
        let (sender, cut) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            if let Some(commit) = whole.recv().await {
                let _ = sender.send(commit).await;
            }
        });
        Ok(cut)
    }
}

#[tokio::test]
async fn a_lost_watch_is_taken_up_again_and_nothing_is_missed() {
    let controller = Controller::start_on(Arc::new(ForgetfulStore(MemoryStore::new()))).await;
    let mut client = controller.admin().await;
    client.post("/api/tenant", json!({"name": "t"})).await.expect(201);
    assert_eq!(client.get("/api/tenant?name=t").await.json()["count"], 1);
}

#[tokio::test]
async fn a_watch_that_missed_commits_reads_everything_again() {
    // One revision of history: every watch that ended has missed too much.
    let store = Arc::new(ForgetfulStore(MemoryStore::with_history(1)));
    let controller = Controller::start_on(store).await;
    let mut client = controller.admin().await;
    client.post("/api/tenant", json!({"name": "t"})).await.expect(201);
    assert_eq!(client.get("/api/tenant?name=t").await.json()["count"], 1);
    assert!(controller.store.revision().await.unwrap() > 1);
}

#[tokio::test]
async fn a_restart_on_the_same_store_finds_everything_and_makes_nothing_anew() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let controller = Controller::start_on(store.clone()).await;
    let mut client = controller.admin().await;
    client.post("/api/tenant", json!({"name": "t"})).await.expect(201);
    let cluster = client.get("/api/cluster").await.json();
    let revision = store.revision().await.unwrap();
    drop(controller);
    let controller = Controller::start_on(store.clone()).await;
    assert_eq!(store.revision().await.unwrap(), revision);
    let mut client = controller.admin().await;
    assert_eq!(client.get("/api/tenant?name=t").await.json()["count"], 1);
    assert_eq!(client.get("/api/cluster").await.json(), cluster);
}

#[tokio::test]
async fn until_the_store_is_read_everything_is_answered_503() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let live = LiveProjection::new(store.clone(), Types::new(avi_schema::TYPES.iter().copied()));
    let config = ApiConfig::new(Scheme::Https, "127.0.0.1:9443");
    let api =
        Api::new(config, store, live.clone(), Arc::new(NoEngine), Arc::new(NoSites), Arc::new(SystemClock::start()))
            .unwrap();
    let mut client = Client::new(api.router());
    for path in ["/api/cluster/status", "/api/tenant", "/api/initial-data"] {
        let reply = client.get(path).await;
        reply.refused(503, "starting");
        assert_eq!(reply.headers["retry-after"], "1");
    }
    client.log_in("admin", "x").await.refused(503, "starting");
    live.load().await.unwrap();
    client.get("/api/cluster/status").await.expect(200);
    client.get("/api/tenant").await.expect(401);
}
