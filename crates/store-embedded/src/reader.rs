//! Reading: a few connections beside the writer's, each read one snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row};
use store::{Change, Commit, Entry, Revision, StoreError, TXN_OPS_MAX};
use tokio::sync::Semaphore;

use crate::failure::Failure;
use crate::open;

/// Reads at one time; more of them wait their turn.
const READERS_MAX: usize = 4;

/// Connections for reading, opened when first needed.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), turns: Arc::new(Semaphore::new(READERS_MAX)), idle: Arc::default() }
    }

    /// Runs `read` on a connection of its own, off the async threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Backend { doing, source };
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|error| stopped(error.into()))?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let result = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let connection = idle.lock().pop();
            let connection = match connection {
                Some(connection) => connection,
                None => connect(&path)?,
            };
            let result = read(&connection);
            idle.lock().push(connection);
            result
        });
        match result.await {
            Ok(result) => result.map_err(|error| Failure::of(&self.path, error).while_doing(doing)),
            Err(error) => Err(stopped(error.into())),
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open::connect(path)?;
    // Not opened read-only: the last connection to close has to clear the WAL.
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// What the log holds after a revision.
pub(crate) struct Log {
    /// Commits after it, in order.
    pub(crate) commits: Vec<Commit>,
    /// Revision of the last commit.
    pub(crate) revision: Revision,
    /// Commits up to this revision are no longer in the log.
    pub(crate) compacted: Revision,
}

/// The entry at `key`.
pub(crate) fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<Entry>> {
    connection
        .prepare_cached("SELECT key, value, created, modified FROM entries WHERE key = ?1")?
        .query_row([key], entry)
        .optional()
}

/// As [`store::Store::range`].
pub(crate) fn range(
    connection: &Connection,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<(Vec<Entry>, Revision)> {
    let snapshot = connection.unchecked_transaction()?;
    // An upper bound would need the text that follows a prefix, which need not be text: rows are read in order and the
    // first foreign one ends the range.
    let (sql, start) = match after {
        Some(after) if after >= prefix => {
            ("SELECT key, value, created, modified FROM entries WHERE key > ?1 ORDER BY key", after)
        }
        _ => ("SELECT key, value, created, modified FROM entries WHERE key >= ?1 ORDER BY key", prefix),
    };
    let mut entries = Vec::new();
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query([start])?;
    while let Some(row) = rows.next()? {
        if limit != 0 && entries.len() == limit {
            break;
        }
        let key = row.get_ref(0)?.as_str()?;
        if !key.starts_with(prefix) {
            break;
        }
        entries.push(entry(row)?);
    }
    Ok((entries, revision(&snapshot)?))
}

/// The log after `after`.
pub(crate) fn log_after(connection: &Connection, after: Revision) -> rusqlite::Result<Log> {
    let snapshot = connection.unchecked_transaction()?;
    let (revision, compacted) = (revision(&snapshot)?, compacted(&snapshot)?);
    let mut commits: Vec<Commit> = Vec::new();
    let mut statement =
        snapshot.prepare_cached("SELECT id, key, value, created FROM changes WHERE id >= ?1 ORDER BY id")?;
    let mut rows = statement.query([change_id(after.saturating_add(1), 0)])?;
    while let Some(row) = rows.next()? {
        let at = change_revision(row.get(0)?);
        let change = change(row, at)?;
        match commits.last_mut() {
            Some(commit) if commit.revision == at => commit.changes.push(change),
            _ => commits.push(Commit { revision: at, changes: vec![change] }),
        }
    }
    drop(rows);
    drop(statement);
    Ok(Log { commits, revision, compacted })
}

/// Revision of the last commit.
pub(crate) fn revision(connection: &Connection) -> rusqlite::Result<Revision> {
    meta(connection, "revision")
}

/// Commits up to this revision are no longer in the log.
pub(crate) fn compacted(connection: &Connection) -> rusqlite::Result<Revision> {
    meta(connection, "compacted")
}

/// Id of a change in the log.
pub(crate) fn change_id(revision: Revision, position: usize) -> i64 {
    debug_assert!(position < TXN_OPS_MAX, "a transaction was let through with too many writes");
    let position = i64::try_from(position).unwrap_or(i64::MAX);
    column(revision).saturating_mul(CHANGES_PER_REVISION).saturating_add(position)
}

/// A revision as SQLite holds it. 2^63 commits are further away than any controller lives.
pub(crate) fn column(revision: Revision) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// `TXN_OPS_MAX` when the schema was made; another limit needs another schema version.
const CHANGES_PER_REVISION: i64 = 128;

fn change_revision(id: i64) -> Revision {
    from_column(id / CHANGES_PER_REVISION)
}

/// Negative only in a file that somebody edited.
fn from_column(value: i64) -> Revision {
    Revision::try_from(value).unwrap_or(0)
}

fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Revision> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0).map(from_column))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        key: row.get(0)?,
        value: row.get_ref(1)?.as_blob()?.into(),
        created: from_column(row.get(2)?),
        modified: from_column(row.get(3)?),
    })
}

fn change(row: &Row<'_>, modified: Revision) -> rusqlite::Result<Change> {
    let key = row.get(1)?;
    let Some(value) = row.get_ref(2)?.as_blob_or_null()? else {
        return Ok(Change::Delete(key));
    };
    Ok(Change::Put(Entry { key, value: value.into(), created: from_column(row.get(3)?), modified }))
}
