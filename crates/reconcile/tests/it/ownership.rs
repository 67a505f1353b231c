//! What is another's stays another's.

use reconcile::{ObjectType, Situation, plan};
use serde_json::json;

use crate::controller::{Controller, monitor, owner, service};

fn foreign(created_by: &str) -> Controller {
    let mut theirs = [monitor("amko--9", "theirs", "HTTP", 80), service("theirs", &[("10.1.1.9", 1)], &["amko--9"])];
    theirs[0].draft["markers"][0]["values"] = json!([created_by]);
    theirs[1].draft["created_by"] = created_by.into();
    Controller::with(&theirs)
}

#[test]
fn another_owners_objects_are_not_deleted() {
    assert_eq!(foreign("amko-other").plan(&[]).to_string(), "nothing to do\n");
    assert_eq!(foreign("").plan(&[]).to_string(), "nothing to do\n", "nor those that name nobody");
}

#[test]
fn a_service_of_our_name_and_another_owner_is_left_and_told() {
    let wanted = [monitor("amko--1", "theirs", "HTTP", 80), service("theirs", &[("10.1.1.1", 1)], &["amko--1"])];
    let plan = foreign("amko-other").plan(&wanted);
    assert_eq!(plan.to_string(), "leave gslbservice admin/theirs belongs to amko-other\n");
}

#[test]
fn a_service_that_cannot_be_ours_has_no_monitor_of_ours() {
    let ours = [monitor("amko--1", "theirs", "HTTP", 80), monitor("amko--2", "theirs", "HTTP", 81)];
    let theirs = |refs: &[&str]| {
        let mut theirs = service("theirs", &[("10.1.1.9", 1)], refs);
        theirs.draft["created_by"] = "amko-other".into();
        theirs
    };
    let wanted = [ours[0].clone(), ours[1].clone(), service("theirs", &[("10.1.1.1", 1)], &["amko--1", "amko--2"])];
    let plan_beside = |theirs| {
        let controller = Controller::with(&[ours[0].clone(), ours[1].clone(), theirs]);
        controller.plan(&wanted).to_string()
    };
    let told = "leave gslbservice admin/theirs belongs to amko-other\n";
    let (one, two) = ("delete healthmonitor admin/amko--1\n", "delete healthmonitor admin/amko--2\n");
    assert_eq!(plan_beside(theirs(&[])), format!("{one}{two}{told}"));
    assert_eq!(plan_beside(theirs(&["amko--2"])), format!("{one}{told}"), "but what they refer to");
}

#[test]
fn a_service_that_is_to_be_made_says_what_to_delete_if_it_is_refused() {
    let wanted = [monitor("amko--1", "hello", "HTTP", 80), service("hello", &[("10.1.1.1", 1)], &["amko--1"])];
    let plan = Controller::with(&wanted[..1]).plan(&wanted);
    let leftovers: Vec<_> = plan.leftovers.values().flatten().map(|step| step.key.to_string()).collect();
    assert_eq!((plan.steps.len(), leftovers), (1, vec!["healthmonitor admin/amko--1".to_owned()]));
    assert!(Controller::with(&wanted).plan(&wanted).leftovers.is_empty());
}

#[test]
fn a_service_of_an_earlier_release_becomes_ours() {
    let wanted = [service("theirs", &[("10.1.1.9", 1)], &["amko--9"])];
    let plan = foreign("amko-gslb").plan(&wanted);
    assert_eq!(plan.to_string(), "update gslbservice admin/theirs\n    created_by: amko-gslb → amko-own\n");
}

#[test]
fn a_monitor_of_our_name_is_adopted_with_its_tuning() {
    let wanted = [monitor("amko--9", "ours", "HTTP", 80), service("ours", &[("10.1.1.1", 1)], &["amko--9"])];
    let mut controller = foreign("amko-other");
    controller.edit(ObjectType::HealthMonitor, "amko--9", |body| body["send_interval"] = 2.into());
    let plan = controller.plan(&wanted);
    let expected = "adopt healthmonitor admin/amko--9\n    made by amko-other\ncreate gslbservice admin/ours\n";
    assert_eq!(plan.to_string(), expected);
    controller.apply(&plan);
    let body = controller.body(ObjectType::HealthMonitor, "amko--9");
    assert_eq!((&body["send_interval"], &body["markers"][0]["values"][0]), (&json!(2), &json!("amko-own")));
    assert_eq!(controller.plan(&wanted).to_string(), "nothing to do\n");
}

#[test]
fn a_monitor_of_our_name_and_another_type_is_not_made_anew() {
    let wanted = [monitor("amko--9", "ours", "TCP", 80), service("ours", &[("10.1.1.1", 1)], &["amko--9"])];
    let plan = foreign("amko-other").plan(&wanted);
    assert_eq!(plan.to_string(), "leave healthmonitor admin/amko--9 belongs to amko-other\n");
}

#[test]
fn what_is_to_be_kept_is_not_deleted_nor_what_it_refers_to() {
    let ours = [monitor("amko--1", "hello", "HTTP", 80), service("hello", &[("10.1.1.1", 1)], &["amko--1"])];
    let controller = Controller::with(&ours);
    let keep = |key: &reconcile::Key| key.kind == ObjectType::GslbService;
    let situation = Situation::<'_, serde_json::Value> {
        wanted: &[],
        observed: &controller.observed,
        owner: &owner(),
        keep: &keep,
    };
    assert_eq!(plan(&situation).to_string(), "nothing to do\n");
}

#[test]
fn one_blocked_unit_does_not_block_another() {
    let wanted = [
        service("theirs", &[("10.1.1.1", 1)], &[]),
        monitor("amko--1", "hello", "HTTP", 80),
        service("hello", &[("10.1.1.1", 1)], &["amko--1"]),
    ];
    let plan = foreign("amko-other").plan(&wanted);
    let names: Vec<_> = plan.steps.iter().map(|step| step.key.name.as_str()).collect();
    assert_eq!(names, ["amko--1", "hello"]);
}
