//! The files: one per hour of UTC, or more where an hour has much; SQLite with a write-ahead log, so that a search does
//! not wait for the writer.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};
use prost::Message as _;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use se_protocol::logs::{Log, LogKind};

use crate::retention::{self, HOUR_US, Limits};

/// `PRAGMA user_version` of the files; one of another form is left alone.
pub(crate) const FORM: i64 = 1;
/// Most files of one hour.
const PARTS_MAX: u32 = 9_999;

/// What is logged, which hour since the epoch a file holds, and which of the hour's files it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileName {
    pub(crate) kind: LogKind,
    pub(crate) hour: i64,
    pub(crate) part: u32,
}

/// Why logs cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The directory cannot be made.
    #[error("making the directory {}", dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be opened.
    #[error("opening {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is of another form.
    #[error("{} was written by another release", .0.display())]
    Form(PathBuf),
    /// A batch cannot be written.
    #[error("writing to {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
}

/// The files of a directory for one kind of logs, of which one is open for writing.
#[derive(Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    kind: LogKind,
    limits: Limits,
    open: Option<Open>,
    /// Passed over because it is broken.
    broken: Option<FileName>,
}

#[derive(Debug)]
struct Open {
    name: FileName,
    path: PathBuf,
    connection: Connection,
}

impl Files {
    pub(crate) fn new(dir: &Path, kind: LogKind, limits: Limits) -> Self {
        Self { dir: dir.to_owned(), kind, limits, open: None, broken: None }
    }

    /// Writes `logs`, which are of about the same time, all or none. The file is that of the first one's hour, or the one
    /// that is open when that is a later one: so a log never lies in a file of an earlier hour.
    pub(crate) fn write(&mut self, logs: &[Log]) -> Result<(), FileError> {
        let Some(first) = logs.first() else { return Ok(()) };
        let hour = first.at_us().div_euclid(HOUR_US);
        let written = self.file_for(hour).and_then(|open| {
            insert(&mut open.connection, logs).map_err(|source| FileError::Write { path: open.path.clone(), source })
        });
        if let Err(error) = &written {
            // A statement that failed may leave the connection in any state, and another file may do.
            let name = self.open.take().map(|open| open.name);
            if error.is_about_the_file() {
                self.broken = name.or(self.newest_of(hour));
            }
        }
        written
    }

    /// Deletes what is too old or too much.
    pub(crate) fn retain(&mut self, now_us: i64) {
        retention::apply(&self.dir, self.kind, &self.limits, self.open.as_ref().map(|open| open.name), now_us);
    }

    fn file_for(&mut self, hour: i64) -> Result<&mut Open, FileError> {
        let limit = self.limits.file_bytes_max;
        let fits = |open: &Open| open.name.hour >= hour && retention::bytes(&open.path) < limit;
        let open = match self.open.take() {
            Some(open) if fits(&open) => open,
            before => {
                let hour = before.as_ref().map_or(hour, |open| open.name.hour.max(hour));
                drop(before);
                Self::open(&self.dir, self.next(hour))?
            }
        };
        Ok(self.open.insert(open))
    }

    /// The file of this hour that is to be written next.
    fn next(&self, hour: i64) -> FileName {
        let Some(newest) = self.newest_of(hour) else {
            return FileName { kind: self.kind, hour, part: 0 };
        };
        let is_full = retention::bytes(&self.dir.join(newest.to_string())) >= self.limits.file_bytes_max;
        let part = if is_full || self.broken == Some(newest) { newest.part + 1 } else { newest.part };
        FileName { kind: self.kind, hour, part: part.min(PARTS_MAX) }
    }

    fn newest_of(&self, hour: i64) -> Option<FileName> {
        retention::list(&self.dir, self.kind).into_iter().map(|(name, _)| name).rfind(|name| name.hour == hour)
    }

    fn open(dir: &Path, name: FileName) -> Result<Open, FileError> {
        std::fs::create_dir_all(dir).map_err(|source| FileError::Directory { dir: dir.to_owned(), source })?;
        let path = dir.join(name.to_string());
        let failed = |source| FileError::Open { path: path.clone(), source };
        let connection = Connection::open(&path).map_err(failed)?;
        let form = prepare(&connection).map_err(failed)?;
        if form != FORM {
            return Err(FileError::Form(path));
        }
        Ok(Open { name, path, connection })
    }
}

impl FileError {
    /// Whether another file would do: it is broken, or no file of ours.
    fn is_about_the_file(&self) -> bool {
        match self {
            Self::Form(_) => true,
            Self::Open { source, .. } | Self::Write { source, .. } => {
                matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            }
            Self::Directory { .. } => false,
        }
    }
}

/// Makes the tables of a new file; its form.
fn prepare(connection: &Connection) -> Result<i64, rusqlite::Error> {
    let form: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let is_empty = connection.query_row("SELECT 1 FROM sqlite_schema", [], |_| Ok(())).optional()?.is_none();
    if form != 0 || !is_empty {
        return Ok(form);
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL;
         BEGIN;
         CREATE TABLE log (
             id INTEGER PRIMARY KEY, virtual_service TEXT NOT NULL, at_us INTEGER NOT NULL,
             significant INTEGER NOT NULL, body BLOB NOT NULL
         ) STRICT;
         CREATE INDEX log_by_time ON log (virtual_service, at_us, significant);
         PRAGMA user_version = {FORM};
         COMMIT;"
    ))?;
    Ok(FORM)
}

fn insert(connection: &mut Connection, logs: &[Log]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO log (id, virtual_service, at_us, significant, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for log in logs {
            let (id, virtual_service, body) = match log {
                Log::Dns(log) => (log.id, &log.virtual_service, log.encode_to_vec()),
                Log::Http(log) => (log.id, &log.virtual_service, log.encode_to_vec()),
            };
            let id = i64::try_from(id).unwrap_or(i64::MAX);
            insert.execute(params![id, virtual_service, log.at_us(), log.is_significant(), body])?;
        }
    }
    transaction.commit()
}

impl FileName {
    /// Reads `dns-2026010213-0000.db`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (kind, rest) = name.split_once('-')?;
        let kind = [LogKind::Dns, LogKind::Http].into_iter().find(|&known| prefix(known) == kind)?;
        let (hour, part) = rest.strip_suffix(".db")?.split_once('-')?;
        let at = Timestamp::strptime("%Y%m%d%H%M %z", format!("{hour}00 +0000")).ok()?;
        let name_of = Self { kind, hour: at.as_microsecond().div_euclid(HOUR_US), part: part.parse().ok()? };
        (name_of.to_string() == name).then_some(name_of)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp::from_microsecond(self.hour.saturating_mul(HOUR_US)).unwrap_or_default();
        let kind = prefix(self.kind);
        write!(f, "{kind}-{}-{:04}.db", at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H"), self.part)
    }
}

const fn prefix(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Dns => "dns",
        LogKind::Http => "http",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_hour_and_part() {
        let name = FileName { kind: LogKind::Dns, hour: 1_704_067_200 / 3_600 + 13, part: 2 };
        assert_eq!(name.to_string(), "dns-2024010113-0002.db");
        assert_eq!(FileName::parse("dns-2024010113-0002.db"), Some(name));
        let http = FileName { kind: LogKind::Http, ..name };
        assert_eq!(FileName::parse("http-2024010113-0002.db"), Some(http));
        for other in [
            "ftp-2024010113-0002.db",
            "dns-2024010113-0002.db-wal",
            "dns-2024010199-0002.db",
            "dns-2024-2.db",
            "other",
            "dns--.db",
        ] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
