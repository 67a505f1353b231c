//! The copies in the other clusters.

use amko_federation::{Copied, Copies, Write};
use futures::future::join_all;
use k8s_crds::AmkoCluster;
use k8s_watch_api::ApiCalls;
use serde_json::Value;
use tokio::time::Instant;

use super::own::{collection, typed};
use crate::role::Permit;

/// Asks all of them at the same time: one that does not answer delays the others by no more than its time-out.
pub(super) async fn each<'a, T, F>(apis: &[&'a ApiCalls], ask: impl Fn(&'a ApiCalls) -> F) -> Vec<(String, T)>
where
    F: Future<Output = T>,
{
    let asked = apis.iter().map(|api| {
        let answer = ask(api);
        async move { (api.cluster().to_owned(), answer.await) }
    });
    join_all(asked).await
}

/// What the members have of a kind, or why that is not known.
pub(super) async fn read(kind: Copied, members: &[&ApiCalls]) -> Vec<(String, Result<Vec<Value>, String>)> {
    each(members, |api| async move {
        let objects = api.list(&collection(kind)).await;
        objects.map(|objects| typed(kind, objects)).map_err(|error| error.to_string())
    })
    .await
}

/// Whether some cluster that can be asked has a policy.
pub(super) async fn any_policy(members: &[&ApiCalls]) -> bool {
    read(Copied::Policy, members).await.iter().any(|(_, policies)| policies.as_ref().is_ok_and(|them| !them.is_empty()))
}

/// Carries out the writes; returns what went wrong. Who is no longer the leader meanwhile writes no more.
pub(super) async fn write(
    kind: Copied,
    members: &[&ApiCalls],
    copies: Copies,
    permit: &Permit,
    own: &AmkoCluster,
) -> Vec<String> {
    let Copies { writes, mut reasons } = copies;
    let is_elected = own.spec.leader_election == Some(true);
    for (context, write) in writes {
        // By hand the own object has just said so.
        let may_write = if is_elected { permit.check(Instant::now()).map(drop) } else { Ok(()) };
        let done = match (may_write, members.iter().find(|api| api.cluster() == context)) {
            (Err(reason), _) => Err(reason),
            (Ok(()), Some(api)) => perform(kind, api, &write).await,
            (Ok(()), None) => continue,
        };
        match done {
            Ok(()) => tracing::info!(cluster = context, kind = kind.kind(), what = %spoken(&write), "copy written"),
            Err(reason) => reasons.push(write.failure(kind, &context, &reason)),
        }
    }
    reasons
}

async fn perform(kind: Copied, api: &ApiCalls, write: &Write) -> Result<(), String> {
    let collection = collection(kind);
    let done = match write {
        Write::Create { body, .. } => api.create(&collection, body).await.map(drop),
        Write::Replace { name, body } => api.replace(&format!("{collection}/{name}"), body).await.map(drop),
        Write::Delete { name } => api.delete(&format!("{collection}/{name}")).await,
    };
    done.map_err(|error| error.to_string())
}

fn spoken(write: &Write) -> String {
    match write {
        Write::Create { name, .. } => format!("created {name}"),
        Write::Replace { name, .. } => format!("changed {name}"),
        Write::Delete { name } => format!("deleted {name}"),
    }
}
