//! Federated objects, changes to them, and the numbers that order changes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::Refusal;

/// Cluster uuid of a site. Avi: `GslbSite.cluster_uuid`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(Arc<str>);

impl SiteId {
    /// The uuid.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SiteId {
    fn from(uuid: &str) -> Self {
        Self(uuid.into())
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Place of a change in the log; the first is 1, 0 is before all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The fencing token: one leader's time of leading. Unique, because the leader is part of it; ordered by view first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// Avi: `Gslb.view_id`.
    pub view: u64,
    /// Avi: `Gslb.leader_cluster_uuid`.
    pub leader: SiteId,
}

/// A federated object as every site has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The same on all sites.
    pub uuid: String,
    /// Type as in the API's path, such as `gslbservice`.
    pub kind: String,
    /// What no other object may have, such as its name within type and tenant, or a host name.
    pub claims: Vec<String>,
    /// Microseconds since 1970, given by the leader. Avi: `_last_modified`.
    pub last_modified_us: u64,
    /// The object, opaque here.
    pub body: Arc<[u8]>,
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The entry's term begins; `leader_cluster_uuid` and `view_id` of the Gslb object follow from it.
    Lead,
    /// The object is there, as it is here.
    Put(Arc<Object>),
    /// The object is gone.
    Delete {
        /// Which.
        uuid: String,
    },
}

/// One change with its place and its fencing token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub revision: Revision,
    /// Of the leader that made it.
    pub term: Term,
    /// What it does.
    pub change: Change,
}

/// What a client asks the leader to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Create, or replace.
    Put {
        /// Of the object.
        uuid: String,
        /// Type as in the API's path.
        kind: String,
        /// See [`Object::claims`].
        claims: Vec<String>,
        /// The object.
        body: Arc<[u8]>,
        /// `_last_modified` of what is replaced; `None` creates.
        based_on: Option<u64>,
    },
    /// Delete.
    Delete {
        /// Which.
        uuid: String,
        /// `_last_modified` of what is deleted.
        based_on: u64,
    },
}

/// An object and the revision that put it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The object.
    pub object: Arc<Object>,
    /// Of its last change.
    pub revision: Revision,
}

/// All objects at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    objects: BTreeMap<String, Stored>,
    claims: BTreeMap<String, String>,
    newest_us: u64,
}

impl State {
    /// Of what [`State::objects`] and [`State::newest_us`] told, here or at another site.
    #[must_use]
    pub fn new(objects: impl IntoIterator<Item = Stored>, newest_us: u64) -> Self {
        let mut state = Self::default();
        for stored in objects {
            state.put(stored);
        }
        state.newest_us = state.newest_us.max(newest_us);
        state
    }

    /// Newest `_last_modified` that any object ever had, also one that is gone, in microseconds since 1970.
    #[must_use]
    pub fn newest_us(&self) -> u64 {
        self.newest_us
    }

    /// The object with this uuid.
    #[must_use]
    pub fn get(&self, uuid: &str) -> Option<&Stored> {
        self.objects.get(uuid)
    }

    /// All, in the order of uuids.
    pub fn objects(&self) -> impl Iterator<Item = &Stored> {
        self.objects.values()
    }

    /// Objects changed after `revision`. Avi: `federationcheckpoint/<uuid>/pendingobjects`.
    pub fn changed_since(&self, revision: Revision) -> impl Iterator<Item = &Stored> {
        self.objects.values().filter(move |stored| stored.revision > revision)
    }

    /// The change that `write` makes at wall clock `wall_us`, in microseconds since 1970.
    ///
    /// # Errors
    /// What [`Refusal`] says about objects.
    pub fn check(&self, write: Write, wall_us: u64) -> Result<Change, Refusal> {
        match write {
            Write::Put { uuid, kind, claims, body, based_on } => {
                self.check_base(&uuid, based_on)?;
                if self.get(&uuid).is_some_and(|stored| stored.object.kind != kind) {
                    return Err(Refusal::Exists { uuid });
                }
                for claim in &claims {
                    if let Some(by) = self.claims.get(claim).filter(|by| **by != uuid) {
                        return Err(Refusal::Taken { claim: claim.clone(), by: by.clone() });
                    }
                }
                let last_modified_us = wall_us.max(self.newest_us.saturating_add(1));
                Ok(Change::Put(Arc::new(Object { uuid, kind, claims, last_modified_us, body })))
            }
            Write::Delete { uuid, based_on } => {
                self.check_base(&uuid, Some(based_on))?;
                Ok(Change::Delete { uuid })
            }
        }
    }

    /// Takes `entry` in.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.change {
            Change::Lead => {}
            Change::Put(object) => self.put(Stored { object: Arc::clone(object), revision: entry.revision }),
            Change::Delete { uuid } => self.remove(uuid),
        }
    }

    fn put(&mut self, stored: Stored) {
        let object = &stored.object;
        self.remove(&object.uuid);
        for claim in &object.claims {
            self.claims.insert(claim.clone(), object.uuid.clone());
        }
        self.newest_us = self.newest_us.max(object.last_modified_us);
        self.objects.insert(object.uuid.clone(), stored);
    }

    fn remove(&mut self, uuid: &str) {
        if let Some(old) = self.objects.remove(uuid) {
            for claim in &old.object.claims {
                self.claims.remove(claim);
            }
        }
    }

    fn check_base(&self, uuid: &str, based_on: Option<u64>) -> Result<(), Refusal> {
        let found = self.get(uuid).map(|stored| stored.object.last_modified_us);
        match (based_on, found) {
            (None, Some(_)) => Err(Refusal::Exists { uuid: uuid.to_owned() }),
            (Some(_), None) => Err(Refusal::Absent { uuid: uuid.to_owned() }),
            (Some(based_on), Some(found)) if based_on != found => {
                Err(Refusal::Conflict { uuid: uuid.to_owned(), based_on, found })
            }
            _ => Ok(()),
        }
    }
}
