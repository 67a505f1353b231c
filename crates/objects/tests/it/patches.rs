//! The forms of a PATCH (avi-api 1.10).

use objects::Class;
use serde_json::{Value, json};

use crate::world::{Verb, World, federated_monitor, gslb_service, tcp_monitor, uuid_of};

/// A monitor with two markers after a patch.
#[track_caller]
fn check(patch: &Value, member: &str, expected: &Value) {
    let mut world = World::new();
    let mut body = tcp_monitor("m");
    body["description"] = json!("x");
    body["markers"] = json!([{"key": "a", "values": ["1"]}, {"key": "b", "values": ["2"]}]);
    let created = world.create("healthmonitor", body);
    let patched = world.patch("healthmonitor", uuid_of(&created), patch.clone());
    assert_eq!(patched.get(member).unwrap_or(&Value::Null), expected, "{patch}");
}

#[track_caller]
fn check_refused(patch: &Value, text: &str) {
    let mut world = World::new();
    let created = world.create("healthmonitor", tcp_monitor("m"));
    let error = world.refusal(&Verb::Patch("healthmonitor", uuid_of(&created), patch.clone()));
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(error.class(), Class::Validation);
}

fn markers(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "values": [value]})).collect()
}

#[test]
fn add_sets_scalars_and_merges_lists_by_natural_key() {
    check(&json!({"add": {"send_interval": "20"}}), "send_interval", &json!(20));
    check(&json!({"add": {"udp_monitor": {"udp_request": "r"}}}), "udp_monitor", &json!({"udp_request": "r"}));
    let all = markers(&[("a", "1"), ("b", "3"), ("c", "4")]);
    check(
        &json!({"add": {"markers": [{"key": "b", "values": ["3"]}, {"key": "c", "values": ["4"]}]}}),
        "markers",
        &all,
    );
    let one = markers(&[("a", "1"), ("b", "2"), ("c", "4")]);
    check(&json!({"add": {"markers": {"key": "c", "values": ["4"]}}}), "markers", &one);
}

#[test]
fn replace_sets_whole_values() {
    check(&json!({"replace": {"markers": [{"key": "c"}]}}), "markers", &json!([{"key": "c"}]));
    check(&json!({"replace": {"description": "y"}}), "description", &json!("y"));
    check(&json!({"replace": {"unknown": 1}}), "unknown", &Value::Null);
}

#[test]
fn delete_unsets_scalars_and_removes_matching_elements() {
    check(&json!({"delete": {"description": "whatever"}}), "description", &Value::Null);
    check(&json!({"delete": {"send_interval": null}}), "send_interval", &json!(10));
    check(&json!({"delete": {"markers": [{"key": "a"}]}}), "markers", &markers(&[("b", "2")]));
    check(&json!({"remove": {"markers": [{"key": "a"}]}}), "markers", &markers(&[("b", "2")]));
    check(&json!({"delete": {"markers": null}}), "markers", &Value::Null);
    check(&json!({"delete": {"markers": []}}), "markers", &Value::Null);
}

#[test]
fn several_verbs_are_applied_in_order() {
    let patch = json!({
        "delete": {"markers": [{"key": "a"}]},
        "replace": {"description": "y"},
        "add": {"markers": [{"key": "c", "values": ["3"]}]},
        "json_patch": [{"op": "remove", "path": "/markers/0"}],
    });
    check(&patch, "markers", &markers(&[("c", "3")]));
}

#[test]
fn a_json_patch_is_as_loose_as_its_clients() {
    let ops = |ops: Value| json!({"json_patch": ops});
    let appended = markers(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let add = json!([{"op": "add", "path": "/markers", "value": [{"key": "c", "values": ["3"]}], "extra": 1}]);
    check(&ops(add.clone()), "markers", &appended);
    check(&add, "markers", &appended);
    check(&json!([{"op": "add", "path": "/markers/-", "value": {"key": "c", "values": ["3"]}}]), "markers", &appended);
    let first = markers(&[("c", "3"), ("a", "1"), ("b", "2")]);
    check(&json!([{"op": "add", "path": "/markers/0", "value": {"key": "c", "values": ["3"]}}]), "markers", &first);
    let last = markers(&[("b", "2")]);
    check(&json!([{"op": "remove", "path": "/markers/0"}]), "markers", &last);
    check(&json!([{"op": "remove", "path": "/markers/a"}]), "markers", &last);
    let replaced = markers(&[("a", "9"), ("b", "2")]);
    check(&json!([{"op": "replace", "path": "/markers/0/values/0", "value": "9"}]), "markers", &replaced);
    check(&json!([{"op": "replace", "path": "/monitor_port", "value": 80}]), "monitor_port", &json!(80));
    check(&json!([{"op": "copy", "from": "/name", "path": "/description"}]), "description", &json!("m"));
    let moved = markers(&[("b", "2"), ("a", "1")]);
    check(&json!([{"op": "move", "from": "/markers/0", "path": "/markers/1"}]), "markers", &moved);
    let tested = json!([{"op": "test", "path": "/send_interval", "value": "10"},
        {"op": "replace", "path": "/send_interval", "value": 11}]);
    check(&tested, "send_interval", &json!(11));
}

#[test]
fn a_patch_that_means_nothing_is_refused() {
    check_refused(&json!({}), "expected add, replace, delete or json_patch");
    check_refused(&json!("x"), "expected a JSON object");
    check_refused(&json!({"add": 7}), "add: expected an object");
    check_refused(&json!({"json_patch": {}}), "json_patch: expected a list");
    check_refused(&json!([{"op": "remove", "path": "/markers/5"}]), "there is nothing at '/markers/5'");
    check_refused(&json!([{"op": "remove", "path": "description"}]), "is not a JSON pointer");
    check_refused(&json!([{"op": "jump", "path": "/name"}]), "op 'jump'");
    check_refused(&json!([{"op": "add", "path": "/name"}]), "json_patch[0].value: Required field missing");
    check_refused(&json!([{"op": "test", "path": "/name", "value": "n"}]), "the test of '/name' failed");
    check_refused(&json!([{"op": "replace", "path": "", "value": 7}]), "cannot be replaced");
    check_refused(&json!({"replace": {"type": "HEALTH_MONITOR_PING"}}), "Cannot modify type");
    check_refused(&json!({"replace": {"send_interval": 0}}), "send_interval: 0 is out of range");
    check_refused(&json!({"delete": {"name": null}}), "name: Required field missing");
}

#[test]
fn references_in_a_patch_may_have_any_form() {
    let mut world = World::with_gslb();
    let monitor = world.create("healthmonitor", federated_monitor("hm"));
    let service = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let uuid = uuid_of(&service);
    for form in [json!("/api/healthmonitor?name=hm"), monitor["url"].clone(), json!("hm")] {
        let patched = world.patch("gslbservice", uuid, json!({"add": {"health_monitor_refs": [form]}}));
        assert_eq!(patched["health_monitor_refs"], json!([monitor["url"]]));
    }
    let patched = world.patch("gslbservice", uuid, json!({"delete": {"health_monitor_refs": ["hm"]}}));
    assert!(patched.get("health_monitor_refs").is_none());
    world.write(&Verb::Delete("healthmonitor", uuid_of(&monitor))).unwrap();
}

#[test]
fn elements_without_a_key_are_matched_as_whole_values() {
    let mut world = World::with_gslb();
    let service = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let uuid = uuid_of(&service);
    let member = json!({"ip": {"addr": "192.0.2.2"}});
    let add = json!([{"op": "add", "path": "/groups/0/members", "value": [member]}]);
    for _ in 0..2 {
        let patched = world.patch("gslbservice", uuid, add.clone());
        assert_eq!(patched["groups"][0]["members"].as_array().unwrap().len(), 2);
    }
    let emptied =
        world.patch("gslbservice", uuid, json!([{"op": "replace", "path": "/groups/0/members", "value": []}]));
    assert!(emptied["groups"][0].get("members").is_none());
}

#[test]
fn secrets_can_neither_be_compared_nor_copied() {
    let mut world = World::with_gslb();
    let gslb = world.projection.single("gslb").unwrap().uuid.clone();
    let guess = json!([{"op": "test", "path": "/sites/0/password", "value": "secret"}]);
    assert!(world.refusal(&Verb::Patch("gslb", &gslb, guess)).to_string().contains("failed"));
    let copied =
        world.patch("gslb", &gslb, json!([{"op": "copy", "from": "/sites/0/password", "path": "/description"}]));
    assert_eq!(copied["description"], "<sensitive>");
    assert_eq!(world.object("gslb", &gslb).body["description"], "<sensitive>");
    assert_eq!(world.object("gslb", &gslb).body["sites"][0]["password"], "secret");
}
