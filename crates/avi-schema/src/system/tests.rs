//! Every system object is one that the create path would take.

use std::collections::BTreeSet;

use serde_json::Value;

use super::system_objects;
use crate::{Default, Field, Kind, MessageSchema, Names, TYPES, by_path};

#[test]
fn every_system_object_fits_its_table() {
    for object in system_objects() {
        let at = format!("{}/{}", object.path, object.name);
        let schema = by_path(object.path).unwrap();
        assert_eq!(object.body["name"], object.name, "{at}");
        let mut body = object.body.clone();
        body.as_object_mut().unwrap().shift_remove("name");
        check_message(schema.message, &body, &at);
    }
}

#[test]
fn names_and_uuids_are_unique() {
    let objects = system_objects();
    let names: BTreeSet<_> = objects.iter().map(|o| (o.path, o.name)).collect();
    assert_eq!(names.len(), objects.len());
    let uuids: Vec<_> = objects.iter().filter_map(|o| o.uuid).collect();
    assert_eq!(uuids, ["admin", "default", "global"]);
}

#[test]
fn every_singleton_has_its_object() {
    for schema in TYPES.iter().filter(|s| s.names == Names::Singleton) {
        let count = system_objects().iter().filter(|o| o.path == schema.path).count();
        assert_eq!(count, 1, "{}", schema.path);
    }
}

#[test]
fn the_monitors_of_the_appendix_exist() {
    let objects = system_objects();
    let monitors: Vec<_> = objects.iter().filter(|o| o.path == "healthmonitor").collect();
    assert_eq!(monitors.len(), 16);
    for monitor in &monitors {
        let federated = monitor.name.starts_with("System-GSLB-");
        assert_eq!(monitor.body.get("is_federated").is_some(), federated, "{}", monitor.name);
    }
    let udp = monitors.iter().find(|o| o.name == "System-GSLB-UDP").unwrap();
    assert_eq!(udp.body["monitor_port"], 443);
    assert_eq!(udp.body["send_interval"], 4);
}

#[track_caller]
fn check_message(message: &MessageSchema, body: &Value, at: &str) {
    let members = body.as_object().unwrap();
    for (name, value) in members {
        let field = message.field(name);
        let field: &Field = field.unwrap_or_else(|| panic!("{at}: {}.{name} is unknown", message.name));
        assert!(!field.output_only, "{at}: {name}");
        check_value(&field.kind, value, &format!("{at}.{name}"));
    }
    for field in message.fields {
        assert!(
            !field.required || field.default != Default::Absent || members.contains_key(field.name),
            "{at}: {} is missing",
            field.name
        );
    }
}

fn check_value(kind: &Kind, value: &Value, at: &str) {
    match kind {
        Kind::Bool => assert!(value.is_boolean(), "{at}"),
        Kind::Int { min, max } => assert!((*min..=*max).contains(&value.as_i64().unwrap()), "{at}"),
        Kind::Float => assert!(value.is_number(), "{at}"),
        Kind::String => assert!(value.is_string(), "{at}"),
        Kind::Enum(values) => assert!(values.contains(&value.as_str().unwrap()), "{at}: {value}"),
        Kind::Ref(target) => assert!(by_path(target).is_some(), "{at}: {target} is a later type"),
        Kind::Message(message) => check_message(message, value, at),
        Kind::List { of, max, .. } => {
            let elements = value.as_array().unwrap();
            assert!(*max == 0 || elements.len() <= *max, "{at}");
            for element in elements {
                check_value(of, element, at);
            }
        }
        Kind::Any => {}
    }
}
