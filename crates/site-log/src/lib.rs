//! The disk of a GSLB site: its log of federated objects, as [`site_replication`] wants it kept.
//!
//! One SQLite file, beside the object store and not in it: the log says what is, the store shows it, and a start brings
//! the store up to the log. All [`Save`]s of one step are one transaction, durable when [`SiteLog::save`] returns.
//! Objects lie sealed, since some hold credentials of sites.
#![warn(missing_docs)]

mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use seal::{Key, SealError};
use site_replication::{Change, Durable, Entry, Log, Mark, Revision, Save, State, Stored, Term};

use rows::{Row, read_change};

/// "MRDL": tells our files from other SQLite files.
const APPLICATION_ID: i64 = 0x4d52_444c;
/// Form of the tables.
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE entries (revision INTEGER PRIMARY KEY, view INTEGER NOT NULL, leader TEXT NOT NULL, uuid TEXT, kind TEXT,
        claims TEXT, modified INTEGER, body BLOB);
    CREATE TABLE base (uuid TEXT PRIMARY KEY, revision INTEGER NOT NULL, kind TEXT NOT NULL, claims TEXT NOT NULL,
        modified INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE aside (number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, view INTEGER NOT NULL, leader TEXT NOT NULL,
        uuid TEXT, kind TEXT, claims TEXT, modified INTEGER, body BLOB);
";

/// An open log. Calls wait for the disk.
pub struct SiteLog {
    connection: Connection,
    path: PathBuf,
    key: Key,
}

/// Why the log cannot be used; what to do.
#[derive(Debug, thiserror::Error)]
pub enum SiteLogError {
    /// SQLite says no.
    #[error("{doing} the log of the site in {}", path.display())]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is something else, or of a later release.
    #[error("{} is no log of a site that this release knows: move it away, or start the release that wrote it", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// What is there makes no sense.
    #[error("the log of the site in {} is damaged ({what}): move it away and let this site join again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The seal does not open.
    #[error("opening what is sealed in {}", path.display())]
    Seal {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SealError,
    },
}

impl SiteLog {
    /// Whether there is one at `path`.
    #[must_use]
    pub fn exists(path: &Path) -> bool {
        path.exists()
    }

    /// Opens the log at `path`; where there is none, makes one that holds `first`.
    ///
    /// # Errors
    /// [`SiteLogError`].
    pub fn open(path: &Path, key: Key, first: &Durable) -> Result<Self, SiteLogError> {
        let sqlite = |doing| move |source| SiteLogError::Sqlite { doing, path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(sqlite("opening"))?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 1000;")
            .map_err(sqlite("opening"))?;
        let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        let (application, version) =
            (pragma("application_id").map_err(sqlite("reading"))?, pragma("user_version").map_err(sqlite("reading"))?);
        let is_new = (application, version) == (0, 0);
        if !is_new && (application, version) != (APPLICATION_ID, SCHEMA_VERSION) {
            return Err(SiteLogError::Foreign { path: path.to_owned() });
        }
        if is_new {
            let transaction = connection.transaction().map_err(sqlite("making"))?;
            transaction.execute_batch(SCHEMA).map_err(sqlite("making"))?;
            let (mark, state) = first.log.base();
            write_base(&transaction, &key, mark, state).map_err(|fault| fault.at(path, "making"))?;
            write_term(&transaction, &first.term).map_err(sqlite("making"))?;
            write_fact(&transaction, "applied", &first.applied.0.to_string()).map_err(sqlite("making"))?;
            transaction
                .execute_batch(&format!(
                    "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
                ))
                .map_err(sqlite("making"))?;
            transaction.commit().map_err(sqlite("making"))?;
        }
        Ok(Self { connection, path: path.to_owned(), key })
    }

    /// What is kept.
    ///
    /// # Errors
    /// [`SiteLogError`].
    pub fn load(&self) -> Result<Durable, SiteLogError> {
        self.read().map_err(|fault| fault.at(&self.path, "reading"))
    }

    /// Does `saves` in one transaction; when this returns, they are durable, or none happened.
    ///
    /// # Errors
    /// [`SiteLogError`]; a full disk among them.
    pub fn save(&mut self, saves: &[Save]) -> Result<(), SiteLogError> {
        let (path, key) = (self.path.clone(), &self.key);
        let mut run = || -> Result<(), Fault> {
            let transaction = self.connection.transaction()?;
            for save in saves {
                write(&transaction, key, save)?;
            }
            Ok(transaction.commit()?)
        };
        run().map_err(|fault| fault.at(&path, "writing"))
    }

    /// A text kept beside the log.
    ///
    /// # Errors
    /// [`SiteLogError`].
    pub fn note(&self, name: &str) -> Result<Option<String>, SiteLogError> {
        let read = read_fact(&self.connection, &format!("note {name}"));
        read.map_err(|source| Fault::from(source).at(&self.path, "reading"))
    }

    /// Keeps a text beside the log.
    ///
    /// # Errors
    /// [`SiteLogError`].
    pub fn set_note(&mut self, name: &str, text: &str) -> Result<(), SiteLogError> {
        let written = write_fact(&self.connection, &format!("note {name}"), text);
        written.map_err(|source| Fault::from(source).at(&self.path, "writing"))
    }

    fn read(&self) -> Result<Durable, Fault> {
        let fact = |name: &str| -> Result<String, Fault> {
            read_fact(&self.connection, name)?.ok_or_else(|| Fault::Damage(format!("no {name}")))
        };
        let number = |name: &str| -> Result<u64, Fault> {
            fact(name)?.parse().map_err(|_| Fault::Damage(format!("{name} is no number")))
        };
        let mark = Mark {
            revision: Revision(number("base revision")?),
            term: Term { view: number("base view")?, leader: fact("base leader")?.as_str().into() },
        };
        let mut objects = Vec::new();
        let mut select = self.connection.prepare("SELECT revision, uuid, kind, claims, modified, body FROM base")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let revision = Revision(from_sql(row.get(0)?));
            if let Change::Put(object) = read_change(&self.key, row, 1)? {
                objects.push(Stored { object, revision });
            }
        }
        let mut log = Log::new(Arc::new(State::new(objects, number("base newest")?)), mark);
        let mut select = self.connection.prepare(
            "SELECT revision, view, leader, uuid, kind, claims, modified, body FROM entries ORDER BY revision",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            log.push(Arc::new(self.entry(row)?));
        }
        let mut aside = Vec::new();
        let mut select = self
            .connection
            .prepare("SELECT revision, view, leader, uuid, kind, claims, modified, body FROM aside ORDER BY number")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            aside.push(Arc::new(self.entry(row)?));
        }
        let term = Term { view: number("view")?, leader: fact("leader")?.as_str().into() };
        let last = log.last().revision;
        let applied = Revision(number("applied")?).clamp(log.base().0.revision, last);
        Ok(Durable { term, log, applied, aside })
    }

    fn entry(&self, row: &rusqlite::Row<'_>) -> Result<Entry, Fault> {
        let term = Term { view: from_sql(row.get(1)?), leader: row.get::<_, String>(2)?.as_str().into() };
        Ok(Entry { revision: Revision(from_sql(row.get(0)?)), term, change: read_change(&self.key, row, 3)? })
    }
}

/// What went wrong inside, without the file.
#[derive(Debug)]
pub(crate) enum Fault {
    Sqlite(rusqlite::Error),
    Seal(SealError),
    Damage(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

impl From<SealError> for Fault {
    fn from(source: SealError) -> Self {
        Self::Seal(source)
    }
}

impl Fault {
    fn at(self, path: &Path, doing: &'static str) -> SiteLogError {
        let path = path.to_owned();
        match self {
            Self::Sqlite(source) => SiteLogError::Sqlite { doing, path, source },
            Self::Seal(source) => SiteLogError::Seal { path, source },
            Self::Damage(what) => SiteLogError::Damaged { path, what },
        }
    }
}

fn write(transaction: &Transaction<'_>, key: &Key, save: &Save) -> Result<(), Fault> {
    match save {
        Save::Term(term) => write_term(transaction, term)?,
        Save::Applied(revision) => write_fact(transaction, "applied", &revision.0.to_string())?,
        Save::Push(entry) => {
            let Row { uuid, kind, claims, modified, body } = Row::of(key, &entry.change)?;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                .execute(params![
                    to_sql(entry.revision.0),
                    to_sql(entry.term.view),
                    entry.term.leader.as_str(),
                    uuid,
                    kind,
                    claims,
                    modified,
                    body
                ])?;
        }
        Save::Truncate(after) => {
            transaction.prepare_cached("DELETE FROM entries WHERE revision > ?1")?.execute([to_sql(after.0)])?;
        }
        Save::Base(mark, state) => write_base(transaction, key, mark, state)?,
        Save::Cut(through) => cut(transaction, *through)?,
        Save::Aside(entry) => {
            let Row { uuid, kind, claims, modified, body } = Row::of(key, &entry.change)?;
            transaction
                .prepare_cached(
                    "INSERT INTO aside (revision, view, leader, uuid, kind, claims, modified, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    to_sql(entry.revision.0),
                    to_sql(entry.term.view),
                    entry.term.leader.as_str(),
                    uuid,
                    kind,
                    claims,
                    modified,
                    body
                ])?;
        }
        Save::Known(change) => forget(transaction, change)?,
    }
    Ok(())
}

/// A change is known again by its object and its time; a deletion by its object.
fn forget(transaction: &Transaction<'_>, change: &Change) -> Result<(), Fault> {
    match change {
        Change::Lead => {
            transaction.execute("DELETE FROM aside WHERE uuid IS NULL", [])?;
        }
        Change::Put(object) => {
            transaction
                .prepare_cached("DELETE FROM aside WHERE uuid = ?1 AND modified = ?2")?
                .execute(params![object.uuid, to_sql(object.last_modified_us)])?;
        }
        Change::Delete { uuid } => {
            transaction.prepare_cached("DELETE FROM aside WHERE uuid = ?1 AND kind IS NULL")?.execute([uuid])?;
        }
    }
    Ok(())
}

/// Moves entries into the base.
fn cut(transaction: &Transaction<'_>, through: Revision) -> Result<(), Fault> {
    let through = to_sql(through.0);
    let mark: Option<(i64, i64, String)> = transaction
        .query_row(
            "SELECT revision, view, leader FROM entries WHERE revision <= ?1 ORDER BY revision DESC LIMIT 1",
            [through],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((revision, view, leader)) = mark else { return Ok(()) };
    let newest: Option<i64> =
        transaction.query_row("SELECT MAX(modified) FROM entries WHERE revision <= ?1", [through], |row| row.get(0))?;
    write_newest(transaction, newest.map_or(0, from_sql))?;
    // The last entry of each object says how it is in the new base.
    let last = "SELECT MAX(revision) FROM entries WHERE revision <= ?1 AND uuid IS NOT NULL GROUP BY uuid";
    transaction.execute(
        &format!(
            "DELETE FROM base WHERE uuid IN (SELECT uuid FROM entries WHERE kind IS NULL AND revision IN ({last}))"
        ),
        [through],
    )?;
    transaction.execute(
        &format!(
            "INSERT OR REPLACE INTO base SELECT uuid, revision, kind, claims, modified, body FROM entries
             WHERE kind IS NOT NULL AND revision IN ({last})"
        ),
        [through],
    )?;
    transaction.execute("DELETE FROM entries WHERE revision <= ?1", [through])?;
    let term = Term { view: from_sql(view), leader: leader.as_str().into() };
    Ok(write_mark(transaction, &Mark { revision: Revision(from_sql(revision)), term })?)
}

/// The newest time of an object ever, also of one that is gone, since times never go back.
fn write_newest(transaction: &Transaction<'_>, newest_us: u64) -> Result<(), Fault> {
    let before = read_fact(transaction, "base newest")?.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(write_fact(transaction, "base newest", &newest_us.max(before).to_string())?)
}

fn write_base(transaction: &Transaction<'_>, key: &Key, mark: &Mark, state: &State) -> Result<(), Fault> {
    transaction
        .execute_batch("DELETE FROM base; DELETE FROM entries; DELETE FROM facts WHERE name = 'base newest';")?;
    write_newest(transaction, state.newest_us())?;
    let mut insert = transaction.prepare_cached("INSERT INTO base VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for Stored { object, revision } in state.objects() {
        let change = Change::Put(Arc::clone(object));
        let Row { uuid, kind, claims, modified, body } = Row::of(key, &change)?;
        insert.execute(params![uuid, to_sql(revision.0), kind, claims, modified, body])?;
    }
    Ok(write_mark(transaction, mark)?)
}

fn write_mark(connection: &Connection, mark: &Mark) -> Result<(), rusqlite::Error> {
    write_fact(connection, "base revision", &mark.revision.0.to_string())?;
    write_fact(connection, "base view", &mark.term.view.to_string())?;
    write_fact(connection, "base leader", mark.term.leader.as_str())
}

fn write_term(connection: &Connection, term: &Term) -> Result<(), rusqlite::Error> {
    write_fact(connection, "view", &term.view.to_string())?;
    write_fact(connection, "leader", term.leader.as_str())
}

fn write_fact(connection: &Connection, name: &str, value: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?1, ?2)")?.execute([name, value]).map(drop)
}

fn read_fact(connection: &Connection, name: &str) -> Result<Option<String>, rusqlite::Error> {
    connection.query_row("SELECT value FROM facts WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// SQLite's integers are signed; revisions, views and microseconds never come near their end.
pub(crate) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use site_replication::{Effect, Settings, Site, SiteId, Write};

    use super::*;

    fn key() -> Key {
        Key::new(&[7; seal::KEY_LEN]).unwrap()
    }

    fn saves(effects: &[Effect]) -> Vec<Save> {
        effects
            .iter()
            .filter_map(|effect| if let Effect::Save(save) = effect { Some(save.clone()) } else { None })
            .collect()
    }

    fn put(uuid: &str, based_on: Option<u64>) -> Write {
        let (kind, body) = ("gslbservice".to_owned(), b"{\"secret\": 1}".as_slice().into());
        Write::Put { uuid: uuid.to_owned(), kind, claims: vec![format!("name/{uuid}")], body, based_on }
    }

    #[test]
    fn what_was_saved_is_there_again_after_every_step_of_a_life() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.db");
        let (own, other) = (SiteId::from("cluster-a"), SiteId::from("cluster-b"));
        let first = Durable::new(own.clone());
        let mut log = SiteLog::open(&path, key(), &first).unwrap();
        let settings = Settings::new([own.clone(), other.clone()]);
        let (mut site, effects) = Site::new(own.clone(), settings, first, Duration::ZERO);
        log.save(&saves(&effects)).unwrap();
        let check = |site: &Site, step: &str| {
            let again = SiteLog::open(&path, key(), &Durable::new(other.clone())).unwrap().load().unwrap();
            assert_eq!(again, *site.durable(), "{step}");
        };
        check(&site, "first");
        for (wall_us, uuid) in [(1, "one"), (2, "two"), (3, "three")] {
            let (_, effects) = site.write(Duration::ZERO, wall_us, put(uuid, None)).unwrap();
            log.save(&saves(&effects)).unwrap();
        }
        let based_on = site.view().get("two").unwrap().object.last_modified_us;
        let newest = Write::Delete { uuid: "two".into(), based_on: 9 };
        for write in [put("two", Some(based_on)), Write::Delete { uuid: "one".into(), based_on: 1 }, newest] {
            let (_, effects) = site.write(Duration::ZERO, 9, write).unwrap();
            log.save(&saves(&effects)).unwrap();
            check(&site, "written");
        }
        for keep in [4, 1, 0] {
            log.save(&saves(&site.cut(keep))).unwrap();
            check(&site, "cut");
        }
        log.set_note("roster", "text").unwrap();
        assert_eq!(log.note("roster").unwrap().as_deref(), Some("text"));
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"), "bodies lie sealed");
    }

    #[test]
    fn what_a_demoted_leader_puts_aside_is_kept_until_it_is_known_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.db");
        let (own, other) = (SiteId::from("cluster-a"), SiteId::from("cluster-b"));
        let first = Durable::new(own.clone());
        let mut log = SiteLog::open(&path, key(), &first).unwrap();
        let settings = Settings::new([own.clone(), other.clone()]);
        let (mut site, effects) = Site::new(own, settings.clone(), first, Duration::ZERO);
        log.save(&saves(&effects)).unwrap();
        let (_, effects) = site.write(Duration::ZERO, 5, put("alone", None)).unwrap();
        log.save(&saves(&effects)).unwrap();
        let (mut leader, _) = Site::new(other.clone(), settings, Durable::new(other.clone()), Duration::ZERO);
        leader.promote(Duration::ZERO).unwrap();
        let (mark, state) = leader.durable().log.base();
        let term = Term { view: 9, leader: other.clone() };
        let base = site_replication::Message::Base {
            term,
            mark: Mark { revision: Revision(3), ..mark.clone() },
            state: Arc::clone(state),
            sent: Duration::ZERO,
        };
        log.save(&saves(&site.receive(Duration::ZERO, &other, base))).unwrap();
        assert_eq!(site.durable().aside.len(), 1);
        let again = SiteLog::open(&path, key(), &Durable::new(other)).unwrap().load().unwrap();
        assert_eq!(again, *site.durable());
    }

    #[test]
    fn a_file_that_is_something_else_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.db");
        std::fs::write(&path, "hello, I am a text and not a database of any kind").unwrap();
        let error = SiteLog::open(&path, key(), &Durable::new("x".into())).err().unwrap().to_string();
        assert!(error.contains("log.db"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap().first(), Some(&b'h'));
    }
}
