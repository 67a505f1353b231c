//! What sites say and keep when leaders are gone, or too many.

use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use super::{NAME, SITES, Sites, service};

impl Sites {
    /// A token for the API of a site, and the object that tells of it.
    fn token(&self, site: &str) -> (String, Value) {
        let (status, token) = self.rest(site, "POST", "/api/user-token", Some(&json!({"hours": 1})));
        assert_eq!(status, 201, "{token}");
        (token["token"].as_str().unwrap().to_owned(), token)
    }

    /// A request with a token, that may go on beside others.
    fn beside(&self, site: &str, token: &str, method: &str, path: &str, body: &Value) -> Command {
        let (_, host, _) = SITES[super::number(site)];
        let (authority, bearer) = (self.lone.path(&format!("{site}/ca.pem")), format!("authorization: Bearer {token}"));
        let mut curl = self.lone.enter("curl");
        curl.args(["-sS", "--cacert", &authority, "-H", &bearer, "-H", "content-type: application/json", "-X", method]);
        curl.args(["-w", "\n%{http_code}", "-d", &body.to_string(), &format!("https://{host}:9443{path}")]);
        curl
    }
}

fn answer(mut curl: Command) -> (u16, Value) {
    let text = String::from_utf8(curl.output().unwrap().stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn while_nobody_leads_writes_are_refused_for_now_and_in_words() {
    let Some(mut sites) = Sites::start() else { return };
    sites.federate(&["leader", "site1", "site2"], &json!({"leader_election": true}));
    let write = |sites: &Sites, site: &str, name: &str| {
        sites.rest(site, "POST", "/api/gslbservice", Some(&service(name, &["10.10.25.46"])))
    };
    let all = ["leader", "site1", "site2"];
    sites.wait("a leader", || all.iter().any(|site| write(&sites, site, NAME).0 == 201));
    sites.wait("the service at site1", || !sites.named("site1", "gslbservice", NAME).is_null());
    // Sites that joined together hear of each other by the log; until then neither can vote for the other.
    for (site, other) in [("site1", "site2"), ("site2", "site1")] {
        let cluster = sites.cluster(other);
        sites.wait("the followers to know each other", || {
            let known = sites.lone.enter("cat").arg(sites.lone.path(&format!("{site}/sites.json"))).output().unwrap();
            serde_json::from_slice::<Value>(&known.stdout).is_ok_and(|known| known[cluster.as_str()].is_object())
        });
    }
    sites.kill("leader");
    sites.kill("site2");
    sites.wait("the one that is left to know that nobody leads", || {
        let (status, answer) = write(&sites, "site1", "b.avi.iberia.local");
        let words = answer["error"].as_str().unwrap_or_default();
        status == 503 && words.contains("nobody leads the GSLB at this moment") && words.contains("try again")
    });
    assert_eq!(sites.dig("site1", NAME), "10.10.25.46", "answers go on");
    sites.start_controller("site2");
    sites.wait("a leader again", || {
        ["site1", "site2"].iter().any(|site| write(&sites, site, "b.avi.iberia.local").0 == 201)
    });
}

#[test]
fn of_two_sites_promoted_at_once_one_leads_and_no_other_says_so() {
    let Some(mut sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1", "site2"], &json!({}));
    let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    for site in ["site1", "site2"] {
        sites.wait("the Gslb at every site", || sites.rest(site, "GET", &path, None).0 == 200);
    }
    sites.kill("leader");
    let promote = |site: &str| {
        let change = json!({"replace": {"leader_cluster_uuid": sites.cluster(site)}});
        sites.beside(site, &sites.token(site).0, "PATCH", &path, &change)
    };
    let (one, two) = (promote("site1"), promote("site2"));
    let one = thread::spawn(|| answer(one));
    let two = answer(two);
    let one = one.join().unwrap();
    let won: Vec<&Value> = [&one, &two].into_iter().filter(|(status, _)| *status == 200).map(|(_, it)| it).collect();
    // Both only where one was promoted after the other, and that is a later view.
    assert!(!won.is_empty() && (won.len() == 1 || won[0]["view_id"] != won[1]["view_id"]), "{one:?} {two:?}");
    for (status, answer) in [&one, &two] {
        let words = answer["error"].as_str().unwrap_or_default();
        assert!(*status == 200 || words.contains("was promoted at the same time and leads"), "{status} {answer}");
    }
    let led_by = |site: &str| sites.rest(site, "GET", &path, None).1["leader_cluster_uuid"].clone();
    sites.wait("both to agree", || led_by("site1") == led_by("site2"));
    let last = won.iter().max_by_key(|gslb| gslb["view_id"].as_u64()).unwrap();
    assert_eq!(led_by("site1"), last["leader_cluster_uuid"]);
}

#[test]
fn a_leader_that_is_killed_while_it_writes_loses_nothing_that_it_answered() {
    let Some(mut sites) = Sites::start() else { return };
    sites.federate(&["leader", "site1", "site2"], &json!({}));
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..3 {
        for n in 0..5 {
            let name = format!("r{round}n{n}.avi.iberia.local");
            sites.create("leader", "gslbservice", &service(&name, &["10.10.25.46"]));
            acknowledged.push(name);
        }
        // One that may or may not be there afterwards.
        let late = format!("late{round}.avi.iberia.local");
        let (token, _) = sites.token("leader");
        let mut writer = sites.beside("leader", &token, "POST", "/api/gslbservice", &service(&late, &["10.10.25.46"]));
        let mut writer = writer.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sites.kill("leader");
        let _ = writer.wait();
        sites.start_controller("leader");
    }
    for site in ["leader", "site1", "site2"] {
        for name in &acknowledged {
            sites.wait("every acknowledged write everywhere", || !sites.named(site, "gslbservice", name).is_null());
        }
    }
    let count = |site: &str| sites.rest(site, "GET", "/api/gslbservice", None).1["count"].clone();
    sites.wait("the same at all sites", || count("leader") == count("site1") && count("site1") == count("site2"));
}

#[test]
fn a_stolen_token_lets_nobody_take_a_site_over_once_it_is_revoked() {
    let Some(sites) = Sites::start() else { return };
    let thief = sites.cluster("site2");
    let (stolen, token) = sites.token("site1");
    let invitation = json!({
        "gslb": "gslb-1", "cluster_uuid": sites.cluster("site1"), "is_active": true, "leader": thief,
        "active": [thief], "elects": false, "sites": {}
    });
    let join = || answer(sites.beside("site1", &stolen, "POST", "/api/site-join", &invitation)).0;
    assert_eq!(join(), 400, "it is let in, and its invitation makes no sense");
    let path = format!("/api/user-token/{}", token["uuid"].as_str().unwrap());
    assert_eq!(sites.rest("site1", "DELETE", &path, None).0, 204);
    assert_eq!(join(), 401);
}

#[test]
fn a_site_that_does_not_move_delays_neither_writes_nor_copies_nor_answers_of_the_others() {
    let Some(sites) = Sites::start() else { return };
    sites.federate(&["leader", "site1", "site2"], &json!({"leader_election": true}));
    let all = ["leader", "site1", "site2"];
    let write = |site: &str, name: &str| {
        let (status, answer) = sites.rest(site, "POST", "/api/gslbservice", Some(&service(name, &["10.10.25.46"])));
        status == 201 || (status == 409 && answer.to_string().contains("already exists"))
    };
    let mut leader = None;
    sites.wait("a leader", || {
        leader = all.into_iter().find(|site| write(site, NAME));
        leader.is_some()
    });
    let leader = leader.unwrap();
    let followers: Vec<&str> = all.into_iter().filter(|site| *site != leader).collect();
    for site in all {
        sites.wait("the service at every site", || sites.dig(site, NAME) == "10.10.25.46");
    }
    sites.lone.signal(followers[0], "STOP");
    let mut last = String::new();
    for n in 0..10 {
        last = format!("n{n}.avi.iberia.local");
        // Whoever leads; a machine under load may change that.
        sites.wait("a write that waits for nobody who stands still", || {
            [leader, followers[1]].into_iter().any(|site| write(site, &last))
        });
    }
    sites.wait("the copy at the other follower", || sites.dig(followers[1], &last) == "10.10.25.46");
    assert_eq!(sites.dig(followers[0], NAME), "10.10.25.46", "its engine goes on");
    sites.lone.signal(followers[0], "CONT");
    sites.wait("what it missed", || sites.dig(followers[0], &last) == "10.10.25.46");
}
