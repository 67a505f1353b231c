//! What is probed, for whom, and what the probes said so far.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use health::{Failure, Health, Probe, State, Thresholds, prober_of};
use health_probe::{Target, TargetKey};
use model::gslb::HealthProxy;
use model::monitor::HealthMonitor;
use se_protocol::ToldStates;
use se_protocol::sights::SharedResult;

/// Targets of all that an engine watches, GSLB members and servers of pools alike. Each is probed once, however many
/// count on it, by one engine where engines split the probes of members, and by one site where that probes for the others
/// (avi-api 5.5).
#[derive(Debug, Default)]
pub(crate) struct Targets {
    watched: HashMap<TargetKey, Watched>,
    /// Targets to look at when changes are asked for: they came or changed, or may not be counted on any more, or another
    /// engine probes them.
    touched: HashSet<TargetKey>,
    others: Others,
    /// Targets that the prober was told to probe.
    probed: u64,
}

/// Who else probes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    /// Uuid of this engine.
    own: String,
    /// Uuids of the engines that split the probes with it, itself among them; without them it probes all.
    sharers: Vec<String>,
    /// Cluster uuids of sites that are heard and probe members for this one.
    sites: Vec<String>,
}

/// Sites that probe a member for all others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proxies {
    /// The first that is heard probes it in place of this one.
    pub(crate) sites: Vec<HealthProxy>,
    /// Whether this site is one as well, behind those.
    pub(crate) is_own: bool,
}

/// One target and what its probes said so far.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) health: Health,
    pub(crate) failure: Option<Failure>,
    pub(crate) latency_us: Option<u64>,
    /// The engine, or the site, that probes it in place of this one.
    pub(crate) probed_by: Option<Arc<str>>,
    /// Another site is to probe it, and is not heard, or contested.
    pub(crate) stands_in: bool,
    /// A site that is to probe it and is heard again, while it is up by probes from here: until that one finds it up, too,
    /// or it fails here, it is probed from here. Who was cut off has found much down that is not.
    pub(crate) contested: Option<Arc<str>>,
    target: Target,
    /// The monitor that the prober was told; `None` while it does not probe the target.
    told: Option<Arc<HealthMonitor>>,
    watchers: Vec<Watcher>,
}

/// Who counts on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// A member of a GSLB service, by their places; with the sites that probe it for all others, where there are any.
    Member { service: usize, member: usize, proxies: Option<Arc<Proxies>> },
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

impl Others {
    pub(crate) fn new(told: &ToldStates) -> Self {
        let sharers: Vec<String> = told.sharers().into_iter().map(str::to_owned).collect();
        // Who shares with nobody is nobody else when the controller gives it another name.
        let own = told.engine.as_deref().filter(|_| !sharers.is_empty()).unwrap_or_default().to_owned();
        Self { own, sharers, sites: told.states.proxies().to_vec() }
    }
}

impl Watcher {
    /// Place of the member.
    pub(crate) fn member(&self) -> Option<(usize, usize)> {
        match self {
            Self::Member { service, member, .. } => Some((*service, *member)),
            Self::Server { .. } => None,
        }
    }
}

impl Targets {
    pub(crate) fn get(&self, key: &TargetKey) -> Option<&Watched> {
        self.watched.get(key)
    }

    /// Has a target probed for one more. What is known of it stays; an edited monitor replaces that of before.
    pub(crate) fn watch(&mut self, target: &Target, watcher: Watcher) {
        let watched = self.watched.entry(target.key().clone()).or_insert_with(|| Watched::new(target));
        watched.target = target.clone();
        watched.watchers.push(watcher);
        watched.assign(&self.others);
        self.touched.insert(target.key().clone());
    }

    /// Forgets those that `are_gone` among the watchers of a target. The target itself is forgotten when
    /// changes are asked for.
    pub(crate) fn unwatch(&mut self, key: &TargetKey, are_gone: impl Fn(&Watcher) -> bool) {
        let Some(watched) = self.watched.get_mut(key) else { return };
        watched.watchers.retain(|watcher| !are_gone(watcher));
        watched.assign(&self.others);
        self.touched.insert(key.clone());
    }

    /// Leaves the probes of members to `others`, as far as they are theirs; the members for which that is news, by their
    /// places, and `None` where it is none at all. What is known of a target stays, whoever probes it, until the site that
    /// probes it for all is not heard any more: what that one said then is unknown.
    pub(crate) fn share(&mut self, others: Others) -> Option<Vec<(usize, usize)>> {
        if self.others == others {
            return None;
        }
        self.others = others;
        let mut news = Vec::new();
        for (key, watched) in &mut self.watched {
            let (stood_in, contested) = (watched.stands_in, watched.contested.clone());
            watched.assign(&self.others);
            self.touched.insert(key.clone());
            if watched.stands_in && !stood_in {
                (watched.health, watched.failure, watched.latency_us) = (Health::NEW, None, None);
            }
            if (stood_in, contested) != (watched.stands_in, watched.contested.clone()) {
                news.extend(watched.members());
            }
        }
        Some(news)
    }

    /// Takes what others found at targets that they probe in place of this engine; the members for which that is news,
    /// by their places.
    pub(crate) fn take_over<'a>(
        &mut self,
        results: impl Iterator<Item = (&'a Target, &'a SharedResult)>,
    ) -> Vec<(usize, usize)> {
        let mut news = Vec::new();
        for (target, result) in results {
            let Some(watched) = self.watched.get_mut(target.key()) else { continue };
            let agrees = result.state == State::Up && watched.contested.as_deref() == Some(result.engine.as_str());
            if agrees {
                watched.hand_over();
                self.touched.insert(target.key().clone());
            }
            let is_told = watched.probed_by.as_deref() == Some(result.engine.as_str());
            if is_told && watched.take_over(result) || agrees {
                news.extend(watched.members());
            }
        }
        news
    }

    /// Takes one probe result; of a target that is gone, or that another one probes now, it is ignored.
    pub(crate) fn observe(&mut self, key: &TargetKey, outcome: Result<Duration, Failure>) -> Observed {
        let watched = self.watched.get_mut(key).filter(|watched| watched.probed_by.is_none());
        let Some(watched) = watched else { return Observed::default() };
        let thresholds = Thresholds::from(&**watched.target.monitor());
        let (probe, failure) = match outcome {
            Ok(latency) => {
                let latency_us = u64::try_from(latency.as_micros()).ok();
                watched.latency_us = latency_us;
                (Probe::Pass, None)
            }
            Err(failure) => (Probe::Fail, Some(failure)),
        };
        let health = match watched.stands_in {
            true => watched.health.observe_standing_in(probe, &thresholds),
            false => watched.health.observe(probe, &thresholds),
        };
        let is_news = (health, &failure) != (watched.health, &watched.failure);
        (watched.health, watched.failure) = (health, failure);
        if watched.contested.is_some() && health.state() != State::Up {
            watched.hand_over();
            self.touched.insert(key.clone());
        }
        Observed { watchers: watched.watchers.clone(), is_news }
    }

    /// Targets that this engine probes, as of the last call of [`Self::changes`].
    pub(crate) fn probed(&self) -> u64 {
        self.probed
    }

    /// What has to be probed since the last call, edited monitors among it, and what no more; `None` without any.
    pub(crate) fn changes(&mut self) -> Option<(Vec<Target>, Vec<TargetKey>)> {
        let (mut come, mut gone, mut started) = (Vec::new(), Vec::new(), 0_u64);
        // Only now: a target may have gone from one watcher to another, or from one engine to another and back.
        for key in std::mem::take(&mut self.touched) {
            let Some(watched) = self.watched.get_mut(&key) else { continue };
            let is_counted_on = !watched.watchers.is_empty();
            if is_counted_on && watched.probed_by.is_none() {
                if watched.told.as_ref() != Some(watched.target.monitor()) {
                    started += u64::from(watched.told.is_none());
                    watched.told = Some(Arc::clone(watched.target.monitor()));
                    come.push(watched.target.clone());
                }
                continue;
            }
            if watched.told.take().is_some() {
                gone.push(key.clone());
            }
            if !is_counted_on {
                self.watched.remove(&key);
            }
        }
        self.probed = self.probed.saturating_add(started).saturating_sub(gone.len().try_into().unwrap_or(u64::MAX));
        (!come.is_empty() || !gone.is_empty()).then_some((come, gone))
    }
}

impl Watched {
    fn new(target: &Target) -> Self {
        Self {
            health: Health::NEW,
            failure: None,
            latency_us: None,
            probed_by: None,
            stands_in: false,
            contested: None,
            target: target.clone(),
            told: None,
            watchers: Vec::new(),
        }
    }

    /// Says who probes it. Servers of pools are probed by each engine that balances load to them.
    fn assign(&mut self, others: &Others) {
        let is_own = self.stands_in || self.probed_by.is_none() && self.told.is_some();
        let is_up_from_here = is_own && self.health.state() == State::Up;
        (self.probed_by, self.stands_in, self.contested) = (None, false, None);
        if self.watchers.iter().any(|watcher| matches!(watcher, Watcher::Server { .. })) {
            return;
        }
        if let Some(proxies) = self.proxies() {
            let heard = proxies.sites.iter().find(|proxy| others.sites.contains(&proxy.site));
            if let Some(proxy) = heard {
                self.contested = Some(Arc::from(proxy.site.as_str()));
                if !is_up_from_here {
                    return self.hand_over();
                }
            }
            self.stands_in = !proxies.is_own;
        }
        if others.sharers.is_empty() {
            return;
        }
        let sharers: Vec<&str> = others.sharers.iter().map(String::as_str).collect();
        let TargetKey { monitor, address, host } = self.target.key();
        let prober = prober_of(&sharers, monitor, *address, host).filter(|prober| *prober != others.own);
        self.probed_by = prober.map(Arc::from);
    }

    /// Leaves it to the site that is to probe it.
    fn hand_over(&mut self) {
        (self.probed_by, self.stands_in) = (self.contested.take(), false);
    }

    /// The sites that probe it for all others; `None` where somebody counts on it for whom they do not.
    fn proxies(&self) -> Option<Arc<Proxies>> {
        let mut all = self.watchers.iter().map(|watcher| match watcher {
            Watcher::Member { proxies, .. } => proxies.as_ref(),
            Watcher::Server { .. } => None,
        });
        let first = all.next().flatten();
        first.filter(|_| all.all(|proxies| proxies.is_some())).cloned()
    }

    /// Places of the members that count on it.
    fn members(&self) -> impl Iterator<Item = (usize, usize)> {
        self.watchers.iter().filter_map(Watcher::member)
    }

    /// Whether what another one found is news. What it does not know yet stays as it is.
    fn take_over(&mut self, result: &SharedResult) -> bool {
        let health = match result.state {
            State::Up => Health::Up { fails: 0 },
            State::Down => Health::Down { passes: 0 },
            State::Unknown | State::Disabled => return false,
        };
        let failure = result.last_failure.as_deref().map(Failure::from_text);
        let is_news = (self.health.state(), &self.failure) != (result.state, &failure);
        (self.health, self.failure, self.latency_us) = (health, failure, None);
        is_news
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
