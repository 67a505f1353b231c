//! When changes go to the other sites, and what followers may change (avi-api 5.2, 5.3).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{NAME, ONLY_LEADER, Sites, service};

impl Sites {
    /// Changes fields of the Gslb at `site`.
    #[track_caller]
    fn set(&self, site: &str, gslb: &Value, fields: &Value) {
        let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
        let (status, answer) = self.rest(site, "PATCH", &path, Some(&json!({"replace": fields})));
        assert_eq!(status, 200, "{answer}");
    }
}

#[test]
fn a_follower_that_may_switches_members_on_and_off_everywhere_and_changes_nothing_else() {
    let Some(mut sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1", "site2"], &json!({}));
    let made = sites.create("leader", "gslbservice", &service(NAME, &["10.10.25.46"]));
    let path = format!("/api/gslbservice/{}", made["uuid"].as_str().unwrap());
    for site in ["leader", "site1", "site2"] {
        sites.wait("an answer of each site", || sites.dig(site, NAME) == "10.10.25.46");
    }
    let switched = |sites: &Sites, site: &str, enabled: bool| {
        let mut body = sites.rest(site, "GET", &path, None).1;
        body["groups"][0]["members"][0]["enabled"] = json!(enabled);
        sites.rest(site, "PUT", &path, Some(&body))
    };
    let (status, refused) = switched(&sites, "site1", false);
    assert_eq!((status, refused["error"].as_str()), (400, Some(ONLY_LEADER)), "it may not yet");
    sites.set("leader", &gslb, &json!({"enable_config_by_members": true}));
    let gslb_path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    sites.wait("the follower to know that it may", || {
        sites.rest("site1", "GET", &gslb_path, None).1["enable_config_by_members"] == json!(true)
    });

    let (status, answer) = switched(&sites, "site1", false);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["groups"][0]["members"][0]["enabled"], json!(false), "{answer}");
    for site in ["leader", "site1", "site2"] {
        sites.wait("the member to leave every site", || sites.dig(site, NAME).is_empty());
        sites.wait("the same object everywhere", || {
            sites.rest(site, "GET", &path, None).1["_last_modified"] == answer["_last_modified"]
        });
    }
    let (status, answer) = switched(&sites, "site2", true);
    assert_eq!(status, 200, "{answer}");
    sites.wait("the member to be back", || sites.dig("leader", NAME) == "10.10.25.46");

    let mut other = sites.rest("site1", "GET", &path, None).1;
    other["groups"][0]["members"][0]["ratio"] = json!(7);
    other["groups"][0]["members"][0]["enabled"] = json!(false);
    let (status, refused) = sites.rest("site1", "PUT", &path, Some(&other));
    assert_eq!((status, refused["error"].as_str()), (400, Some(ONLY_LEADER)));
    assert_eq!(sites.rest("site1", "DELETE", &path, None).0, 400);

    // Without its leader it cannot, and says so.
    sites.kill("leader");
    sites.wait("a refusal in words", || {
        let (status, answer) = switched(&sites, "site1", false);
        status == 503 && answer["error"].as_str().is_some_and(|words| words.contains("is not connected"))
    });
}

#[test]
fn changes_wait_for_the_interval_of_batches_and_in_adaptive_mode_for_the_leaders_own_engines() {
    let Some(mut sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1", "site2"], &json!({"async_interval": 5}));
    let began = now();
    sites.create("leader", "gslbservice", &service(NAME, &["10.10.25.46"]));
    sites.create("leader", "gslbservice", &service("b.avi.iberia.local", &["10.10.25.47"]));
    sites.wait("the batch", || !sites.named("site1", "gslbservice", "b.avi.iberia.local").is_null());
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(!sites.named("site1", "gslbservice", NAME).is_null());

    let adaptive =
        json!({"replication_policy": {"replication_mode": "REPLICATION_MODE_ADAPTIVE"}, "async_interval": 0});
    sites.set("leader", &gslb, &adaptive);
    sites.create("leader", "gslbservice", &service("c.avi.iberia.local", &["10.10.25.48"]));
    sites.wait("what the leader's engine runs", || sites.dig("site2", "c.avi.iberia.local") == "10.10.25.48");
    assert_eq!(sites.dig("leader", "c.avi.iberia.local"), "10.10.25.48", "it was there first");
    // Nobody waits for engines that there are none of.
    sites.kill("leader-engine");
    sites.create("leader", "gslbservice", &service("d.avi.iberia.local", &["10.10.25.49"]));
    sites.wait("what no engine of the leader's holds up", || sites.dig("site2", "d.avi.iberia.local") == "10.10.25.49");
}

#[expect(clippy::disallowed_methods, reason = "a batch waits for a while at least")]
fn now() -> Instant {
    Instant::now()
}
