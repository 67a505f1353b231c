//! The engine's one writer: takes snapshots and probe results, publishes views and reports.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use dns_answer::View;
use health_probe::{ProbeResult, Prober, in_flight_max_for};
use se_protocol::{Report, Snapshot, State, ToldStates, UpMembers};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access_log::AccessLogger;
use crate::clock::now_us;
use crate::http::Http;
use crate::listeners::Listeners;
use crate::logs::Logs;
use crate::members::{Change, Members};
use crate::registered::Registered;
use crate::targets::{Targets, Watcher};
use crate::view::Compiled;
use crate::{Counts, EngineConfig};

/// How often counters that change no state reach the report, and listeners that could not be opened are tried again.
const TICK: Duration = Duration::from_secs(1);

/// State of a running engine.
pub(crate) struct Run {
    compiled: Option<Compiled>,
    members: Members,
    targets: Targets,
    registered: Registered,
    listeners: Listeners,
    http: Http,
    prober: Prober,
    results: mpsc::Receiver<ProbeResult>,
    outlets: Outlets,
    stop: CancellationToken,
    /// Something happened that the last report does not tell.
    unreported: bool,
}

/// Where others look.
pub(crate) struct Outlets {
    pub(crate) views: Arc<ArcSwap<Vec<Arc<View>>>>,
    pub(crate) reports: watch::Sender<Option<Arc<Report>>>,
    pub(crate) counts: watch::Sender<Counts>,
    /// An L7 virtual service that should listen and cannot, and why.
    pub(crate) obstacle: watch::Sender<Option<String>>,
    pub(crate) access_log: Arc<AccessLogger>,
}

impl Run {
    pub(crate) fn new(
        config: &EngineConfig,
        up_before: UpMembers,
        dns_logs: Logs,
        outlets: Outlets,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let probes = health_probe::Config { seed: config.seed, in_flight_max: in_flight_max_for(config.descriptors) };
        let (prober, results) = Prober::start(&probes, stop.clone())?;
        let access_log = Arc::<AccessLogger>::clone(&outlets.access_log);
        let http = Http::start(config.workers, config.descriptors, access_log, up_before.clone())
            .context("starting HTTP workers")?;
        Ok(Self {
            compiled: None,
            members: Members::new(up_before),
            targets: Targets::default(),
            registered: Registered::default(),
            listeners: Listeners::new(config.workers, dns_logs),
            http,
            prober,
            results,
            outlets,
            stop,
            unreported: false,
        })
    }

    pub(crate) async fn until_stopped(
        mut self,
        mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
        mut member_states: watch::Receiver<ToldStates>,
    ) {
        let stop = self.stop.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        snapshots.mark_changed();
        member_states.mark_changed();
        let (mut sender_is_there, mut teller_is_there) = (true, true);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                changed = snapshots.changed(), if sender_is_there => match changed {
                    Ok(()) => {
                        let snapshot = snapshots.borrow_and_update().clone();
                        if let Some(snapshot) = snapshot {
                            self.adopt(snapshot).await;
                        }
                    }
                    // The controller is gone: serve on from what is here.
                    Err(_) => sender_is_there = false,
                },
                told = member_states.changed(), if teller_is_there => match told {
                    Ok(()) => {
                        let states = member_states.borrow_and_update().clone();
                        self.hear(states).await;
                    }
                    Err(_) => teller_is_there = false,
                },
                Some(result) = self.results.recv() => self.observe(result),
                _ = tick.tick() => self.tick().await,
            }
        }
        tokio::join!(self.listeners.close(), self.http.shutdown());
        self.prober.stopped().await;
    }

    /// Runs a new snapshot: verdicts first, then the swap, then sockets and probes.
    async fn adopt(&mut self, snapshot: Arc<Snapshot>) {
        if let Some(current) = &self.compiled
            && snapshot.version.is_older_than(&current.snapshot.version)
        {
            warn!(revision = %snapshot.version, current = %current.snapshot.version, "older snapshot refused");
            return;
        }
        // First, so that a page opens by the time its name is answered.
        self.outlets.access_log.adopt(&snapshot.http);
        self.http.adopt(&snapshot, &mut self.targets, now_us()).await;
        let compiled = Compiled::new(snapshot, self.compiled.as_ref());
        let changes = self.members.adopt(&compiled, &mut self.targets, now_us());
        self.registered.adopt(&compiled.snapshot, &compiled.records);
        let views = &compiled.views;
        for problem in &compiled.problems {
            warn!(reason = %problem, "part of the configuration left out");
        }
        self.outlets.views.store(Arc::new(views.iter().map(|(_, view)| Arc::clone(view)).collect()));
        self.listeners.adopt(&compiled.snapshot, views).await;
        self.compiled = Some(compiled);
        if let Some((come, gone)) = self.targets.changes() {
            self.prober.change(come, gone).await;
        }
        tell(&changes);
        self.report();
    }

    async fn hear(&mut self, states: ToldStates) {
        self.registered.hear(states.clone());
        let changes = self.members.hear(states, &mut self.targets, now_us());
        if let Some((come, gone)) = self.targets.changes() {
            self.prober.change(come, gone).await;
        }
        tell(&changes);
        self.report();
    }

    fn observe(&mut self, first: ProbeResult) {
        let now_us = now_us();
        let mut changed = false;
        let mut next = Some(first);
        let (mut passed, mut failed) = (0, 0);
        while let Some(result) = next {
            *if result.outcome.is_ok() { &mut passed } else { &mut failed } += 1;
            let observed = self.targets.observe(&result.key, result.outcome);
            let changes = self.members.observe(&observed.watchers, &self.targets, now_us);
            tell(&changes);
            changed |= !changes.is_empty() | self.http.observe(&observed, &self.targets, now_us);
            self.unreported |= observed.watchers.iter().any(|watcher| matches!(watcher, Watcher::Member { .. }));
            next = self.results.try_recv().ok();
        }
        self.outlets.counts.send_modify(|counts| {
            counts.probes_passed += passed;
            counts.probes_failed += failed;
        });
        self.unreported |= self.http.has_news();
        if changed {
            self.report();
        }
    }

    async fn tick(&mut self) {
        let (dns, http) = (self.listeners.counts(), self.http.stats());
        let probed = self.targets.probed();
        self.outlets.counts.send_modify(|counts| {
            counts.dns = dns;
            counts.http = http;
            counts.probe_targets = probed;
        });
        // A probe may have settled who probes from now on.
        if let Some((come, gone)) = self.targets.changes() {
            self.prober.change(come, gone).await;
        }
        self.unreported |= self.http.retry(now_us()).await;
        if let Some(compiled) = &self.compiled {
            self.unreported |= self.listeners.retry(&compiled.snapshot);
        }
        if self.unreported {
            self.report();
        }
    }

    fn report(&mut self) {
        let Some(compiled) = &self.compiled else { return };
        let obstacle = self.http.obstacle();
        self.outlets.obstacle.send_if_modified(|known| {
            let is_other = *known != obstacle;
            *known = obstacle;
            is_other
        });
        let http_services = self.http.report_services();
        self.registered.hear_own(&http_services);
        self.outlets.reports.send_replace(Some(Arc::new(Report {
            version: compiled.snapshot.version.clone(),
            dns_services: self.listeners.states(&compiled.snapshot),
            gslb_services: self.members.report(&self.targets),
            http_services,
            http_pools: self.http.report_pools(&self.targets),
        })));
        self.unreported = false;
    }
}

/// One line per change; the first verdict of a healthy member is no news beyond that.
fn tell(changes: &[Change]) {
    for Change { gslb_service, member, from, to, reason } in changes {
        let (from, to) = (word(*from), word(*to));
        match member {
            Some(member) => info!(%gslb_service, %member, from, to, %reason, "member state changed"),
            None => info!(%gslb_service, from, to, %reason, "GSLB service state changed"),
        }
    }
}

/// A state as logs name it.
pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Up => "up",
        State::Down => "down",
        State::Unknown => "unknown",
        State::Disabled => "disabled",
    }
}
