//! What files hold reaches every site: uploaded at the leader, it counts in the answers of the followers.

use std::{fmt::Write, fs};

use super::*;

const MILAN: &str = "10.10.25.46";
const PARIS: &str = "10.10.25.47";
/// A client near either of them, as a resolver tells of it, and what a geo database says of both.
const CLIENTS: [(&str, &str); 2] =
    [("203.0.113.1/32", "48.86,2.35,FR/Paris,"), ("203.0.113.200/32", "45.46,9.19,IT/Milan,")];

impl Sites {
    /// Sends a geo database of two places, and many more that nobody asks for; status and answer.
    fn upload(&self, site: &str, [first, second]: [&str; 2], others: u32) -> (u16, Value) {
        let mut content = format!("203.0.113.0,203.0.113.127,{first}\n203.0.113.128,203.0.113.255,{second}\n");
        for place in 0..others {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + place * 16);
            writeln!(content, "{address},{address},12.5,{}.25,XX/{place:x>20},", place % 170).unwrap();
        }
        let path = self.lone.path("places.csv");
        fs::write(&path, content).unwrap();
        let (_, host, _) = SITES[number(site)];
        let form = format!("file=@{path}");
        self.lone.send_to(&format!("{host}:9443"), site, "POST", "/api/fileservice/gslb", &["-F", &form])
    }

    /// A service whose members stand in Milan and Paris, and the profile that names the file.
    fn create_near(&self) {
        let member = |ip: &str, latitude: f64, longitude: f64| {
            json!({"ip": {"addr": ip, "type": "V4"}, "location": {"source": "GSLB_LOCATION_SRC_USER_CONFIGURED",
                "location": {"latitude": latitude, "longitude": longitude}}})
        };
        let members = [member(MILAN, 45.5, 9.2), member(PARIS, 48.9, 2.3)];
        let groups = json!([{"name": "all", "algorithm": "GSLB_ALGORITHM_GEO", "members": members,
            "fallback_algorithm": "GSLB_ALGORITHM_CONSISTENT_HASH"}]);
        self.create(
            "leader",
            "gslbservice",
            &json!({"name": NAME, "domain_names": [NAME], "ttl": 2, "groups": groups}),
        );
        let entry = json!({"file": {"filename": "places.csv", "format": "GSLB_GEODB_FILE_FORMAT_AVI"}});
        self.create("leader", "gslbgeodbprofile", &json!({"name": "places", "entries": [entry]}));
    }

    /// What a site answers to both clients.
    fn near(&self, site: &str) -> [String; 2] {
        let (_, _, dns) = SITES[number(site)];
        CLIENTS.map(|(client, _)| {
            let mut dig = self.lone.enter("dig");
            dig.args(["+short", "+tries=1", "+time=2", &format!("+subnet={client}"), &format!("@{dns}"), NAME]);
            String::from_utf8(dig.output().unwrap().stdout).unwrap().trim().to_owned()
        })
    }
}

#[test]
fn a_geo_database_that_is_sent_to_the_leader_counts_at_every_site_also_at_one_that_joins() {
    let Some(mut sites) = Sites::start() else { return };
    let gslb = sites.federate(&["leader", "site1"], &json!({}));
    sites.create_near();
    let [(_, first), (_, second)] = CLIENTS;
    sites.wait("the service at the follower", || !sites.near("site1")[0].is_empty());
    let (status, answer) = sites.upload("site1", [first, second], 0);
    assert_eq!((status, answer["error"].as_str()), (400, Some(ONLY_LEADER)));

    // Some 5 MB: in 20 parts.
    let (status, file) = sites.upload("leader", [first, second], 100_000);
    assert_eq!((status, &file["is_federated"]), (201, &json!(true)), "{file}");
    for site in ["leader", "site1"] {
        sites.wait(&format!("answers by distance at {site}"), || sites.near(site) == [PARIS, MILAN]);
    }
    assert!(sites.lone.log("site1").contains("a file came from another site"), "{}", sites.lone.log("site1"));
    assert_eq!(sites.named("site1", "fileobject", "gslb/places.csv"), {
        let mut same = sites.named("leader", "fileobject", "gslb/places.csv");
        same["url"] = sites.named("site1", "fileobject", "gslb/places.csv")["url"].clone();
        same
    });

    // One that was away, and one that comes later, have it as well; who leads now has what the old leader gave.
    sites.kill("site1");
    assert_eq!(sites.upload("leader", [second, first], 1_000).0, 201);
    let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    let mut more = sites.rest("leader", "GET", &path, None).1;
    more["sites"].as_array_mut().unwrap().push(sites.site("site2", true));
    let (status, answer) = sites.rest("leader", "PUT", &path, Some(&more));
    assert_eq!(status, 200, "{answer}");
    sites.wait("the other file at the site that joined", || sites.near("site2") == [MILAN, PARIS]);
    let (ca, password) = (sites.lone.path("site2/ca.pem"), sites.lone.password("site2"));
    sites.kill("leader");
    let url = "https://10.10.20.44:9443";
    sites.lone.run(&["promote", "--controller", url, "--ca", &ca, "--password", &password]);
    sites.start_controller("site1");
    sites.wait("the other file at the site that was away", || sites.near("site1") == [MILAN, PARIS]);
}

#[test]
fn a_file_that_a_follower_has_no_room_for_is_told_and_holds_up_nothing_else() {
    let small = "mkdir site2 && mount -t tmpfs -o size=65536k,mode=0700 tmpfs site2";
    let Some(sites) = Sites::start_after(small) else { return };
    sites.federate(&["leader", "site1", "site2"], &json!({}));
    sites.create_near();
    let [(_, first), (_, second)] = CLIENTS;
    assert_eq!(sites.upload("leader", [first, second], 10_000).0, 201);
    sites.wait("the file at the other follower", || sites.near("site1") == [PARIS, MILAN]);
    sites.wait("word of it", || {
        let log = sites.lone.log("site2");
        log.contains("a file of all sites cannot be kept here") && log.contains("what it holds is not at this site yet")
    });
    sites.create("leader", "gslbservice", &service("next.avi.iberia.local", &["10.10.25.48"]));
    sites.wait("what is written meanwhile", || sites.dig("site2", "next.avi.iberia.local") == "10.10.25.48");
    let (status, answer) = sites.rest("site2", "GET", "/api/fileservice/gslb/places.csv", None);
    assert_eq!(status, 503, "{answer}");
    let larger = sites.lone.enter("mount").args(["-o", "remount,size=524288k", &sites.lone.path("site2")]).status();
    assert!(larger.unwrap().success());
    sites.wait("the file where there is room now", || sites.near("site2") == [PARIS, MILAN]);
}
