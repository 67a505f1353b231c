//! Which snapshot the engines of a service engine group run.

use std::{collections::BTreeMap, sync::Arc};

use crate::Snapshot;

/// Name of the group of engines and virtual services that name none.
pub const DEFAULT_GROUP: &str = "Default-Group";

/// One snapshot for each service engine group, all of one version: they differ in the virtual services placed there.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSnapshots {
    /// By what an engine may call its group: name or uuid.
    groups: BTreeMap<String, Arc<Snapshot>>,
    /// Without virtual services.
    elsewhere: Arc<Snapshot>,
}

impl GroupSnapshots {
    /// `groups` by what an engine may call them, name or uuid; `elsewhere` is for engines of groups that there are not.
    #[must_use]
    pub fn new(groups: BTreeMap<String, Arc<Snapshot>>, elsewhere: Arc<Snapshot>) -> Self {
        Self { groups, elsewhere }
    }

    /// The same for all engines.
    #[must_use]
    pub fn same(snapshot: Arc<Snapshot>) -> Self {
        Self::new(BTreeMap::from([(DEFAULT_GROUP.to_owned(), Arc::clone(&snapshot))]), snapshot)
    }

    /// What engines of `group`, a name or a uuid, run.
    #[must_use]
    pub fn of(&self, group: &str) -> &Arc<Snapshot> {
        self.groups.get(group).unwrap_or(&self.elsewhere)
    }

    /// Whether there is such a group.
    #[must_use]
    pub fn has(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }
}
