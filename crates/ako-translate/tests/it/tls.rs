//! Certificates and redirects (ako 5.1, 5.3, 5.4; catalogue 14.2, 14.9).

use ako_translate::{Kind, ObjectType, Outcome};
use serde_json::{Value, json};

use crate::world::{
    CERTIFICATE, KEY, RENEWED, World, bodies, created, hosts, ingress, ingress_with, left_out, secret, secret_of, tls,
    web,
};

const FOO: [(&str, &[&str]); 1] = [("foo.com", &["/=web"])];

fn world() -> World {
    let mut world = World::new();
    world.set("shardVSSize", "SMALL");
    for object in web("web", &["10.1.1.1"]) {
        world.put(object);
    }
    world
}

/// Number of certificates, of references to them on parents, and of redirects.
fn counts(outcome: &Outcome) -> (usize, usize, usize) {
    let parents = bodies(outcome, ObjectType::VirtualService);
    let references =
        parents.iter().map(|parent| parent["ssl_key_and_certificate_refs"].as_array().map_or(0, Vec::len)).sum();
    let sets = bodies(outcome, ObjectType::HttpPolicySet);
    let redirects = sets.iter().filter(|set| set["http_request_policy"]["rules"][0]["redirect_action"].is_object());
    (bodies(outcome, ObjectType::SslKeyAndCertificate).len(), references, redirects.count())
}

/// 14.9, 184 and 185.
#[test]
fn a_secure_host_comes_with_its_secret_and_goes_with_it() {
    let mut world = world();
    world.put(ingress_with("ing", &FOO, tls(&["foo.com"], "cert")));
    let outcome = world.outcome();
    assert_eq!((hosts(&outcome).len(), counts(&outcome)), (0, (0, 0, 0)));
    assert_eq!(left_out(&outcome), ["Ingress default/ing, foo.com: Secret default/cert does not exist"]);
    assert!(outcome.ingresses.is_empty(), "nothing to show in a status");

    world.put(secret("cert", CERTIFICATE, KEY));
    let outcome = world.outcome();
    assert_eq!((hosts(&outcome), counts(&outcome)), (vec!["foo.com".to_owned()], (1, 1, 1)));
    assert_eq!(bodies(&outcome, ObjectType::HttpPolicySet).len(), 2);

    world.delete(Kind::Secret, "cert");
    assert_eq!((hosts(&world.outcome()).len(), counts(&world.outcome())), (0, (0, 0, 0)));
}

/// 14.2, 41; 14.9, 181.
#[test]
fn a_host_may_gain_and_lose_tls() {
    let mut world = world();
    world.put(secret("cert", CERTIFICATE, KEY));
    world.put(ingress("ing", &FOO));
    let plain = world.outcome();
    assert_eq!(counts(&plain), (0, 0, 0));
    world.put(ingress_with("ing", &FOO, tls(&["foo.com"], "cert")));
    assert_eq!(counts(&world.outcome()), (1, 1, 1));
    world.put(ingress("ing", &FOO));
    let again = world.outcome();
    assert_eq!(crate::world::all(&again), crate::world::all(&plain));
}

/// 14.2, 43.
#[test]
fn a_new_certificate_changes_the_certificate_alone() {
    let mut world = world();
    world.put(secret("cert", CERTIFICATE, KEY));
    world.put(ingress_with("ing", &FOO, tls(&["foo.com"], "cert")));
    let before = world.outcome();
    for (certificate, key) in [(RENEWED.to_owned(), KEY.to_owned()), (CERTIFICATE.to_owned(), format!("{KEY}\n"))] {
        world.put(secret("cert", &certificate, &key));
        let after = world.outcome();
        let changed: Vec<_> = after
            .desired
            .objects()
            .filter(|object| before.desired.object(&object.key) != Some(object))
            .map(|object| object.key.kind)
            .collect();
        assert_eq!(changed, [ObjectType::SslKeyAndCertificate]);
        assert_eq!(after.desired.changed_units(&before.desired).len(), 1, "a key alone counts too");
    }
}

/// 14.2, 44.
#[test]
fn a_second_pair_makes_a_second_certificate() {
    let mut world = world();
    let pair = [("tls.crt", CERTIFICATE), ("tls.key", KEY), ("alt.crt", CERTIFICATE), ("alt.key", KEY)];
    world.put(secret_of("cert", &pair));
    world.put(ingress_with("ing", &FOO, tls(&["foo.com"], "cert")));
    let outcome = world.outcome();
    assert_eq!(counts(&outcome), (2, 2, 1));
    world.put(secret_of("cert", &pair[..3]));
    assert_eq!(counts(&world.outcome()), (1, 1, 1), "half a pair is none");
}

#[test]
fn what_is_no_certificate_is_told() {
    for (data, what) in [
        (vec![("tls.crt", CERTIFICATE)], "it lacks tls.crt or tls.key"),
        (vec![("tls.crt", "x"), ("tls.key", KEY)], "tls.crt is not a certificate in PEM"),
        (vec![("tls.crt", CERTIFICATE), ("tls.key", "x")], "tls.key is not a private key in PEM"),
        (
            vec![("tls.crt", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"), ("tls.key", KEY)],
            "tls.crt does not parse as a certificate; make the Secret again from the original file",
        ),
        (
            vec![("tls.crt", CERTIFICATE), ("tls.key", include_str!("../data/encrypted.key"))],
            "tls.key is encrypted; decrypt it first, for example with `openssl pkey`",
        ),
        (
            vec![("tls.crt", CERTIFICATE), ("tls.key", include_str!("../data/other.key"))],
            "tls.key does not belong to the first certificate in tls.crt; put the host's own certificate first, its chain \
             after it, and its own key into tls.key",
        ),
        (
            vec![("tls.crt", CERTIFICATE), ("tls.key", KEY), ("alt.crt", "x"), ("alt.key", KEY)],
            "alt.crt is not a certificate in PEM",
        ),
    ] {
        let mut world = world();
        world.put(secret_of("cert", &data));
        world.put(ingress_with("ing", &FOO, tls(&["foo.com"], "cert")));
        let outcome = world.outcome();
        assert_eq!(left_out(&outcome), [format!("Ingress default/ing, foo.com: Secret default/cert: {what}")]);
        assert!(hosts(&outcome).is_empty());
    }
}

/// 14.2, 45 to 48.
#[test]
fn hosts_without_a_secret_may_ask_for_the_default_certificate() {
    let mut world = world();
    world.put(secret("cert", CERTIFICATE, KEY));
    let rules: [(&str, &[&str]); 3] = [("foo.com", &["/=web"]), ("bar.com", &["/=web"]), ("own.com", &["/=web"])];
    let ask = |body: &mut Value| {
        tls(&["own.com"], "cert")(body);
        body["metadata"]["annotations"]["ako.vmware.com/enable-tls"] = "true".into();
    };
    world.put(ingress_with("ing", &rules, ask));
    let outcome = world.outcome();
    assert_eq!(hosts(&outcome), ["own.com"]);
    let reason = "Ingress default/ing, foo.com: Secret avi-system/router-certs-default does not exist";
    assert!(left_out(&outcome).contains(&reason.to_owned()));

    world.put(secret("avi-system/router-certs-default", CERTIFICATE, KEY));
    let outcome = world.outcome();
    assert_eq!(counts(&outcome), (2, 2, 3), "one certificate for two hosts, and own.com's");
    world.put(ingress("ing", &rules));
    assert_eq!(counts(&world.outcome()), (0, 0, 0));
}

#[test]
fn the_certificate_of_the_older_ingress_is_used() {
    let mut world = world();
    let other = RENEWED;
    world.put(secret("one", CERTIFICATE, KEY));
    world.put(secret("two", other, KEY));
    world.put(ingress_with("a", &[("foo.com", &["/a=web"])], |body| {
        created(20)(body);
        tls(&["foo.com"], "two")(body);
    }));
    world.put(ingress_with("b", &[("foo.com", &["/b=web"])], |body| {
        created(10)(body);
        tls(&["foo.com"], "one")(body);
    }));
    let outcome = world.outcome();
    let reason = "Ingress default/a, foo.com: the host has the certificate of default/b, which came first";
    assert_eq!(left_out(&outcome), [reason]);
    assert_eq!(bodies(&outcome, ObjectType::SslKeyAndCertificate)[0]["certificate"]["certificate"], CERTIFICATE);
    assert_eq!(crate::world::pools(&outcome).len(), 2, "both are served");
    world.delete(Kind::Secret, "one");
    let outcome = world.outcome();
    assert_eq!(left_out(&outcome), ["Ingress default/b, foo.com: Secret default/one does not exist"]);
    assert_eq!(bodies(&outcome, ObjectType::SslKeyAndCertificate)[0]["certificate"]["certificate"], other);
}

#[test]
fn tls_without_a_secret_is_told() {
    let mut world = world();
    world.put(ingress_with("ing", &FOO, |body| body["spec"]["tls"] = json!([{"hosts": ["foo.com"]}])));
    assert_eq!(left_out(&world.outcome()), ["Ingress default/ing, foo.com: spec.tls names no Secret for host foo.com"]);
}

#[test]
fn tls_without_hosts_is_for_all() {
    let mut world = world();
    world.put(secret("cert", CERTIFICATE, KEY));
    world.put(ingress_with("ing", &FOO, |body| body["spec"]["tls"] = json!([{"secretName": "cert"}])));
    assert_eq!(counts(&world.outcome()), (1, 1, 1));
}

#[test]
fn a_wildcard_host_redirects_by_its_end() {
    let mut world = world();
    world.put(secret("cert", CERTIFICATE, KEY));
    world.put(ingress_with("ing", &[("*.foo.com", &["/=web"])], tls(&["*.foo.com"], "cert")));
    let outcome = world.outcome();
    let sets = bodies(&outcome, ObjectType::HttpPolicySet);
    let redirect = sets.iter().find_map(|set| set["http_request_policy"]["rules"][0]["match"].get("host_hdr"));
    assert_eq!(redirect, Some(&json!({"match_criteria": "HDR_ENDS_WITH", "value": [".foo.com"]})));
}
