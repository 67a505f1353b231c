//! What the engine is told of virtual services: what it says of them itself, since it is the only one.

use std::collections::BTreeSet;
use std::sync::Arc;

use se_protocol::member_states::of_interest;
use se_protocol::{MemberStates, Report, Snapshot, ToldStates};
use tokio::sync::watch;

/// Tells on, until the engine ends.
pub(crate) async fn tell(
    mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    mut reports: watch::Receiver<Option<Arc<Report>>>,
    told: watch::Sender<ToldStates>,
) {
    snapshots.mark_changed();
    let (mut cluster, mut interest) = (String::new(), BTreeSet::new());
    while reports.changed().await.is_ok() {
        if snapshots.has_changed().unwrap_or(false)
            && let Some(snapshot) = &*snapshots.borrow_and_update()
        {
            (cluster, interest) = (snapshot.cluster_uuid.clone(), of_interest(snapshot));
        }
        let Some(report) = reports.borrow_and_update().clone() else { continue };
        let states = Arc::new(MemberStates::from_reports(&cluster, &interest, [&*report]));
        // The engine reports after each telling: only what is new is told.
        told.send_if_modified(|known| {
            let next = ToldStates { states, is_complete: true, engine: None };
            let is_new = *known != next;
            *known = next;
            is_new
        });
    }
}
