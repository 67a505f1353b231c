//! An operator that writes only while it leads: until then it watches, so that it can go on from there at once.

use reconcile::Observed;
use tokio::time::Instant;

use super::{Operator, Phase};
use crate::role::Permit;

impl Operator {
    /// Whether a write may begin.
    pub(super) fn is_permitted(&self, now: Instant) -> bool {
        self.permit.as_ref().is_none_or(|permit| permit.check(now).is_ok())
    }

    /// Forgets what the controller was seen to have: who leads next looks at it as after a start.
    pub(super) fn stand_by(&mut self, now: Instant) {
        self.work.clear();
        self.phase = Phase::Starting;
        (self.observed, self.published, self.outcome) = (Observed::default(), None, None);
        self.link.restart(now);
    }
}

/// Waits until the permit is given or taken away; for ever where there is none.
pub(super) async fn changed(permit: &mut Option<Permit>) {
    match permit {
        Some(permit) => permit.changed().await,
        None => std::future::pending().await,
    }
}
