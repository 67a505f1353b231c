//! What follows from a Gslb that is there, another, or gone.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use controller_api::SitesError;
use objects::federated;
use site_replication::{Change, Durable, Entry, Leadership, Log, Mark, Revision, Site, SiteId, State, Term};

use super::{Actor, DISOWNED_FOR, FAREWELL, Next, Running, disk::REMOVED};
use crate::sites::{known::KnownSites, plan::Plan, shower::Show};

impl Actor {
    /// Lets go of sites that had their time to hear of it.
    pub(super) async fn part(&mut self) {
        let now = self.clock.monotonic();
        let Some(running) = &mut self.running else { return };
        let last = running.site.durable().log.last().revision;
        let have_all_heard = running.site.peers().all(|(_, peer)| peer.held >= last);
        if running.ends_at.is_some_and(|at| now >= at || have_all_heard) {
            self.leave(false);
            return;
        }
        let majority = running.next.as_ref().map_or(0, |next| next.plan.settings.majority());
        let heard = |revision| 1 + running.site.peers().filter(|(_, peer)| peer.held >= revision).count();
        let is_time = running.next.as_ref().is_some_and(|next| match next.until {
            Some(until) => now >= until || have_all_heard,
            None => heard(next.revision) >= majority,
        });
        if let Some(next) = running.next.take_if(|_| is_time) {
            self.restart_with(next.plan).await;
        }
    }

    pub(super) async fn look_at_gslb(&mut self) {
        let gslb = self.live.read(|state| state.projection.single("gslb").cloned());
        let is_same = match (&gslb, &self.gslb) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (None, None) => true,
            _ => false,
        };
        if is_same || self.broken_until.is_some() {
            return;
        }
        let before = std::mem::replace(&mut self.gslb, gslb.clone());
        let now = self.clock.monotonic();
        match (gslb, &mut self.running) {
            (None, Some(running)) if before.is_some() => {
                if running.site.is_leader() {
                    running.ends_at = Some(now.saturating_add(FAREWELL));
                    let last = running.site.durable().log.last().revision;
                    let effects = running.site.release(now, last);
                    self.perform(effects).await;
                } else {
                    self.leave(true);
                }
            }
            (None, _) => {}
            (Some(gslb), None) => {
                let plan = Plan::read(&gslb, None);
                if plan.leader == self.own && plan.has_other_active(&self.own) {
                    if let Err(error) = self.start_leading(plan).await {
                        tracing::error!(
                            reason = format!("{error:#}"),
                            "federated objects cannot be copied to the other sites"
                        );
                    }
                } else {
                    self.set_roster();
                }
            }
            (Some(gslb), Some(running)) => {
                let plan = Plan::read(&gslb, Some(running.site.view()));
                if !plan.sites.contains_key(&self.own) {
                    // Who has just joined is shown the Gslb of before that, too, on the way to that of now.
                    if running.plan.is_none() {
                        return;
                    }
                    tracing::warn!("this site is no longer one of the GSLB");
                    self.leave(true);
                    return;
                }
                let before = running.plan.as_ref().map(|plan| plan.sites.keys().cloned().collect()).unwrap_or_default();
                let running = match self.note_removed(&before, &plan) {
                    Some(running) => running,
                    None => return,
                };
                let (active, leadership) = (&plan.settings.active, plan.settings.leadership);
                let old = running.plan.as_ref().map(|plan| (&plan.settings.active, plan.settings.leadership));
                let sites_go = old.is_some_and(|(before, _)| !before.is_subset(active));
                let begins_to_elect =
                    old.is_some_and(|(_, before)| before != leadership) && leadership == Leadership::Elected;
                if old == Some((active, leadership)) {
                    running.site.configure(plan.settings.clone());
                    running.plan = Some(plan);
                    self.is_to_tell = true;
                    self.set_roster();
                } else if running.site.is_leader() && (sites_go || begins_to_elect) {
                    let until = (!begins_to_elect).then(|| now.saturating_add(FAREWELL));
                    let revision = running.site.durable().log.last().revision;
                    running.next = Some(Next { plan, revision, until });
                    // They are to hear of it before it comes about, whatever else is kept back.
                    let effects = running.site.release(now, revision);
                    self.perform(effects).await;
                } else {
                    self.restart_with(plan).await;
                }
            }
        }
    }

    /// Keeps in mind which sites are out, so that none comes back by an invitation of its own.
    fn note_removed(&mut self, before: &BTreeSet<SiteId>, plan: &Plan) -> Option<&mut Running> {
        let mut removed = self.removed.clone();
        removed.retain(|site| !plan.sites.contains_key(site));
        removed.extend(before.iter().filter(|site| !plan.sites.contains_key(*site)).cloned());
        if removed != self.removed {
            self.removed = removed;
            let known = self.known.iter().filter(|(uuid, _)| !self.removed.contains(&SiteId::from(uuid.as_str())));
            let known = known.map(|(uuid, known)| (uuid.clone(), known.clone())).collect();
            self.keep_known(known);
            let listed: Vec<&str> = self.removed.iter().map(SiteId::as_str).collect();
            let text = serde_json::to_string(&listed).unwrap_or_default();
            if let Some(Err(error)) = self.running.as_ref().map(|running| running.log.lock().set_note(REMOVED, &text)) {
                tracing::error!(reason = %error, "which sites are out cannot be kept");
            }
        }
        self.running.as_mut()
    }

    /// Leaves, when the others say that this site is none of them any more: it was taken out while it was away.
    pub(super) fn leave_if_disowned(&mut self) {
        let Some(running) = &self.running else { return };
        let Some(plan) = &running.plan else { return };
        let others = plan.sites.len().saturating_sub(1);
        if !self.shared.is_disowned(&running.site.term().leader, others) {
            self.disowned_since = None;
            return;
        }
        let now = self.clock.monotonic();
        if now.saturating_sub(*self.disowned_since.get_or_insert(now)) >= DISOWNED_FOR {
            self.disowned_since = None;
            tracing::warn!("the other sites took this one out of the GSLB while it was away");
            self.leave(true);
        }
    }

    /// Begins to lead sites: what is federated here is what all are to have.
    pub(super) async fn start_leading(&mut self, plan: Plan) -> anyhow::Result<()> {
        let term = Term { view: plan.view, leader: self.own.clone() };
        let revision = Revision(1);
        let mut state = State::default();
        self.live.read(|live| {
            let projection = &live.projection;
            let types: Vec<&'static str> = projection.types().iter().map(|schema| schema.path).collect();
            for object in types.into_iter().flat_map(|path| projection.objects(path)) {
                if federated::is_replicated(object) {
                    let body = federated::pack(projection, object).into();
                    let change = Change::Put(Arc::new(site_replication::Object {
                        uuid: object.uuid.clone(),
                        kind: object.path.to_owned(),
                        claims: Vec::new(),
                        last_modified_us: u64::try_from(object.last_modified_us).unwrap_or_default(),
                        body,
                    }));
                    state.apply(&Entry { revision, term: term.clone(), change });
                }
            }
        });
        let log = Log::new(Arc::new(state), Mark { revision, term: term.clone() });
        let first = Durable { term, log, applied: revision, aside: Vec::new() };
        let log = self.open_log(&first)?;
        self.open_link()?;
        let (site, effects) = Site::new(self.own.clone(), plan.settings.clone(), first, self.clock.monotonic());
        self.running = Some(Running::new(site, log, Some(plan)));
        self.is_to_tell = true;
        self.set_roster();
        self.perform(effects).await;
        Ok(())
    }

    /// Goes on from what is stored, under other conditions.
    pub(super) async fn restart_with(&mut self, plan: Plan) {
        let Some(Running { site, log, waiting, .. }) = self.running.take() else { return };
        for reply in waiting.into_values() {
            let words = "the sites of the GSLB changed before the write was known everywhere: it may happen yet, read the object";
            let _ = reply.send(Err(SitesError::Unknown(words.to_owned())));
        }
        let (site, effects) =
            Site::new(self.own.clone(), plan.settings.clone(), site.durable().clone(), self.clock.monotonic());
        self.running = Some(Running::new(site, log, Some(plan)));
        self.is_to_tell = true;
        self.set_roster();
        self.perform(effects).await;
    }

    /// Takes part no longer.
    pub(super) fn leave(&mut self, is_to_forget: bool) {
        self.running = None;
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.place.log.clone().into_os_string();
            path.push(suffix);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::error!(file = %PathBuf::from(path).display(), reason = %error, "the log cannot be removed");
                }
                _ => {}
            }
        }
        self.keep_known(KnownSites::new());
        if is_to_forget {
            self.gslb = None;
            self.show(Show::Nothing);
        }
        tracing::info!("this site takes part in no GSLB of several sites any more");
    }
}
