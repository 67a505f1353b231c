//! Opens the file: its mode, its identity, its schema.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use store::{HISTORY_DEFAULT, Revision};

use crate::failure::is_full;
use crate::lock::FileLock;
use crate::reader;

/// Limits of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Revisions kept for watchers, at least; up to an eighth more before the oldest are dropped together.
    pub history: u64,
    /// Largest size of the file in pages of 4 KiB; `None` = what the disk holds.
    pub pages_max: Option<u32>,
    /// Begin another history on the same content: for a file that was put back from an older copy, whose next revisions
    /// would mean something else than those that others have seen.
    pub new_history: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { history: HISTORY_DEFAULT, pages_max: None, new_history: false }
    }
}

/// Why a store cannot be opened, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file cannot be made, locked or read.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("{} is in use by another process: stop that controller, or give this one its own data directory", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a Meridian store: move it away, or name another file", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// The file was a store and is damaged.
    #[error(
        "{} is damaged ({found}): restore a backup, or move it away with its -wal and -shm files to start empty",
        path.display()
    )]
    Corrupt {
        /// The store.
        path: PathBuf,
        /// The first damage found.
        found: String,
    },
    /// A newer Meridian wrote it.
    #[error(
        "{} has schema version {found} and this program knows {known}: start the Meridian that wrote it, or a later one",
        path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// Version of the file.
        found: i64,
        /// Version of this program.
        known: i64,
    },
    /// No space left.
    #[error("the disk that holds {} is full: free some space and start again", path.display())]
    Full {
        /// The store.
        path: PathBuf,
    },
    /// Another failure of SQLite.
    #[error("{doing} {}", path.display())]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// The store.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
}

/// "MRDN": tells our files from other SQLite files.
const APPLICATION_ID: i64 = 0x4d52_444e;

const SCHEMA_VERSION: i64 = 1;

/// A change has the id `revision * 128 + position`, so that the log needs no second index; 128 is `TXN_OPS_MAX`.
/// A `NULL` value is a delete.
const SCHEMA: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entries (
    key TEXT NOT NULL UNIQUE, value BLOB NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL
) STRICT;
CREATE TABLE changes (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB, created INTEGER) STRICT;
";

/// A reader or the writer may have to wait for the recovery of a killed predecessor's WAL.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open store, before it is taken apart into writer and readers.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) incarnation: String,
    pub(crate) revision: Revision,
    pub(crate) compacted: Revision,
    pub(crate) lock: FileLock,
}

/// Opens or makes the store at `path`.
pub(crate) fn open(path: &Path, options: Options) -> Result<Opened, OpenError> {
    let lock = FileLock::take(path)?;
    make_private(path)?;
    let failed = |doing| move |source| explain(doing, path, source);
    let mut connection = connect(path).map_err(failed("opening"))?;
    identify(&connection, path)?;
    configure(&connection, options).map_err(failed("configuring"))?;
    if is_empty(&connection).map_err(failed("reading"))? {
        create(&mut connection).map_err(failed("creating the tables of"))?;
    }
    check(&connection, path)?;
    if options.new_history {
        let renew = "UPDATE meta SET value = ?1 WHERE name = 'incarnation'";
        connection
            .execute(renew, [uuid::Uuid::new_v4().to_string()])
            .map_err(failed("beginning another history of"))?;
    }
    let read = || -> rusqlite::Result<_> {
        Ok((
            connection.query_row("SELECT value FROM meta WHERE name = 'incarnation'", [], |row| row.get(0))?,
            reader::revision(&connection)?,
            reader::compacted(&connection)?,
        ))
    };
    let (incarnation, revision, compacted) = read().map_err(failed("reading the revision of"))?;
    Ok(Opened { connection, incarnation, revision, compacted, lock })
}

/// A connection to an existing file.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Makes the file with mode 0600, or takes the rights of others away. SQLite gives its other files the same mode.
fn make_private(path: &Path) -> Result<(), OpenError> {
    let failed = |doing| move |source| OpenError::Io { doing, path: path.to_owned(), source };
    match File::options().create_new(true).write(true).mode(0o600).open(path) {
        Ok(_) => {
            // The name must survive a power cut as well as the content.
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("making durable the name of"))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed("setting mode 0600 of"))
        }
        Err(error) => Err(failed("creating")(error)),
    }
}

/// Refuses a file that is not ours, or not of our time.
fn identify(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|source| explain("reading the header of", path, source))
    };
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let empty = is_empty(connection).map_err(|source| explain("reading", path, source))?;
    if application != APPLICATION_ID && !(application == 0 && empty) {
        return Err(OpenError::NotAStore { path: path.to_owned() });
    }
    if version > SCHEMA_VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known: SCHEMA_VERSION });
    }
    Ok(())
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

fn configure(connection: &Connection, options: Options) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    if let Some(pages) = options.pages_max {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// All or nothing: a crash leaves an empty file, which the next start takes for a new one.
fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    let incarnation = uuid::Uuid::new_v4().to_string();
    transaction.execute("INSERT INTO meta VALUES ('incarnation', ?1)", [incarnation])?;
    transaction.execute("INSERT INTO meta VALUES ('revision', 0), ('compacted', 0)", [])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// Better to refuse a damaged file now than to answer from half of it later.
fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| explain("checking", path, source))?;
    if found == "ok" {
        return Ok(());
    }
    Err(OpenError::Corrupt { path: path.to_owned(), found })
}

/// The failures a person can do something about, by SQLite's code.
fn explain(doing: &'static str, path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotAStore { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Corrupt { path, found: source.to_string() },
        _ if is_full(&source) => OpenError::Full { path },
        _ => OpenError::Sqlite { doing, path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, open};

    #[test]
    fn an_acknowledged_write_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&folder.path().join("objects.db"), Options::default()).unwrap();
        let pragma = |name| opened.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(pragma("synchronous"), 2);
        let mode: String = opened.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
