//! The clusters of the ClusterSet in force, followed as it and its Secret change (amko 10.2).

use std::collections::BTreeMap;

use amko_translate::NAMESPACE;
use avi_client::chain;
use k8s_crds::ClusterSet;
use k8s_watch::{Event, Source};
use k8s_watch_api::{Access, ApiServer, EXPORTING_KINDS};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::imports::Exporter;
use super::state::State;

/// Key of the Secret that holds the kubeconfig.
const KEY: &str = "clusters";
/// Events of all clusters that wait; when full, their API servers are read more slowly.
const EVENTS_WAITING_MAX: usize = 1024;

/// Which clusters, and by which kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
struct InForce {
    contexts: Vec<String>,
    kubeconfig: String,
}

/// The clusters of the set, as one stream of events.
#[derive(Default)]
pub(super) struct Members {
    in_force: Option<InForce>,
    /// Another one for each set, so that nothing of an earlier one arrives.
    events: Option<mpsc::Receiver<(String, Event)>>,
    followers: JoinSet<()>,
    told: String,
}

/// Why there is no set, or why it is of no use (amko 10.2).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unusable {
    #[error("no clusterset available")]
    None,
    #[error("only one clusterset allowed in this cluster")]
    Several,
    #[error("cluster list is empty")]
    NoClusters,
    #[error("secret name is empty")]
    NoSecret,
    #[error("{0}")]
    Secret(String),
}

impl Members {
    /// The next event; waits for ever without a set.
    pub(super) async fn next(&mut self) -> Option<(String, Event)> {
        match &mut self.events {
            Some(events) => events.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Looks at the ClusterSet and its Secret; says whether other clusters are in force now. What is of no use changes
    /// nothing, and is told once.
    pub(super) async fn settle(&mut self, own: &ApiServer, state: &mut State) -> bool {
        if !state.has_answered() {
            return false;
        }
        let found = match choose(&state.sets) {
            Ok((contexts, secret)) => read(own, contexts, &secret).await,
            Err(unusable) => Err(unusable),
        };
        match found {
            Ok(found) => {
                self.told.clear();
                if self.in_force.as_ref() == Some(&found) {
                    return false;
                }
                self.follow(&found, state).await;
                self.in_force = Some(found);
                true
            }
            Err(unusable) => {
                let reason = unusable.to_string();
                if self.told != reason {
                    tracing::warn!(reason, "the ClusterSet cannot be followed, what is known stays");
                }
                self.told = reason;
                false
            }
        }
    }

    /// Begins anew with these clusters; each is a stranger until it has answered.
    async fn follow(&mut self, found: &InForce, state: &mut State) {
        tracing::info!(clusters = found.contexts.join(" "), "clusters of the ClusterSet are followed");
        self.followers.abort_all();
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        self.events = Some(events);
        let text = found.kubeconfig.clone();
        let access = Access::Text { text, origin: "the ClusterSet's Secret".to_owned(), context: None };
        let known = access.contexts().await.map(|contexts| contexts.all).unwrap_or_default();
        for context in &found.contexts {
            if !known.contains(context) {
                tracing::error!(
                    cluster = context,
                    "context is not in the Secret's kubeconfig; its imports stay as they are"
                );
                continue;
            }
            let source = ApiServer::new(context, access.clone().with_context(context), EXPORTING_KINDS);
            self.followers.spawn(follow(context.clone(), source, sender.clone()));
        }
        state.clusters = Some(found.contexts.iter().map(|context| (context.clone(), Exporter::default())).collect());
    }
}

/// Passes on what a cluster says until nobody listens.
async fn follow(cluster: String, source: ApiServer, sender: mpsc::Sender<(String, Event)>) {
    let mut events = source.watch();
    while let Some(event) = events.recv().await {
        if sender.send((cluster.clone(), event)).await.is_err() {
            return;
        }
    }
}

/// The contexts and the Secret of the one set.
fn choose(sets: &BTreeMap<String, ClusterSet>) -> Result<(Vec<String>, String), Unusable> {
    let mut all = sets.values();
    let set = all.next().ok_or(Unusable::None)?;
    if all.next().is_some() {
        return Err(Unusable::Several);
    }
    let contexts: Vec<String> = set.spec.clusters.iter().map(|member| member.context.clone()).collect();
    if contexts.is_empty() {
        return Err(Unusable::NoClusters);
    }
    if set.spec.secret_name.is_empty() {
        return Err(Unusable::NoSecret);
    }
    Ok((contexts, set.spec.secret_name.clone()))
}

async fn read(own: &ApiServer, contexts: Vec<String>, secret: &str) -> Result<InForce, Unusable> {
    let failed = |reason: String| Unusable::Secret(format!("Secret {NAMESPACE}/{secret} {reason}"));
    let entries =
        own.secret(NAMESPACE, secret).await.map_err(|error| failed(format!("cannot be read: {}", chain(&error))))?;
    let mut entries = entries.ok_or_else(|| failed("does not exist".to_owned()))?;
    let text = entries.remove(KEY).and_then(|value| String::from_utf8(value).ok());
    let kubeconfig = text.ok_or_else(|| failed(format!("has no text in its key {KEY}")))?;
    Ok(InForce { contexts, kubeconfig })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(sets: &[serde_json::Value], expected: Result<(&[&str], &str), Unusable>) {
        let sets = sets.iter().enumerate().map(|(number, spec)| {
            let set = json!({"metadata": {"name": format!("set-{number}")}, "spec": spec});
            (format!("set-{number}"), serde_json::from_value::<ClusterSet>(set).unwrap())
        });
        let found = choose(&sets.collect());
        let expected = expected.map(|(contexts, secret)| {
            (contexts.iter().map(|context| (*context).to_owned()).collect::<Vec<_>>(), secret.to_owned())
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn the_one_set_names_clusters_and_a_secret() {
        let set = json!({"clusters": [{"context": "a"}, {"context": "b"}], "secretName": "s"});
        check(std::slice::from_ref(&set), Ok((&["a", "b"], "s")));
        check(&[], Err(Unusable::None));
        check(&[set.clone(), set], Err(Unusable::Several));
        check(&[json!({"secretName": "s"})], Err(Unusable::NoClusters));
        check(&[json!({"clusters": [{"context": "a"}]})], Err(Unusable::NoSecret));
    }
}
