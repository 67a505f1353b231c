//! Whatever changed, a build with a memo is the build from scratch.

use std::collections::BTreeMap;

use model::{Revision, Version};
use proptest::prelude::*;
use se_protocol::PortOffset;
use serde_json::{Map, Value, json};

use super::*;
use crate::build;

/// Stored objects: type and uuid to name, fields and revision.
type Stored = BTreeMap<(&'static str, String), (String, Map<String, Value>, u64)>;

/// One write: which type, which of its objects, and what it becomes; nothing means that it is deleted.
type Write = (u8, u8, Option<u8>);

fn apply(stored: &mut Stored, (kind, number, seed): Write, revision: u64) {
    let kind = ["gslbservice", "gslbservice", "gslbservice", "healthmonitor", "gslb", "tenant"][usize::from(kind) % 6];
    let number = if kind == "gslb" { 0 } else { number };
    let uuid = format!("{kind}-{number}");
    let Some(seed) = seed else {
        stored.remove(&(kind, uuid));
        return;
    };
    let fields = match kind {
        "gslbservice" => json!({
            "domain_names": if seed == 7 { json!([]) } else { json!([format!("app{number}.example.com")]) },
            "min_members": seed % 2,
            "health_monitor_refs": [format!("healthmonitor-{}", seed % 4)],
            "groups": [{"name": "p", "members": [
                {"ip": {"addr": "192.0.2.1"}, "ratio": seed, "cluster_uuid": format!("cluster-{}", number % 2)}]}],
        }),
        "healthmonitor" => json!({"type": if seed == 7 { "HEALTH_MONITOR_PING" } else { "HEALTH_MONITOR_TCP" },
            "send_interval": seed}),
        "gslb" => json!({"sites": [{"cluster_uuid": "cluster-0", "enabled": seed % 2 == 0},
            {"cluster_uuid": "cluster-1", "enabled": seed % 3 == 0}]}),
        _ => json!({}),
    };
    let Value::Object(fields) = fields else { return };
    stored.insert((kind, uuid), (format!("{kind} {number} {seed}"), fields, revision));
}

fn built(stored: &Stored, revision: u64, memo: Memo) -> (se_protocol::Snapshot, Vec<Problem>, Memo) {
    let objects = stored.iter().map(|((kind, uuid), (name, fields, revision))| Object {
        kind,
        uuid,
        name,
        tenant: if uuid.ends_with('1') { "tenant-1" } else { "tenant-2" },
        fields,
        created_us: 0,
        modified_us: 0,
        revision: *revision,
    });
    let version = Version { incarnation: "i".into(), term: 0, revision: Revision(revision) };
    build(objects, version, PortOffset::NONE, memo)
}

proptest! {
    #[test]
    fn a_memo_changes_nothing(
        commits in prop::collection::vec(
            prop::collection::vec((any::<u8>(), 0..5_u8, prop::option::weighted(0.8, 0..8_u8)), 0..4), 1..30)
    ) {
        let (mut stored, mut memo) = (Stored::new(), Memo::default());
        for (revision, commit) in (1..).zip(commits) {
            for write in commit {
                apply(&mut stored, write, revision);
            }
            let (snapshot, problems, next) = built(&stored, revision, memo);
            memo = next;
            let (expected, all_problems, _) = built(&stored, revision, Memo::default());
            prop_assert_eq!(snapshot, expected);
            prop_assert_eq!(problems, all_problems);
        }
    }
}

#[test]
fn what_did_not_change_is_the_same_object() {
    let mut stored = Stored::new();
    for write in [(0, 1, Some(1)), (0, 2, Some(1)), (3, 1, Some(1))] {
        apply(&mut stored, write, 1);
    }
    let (before, _, memo) = built(&stored, 1, Memo::default());
    apply(&mut stored, (0, 2, Some(5)), 2);
    let (after, _, _) = built(&stored, 2, memo);
    assert!(Arc::ptr_eq(&before.gslb_services[0], &after.gslb_services[0]));
    assert!(Arc::ptr_eq(&before.monitors[0], &after.monitors[0]));
    assert_ne!(before.gslb_services[1], after.gslb_services[1]);
}
