//! Plans as a person reads them.

use reconcile::{Action, ObjectType, Wanted};
use serde_json::json;

use crate::controller::{Controller, monitor, service};

#[track_caller]
fn check(controller: &mut Controller, wanted: &[Wanted], expected: &str) {
    let plan = controller.plan(wanted);
    assert_eq!(plan.to_string().trim_end(), expected);
    controller.apply(&plan);
    assert_eq!(controller.plan(wanted).to_string(), "nothing to do\n", "applied once is enough");
}

fn hello(members: &[(&str, u32)]) -> Vec<Wanted> {
    vec![monitor("amko--1", "hello", "HTTP", 80), service("hello", members, &["amko--1"])]
}

#[test]
fn monitors_come_before_services() {
    check(
        &mut Controller::default(),
        &hello(&[("10.1.1.1", 6)]),
        "create healthmonitor admin/amko--1\ncreate gslbservice admin/hello",
    );
}

#[test]
fn an_unchanged_world_causes_no_write() {
    let wanted = hello(&[("10.1.1.1", 6), ("10.1.1.2", 4)]);
    check(&mut Controller::with(&wanted), &wanted, "nothing to do");
}

#[test]
fn a_changed_weight_is_one_write_that_says_so() {
    check(
        &mut Controller::with(&hello(&[("10.1.1.1", 6), ("10.1.1.2", 4)])),
        &hello(&[("10.1.1.1", 6), ("10.1.1.2", 3)]),
        "update gslbservice admin/hello\n    groups[amko-gs-group-10].members[10.1.1.2].ratio: 4 → 3",
    );
}

#[test]
fn members_that_come_and_go_are_named() {
    check(
        &mut Controller::with(&hello(&[("10.1.1.1", 6), ("10.1.1.2", 4)])),
        &hello(&[("10.1.1.1", 6), ("10.1.1.3", 4)]),
        "update gslbservice admin/hello\n    \
         groups[amko-gs-group-10].members[10.1.1.3]: missing\n    \
         groups[amko-gs-group-10].members[10.1.1.2]: not wanted",
    );
}

#[test]
fn a_service_goes_before_its_monitors() {
    check(
        &mut Controller::with(&hello(&[("10.1.1.1", 6)])),
        &[],
        "delete gslbservice admin/hello\ndelete healthmonitor admin/amko--1",
    );
}

#[test]
fn a_tls_flip_makes_new_monitors_first_and_deletes_old_ones_last() {
    let wanted = [monitor("amko--2", "hello", "HTTP", 80), service("hello", &[("10.1.1.1", 6)], &["amko--2"])];
    let mut controller = Controller::with(&hello(&[("10.1.1.1", 6)]));
    controller.apply(&controller.plan(&wanted));
    assert_eq!(controller.writes, ["create amko--2", "update hello", "delete amko--1"]);
}

/// As amko 6.7 has it, though the controller would let a PUT change it.
#[test]
fn another_port_makes_the_monitor_anew() {
    let wanted = |port| [monitor("amko--1", "svc", "TCP", port), service("svc", &[("10.1.1.1", 1)], &["amko--1"])];
    let mut controller = Controller::with(&wanted(8080));
    controller.apply(&controller.plan(&wanted(9090)));
    assert_eq!(controller.writes, ["detach svc", "delete amko--1", "create amko--1", "update svc"]);
    assert_eq!(controller.body(ObjectType::HealthMonitor, "amko--1")["monitor_port"], 9090);
    assert_eq!(controller.plan(&wanted(9090)).to_string(), "nothing to do\n");
}

/// The port of these follows from TLS, so that another port has another name; what differs was edited by hand.
#[test]
fn an_edited_port_of_an_http_monitor_is_repaired_in_place() {
    let wanted = hello(&[("10.1.1.1", 1)]);
    let mut controller = Controller::with(&wanted);
    controller.edit(ObjectType::HealthMonitor, "amko--1", |body| body["monitor_port"] = 8080.into());
    check(&mut controller, &wanted, "update healthmonitor admin/amko--1\n    monitor_port: 8080 → 80");
}

/// Absent, they are the DNS service's and 10: a zero has to be written.
#[test]
fn a_zero_that_is_no_default_is_written() {
    let mut wanted = hello(&[("10.1.1.1", 1)]);
    let mut controller = Controller::with(&wanted);
    let service = wanted.iter_mut().find(|wanted| wanted.key.kind == ObjectType::GslbService).unwrap();
    service.draft["ttl"] = 0.into();
    service.draft["groups"][0]["priority"] = 0.into();
    controller.edit(ObjectType::GslbService, "hello", |there| {
        there["groups"][0].as_object_mut().unwrap().remove("priority");
        there.as_object_mut().unwrap().remove("ttl");
    });
    let plan = controller.plan(&wanted).to_string();
    assert!(plan.contains("priority: unset → 0") && plan.contains("ttl: unset → 0"), "{plan}");
}

/// The type of a monitor cannot be changed, and one that is referred to cannot be deleted.
#[test]
fn another_protocol_makes_the_monitor_anew() {
    let wanted = |kind| [monitor("amko--1", "svc", kind, 53), service("svc", &[("10.1.1.1", 1)], &["amko--1"])];
    let mut controller = Controller::with(&wanted("TCP"));
    controller.edit(ObjectType::HealthMonitor, "amko--1", |body| body["send_interval"] = 1.into());
    controller.apply(&controller.plan(&wanted("UDP")));
    assert_eq!(controller.writes, ["detach svc", "delete amko--1", "create amko--1", "update svc"]);
    assert_eq!(controller.plan(&wanted("UDP")).to_string(), "nothing to do\n");
    assert_eq!(controller.body(ObjectType::HealthMonitor, "amko--1")["send_interval"], 1, "tuning survives");
}

#[test]
fn a_tuned_monitor_is_left_alone_and_keeps_its_tuning() {
    let mut wanted = hello(&[("10.1.1.1", 6)]);
    let mut controller = Controller::with(&wanted);
    let times = [("send_interval", 1), ("receive_timeout", 1), ("send_interval_ms", 200), ("receive_timeout_ms", 100)];
    let checks = [("successful_checks", 1), ("failed_checks", 2)];
    for (key, value) in times.into_iter().chain(checks) {
        controller.edit(ObjectType::HealthMonitor, "amko--1", |body| body[key] = value.into());
    }
    check(&mut controller, &wanted, "nothing to do");
    wanted[0].draft["http_monitor"]["http_request"] = "GET / HTTP/1.1".into();
    check(
        &mut controller,
        &wanted,
        "update healthmonitor admin/amko--1\n    http_monitor.http_request: HEAD / HTTP/1.0 → GET / HTTP/1.1",
    );
    let body = controller.body(ObjectType::HealthMonitor, "amko--1");
    let kept = ["send_interval", "send_interval_ms", "failed_checks"].map(|key| &body[key]);
    assert_eq!(kept, [&json!(1), &json!(200), &json!(2)]);
}

#[test]
fn an_edited_field_that_we_send_is_repaired() {
    let wanted = hello(&[("10.1.1.1", 6)]);
    let mut controller = Controller::with(&wanted);
    controller.edit(ObjectType::GslbService, "hello", |body| body["groups"][0]["members"][0]["enabled"] = false.into());
    check(
        &mut controller,
        &wanted,
        "update gslbservice admin/hello\n    groups[amko-gs-group-10].members[10.1.1.1].enabled: false → true",
    );
}

#[test]
fn a_field_that_we_have_no_opinion_about_survives_a_write() {
    let mut controller = Controller::with(&hello(&[("10.1.1.1", 6)]));
    controller.edit(ObjectType::GslbService, "hello", |body| {
        body["ttl"] = 2.into();
        body["groups"][0]["members"][0]["public_ip"] = json!({"ip": {"addr": "160.1.1.1", "type": "V4"}});
    });
    check(&mut controller, &hello(&[("10.1.1.1", 6)]), "nothing to do");
    let plan = controller.plan(&hello(&[("10.1.1.1", 5)]));
    controller.apply(&plan);
    let body = controller.body(ObjectType::GslbService, "hello");
    assert_eq!(body["ttl"], 2);
    assert_eq!(body["groups"][0]["members"][0]["public_ip"]["ip"]["addr"], "160.1.1.1");
    let Action::Update { body, .. } = &plan.steps[0].action else { panic!() };
    let body = body.read();
    for key in ["uuid", "url", "_last_modified", "topology_policy_enabled", "wildcard_match"] {
        assert!(body.get(key).is_none(), "{key} is not ours to send");
    }
    assert!(body["groups"][0]["members"][0].get("preference_order").is_none());
}

#[test]
fn a_field_that_we_sent_and_want_no_more_is_removed() {
    let mut with_ttl = hello(&[("10.1.1.1", 6)]);
    with_ttl[1].draft["ttl"] = 10.into();
    let mut controller = Controller::with(&with_ttl);
    check(&mut controller, &hello(&[("10.1.1.1", 6)]), "update gslbservice admin/hello\n    ttl: 10 → unset");
    assert!(controller.body(ObjectType::GslbService, "hello").get("ttl").is_none());
}

#[test]
fn absent_monitors_are_wanted_absent() {
    let mut wanted = vec![service("hello", &[("10.1.1.1", 6)], &[])];
    wanted[0].draft.as_object_mut().unwrap().remove("health_monitor_refs");
    let mut controller = Controller::with(&hello(&[("10.1.1.1", 6)]));
    controller.apply(&controller.plan(&wanted));
    assert_eq!(controller.writes, ["update hello", "delete amko--1"]);
    assert_eq!(controller.plan(&wanted).to_string(), "nothing to do\n");
}

#[test]
fn order_and_filled_in_defaults_do_not_count() {
    let wanted = hello(&[("10.1.1.1", 6), ("10.1.1.2", 4)]);
    let mut controller = Controller::with(&wanted);
    controller.edit(ObjectType::GslbService, "hello", |body| {
        body["groups"][0]["members"].as_array_mut().unwrap().reverse();
        body["description"] = "INGRESS/b/default/x/h,INGRESS/a/default/x/h".into();
        body.as_object_mut().unwrap().remove("resolve_cname");
        body.as_object_mut().unwrap().remove("enabled");
        body["health_monitor_refs"][0] = "https://host/api/healthmonitor/healthmonitor-1".into();
    });
    controller.edit(ObjectType::HealthMonitor, "amko--1", |monitor| {
        monitor["http_monitor"]["http_response_code"].as_array_mut().unwrap().reverse();
        monitor["markers"].as_array_mut().unwrap().push(json!({"key": "team", "values": ["a"]}));
    });
    check(&mut controller, &wanted, "nothing to do");
}

/// What was compared once is not compared again; what makes a difference is seen all the same.
#[test]
fn a_difference_shows_after_the_same_was_found_to_agree() {
    let wanted = hello(&[("10.1.1.1", 6)]);
    let mut controller = Controller::with(&wanted);
    controller.edit(ObjectType::GslbService, "hello", |body| {
        body["health_monitor_refs"][0] = "https://host/api/healthmonitor/healthmonitor-1".into();
    });
    check(&mut controller, &wanted, "nothing to do");
    assert!(!controller.plan(&hello(&[("10.1.1.1", 5)])).steps.is_empty(), "another wish");
    controller.edit(ObjectType::GslbService, "hello", |body| body["groups"][0]["members"][0]["ratio"] = 3.into());
    assert!(!controller.plan(&wanted).steps.is_empty(), "another hand");
    check(
        &mut controller,
        &wanted,
        "update gslbservice admin/hello\n    groups[amko-gs-group-10].members[10.1.1.1].ratio: 3 → 6",
    );
    controller.edit(ObjectType::GslbService, "hello", |body| {
        body["health_monitor_refs"][0] = "https://host/api/healthmonitor/healthmonitor-1".into();
    });
    check(&mut controller, &wanted, "nothing to do");
    let hm = controller.observed.objects.remove(&crate::controller::key(ObjectType::HealthMonitor, "amko--1")).unwrap();
    let other = crate::controller::key(ObjectType::HealthMonitor, "amko--2");
    controller.observed.objects.insert(other, hm);
    let plan = controller.plan(&wanted).to_string();
    assert!(plan.contains("health_monitor_refs"), "what the reference leads to has another name: {plan}");
}
