//! The store: a writer, some readers and the feed between them.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use store::{Entry, Feed, Outcome, Revision, Store, StoreError, Txn, Watch};

use crate::lock::FileLock;
use crate::open::{self, OpenError, Options};
use crate::reader::{self, Readers};
use crate::writer::Writer;

/// Commits kept in memory, so that a watch meets the live feed after it has read the log.
const RECENT_MAX: usize = 1024;

/// Keys, values and revisions in one SQLite file.
///
/// Dropping it waits for the writes already taken, at most a queue of them.
#[derive(Debug)]
pub struct SqliteStore {
    incarnation: String,
    // Fields drop in this order: the lock outlives every connection.
    writer: Writer,
    readers: Readers,
    feed: Arc<Mutex<Feed>>,
    _lock: FileLock,
}

impl SqliteStore {
    /// Opens the store at `path`, making it when there is none. Blocks for the time of a check of the file.
    ///
    /// Besides `path` it uses the names `path` + `-wal`, `-shm` and `.lock`. All have mode 0600.
    ///
    /// # Errors
    /// [`OpenError`], each saying what to do.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, Options::default())
    }

    /// Like [`SqliteStore::open`], with limits of one's own.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let opened = open::open(path.as_ref(), options)?;
        let recent_max = usize::try_from(options.history).map_or(RECENT_MAX, |history| history.min(RECENT_MAX));
        let feed = Arc::new(Mutex::new(Feed::new(opened.revision, recent_max)));
        let writer =
            Writer::start(opened.connection, opened.revision, opened.compacted, options, Arc::clone(&feed)).map_err(
                |source| OpenError::Io { doing: "starting the writer of", path: path.as_ref().to_owned(), source },
            )?;
        Ok(Self {
            incarnation: opened.incarnation,
            writer,
            readers: Readers::new(path.as_ref()),
            feed,
            _lock: opened.lock,
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn incarnation(&self) -> &str {
        &self.incarnation
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.feed.lock().revision())
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        let key = key.to_owned();
        self.readers.read("reading a key", move |connection| reader::get(connection, &key)).await
    }

    async fn range(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Revision), StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.readers
            .read("reading a range of keys", move |connection| {
                reader::range(connection, &prefix, after.as_deref(), limit)
            })
            .await
    }

    async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError> {
        txn.check()?;
        self.writer.txn(txn).await
    }

    async fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        if let Some(watch) = self.watch_recent(after) {
            return Ok(watch);
        }
        // The log up to now, and again what was committed meanwhile, until memory reaches back to where we are.
        let mut backlog = Vec::new();
        let mut read = after;
        loop {
            let log =
                self.readers.read("reading the log", move |connection| reader::log_after(connection, read)).await?;
            if after > log.revision {
                return Err(StoreError::not_yet(after, log.revision));
            }
            if read < log.compacted {
                return Err(StoreError::Compacted { asked: after, oldest: log.compacted });
            }
            backlog.extend(log.commits);
            read = log.revision;
            if let Some(watch) = self.feed.lock().watch(&backlog, read) {
                return Ok(watch);
            }
        }
    }
}

impl SqliteStore {
    /// A watch that memory alone can serve. A revision beyond the feed's is left to the log: it may be durable and
    /// about to be published.
    fn watch_recent(&self, after: Revision) -> Option<Watch> {
        let mut feed = self.feed.lock();
        if after > feed.revision() {
            return None;
        }
        feed.watch(&[], after)
    }
}
