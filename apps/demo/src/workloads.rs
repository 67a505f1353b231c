//! What a cluster does by itself with the manifests of a directory: it runs the pods of Deployments, and lists those that
//! are behind a Service in an `EndpointSlice`.
//!
//! A pod is a tiny web server at a loopback address of its own, in this process; it says what `-text=` in the arguments
//! of its container says. The slices go into `generated/` beside the manifests, where whoever watches the directory
//! finds them like any other object. Files are looked at several times a second; one that cannot be read, as in the
//! middle of an edit, changes nothing.

mod manifests;
mod pod;
mod slices;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use manifests::Manifests;
use pod::{Pod, PodSpec};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a pod goes on after it left its slices: until nobody sends requests to it any more.
const LINGERS: Duration = Duration::from_secs(2);
/// Longest wait for requests under way at the end.
const END_WITHIN: Duration = Duration::from_secs(1);
/// Pods of a cluster, and last number of their addresses.
const PODS_MAX: u8 = 250;

/// The workloads of all clusters. They end when it is dropped; [`Workloads::shutdown`] lets requests end first.
#[derive(Debug)]
pub(crate) struct Workloads {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Namespace and name of a Deployment, and which of its pods.
type PodKey = (String, String, u32);

/// The workloads of one cluster.
#[derive(Debug)]
struct Cluster {
    name: String,
    directory: PathBuf,
    /// The first three numbers of the addresses of its pods.
    network: [u8; 3],
    manifests: Manifests,
    pods: BTreeMap<PodKey, Pod>,
    /// Pods that left, and go on for a moment.
    leaving: Vec<Ipv4Addr>,
    /// What was said of pods that cannot run.
    trouble: Option<String>,
    stop: CancellationToken,
    /// Servers of the pods.
    servers: JoinSet<()>,
    /// Ends of pods that left.
    ends: JoinSet<Ipv4Addr>,
}

impl Workloads {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { stop: CancellationToken::new(), tasks: JoinSet::new() }
    }

    /// Runs the workloads in `directory`; when this returns, its pods answer and its slices are written.
    ///
    /// # Errors
    /// When a pod cannot listen, or the slices cannot be written.
    pub(crate) async fn run(&mut self, name: &str, directory: PathBuf, network: [u8; 3]) -> anyhow::Result<()> {
        let mut cluster = Cluster::new(name, directory, network, self.stop.child_token());
        cluster.look().await?;
        if let Some(trouble) = &cluster.trouble {
            anyhow::bail!("{trouble}");
        }
        self.tasks.spawn(cluster.until_stopped());
        Ok(())
    }

    /// Ends all pods.
    pub(crate) async fn shutdown(mut self) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(END_WITHIN, ended).await.is_err() {
            self.tasks.abort_all();
        }
    }
}

impl Drop for Workloads {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Cluster {
    fn new(name: &str, directory: PathBuf, network: [u8; 3], stop: CancellationToken) -> Self {
        Self {
            name: name.to_owned(),
            directory,
            network,
            manifests: Manifests::default(),
            pods: BTreeMap::new(),
            leaving: Vec::new(),
            trouble: None,
            stop,
            servers: JoinSet::new(),
            ends: JoinSet::new(),
        }
    }

    async fn until_stopped(mut self) {
        let stop = self.stop.clone();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            let told = self.trouble.clone();
            let trouble = match self.look().await {
                Ok(()) => self.trouble.clone(),
                Err(error) => Some(format!("{error:#}")),
            };
            if let Some(reason) = trouble.filter(|trouble| told.as_ref() != Some(trouble)) {
                warn!(cluster = self.name, reason, "the workloads of a cluster do not run as they should");
                self.trouble = Some(reason);
            }
        }
        while self.servers.join_next().await.is_some() {}
    }

    /// Looks at the files, and makes what runs what they say.
    async fn look(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.ends.try_join_next() {
            self.leaving.retain(|address| !matches!(&ended, Ok(gone) if gone == address));
        }
        while self.servers.try_join_next().is_some() {}
        let (directory, mut manifests) = (self.directory.clone(), std::mem::take(&mut self.manifests));
        let looked = tokio::task::spawn_blocking(move || (manifests.look(&directory), manifests));
        let changed;
        (changed, self.manifests) = looked.await.context("looking at manifests")?;
        if !changed && self.trouble.is_none() {
            return Ok(());
        }
        let gone = self.place_pods();
        let write = slices::write(&self.directory, self.manifests.services(), &self.pods);
        for pod in gone {
            self.end(pod);
        }
        write.with_context(|| format!("writing the EndpointSlices of {}", self.name))
    }

    /// Starts the pods that are missing; those that are not wanted any more are given back, still running.
    fn place_pods(&mut self) -> Vec<Pod> {
        let mut wanted: BTreeMap<PodKey, PodSpec> = BTreeMap::new();
        for deployment in self.manifests.deployments() {
            for number in 0..deployment.replicas {
                wanted.insert((deployment.namespace.clone(), deployment.name.clone(), number), deployment.pod.clone());
            }
        }
        let before = counts(&self.pods);
        let mut gone = Vec::new();
        for key in self.pods.keys().cloned().collect::<Vec<_>>() {
            if self.pods.get(&key).map(|pod| &pod.spec) != wanted.get(&key) {
                gone.extend(self.pods.remove(&key));
            }
        }
        self.trouble = None;
        for (key, spec) in wanted {
            if self.pods.contains_key(&key) {
                continue;
            }
            match self.start(spec, &gone) {
                Ok(pod) => drop(self.pods.insert(key, pod)),
                Err(error) => self.trouble = Some(format!("{error:#}")),
            }
        }
        self.tell(&before);
        gone
    }

    fn start(&mut self, spec: PodSpec, gone: &[Pod]) -> anyhow::Result<Pod> {
        let [a, b, c] = self.network;
        let mut addresses = (1..=PODS_MAX).map(|host| Ipv4Addr::new(a, b, c, host));
        let is_used = |address: &Ipv4Addr| {
            self.leaving.contains(address) || self.pods.values().chain(gone).any(|pod| pod.address == *address)
        };
        let free = addresses.find(|address| !is_used(address));
        let address = free.with_context(|| format!("cluster {} has {PODS_MAX} pods already", self.name))?;
        Pod::start(spec, address, self.stop.child_token(), &mut self.servers)
    }

    /// Ends a pod that left its slices, in a moment.
    fn end(&mut self, pod: Pod) {
        self.leaving.push(pod.address);
        let stop = self.stop.clone();
        self.ends.spawn(async move {
            stop.run_until_cancelled(tokio::time::sleep(LINGERS)).await;
            pod.stop.cancel();
            pod.address
        });
    }

    /// Says how many pods each Deployment has now, where that is new.
    fn tell(&self, before: &BTreeMap<String, usize>) {
        let after = counts(&self.pods);
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (from, to) = (before.get(name).copied().unwrap_or(0), after.get(name).copied().unwrap_or(0));
            // The first ones are no news.
            if from != to && !before.is_empty() {
                info!(cluster = self.name, deployment = name, from, to, "Deployment scaled");
            }
        }
    }
}

/// Pods by Deployment.
fn counts(pods: &BTreeMap<PodKey, Pod>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (namespace, name, _) in pods.keys() {
        *counts.entry(format!("{namespace}/{name}")).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests;
