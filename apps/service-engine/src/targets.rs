//! What is probed, for whom, and what the probes said so far.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use health::{Failure, Health, Probe, Thresholds};
use health_probe::{Target, TargetKey};

/// Targets of all that an engine watches, GSLB members and servers of pools alike. Each is probed once, however many
/// count on it.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    watched: HashMap<TargetKey, Watched>,
    /// Targets that nobody counts on any more, unless someone does again by the next list.
    abandoned: Vec<TargetKey>,
    /// The targets are others than those of the last list.
    have_changed: bool,
}

/// One target and what its probes said so far.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) health: Health,
    pub(crate) failure: Option<Failure>,
    pub(crate) latency_us: Option<u64>,
    target: Target,
    watchers: Vec<Watcher>,
}

/// Who counts on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// A member of a GSLB service, by their places.
    Member { service: usize, member: usize },
    /// A server, by its place in the pool of this uuid.
    Server { pool: Arc<str>, server: usize },
}

/// What one probe was for.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// Who counts on it.
    pub(crate) watchers: Vec<Watcher>,
    /// Whether anything but the round trip time is other than before.
    pub(crate) is_news: bool,
}

impl Targets {
    pub(crate) fn get(&self, key: &TargetKey) -> Option<&Watched> {
        self.watched.get(key)
    }

    /// Has a target probed for one more. What is known of it stays; an edited monitor replaces that of before.
    pub(crate) fn watch(&mut self, target: &Target, watcher: Watcher) {
        match self.watched.get_mut(target.key()) {
            Some(watched) => {
                self.have_changed |= watched.target.monitor() != target.monitor();
                watched.target = target.clone();
                watched.watchers.push(watcher);
            }
            None => {
                self.have_changed = true;
                let (target, key, watchers) = (target.clone(), target.key().clone(), vec![watcher]);
                let new = Watched { health: Health::NEW, failure: None, latency_us: None, target, watchers };
                self.watched.insert(key, new);
            }
        }
    }

    /// Forgets those that `are_gone` among the watchers of a target. The target itself is forgotten with the next list.
    pub(crate) fn unwatch(&mut self, key: &TargetKey, are_gone: impl Fn(&Watcher) -> bool) {
        let Some(watched) = self.watched.get_mut(key) else { return };
        watched.watchers.retain(|watcher| !are_gone(watcher));
        if watched.watchers.is_empty() {
            self.abandoned.push(key.clone());
        }
    }

    /// Takes one probe result; a target that is gone is ignored.
    pub(crate) fn observe(&mut self, key: &TargetKey, outcome: Result<Duration, Failure>) -> Observed {
        let Some(watched) = self.watched.get_mut(key) else { return Observed::default() };
        let thresholds = Thresholds::from(&**watched.target.monitor());
        let (probe, failure) = match outcome {
            Ok(latency) => {
                let latency_us = u64::try_from(latency.as_micros()).ok();
                watched.latency_us = latency_us;
                (Probe::Pass, None)
            }
            Err(failure) => (Probe::Fail, Some(failure)),
        };
        let health = watched.health.observe(probe, &thresholds);
        let is_news = (health, &failure) != (watched.health, &watched.failure);
        (watched.health, watched.failure) = (health, failure);
        Observed { watchers: watched.watchers.clone(), is_news }
    }

    /// What has to be probed, when that is something else than at the last call.
    pub(crate) fn new_list(&mut self) -> Option<Vec<Target>> {
        // Only now: a target may have gone from one watcher to another.
        for key in std::mem::take(&mut self.abandoned) {
            if self.watched.get(&key).is_some_and(|watched| watched.watchers.is_empty()) {
                self.watched.remove(&key);
                self.have_changed = true;
            }
        }
        let have_changed = std::mem::take(&mut self.have_changed);
        have_changed.then(|| self.watched.values().map(|watched| watched.target.clone()).collect())
    }

    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &TargetKey> {
        self.watched.keys()
    }
}
