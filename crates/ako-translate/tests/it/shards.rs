//! Parents and their VIPs (ako 4.2, 4.3; catalogue 14.1, 14.9).

use ako_translate::{Kind, ObjectType};

use crate::world::{World, bodies, ingress};

fn parents(world: &mut World) -> Vec<String> {
    let outcome = world.outcome();
    let names = bodies(&outcome, ObjectType::VirtualService);
    assert_eq!(names.len(), bodies(&outcome, ObjectType::VsVip).len(), "each has a VIP of its own");
    names.iter().map(|body| body["name"].as_str().unwrap().to_owned()).collect()
}

/// 14.1, 15.
#[test]
fn hosts_are_spread_by_their_hash() {
    for (size, expected) in [
        ("LARGE", vec!["cluster--Shared-L7-EVH-0", "cluster--Shared-L7-EVH-1", "cluster--Shared-L7-EVH-3"]),
        ("MEDIUM", vec!["cluster--Shared-L7-EVH-0", "cluster--Shared-L7-EVH-1", "cluster--Shared-L7-EVH-3"]),
        ("SMALL", vec!["cluster--Shared-L7-EVH-0"]),
    ] {
        let mut world = World::new();
        world.set("shardVSSize", size);
        let rules: [(&str, &[&str]); 4] =
            [("foo.com", &["/=web"]), ("bar.com", &["/=web"]), ("xyz.com", &["/=web"]), ("noo.com", &["/=web"])];
        world.put(ingress("ing", &rules));
        assert_eq!(parents(&mut world), expected, "{size}");
    }
}

/// 14.1, 27.
#[test]
fn a_vip_has_an_automatic_name_and_those_of_its_hosts() {
    let mut world = World::new();
    world.cloud.domains = Some(vec![".com".into()]);
    world.put(ingress("ing", &[("noo.com", &["/=web"]), ("foo.com", &["/=web"])]));
    let names = |world: &mut World| bodies(&world.outcome(), ObjectType::VsVip)[0]["dns_info"].to_string();
    let expected = r#"[{"fqdn":"cluster--Shared-L7-EVH-0.admin.com"},{"fqdn":"foo.com"},{"fqdn":"noo.com"}]"#;
    assert_eq!(names(&mut world), expected);
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    assert_eq!(names(&mut world), r#"[{"fqdn":"cluster--Shared-L7-EVH-0.admin.com"},{"fqdn":"foo.com"}]"#);
}

/// 14.1, 20.
#[test]
fn a_host_that_changes_moves_to_its_shard() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    assert_eq!(parents(&mut world), ["cluster--Shared-L7-EVH-0"]);
    world.put(ingress("ing", &[("bar.com", &["/=web"])]));
    assert_eq!(parents(&mut world), ["cluster--Shared-L7-EVH-1"]);
}

#[test]
fn an_empty_parent_stays_only_when_it_is_to_be_kept() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    world.kept = [("admin".to_owned(), 0), ("admin".to_owned(), 9)].into();
    assert_eq!(parents(&mut world), ["cluster--Shared-L7-EVH-0"], "a shard that does not exist is not made");
    world.delete(Kind::Ingress, "ing");
    assert_eq!(parents(&mut world), ["cluster--Shared-L7-EVH-0"]);
    let names = bodies(&world.outcome(), ObjectType::VsVip)[0]["dns_info"].to_string();
    assert!(!names.contains("foo.com"), "{names}");
    world.kept.clear();
    assert!(parents(&mut world).is_empty());
}

#[test]
fn without_a_dns_profile_there_is_no_automatic_name() {
    let mut world = World::new();
    world.cloud.domains = None;
    world.put(ingress("ing", &[("foo.org", &["/=web"])]));
    let vip = bodies(&world.outcome(), ObjectType::VsVip).remove(0);
    assert_eq!(vip["dns_info"].to_string(), r#"[{"fqdn":"foo.org"}]"#);
}
