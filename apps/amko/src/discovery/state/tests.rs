//! What is imported, and what becomes of it (amko 13.14).

use serde_json::{Value, json};

use super::*;

/// Clusters `a` and `b` with two nodes and a Service `x/shop` each, a MultiClusterIngress that names both.
fn world() -> State {
    let mut state = State::default();
    state.take(Event::Reset(vec![ingress("shop.example.com", &[("a", 80), ("b", 80)])]));
    state.clusters = Some(["a", "b"].map(|cluster| (cluster.to_owned(), Exporter::default())).into());
    for cluster in ["a", "b"] {
        let objects = vec![shop("NodePort", 30080), node("n1", "192.0.2.1"), node("n2", "192.0.2.2")];
        state.take_of_member(cluster, Event::Reset(objects));
    }
    state
}

/// Of backends, cluster and port of its `x/shop`.
fn ingress(host: &str, backends: &[(&str, u16)]) -> Object {
    let backend = |(cluster, port): &(&str, u16)| json!({"cluster": cluster, "service": {"name": "shop", "port": port, "namespace": "x"}});
    let config: Vec<Value> = backends.iter().map(backend).collect();
    let ingress = json!({"metadata": {"name": "m", "namespace": "x"}, "spec": {"hostName": host, "config": config}});
    Object::MultiClusterIngress(serde_json::from_value(ingress).unwrap())
}

fn shop(kind: &str, node_port: u16) -> Object {
    let ports = json!([{"port": 80, "nodePort": node_port}, {"port": 443, "nodePort": 30443}]);
    let shop = json!({"metadata": {"name": "shop", "namespace": "x"}, "spec": {"type": kind, "ports": ports}});
    Object::Service(serde_json::from_value(shop).unwrap())
}

fn node(name: &str, address: &str) -> Object {
    let addresses = json!([{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}]);
    Object::Node(
        serde_json::from_value(json!({"metadata": {"name": name}, "status": {"addresses": addresses}})).unwrap(),
    )
}

/// Writes what is to be written, and says what: `created a--x--shop 80=192.0.2.1:30080,192.0.2.2:30080`.
fn settle(state: &mut State) -> Vec<String> {
    let steps = state.steps();
    let said = steps.iter().map(|step| match step {
        Step::Create(name, spec) | Step::Update(name, spec) => {
            let ports = spec.svc_ports.iter().map(|port| {
                let endpoints: Vec<_> = port.endpoints.iter().map(|it| format!("{}:{}", it.ip, it.port)).collect();
                format!(" {}={}", port.port, endpoints.join(","))
            });
            format!("{} {name}{}", step.verb(), ports.collect::<String>())
        }
        Step::Delete(name) => format!("deleted {name}"),
    });
    let said = said.collect();
    steps.into_iter().for_each(|step| state.wrote(step));
    assert_eq!(state.steps(), [], "what was written is as it should be");
    said
}

const BOTH: &str = "80=192.0.2.1:30080,192.0.2.2:30080";

// catalogue amko: 190
#[test]
fn each_cluster_s_service_is_imported_with_all_nodes() {
    let mut state = world();
    assert_eq!(settle(&mut state), [format!("created a--x--shop {BOTH}"), format!("created b--x--shop {BOTH}")]);
}

// catalogue amko: 191
#[test]
fn another_node_port_updates_that_import_alone() {
    let mut state = world();
    settle(&mut state);
    state.take_of_member("b", Event::Apply(Box::new(shop("NodePort", 30081))));
    assert_eq!(settle(&mut state), ["updated b--x--shop 80=192.0.2.1:30081,192.0.2.2:30081"]);
}

// catalogue amko: 192
#[test]
fn an_unknown_port_deletes_the_import_until_it_is_known_again() {
    let mut state = world();
    settle(&mut state);
    state.take(Event::Apply(Box::new(ingress("shop.example.com", &[("a", 80), ("b", 81)]))));
    assert_eq!(settle(&mut state), ["deleted b--x--shop"]);
    state.take(Event::Apply(Box::new(ingress("shop.example.com", &[("a", 80), ("b", 80)]))));
    assert_eq!(settle(&mut state), [format!("created b--x--shop {BOTH}")]);
    // Two ports of one Service are one import.
    state.take(Event::Apply(Box::new(ingress("shop.example.com", &[("a", 80), ("b", 80), ("b", 443)]))));
    let https = "443=192.0.2.1:30443,192.0.2.2:30443";
    assert_eq!(settle(&mut state), [format!("updated b--x--shop {BOTH} {https}")]);
}

// catalogue amko: 193
#[test]
fn a_service_of_another_type_is_not_imported() {
    let mut state = world();
    settle(&mut state);
    state.take_of_member("a", Event::Apply(Box::new(shop("ClusterIP", 30080))));
    assert_eq!(settle(&mut state), ["deleted a--x--shop"]);
    state.take_of_member("a", Event::Apply(Box::new(shop("NodePort", 30080))));
    assert_eq!(settle(&mut state), [format!("created a--x--shop {BOTH}")]);
}

// catalogue amko: 194
#[test]
fn end_points_come_and_go_with_the_nodes() {
    let mut state = world();
    settle(&mut state);
    state.take_of_member("a", Event::Delete(node("n1", "192.0.2.1").key()));
    assert_eq!(settle(&mut state), ["updated a--x--shop 80=192.0.2.2:30080"]);
    state.take_of_member("a", Event::Apply(Box::new(node("n3", "192.0.2.3"))));
    assert_eq!(settle(&mut state), ["updated a--x--shop 80=192.0.2.2:30080,192.0.2.3:30080"]);
    // One that has no address yet counts later.
    let bare = Object::Node(serde_json::from_value(json!({"metadata": {"name": "n4"}})).unwrap());
    state.take_of_member("a", Event::Apply(Box::new(bare)));
    assert_eq!(settle(&mut state), [""; 0]);
}

// catalogue amko: 195
#[test]
fn a_deleted_service_takes_its_import_along() {
    let mut state = world();
    settle(&mut state);
    state.take_of_member("a", Event::Delete(shop("", 0).key()));
    assert_eq!(settle(&mut state), ["deleted a--x--shop"]);
    state.take_of_member("b", Event::Delete(shop("", 0).key()));
    assert_eq!(settle(&mut state), ["deleted b--x--shop"]);
}

#[track_caller]
fn check_invalid(spec: Value, expected: &str) {
    let mut state = world();
    settle(&mut state);
    let ingress = json!({"metadata": {"name": "m", "namespace": "x"}, "spec": spec});
    state.take(Event::Apply(Box::new(Object::MultiClusterIngress(serde_json::from_value(ingress).unwrap()))));
    assert_eq!(settle(&mut state), ["deleted a--x--shop", "deleted b--x--shop"]);
    assert_eq!(state.told["x/m"].to_string(), expected);
}

// catalogue amko: 196
#[test]
fn nothing_is_imported_for_an_ingress_that_is_not_valid() {
    let service = json!({"name": "shop", "port": 80, "namespace": "x"});
    let one = |backend: Value| json!({"hostName": "h", "config": [{"cluster": "a", "service": service}, backend]});
    check_invalid(json!({"config": [{"cluster": "a", "service": service}]}), "spec.hostname can't be empty");
    check_invalid(one(json!({"service": service})), "spec.config.clusterContext can't be empty");
    let unknown = "cluster context c is invalid and not part of clusterset";
    check_invalid(one(json!({"cluster": "c", "service": service})), unknown);
    check_invalid(one(json!({"cluster": "a", "service": {"namespace": "x"}})), "service name can't be empty");
    check_invalid(one(json!({"cluster": "a", "service": {"name": "shop"}})), "service namespace can't be empty");
}

#[test]
fn silence_deletes_nothing() {
    let mut state = world();
    settle(&mut state);
    let problem = Problem { place: "cluster a".to_owned(), what: "away".to_owned(), advice: "wait".to_owned() };
    // Part of a cluster cannot be read.
    state.take_of_member("a", Event::Problems(vec![problem.clone()]));
    state.take_of_member("a", Event::Delete(shop("", 0).key()));
    assert_eq!(settle(&mut state), [""; 0]);
    state.take_of_member("a", Event::Problems(vec![]));
    assert_eq!(settle(&mut state), ["deleted a--x--shop"]);
    // The own cluster cannot be read.
    state.take(Event::Problems(vec![problem]));
    state.take_of_member("b", Event::Apply(Box::new(shop("ClusterIP", 1))));
    assert_eq!(settle(&mut state), [""; 0]);
    state.take(Event::Problems(vec![]));
    assert_eq!(settle(&mut state), ["deleted b--x--shop"]);
}

#[test]
fn after_a_restart_nothing_is_written_before_the_clusters_have_answered() {
    let mut before = world();
    settle(&mut before);
    let imports = before.held.iter().map(|(name, spec)| {
        let import = json!({"metadata": {"name": name, "namespace": "avi-system"}, "spec": spec});
        Object::ServiceImport(serde_json::from_value(import).unwrap())
    });
    let mut objects: Vec<_> = imports.collect();
    objects.push(ingress("shop.example.com", &[("a", 80), ("b", 80)]));
    let mut state = State::default();
    state.take(Event::Reset(objects));
    assert_eq!(settle(&mut state), [""; 0], "no set is known");
    state.clusters = Some(["a"].map(|cluster| (cluster.to_owned(), Exporter::default())).into());
    // Without `b` the ingress is not valid; `a` is silent, and `b` has left the set.
    assert_eq!(settle(&mut state), ["deleted b--x--shop"]);
    state.take_of_member("a", Event::Reset(vec![]));
    assert_eq!(settle(&mut state), ["deleted a--x--shop"]);
}

#[test]
fn imports_of_others_are_let_alone() {
    let mut state = world();
    settle(&mut state);
    let theirs = json!({"metadata": {"name": "mine", "namespace": "avi-system"}, "spec": {"cluster": "a"}});
    state.take(Event::Apply(Box::new(Object::ServiceImport(serde_json::from_value(theirs).unwrap()))));
    assert_eq!(settle(&mut state), [""; 0]);
    // What somebody changed in one of ours is set right.
    let mut spec = state.held["a--x--shop"].clone();
    spec.svc_ports[0].endpoints.pop();
    let edited = json!({"metadata": {"name": "a--x--shop", "namespace": "avi-system"}, "spec": spec});
    state.take(Event::Apply(Box::new(Object::ServiceImport(serde_json::from_value(edited).unwrap()))));
    assert_eq!(settle(&mut state), [format!("updated a--x--shop {BOTH}")]);
}
