//! API servers that go away, fall silent, refuse or forget: members stay, watches resume, others are not delayed.

use serde_json::json;

use crate::clusters::{INGRESSES, S1AZ1, S1AZ2, S2};
use crate::world::World;
use crate::world::clusters::has_python;

const ADDRESS: &str = "10.10.24.180";

#[test]
fn an_api_server_that_misbehaves_takes_no_member_and_delays_no_other() {
    if !has_python() {
        return;
    }
    let Some(mut world) = World::start() else { return };
    world.kill("amko");
    world.start_amko_that_tells_of_watches();
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    world.wait_until_synced();

    // Stopped.
    let mark = world.mark("amko");
    world.stop_api_server("s2");
    others_go_on(&world);
    world.wait_until_said("amko", mark, &["cluster=s2", "API server cannot be reached"]);
    is_away(&world, "s2");
    back(&world, mark);

    // There, and silent.
    let mark = world.mark("amko");
    world.kill_api_server("s2");
    let silent = world.stand_in("silent", ADDRESS, 6443, "s2");
    others_go_on(&world);
    world.wait_until_said("amko", mark, &["cluster=s2", "API server does not answer: no connection in time"]);
    is_away(&world, "s2");
    // The operator that starts meanwhile waits for it no longer than for its first answer.
    world.kill("amko");
    world.start_amko_that_tells_of_watches();
    others_go_on(&world);
    world.wait_until_said("amko", mark, &["cluster=s2", "cluster does not answer, its members stay"]);
    drop(silent);
    back(&world, mark);

    // It lets nobody do anything.
    let mark = world.mark("amko");
    world.kill_api_server("s2");
    let forbidden = world.stand_in("forbidden", ADDRESS, 6443, "s2");
    world.wait_until_said("amko", mark, &["cluster=s2", "cannot list", "you may not", "grant get, list and watch"]);
    others_go_on(&world);
    is_away(&world, "s2");
    drop(forbidden);
    back(&world, mark);

    // Its history is gone, and its lists break off.
    let mark = world.mark("amko");
    world.kill_api_server("s2");
    let cut = world.stand_in("cut", ADDRESS, 6443, "s2");
    world.wait_until_said("amko", mark, &["watch interrupted", "cluster=s2", "kind=Ingress", "Gone"]);
    others_go_on(&world);
    is_away(&world, "s2");
    drop(cut);
    back(&world, mark);

    // It starts again, and what went meanwhile cannot be watched any more: 410 Gone.
    let mark = world.mark("amko");
    world.signal("amko", "-STOP");
    // The clusters' one store counts on, so that the server's memory begins after what the operator saw last.
    world.merge("s1az2", "/api/v1/namespaces/default", &json!({"metadata": {"labels": {"seen": "no"}}}));
    world.kill_api_server("s2");
    world.start_api_server("s2");
    let hello = world.object("s2", &format!("{INGRESSES}/hello"));
    world.remove("s2", &format!("{INGRESSES}/hello"));
    world.signal("amko", "-CONT");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4)]);
    world.wait_until_said("amko", mark, &["watch interrupted", "cluster=s2", "kind=Ingress", "Gone"]);
    world.make("s2", INGRESSES, &crate::clusters::again(&hello));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    wait_until_readable(&world, "s2");

    // The leader: what it last said stays in force.
    let mark = world.mark("amko");
    world.kill_api_server("s1az1");
    world.wait_until_said("amko", mark, &["cluster=s1az1", "API server cannot be reached"]);
    others_go_on(&world);
    is_away(&world, "s1az1");
    world.start_api_server("s1az1");
    world.set_weights([6, 3, 1]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
}

/// All members are answered, and an edit in another cluster shows.
#[track_caller]
fn others_go_on(world: &World) {
    assert_eq!(world.count(12), World::counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]));
    world.label_ingress("s1az2", "none");
    world.wait_for_split(&[(S1AZ1, 6), (S2, 2)]);
    world.label_ingress("s1az2", "gslb");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
}

/// The operator's metrics say which cluster is away, and that the others are not.
#[track_caller]
fn is_away(world: &World, cluster: &str) {
    let metrics = world.admin(9447, "metrics");
    for name in ["s1az1", "s1az2", "s2"] {
        let line = format!("meridian_cluster_readable{{cluster=\"{name}\"}} {}\n", u8::from(name != cluster));
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

/// The real server is there again: an edit in its cluster shows, and nothing is wrong with it any more.
#[track_caller]
fn back(world: &World, mark: usize) {
    world.start_api_server("s2");
    world.wait_until_said("amko", mark, &["cluster=s2", "everything can be read again"]);
    world.label_ingress("s2", "none");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4)]);
    world.label_ingress("s2", "gslb");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    wait_until_readable(world, "s2");
}

/// An object shows before every other watch of its cluster has begun again.
#[track_caller]
fn wait_until_readable(world: &World, cluster: &str) {
    let line = format!("meridian_cluster_readable{{cluster=\"{cluster}\"}} 1\n");
    world.wait("the metrics to say that all can be read", || world.admin(9447, "metrics").contains(&line));
}
