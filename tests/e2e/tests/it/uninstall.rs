//! What goes with the policy, and comes back with it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clusters::again;
use crate::demo::HELLO;
use crate::world::World;
use crate::world::sites::{DNS_LEADER, DNS_SITE1, DNS_SITE2};

const POLICY: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies/global-gdp";
const POLICIES: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies";

/// Story 10.
#[test]
fn services_go_with_the_policy_and_come_back_under_the_same_names() {
    let Some(world) = World::start_sites() else { return };
    let before = services(&world);
    assert_eq!(before.keys().collect::<Vec<_>>(), [HELLO]);

    let policy = world.object("s1az1", POLICY);
    world.remove("s1az1", POLICY);
    world.wait("the services to go", || services(&world).is_empty());
    for server in [DNS_LEADER, DNS_SITE1, DNS_SITE2] {
        world.wait(&format!("{server} to know the name no more"), || world.status_at(server, HELLO) == "NXDOMAIN");
    }
    assert!(world.held("healthmonitor").keys().all(|name| !name.starts_with("amko--")), "its monitors stay");

    world.make("s1az1", POLICIES, &again_with_spec(&policy));
    for server in [DNS_LEADER, DNS_SITE1, DNS_SITE2] {
        world.wait_for_answers_at(server, &[0, 1, 2]);
    }
    assert_eq!(services(&world), before);
}

/// Names, domain names and members with their weights, by name of the GSLB service.
fn services(world: &World) -> BTreeMap<String, Value> {
    let held = world.held("gslbservice").into_iter();
    held.map(|(name, service)| (name, json!([service["domain_names"], service["groups"]]))).collect()
}

/// The policy, to be made once more; its status is not its user's.
fn again_with_spec(policy: &Value) -> Value {
    let mut policy = again(policy);
    policy.as_object_mut().unwrap().remove("status");
    policy
}
