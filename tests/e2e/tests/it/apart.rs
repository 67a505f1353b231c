//! The story with each part as a process of its own, on real API servers, at the story's own addresses.

use crate::world::World;

const S1AZ1: &str = "10.10.25.46";
const S1AZ2: &str = "10.10.26.40";
const S2: &str = "10.10.23.40";

#[test]
fn parts_by_themselves_play_the_story_and_survive_each_other() {
    let Some(mut world) = World::start() else { return };
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);

    // What is edited shows.
    world.set_weights([6, 3, 1]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    world.label_ingress("s1az2", "none");
    world.wait_for_split(&[(S1AZ1, 6), (S2, 1)]);
    world.label_ingress("s1az2", "gslb");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    let explained = world.explain();
    assert!(explained.contains("10.10.2"), "{explained}");

    // Answers go on without the controller, and from the checkpoint when the engine starts again meanwhile.
    world.kill("controller");
    assert_eq!(world.count(10), World::counts(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]));
    world.kill("engine");
    world.start_engine();
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    world.set_weights([6, 4, 2]);
    assert_eq!(world.count(10), World::counts(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]));

    // Everything back converges.
    world.start_controller();
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    world.wait_until_synced();

    // A restart with nothing changed writes nothing.
    let before = world.written();
    assert!(before.len() >= 2, "{before:?}");
    for part in ["amko", "engine", "controller"] {
        world.stop(part);
    }
    world.start_controller();
    world.start_engine();
    world.start_amko();
    world.wait_until_synced();
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    assert_eq!(world.written(), before);
    let metrics = world.admin(9447, "metrics");
    assert!(metrics.contains("meridian_controller_writes_total 0\n"), "{metrics}");
    // Workers' counts are summed once a second.
    let none = "meridian_dns_answers_total{transport=\"udp\"} 0\n";
    world.wait("answers to be counted", || !world.admin(9446, "metrics").contains(none));
    assert!(world.admin(9445, "metrics").contains("meridian_engines_connected 1\n"));
}
