//! Many queries while many names change: none is lost, and no answer is of two minds.

use crate::world::World;
use crate::world::clients::has_python;
use crate::world::load::{Load, has_dnsperf};

/// Names, each a GSLB service of its own with four addresses.
const NAMES: usize = 1000;
/// Changes per second. They go to the controller's API directly: through an operator, changes that come together are
/// written together, while here each is a commit, a snapshot and a view of its own.
const CHANGES_PER_SECOND: u32 = 125;
const QUERIES_PER_SECOND: u32 = 20_000;
/// Queries per second whose answers are looked into.
const CHECKED_PER_SECOND: u32 = 1000;
const SECONDS: u32 = 10;

#[test]
fn no_query_is_lost_and_no_answer_mixed_while_a_thousand_names_change() {
    if !has_python() || !has_dnsperf() {
        return;
    }
    let Some(world) = World::start_alone() else { return };
    let mut changer = world.client_change(NAMES, CHANGES_PER_SECOND);
    world.wait_for_name(&format!("g{}.avi.iberia.local", NAMES - 1));
    let before = world.udp_counts();
    let checker = world.client_generations(NAMES, CHECKED_PER_SECOND);
    changer.tell("begin");
    let load = world.dnsperf(NAMES, QUERIES_PER_SECOND, SECONDS);
    let changed = changer.finish();
    let checked = checker.finish();
    println!("{load:?}\nchanged {changed}\nchecked {checked}");

    assert_eq!(load.lost, 0, "before: {before}\nafter: {}", world.udp_counts());
    assert_eq!(load.completed, load.sent, "{load:?}");
    assert_eq!(load.codes, format!("NOERROR {} (100.00%)", load.completed));
    let wanted = u64::from(QUERIES_PER_SECOND * SECONDS);
    if load.sent < wanted * 99 / 100 {
        let Load { sent, seconds, .. } = load;
        println!("dnsperf sent {sent} of {wanted} queries in {seconds} s: this machine gives it no time for more");
    }
    assert!(load.sent > wanted / 2, "{load:?}");
    assert!(changed["changes"].as_u64().unwrap() >= 1000, "{changed}");
    assert_eq!(checked["faults"], serde_json::json!([]), "{checked}");
    assert!(checked["answers"].as_u64().unwrap() > 1000, "{checked}");
    assert!(checked["generations"].as_array().unwrap().len() >= 2, "{checked}");
}
