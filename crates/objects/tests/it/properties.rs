//! Properties that hold for any object.

use objects::{Object, Projection};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Verb, World, federated_monitor, gslb_service, schema, uuid_of};

/// Any JSON, with a taste for what must never be shown.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!("")),
        Just(json!([])),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        Just(json!("<sensitive>")),
        Just(json!("/api/healthmonitor?name=System-GSLB-TCP")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// A service that is valid, in many shapes.
fn any_service() -> impl Strategy<Value = Value> {
    let member = (1..255_u8, 1..=20_i64, any::<bool>(), prop::option::of("[a-z]{0,5}")).prop_map(
        |(octet, ratio, enabled, description)| {
            json!({"ip": {"addr": format!("192.0.2.{octet}")}, "ratio": ratio, "enabled": enabled,
                "description": description, "vs_uuid": ""})
        },
    );
    let group = ("[a-z]{1,5}", 0..=100_i64, prop::collection::vec(member, 0..4))
        .prop_map(|(name, priority, members)| json!({"name": name, "priority": priority, "members": members}));
    let ttl = prop::option::of(0..=86_400_i64);
    let markers = prop::collection::btree_map("[a-c]", "[a-z]{0,3}", 0..3);
    (prop::collection::vec(group, 1..4), ttl, any::<bool>(), markers, any::<bool>()).prop_map(
        |(groups, ttl, wildcard, markers, monitored)| {
            let mut body = gslb_service("app.avi.iberia.local", &[]);
            body["groups"] = json!(groups);
            body["ttl"] = json!(ttl);
            body["wildcard_match"] = json!(wildcard);
            let markers: Vec<Value> =
                markers.iter().map(|(key, value)| json!({"key": key, "values": [value]})).collect();
            body["markers"] = json!(markers);
            if monitored {
                body["health_monitor_refs"] = json!(["/api/healthmonitor?name=System-GSLB-TCP"]);
            }
            body
        },
    )
}

/// Whether a null, an empty text or an empty list is a member of it anywhere.
fn shows_nothing(value: &Value) -> bool {
    match value {
        Value::Object(body) => {
            body.values().any(|v| *v == json!(null) || *v == "" || *v == json!([]) || shows_nothing(v))
        }
        Value::Array(elements) => elements.iter().any(|v| v.is_null() || shows_nothing(v)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_replace_by_what_was_read_changes_nothing(body in any_service()) {
        let mut world = World::with_gslb();
        let created = world.create("gslbservice", body);
        let uuid = uuid_of(&created);
        let before = world.object("gslbservice", uuid);
        for names in [true, false] {
            let read = world.get("gslbservice", uuid, names);
            world.replace("gslbservice", uuid, read);
            let after = world.object("gslbservice", uuid);
            prop_assert_eq!(&after.body, &before.body);
            prop_assert_eq!(&after.name, &before.name);
            prop_assert!(after.last_modified_us > before.last_modified_us);
        }
    }

    #[test]
    fn nothing_empty_is_ever_shown(body in any_service(), kept in any_json()) {
        let mut world = World::with_gslb();
        prop_assert!(!shows_nothing(&world.create("gslbservice", body)));
        let cloud = json!({"name": "c", "nsxt_configuration": kept, "vcenter_configuration": {"x": kept}});
        prop_assert!(!shows_nothing(&world.create("cloud", cloud)));
    }

    #[test]
    fn an_add_by_natural_key_is_idempotent(body in any_service(), key in "[a-d]", value in "[a-z]{1,3}") {
        let mut world = World::with_gslb();
        let created = world.create("gslbservice", body);
        let uuid = uuid_of(&created);
        let monitor = json!("/api/healthmonitor?name=System-GSLB-TCP");
        let add = json!({"add": {"markers": [{"key": key, "values": [value]}], "health_monitor_refs": [monitor]}});
        world.patch("gslbservice", uuid, add.clone());
        let once = world.object("gslbservice", uuid);
        world.patch("gslbservice", uuid, add);
        prop_assert_eq!(&world.object("gslbservice", uuid).body, &once.body);
    }

    #[test]
    fn any_input_is_taken_or_refused_without_panic(input in any_json(), patch in any_json()) {
        let mut world = World::with_gslb();
        for path in ["gslbservice", "healthmonitor", "cloud", "systemconfiguration", "virtualservice", "user"] {
            let _ = world.decide(&Verb::Create(path, input.clone()));
        }
        let created = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
        let uuid = uuid_of(&created);
        let _ = world.decide(&Verb::Replace("gslbservice", uuid, input.clone()));
        let verbs = json!({"add": {"groups": input, "description": patch}, "delete": {"groups": patch}});
        let _ = world.decide(&Verb::Patch("gslbservice", uuid, verbs));
        let ops = json!([{"op": "add", "path": "/groups/0/members", "value": patch},
            {"op": "replace", "path": "/groups/0", "value": input}]);
        let _ = world.decide(&Verb::Patch("gslbservice", uuid, ops));
        let _ = world.decide(&Verb::Patch("gslbservice", uuid, patch));
    }

    #[test]
    fn an_object_survives_its_bytes(body in any_service()) {
        let mut world = World::with_gslb();
        let created = world.create("gslbservice", body);
        let object = world.object("gslbservice", uuid_of(&created));
        let types = world.projection.types();
        let again = Object::from_bytes(types, &object.to_bytes(), object.modified).unwrap();
        prop_assert_eq!(&again, object.as_ref());
    }

    #[test]
    fn a_projection_with_changes_equals_one_built_anew(steps in prop::collection::vec((0..5_u8, 0..4_u8), 0..30)) {
        let mut world = World::with_gslb();
        for (kind, number) in steps {
            let fqdn = format!("app{number}.avi.iberia.local");
            let find = |world: &World, path, name: &str| {
                world.projection.by_name(path, "admin", None, name).map(|object| object.uuid.clone())
            };
            let (service, monitor) = (find(&world, "gslbservice", &fqdn), find(&world, "healthmonitor", &format!("m{number}")));
            let _ = match (kind, service, monitor) {
                (0, _, _) => world.write(&Verb::Create("healthmonitor", federated_monitor(&format!("m{number}")))),
                (1, _, _) => {
                    let mut body = gslb_service(&fqdn, &["192.0.2.1"]);
                    body["health_monitor_refs"] = json!([format!("m{number}")]);
                    world.write(&Verb::Create("gslbservice", body))
                }
                (2, Some(uuid), _) => {
                    let renamed = json!({"replace": {"domain_names": [format!("other{number}.avi.iberia.local")]},
                        "delete": {"health_monitor_refs": null}});
                    world.write(&Verb::Patch("gslbservice", &uuid, renamed))
                }
                (3, Some(uuid), _) => world.write(&Verb::Delete("gslbservice", &uuid)),
                (4, _, Some(uuid)) => world.write(&Verb::Delete("healthmonitor", &uuid)),
                _ => Ok(Value::Null),
            };
        }
        let mut rebuilt = Projection::new(world.projection.types().clone());
        for (key, (value, revision)) in &world.keys {
            rebuilt.apply_put(key, value, *revision).unwrap();
        }
        prop_assert!(rebuilt == world.projection);
    }
}

#[test]
fn what_another_release_stored_survives_every_write() {
    let mut world = World::new();
    let created = world.create("healthmonitor", crate::world::tcp_monitor("m"));
    let uuid = uuid_of(&created).to_owned();
    let key = objects::key::object("healthmonitor", &uuid);
    let mut stored: Value = serde_json::from_slice(&world.keys[&key].0).unwrap();
    stored["body"]["from_the_future"] = json!({"deep": [null]});
    stored["body"]["tcp_monitor"]["also"] = json!(1);
    stored["envelope_member"] = json!("kept");
    let bytes = serde_json::to_vec(&stored).unwrap();
    world.projection.apply_put(&key, &bytes, world.revision).unwrap();
    let read = world.get("healthmonitor", &uuid, true);
    assert!(read.get("from_the_future").is_none(), "clients of this release do not see it");
    let write = world.decide(&Verb::Replace("healthmonitor", &uuid, read)).unwrap();
    let again: Value = serde_json::from_slice(&write.object().unwrap().to_bytes()).unwrap();
    assert_eq!(again["body"]["from_the_future"], json!({"deep": [null]}));
    assert_eq!(again["body"]["tcp_monitor"]["also"], 1);
    assert_eq!(again["envelope_member"], "kept");
}

#[test]
fn a_default_that_a_schema_gains_is_there_after_loading() {
    let mut projection = Projection::new(objects::Types::new([schema("healthmonitor")]));
    let body = serde_json::Map::from_iter([("type".to_owned(), json!("HEALTH_MONITOR_PING"))]);
    let object = Object::new("healthmonitor", "healthmonitor-1".into(), "m".into(), "admin".into(), body, 1);
    projection.apply_put("/object/healthmonitor/healthmonitor-1", &object.to_bytes(), 1).unwrap();
    assert_eq!(projection.get("healthmonitor", "healthmonitor-1").unwrap().body["failed_checks"], 2);
    let unknown =
        br#"{"path":"pool","uuid":"pool-1","name":"p","tenant":"admin","last_modified_us":1,"version":1,"body":{}}"#;
    assert!(projection.apply_put("/object/pool/pool-1", unknown, 2).is_err());
    assert!(projection.apply_put("/object/healthmonitor/healthmonitor-1", b"junk", 2).is_err());
    assert!(projection.get("healthmonitor", "healthmonitor-1").is_some());
}
