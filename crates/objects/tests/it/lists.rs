//! avi-api 11.3, on the types of this release.

use objects::{Class, Object, Projection, Query, RenderOptions, Types, Visibility};
use serde_json::{Map, Value, json};

use crate::world::{BASE_URL, World, federated_monitor, gslb_service, schema, tcp_monitor, uuid_of};

fn monitors(names: &[&str]) -> World {
    let mut world = World::new();
    for name in names {
        world.create("healthmonitor", tcp_monitor(name));
    }
    world
}

#[test]
fn pages_follow_each_other_without_gap() {
    let names: Vec<String> = (0..250).map(|index| format!("hm-{index:03}")).collect();
    let world = monitors(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut seen = Vec::new();
    for (page, next) in [(1, Some(2)), (2, Some(3)), (3, None)] {
        let found = world.list("healthmonitor", &format!("name.contains=hm-&page_size=100&page={page}")).unwrap();
        assert_eq!((found.count, found.next), (250, next));
        seen.extend(found.objects.iter().map(|object| object.name.clone()));
    }
    assert_eq!(seen, names);
    let all = world.list("healthmonitor", "name.contains=hm-&page_size=1000").unwrap();
    assert_eq!((all.objects.len(), all.count, all.next), (250, 250, None));
    let error = world.list("healthmonitor", "name.contains=hm-&page_size=100&page=4").unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
}

#[test]
fn nothing_found_is_an_empty_first_page() {
    let page = World::new().list("healthmonitor", "name=none").unwrap();
    assert_eq!((page.objects.len(), page.count, page.next), (0, 0, None));
}

#[test]
fn names_are_filtered_exactly_and_by_part() {
    let world = monitors(&["abc", "ABD", "x/y--z %"]);
    let check = |query: &str, expected: &[&str]| assert_eq!(world.names("healthmonitor", query), expected, "{query}");
    check("name=abc", &["abc"]);
    check("name=Abc", &[]);
    check("name=x/y--z %", &["x/y--z %"]);
    check("name.contains=bc", &["abc"]);
    check("name.icontains=AB", &["ABD", "abc"]);
    check("name.in=abc,ABD,zz", &["ABD", "abc"]);
    check("name.in=abc&surprise=1&x.y.z=&=", &["abc"]);
    check("search=(name,bD)", &["ABD"]);
    check("isearch=y--Z", &["x/y--z %"]);
    check("name.icontains=ab&sort=-name", &["abc", "ABD"]);
    check("name.icontains=ab&sort=name&page_size=1&page=2", &["abc"]);
}

#[test]
fn members_are_filtered_by_value() {
    let mut world = World::with_gslb();
    let mut body = federated_monitor("slow");
    body["send_interval"] = json!(100);
    body["markers"] = json!([{"key": "created-by", "values": ["amko", "me"]}]);
    world.create("healthmonitor", body);
    let mut service = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    service["health_monitor_refs"] = json!(["slow"]);
    let service = world.create("gslbservice", service);
    let check = |path: &str, query: &str, expected: &[&str]| {
        assert_eq!(world.names(path, query), expected, "{query}");
    };
    check("healthmonitor", "send_interval.gt=99", &["slow"]);
    check("healthmonitor", "send_interval.lt=5", &["System-GSLB-UDP", "System-UDP"]);
    check("healthmonitor", "type=HEALTH_MONITOR_SCTP", &["System-SCTP"]);
    check("healthmonitor", "label_key=created-by&label_value=amko", &["slow"]);
    check("healthmonitor", "label_key=created-by&label_value=other", &[]);
    check("healthmonitor", "is_federated=true&is_federated=true&send_interval=100", &["slow"]);
    check("healthmonitor", "is_federated=False&name.contains=GSLB", &[]);
    check("healthmonitor", "created_by=ako-x", &[]);
    check("gslbservice", "created_by=amko-gslb", &["app.avi.iberia.local"]);
    check("gslbservice", "created_by=other", &[]);
    check("gslbservice", "health_monitor_refs.name=slow", &["app.avi.iberia.local"]);
    check("gslbservice", "tenant_ref.name=admin", &["app.avi.iberia.local"]);
    check("gslbservice", "cloud_ref.name=none", &["app.avi.iberia.local"]);
    let monitor = world.projection.by_name("healthmonitor", "admin", None, "slow").unwrap();
    check("gslbservice", &format!("refers_to=healthmonitor:{}", monitor.uuid), &["app.avi.iberia.local"]);
    check("healthmonitor", &format!("referred_by=gslbservice:{}", uuid_of(&service)), &["slow"]);
    let cloud = world.projection.single("cloud").unwrap();
    check("virtualservice", "cloud_ref.name=Default-Cloud", &["dns"]);
    check("virtualservice", &format!("cloud_ref.uuid={}", cloud.uuid), &["dns"]);
    check("virtualservice", "cloud=Default-Cloud", &["dns"]);
    check("virtualservice", "cloud_ref.name=none", &[]);
}

#[test]
fn fields_exclude_and_skip_default_shape_the_answer() {
    let mut world = World::new();
    let monitor = world.create("healthmonitor", tcp_monitor("m"));
    let show = |query: &[(&str, Option<&str>)]| {
        let query = Query::parse(query.iter().copied()).unwrap();
        let object = world.object("healthmonitor", uuid_of(&monitor));
        let shown = objects::render(&world.projection, &object, &query.render_options(BASE_URL, 0));
        shown.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(show(&[("fields", Some("name,type"))]), ["url", "uuid", "name", "type", "_last_modified"]);
    assert!(!show(&[("exclude", Some("type"))]).contains(&"type".to_owned()));
    assert_eq!(
        show(&[("skip_default", None)]),
        ["url", "uuid", "name", "type", "tcp_monitor", "tenant_ref", "_last_modified", "configpb_attributes"]
    );
}

#[test]
fn the_own_tenant_comes_before_what_admin_shares() {
    let mut world = World::new();
    let tenant = world.create("tenant", json!({"name": "t1"}));
    let mut own = json!({"name": "Zone"});
    own["tenant_ref"] = tenant["url"].clone();
    world.create("cloud", own);
    world.tenant = Box::leak(uuid_of(&tenant).to_owned().into_boxed_str());
    assert_eq!(world.names("cloud", ""), ["Zone", "Default-Cloud"]);
    let all = world.list_as("cloud", "", Visibility::All).unwrap();
    assert_eq!(all.objects.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(), ["Default-Cloud", "Zone"]);
}

#[test]
fn ten_thousand_objects_are_listed_in_pages() {
    let mut projection = Projection::new(Types::new(avi_schema::TYPES.iter().copied()));
    for index in 0..10_000 {
        let uuid = format!("gslbservice-{index}");
        let name = format!("app{index:05}.avi.iberia.local");
        let Value::Object(mut body) = gslb_service(&name, &["192.0.2.1"]) else { unreachable!() };
        body.retain(|member, _| !matches!(member.as_str(), "name" | "tenant_ref"));
        let object = Object::new("gslbservice", uuid.clone(), name, "admin".into(), Map::from_iter(body), 1);
        projection.apply_put(&objects::key::object("gslbservice", &uuid), &object.to_bytes(), 1).unwrap();
    }
    let mut names = Vec::new();
    let mut page = Some(1);
    while let Some(number) = page {
        let number_text = number.to_string();
        let pairs =
            [("page_size", Some("1000")), ("page", Some(number_text.as_str())), ("created_by", Some("amko-gslb"))];
        let query = Query::parse(pairs).unwrap();
        let found = objects::list(&projection, schema("gslbservice"), Visibility::Tenant("admin"), &query).unwrap();
        assert_eq!(found.count, 10_000);
        let options = RenderOptions { base_url: BASE_URL, ..RenderOptions::default() };
        names.extend(found.objects.iter().map(|object| objects::render(&projection, object, &options)["name"].clone()));
        page = found.next;
    }
    assert_eq!(names.len(), 10_000);
    assert!(names.is_sorted_by(|a, b| a.as_str() < b.as_str()));
}
