//! Messages of replication.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use site_replication::{Change, Entry, Held, Mark, Object, Revision, SiteId, Stored, Term};

use super::{Garbage, entry::Change as WireChange};
use crate::wire;

pub(super) fn term(term: &Term) -> wire::Term {
    wire::Term { view: term.view, leader: term.leader.to_string() }
}

pub(super) fn mark(mark: &Mark) -> wire::Mark {
    wire::Mark { revision: mark.revision.0, term: Some(term(&mark.term)) }
}

pub(super) fn moment(at: Duration) -> wire::Moment {
    wire::Moment { seconds: at.as_secs(), nanos: at.subsec_nanos() }
}

pub(super) fn held(held: &Held) -> wire::answer::Held {
    match held {
        Held::Through(revision) => wire::answer::Held::Through(revision.0),
        Held::Differs { marks, base } => {
            let marks = marks.iter().map(mark).collect();
            wire::answer::Held::Differs(wire::Differs { marks, base: base.0 })
        }
        Held::Refused => wire::answer::Held::Refused(wire::Refused {}),
    }
}

pub(super) fn entry(entry: &Entry) -> wire::Entry {
    let change = match &entry.change {
        Change::Lead => WireChange::Lead(wire::Lead {}),
        Change::Put(object) => WireChange::Put(from_object(object)),
        Change::Delete { uuid } => WireChange::Delete(uuid.clone()),
    };
    wire::Entry { revision: entry.revision.0, term: Some(term(&entry.term)), change: Some(change) }
}

pub(super) fn stored(stored: &Stored) -> wire::Stored {
    wire::Stored { object: Some(from_object(&stored.object)), revision: stored.revision.0 }
}

fn from_object(object: &Object) -> wire::Object {
    wire::Object {
        uuid: object.uuid.clone(),
        kind: object.kind.clone(),
        claims: object.claims.clone(),
        last_modified_us: object.last_modified_us,
        body: Bytes::copy_from_slice(&object.body),
    }
}

pub(super) fn to_term(term: Option<wire::Term>) -> Result<Term, Garbage> {
    let term = term.ok_or(Garbage::Incomplete("term"))?;
    Ok(Term { view: term.view, leader: SiteId::from(term.leader.as_str()) })
}

pub(super) fn to_mark(mark: Option<wire::Mark>) -> Result<Mark, Garbage> {
    let mark = mark.ok_or(Garbage::Incomplete("mark"))?;
    Ok(Mark { revision: Revision(mark.revision), term: to_term(mark.term)? })
}

pub(super) fn to_moment(at: Option<wire::Moment>) -> Result<Duration, Garbage> {
    let at = at.ok_or(Garbage::Incomplete("moment"))?;
    // More nanoseconds than a second has would count on, and may go past the end of time.
    if at.nanos >= 1_000_000_000 {
        return Err(Garbage::OutOfPlace("moment"));
    }
    Ok(Duration::new(at.seconds, at.nanos))
}

pub(super) fn to_held(held: Option<wire::answer::Held>) -> Result<Held, Garbage> {
    Ok(match held.ok_or(Garbage::Unknown)? {
        wire::answer::Held::Through(revision) => Held::Through(Revision(revision)),
        wire::answer::Held::Differs(differs) => Held::Differs {
            marks: differs.marks.into_iter().map(|mark| to_mark(Some(mark))).collect::<Result<_, _>>()?,
            base: Revision(differs.base),
        },
        wire::answer::Held::Refused(_) => Held::Refused,
    })
}

/// [`Garbage::Unknown`] for a change that this release does not know: an entry is never half taken.
pub(super) fn to_entry(entry: wire::Entry) -> Result<Entry, Garbage> {
    let change = match entry.change.ok_or(Garbage::Unknown)? {
        WireChange::Lead(_) => Change::Lead,
        WireChange::Put(object) => Change::Put(Arc::new(to_object(object))),
        WireChange::Delete(uuid) => Change::Delete { uuid },
    };
    Ok(Entry { revision: Revision(entry.revision), term: to_term(entry.term)?, change })
}

pub(super) fn to_stored(stored: wire::Stored) -> Result<Stored, Garbage> {
    let object = to_object(stored.object.ok_or(Garbage::Incomplete("stored object"))?);
    Ok(Stored { object: Arc::new(object), revision: Revision(stored.revision) })
}

fn to_object(object: wire::Object) -> Object {
    Object {
        uuid: object.uuid,
        kind: object.kind,
        claims: object.claims,
        last_modified_us: object.last_modified_us,
        body: Arc::from(object.body.as_ref()),
    }
}
