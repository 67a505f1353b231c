//! The operator as a pod of the leader cluster: service account, Secrets, and what follows when these change.

use crate::world::World;

const S1AZ1: &str = "10.10.25.46";
const S1AZ2: &str = "10.10.26.40";
const S2: &str = "10.10.23.40";

// catalogue amko: 118
#[test]
fn a_pod_serves_with_its_service_account_and_follows_its_secrets() {
    let Some(mut world) = World::start_without_operator() else { return };
    world.install_pod();
    world.start_pod();
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    world.wait_until_synced();
    // The rights are enough to say so where an administrator looks.
    world.wait_for_state_of_config("success: gslb config accepted");
    for message in ["GSLB Configuration validated and accepted.", "Initial bootup sync completed."] {
        world.wait_for_event("GSLBConfigValidation", message);
    }
    world.wait_for_event("AMKOClusterReady", "Event handlers active for cluster s2");
    assert!(!world.has_said("amko", 0, &["forbidden"]), "{}", world.logs());
    assert_eq!(world.admin(8080, "api/status"), r#"{"avi_api":{"connection_status":"CONNECTED","errors":[]}}"#);

    // A member that is no longer in the Secret is not asked; its answers stay until one that can see it says otherwise.
    let mark = world.mark("amko");
    world.set_members(&["s1az1", "s1az2"]);
    world.wait_until_said("amko", mark, &["members changed", "now=\"s1az1 s1az2\""]);
    world.wait_for_metric("meridian_cluster_readable{cluster=\"s2\"} 0\n");
    world.label_ingress("s2", "none");
    world.set_weights([6, 3, 1]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    // In the Secret again, it is.
    let mark = world.mark("amko");
    world.set_members(&["s1az1", "s1az2", "s2"]);
    world.wait_until_said("amko", mark, &["members changed", "now=\"s1az1 s1az2 s2\""]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3)]);
    world.label_ingress("s2", "gslb");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);

    // The leader's own cluster is a member because the GSLBConfig says so, with or without a context in the Secret.
    let mark = world.mark("amko");
    world.set_members(&["s1az2", "s2"]);
    world.wait_until_said("amko", mark, &["members changed", "now=\"s1az2 s2\""]);
    world.set_weights([5, 3, 1]);
    world.wait_for_split(&[(S1AZ1, 5), (S1AZ2, 3), (S2, 1)]);
    world.label_ingress("s1az1", "none");
    world.wait_for_split(&[(S1AZ2, 3), (S2, 1)]);
    world.label_ingress("s1az1", "gslb");
    world.set_weights([6, 3, 1]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);

    // The Secret's password comes first, the controller's follows; nobody touches the pod.
    let mark = world.mark("amko");
    world.set_password_in_secret("Another-1-password");
    world.wait_until_said("amko", mark, &["credentials of the controller changed"]);
    world.wait_until_said("amko", mark, &["controller cannot be used", "redentials"]);
    world.wait_for_event("AviControllerError", "Invalid Avi credentials");
    world.set_weights([6, 4, 2]);
    assert_eq!(world.count(10), World::counts(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]));
    world.set_password_of_controller("Another-1-password");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    world.wait_until_synced();
    assert!(!world.has_said("amko", 0, &["forbidden"]), "{}", world.logs());
    world.stop("amko");
}
