//! Why something is as it is, and what changed.

use ako_translate::{Kind, Source, explain, explain_change};

use crate::world::{CERTIFICATE, KEY, World, ingress, ingress_with, named, secret, tls, web};

fn world() -> World {
    let mut world = World::new();
    world.cloud.domains = Some(vec![".com".into()]);
    for object in web("web", &["10.1.1.1", "10.1.1.2"]) {
        world.put(object);
    }
    world.put(ingress("shop", &[("foo.com", &["/=web"])]));
    world
}

/// What a change of the world changes, in words.
#[track_caller]
fn check(change: impl FnOnce(&mut World), expected: &[&str]) {
    let mut world = world();
    let before = world.outcome();
    change(&mut world);
    let after = world.outcome();
    let lines: Vec<String> = explain_change(&before, &after).into_iter().map(|reason| reason.text).collect();
    assert_eq!(lines, expected);
    assert!(explain_change(&after, &after).is_empty());
}

#[test]
fn a_change_is_told_in_words() {
    check(|_| {}, &[]);
    check(
        |world| world.put(crate::world::slice("web", 8080, &["10.1.1.1", "!10.1.1.3"])),
        &[
            "server 10.1.1.2:8080 left the pool of Ingress default/shop, /",
            "server 10.1.1.3:8080 joined the pool of Ingress default/shop, /",
        ],
    );
    check(
        |world| world.put(crate::world::slice("web", 8080, &["10.1.1.1", "!10.1.1.2"])),
        &["server 10.1.1.2:8080 of the pool of Ingress default/shop, / is not ready, or about to go"],
    );
    check(
        |world| world.delete(Kind::Ingress, "shop"),
        &[
            "shard 0 of tenant admin removed: no host needs it",
            "host foo.com removed: Ingress default/shop does not ask for it any more",
        ],
    );
    check(
        |world| world.put(ingress("other", &[("noo.com", &["/=web"])])),
        &["name noo.com added", "host noo.com added, of Ingress default/other"],
    );
    check(
        |world| world.put(ingress_with("shop", &[("foo.com", &["/=web"])], tls(&["foo.com"], "cert"))),
        &[
            "shard 0 of tenant admin removed: no host needs it",
            "host foo.com removed: Ingress default/shop, Secret default/cert does not exist",
        ],
    );
    check(
        |world| {
            world.put(secret("cert", CERTIFICATE, KEY));
            world.put(ingress_with("shop", &[("foo.com", &["/=web"])], tls(&["foo.com"], "cert")));
        },
        &["certificates of its hosts changed", "policies changed", "certificate added"],
    );
    check(
        |world| world.put(ingress("shop", &[("foo.com", &["/=web", "/cart=web"])])),
        &["rules changed", "the pool of Ingress default/shop, /cart added"],
    );
}

#[test]
fn an_ingress_can_be_explained() {
    let mut world = world();
    world.put(ingress("shop", &[("foo.com", &["/=web", "/x=gone"]), ("foo.org", &["/=web"])]));
    let outcome = world.outcome();
    assert_eq!(
        explain(&outcome, &Source::Ingress(named("shop"))),
        [
            "foo.com is served by virtual service cluster--532fd312059d5096118cb0bc3d1135a36cc4f826 of parent \
             cluster--Shared-L7-EVH-0 (shard 0 of 8, by a hash of the host) in tenant admin: port 80, and port 443 \
             without a certificate of its own",
            "host foo.org is in none of the cloud's DNS domains",
            "foo.com/x: Service default/gone does not exist, its pool is empty",
        ]
    );
    assert!(explain(&outcome, &Source::Ingress(named("nobody"))).is_empty());
}
