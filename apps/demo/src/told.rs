//! What the engine is told of virtual services: what it says of them itself, since it is the only one.

use std::sync::Arc;

use se_protocol::{MemberStates, Report, Snapshot, ToldStates};
use tokio::sync::watch;

/// Tells on, until the engine ends.
pub(crate) async fn tell(
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    mut reports: watch::Receiver<Option<Arc<Report>>>,
    told: watch::Sender<ToldStates>,
) {
    while reports.changed().await.is_ok() {
        let report = reports.borrow_and_update().clone();
        let cluster = snapshots.borrow().as_ref().map(|snapshot| snapshot.cluster_uuid.clone());
        let (Some(report), Some(cluster)) = (report, cluster) else { continue };
        let states = Arc::new(MemberStates::from_reports(&cluster, [&*report]));
        // The engine reports after each telling: only what is new is told.
        told.send_if_modified(|known| {
            let next = ToldStates { states, is_complete: true };
            let is_new = *known != next;
            *known = next;
            is_new
        });
    }
}
