//! Services of several clusters become ServiceImports of one (amko 10, 13.14), on real API servers.

use serde_json::{Value, json};

use crate::world::World;

const FIRST: &str = "s1az2--default--shop 80=192.0.2.1:30080,192.0.2.2:30080";
const SECOND: &str = "s2--default--shop 80=192.0.2.1:30080,192.0.2.2:30080";

fn ports(node_port: u16) -> Value {
    json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": node_port}]})
}

// catalogue amko: 190, 191, 192, 193, 194, 195, 196
#[test]
fn imports_follow_ingresses_services_and_nodes_of_every_cluster() {
    let Some(mut world) = World::start_with_cluster_set() else { return };
    world.put_multi_cluster_ingress("s2", 80);
    world.start_discovery();
    world.wait_for_imports(&[FIRST, SECOND]);

    // Another node port concerns one import.
    world.edit_shop("s2", &ports(30081));
    world.wait_for_imports(&[FIRST, "s2--default--shop 80=192.0.2.1:30081,192.0.2.2:30081"]);
    world.edit_shop("s2", &ports(30080));
    world.wait_for_imports(&[FIRST, SECOND]);

    // A port that the Service does not have, and back.
    world.put_multi_cluster_ingress("s2", 81);
    world.wait_for_imports(&[FIRST]);
    world.put_multi_cluster_ingress("s2", 80);
    world.wait_for_imports(&[FIRST, SECOND]);

    // Not reachable at nodes, and back.
    world.edit_shop("s2", &json!({"type": "ClusterIP", "ports": [{"port": 80, "nodePort": null}]}));
    world.wait_for_imports(&[FIRST]);
    world.edit_shop("s2", &ports(30080));
    world.wait_for_imports(&[FIRST, SECOND]);

    world.remove_node("s2", "n1");
    world.wait_for_imports(&[FIRST, "s2--default--shop 80=192.0.2.2:30080"]);
    world.make_node("s2", "n3", "192.0.2.3");
    world.wait_for_imports(&[FIRST, "s2--default--shop 80=192.0.2.2:30080,192.0.2.3:30080"]);

    // An ingress that names a cluster outside of the set counts for nothing; the log says why.
    let mark = world.mark("discovery");
    world.put_multi_cluster_ingress("nowhere", 80);
    world.wait_for_imports(&[]);
    let reason = "cluster context nowhere is invalid and not part of clusterset";
    world.wait_until_said("discovery", mark, &["MultiClusterIngress left aside", reason]);
    world.put_multi_cluster_ingress("s2", 80);
    let reduced = "s2--default--shop 80=192.0.2.2:30080,192.0.2.3:30080";
    world.wait_for_imports(&[FIRST, reduced]);

    // Its rights suffice. An API server that has just begun may refuse for a moment what it grants.
    assert!(!world.has_said("discovery", 0, &["forbidden"]), "{}", world.logs());

    // A cluster that is away keeps its import, even over a restart; the others go on.
    world.kill_api_server("s2");
    world.stop("discovery");
    world.start_discovery();
    world.remove_node("s1az2", "n2");
    world.wait_for_imports(&["s1az2--default--shop 80=192.0.2.1:30080", reduced]);
    world.start_api_server("s2");
    world.make_node("s2", "n4", "192.0.2.4");
    let grown = "s2--default--shop 80=192.0.2.2:30080,192.0.2.3:30080,192.0.2.4:30080";
    world.wait_for_imports(&["s1az2--default--shop 80=192.0.2.1:30080", grown]);

    world.remove_shop("s1az2");
    world.wait_for_imports(&[grown]);
    world.remove_shop("s2");
    world.wait_for_imports(&[]);
    world.stop("discovery");
}
