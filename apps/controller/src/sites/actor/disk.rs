//! The log on its disk, and what happens when that fails.

use std::sync::Arc;

use anyhow::Context;
use objects::federated;
use parking_lot::Mutex;
use site_log::SiteLog;
use site_replication::{Durable, Effect, Save, Settings, Site, SiteId};

use super::{Actor, RETRY, Running};
use crate::sites::{known::Invitation, plan::Plan};

/// Note, beside the log, with the sites that were taken out.
pub(super) const REMOVED: &str = "removed";
/// Note, beside the log, with the invitation that this site joined by.
pub(super) const INVITATION: &str = "invitation";

impl Actor {
    /// Goes on from the disk.
    pub(super) fn resume(&mut self) -> anyhow::Result<()> {
        let log = self.open_log(&Durable::new(self.own.clone()))?;
        let durable = log.lock().load()?;
        let gslb = durable.log.state_at(durable.applied);
        let gslb = gslb.objects().find(|stored| stored.object.kind == "gslb").map(|stored| Arc::clone(&stored.object));
        let plan = gslb.and_then(|object| {
            let modified_us = i64::try_from(object.last_modified_us).unwrap_or(i64::MAX);
            let unpacked = self.live.read(|live| federated::unpack(&live.projection, &object.body, modified_us));
            unpacked.ok().map(|gslb| Plan::read(&gslb, Some(&durable.log.state_at(durable.applied))))
        });
        let plan = plan.filter(|plan| plan.sites.contains_key(&self.own));
        let invitation = log.lock().note(INVITATION)?.and_then(|text| serde_json::from_str::<Invitation>(&text).ok());
        let removed = log.lock().note(REMOVED)?.and_then(|text| serde_json::from_str::<Vec<String>>(&text).ok());
        self.removed = removed.unwrap_or_default().iter().map(|uuid| SiteId::from(uuid.as_str())).collect();
        let settings = match (&plan, invitation) {
            (Some(plan), _) => plan.settings.clone(),
            (None, Some(invitation)) => invitation.settings(),
            (None, None) => Settings::new([durable.term.leader.clone(), self.own.clone()]),
        };
        let (site, effects) = Site::new(self.own.clone(), settings, durable, self.clock.monotonic());
        let saves: Vec<Save> = effects
            .iter()
            .filter_map(|effect| if let Effect::Save(save) = effect { Some(save.clone()) } else { None })
            .collect();
        log.lock().save(&saves)?;
        self.is_to_tell = true;
        self.running = Some(Running::new(site, log, plan));
        self.set_roster();
        Ok(())
    }

    pub(super) fn is_broken(&mut self, error: &anyhow::Error) {
        tracing::error!(reason = format!("{error:#}"), "the log of federated objects cannot be used; trying again");
        self.running = None;
        self.broken_until = Some(self.clock.monotonic().saturating_add(RETRY));
    }

    pub(super) fn open_log(&self, first: &Durable) -> anyhow::Result<Arc<Mutex<SiteLog>>> {
        let key = seal::Key::new(&self.place.key).context("using the key of the data directory")?;
        Ok(Arc::new(Mutex::new(SiteLog::open(&self.place.log, key, first)?)))
    }
}

/// Waits for the disk, on a thread that may.
pub(super) async fn save(log: Arc<Mutex<SiteLog>>, saves: Vec<Save>) -> anyhow::Result<()> {
    let saving = tokio::task::spawn_blocking(move || log.lock().save(&saves));
    Ok(saving.await.context("writing the log of federated objects")??)
}
