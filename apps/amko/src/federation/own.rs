//! What the own cluster says, and what is shown there.

use amko_federation::{Copied, NAMESPACE};
use k8s_crds::{AmkoCluster, AmkoClusterCondition, AmkoClusterLeader, GROUP};
use k8s_watch_api::{ApiCalls, CallError};
use serde_json::{Value, json};

use super::Federator;

/// Objects of the own cluster.
pub(super) struct Own {
    pub(super) clusters: Vec<AmkoCluster>,
    pub(super) configs: Vec<Value>,
    pub(super) policies: Vec<Value>,
}

/// Reads all of it.
pub(super) async fn read(api: &ApiCalls) -> Result<Own, CallError> {
    let (config, policy) = (collection(Copied::Config), collection(Copied::Policy));
    let (clusters, configs, policies) = tokio::join!(clusters(api, None), api.list(&config), api.list(&policy));
    Ok(Own {
        clusters: clusters?,
        configs: typed(Copied::Config, configs?),
        policies: typed(Copied::Policy, policies?),
    })
}

/// `AMKOCluster` objects of a namespace, or of all; none where the kind is not defined. One that cannot be read counts,
/// with nothing in it.
pub(super) async fn clusters(api: &ApiCalls, namespace: Option<&str>) -> Result<Vec<AmkoCluster>, CallError> {
    let namespace = namespace.map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
    let objects = match api.list(&format!("/apis/{GROUP}/v1alpha1{namespace}/amkoclusters")).await {
        Err(error) if error.is_not_found() => Vec::new(),
        objects => objects?,
    };
    Ok(objects.into_iter().map(|object| serde_json::from_value(object).unwrap_or_default()).collect())
}

/// Where objects of a kind are.
pub(super) fn collection(kind: Copied) -> String {
    let (version, plural) = match kind {
        Copied::Config => ("v1alpha1", "gslbconfigs"),
        Copied::Policy => ("v1alpha2", "globaldeploymentpolicies"),
    };
    format!("/apis/{GROUP}/{version}/namespaces/{NAMESPACE}/{plural}")
}

/// The objects of a list do not say themselves what they are.
pub(super) fn typed(kind: Copied, mut objects: Vec<Value>) -> Vec<Value> {
    let version = match kind {
        Copied::Config => "v1alpha1",
        Copied::Policy => "v1alpha2",
    };
    for object in &mut objects {
        object["apiVersion"] = format!("{GROUP}/{version}").into();
        object["kind"] = kind.kind().into();
    }
    objects
}

impl Own {
    pub(super) fn objects(&self, kind: Copied) -> &[Value] {
        match kind {
            Copied::Config => &self.configs,
            Copied::Policy => &self.policies,
        }
    }

    /// Another text when something changed that is federated, or that says how; statuses do not count.
    pub(super) fn fingerprint(&self) -> String {
        let own = self.clusters.iter().map(|cluster| json!([cluster.metadata.uid, cluster.spec]));
        let copied = self.configs.iter().chain(&self.policies).map(|object| {
            json!([object["metadata"]["uid"], object["metadata"]["generation"], object["metadata"]["annotations"]])
        });
        Value::from_iter(own.chain(copied)).to_string()
    }
}

impl Federator {
    /// Shows conditions and leader, through the status sub-resource, where they are others than before.
    pub(super) async fn show(
        &mut self,
        own: &AmkoCluster,
        conditions: &[AmkoClusterCondition],
        leader: Option<AmkoClusterLeader>,
    ) {
        let status = own.status.clone().unwrap_or_default();
        if status.conditions == conditions && status.leader == leader {
            return;
        }
        let name = own.metadata.name.as_deref().unwrap_or_default();
        let namespace = own.metadata.namespace.as_deref().unwrap_or_default();
        let path = format!("/apis/{GROUP}/v1alpha1/namespaces/{namespace}/amkoclusters/{name}/status");
        // Null takes away what is no longer known.
        let leader = leader.map(|leader| json!({"clusterContext": leader.cluster_context, "term": leader.term}));
        let patch = json!({"status": {"conditions": conditions, "leader": leader}});
        if let Err(error) = self.own.merge(&path, &patch).await {
            self.tell(&format!("the status of AMKOCluster {name} cannot be written: {error}"));
        }
    }
}
