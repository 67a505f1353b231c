//! Members that are known by their names: each site asks a name server where they are.

use super::*;

const CDN: &str = "cdn.avi.iberia.local";
/// Where something listens at the port that is probed: the DNS virtual services of two sites.
const HERE: &str = "10.10.21.50";
const THERE: &str = "10.10.22.40";

impl Sites {
    /// The whole answer of a site.
    fn dig_all(&self, site: &str) -> String {
        let (_, _, dns) = SITES[number(site)];
        let output = self.lone.enter("dig").args(["+tries=1", "+time=2", &format!("@{dns}"), NAME]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    fn answers(&self, site: &str, address: &str) -> bool {
        let answer = self.dig_all(site);
        let has = |name: &str, rtype: &str, data: &str| {
            answer.lines().any(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                words.first() == Some(&name) && words.get(3) == Some(&rtype) && words.get(4) == Some(&data)
            })
        };
        let (name, cdn) = (format!("{NAME}."), format!("{CDN}."));
        has(&name, "CNAME", &cdn) && has(&cdn, "A", address)
    }
}

#[test]
fn a_member_known_by_its_name_is_answered_by_it_and_probed_where_it_resolves_to() {
    let Some(mut sites) = Sites::start() else { return };
    sites.federate(&["leader", "site1"], &json!({}));
    // The third is a world of its own: it has the name that the others ask for.
    sites.federate(&["site2"], &json!({}));
    let cdn = sites.create("site2", "gslbservice", &service(CDN, &[HERE]));
    let path = format!("/api/gslbservice/{}", cdn["uuid"].as_str().unwrap());
    let move_to = |sites: &Sites, address: &str| {
        let groups = service(CDN, &[address])["groups"].clone();
        let (status, answer) = sites.rest("site2", "PATCH", &path, Some(&json!({"replace": {"groups": groups}})));
        assert_eq!(status, 200, "{answer}");
    };
    for site in ["leader", "site1"] {
        let servers = json!({"dns_configuration": {"server_list": [{"addr": HERE, "type": "V4"}]}});
        let (status, answer) =
            sites.rest(site, "PATCH", "/api/systemconfiguration", Some(&json!({"replace": servers})));
        assert_eq!(status, 200, "{answer}");
    }
    let monitor = json!({
        "name": "listens", "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 53,
        "tcp_monitor": {}, "failed_checks": 1, "successful_checks": 1, "send_interval": 1, "receive_timeout": 1
    });
    sites.create("leader", "healthmonitor", &monitor);
    let by_name = json!({
        "name": NAME, "domain_names": [NAME], "ttl": 2, "resolve_cname": true,
        "health_monitor_refs": ["/api/healthmonitor?name=listens"],
        "groups": [{"name": "first", "priority": 10, "members": [{"fqdn": CDN}]}],
    });
    let service_by_name = sites.create("leader", "gslbservice", &by_name);
    for site in ["leader", "site1"] {
        sites.wait(&format!("the name and its address at {site}"), || sites.answers(site, HERE));
    }
    let runtime = format!("/api/gslbservice/{}/runtime", service_by_name["uuid"].as_str().unwrap());
    sites.wait("the member in the runtime", || {
        let member = sites.rest("site1", "GET", &runtime, None).1["groups"][0]["members"][0].clone();
        member["ip"]["addr"] == HERE && member["fqdn"] == CDN && member["oper_status"]["state"] == "OPER_UP"
    });

    // It moves to where nobody listens, and on to where somebody does.
    move_to(&sites, "10.10.25.99");
    sites.wait("the member to go down", || sites.dig("leader", NAME).is_empty() && sites.dig("site1", NAME).is_empty());
    move_to(&sites, THERE);
    sites.wait("the member at its new address", || sites.answers("leader", THERE) && sites.answers("site1", THERE));

    // While nobody can be asked, the last address stays, also over a restart.
    sites.kill("site2-engine");
    sites.wait("word of it", || sites.lone.log("leader").contains("its last address stays"));
    sites.kill("leader");
    sites.start_controller("leader");
    sites.wait("word of it again", || sites.lone.log("leader").matches("its last address stays").count() > 1);
    assert!(sites.answers("leader", THERE) && sites.answers("site1", THERE), "{}", sites.dig_all("leader"));
}

#[test]
fn a_name_that_is_no_more_takes_its_member_out_of_the_answers() {
    let Some(sites) = Sites::start() else { return };
    sites.federate(&["leader"], &json!({}));
    sites.federate(&["site2"], &json!({}));
    let cdn = sites.create("site2", "gslbservice", &service(CDN, &[HERE]));
    let servers = json!({"replace": {"dns_configuration": {"server_list": [{"addr": HERE, "type": "V4"}]}}});
    assert_eq!(sites.rest("leader", "PATCH", "/api/systemconfiguration", Some(&servers)).0, 200);
    let members = json!([{"fqdn": CDN, "preference_order": 1},
        {"ip": {"addr": "10.10.25.46", "type": "V4"}, "preference_order": 2}]);
    sites.create(
        "leader",
        "gslbservice",
        &json!({"name": NAME, "domain_names": [NAME], "groups": [
        {"name": "first", "algorithm": "GSLB_ALGORITHM_PREFERENCE_ORDER", "members": members}]}),
    );
    sites.wait("the name", || sites.dig("leader", NAME) == format!("{CDN}."));
    let (status, answer) =
        sites.rest("site2", "DELETE", &format!("/api/gslbservice/{}", cdn["uuid"].as_str().unwrap()), None);
    assert!(status < 300, "{answer}");
    sites.wait("the other member", || sites.dig("leader", NAME) == "10.10.25.46");
    let words = format!("`{CDN}` does not resolve: name server {HERE}:53 says that there is no such name");
    assert!(sites.lone.log("leader").contains(&words), "{}", sites.lone.log("leader"));
}
