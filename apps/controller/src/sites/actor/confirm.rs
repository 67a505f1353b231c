//! `REPLICATION_MODE_ADAPTIVE` (avi-api 5.3): the others get what the engines of this site run.

use std::time::Duration;

use controller_api::SitesError;
use site_replication::{Replication, Revision};
use tokio::sync::oneshot;

use super::Actor;
use crate::sites::shower::Show;

/// How long engines have to take a change, before it goes to the other sites all the same: one that is ill at this site is no
/// reason to leave the others without it for good.
const CONFIRM_WITHIN: Duration = Duration::from_secs(30);

/// A change that engines are to confirm, and with it all before it.
pub(super) struct Unconfirmed {
    revision: Revision,
    /// Tells when the object store shows it.
    shown: oneshot::Receiver<Result<store::Revision, SitesError>>,
    /// Where it is in the object store.
    at: Option<store::Revision>,
    since: Duration,
}

impl Actor {
    /// Lets go to the others what the own engines run.
    pub(super) async fn confirm(&mut self) {
        let now = self.clock.monotonic();
        let Some(running) = &mut self.running else { return };
        let is_adaptive = running.plan.as_ref().is_some_and(|plan| plan.settings.replication == Replication::Adaptive);
        if !is_adaptive || !running.site.is_leader() {
            self.unconfirmed = None;
            return;
        }
        let applied = running.site.durable().applied;
        let Some(unconfirmed) = &mut self.unconfirmed else {
            if applied > running.site.released() {
                let (sender, shown) = oneshot::channel();
                self.unconfirmed = Some(Unconfirmed { revision: applied, shown, at: None, since: now });
                self.show(Show::Reply(sender));
            }
            return;
        };
        if let Ok(Ok(at)) = unconfirmed.shown.try_recv() {
            unconfirmed.at = Some(at);
        }
        let is_late = now.saturating_sub(unconfirmed.since) >= CONFIRM_WITHIN;
        if is_late {
            tracing::warn!(
                revision = unconfirmed.revision.0,
                "a change goes to the other sites though not every service engine here runs it"
            );
        }
        if is_late || unconfirmed.at.is_some_and(|at| self.shared.engines_run(at)) {
            let effects = running.site.release(now, unconfirmed.revision);
            self.unconfirmed = None;
            self.perform(effects).await;
        }
    }
}
