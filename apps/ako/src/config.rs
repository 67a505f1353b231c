//! What the operator is started with.

use std::sync::Arc;

use avi_client::Verification;
use k8s_watch::Source;
use tokio::sync::mpsc;

use crate::AkoEvent;

pub use k8s_watch_api::AKO_KINDS as KINDS;

/// Sets how much is logged, by a name such as `DEBUG`.
pub type SetLogLevel = Arc<dyn Fn(&str) + Send + Sync>;

/// What the operator is started with.
pub struct AkoConfig {
    /// The cluster. It has to tell the objects of all [`KINDS`].
    pub source: Arc<dyn Source>,
    /// Namespace of the operator's ConfigMap and Secret: `avi-system`.
    pub namespace: String,
    /// How to reach the controller; `None`: as ConfigMap and Secret say. The user agent is always `AKO`, and the version
    /// is found out.
    pub controller: Option<avi_client::Config>,
    /// How the controller's certificate is checked where the Secret has no `certificateAuthorityData`.
    pub tls: Option<Verification>,
    /// Where to tell what happens, beside the log; what does not fit is dropped.
    pub events: Option<mpsc::Sender<AkoEvent>>,
    /// Sets how much is logged, by the `logLevel` of the ConfigMap; `None` where that is settled otherwise.
    pub log_level: Option<SetLogLevel>,
}
