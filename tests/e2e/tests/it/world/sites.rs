//! Three sites in namespaces of their own, with clients and their resolvers outside, and links that can be cut.

use std::fs;

use serde_json::{Value, json};

use super::clusters::has_python;
use super::net::Net;
use super::turn::Turn;
use super::{CLUSTERS, DNS, MERGE, POLICIES, World, resolvers};
use crate::demo::{HELLO, binary};

/// DNS virtual services: name, address, service engine group, the engine that runs it.
pub(crate) const DNS_SERVICES: [(&str, &str, &str, &str); 3] = [
    ("g-dns", DNS, "Default-Group", "engine"),
    ("g-dns-site1", DNS_SITE1, "site1", "engine-site1"),
    ("g-dns-site2", DNS_SITE2, "site2", "engine-site2"),
];
pub(crate) const DNS_LEADER: &str = DNS;
pub(crate) const DNS_SITE1: &str = "10.10.22.40";
pub(crate) const DNS_SITE2: &str = "10.10.21.50";

impl World {
    /// Controller and DNS at the neutral site, DNS at both others, three clusters, AMKO in the first one, clients behind
    /// Unbound. `None`, with the reason printed, where that is not possible.
    pub(crate) fn start_sites() -> Option<Self> {
        if let Err(reason) = resolvers::programs() {
            println!("skipped: {reason}");
            return None;
        }
        if !has_python() {
            return None;
        }
        let mut world = Self::begin_empty(Turn::take(), "true")?;
        world.net = Some(Net::build(&world.holder));
        world.start_resolvers();
        for (number, (cluster, address, _)) in CLUSTERS.into_iter().enumerate() {
            let first = (number + 1).to_string();
            world.start_clusters(cluster, &["--clusters", "1", "--first", &first, "--address", address]);
        }
        world.write_kubeconfigs();
        for (cluster, _, vip) in CLUSTERS {
            let listen = format!("{vip}:80");
            let backend =
                world.at(cluster, &binary()).args(["backend", "--listen", &listen, "--message", cluster]).spawn();
            world.backends.push(backend.unwrap());
        }
        world.start_controller();
        for (_, _, group, engine) in DNS_SERVICES {
            if group != "Default-Group" {
                world.create("serviceenginegroup", &json!({"name": group}));
            }
            world.make_token(engine, &["--group", group]);
        }
        world.set_up_gslb_with(&DNS_SERVICES.map(|(name, address, group, _)| (name, address, group)));
        for (.., engine) in DNS_SERVICES {
            world.start_engine_of(engine);
        }
        world.fill_clusters();
        world.start_amko();
        world.wait_until_synced();
        for (_, address, ..) in DNS_SERVICES {
            world.wait_for_answers_at(address, &[0, 1, 2]);
        }
        Some(world)
    }

    /// Takes a site's link down.
    pub(crate) fn cut(&self, site: &str) {
        self.net.as_ref().unwrap().cut(&self.holder, site);
    }

    /// Brings it up again.
    pub(crate) fn join(&self, site: &str) {
        self.net.as_ref().unwrap().join(&self.holder, site);
    }

    /// One more engine, where the end of its name says, in a service engine group of its own.
    pub(crate) fn add_engine(&mut self, engine: &'static str, group: &str) {
        self.create("serviceenginegroup", &json!({"name": group}));
        self.make_token(engine, &["--group", group]);
        self.start_engine_of(engine);
    }

    /// One more DNS virtual service of the site's; returns its uuid.
    pub(crate) fn add_dns_service(&self, name: &str, address: &str, group: &str) -> String {
        let service = self.create(
            "virtualservice",
            &json!({
                "name": name, "application_profile_ref": "/api/applicationprofile?name=g-dns",
                "se_group_ref": format!("/api/serviceenginegroup?name={group}"), "services": [{"port": 53}],
                "vip": [{"vip_id": "0", "ip_address": {"addr": address, "type": "V4"}}]
            }),
        );
        let gslb = self.held("gslb")["Default"].clone();
        let mut sites = gslb["sites"].clone();
        let listed = sites[0]["dns_vses"].as_array_mut().unwrap();
        listed.push(json!({"dns_vs_uuid": service["uuid"], "domain_names": listed[0]["domain_names"]}));
        self.tune("gslb", gslb["uuid"].as_str().unwrap(), &json!({"sites": sites}));
        service["uuid"].as_str().unwrap().to_owned()
    }

    /// Gives a virtual service another address, on the engines of another group.
    pub(crate) fn move_dns_service(&self, uuid: &str, address: &str, group: &str) {
        let service = self.held("virtualservice").into_values().find(|service| service["uuid"] == uuid).unwrap();
        let group = format!("/api/serviceenginegroup?name={group}");
        self.tune("virtualservice", uuid, &json!({"se_group_ref": group}));
        let vs_vip = service["vsvip_ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let vs_vip = vs_vip.split('#').next().unwrap();
        let vip = json!([{"vip_id": "0", "ip_address": {"addr": address, "type": "V4"}}]);
        self.tune("vsvip", vs_vip, &json!({"vip": vip}));
    }

    /// Switches an object of the controller on or off.
    pub(crate) fn enable(&self, kind: &str, name: &str, enabled: bool) {
        let object = &self.held(kind)[name];
        self.tune(kind, object["uuid"].as_str().unwrap(), &json!({"enabled": enabled}));
    }

    /// Queries that an engine has answered over UDP.
    pub(crate) fn answers_counted(&self, engine: &str) -> u64 {
        self.metric_of(engine, "meridian_dns_answers_total{transport=\"udp\"}")
    }

    /// Whether a DNS server leaves a query without an answer.
    pub(crate) fn is_silent(&self, server: &str) -> bool {
        self.status_at(server, HELLO).is_empty()
    }

    /// The status of a DNS server's answer, `NXDOMAIN` and so on; empty without an answer.
    pub(crate) fn status_at(&self, server: &str, name: &str) -> String {
        self.status_from("clients", server, name)
    }

    /// The same, asked where a part is.
    pub(crate) fn status_from(&self, part: &str, server: &str, name: &str) -> String {
        let dig = self.at(part, "dig").args(["+tries=1", "+time=2", &format!("@{server}"), name]).output().unwrap();
        let text = String::from_utf8(dig.stdout).unwrap();
        let status = text.split_once("status: ").map(|(_, rest)| rest.split(',').next().unwrap_or_default().to_owned());
        status.unwrap_or_default()
    }

    /// What a DNS server answers for the application, in so many queries: places of clusters, sorted.
    fn answers_at(&self, server: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for _ in 0..12 {
            let at = format!("@{server}");
            let dig = self.enter("dig").args(["+short", "+tries=1", "+time=2", &at, HELLO]).output().unwrap();
            let text = String::from_utf8(dig.stdout).unwrap();
            found.extend(text.lines().filter_map(|ip| CLUSTERS.iter().position(|(.., vip)| *vip == ip)));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Waits until a DNS server answers with the clusters of these places, and no other.
    #[track_caller]
    pub(crate) fn wait_for_answers_at(&self, server: &str, places: &[usize]) {
        self.wait(&format!("{server} to answer {places:?}"), || self.answers_at(server) == places);
    }

    /// Waits until what clients are told may be kept for so many seconds, at most.
    #[track_caller]
    fn wait_for_ttl(&self, seconds: u32) {
        for (_, address, ..) in DNS_SERVICES {
            let at = format!("@{address}");
            self.wait(&format!("{address} to answer with a TTL of {seconds}"), || {
                let dig =
                    self.enter("dig").args(["+noall", "+answer", "+tries=1", "+time=2", &at, HELLO]).output().unwrap();
                let text = String::from_utf8(dig.stdout).unwrap();
                text.split_whitespace().nth(1) == Some(&seconds.to_string())
            });
        }
    }

    /// As many answers for each cluster, with this TTL.
    pub(crate) fn split_evenly(&self, ttl: u32) {
        let split = CLUSTERS.map(|(cluster, ..)| json!({"cluster": cluster, "weight": 5}));
        self.set_policy(&json!({"ttl": ttl, "trafficSplit": split}));
        self.wait_for_ttl(ttl);
    }

    /// The policy takes a monitor as fast as the API lets it be: every second, a second for an answer, one failure.
    pub(crate) fn use_fast_monitor(&self) {
        let monitor = json!({
            "name": "fast", "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 80, "tcp_monitor": {},
            "send_interval": 1, "receive_timeout": 1, "failed_checks": 1, "successful_checks": 1
        });
        self.create("healthmonitor", &monitor);
        self.set_policy(&json!({"healthMonitorRefs": ["fast"]}));
        self.wait("the service to have the fast monitor", || {
            let monitors = &self.held("gslbservice")[HELLO]["health_monitor_refs"];
            monitors[0].as_str().is_some_and(|monitor| monitor.ends_with("#fast"))
        });
        for (_, address, ..) in DNS_SERVICES {
            self.wait_for_answers_at(address, &[0, 1, 2]);
        }
    }

    /// Merges into the policy.
    fn set_policy(&self, spec: &Value) {
        let patch = json!({"spec": spec}).to_string();
        self.kube("s1az1", "PATCH", &format!("{POLICIES}/global-gdp"), MERGE, &patch);
    }

    /// Kubeconfigs of all clusters in one, and that of the leader, where a run of them together has them.
    fn write_kubeconfigs(&self) {
        fs::create_dir(self.path("kube")).unwrap();
        let mut members: Option<Value> = None;
        for (cluster, ..) in CLUSTERS {
            let text = fs::read_to_string(format!("{}/{cluster}.kubeconfig", self.kube_directory(cluster))).unwrap();
            // What was read becomes a user of its own: each cluster has its own token.
            let more: Value = serde_saphyr::from_str(&text).unwrap();
            match &mut members {
                None => members = Some(more),
                Some(all) => {
                    for key in ["clusters", "users", "contexts"] {
                        let entries = more[key].as_array().unwrap().clone();
                        all[key].as_array_mut().unwrap().extend(entries);
                    }
                }
            }
        }
        fs::write(self.path("kube/members.kubeconfig"), members.unwrap().to_string()).unwrap();
        let leader = format!("{}/leader.kubeconfig", self.kube_directory("s1az1"));
        fs::copy(leader, self.path("kube/leader.kubeconfig")).unwrap();
    }
}
