//! Sanity of the tables, so that the generic path may trust them.

use std::collections::BTreeSet;

use super::{TYPES, by_model, by_path};
use crate::{Default, Field, Kind, MessageSchema};

/// Types of later steps that today's tables already name (avi-api 2.2).
const LATER_TYPES: &[&str] = &[
    "autoscalelaunchconfig",
    "botdetectionpolicy",
    "certificatemanagementprofile",
    "csrfpolicy",
    "customipamdnsprofile",
    "errorpageprofile",
    "geodb",
    "hardwaresecuritymodulegroup",
    "icapprofile",
    "ipreputationdb",
    "labelgroup",
    "microservice",
    "networksecuritypolicy",
    "poolgroupdeploymentpolicy",
    "securitypolicy",
    "serverautoscalepolicy",
    "ssopolicy",
    "testsedatastorelevel1",
    "trafficcloneprofile",
    "useraccountprofile",
    "vimgrnwruntime",
    "vimgrvmruntime",
    "wafpolicy",
];

const COMMON: &[&str] = &["uuid", "url", "name", "_last_modified", "tenant_ref", "configpb_attributes"];

#[test]
fn every_type_is_found_by_path_and_by_model() {
    for schema in TYPES {
        assert!(std::ptr::eq(by_path(schema.path).unwrap(), *schema));
        assert!(std::ptr::eq(by_model(schema.model).unwrap(), *schema));
        assert_eq!(schema.path, schema.model.to_lowercase());
        assert_eq!(schema.message.name, schema.model);
        assert!(schema.words.starts_with(|c: char| c.is_uppercase()));
    }
    assert!(by_path("HealthMonitor").is_none());
    assert!(by_path("serviceengine").is_none());
}

#[test]
fn common_fields_are_not_listed() {
    for schema in TYPES {
        for name in COMMON {
            assert!(schema.message.field(name).is_none(), "{} {name}", schema.path);
        }
    }
}

#[test]
fn every_field_is_sane() {
    for schema in TYPES {
        check_message(schema.message, schema.path);
    }
}

#[test]
fn a_type_in_a_cloud_has_a_cloud_ref() {
    for schema in TYPES {
        let field = schema.message.field("cloud_ref");
        assert_eq!(schema.scope.is_in_cloud(), field.is_some(), "{}", schema.path);
        assert!(field.is_none_or(|field| field.immutable));
    }
}

#[test]
fn a_gslb_service_invents_no_value_that_amko_would_hash() {
    let schema = by_path("gslbservice").unwrap();
    for name in ["ttl", "num_dns_ip", "down_response", "hm_off", "description"] {
        assert_eq!(schema.message.field(name).unwrap().default, Default::Absent, "{name}");
    }
    let persistence = schema.message.field("site_persistence_enabled").unwrap();
    assert_eq!(persistence.default, Default::Bool(false));
}

#[test]
fn every_password_and_key_is_write_only() {
    let mut seen = 0;
    for schema in TYPES {
        each_field(schema.message, &mut |field| {
            let secret = ["password", "secret", "encryption_key", "aes_key", "hmac_key"]
                .iter()
                .any(|word| field.name.contains(word));
            let is_text = matches!(field.kind, Kind::String);
            if secret && is_text {
                assert!(field.sensitive, "{} {}", schema.path, field.name);
                seen += 1;
            }
        });
    }
    assert!(seen >= 12, "{seen}");
}

fn check_message(message: &'static MessageSchema, path: &str) {
    let mut names = BTreeSet::new();
    for field in message.fields {
        let at = format!("{path}: {}.{}", message.name, field.name);
        assert!(names.insert(field.name), "{at} twice");
        check_field(message, field, &at);
        check_kind(&field.kind, path, &at);
    }
}

fn check_field(message: &MessageSchema, field: &Field, at: &str) {
    assert!(!(field.required && field.default != Default::Absent), "{at}: a field with a default cannot be missing");
    match (field.default, field.kind) {
        (Default::Absent, _)
        | (Default::Bool(_), Kind::Bool)
        | (Default::Str(_), Kind::String)
        | (Default::Message, Kind::Message(_)) => {}
        (Default::Int(value), Kind::Int { min, max }) => {
            assert!((min..=max).contains(&value), "{at}: {value}");
            assert!(value <= 0 || value >= field.min_nonzero, "{at}: {value}");
        }
        (Default::Str(value), Kind::Enum(values)) => assert!(values.contains(&value), "{at}: {value}"),
        (Default::RefName(name), Kind::Ref(target)) => {
            assert!(by_path(target).is_some(), "{at}: {target} is a later type");
            let exists = crate::system_objects().iter().any(|object| object.path == target && object.name == name);
            assert!(exists, "{at}: no system object {name}");
        }
        (Default::SameAs(sibling), Kind::Int { .. }) => {
            assert!(message.field(sibling).is_some(), "{at}: {sibling}");
        }
        (default, kind) => panic!("{at}: {default:?} does not fit {kind:?}"),
    }
    if let Kind::Ref(target) = field.kind {
        assert!(!field.required || by_path(target).is_some(), "{at}: requires a later type");
        assert!(field.name.ends_with("_ref"), "{at}");
    }
}

fn check_kind(kind: &'static Kind, path: &str, at: &str) {
    match kind {
        Kind::Int { min, max } => assert!(min <= max, "{at}"),
        Kind::Enum(values) => {
            let distinct: BTreeSet<_> = values.iter().collect();
            assert_eq!(distinct.len(), values.len(), "{at}");
            assert!(!values.is_empty(), "{at}");
        }
        Kind::Ref(target) => {
            let known = by_path(target).is_some();
            let later = LATER_TYPES.contains(target);
            assert!(known != later, "{at}: {target} is known: {known}, listed as later: {later}");
        }
        Kind::Message(message) => check_message(message, path),
        Kind::List { of, key, .. } => {
            assert!(!matches!(of, Kind::List { .. }), "{at}: list of lists");
            if let (Some(key), Kind::Message(message)) = (key, of) {
                let first = key.split('.').next().unwrap();
                assert!(message.field(first).is_some(), "{at}: {key}");
            } else {
                assert!(key.is_none(), "{at}: a key needs messages");
            }
            check_kind(of, path, at);
        }
        Kind::Bool | Kind::Float | Kind::String | Kind::Any => {}
    }
}

fn each_field(message: &'static MessageSchema, visit: &mut impl FnMut(&'static Field)) {
    for field in message.fields {
        visit(field);
        match &field.kind {
            Kind::Message(inner) | Kind::List { of: Kind::Message(inner), .. } => each_field(inner, visit),
            _ => {}
        }
    }
}
