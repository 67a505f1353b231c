//! A directory of manifests as a cluster.
//!
//! A file is read after it was closed by its writer or moved into place, never while it is being written. What cannot
//! be read, or suddenly holds no object, is a problem and no deletion: what was known stays in force. What operators
//! write back lives under `.status/` and is merged over the objects; a user's file is never touched.
//!
//! `watch.rs` is the loop, `tree.rs` and `notices.rs` see files and their changes, `world.rs` decides what they mean,
//! `teller.rs` tells it, `write_back.rs` keeps what was written back.

mod notices;
mod teller;
mod tree;
mod watch;
mod world;
mod write_back;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use async_trait::async_trait;
use k8s_crds::{Kind, ObjectKey};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use self::{notices::Notices, write_back::Store};
use crate::{
    event::Event,
    source::{Source, WriteBack, WriteBackError},
};

/// Events that wait for a slow reader; when full, the reader gets one `Reset` in place of what it missed.
const EVENTS_WAITING_MAX: usize = 1024;

/// A cluster that is a directory of manifests: `*.yaml`, `*.yml` and `*.json` in it and below it.
///
/// Hidden files and directories, and the temporary files of editors, are passed over. Links to files are followed,
/// links to directories are not. Clones share what was written back: each sees at once what another wrote.
#[derive(Debug, Clone)]
pub struct ManifestDirectory {
    shared: Arc<Shared>,
    kinds: &'static [Kind],
}

/// Kinds that are read where nobody says otherwise: those of the multi-cluster operator.
pub(crate) const KINDS: &[Kind] = &[
    Kind::Namespace,
    Kind::Service,
    Kind::Ingress,
    Kind::GslbConfig,
    Kind::GlobalDeploymentPolicy,
    Kind::GslbHostRule,
    Kind::HostRule,
    Kind::Route,
    Kind::MultiClusterIngress,
];

/// What a source and its watches have in common.
#[derive(Debug)]
struct Shared {
    cluster: String,
    /// As the user gave it.
    directory: PathBuf,
    polls: bool,
    store: Store,
    watches: Mutex<Vec<Weak<Notices>>>,
}

impl ManifestDirectory {
    /// The cluster `cluster` in `directory`, which need not exist yet.
    pub fn new(cluster: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        Self::with(cluster.into(), directory.into(), false)
    }

    /// Looks at the files each second instead of asking the kernel for changes, for file systems that tell none.
    pub fn polling(cluster: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        Self::with(cluster.into(), directory.into(), true)
    }

    /// The same directory, of which these kinds are read; the others are passed over.
    #[must_use]
    pub fn reading(&self, kinds: &'static [Kind]) -> Self {
        Self { shared: Arc::clone(&self.shared), kinds }
    }

    /// The directory, as it was given.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    fn with(cluster: String, directory: PathBuf, polls: bool) -> Self {
        let shared = Shared { cluster, store: Store::new(&directory), directory, polls, watches: Mutex::default() };
        Self { shared: Arc::new(shared), kinds: KINDS }
    }
}

impl Shared {
    /// Tells all watches that something was written back to `key`.
    fn announce(&self, key: &ObjectKey) {
        self.watches.lock().retain(|watch| {
            let Some(notices) = watch.upgrade() else {
                return false;
            };
            notices.written_back(key.clone());
            true
        });
    }
}

#[async_trait]
impl Source for ManifestDirectory {
    fn cluster(&self) -> &str {
        &self.shared.cluster
    }

    fn watch(&self) -> mpsc::Receiver<Event> {
        let (events, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        let notices = Arc::new(Notices::default());
        self.shared.watches.lock().push(Arc::downgrade(&notices));
        // The task ends by itself when the receiver is dropped.
        tokio::spawn(watch::run(Arc::clone(&self.shared), self.kinds, notices, events));
        receiver
    }

    async fn write_back(&self, key: &ObjectKey, write: WriteBack) -> Result<(), WriteBackError> {
        let (shared, target) = (Arc::clone(&self.shared), key.clone());
        let stored = tokio::task::spawn_blocking(move || {
            if shared.store.write(&target, write)? {
                shared.announce(&target);
            }
            Ok::<_, write_back::StoreError>(())
        });
        let failed = |source| WriteBackError { cluster: self.shared.cluster.clone(), key: key.clone(), source };
        match stored.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(error.into())),
            Err(error) => Err(failed(error.into())),
        }
    }
}
