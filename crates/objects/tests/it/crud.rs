//! avi-api 11.2, on the types of this release.

use objects::{Class, Visibility};
use serde_json::{Value, json};

use crate::world::{BASE_URL, Verb, World, gslb_service, tcp_monitor, uuid_of, virtual_service};

#[track_caller]
fn check_refused(world: &World, verb: &Verb<'_>, class: Class, text: &str) {
    let error = world.refusal(verb);
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(error.class(), class, "{error}");
}

#[test]
fn a_created_object_has_url_uuid_defaults_and_named_references() {
    let mut world = World::new();
    let monitor = world.create("healthmonitor", tcp_monitor("a/b c"));
    let uuid = uuid_of(&monitor);
    assert!(uuid.starts_with("healthmonitor-"));
    assert_eq!(monitor["url"], format!("{BASE_URL}/api/healthmonitor/{uuid}#a/b c"));
    assert_eq!(monitor["tenant_ref"], format!("{BASE_URL}/api/tenant/admin#admin"));
    assert_eq!(monitor["send_interval"], 10);
    assert_eq!(monitor["is_federated"], false);
    assert_eq!(monitor["tcp_monitor"], json!({"tcp_half_open": false}));
    assert_eq!(monitor["configpb_attributes"]["version"], 1);
    assert!(monitor["_last_modified"].as_str().unwrap().parse::<i64>().is_ok());
    for absent in ["monitor_port", "markers", "description", "http_monitor"] {
        assert!(monitor.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_read_has_names_only_on_request() {
    let mut world = World::new();
    let monitor = world.create("healthmonitor", tcp_monitor("m"));
    let bare = world.get("healthmonitor", uuid_of(&monitor), false);
    assert_eq!(bare["url"], format!("{BASE_URL}/api/healthmonitor/{}", uuid_of(&monitor)));
    assert_eq!(bare["tenant_ref"], format!("{BASE_URL}/api/tenant/admin"));
    assert_eq!(world.get("healthmonitor", uuid_of(&monitor), true), monitor);
}

#[test]
fn a_name_is_unique_in_its_tenant() {
    let mut world = World::new();
    world.create("healthmonitor", tcp_monitor("m"));
    let again = Verb::Create("healthmonitor", tcp_monitor("m"));
    check_refused(&world, &again, Class::Conflict, "Health monitor with this Name and Tenant ref already exists.");
    let t2 = world.create("tenant", json!({"name": "t2"}));
    let tenant: &'static str = Box::leak(uuid_of(&t2).to_owned().into_boxed_str());
    world.tenant = tenant;
    world.create("healthmonitor", tcp_monitor("m"));
    assert_eq!(world.list("healthmonitor", "name=m").unwrap().objects[0].tenant, tenant);
    assert_eq!(world.list_as("healthmonitor", "name=m", Visibility::All).unwrap().count, 2);
}

#[test]
fn a_slug_forces_the_uuid() {
    let mut world = World::new();
    let create = Verb::Create("healthmonitor", tcp_monitor("m"));
    let write = world.decide_with(&create, Some("healthmonitor-force-42")).unwrap();
    world.commit(&write).unwrap();
    assert_eq!(world.object("healthmonitor", "healthmonitor-force-42").name, "m");
    let other = Verb::Create("healthmonitor", tcp_monitor("n"));
    assert_eq!(world.decide_with(&other, Some("healthmonitor-force-42")).unwrap_err().class(), Class::Conflict);
    assert_eq!(world.decide_with(&other, Some("a/b")).unwrap_err().class(), Class::Validation);
}

#[test]
fn the_uuid_of_a_body_counts_only_where_the_system_allows_it() {
    let mut world = World::new();
    let mut body = tcp_monitor("m");
    body["uuid"] = json!("healthmonitor-mine");
    body["url"] = json!("https://other/api/healthmonitor/healthmonitor-mine");
    assert_ne!(uuid_of(&world.create("healthmonitor", body.clone())), "healthmonitor-mine");
    let allow = json!({"replace": {"portal_configuration": {"use_uuid_from_input": true}}});
    world.patch("systemconfiguration", "default", allow);
    body["name"] = json!("m2");
    assert_eq!(uuid_of(&world.create("healthmonitor", body)), "healthmonitor-mine");
}

#[test]
fn every_form_of_a_reference_means_the_same() {
    let mut world = World::with_gslb();
    let monitor = world.projection.by_name("healthmonitor", "admin", None, "System-GSLB-TCP").unwrap().clone();
    for (index, form) in [
        format!("https://elsewhere/api/healthmonitor/{}", monitor.uuid),
        format!("https://elsewhere/api/healthmonitor/{}#whatever", monitor.uuid),
        format!("/api/healthmonitor/{}", monitor.uuid),
        format!("api/healthmonitor/{}#System-GSLB-TCP", monitor.uuid),
        "/api/healthmonitor?name=System-GSLB-TCP".to_owned(),
        "/api/healthmonitor/?name=System%2DGSLB%2DTCP".to_owned(),
        "https://elsewhere/api/healthmonitor/?name=System-GSLB-TCP".to_owned(),
        "/api/healthmonitor?name=System-GSLB-TCP&cloud_ref.name=Default-Cloud".to_owned(),
        monitor.uuid.clone(),
        "System-GSLB-TCP".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = gslb_service(&format!("app{index}.avi.iberia.local"), &["192.0.2.1"]);
        body["health_monitor_refs"] = json!([form]);
        let service = world.create("gslbservice", body);
        let expected = format!("{BASE_URL}/api/healthmonitor/{}#System-GSLB-TCP", monitor.uuid);
        assert_eq!(service["health_monitor_refs"], json!([expected]), "{form}");
    }
    for form in ["/api/tenant/?name=admin", "/api/tenant?name=admin", "https://x/api/tenant/admin#admin"] {
        let mut body = tcp_monitor(form.replace(['/', '?', '#'], "-").as_str());
        body["tenant_ref"] = json!(form);
        assert_eq!(world.create("healthmonitor", body)["tenant_ref"], format!("{BASE_URL}/api/tenant/admin#admin"));
    }
}

#[test]
fn a_reference_to_nothing_is_not_found() {
    let world = World::with_gslb();
    for (form, class, text) in [
        ("/api/healthmonitor?name=zz", Class::NotFound, "HealthMonitor object not found!"),
        ("/api/healthmonitor/healthmonitor-0", Class::NotFound, "HealthMonitor object not found!"),
        ("/api/tenant/admin", Class::Validation, "refers to type 'tenant'"),
        ("/api/healthmonitor/", Class::Validation, "is not a reference"),
    ] {
        let mut body = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
        body["health_monitor_refs"] = json!([form]);
        check_refused(&world, &Verb::Create("gslbservice", body), class, text);
    }
}

#[test]
fn loose_input_is_understood() {
    let mut world = World::with_gslb();
    let mut body = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    body["pki_profile_ref"] = json!("");
    body["enabled"] = json!("true");
    body["wildcard_match"] = json!(1);
    body["ttl"] = Value::Null;
    body["min_members"] = json!("3");
    body["application_profile_name"] = json!("x");
    body["groups"][0]["members"][0]["ip"] = json!({"addr": "192.0.2.1"});
    let service = world.create("gslbservice", body);
    assert_eq!(service["enabled"], true);
    assert_eq!(service["wildcard_match"], true);
    assert_eq!(service["min_members"], 3);
    assert_eq!(service["groups"][0]["members"][0]["ip"], json!({"addr": "192.0.2.1", "type": "V4"}));
    for absent in ["pki_profile_ref", "ttl", "application_profile_name"] {
        assert!(service.get(absent).is_none(), "{absent}");
    }
    assert!(service["groups"][0]["members"][0].get("vs_uuid").is_none());
}

#[test]
fn bad_values_are_refused_with_their_place() {
    let world = World::with_gslb();
    let refused = |change: fn(&mut Value), text: &str| {
        let mut body = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
        change(&mut body);
        check_refused(&world, &Verb::Create("gslbservice", body), Class::Validation, text);
    };
    refused(|b| b["name"] = json!(null), "name: Required field missing");
    refused(|b| b["name"] = json!("a#b"), "name: '#'");
    refused(|b| b["name"] = json!("x".repeat(256)), "name: at most 255");
    refused(|b| b["name"] = json!(7), "name: expected a string");
    refused(|b| b["domain_names"] = json!([]), "domain_names: Required field missing");
    refused(|b| b["groups"][0]["name"] = json!(""), "groups[0].name: Required field missing");
    refused(|b| b["groups"][0]["members"][0]["ratio"] = json!(21), "groups[0].members[0].ratio: 21 is out of range");
    refused(|b| b["groups"][0]["algorithm"] = json!("RR"), "groups[0].algorithm: 'RR' is not possible");
    refused(|b| b["groups"] = json!({}), "groups: expected a list");
    refused(|b| b["groups"] = json!([7]), "groups[0]: expected an object");
    refused(|b| b["enabled"] = json!("maybe"), "enabled: \"maybe\" is not a boolean");
    refused(
        |b| b["groups"][0]["members"][0]["ip"] = json!({"addr": "2001:db8::1", "type": "V4"}),
        "groups[0].members[0].ip.addr: '2001:db8::1' is not of type V4",
    );
    refused(|b| b["health_monitor_refs"] = json!(["a", "b", "c", "d", "e", "f", "g"]), "at most 6");
    refused(|b| *b = json!([]), "expected a JSON object");
}

#[test]
fn a_replace_returns_what_it_does_not_name_to_default() {
    let mut world = World::new();
    let mut body = tcp_monitor("m");
    body["send_interval"] = json!(7);
    body["description"] = json!("x");
    let created = world.create("healthmonitor", body);
    let replaced = world.replace("healthmonitor", uuid_of(&created), tcp_monitor("m"));
    assert_eq!(replaced["send_interval"], 10);
    assert!(replaced.get("description").is_none());
    assert_eq!(replaced["uuid"], created["uuid"]);
    assert_eq!(replaced["configpb_attributes"]["version"], 2);
    let stamp = |rendered: &Value| rendered["_last_modified"].as_str().unwrap().parse::<i64>().unwrap();
    assert!(stamp(&replaced) > stamp(&created));
}

#[test]
fn an_object_remembers_when_it_was_made_and_shows_no_secret_in_logs() {
    let mut world = World::new();
    let made = world.create("healthmonitor", tcp_monitor("hm-1"));
    let uuid = uuid_of(&made);
    let first = world.object("healthmonitor", uuid);
    world.replace("healthmonitor", uuid, tcp_monitor("hm-1"));
    let second = world.object("healthmonitor", uuid);
    assert_eq!((first.created_us, second.created_us), (first.last_modified_us, first.last_modified_us));
    assert!(second.last_modified_us > second.created_us);
    assert!(!format!("{second:?}").contains("HEALTH_MONITOR_TCP"), "the configuration may hold secrets");
}

#[test]
fn a_stale_replace_is_refused() {
    let mut world = World::new();
    let created = world.create("healthmonitor", tcp_monitor("m"));
    let current = world.replace("healthmonitor", uuid_of(&created), created.clone());
    let stale = Verb::Replace("healthmonitor", uuid_of(&created), created.clone());
    check_refused(&world, &stale, Class::Stale, "Need to reload object data HealthMonitor m");
    let number: i64 = current["_last_modified"].as_str().unwrap().parse().unwrap();
    let mut as_number = current.clone();
    as_number["_last_modified"] = json!(number);
    world.replace("healthmonitor", uuid_of(&created), as_number);
}

#[test]
fn what_is_immutable_stays() {
    let mut world = World::new();
    let created = world.create("healthmonitor", tcp_monitor("m"));
    let changed = |change: fn(&mut Value)| {
        let mut body = tcp_monitor("m");
        change(&mut body);
        Verb::Replace("healthmonitor", uuid_of(&created), body)
    };
    let check = |verb: &Verb<'_>, text: &str| check_refused(&world, verb, Class::Validation, text);
    check(&changed(|b| b["type"] = json!("HEALTH_MONITOR_PING")), "Cannot modify type");
    check(&changed(|b| b["is_federated"] = json!(true)), "Cannot modify is_federated");
    check(&changed(|b| b["uuid"] = json!("other")), "Cannot modify uuid");
    let mut world = world;
    world.create("tenant", json!({"name": "t2"}));
    let other_tenant = changed(|b| b["tenant_ref"] = json!("/api/tenant?name=t2"));
    check_refused(&world, &other_tenant, Class::Validation, "Cannot modify Tenant");
    let vs = world.create("virtualservice", virtual_service("vs", "192.0.2.1"));
    let cloud = world.create("cloud", json!({"name": "c2"}));
    let body = json!({"name": "vs", "services": [{"port": 80}]});
    let mut elsewhere = body.clone();
    elsewhere["cloud_ref"] = cloud["url"].clone();
    let moved = Verb::Replace("virtualservice", uuid_of(&vs), elsewhere);
    check_refused(&world, &moved, Class::Validation, "Cannot modify Cloud");
    let kept = world.replace("virtualservice", uuid_of(&vs), body);
    assert_eq!(kept["cloud_ref"], vs["cloud_ref"]);
}

#[test]
fn unknown_objects_are_not_found() {
    let world = World::new();
    for verb in [
        Verb::Replace("healthmonitor", "healthmonitor-0", tcp_monitor("m")),
        Verb::Patch("healthmonitor", "healthmonitor-0", json!({"add": {}})),
        Verb::Delete("healthmonitor", "healthmonitor-0"),
    ] {
        check_refused(&world, &verb, Class::NotFound, "HealthMonitor object not found!");
    }
}

#[test]
fn what_others_point_at_cannot_be_deleted() {
    let mut world = World::with_gslb();
    let monitor = world.create("healthmonitor", crate::world::federated_monitor("hm"));
    let mut body = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    body["health_monitor_refs"] = json!([monitor["url"]]);
    let service = world.create("gslbservice", body);
    let delete = Verb::Delete("healthmonitor", uuid_of(&monitor));
    let text = "Cannot delete, object is referred by: ['GslbService app.avi.iberia.local']";
    check_refused(&world, &delete, Class::Referred, text);
    let vs = world.projection.objects("virtualservice").next().unwrap().uuid.clone();
    let delete_vs = Verb::Delete("virtualservice", &vs);
    check_refused(&world, &delete_vs, Class::Referred, "referred by: ['Gslb Default']");
    world.write(&Verb::Delete("gslbservice", uuid_of(&service))).unwrap();
    world.write(&delete).unwrap();
    check_refused(&world, &delete, Class::NotFound, "HealthMonitor object not found!");
}

#[test]
fn system_objects_and_singletons_cannot_be_deleted() {
    let world = World::new();
    let system = world.projection.by_name("healthmonitor", "admin", None, "System-TCP").unwrap().uuid.clone();
    let text = "Cannot delete system default object";
    check_refused(&world, &Verb::Delete("healthmonitor", &system), Class::SystemDefault, text);
    check_refused(&world, &Verb::Delete("tenant", "admin"), Class::SystemDefault, text);
    let cluster = world.cluster_uuid();
    let text = "Method 'DELETE' not allowed.";
    check_refused(&world, &Verb::Delete("cluster", &cluster), Class::MethodNotAllowed, text);
    let text = "Method 'POST' not allowed.";
    check_refused(&world, &Verb::Create("cluster", json!({"name": "c"})), Class::MethodNotAllowed, text);
}

#[test]
fn an_empty_replace_of_a_singleton_only_touches_it() {
    let mut world = World::new();
    let before = world.get("systemconfiguration", "default", true);
    let mut after = world.replace("systemconfiguration", "default", Value::Null);
    assert_ne!(after["_last_modified"], before["_last_modified"]);
    for touched in ["_last_modified", "configpb_attributes"] {
        after[touched] = before[touched].clone();
    }
    assert_eq!(after, before);
}

#[test]
fn a_rename_shows_in_every_reference() {
    let mut world = World::with_gslb();
    let monitor = world.create("healthmonitor", crate::world::federated_monitor("old"));
    let mut body = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    body["health_monitor_refs"] = json!([monitor["url"]]);
    let service = world.create("gslbservice", body);
    world.patch("healthmonitor", uuid_of(&monitor), json!({"replace": {"name": "new"}}));
    let shown = world.get("gslbservice", uuid_of(&service), true);
    assert!(shown["health_monitor_refs"][0].as_str().unwrap().ends_with("#new"));
    world.create("healthmonitor", tcp_monitor("old"));
    let rename = Verb::Patch("healthmonitor", uuid_of(&monitor), json!({"replace": {"name": "old"}}));
    check_refused(&world, &rename, Class::Conflict, "already exists");
}

#[test]
fn a_tenant_has_its_settings_and_cannot_go_while_it_owns_objects() {
    let mut world = World::new();
    let tenant = world.create("tenant", json!({"name": "t1", "local": "true"}));
    assert_eq!(tenant["local"], true);
    assert_eq!(
        tenant["config_settings"],
        json!({"tenant_vrf": false, "se_in_provider_context": true, "tenant_access_to_provider_se": true})
    );
    assert!(tenant.get("tenant_ref").is_none());
    let mut body = tcp_monitor("m");
    body["tenant_ref"] = json!("/api/tenant?name=t1");
    let monitor = world.create("healthmonitor", body);
    let delete = Verb::Delete("tenant", uuid_of(&tenant));
    check_refused(&world, &delete, Class::Referred, "['HealthMonitor m']");
    world.tenant = Box::leak(uuid_of(&tenant).to_owned().into_boxed_str());
    world.write(&Verb::Delete("healthmonitor", uuid_of(&monitor))).unwrap();
    world.tenant = "admin";
    world.write(&delete).unwrap();
    assert!(world.projection.tenant_by_name("t1").is_none());
    let rename = Verb::Patch("tenant", "admin", json!({"replace": {"name": "root"}}));
    check_refused(&world, &rename, Class::Validation, "Cannot modify name");
}

#[test]
fn shared_objects_are_read_but_not_written_from_another_tenant() {
    let mut world = World::new();
    let tenant = world.create("tenant", json!({"name": "t1"}));
    world.tenant = Box::leak(uuid_of(&tenant).to_owned().into_boxed_str());
    assert_eq!(world.names("cloud", ""), ["Default-Cloud"]);
    let cloud = world.projection.single("cloud").unwrap().uuid.clone();
    let patch = Verb::Patch("cloud", &cloud, json!({"replace": {"mtu": 9000}}));
    check_refused(&world, &patch, Class::Forbidden, "belongs to another tenant");
}

#[test]
fn secrets_are_masked_and_survive_a_round_trip() {
    let mut world = World::with_gslb();
    let gslb = world.projection.single("gslb").unwrap().uuid.clone();
    let shown = world.get("gslb", &gslb, true);
    assert_eq!(shown["sites"][0]["password"], "<sensitive>");
    world.replace("gslb", &gslb, shown.clone());
    assert_eq!(world.object("gslb", &gslb).body["sites"][0]["password"], "secret");
    let mut unknown_site = shown;
    unknown_site["_last_modified"] = Value::Null;
    let mut second = unknown_site["sites"][0].clone();
    second["cluster_uuid"] = json!("cluster-2");
    unknown_site["sites"].as_array_mut().unwrap().insert(0, second);
    let text = "sites[0].password: Required field missing";
    check_refused(&world, &Verb::Replace("gslb", &gslb, unknown_site), Class::Validation, text);
}

#[test]
fn a_kept_message_returns_what_it_does_not_know() {
    let mut world = World::new();
    let body = json!({"name": "v", "vcenter_configuration": {"datacenter": "dc1", "password": "p", "empty": null}});
    let cloud = world.create("cloud", body);
    assert_eq!(cloud["vcenter_configuration"], json!({"password": "<sensitive>", "datacenter": "dc1"}));
}

#[test]
fn a_user_is_named_by_its_username_and_keeps_its_password() {
    let mut world = World::new();
    let user = world.create("user", json!({"username": "ann", "password": "hash"}));
    assert_eq!(
        (&user["name"], &user["username"], &user["password"]),
        (&json!("ann"), &json!("ann"), &json!("<sensitive>"))
    );
    world.replace("user", uuid_of(&user), json!({"username": "ann", "email": "ann@example.com"}));
    assert_eq!(world.object("user", uuid_of(&user)).body["password"], "hash");
    world.patch("user", uuid_of(&user), json!({"replace": {"password": "other"}}));
    assert_eq!(world.object("user", uuid_of(&user)).body["password"], "other");
}
