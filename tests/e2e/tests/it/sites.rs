//! Several controllers, sites of one GSLB: what is written at the leader is everywhere, and who leads is agreed on.
//!
//! No clusters and no cut links here: that is the story of the blackouts. Each site is a controller with an engine at the
//! addresses of the story, all in one namespace.

mod files;
mod modes;
mod names;
mod quorum;
mod trouble;

use serde_json::{Value, json};

use crate::lone::Lone;

/// Name of the site, address of its controller, address of its DNS virtual service, port of its administration.
const SITES: [(&str, &str, &str); 3] = [
    ("leader", "10.10.20.42", "10.10.24.186"),
    ("site1", "10.10.20.43", "10.10.22.40"),
    ("site2", "10.10.20.44", "10.10.21.50"),
];
const DOMAIN: &str = "avi.iberia.local";
const NAME: &str = "hello.avi.iberia.local";
const ONLY_LEADER: &str = "Config Operations can be done ONLY on leader";

struct Sites {
    lone: Lone,
}

impl Sites {
    /// Three controllers with an engine and a DNS virtual service each; `None`, with the reason printed, where that is not
    /// possible.
    fn start() -> Option<Self> {
        Self::start_after("true")
    }

    /// The same, where `before` ran first, in the directory of the parts.
    fn start_after(before: &str) -> Option<Self> {
        let lone = Lone::start_after(&format!("ip route add local 10.0.0.0/8 dev lo && {before}"))?;
        let mut sites = Self { lone };
        for (number, (name, ..)) in SITES.into_iter().enumerate() {
            sites.start_controller(name);
            let data = sites.lone.path(name);
            let token = sites.lone.path(&format!("{name}.token"));
            sites.lone.run(&["join-token", "--data", &data, "--out", &token]);
            let (data, admin) = (sites.lone.path(&format!("{name}-engine")), admin_port(number) + 100);
            let admin = format!("127.0.0.1:{admin}");
            let args = ["engine", "--data", &data, "--join", &token, "--workers", "1", "--admin-listen", &admin];
            sites.lone.spawn(&format!("{name}-engine"), &args);
        }
        Some(sites)
    }

    fn start_controller(&mut self, name: &str) {
        let number = number(name);
        let (_, host, _) = SITES[number];
        let (data, admin) = (self.lone.path(name), format!("127.0.0.1:{}", admin_port(number)));
        let listen = format!("{host}:9443");
        let args = ["controller", "--data", &data, "--listen", &listen, "--privileged-ports", "--admin-listen", &admin];
        self.lone.spawn(name, &args);
        self.lone.wait(name, || self.lone.admin(admin_port(number), "readyz") == "ok\n");
    }

    /// A DNS virtual service at each site, and the Gslb of `these`, the first of which leads.
    fn federate(&self, these: &[&str], more: &Value) -> Value {
        let sites: Vec<Value> = these.iter().map(|name| self.site(name, true)).collect();
        let mut gslb = json!({
            "name": "Default", "leader_cluster_uuid": sites[0]["cluster_uuid"], "dns_configs": [{"domain_name": DOMAIN}],
            "sites": sites, "send_interval": 1, "clear_on_max_retries": 3,
        });
        for (key, value) in more.as_object().unwrap() {
            gslb[key] = value.clone();
        }
        self.create(these[0], "gslb", &gslb)
    }

    /// A site as the Gslb lists it, with a DNS virtual service that it makes where it has none.
    fn site(&self, name: &str, is_active: bool) -> Value {
        let (_, host, dns) = SITES[number(name)];
        let (_, found) = self.rest(name, "GET", "/api/virtualservice?name=g-dns", None);
        let service = match found["results"].as_array().and_then(|results| results.first()) {
            Some(service) => service.clone(),
            None => {
                let profile = json!({
                    "name": "g-dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {
                        "domain_names": [DOMAIN], "error_response": "DNS_ERROR_RESPONSE_ERROR"
                    }
                });
                self.create(name, "applicationprofile", &profile);
                let service = json!({
                    "name": "g-dns", "application_profile_ref": "/api/applicationprofile?name=g-dns",
                    "services": [{"port": 53}], "vip": [{"vip_id": "0", "ip_address": {"addr": dns, "type": "V4"}}]
                });
                self.create(name, "virtualservice", &service)
            }
        };
        let kind = if is_active { "GSLB_ACTIVE_MEMBER" } else { "GSLB_PASSIVE_MEMBER" };
        let mut site = json!({
            "name": name, "cluster_uuid": self.cluster(name), "member_type": kind, "port": 9443,
            "ip_addresses": [{"addr": host, "type": "V4"}], "username": "admin", "password": self.lone.password(name),
        });
        if is_active {
            site["dns_vses"] = json!([{"dns_vs_uuid": service["uuid"], "domain_names": [DOMAIN]}]);
        }
        site
    }

    fn cluster(&self, name: &str) -> String {
        self.rest(name, "GET", "/api/cluster", None).1["uuid"].as_str().unwrap().to_owned()
    }

    fn rest(&self, site: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (_, host, _) = SITES[number(site)];
        self.lone.rest_at(&format!("{host}:9443"), site, method, path, body)
    }

    #[track_caller]
    fn create(&self, site: &str, kind: &str, body: &Value) -> Value {
        let (status, answer) = self.rest(site, "POST", &format!("/api/{kind}"), Some(body));
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// The object of this name at a site; null where there is none.
    fn named(&self, site: &str, kind: &str, name: &str) -> Value {
        let (_, found) = self.rest(site, "GET", &format!("/api/{kind}?name={name}"), None);
        found["results"].as_array().and_then(|results| results.first().cloned()).unwrap_or_default()
    }

    /// What the DNS virtual service of a site answers.
    fn dig(&self, site: &str, name: &str) -> String {
        let (_, _, dns) = SITES[number(site)];
        let output = self.lone.enter("dig").args(["+short", "+tries=1", "+time=2", &format!("@{dns}"), name]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.lines().filter(|line| !line.starts_with(';')).collect::<Vec<_>>().join("\n")
    }

    /// Member of `key` of the GSLB's runtime, as `of` sees the site `about`.
    fn sight(&self, of: &str, about: &str, pointer: &str) -> Value {
        let (_, gslb) = self.rest(of, "GET", "/api/gslb?join_subresources=runtime", None);
        let sites = gslb.pointer("/results/0/runtime/site").and_then(Value::as_array).cloned().unwrap_or_default();
        let site = sites.into_iter().find(|site| site["site_info"]["name"] == about).unwrap_or_default();
        site.pointer(&format!("/site_info/{pointer}")).cloned().unwrap_or_default()
    }

    fn kill(&mut self, part: &str) {
        self.lone.kill(part);
    }

    fn wait(&self, what: &str, condition: impl FnMut() -> bool) {
        self.lone.wait(what, condition);
    }
}

fn number(name: &str) -> usize {
    SITES.iter().position(|(site, ..)| *site == name).unwrap()
}

fn admin_port(number: usize) -> u16 {
    9445 + u16::try_from(number).unwrap() * 1_000
}

fn service(name: &str, ips: &[&str]) -> Value {
    let members: Vec<Value> = ips.iter().map(|ip| json!({"ip": {"addr": ip, "type": "V4"}})).collect();
    json!({"name": name, "domain_names": [name], "ttl": 2, "groups": [{"name": "first", "priority": 10, "members": members}]})
}

#[test]
fn what_the_leader_writes_is_the_same_everywhere_and_followers_refuse_writes() {
    let Some(mut sites) = Sites::start() else { return };
    sites.federate(&["leader", "site1", "site2"], &json!({}));
    let monitor = json!({
        "name": "everywhere", "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 80,
        "tcp_monitor": {}, "failed_checks": 3, "successful_checks": 1, "send_interval": 1, "receive_timeout": 1
    });
    sites.create("leader", "healthmonitor", &monitor);
    let written = sites.create("leader", "gslbservice", &service(NAME, &["10.10.25.46"]));
    for site in ["site1", "site2"] {
        sites.wait("the service at every site", || sites.named(site, "gslbservice", NAME)["uuid"] == written["uuid"]);
        let copy = sites.named(site, "gslbservice", NAME);
        for field in ["uuid", "name", "_last_modified", "groups", "domain_names", "ttl"] {
            assert_eq!(copy[field], written[field], "{site} {field}");
        }
        let own = sites.named("leader", "healthmonitor", "everywhere");
        sites.wait("the monitor", || sites.named(site, "healthmonitor", "everywhere")["uuid"] == own["uuid"]);
        sites.wait("an answer of each site", || sites.dig(site, NAME) == "10.10.25.46");

        let (status, refused) =
            sites.rest(site, "POST", "/api/gslbservice", Some(&service("b.avi.iberia.local", &["10.10.25.47"])));
        assert_eq!((status, refused["error"].as_str()), (400, Some(ONLY_LEADER)));
        let path = format!("/api/gslbservice/{}", written["uuid"].as_str().unwrap());
        assert_eq!(sites.rest(site, "DELETE", &path, None).0, 400);
        sites.wait("each site to see the leader", || sites.sight(site, "leader", "oper_status")["state"] == "OPER_UP");
        assert_eq!(sites.sight(site, "leader", "role"), "GSLB_LEADER");
        assert_eq!(sites.sight(site, site, "role"), "GSLB_MEMBER");
    }

    // A follower that is away gets what it missed, and keeps answering meanwhile from what it has.
    sites.kill("site2");
    let path = format!("/api/gslbservice/{}", written["uuid"].as_str().unwrap());
    assert_eq!(sites.rest("leader", "PUT", &path, Some(&service(NAME, &["10.10.26.40"]))).0, 200);
    for n in 0..30 {
        sites.create("leader", "gslbservice", &service(&format!("more{n}.avi.iberia.local"), &["10.10.26.41"]));
    }
    let state = |sites: &Sites| sites.sight("leader", "site2", "oper_status")["state"].clone();
    sites.wait("the leader to miss a site", || state(&sites) == "OPER_DOWN");
    assert_eq!(sites.dig("site2", NAME), "10.10.25.46", "its engine goes on");
    sites.start_controller("site2");
    sites.wait("what was missed", || sites.dig("site2", NAME) == "10.10.26.40");
    sites.wait("all of it", || sites.dig("site2", "more29.avi.iberia.local") == "10.10.26.41");
    sites.wait("the leader to see it again", || state(&sites) == "OPER_UP");

    // What is deleted goes everywhere.
    assert_eq!(sites.rest("leader", "DELETE", &path, None).0, 204);
    for site in ["leader", "site1", "site2"] {
        sites.wait("the service to go", || sites.named(site, "gslbservice", NAME).is_null());
        sites.wait("no answer", || sites.dig(site, NAME).is_empty());
    }
}

#[test]
fn a_person_promotes_a_follower_and_the_old_leader_follows_when_it_is_back() {
    let Some(mut sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1", "site2"], &json!({}));
    sites.create("leader", "gslbservice", &service(NAME, &["10.10.25.46"]));
    for site in ["site1", "site2"] {
        sites.wait("the service at every site", || !sites.named(site, "gslbservice", NAME).is_null());
    }
    sites.kill("leader");
    let (status, refused) =
        sites.rest("site1", "POST", "/api/gslbservice", Some(&service("b.avi.iberia.local", &["10.10.25.47"])));
    assert_eq!((status, refused["error"].as_str()), (400, Some(ONLY_LEADER)));

    let (ca, password) = (sites.lone.path("site1/ca.pem"), sites.lone.password("site1"));
    let said =
        sites.lone.run(&["promote", "--controller", "https://10.10.20.43:9443", "--ca", &ca, "--password", &password]);
    assert!(said.starts_with("This site leads the GSLB now (view 1).\nleader has not answered ("), "{said}");
    assert!(said.ends_with("\nsite2 follows it.\n"), "{said}");
    sites.create("site1", "gslbservice", &service("b.avi.iberia.local", &["10.10.25.47"]));
    sites.wait("the other follower to have it", || sites.dig("site2", "b.avi.iberia.local") == "10.10.25.47");

    sites.start_controller("leader");
    let cluster = sites.cluster("site1");
    let led_by = |site: &str| {
        let (_, found) = sites.rest(site, "GET", &format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap()), None);
        (found["leader_cluster_uuid"].clone(), found["view_id"].clone())
    };
    for site in ["leader", "site1", "site2"] {
        sites.wait("all to agree on who leads", || led_by(site) == (json!(cluster), json!(1)));
    }
    sites.wait("the old leader to have what it missed", || sites.dig("leader", "b.avi.iberia.local") == "10.10.25.47");
    let (status, refused) =
        sites.rest("leader", "POST", "/api/gslbservice", Some(&service("c.avi.iberia.local", &["10.10.25.48"])));
    assert_eq!((status, refused["error"].as_str()), (400, Some(ONLY_LEADER)));
    let table = sites.lone.run(&[
        "get",
        "gslb",
        "--controller",
        "https://10.10.20.43:9443",
        "--ca",
        &ca,
        "--password",
        &password,
    ]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..5], ["leader", "member", "active", "up", "10.10.20.42"], "{table}");
    assert_eq!(rows[2][..5], ["site1", "leader", "active", "up", "10.10.20.43"], "{table}");
}

#[test]
fn the_sites_elect_a_leader_when_theirs_is_gone_and_nothing_acknowledged_is_lost() {
    let Some(mut sites) = Sites::start() else { return };
    sites.federate(&["leader", "site1", "site2"], &json!({"leader_election": true}));
    let leads = |sites: &Sites, among: &[&'static str]| {
        among.iter().copied().find(|site| sites.sight(site, site, "role") == "GSLB_LEADER")
    };
    let mut acknowledged: Vec<String> = Vec::new();
    let write = |sites: &Sites, acknowledged: &mut Vec<String>, among: &[&'static str]| {
        let name = format!("n{}.avi.iberia.local", acknowledged.len());
        sites.wait("a write", || {
            let Some(leader) = leads(sites, among) else { return false };
            let (status, answer) =
                sites.rest(leader, "POST", "/api/gslbservice", Some(&service(&name, &["10.10.25.46"])));
            // After a doubt it may be there.
            status == 201 || (status == 409 && answer.to_string().contains("already exists"))
        });
        acknowledged.push(name);
    };
    let all = ["leader", "site1", "site2"];
    for _ in 0..5 {
        write(&sites, &mut acknowledged, &all);
    }
    for round in 0..3 {
        let mut gone = None;
        sites.wait("a leader", || {
            gone = leads(&sites, &all);
            gone.is_some()
        });
        let gone = gone.unwrap();
        sites.kill(gone);
        let left: Vec<&'static str> = all.iter().copied().filter(|site| *site != gone).collect();
        for _ in 0..3 {
            write(&sites, &mut acknowledged, &left);
        }
        sites.start_controller(gone);
        sites.wait("the old leader to follow", || sites.sight(gone, gone, "role") == "GSLB_MEMBER");
        println!("round {round}: {gone} was killed, {} writes acknowledged", acknowledged.len());
    }
    for site in all {
        for name in &acknowledged {
            sites.wait("every acknowledged write everywhere", || !sites.named(site, "gslbservice", name).is_null());
        }
    }
}

#[test]
fn who_cannot_join_is_told_with_the_field_and_nothing_is_written() {
    let Some(sites) = Sites::start() else { return };
    let refused = |site: Value, words: &str| {
        let mut gslb = json!({
            "name": "Default", "dns_configs": [{"domain_name": DOMAIN}], "sites": [sites.site("leader", true), site]
        });
        gslb["leader_cluster_uuid"] = gslb["sites"][0]["cluster_uuid"].clone();
        let (status, answer) = sites.rest("leader", "POST", "/api/gslb", Some(&gslb));
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(words), "{answer}");
        assert_eq!(sites.rest("leader", "GET", "/api/gslb", None).1["count"], 0);
        assert_eq!(sites.rest("site1", "GET", "/api/gslb", None).1["count"], 0);
    };
    let site = |field: &str, value: Value| {
        let mut site = sites.site("site1", true);
        site[field] = value;
        site
    };
    refused(site("password", json!("wrong")), "sites[1]: site site1 at https://10.10.20.43:9443 cannot join");
    refused(
        site("cluster_uuid", json!("cluster-of-nobody")),
        "sites[1].cluster_uuid: the controller at https://10.10.20.43:9443 is ",
    );
    refused(site("ip_addresses", json!([])), "sites[1].ip_addresses: an address is needed");
    refused(site("port", json!(1)), "sites[1]: site site1 at https://10.10.20.43:1 cannot join");
    refused(
        site("dns_vses", json!([{"dns_vs_uuid": "virtualservice-of-nobody"}])),
        "sites[1].dns_vses: site site1 has no virtual service",
    );
}

#[test]
fn a_passive_site_tells_its_states_and_holds_nothing() {
    let Some(sites) = Sites::start() else { return };
    let mut gslb = json!({
        "name": "Default", "dns_configs": [{"domain_name": DOMAIN}], "send_interval": 1,
        "sites": [sites.site("leader", true), sites.site("site1", true), sites.site("site2", false)]
    });
    gslb["leader_cluster_uuid"] = gslb["sites"][0]["cluster_uuid"].clone();
    let gslb = sites.create("leader", "gslb", &gslb);
    let (passive, vs) = (sites.cluster("site2"), sites.named("site2", "virtualservice", "g-dns")["uuid"].clone());
    let mut body = service(NAME, &["10.10.23.40"]);
    body["groups"][0]["members"][0]["cluster_uuid"] = json!(passive);
    body["groups"][0]["members"][0]["vs_uuid"] = vs;
    sites.create("leader", "gslbservice", &body);
    for site in ["leader", "site1"] {
        // No monitor: what the passive site says of its virtual service decides alone.
        sites.wait("a verdict of the passive site", || sites.dig(site, NAME) == "10.10.23.40");
        sites.wait("its state", || sites.sight(site, "site2", "oper_status")["state"] == "OPER_UP");
    }
    assert_eq!(sites.rest("site2", "GET", "/api/gslbservice", None).1["count"], 0);
    assert_eq!(sites.rest("site2", "GET", "/api/gslb", None).1["count"], 0);

    // Disabled there, it leaves the answers here.
    let uuid = sites.named("site2", "virtualservice", "g-dns")["uuid"].clone();
    let path = format!("/api/virtualservice/{}", uuid.as_str().unwrap());
    assert_eq!(sites.rest("site2", "PATCH", &path, Some(&json!({"replace": {"enabled": false}}))).0, 200);
    for site in ["leader", "site1"] {
        sites.wait("the member to leave", || sites.dig(site, NAME).is_empty());
    }

    // A site that is taken out of the GSLB loses what it had, and may not come back by itself.
    let mut fewer = sites.rest("leader", "GET", &format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap()), None).1;
    fewer["sites"].as_array_mut().unwrap().retain(|site| site["name"] != "site1");
    let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    let (status, answer) = sites.rest("leader", "PUT", &path, Some(&fewer));
    assert_eq!(status, 200, "{answer}");
    sites.wait("the copy to go", || sites.rest("site1", "GET", "/api/gslbservice", None).1["count"] == 0);
    sites.wait("the Gslb to go", || sites.rest("site1", "GET", "/api/gslb", None).1["count"] == 0);
    assert!(!sites.named("leader", "gslbservice", NAME).is_null());
}

#[test]
fn a_full_disk_at_a_follower_stops_its_copy_and_neither_its_answers_nor_the_others() {
    let small = "mkdir site2 && mount -t tmpfs -o size=16384k,mode=0700 tmpfs site2";
    let Some(sites) = Sites::start_after(small) else { return };
    sites.federate(&["leader", "site1", "site2"], &json!({}));
    sites.create("leader", "gslbservice", &service(NAME, &["10.10.25.46"]));
    sites.wait("the service at the follower", || sites.dig("site2", NAME) == "10.10.25.46");
    let ballast = sites.lone.path("site2/ballast");
    // It ends when the disk is full, which is what it is for.
    let _ = sites.lone.enter("dd").args(["if=/dev/zero", &format!("of={ballast}"), "bs=1k", "status=none"]).output();
    // The log has some room of its own left.
    let mut last = 0;
    sites.wait("the follower to stay behind", || {
        last += 1;
        sites.create("leader", "gslbservice", &service(&format!("n{last}.avi.iberia.local"), &["10.10.25.47"]));
        sites.lone.log("site2").contains("the log of federated objects cannot be used")
    });
    let name = format!("n{last}.avi.iberia.local");
    sites.wait("the other follower to have it", || sites.dig("site1", &name) == "10.10.25.47");
    assert_eq!(sites.dig("site2", NAME), "10.10.25.46", "its answers go on");
    assert!(sites.lone.enter("rm").arg(&ballast).status().unwrap().success());
    sites.wait("what it missed", || sites.dig("site2", &name) == "10.10.25.47");
}

#[test]
fn in_manual_mode_followers_show_what_a_checkpoint_says() {
    let Some(sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1", "site2"], &json!({}));
    sites.create("leader", "gslbservice", &service("before.avi.iberia.local", &["10.10.25.46"]));
    sites.wait("the first service", || sites.dig("site1", "before.avi.iberia.local") == "10.10.25.46");
    let change = |policy: Value| {
        let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
        let (status, answer) =
            sites.rest("leader", "PATCH", &path, Some(&json!({"replace": {"replication_policy": policy}})));
        assert_eq!(status, 200, "{answer}");
    };
    change(json!({"replication_mode": "REPLICATION_MODE_MANUAL"}));
    let held = sites.create("leader", "gslbservice", &service("held.avi.iberia.local", &["10.10.25.47"]));
    let checkpoint = sites.create("leader", "federationcheckpoint", &json!({"name": "now", "date": "today"}));
    sites.create("leader", "gslbservice", &service("later.avi.iberia.local", &["10.10.25.48"]));
    sites.wait("the leader's own answer", || sites.dig("leader", "later.avi.iberia.local") == "10.10.25.48");
    assert!(sites.named("site1", "gslbservice", "held.avi.iberia.local").is_null());
    change(json!({"replication_mode": "REPLICATION_MODE_MANUAL", "checkpoint_ref": checkpoint["url"]}));
    sites.wait("what came before the checkpoint", || {
        sites.named("site1", "gslbservice", "held.avi.iberia.local")["uuid"] == held["uuid"]
    });
    assert!(sites.named("site1", "gslbservice", "later.avi.iberia.local").is_null());
    change(json!({"replication_mode": "REPLICATION_MODE_CONTINUOUS"}));
    sites.wait("all of it", || sites.dig("site2", "later.avi.iberia.local") == "10.10.25.48");
}

#[test]
fn a_site_that_joins_later_has_all_and_one_that_was_away_meanwhile_hears_of_it_from_its_new_leader() {
    let Some(mut sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1"], &json!({}));
    sites.create("leader", "gslbservice", &service(NAME, &["10.10.25.46"]));
    sites.wait("the service at the first follower", || sites.dig("site1", NAME) == "10.10.25.46");

    sites.kill("site1");
    let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    let mut more = sites.rest("leader", "GET", &path, None).1;
    more["sites"].as_array_mut().unwrap().push(sites.site("site2", true));
    let (status, answer) = sites.rest("leader", "PUT", &path, Some(&more));
    assert_eq!(status, 200, "{answer}");
    sites.wait("the service at the new site", || sites.dig("site2", NAME) == "10.10.25.46");
    sites.wait("the Gslb at the new site", || {
        sites.rest("site2", "GET", &path, None).1["sites"].as_array().is_some_and(|sites| sites.len() == 3)
    });

    // The old leader is gone before the one that was away is back: it has never heard of the new one.
    let (ca, password) = (sites.lone.path("site2/ca.pem"), sites.lone.password("site2"));
    sites.kill("leader");
    let url = "https://10.10.20.44:9443";
    sites.lone.run(&["promote", "--controller", url, "--ca", &ca, "--password", &password]);
    sites.create("site2", "gslbservice", &service("b.avi.iberia.local", &["10.10.25.47"]));
    sites.start_controller("site1");
    sites.wait("what the new leader wrote", || sites.dig("site1", "b.avi.iberia.local") == "10.10.25.47");
}

#[test]
fn a_site_that_was_taken_out_while_it_was_away_leaves_and_takes_nothing_over() {
    let Some(mut sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1", "site2"], &json!({}));
    sites.create("leader", "gslbservice", &service(NAME, &["10.10.25.46"]));
    for site in ["site1", "site2"] {
        sites.wait("the service at every site", || sites.dig(site, NAME) == "10.10.25.46");
    }
    sites.kill("site1");
    let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    let mut fewer = sites.rest("leader", "GET", &path, None).1;
    fewer["sites"].as_array_mut().unwrap().retain(|site| site["name"] != "site1");
    assert_eq!(sites.rest("leader", "PUT", &path, Some(&fewer)).0, 200);
    sites.create("leader", "gslbservice", &service("later.avi.iberia.local", &["10.10.25.47"]));

    sites.start_controller("site1");
    sites.wait("it to leave", || sites.rest("site1", "GET", "/api/gslb", None).1["count"] == 0);
    sites.wait("its copies to go", || sites.rest("site1", "GET", "/api/gslbservice", None).1["count"] == 0);
    assert_eq!(sites.sight("leader", "leader", "role"), "GSLB_LEADER");
    assert_eq!(sites.dig("leader", "later.avi.iberia.local"), "10.10.25.47");

    // What makes no sense is refused: a site twice, an election of two.
    let mut twice = sites.rest("leader", "GET", &path, None).1;
    let again = twice["sites"][1].clone();
    twice["sites"].as_array_mut().unwrap().push(again);
    let (status, answer) = sites.rest("leader", "PUT", &path, Some(&twice));
    assert_eq!((status, answer.to_string().contains("sites[2].cluster_uuid")), (400, true), "{answer}");
    let (status, answer) = sites.rest("leader", "PATCH", &path, Some(&json!({"replace": {"leader_election": true}})));
    assert_eq!((status, answer.to_string().contains("three active sites are needed")), (400, true), "{answer}");
}
