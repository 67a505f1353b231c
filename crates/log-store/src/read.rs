//! The search in the files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use client_log::Search;
use prost::Message as _;
use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter};
use se_protocol::logs::{DnsLog, HttpLog, Log, LogKind, LogPage, LogQuery};

use crate::clock::instant;
use crate::files::FORM;
use crate::retention::{HOUR_US, list};
use crate::writer::chain;

/// How long a search waits for a file that the writer closes or makes shorter.
const BUSY_WITHIN: Duration = Duration::from_secs(1);
/// Rows from one look at the clock to the next.
const ROWS_BETWEEN_LOOKS: usize = 256;
/// Hours that logs may be in a later file than their own, when a clock was set back.
const LATE_HOURS: i64 = 1;

/// Searches the files of a directory, whether or not a writer runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader(PathBuf);

impl Reader {
    /// Of the files in `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// What matches. Blocks, for as long as the question allows at most: not on an async thread. A file that cannot be
    /// read makes the answer incomplete.
    #[must_use]
    pub fn search(&self, query: &LogQuery) -> LogPage {
        let until = instant() + Duration::from_millis(query.within_ms.into());
        let hours = query.start_us.div_euclid(HOUR_US)..=query.end_us.div_euclid(HOUR_US).saturating_add(LATE_HOURS);
        let mut files: Vec<PathBuf> = list(&self.0, query.kind)
            .into_iter()
            .filter(|(name, _)| hours.contains(&name.hour))
            .map(|(_, path)| path)
            .collect();
        if query.newest_first {
            files.reverse();
        }
        let mut search = Search::new(query.clone());
        let mut is_complete = true;
        for path in files {
            match search_file(&path, query, &mut search, until) {
                Ok(true) => {}
                Ok(false) => {
                    is_complete = false;
                    break;
                }
                // It was deleted since the directory was read.
                Err(_) if !path.exists() => {}
                Err(error) => {
                    is_complete = false;
                    tracing::warn!(path = %path.display(), reason = chain(&error), "logs cannot be read");
                }
            }
        }
        search.finish(is_complete)
    }
}

/// Looks at all that lies in a file; whether there was time for it.
fn search_file(path: &Path, query: &LogQuery, search: &mut Search, until: Instant) -> Result<bool, rusqlite::Error> {
    // The write-ahead log needs companions of the file, which a reader may have to make.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_WITHIN)?;
    let form: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if form != FORM {
        return Ok(true);
    }
    let range = || {
        let whose = std::iter::once(&query.virtual_service).chain(&query.children).map(|uuid| uuid as &dyn ToSql);
        params_from_iter([&query.start_us as &dyn ToSql, &query.end_us].into_iter().chain(whose))
    };
    let others = ", ?".repeat(query.children.len());
    let from = format!("FROM log WHERE at_us BETWEEN ? AND ? AND virtual_service IN (?{others})");
    if search.only_counts() {
        let mut counts = connection.prepare(&format!("SELECT significant, count(*) {from} GROUP BY significant"))?;
        let mut rows = counts.query(range())?;
        while let Some(row) = rows.next()? {
            let count: i64 = row.get(1)?;
            search.count(row.get(0)?, u64::try_from(count).unwrap_or(0));
        }
        return Ok(instant() < until);
    }
    let direction = if query.newest_first { "DESC" } else { "ASC" };
    let text = format!("SELECT significant, body {from} ORDER BY at_us {direction}, id {direction}");
    let mut logs = connection.prepare(&text)?;
    let mut rows = logs.query(range())?;
    let mut seen = 0_usize;
    while let Some(row) = rows.next()? {
        seen += 1;
        if seen.is_multiple_of(ROWS_BETWEEN_LOOKS) && instant() >= until {
            return Ok(false);
        }
        let significant: bool = row.get(0)?;
        if search.only_counts() {
            search.count(significant, 1);
        } else if let Ok(log) = decode(query.kind, row.get_ref(1)?.as_blob()?) {
            search.see(log);
        }
    }
    Ok(true)
}

fn decode(kind: LogKind, body: &[u8]) -> Result<Log, prost::DecodeError> {
    match kind {
        LogKind::Dns => DnsLog::decode(body).map(Log::from),
        LogKind::Http => HttpLog::decode(body).map(Log::from),
    }
}
