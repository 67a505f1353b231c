//! The one task that keeps the timetable: starts what is due, notes what ended, follows changes of the targets.

use std::{collections::HashMap, future::poll_fn, sync::Arc, time::Duration};

use health::Probe;
use model::monitor::HealthMonitor;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use rustls::ClientConfig;
use tokio::{
    sync::mpsc,
    task::{self, AbortHandle, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::{
    sync::CancellationToken,
    time::{DelayQueue, delay_queue},
};

use crate::{
    Config,
    probe::{Obstacle, probe},
    target::{ProbeResult, Target, TargetKey},
    timetable::Timing,
};

/// How long a shortage that lasts is not warned of again.
const WARNED_FOR: Duration = Duration::from_secs(60);

/// State of the task. Each target is either due in a lane or in `running`, never in both.
pub(crate) struct Scheduler {
    targets: HashMap<TargetKey, Entry>,
    /// Targets with a verdict.
    steady: Lane,
    /// Targets in quick start. They may take half of the slots: thousands that are added at once, and perhaps hang,
    /// do not delay those that are watched already.
    quick: Lane,
    running: JoinSet<Ended>,
    /// Whose probe a task is, and whether it is one of the quick lane.
    keys: HashMap<task::Id, (TargetKey, bool)>,
    in_flight_max: usize,
    results: mpsc::Sender<ProbeResult>,
    tls: Arc<ClientConfig>,
    dice: StdRng,
    shortage: Shortage,
}

/// What is to be probed from now on, and what no more.
pub(crate) struct Changes {
    pub(crate) come: Vec<Target>,
    pub(crate) gone: Vec<TargetKey>,
}

struct Entry {
    monitor: Arc<HealthMonitor>,
    timing: Timing,
    place: Place,
}

/// Targets in the order of their next start.
struct Lane {
    due: DelayQueue<TargetKey>,
    running: usize,
    running_max: usize,
}

/// Where a target stands.
enum Place {
    DueQuick(delay_queue::Key),
    DueSteady(delay_queue::Key),
    Running(AbortHandle),
}

/// What the timetable needs to know about a probe that ended.
enum Ended {
    Verdict(Probe),
    /// Local resources were missing: says nothing about the target.
    NotMade,
}

/// When each shortage was last warned of, so that it is not said once per probe.
#[derive(Default)]
struct Shortage {
    slots: Option<Instant>,
    resources: Option<Instant>,
}

impl Scheduler {
    pub(crate) fn new(config: &Config, tls: Arc<ClientConfig>, results: mpsc::Sender<ProbeResult>) -> Self {
        let in_flight_max = config.in_flight_max.max(1);
        Self {
            targets: HashMap::new(),
            steady: Lane::new(in_flight_max),
            quick: Lane::new(in_flight_max.div_ceil(2)),
            running: JoinSet::new(),
            keys: HashMap::new(),
            in_flight_max,
            results,
            tls,
            dice: StdRng::seed_from_u64(config.seed),
            shortage: Shortage::default(),
        }
    }

    /// Runs until `stop`, or until nobody changes targets or takes results any more.
    pub(crate) async fn run(mut self, mut changes: mpsc::Receiver<Changes>, stop: CancellationToken) {
        let results = self.results.clone();
        loop {
            // What is due while every slot is taken waits in its lane, earliest first.
            let has_slot = self.running.len() < self.in_flight_max;
            let (steady_may, quick_may) = (has_slot && self.steady.has_room(), has_slot && self.quick.has_room());
            tokio::select! {
                () = stop.cancelled() => break,
                () = results.closed() => break,
                changes = changes.recv() => match changes {
                    Some(changes) => self.follow(&changes, Instant::now()),
                    None => break,
                },
                Some(ended) = self.running.join_next_with_id() => self.note(ended, Instant::now()),
                Some(key) = self.steady.next_due(), if steady_may => self.start(key, Instant::now()),
                Some(key) = self.quick.next_due(), if quick_may => self.start(key, Instant::now()),
            }
        }
        self.running.shutdown().await;
    }

    fn follow(&mut self, changes: &Changes, now: Instant) {
        for key in &changes.gone {
            self.remove(key);
        }
        for target in &changes.come {
            match self.targets.get(target.key()) {
                _ if !target.is_probed() => drop(self.remove(target.key())),
                None => self.add(target, now),
                Some(entry) if entry.monitor != *target.monitor() => self.edit(target, now),
                Some(_) => {}
            }
        }
    }

    fn add(&mut self, target: &Target, now: Instant) {
        let timing = Timing::new(target.monitor(), now, self.dice.next_u64());
        self.plan(target.key().clone(), target.monitor().clone(), timing);
    }

    fn edit(&mut self, target: &Target, now: Instant) {
        // A probe under way asks the old question: its answer is of no use.
        let Some(timing) = self.remove(target.key()) else { return };
        let timing = timing.edited(target.monitor(), now, self.dice.next_u64());
        self.plan(target.key().clone(), target.monitor().clone(), timing);
    }

    fn plan(&mut self, key: TargetKey, monitor: Arc<HealthMonitor>, timing: Timing) {
        let place = if timing.is_quick() {
            Place::DueQuick(self.quick.due.insert_at(key.clone(), timing.start))
        } else {
            Place::DueSteady(self.steady.due.insert_at(key.clone(), timing.start))
        };
        self.targets.insert(key, Entry { monitor, timing, place });
    }

    /// Takes a target out of the timetable, with the probe that may be under way.
    fn remove(&mut self, key: &TargetKey) -> Option<Timing> {
        let entry = self.targets.remove(key)?;
        match &entry.place {
            Place::DueQuick(place) => drop(self.quick.due.try_remove(place)),
            Place::DueSteady(place) => drop(self.steady.due.try_remove(place)),
            Place::Running(handle) => handle.abort(),
        }
        Some(entry.timing)
    }

    fn start(&mut self, key: TargetKey, now: Instant) {
        let Some(entry) = self.targets.get_mut(&key) else { return };
        let probe =
            run_probe(key.clone(), entry.monitor.clone(), self.tls.clone(), entry.timing.start, self.results.clone());
        let handle = self.running.spawn(probe);
        let is_quick = entry.timing.is_quick();
        if is_quick { &mut self.quick } else { &mut self.steady }.running += 1;
        self.keys.insert(handle.id(), (key, is_quick));
        entry.place = Place::Running(handle);
        if self.running.len() >= self.in_flight_max && is_time_to_warn(&mut self.shortage.slots, now) {
            tracing::warn!(in_flight = self.in_flight_max, "every probe slot is taken; probes start late");
        }
    }

    fn note(&mut self, ended: Result<(task::Id, Ended), JoinError>, now: Instant) {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, Some(ended)),
            Err(error) => {
                if error.is_panic() {
                    tracing::error!(reason = %error, "probe panicked; its target is probed again later");
                }
                (error.id(), None)
            }
        };
        let Some((key, is_quick)) = self.keys.remove(&id) else { return };
        if is_quick { &mut self.quick } else { &mut self.steady }.running -= 1;
        let draw = self.dice.next_u64();
        let Some(entry) = self.targets.get(&key) else { return };
        // The target may have been removed and added again meanwhile.
        if !matches!(&entry.place, Place::Running(handle) if handle.id() == id) {
            return;
        }
        let (monitor, timing) = (entry.monitor.clone(), entry.timing);
        let timing = match ended {
            Some(Ended::Verdict(probe)) => timing.after(probe, &monitor, now, draw),
            Some(Ended::NotMade) => timing.postponed(now, draw),
            None => timing.after(Probe::Fail, &monitor, now, draw),
        };
        self.plan(key, monitor, timing);
        if matches!(ended, Some(Ended::NotMade)) && is_time_to_warn(&mut self.shortage.resources, now) {
            tracing::warn!("local resources are short; members keep their state until probes can be made again");
        }
    }
}

/// Whether a shortage is to be warned of `now`: not more often than once in [`WARNED_FOR`].
fn is_time_to_warn(last: &mut Option<Instant>, now: Instant) -> bool {
    let due = last.is_none_or(|last| now >= last + WARNED_FOR);
    if due {
        *last = Some(now);
    }
    due
}

impl Lane {
    fn new(running_max: usize) -> Self {
        Self { due: DelayQueue::new(), running: 0, running_max }
    }

    fn has_room(&self) -> bool {
        self.running < self.running_max
    }

    /// The next target whose time has come; `None` when nobody waits.
    async fn next_due(&mut self) -> Option<TargetKey> {
        poll_fn(|cx| self.due.poll_expired(cx)).await.map(delay_queue::Expired::into_inner)
    }
}

/// One probe, from its slot to the consumer.
async fn run_probe(
    key: TargetKey,
    monitor: Arc<HealthMonitor>,
    tls: Arc<ClientConfig>,
    planned: Instant,
    results: mpsc::Sender<ProbeResult>,
) -> Ended {
    let started = Instant::now();
    let outcome = match probe(&key, &monitor, tls, started + monitor.receive_timeout).await {
        Ok(()) => Ok(started.elapsed()),
        Err(Obstacle::Target(failure)) => {
            tracing::debug!(server = %key.address, host = %key.host, reason = %failure, "probe failed");
            Err(failure)
        }
        Err(Obstacle::Local(error)) => {
            tracing::debug!(server = %key.address, reason = %error, "probe not made");
            return Ended::NotMade;
        }
    };
    let result = ProbeResult { key, outcome, late: started.saturating_duration_since(planned), at: Instant::now() };
    let verdict = result.probe();
    // Closed only while the prober ends.
    let _ = results.send(result).await;
    Ended::Verdict(verdict)
}
