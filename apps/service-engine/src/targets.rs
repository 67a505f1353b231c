//! What is probed, for whom, and what the probes said so far.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use health::{Failure, Health, Probe, Thresholds};
use health_probe::{Target, TargetKey};

/// Targets of all that an engine watches, GSLB members and servers of pools alike. Each is probed once, however many
/// count on it.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    watched: HashMap<TargetKey, Watched>,
    /// Targets that nobody counts on any more, unless someone does again by the time changes are asked for.
    abandoned: Vec<TargetKey>,
    /// Targets that came, or whose monitor was edited, since changes were last asked for.
    come: HashSet<TargetKey>,
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
                if watched.target.monitor() != target.monitor() {
                    self.come.insert(target.key().clone());
                }
                watched.target = target.clone();
                watched.watchers.push(watcher);
            }
            None => {
                self.come.insert(target.key().clone());
                let (target, key, watchers) = (target.clone(), target.key().clone(), vec![watcher]);
                let new = Watched { health: Health::NEW, failure: None, latency_us: None, target, watchers };
                self.watched.insert(key, new);
            }
        }
    }

    /// Forgets those that `are_gone` among the watchers of a target. The target itself is forgotten when
    /// changes are asked for.
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

    /// What has to be probed since the last call, edited monitors among it, and what no more; `None` without any.
    pub(crate) fn changes(&mut self) -> Option<(Vec<Target>, Vec<TargetKey>)> {
        let mut gone = std::mem::take(&mut self.abandoned);
        // Only now: a target may have gone from one watcher to another.
        gone.retain(|key| self.watched.get(key).is_some_and(|watched| watched.watchers.is_empty()));
        for key in &gone {
            self.watched.remove(key);
        }
        let come = std::mem::take(&mut self.come);
        let come: Vec<Target> =
            come.iter().filter_map(|key| self.watched.get(key)).map(|watched| watched.target.clone()).collect();
        (!come.is_empty() || !gone.is_empty()).then_some((come, gone))
    }
}

/// What a prober probes that is told all changes.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Probed(HashMap<TargetKey, Target>);

#[cfg(test)]
impl Probed {
    pub(crate) fn follow(&mut self, targets: &mut Targets) {
        let (come, gone) = targets.changes().unwrap_or_default();
        for key in gone {
            self.0.remove(&key);
        }
        self.0.extend(come.into_iter().map(|target| (target.key().clone(), target)));
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.0.values()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &TargetKey> {
        self.0.keys()
    }
}
