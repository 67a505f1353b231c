//! Fetches what federated files hold from the sites that have it.
//!
//! The log says that there is a file, and its checksum; what it holds comes beside it, in parts, and counts when all is
//! here and has that checksum. What came stays when a link is cut, and the next part is asked for. A disk that takes no
//! more holds up files alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    mem::Discriminant,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use controller_api::{Arriving, Clock, FILE_BYTES_MAX, Files, LiveProjection};
use objects::Object;
use site_replication::SiteId;

use super::{
    Shared,
    files::{self, File, PART_BYTES, Request, read_answer},
    leader,
};

/// First pause after a file did not come; doubled up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// Attempts after which a person is told, unless it is the disk: links take a moment.
const ATTEMPTS_UNTOLD: u32 = 3;
/// Time between two looks for files that nothing refers to.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Octets on the disk that files leave to what a controller cannot do without: its store and its log.
const LEFT_FREE: u64 = 64 * 1024 * 1024;
/// What nothing refers to may belong to a write that is under way.
const UNUSED_FOR: Duration = Duration::from_secs(3_600);

/// Whom to ask, and how.
#[async_trait]
pub(super) trait Ask: Send + Sync {
    /// Sites that may have a file, the likeliest first.
    fn sites(&self) -> Vec<SiteId>;
    /// The answer of one, or why there is none, in words.
    async fn ask(&self, site: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, String>;
}

pub(super) struct Fetcher {
    pub(super) live: Arc<LiveProjection>,
    pub(super) files: Files,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) others: Arc<dyn Ask>,
}

/// Why a file is not here yet.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("no other site is linked")]
    Nobody,
    #[error("{0}")]
    Answer(String),
    #[error("site {site} holds one of {size} bytes")]
    Other { site: SiteId, size: u64 },
    #[error("what came last from site {site} makes another file, and is thrown away")]
    Broken { site: SiteId },
    #[error("it has {0} bytes, and at most {FILE_BYTES_MAX} are taken")]
    TooLarge(u64),
    #[error("another one took its place")]
    Replaced,
    #[error("the disk of the data directory has {free} bytes left, and the file needs {wanted}: free some space")]
    Full { free: u64, wanted: u64 },
    #[error("the disk of the data directory does not take it: {0}")]
    Disk(#[from] io::Error),
}

/// A file that did not come.
struct Trouble {
    attempts: u32,
    again: Duration,
    /// What a person was told.
    told: Option<Discriminant<FetchError>>,
}

impl Fetcher {
    /// Fetches whatever is missing; never returns.
    pub(super) async fn run(self) {
        let mut revisions = self.live.revisions();
        let (mut troubles, mut sweep_at, mut seen) = (BTreeMap::new(), Duration::ZERO, None);
        loop {
            revisions.mark_unchanged();
            let changed = Some(self.live.read(|state| state.changed(&["fileobject"])));
            if seen != changed || !troubles.is_empty() {
                self.fetch_missing(&mut troubles).await;
            }
            seen = changed;
            if self.clock.monotonic() >= sweep_at {
                sweep_at = self.clock.monotonic().saturating_add(SWEEP_EVERY);
                self.sweep().await;
            }
            let next = troubles.values().map(|trouble| trouble.again).chain([sweep_at]).min().unwrap_or(sweep_at);
            tokio::select! {
                changed = revisions.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(next.saturating_sub(self.clock.monotonic())) => {}
            }
        }
    }

    async fn fetch_missing(&self, troubles: &mut BTreeMap<File, Trouble>) {
        let files = files::federated(&self.live);
        let missing: BTreeSet<File> = files.into_iter().filter(|file| !self.files.has(&file.checksum)).collect();
        troubles.retain(|file, _| missing.contains(file));
        for file in missing {
            if troubles.get(&file).is_some_and(|trouble| trouble.again > self.clock.monotonic()) {
                continue;
            }
            match self.fetch(&file).await {
                Ok(from) => {
                    troubles.remove(&file);
                    tracing::info!(file = file.path, bytes = file.size, site = %from, "a file came from another site");
                }
                Err(error) => {
                    let trouble = troubles.entry(file.clone());
                    let trouble = trouble.or_insert(Trouble { attempts: 0, again: Duration::ZERO, told: None });
                    trouble.note(&file, &error, self.clock.monotonic());
                }
            }
        }
    }

    /// From which site it came.
    async fn fetch(&self, file: &File) -> Result<SiteId, FetchError> {
        if usize::try_from(file.size).map_or(true, |size| size > FILE_BYTES_MAX) {
            return Err(FetchError::TooLarge(file.size));
        }
        let mut last = FetchError::Nobody;
        for site in self.others.sites() {
            match self.fetch_from(&site, file).await {
                Ok(()) => return Ok(site),
                Err(error @ (FetchError::Disk(_) | FetchError::Full { .. } | FetchError::Replaced)) => {
                    return Err(error);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn fetch_from(&self, site: &SiteId, file: &File) -> Result<(), FetchError> {
        let (files, checksum) = (self.files.clone(), file.checksum.clone());
        let mut arriving = blocking(move || files.arriving(&checksum)).await?;
        while arriving.length() < file.size {
            if !files::federated(&self.live).contains(file) {
                return Err(FetchError::Replaced);
            }
            let (checksum, offset) = (file.checksum.clone(), arriving.length());
            let (files, wanted) = (self.files.clone(), (file.size - offset).saturating_add(LEFT_FREE));
            let free = blocking(move || files.free()).await?;
            if free < wanted {
                return Err(FetchError::Full { free, wanted });
            }
            let request = Request::FilePart { checksum, offset, length: PART_BYTES };
            let request = serde_json::to_vec(&request).map_err(|error| FetchError::Answer(error.to_string()))?;
            let answer = self.others.ask(site, request).await.map_err(FetchError::Answer)?;
            let (size, bytes) = read_answer(&answer).unwrap_or_default();
            if size != file.size || bytes.is_empty() {
                return Err(FetchError::Other { site: site.clone(), size });
            }
            let part = bytes.to_vec();
            arriving = blocking(move || arriving.append(&part).map(|()| arriving)).await?;
        }
        match blocking(move || Arriving::finish(arriving)).await? {
            true => Ok(()),
            false => Err(FetchError::Broken { site: site.clone() }),
        }
    }

    async fn sweep(&self) {
        let (files, used) = (self.files.clone(), files::used(&self.live));
        let before = crate::controller::wall_now().checked_sub(UNUSED_FOR).unwrap_or(SystemTime::UNIX_EPOCH);
        match blocking(move || files.remove_unused(&used, before)).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "files that nothing refers to were removed"),
            Err(error) => tracing::warn!(reason = %error, "files that nothing refers to cannot be removed"),
        }
    }
}

impl Trouble {
    fn note(&mut self, file: &File, error: &FetchError, now: Duration) {
        self.again = now.saturating_add((PAUSE_MIN * 2_u32.saturating_pow(self.attempts.min(8))).min(PAUSE_MAX));
        self.attempts = self.attempts.saturating_add(1);
        // How much is left changes all the time.
        let kind = std::mem::discriminant(error);
        if self.told == Some(kind) {
            return;
        }
        let reason = error.to_string();
        match error {
            FetchError::Disk(_) | FetchError::Full { .. } => {
                tracing::error!(file = file.path, reason, "a file of all sites cannot be kept here; trying again");
            }
            _ if self.attempts > ATTEMPTS_UNTOLD => {
                tracing::warn!(file = file.path, reason, "a file of all sites does not come; trying again");
            }
            _ => return,
        }
        self.told = Some(kind);
    }
}

/// The sites that a link stands to, who leads first.
#[async_trait]
impl Ask for Shared {
    fn sites(&self) -> Vec<SiteId> {
        let Some(told) = self.told.get() else { return Vec::new() };
        let gslb = self.live.read(|state| state.projection.single("gslb").cloned());
        let first = gslb.as_deref().map(|gslb: &Object| leader(gslb).to_owned()).unwrap_or_default();
        let peers = told.borrow().clone();
        let mut sites: Vec<SiteId> =
            peers.iter().filter(|(_, peer)| peer.connected).map(|(site, _)| site.clone()).collect();
        sites.sort_by_key(|site| site.as_str() != first);
        sites
    }

    async fn ask(&self, site: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let link = self.forwarder.get().ok_or("the link to other sites is not open")?;
        link.forward(site, request).await.map_err(|error| error.to_string())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
