//! Writing: one thread, which takes all that waits into one commit of SQLite.
//!
//! A commit costs one sync of the disk however many transactions it holds, so under load their number per sync grows
//! by itself and a lone writer never waits for company.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};
use store::{Change, Commit, Entry, Feed, Op, Outcome, Revision, StoreError, Txn};
use tokio::sync::{mpsc, oneshot};

use crate::Options;
use crate::failure::Failure;
use crate::reader::{self, change_id, column};

/// Transactions that may wait; one more waits for room before it is queued.
const QUEUE_MAX: usize = 1024;

/// Transactions in one commit of SQLite, so that the first of them does not wait for the whole queue.
const GROUP_MAX: usize = 256;

const COMMITTING: &str = "committing to the object store";

/// The thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Request {
    txn: Txn,
    reply: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl Writer {
    /// Starts the thread on a connection whose last commit was `revision`.
    pub(crate) fn start(
        connection: Connection,
        revision: Revision,
        compacted: Revision,
        options: Options,
        feed: Arc<Mutex<Feed>>,
    ) -> io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let state = State { connection, revision, compacted, history: options.history, feed };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || state.run(requests))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues `txn` and waits for its end.
    pub(crate) async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError> {
        let (reply, outcome) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // A closed queue drops the reply, which is what the next line sees.
            let _ = queue.send(Request { txn, reply }).await;
        }
        match outcome.await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::Backend { doing: COMMITTING, source: "the writer has stopped".into() }),
        }
    }
}

impl Drop for Writer {
    /// Ends the queue and waits until what is in it is written.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has been reported to those who waited for it.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct State {
    connection: Connection,
    /// Revision of the last durable commit.
    revision: Revision,
    compacted: Revision,
    history: u64,
    feed: Arc<Mutex<Feed>>,
}

/// A group before its commit.
struct Applied {
    outcomes: Vec<Outcome>,
    commits: Vec<Commit>,
    compacted: Revision,
}

impl State {
    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while requests.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
            self.serve(std::mem::take(&mut group));
        }
    }

    fn serve(&mut self, group: Vec<Request>) {
        let (txns, replies): (Vec<_>, Vec<_>) = group.into_iter().map(|request| (request.txn, request.reply)).unzip();
        match self.commit(&txns) {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    answer(reply, Ok(outcome));
                }
            }
            // Nothing was written: let the others not suffer from the one that does not fit.
            Err(failure) if failure.is_full() && txns.len() > 1 => {
                for (txn, reply) in txns.iter().zip(replies) {
                    answer(reply, self.commit(std::slice::from_ref(txn)).map(|mut outcomes| outcomes.remove(0)));
                }
            }
            Err(failure) => {
                for reply in replies {
                    answer(reply, Err(failure.clone()));
                }
            }
        }
    }

    /// All of `txns` in one commit of SQLite. Readers and watchers have them when this returns.
    fn commit(&mut self, txns: &[Txn]) -> Result<Vec<Outcome>, Failure> {
        let result = self.begin_and_apply(txns).and_then(|applied| {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(applied)
        });
        match result {
            Ok(applied) => {
                self.compacted = applied.compacted;
                self.publish(applied.commits);
                Ok(applied.outcomes)
            }
            Err(error) => {
                self.recover();
                let file = self.connection.path().unwrap_or("the object store");
                Err(Failure::of(Path::new(file), error))
            }
        }
    }

    fn begin_and_apply(&self, txns: &[Txn]) -> rusqlite::Result<Applied> {
        let connection = &self.connection;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut revision = self.revision;
        let mut outcomes = Vec::with_capacity(txns.len());
        let mut commits = Vec::with_capacity(txns.len());
        for txn in txns {
            let (outcome, commit) = apply(connection, txn, revision)?;
            if let Some(commit) = commit {
                revision = commit.revision;
                commits.push(commit);
            }
            outcomes.push(outcome);
        }
        let mut compacted = self.compacted;
        if revision != self.revision {
            set_meta(connection, "revision", revision)?;
            compacted = self.compact(revision)?;
        }
        Ok(Applied { outcomes, commits, compacted })
    }

    /// Drops the oldest of the log when an eighth too much has gathered: rarely, and never much at once.
    fn compact(&self, revision: Revision) -> rusqlite::Result<Revision> {
        let keep_after = revision.saturating_sub(self.history);
        if keep_after < self.compacted + self.history / 8 + 1 {
            return Ok(self.compacted);
        }
        self.connection.prepare_cached("DELETE FROM changes WHERE id < ?1")?.execute([change_id(keep_after + 1, 0)])?;
        set_meta(&self.connection, "compacted", keep_after)?;
        Ok(keep_after)
    }

    fn publish(&mut self, commits: Vec<Commit>) {
        let mut feed = self.feed.lock();
        for commit in commits {
            self.revision = commit.revision;
            feed.publish(commit);
        }
    }

    /// After a failure: gives up the transaction, and learns from the file whether it was committed all the same.
    fn recover(&mut self) {
        if !self.connection.is_autocommit() {
            // When even this fails, the next BEGIN fails too and its callers are told.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if let Ok(log) = reader::log_after(&self.connection, self.revision) {
            self.compacted = log.compacted;
            self.publish(log.commits);
        }
    }
}

fn answer(reply: oneshot::Sender<Result<Outcome, StoreError>>, result: Result<Outcome, Failure>) {
    // Whoever asked may have gone; the write stands.
    let _ = reply.send(result.map_err(|failure| failure.while_doing(COMMITTING)));
}

/// One transaction on top of `last`: its outcome, and what it changed.
fn apply(connection: &Connection, txn: &Txn, last: Revision) -> rusqlite::Result<(Outcome, Option<Commit>)> {
    for compare in &txn.compares {
        let modified: Option<i64> = connection
            .prepare_cached("SELECT modified FROM entries WHERE key = ?1")?
            .query_row([compare.key()], |row| row.get(0))
            .optional()?;
        if !compare.holds(modified.and_then(|modified| Revision::try_from(modified).ok())) {
            return Ok((Outcome::Conflict(compare.clone()), None));
        }
    }
    let revision = last + 1;
    let mut changes = Vec::with_capacity(txn.ops.len());
    for op in &txn.ops {
        let id = change_id(revision, changes.len());
        changes.extend(write(connection, op, revision, id)?);
    }
    if changes.is_empty() {
        return Ok((Outcome::Committed(last), None));
    }
    Ok((Outcome::Committed(revision), Some(Commit { revision, changes })))
}

/// One write and its line in the log; `None` when it changed nothing.
fn write(connection: &Connection, op: &Op, revision: Revision, id: i64) -> rusqlite::Result<Option<Change>> {
    match op {
        Op::Put(key, value) => {
            let created: i64 = connection
                .prepare_cached(
                    "INSERT INTO entries (key, value, created, modified) VALUES (?1, ?2, ?3, ?3)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value, modified = excluded.modified
                     RETURNING created",
                )?
                .query_row(params![key, &value[..], column(revision)], |row| row.get(0))?;
            connection
                .prepare_cached("INSERT INTO changes (id, key, value, created) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![id, key, &value[..], created])?;
            let created = Revision::try_from(created).unwrap_or(revision);
            Ok(Some(Change::Put(Entry { key: key.clone(), value: Arc::clone(value), created, modified: revision })))
        }
        Op::Delete(key) => {
            let deleted = connection.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([key])?;
            if deleted == 0 {
                return Ok(None);
            }
            connection.prepare_cached("INSERT INTO changes (id, key) VALUES (?1, ?2)")?.execute(params![id, key])?;
            Ok(Some(Change::Delete(key.clone())))
        }
    }
}

fn set_meta(connection: &Connection, name: &str, revision: Revision) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?
        .execute(params![name, column(revision)])?;
    Ok(())
}
