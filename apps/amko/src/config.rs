//! What the operator is started with.

use std::sync::Arc;

use amko_translate::LogLevel;
use k8s_watch::Source;
use tokio::sync::mpsc;

use crate::AmkoEvent;

/// What the operator is started with.
pub struct AmkoConfig {
    /// Context of the cluster that holds the `GSLBConfig` and the policy.
    pub leader: String,
    /// All clusters, the leader's among them.
    pub sources: Vec<Arc<dyn Source>>,
    /// How to reach the controller. The version in the `GSLBConfig` takes the place of the one here, and the user agent
    /// is always `AMKO`.
    pub controller: avi_client::Config,
    /// Where to tell what happens, beside the log; what does not fit is dropped.
    pub events: Option<mpsc::Sender<AmkoEvent>>,
    /// Sets how much is logged, as the `GSLBConfig` says; `None` where that is settled otherwise.
    pub log_level: Option<Arc<dyn Fn(LogLevel) + Send + Sync>>,
}
