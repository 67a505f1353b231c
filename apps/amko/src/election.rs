//! Runs a candidate: makes its calls, and tells what it is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_watch_api::{ApiCalls, CallError};
use lease_election::{Answer, Ask, Call, Candidate, Record, Seen, Timing};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::role::Roles;

/// The lease of each cluster.
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/avi-system/leases";
const NAME: &str = "amko-leader";
/// Longest wait for an answer about a lease. Who is slower than this is asked again.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Longest wait until the leases are given back, at the end.
const RESIGN_WITHIN: Duration = Duration::from_secs(3);

/// What takes part.
pub(crate) struct Election {
    /// Own context.
    pub(crate) context: String,
    /// All clusters, the own one among them.
    pub(crate) clusters: Vec<ApiCalls>,
    /// Whether it is the first to try.
    pub(crate) is_preferred: bool,
    /// Whether it would lead.
    pub(crate) stands: watch::Receiver<bool>,
    pub(crate) roles: Roles,
}

impl Election {
    /// Takes part until `stop`, and gives back what it holds then.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        // No other process has this name, nor this one after its next start.
        let me = format!("{}/{}", self.context, uuid::Uuid::new_v4());
        let began = Instant::now();
        let mut candidate = Candidate::new(me, self.clusters.len(), Timing::DEFAULT, self.is_preferred);
        let mut calls: JoinSet<(usize, Result<Answer, CallError>)> = JoinSet::new();
        let mut told = BTreeMap::new();
        loop {
            let now = Instant::now();
            let stands = *self.stands.borrow_and_update();
            for ask in candidate.step(now - began, stands, rand::random()) {
                self.call(ask, &mut calls);
            }
            self.roles.follow(&candidate, began, now);
            let wake = began + candidate.wake(now - began);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(Ok((cluster, answer))) = calls.join_next() => {
                    let answer = self.understand(cluster, answer, &mut told);
                    candidate.answered(cluster, answer, Instant::now() - began);
                }
                // Nobody says any more whether it stands: it goes on until it is stopped.
                Ok(()) = self.stands.changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        let given_back = async {
            // What is under way has to end first: one call at a time for each lease.
            while let Some(done) = calls.join_next().await {
                let Ok((cluster, answer)) = done else { continue };
                let answer = self.understand(cluster, answer, &mut told);
                candidate.answered(cluster, answer, Instant::now() - began);
            }
            for ask in candidate.resign(Instant::now() - began) {
                self.call(ask, &mut calls);
            }
            while calls.join_next().await.is_some() {}
        };
        // A lease that cannot be given back runs out.
        drop(tokio::time::timeout(RESIGN_WITHIN, given_back).await);
    }

    fn call(&self, ask: Ask, calls: &mut JoinSet<(usize, Result<Answer, CallError>)>) {
        let Some(api) = self.clusters.get(ask.cluster).cloned() else { return };
        calls.spawn(async move { (ask.cluster, make(&api, ask.call).await) });
    }

    /// What a result means; a cluster whose lease cannot be used is told once.
    fn understand(
        &self,
        cluster: usize,
        answer: Result<Answer, CallError>,
        told: &mut BTreeMap<usize, String>,
    ) -> Answer {
        match answer {
            Ok(answer) => {
                told.remove(&cluster);
                answer
            }
            Err(error) if error.is_conflict() || error.is_not_found() => Answer::Conflict,
            Err(error) => {
                let reason = error.to_string();
                let name = self.clusters.get(cluster).map_or("", |api| api.cluster());
                if told.insert(cluster, reason.clone()).is_none() {
                    tracing::warn!(cluster = name, reason, "the lease of a cluster cannot be used, trying on");
                }
                Answer::Lost
            }
        }
    }
}

async fn make(api: &ApiCalls, call: Call) -> Result<Answer, CallError> {
    let path = format!("{LEASES}/{NAME}");
    let written = match call {
        Call::Read => return Ok(Answer::Read(api.get(&path).await?.map(|lease| seen(&lease)))),
        Call::Create(record) => api.create(LEASES, &lease(&record, None)).await?,
        Call::Replace { version, record } => api.replace(&path, &lease(&record, Some(version))).await?,
    };
    Ok(Answer::Written(version(&written)))
}

/// A record as a Lease. The term is its number of transitions; the time is for people, and makes each renewal another text.
fn lease(record: &Record, version: Option<String>) -> Value {
    let holder = (!record.holder.is_empty()).then_some(&record.holder);
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": NAME, "namespace": "avi-system", "resourceVersion": version},
        "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": record.lease.as_secs(), "leaseTransitions": record.term,
            "renewTime": format!("{:.6}", Timestamp::now()),
        }
    })
}

fn seen(lease: &Value) -> Seen {
    let spec = &lease["spec"];
    let record = Record {
        holder: spec["holderIdentity"].as_str().unwrap_or_default().to_owned(),
        term: spec["leaseTransitions"].as_u64().unwrap_or(0),
        lease: Duration::from_secs(spec["leaseDurationSeconds"].as_u64().unwrap_or(0)),
    };
    Seen { version: version(lease), record }
}

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = Record { holder: "s1@x/id".to_owned(), term: 7, lease: Duration::from_secs(8) };
        let written = lease(&record, Some("12".to_owned()));
        assert_eq!(seen(&written), Seen { version: "12".to_owned(), record: record.clone() });
        let time = written["spec"]["renewTime"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.split_once('.').is_some_and(|(_, rest)| rest.len() == 7), "{time}");
        let back = Record { holder: String::new(), ..record };
        let written = lease(&back, None);
        assert_eq!((&written["spec"]["holderIdentity"], seen(&written).record), (&Value::Null, back));
    }
}
