//! A cluster behind its API server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_crds::{Kind, ObjectKey};
use k8s_openapi::api::core::v1::Secret;
use k8s_watch::{Event, Source, WriteBack, WriteBackError};
use kube::Api;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::access::{Access, AccessError, Connection};
use crate::follow::{Follower, Scope};
use crate::merge::Merge;
use crate::write_back;

/// Kinds of a member cluster.
pub const MEMBER_KINDS: &[Kind] =
    &[Kind::Namespace, Kind::Service, Kind::Ingress, Kind::HostRule, Kind::MultiClusterIngress, Kind::Route];
/// Kinds of a leader cluster that holds no members.
pub const POLICY_KINDS: &[Kind] = &[Kind::GslbConfig, Kind::GlobalDeploymentPolicy];
/// Kinds of a leader cluster that may hold members too.
pub const LEADER_KINDS: &[Kind] = &[
    Kind::Namespace,
    Kind::Service,
    Kind::Ingress,
    Kind::MultiClusterIngress,
    Kind::GslbConfig,
    Kind::GlobalDeploymentPolicy,
    Kind::GslbHostRule,
    Kind::HostRule,
    Kind::Route,
];
/// Kinds of the cluster whose MultiClusterIngresses are served with Services of others (amko 10).
pub const IMPORTING_KINDS: &[Kind] = &[Kind::MultiClusterIngress, Kind::ServiceImport, Kind::ClusterSet];
/// Kinds of the clusters whose Services are imported.
pub const EXPORTING_KINDS: &[Kind] = &[Kind::Service, Kind::Node];
/// Kinds that the operator of one cluster reads (ako 1.2).
pub const AKO_KINDS: &[Kind] = &[
    Kind::Namespace,
    Kind::Service,
    Kind::Ingress,
    Kind::Secret,
    Kind::ConfigMap,
    Kind::Node,
    Kind::EndpointSlice,
    Kind::IngressClass,
];

/// Longest wait for a connection, and for an answer on it.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Events that wait for a slow reader; when full, the API server is read more slowly, and keeps the rest.
const EVENTS_WAITING_MAX: usize = 1024;
/// News of the kinds that wait to be merged.
const NEWS_WAITING_MAX: usize = 64;

/// A cluster behind its API server.
#[derive(Debug, Clone)]
pub struct ApiServer {
    cluster: Arc<str>,
    kinds: Arc<[Kind]>,
    scopes: BTreeMap<Kind, Scope>,
    connection: Arc<Connection>,
}

/// A Secret that was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadSecretError {
    /// There is no client.
    #[error("reaching cluster {cluster}")]
    Access {
        /// Cluster.
        cluster: String,
        /// Cause.
        #[source]
        source: AccessError,
    },
    /// It is not there, may not be read, or the API server does not answer.
    #[error("reading Secret {namespace}/{name} in cluster {cluster}")]
    Read {
        /// Cluster.
        cluster: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ApiServer {
    /// The cluster `cluster`, of which `kinds` are read. Nothing is connected before the first watch.
    pub fn new(cluster: impl Into<String>, access: Access, kinds: &[Kind]) -> Self {
        Self::with(cluster.into(), access, kinds, ANSWER_MAX)
    }

    /// Waits no longer than this for a connection, and for an answer on it; 20 s otherwise.
    #[must_use]
    pub fn with_answer_max(cluster: impl Into<String>, access: Access, kinds: &[Kind], answer_max: Duration) -> Self {
        Self::with(cluster.into(), access, kinds, answer_max)
    }

    fn with(cluster: String, access: Access, kinds: &[Kind], answer_max: Duration) -> Self {
        let connection = Arc::new(Connection::new(access, answer_max));
        Self { cluster: cluster.into(), kinds: kinds.into(), scopes: BTreeMap::new(), connection }
    }

    /// The same cluster, of which this kind alone is read, over the same connection.
    #[must_use]
    pub fn reading(&self, kind: Kind, scope: Scope) -> Self {
        Self { kinds: [kind].into(), scopes: BTreeMap::from([(kind, scope)]), ..self.clone() }
    }

    /// Reads less than everything of a kind.
    #[must_use]
    pub fn with_scope(mut self, kind: Kind, scope: Scope) -> Self {
        self.scopes.insert(kind, scope);
        self
    }

    /// The entries of a Secret; none when it does not exist.
    ///
    /// # Errors
    /// The cluster cannot be reached, or does not let us.
    pub async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<BTreeMap<String, Vec<u8>>>, ReadSecretError> {
        let access = |source| ReadSecretError::Access { cluster: self.cluster.to_string(), source };
        let (client, generation) = self.connection.client().await.map_err(access)?;
        let api: Api<Secret> = Api::namespaced(client, namespace);
        let source: Box<dyn std::error::Error + Send + Sync> =
            match timeout(self.connection.answer_max, api.get_opt(name)).await {
                Ok(Ok(secret)) => return Ok(secret.map(entries)),
                Ok(Err(error)) => error.into(),
                Err(elapsed) => elapsed.into(),
            };
        self.connection.forget(generation).await;
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Err(ReadSecretError::Read { cluster: self.cluster.to_string(), namespace, name, source })
    }
}

fn entries(secret: Secret) -> BTreeMap<String, Vec<u8>> {
    secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect()
}

#[async_trait]
impl Source for ApiServer {
    fn cluster(&self) -> &str {
        &self.cluster
    }

    fn watch(&self) -> mpsc::Receiver<Event> {
        let (events, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        // The task ends by itself when the receiver is dropped, and those of the kinds with it.
        tokio::spawn(run(self.clone(), events));
        receiver
    }

    async fn write_back(&self, key: &ObjectKey, write: WriteBack) -> Result<(), WriteBackError> {
        write_back::write(&self.connection, key, write).await.map_err(|error| WriteBackError {
            cluster: self.cluster.to_string(),
            key: key.clone(),
            source: error.into(),
        })
    }
}

/// Follows all kinds and tells of them as one, until nobody listens.
async fn run(source: ApiServer, events: mpsc::Sender<Event>) {
    let (news, mut receiver) = mpsc::channel(NEWS_WAITING_MAX);
    let mut followers = JoinSet::new();
    for kind in source.kinds.iter() {
        let follower = Follower {
            cluster: Arc::clone(&source.cluster),
            kind: *kind,
            scope: source.scopes.get(kind).cloned().unwrap_or_default(),
            connection: Arc::clone(&source.connection),
            news: news.clone(),
        };
        followers.spawn(follower.run());
    }
    drop(news);
    let mut merge = Merge::new(&source.kinds);
    loop {
        let news = tokio::select! {
            news = receiver.recv() => news,
            () = events.closed() => return,
        };
        let Some(news) = news else { return };
        for event in merge.take(news) {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}
