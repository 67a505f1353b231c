//! The one task that keeps the timetable: starts what is due, notes what ended, follows the list of targets.

use std::{
    collections::{HashMap, HashSet},
    future::poll_fn,
    sync::Arc,
    time::Duration,
};

use health::Probe;
use model::monitor::HealthMonitor;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use rustls::ClientConfig;
use tokio::{
    sync::{mpsc, watch},
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

/// State of the task. Each target is either in `due` or in `running`, never in both.
pub(crate) struct Scheduler {
    targets: HashMap<TargetKey, Entry>,
    due: DelayQueue<TargetKey>,
    running: JoinSet<Ended>,
    /// Whose probe a task is.
    keys: HashMap<task::Id, TargetKey>,
    in_flight_max: usize,
    results: mpsc::Sender<ProbeResult>,
    tls: Arc<ClientConfig>,
    dice: StdRng,
    shortage: Shortage,
}

struct Entry {
    monitor: Arc<HealthMonitor>,
    timing: Timing,
    place: Place,
}

/// Where a target stands.
enum Place {
    Due(delay_queue::Key),
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
        Self {
            targets: HashMap::new(),
            due: DelayQueue::new(),
            running: JoinSet::new(),
            keys: HashMap::new(),
            in_flight_max: config.in_flight_max.max(1),
            results,
            tls,
            dice: StdRng::seed_from_u64(config.seed),
            shortage: Shortage::default(),
        }
    }

    /// Runs until `stop`, or until nobody sets targets or takes results any more.
    pub(crate) async fn run(mut self, mut targets: watch::Receiver<Arc<[Target]>>, stop: CancellationToken) {
        let results = self.results.clone();
        loop {
            // What is due while every slot is taken waits in the queue, earliest first.
            let has_slot = self.running.len() < self.in_flight_max;
            tokio::select! {
                () = stop.cancelled() => break,
                () = results.closed() => break,
                changed = targets.changed() => match changed {
                    Ok(()) => {
                        let list = targets.borrow_and_update().clone();
                        self.follow(&list, Instant::now());
                    }
                    Err(_) => break,
                },
                Some(ended) = self.running.join_next_with_id() => self.note(ended, Instant::now()),
                Some(due) = poll_fn(|cx| self.due.poll_expired(cx)), if has_slot => self.start(due.into_inner(), Instant::now()),
            }
        }
        self.running.shutdown().await;
    }

    /// Makes the timetable that of `list`.
    fn follow(&mut self, list: &[Target], now: Instant) {
        let wanted: HashSet<&TargetKey> = list.iter().filter(|target| target.is_probed()).map(Target::key).collect();
        let due = &mut self.due;
        self.targets.retain(|key, entry| {
            let stays = wanted.contains(key);
            if !stays {
                entry.place.leave(due);
            }
            stays
        });
        for target in list.iter().filter(|target| target.is_probed()) {
            match self.targets.get(target.key()) {
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
        let Some((key, mut entry)) = self.targets.remove_entry(target.key()) else { return };
        // A probe under way asks the old question: its answer is of no use.
        entry.place.leave(&mut self.due);
        let timing = entry.timing.edited(target.monitor(), now, self.dice.next_u64());
        self.plan(key, target.monitor().clone(), timing);
    }

    fn plan(&mut self, key: TargetKey, monitor: Arc<HealthMonitor>, timing: Timing) {
        let place = Place::Due(self.due.insert_at(key.clone(), timing.start));
        self.targets.insert(key, Entry { monitor, timing, place });
    }

    fn start(&mut self, key: TargetKey, now: Instant) {
        let Some(entry) = self.targets.get_mut(&key) else { return };
        let probe =
            run_probe(key.clone(), entry.monitor.clone(), self.tls.clone(), entry.timing.start, self.results.clone());
        let handle = self.running.spawn(probe);
        self.keys.insert(handle.id(), key);
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
        let Some(key) = self.keys.remove(&id) else { return };
        let draw = self.dice.next_u64();
        let Some(entry) = self.targets.get_mut(&key) else { return };
        // The target may have been removed and added again meanwhile.
        if !matches!(&entry.place, Place::Running(handle) if handle.id() == id) {
            return;
        }
        entry.timing = match ended {
            Some(Ended::Verdict(probe)) => entry.timing.after(probe, &entry.monitor, now, draw),
            Some(Ended::NotMade) => entry.timing.postponed(now, draw),
            None => entry.timing.after(Probe::Fail, &entry.monitor, now, draw),
        };
        entry.place = Place::Due(self.due.insert_at(key, entry.timing.start));
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

impl Place {
    /// Takes the target out of the timetable.
    fn leave(&mut self, due: &mut DelayQueue<TargetKey>) {
        match self {
            Self::Due(key) => {
                due.try_remove(key);
            }
            Self::Running(handle) => handle.abort(),
        }
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
