//! A member that one of three sites cannot reach, with and without a quorum of sites.
//!
//! All sites are on one machine here. What the first one cannot reach is a port: its engines move low ports by a thousand,
//! so its probes of port 53 go where nobody listens.

use serde_json::{Value, json};

use super::{NAME, SITES, Sites, service};

/// The member: the DNS virtual service of the second site.
const MEMBER: &str = SITES[1].2;
/// Answered by whoever answers at all.
const PLAIN: (&str, &str) = ("plain.avi.iberia.local", "10.10.25.46");

impl Sites {
    /// What the DNS virtual service of the site that moves its ports answers.
    fn dig_moved(&self, name: &str) -> String {
        let (_, _, dns) = SITES[0];
        let args = ["+short", "+tries=1", "+time=2", &format!("@{dns}"), "-p", "1053", name];
        let text = String::from_utf8(self.lone.enter("dig").args(args).output().unwrap().stdout).unwrap();
        text.lines().filter(|line| !line.starts_with(';')).collect::<Vec<_>>().join("\n")
    }

    fn member_at(&self, site: &str, uuid: &str) -> Value {
        let (_, runtime) = self.rest(site, "GET", &format!("/api/gslbservice/{uuid}/runtime/"), None);
        runtime.pointer("/groups/0/members/0").cloned().unwrap_or_default()
    }

    fn patch(&self, site: &str, path: &str, body: &Value) {
        let (status, answer) = self.rest(site, "PATCH", path, Some(body));
        assert_eq!(status, 200, "{answer}");
    }
}

#[test]
fn a_member_that_one_site_cannot_reach_stays_in_its_answers_while_a_majority_of_sites_reaches_it() {
    let Some(mut sites) = Sites::start() else { return };
    let group = sites.named("leader", "serviceenginegroup", "Default-Group");
    let group = format!("/api/serviceenginegroup/{}", group["uuid"].as_str().unwrap());
    sites.patch("leader", &group, &json!({"replace": {"port_offset": 1000}}));
    sites.federate(&["leader", "site1", "site2"], &json!({}));
    let monitor = json!({
        "name": "dns", "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 53, "tcp_monitor": {},
        "failed_checks": 2, "successful_checks": 1, "send_interval": 1, "receive_timeout": 1
    });
    sites.create("leader", "healthmonitor", &monitor);
    let mut body = service(NAME, &[MEMBER]);
    body["health_monitor_refs"] = json!(["/api/healthmonitor?name=dns"]);
    let watched = sites.create("leader", "gslbservice", &body);
    let uuid = watched["uuid"].as_str().unwrap();
    let path = format!("/api/gslbservice/{uuid}");
    sites.create("leader", "gslbservice", &service(PLAIN.0, &[PLAIN.1]));

    // Without a quorum each site follows its own perception.
    for site in ["site1", "site2"] {
        sites.wait("the sites that reach it", || sites.dig(site, NAME) == MEMBER);
    }
    let state = |site: &str| sites.member_at(site, uuid)["oper_status"]["state"].clone();
    sites.wait("the site that does not", || state("leader") == "OPER_DOWN" && sites.dig_moved(PLAIN.0) == PLAIN.1);
    assert_eq!(sites.dig_moved(NAME), "");
    assert!(sites.member_at("leader", uuid).get("perceptions").is_none());

    sites.patch("leader", &path, &json!({"replace": {"site_quorum": {"type": "SITE_QUORUM_MAJORITY"}}}));
    sites.wait("two of three to keep it", || sites.dig_moved(NAME) == MEMBER);
    sites.wait("the runtime", || state("leader") == "OPER_UP");
    let member = sites.member_at("leader", uuid);
    let perceived: Vec<&Value> =
        member["perceptions"].as_array().unwrap().iter().map(|it| &it["oper_status"]["state"]).collect();
    assert_eq!(perceived, ["OPER_DOWN", "OPER_UP", "OPER_UP"], "{member}");
    assert_eq!(member["perceptions"][0]["site_name"], "leader");
    let why = "1 of 3 sites perceive it down, 2 take it down; here OPER_DOWN: 0 of 1 required monitors pass: dns \
               CONNECTION_REFUSED";
    assert!(member["oper_status"]["reason"].to_string().contains(why), "{member}");
    let (ca, password) = (sites.lone.path("leader/ca.pem"), sites.lone.password("leader"));
    let explain = ["explain", "dns", NAME, "--controller", "https://10.10.20.42:9443", "--ca", &ca];
    let said = sites.lone.run(&[&explain[..], &["--password", &password]].concat());
    assert!(said.contains("1 of 3 sites perceive it down"), "{said}");

    // Sites that are away have no voice; a site that hears too few decides alone.
    sites.kill("site1");
    sites.kill("site2");
    sites.wait("the site to be alone", || sites.dig_moved(NAME).is_empty());
    assert!(sites.member_at("leader", uuid)["oper_status"]["reason"].to_string().contains("this site alone"));
    assert_eq!((sites.dig("site1", NAME), sites.dig("site2", NAME)), (MEMBER.to_owned(), MEMBER.to_owned()));
    sites.start_controller("site1");
    sites.wait("one more voice is enough", || sites.dig_moved(NAME) == MEMBER);
    sites.start_controller("site2");

    // An engine that lost its controller goes on with what it was told, and then with its own perception.
    sites.kill("leader");
    assert_eq!(sites.dig_moved(NAME), MEMBER);
    sites.wait("the engine to be alone", || sites.dig_moved(NAME).is_empty());
    sites.start_controller("leader");
    sites.wait("the others to be heard again", || sites.dig_moved(NAME) == MEMBER);

    // Where nobody reaches it, it is down everywhere.
    let down = sites.named("site1", "virtualservice", "g-dns")["uuid"].clone();
    let down = format!("/api/virtualservice/{}", down.as_str().unwrap());
    sites.patch("site1", &down, &json!({"replace": {"enabled": false}}));
    sites.wait("all to leave it out", || sites.dig_moved(NAME).is_empty() && sites.dig("site2", NAME).is_empty());
    sites.wait("the reason", || {
        sites.member_at("site2", uuid)["oper_status"]["reason"].to_string().contains("3 of 3 sites perceive it down")
    });
    assert_eq!(sites.dig_moved(PLAIN.0), PLAIN.1);

    let count = json!({"replace": {"site_quorum": {"type": "SITE_QUORUM_COUNT"}}});
    let (status, answer) = sites.rest("leader", "PATCH", &path, Some(&count));
    assert_eq!((status, answer.to_string().contains("site_quorum.count")), (400, true), "{answer}");
}
