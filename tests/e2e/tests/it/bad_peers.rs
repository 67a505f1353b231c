//! Certificates, tokens, controllers and versions that are not the right ones: each is told, and answers go on.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use serde_json::Value;

use crate::lone::{Lone, SHOP, gslb_service};
use crate::world::World;

const DAY: Duration = Duration::from_secs(86_400);

/// A controller with DNS set up, and an engine that answers.
fn start() -> Option<Lone> {
    let mut lone = Lone::start()?;
    lone.start_controller("controller");
    lone.make_token("controller", "engine");
    lone.start_engine("engine");
    lone.set_up_dns("controller");
    lone.wait_for_answers();
    Some(lone)
}

#[test]
fn a_token_that_is_no_good_is_refused_with_the_reason() {
    let Some(mut lone) = start() else { return };
    let good = fs::read_to_string(lone.path("engine.token")).unwrap();
    lone.make_token("controller", "unused");
    let unused: Value = serde_json::from_str(&fs::read_to_string(lone.path("unused.token")).unwrap()).unwrap();
    let with = |field: &str, value: Value| {
        let mut token = unused.clone();
        token[field] = value;
        token.to_string()
    };
    let cases = [
        ("used", good, "the join token was used already; make a new one"),
        ("garbled", "eyJhbGciOiJ".to_owned(), "this is not a join token as a controller writes it"),
        ("cut", unused.to_string().split_at(40).0.to_owned(), "this is not a join token as a controller writes it"),
        ("malformed", with("id", "../../etc".into()), "the join token's field id is malformed"),
        ("guessed", with("secret", "00".repeat(32).into()), "the join token is not known to this controller"),
        ("expired", with("expires_s", 1.into()), "the join token has expired; make a new one on the controller"),
        (
            "foreign",
            with("authority_sha256", "00".repeat(32).into()),
            "is not the controller that this engine belongs to",
        ),
        ("nowhere", with("controllers", vec!["127.0.0.1:9"].into()), "connecting to 127.0.0.1:9: Connection refused"),
    ];
    for (name, token, expected) in cases {
        let (data, file) = (lone.path(&format!("{name}-data")), lone.path(&format!("{name}.token")));
        fs::write(&file, token).unwrap();
        let said = lone.refusal(&["engine", "--data", &data, "--join", &file, "--admin-listen", "127.0.0.1:0"]);
        assert!(said.contains(expected) && said.contains(&file), "{name}: {said}");
    }
    let (data, file) = (lone.path("controller"), lone.path("late.token"));
    let said = lone.refusal(&["join-token", "--data", &data, "--out", &file, "--valid-for", "0"]);
    assert!(said.contains("--valid-for"), "{said}");
    assert!(!Path::new(&file).exists());
    let said = lone.refusal(&["engine", "--data", &lone.path("late"), "--admin-listen", "127.0.0.1:0"]);
    assert!(said.contains("make a token with `meridian join-token`"), "{said}");

    // What came to nothing has used nothing up.
    lone.assert_answers();
    let data = lone.path("second");
    let join = lone.path("unused.token");
    lone.spawn("second", &["engine", "--data", &data, "--join", &join, "--admin-listen", "127.0.0.1:9448"]);
    lone.wait("the second engine", || lone.admin(9445, "metrics").contains("meridian_engines_connected 2\n"));
}

#[test]
fn an_expired_certificate_is_told_and_a_new_token_replaces_it() {
    let Some(mut lone) = start() else { return };
    lone.stop("engine");
    let authority = (lone.text("controller/engines/engine-ca.pem"), lone.text("controller/engines/engine-ca-key.pem"));
    sign_again(&lone, &authority, now() - 30 * DAY, now() - DAY);
    lone.start_engine("engine");
    lone.wait("the reason", || lone.log("engine").contains("has expired; join again with a new token (--join FILE)"));
    lone.wait_for_answers();
    lone.assert_answers();

    // Its word is followed.
    lone.make_token("controller", "engine");
    lone.stop("engine");
    lone.start_engine("engine");
    lone.wait("the engine", || lone.admin(9445, "metrics").contains("meridian_engines_connected 1\n"));
    lone.create("controller", "gslbservice", &gslb_service("new.avi.example.com", "127.0.0.3"));
    lone.wait("the new service", || lone.dig("new.avi.example.com") == "127.0.0.3");
    lone.assert_answers();
}

#[test]
fn a_certificate_of_another_authority_is_refused_by_the_controller_and_both_say_so() {
    let Some(mut lone) = start() else { return };
    lone.stop("engine");
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Meridian engine authority");
    let authority = (authority.self_signed(&key).unwrap().pem(), key.serialize_pem());
    sign_again(&lone, &authority, now() - DAY, now() + DAY);
    lone.start_engine("engine");
    let told = "the controller does not know this engine's certificate; join with a token of this controller";
    lone.wait("the engine's word", || lone.log("engine").contains(told));
    lone.wait("the controller's", || {
        lone.log("controller").contains("engine's certificate refused: it has to join anew")
    });
    lone.wait_for_answers();
    lone.assert_answers();
    assert!(lone.admin(9445, "metrics").contains("meridian_engines_connected 0\n"));
}

#[test]
fn an_engine_of_another_controller_keeps_its_answers_until_its_own_is_back() {
    let Some(mut lone) = start() else { return };
    lone.stop("controller");
    lone.start_controller("other");
    lone.wait("the reason", || lone.log("engine").contains("is not the controller that this engine belongs to"));
    lone.assert_answers();
    lone.stop("engine");
    lone.start_engine("engine");
    lone.wait_for_answers();
    lone.assert_answers();
    assert!(lone.admin(9445, "metrics").contains("meridian_engines_connected 0\n"));

    lone.stop("other");
    lone.start_controller("controller");
    lone.create("controller", "gslbservice", &gslb_service("new.avi.example.com", "127.0.0.3"));
    lone.wait("the new service", || lone.dig("new.avi.example.com") == "127.0.0.3");
    lone.assert_answers();
}

#[test]
fn an_older_copy_of_the_controller_s_data_is_refused_until_it_is_said_to_be_restored() {
    let Some(mut lone) = start() else { return };
    lone.stop("controller");
    copy(&lone, "controller", "backup");
    lone.start_controller("controller");
    for number in 0..5 {
        let name = format!("late-{number}.avi.example.com");
        lone.create("controller", "gslbservice", &gslb_service(&name, "127.0.0.3"));
    }
    lone.wait("the new services", || lone.dig("late-4.avi.example.com") == "127.0.0.3");

    lone.stop("controller");
    fs::remove_dir_all(lone.path("controller")).unwrap();
    copy(&lone, "backup", "controller");
    lone.start_controller("controller");
    for part in ["engine", "controller"] {
        lone.wait("the reason", || {
            let log = lone.log(part);
            log.contains("is older than") && log.contains("put back from an older copy, start it once with --restored")
        });
    }
    lone.assert_answers();
    assert_eq!(lone.dig("late-4.avi.example.com"), "127.0.0.3");

    lone.stop("controller");
    let (data, listen) = (lone.path("controller"), crate::lone::CONTROLLER);
    lone.spawn("controller", &["controller", "--data", &data, "--listen", listen, "--restored"]);
    lone.wait("the older state", || lone.dig("late-4.avi.example.com").is_empty());
    assert_eq!(lone.dig(SHOP.0), SHOP.1);
    lone.assert_answers();
}

#[test]
fn certificate_files_that_cannot_be_used_are_named() {
    let Some(mut lone) = Lone::start() else { return };
    let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(["controller.example.com".to_owned()]).unwrap().self_signed(&one).unwrap();
    for (name, content) in [
        ("cert.pem", certificate.pem()),
        ("key.pem", one.serialize_pem()),
        ("other.pem", other.serialize_pem()),
        ("text.pem", "no certificate\n".to_owned()),
    ] {
        fs::write(lone.path(name), content).unwrap();
    }
    let data = lone.path("controller");
    for (certificate, key, named) in [
        ("cert.pem", "other.pem", "other.pem"),
        ("text.pem", "key.pem", "text.pem"),
        ("none.pem", "key.pem", "none.pem"),
    ] {
        let (certificate, key) = (lone.path(certificate), lone.path(key));
        let said = lone.refusal(&["controller", "--data", &data, "--tls-cert", &certificate, "--tls-key", &key]);
        assert!(said.contains(named), "{said}");
    }
    let (certificate, key) = (lone.path("cert.pem"), lone.path("key.pem"));
    lone.spawn("controller", &["controller", "--data", &data, "--tls-cert", &certificate, "--tls-key", &key]);
    lone.wait("the controller", || lone.admin(9445, "readyz") == "ok\n");
}

#[test]
fn an_operator_with_a_wrong_password_or_authority_says_so_and_goes_on_when_it_is_right() {
    let Some(mut world) = World::start() else { return };
    let split = [("10.10.25.46", 6), ("10.10.26.40", 4), ("10.10.23.40", 2)];
    world.wait_for_split(&split);
    let (authority, password) = world.credentials();
    world.stop("amko");
    world.start_amko_with("wrong", &authority);
    world.wait_for_word_of_amko("refuses user `admin`: Invalid credentials; check user name and password");
    world.set_weights([6, 3, 1]);
    assert_eq!(world.count(12), World::counts(&split));
    assert!(world.admin(9447, "readyz").starts_with("not ready: "), "{}", world.admin(9447, "readyz"));
    world.stop("amko");

    let foreign = CertificateParams::new(["10.10.20.42".to_owned()]).unwrap();
    let foreign = foreign.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    world.start_amko_with(&password, &foreign);
    world.wait_for_word_of_amko("its certificate is not one that the given CA signed");
    assert_eq!(world.count(12), World::counts(&split));
    world.stop("amko");

    world.start_amko_with(&password, &authority);
    world.wait_for_split(&[("10.10.25.46", 6), ("10.10.26.40", 3), ("10.10.23.40", 1)]);
    world.wait_until_synced();
}

fn copy(lone: &Lone, from: &str, to: &str) {
    let done = lone.enter("cp").args(["-a", &lone.path(from), &lone.path(to)]).status().unwrap();
    assert!(done.success());
}

/// Gives the engine a certificate for its own key and name, signed by `authority` (certificate and key in PEM).
fn sign_again(lone: &Lone, authority: &(String, String), from: SystemTime, until: SystemTime) {
    let file = lone.path("engine/identity.json");
    let mut identity: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let text = |name: &str| identity[name].as_str().unwrap().to_owned();
    let key = KeyPair::try_from(BASE64_STANDARD.decode(text("key")).unwrap()).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, text("engine_uuid"));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (from.into(), until.into());
    let issuer = Issuer::from_ca_cert_pem(&authority.0, KeyPair::from_pem(&authority.1).unwrap()).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    identity["certificate"] = BASE64_STANDARD.encode(certificate.der()).into();
    fs::write(&file, identity.to_string()).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "certificates of the past and the future are made from now")]
fn now() -> SystemTime {
    SystemTime::now()
}
