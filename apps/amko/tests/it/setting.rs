//! The story's clusters, a controller, and an operator between them.

use std::sync::Arc;
use std::time::Duration;

use amko::{Amko, AmkoConfig, AmkoEvent, EVENTS_WAITING_MAX, start, start_following};
use avi_client::Verification;
use k8s_crds::{GlobalDeploymentPolicy, GslbConfig, Object};
use k8s_watch::Source;
use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::cluster::Cluster;
use crate::controller::{Controller, Listening};

pub(crate) const HOST: &str = "hello.avi.iberia.local";

/// Longest wait for anything that should happen.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Setting {
    pub(crate) controller: Controller,
    pub(crate) listening: Option<Listening>,
    pub(crate) clusters: Vec<Arc<Cluster>>,
    pub(crate) amko: Option<Amko>,
    pub(crate) events: mpsc::Receiver<AmkoEvent>,
    pub(crate) address: String,
}

impl Setting {
    /// Three clusters, 6:4:2, and an operator that has caught up.
    pub(crate) async fn hello() -> Self {
        let mut setting = Self::new(Controller::new(), clusters()).await;
        setting.start().await;
        setting.amko().synced().await;
        setting
    }

    pub(crate) async fn new(controller: Controller, clusters: Vec<Arc<Cluster>>) -> Self {
        let listening = controller.listen("127.0.0.1:0").await;
        let address = listening.address.to_string();
        let (_, events) = mpsc::channel(1);
        Self { controller, listening: Some(listening), clusters, amko: None, events, address }
    }

    pub(crate) async fn start(&mut self) {
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        self.events = events;
        let config = AmkoConfig { events: Some(sender), ..self.config() };
        self.amko = Some(start(config).await.unwrap());
    }

    /// What an operator is started with, but for who listens.
    pub(crate) fn config(&self) -> AmkoConfig {
        let url = format!("http://{}", self.address);
        AmkoConfig {
            leader: "s1az1".into(),
            sources: self.clusters.iter().map(|cluster| Arc::clone(cluster) as Arc<dyn Source>).collect(),
            controller: avi_client::Config::new(url, "admin", "secret", Verification::Insecure),
            events: None,
            log_level: None,
        }
    }

    /// As [`Setting::start`]; the controller's configuration follows the channel.
    pub(crate) async fn start_following(&mut self, controllers: watch::Receiver<avi_client::Config>) {
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        self.events = events;
        let config = AmkoConfig { events: Some(sender), ..self.config() };
        self.amko = Some(start_following(config, controllers).await.unwrap());
    }

    pub(crate) fn amko(&self) -> &Amko {
        self.amko.as_ref().unwrap()
    }

    /// Ends the operator and starts another, on clusters that are as they were.
    pub(crate) async fn restart(&mut self) {
        self.amko.take().unwrap().shutdown().await;
        self.controller.take_asked();
        self.start().await;
    }

    pub(crate) fn stop_controller(&mut self) {
        self.listening = None;
    }

    pub(crate) async fn start_controller(&mut self) {
        self.listening = Some(self.controller.listen(&self.address).await);
    }

    pub(crate) fn leader(&self) -> &Cluster {
        &self.clusters[0]
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a self,
        what: &'a str,
        holds: impl Fn(&Self) -> bool + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let poll = async {
                while !holds(self) {
                    tokio::time::sleep(Duration::from_millis(2)).await; // bounded: polls a condition
                }
            };
            assert!(
                tokio::time::timeout(PATIENCE, poll).await.is_ok(),
                "{place}: {what}; asked {:#?}, statuses {:?}",
                self.controller.take_asked(),
                self.leader().statuses()
            );
        }
    }

    pub(crate) async fn until_members(&self, expected: &[&str]) {
        self.until(&format!("members {expected:?}"), |s| s.controller.members(HOST) == expected).await;
    }

    /// Waits for an event and returns all up to it.
    pub(crate) async fn until_event(&mut self, is_it: impl Fn(&AmkoEvent) -> bool) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("no such event after {texts:#?}")).unwrap();
            texts.push(event.to_string());
            if is_it(&event) {
                return texts;
            }
        }
    }

    /// Waits until a marker that is applied now was acted on: everything before it was, too.
    pub(crate) async fn settle(&self) {
        let marker = ingress("marker", "marker.avi.iberia.local", "127.10.25.99");
        self.leader().apply(marker.clone());
        self.until("the marker's service", |s| s.controller.get("gslbservice", "marker.avi.iberia.local").is_some())
            .await;
        self.leader().delete(&marker);
        let is_gone = |s: &Self| s.controller.get("gslbservice", "marker.avi.iberia.local").is_none();
        self.until("the marker's end", is_gone).await;
    }
}

/// `s1az1` with `GSLBConfig` and policy, `s1az2`, `s2`; one Ingress each.
pub(crate) fn clusters() -> Vec<Arc<Cluster>> {
    vec![
        Cluster::new("s1az1", leader_objects()),
        Cluster::new("s1az2", vec![hello("127.10.26.40")]),
        Cluster::new("s2", vec![hello("127.10.23.40")]),
    ]
}

pub(crate) fn leader_objects() -> Vec<Object> {
    vec![gslb_config(), policy([6, 4, 2]), hello("127.10.25.40")]
}

pub(crate) fn gslb_config() -> Object {
    let config: GslbConfig = serde_json::from_value(json!({
        "metadata": {"name": "gc-1", "namespace": "avi-system"},
        "spec": {
            "gslbLeader": {"credentials": "gslb-avi-secret", "controllerVersion": "30.2.1", "controllerIP": "x"},
            "memberClusters": [{"clusterContext": "s1az1"}, {"clusterContext": "s1az2"}, {"clusterContext": "s2"}],
        },
    }))
    .unwrap();
    Object::GslbConfig(config)
}

pub(crate) fn policy(weights: [i64; 3]) -> Object {
    Object::GlobalDeploymentPolicy(policy_object(weights))
}

pub(crate) fn policy_object(weights: [i64; 3]) -> GlobalDeploymentPolicy {
    let clusters = ["s1az1", "s1az2", "s2"];
    let selected: Vec<_> = clusters.iter().map(|c| json!({"cluster": c, "syncVipOnly": true})).collect();
    let split: Vec<_> = clusters.iter().zip(weights).map(|(c, w)| json!({"cluster": c, "weight": w})).collect();
    serde_json::from_value(json!({
        "metadata": {"name": "global-gdp", "namespace": "avi-system"},
        "spec": {
            "matchRules": {"appSelector": {"label": {"app": "gslb"}}},
            "matchClusters": selected,
            "trafficSplit": split,
        },
    }))
    .unwrap()
}

pub(crate) fn hello(address: &str) -> Object {
    ingress("hello", HOST, address)
}

pub(crate) fn ingress(name: &str, host: &str, address: &str) -> Object {
    let ingress = serde_json::from_value(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"rules": [{"host": host}]},
        "status": {"loadBalancer": {"ingress": [{"hostname": host, "ip": address}]}},
    }));
    Object::Ingress(ingress.unwrap())
}
