//! Three sites in namespaces of their own, with clients and their resolvers outside, and links that can be cut.

use std::fs;

use serde_json::{Value, json};

use super::clusters::has_python;
use super::net::Net;
use super::turn::Turn;
use super::{CLUSTERS, DNS, MERGE, POLICIES, World, resolvers};
use crate::demo::{HELLO, binary};

/// What makes up a site: its name, its controller, its engine, and its DNS virtual service with name and address.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) controller: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) dns_name: &'static str,
    pub(crate) dns: &'static str,
}

/// The leader's first.
pub(crate) const SITES: [Site; 3] = [
    Site { name: "leader", controller: "controller", engine: "engine", dns_name: "g-dns", dns: DNS_LEADER },
    Site {
        name: "site1",
        controller: "controller-site1",
        engine: "engine-site1",
        dns_name: "g-dns-site1",
        dns: DNS_SITE1,
    },
    Site {
        name: "site2",
        controller: "controller-site2",
        engine: "engine-site2",
        dns_name: "g-dns-site2",
        dns: DNS_SITE2,
    },
];
const AMKO_CLUSTERS: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/amkoclusters";
pub(crate) const DNS_LEADER: &str = DNS;
pub(crate) const DNS_SITE1: &str = "10.10.22.40";
pub(crate) const DNS_SITE2: &str = "10.10.21.50";

/// Retries, one a second, after which a site is shown as down.
const RETRIES: u32 = 3;

impl World {
    /// Controller, engine and DNS at the neutral site, which leads, and at both others, three clusters, AMKO in the first
    /// one, clients behind Unbound. `None`, with the reason printed, where that is not possible.
    pub(crate) fn start_sites() -> Option<Self> {
        let mut world = Self::start_sites_without_operator()?;
        world.start_amko();
        world.wait_until_synced();
        for Site { dns: address, .. } in SITES {
            world.wait_for_answers_at(address, &[0, 1, 2]);
        }
        Some(world)
    }

    /// The same without AMKO.
    pub(crate) fn start_sites_without_operator() -> Option<Self> {
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
        world.start_site_parts();
        world.fill_clusters();
        Some(world)
    }

    /// The same with neither AMKO nor clusters.
    pub(crate) fn start_bare_sites() -> Option<Self> {
        let mut world = Self::begin_empty(Turn::take(), "true")?;
        world.net = Some(Net::build(&world.holder));
        world.start_site_parts();
        Some(world)
    }

    /// Something that answers HTTP at a site, at an address that it alone reaches.
    pub(crate) fn start_private_backend(&mut self, site: &Site, address: &str) {
        let add = self.at(site.controller, "ip").args(["addr", "replace", address, "dev", "lo"]).status();
        assert!(add.unwrap().success(), "{address} at {}", site.name);
        let mut backend = self.at(site.controller, &binary());
        let listen = format!("{address}:80");
        self.backends.push(backend.args(["backend", "--listen", &listen, "--message", site.name]).spawn().unwrap());
    }

    /// Ends what was started last behind an address.
    pub(crate) fn stop_last_backend(&mut self) {
        let mut backend = self.backends.pop().unwrap();
        backend.kill().unwrap();
        backend.wait().unwrap();
    }

    /// The first member of a GSLB service, as a site sees it.
    pub(crate) fn first_member_at(&self, site: &Site, service: &str) -> Value {
        self.ask_at(site.controller, || {
            let (_, runtime) = self.rest("GET", &format!("/api/gslbservice/{service}/runtime/"), None);
            runtime.pointer("/groups/0/members/0").cloned().unwrap_or_default()
        })
    }

    /// What an engine of a site would answer to a name, and why.
    pub(crate) fn explain_at(&self, site: &Site, name: &str) -> String {
        let (status, body) =
            self.ask_at(site.controller, || self.rest("GET", &format!("/api/explain/dns?name={name}"), None));
        assert_eq!(status, 200, "{body}");
        body.to_string()
    }

    /// Controllers, which become one GSLB, and an engine for each.
    fn start_site_parts(&mut self) {
        for Site { controller, .. } in SITES {
            self.start_controller_of(controller);
        }
        let password = self.password();
        let sites = SITES.map(|Site { name, controller, engine, dns_name, dns }| {
            self.ask_at(controller, || {
                // Whoever leads is reached with the same credentials.
                if self.password() != password {
                    self.set_password_of_controller(&password);
                }
                self.make_token(engine, &[]);
                self.set_up_dns(name, dns_name, dns)
            })
        });
        // Who is silent is down after as many seconds as retries.
        self.set_up_sites(&sites, &json!({"send_interval": 1, "clear_on_max_retries": RETRIES}));
        for Site { engine, .. } in SITES {
            self.start_engine_of(engine);
        }
    }

    /// Uses the API of one of several controllers meanwhile.
    pub(crate) fn ask_at<T>(&self, controller: &'static str, work: impl FnOnce() -> T) -> T {
        let before = self.asked.replace(controller);
        let done = work();
        self.asked.set(before);
        done
    }

    /// Member of a site in the runtime of the Gslb, as the controller sees it that is asked; null where there is none.
    pub(crate) fn sight(&self, site: &str, pointer: &str) -> Value {
        let (_, gslb) = self.rest("GET", "/api/gslb?join_subresources=runtime", None);
        let sites = gslb.pointer("/results/0/runtime/site").and_then(Value::as_array).cloned().unwrap_or_default();
        let found = sites.into_iter().find(|it| it["site_info"]["name"] == site).unwrap_or_default();
        found.pointer(&format!("/site_info/{pointer}")).cloned().unwrap_or_default()
    }

    /// Takes a site's link down.
    pub(crate) fn cut(&self, site: &str) {
        self.net.as_ref().unwrap().cut(&self.holder, site);
    }

    /// Brings it up again.
    pub(crate) fn join(&self, site: &str) {
        self.net.as_ref().unwrap().join(&self.holder, site);
    }

    /// One more engine of a site, where the end of its name says, in a service engine group of its own.
    pub(crate) fn add_engine(&mut self, site: &Site, engine: &'static str, group: &str) {
        self.ask_at(site.controller, || {
            self.create("serviceenginegroup", &json!({"name": group}));
            self.make_token(engine, &["--group", group]);
        });
        self.start_engine_of(engine);
    }

    /// One more DNS virtual service of a site; returns its uuid.
    pub(crate) fn add_dns_service(&self, site: &Site, name: &str, address: &str, group: &str) -> String {
        let service = self.ask_at(site.controller, || self.create_dns_service(name, address, group));
        let gslb = self.held("gslb")["Default"].clone();
        let mut sites = gslb["sites"].clone();
        let listed = sites.as_array_mut().unwrap().iter_mut().find(|it| it["name"] == site.name).unwrap();
        let listed = listed["dns_vses"].as_array_mut().unwrap();
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
        let answers = self.answers_of(server, HELLO, 12);
        let places = answers.iter().filter_map(|ip| CLUSTERS.iter().position(|(.., vip)| vip == ip));
        let mut found: Vec<usize> = places.collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What a DNS server answers for a name, in so many queries, sorted.
    pub(crate) fn answers_of(&self, server: &str, name: &str, queries: usize) -> Vec<String> {
        let mut found = Vec::new();
        for _ in 0..queries {
            let at = format!("@{server}");
            let dig = self.enter("dig").args(["+short", "+tries=1", "+time=2", &at, name]).output().unwrap();
            let text = String::from_utf8(dig.stdout).unwrap();
            found.extend(text.lines().filter(|line| !line.starts_with(';')).map(str::to_owned));
        }
        found.sort();
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
        for Site { dns: address, .. } in SITES {
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
            "send_interval_ms": 200, "failed_checks": 3, "successful_checks": 3
        });
        self.create("healthmonitor", &monitor);
        self.set_policy(&json!({"healthMonitorRefs": ["fast"]}));
        self.wait("the service to have the fast monitor", || {
            let monitors = &self.held("gslbservice")[HELLO]["health_monitor_refs"];
            monitors[0].as_str().is_some_and(|monitor| monitor.ends_with("#fast"))
        });
        for Site { dns: address, .. } in SITES {
            self.wait_for_answers_at(address, &[0, 1, 2]);
        }
    }

    /// Merges into the policy.
    fn set_policy(&self, spec: &Value) {
        let patch = json!({"spec": spec}).to_string();
        self.kube("s1az1", "PATCH", &format!("{POLICIES}/global-gdp"), MERGE, &patch);
    }

    /// What AMKO of a federation needs in each cluster; the one of the first cluster is to lead.
    pub(crate) fn install_federation(&self) {
        let contexts = CLUSTERS.map(|(cluster, ..)| cluster);
        for cluster in contexts {
            match cluster == contexts[0] {
                true => self.define_amko(cluster, "amkoclusters"),
                false => self.install_operator(
                    cluster,
                    &["amkoclusters", "globaldeploymentpolicies", "gslbconfigs", "gslbhostrules"],
                ),
            }
            self.wait(&format!("{AMKO_CLUSTERS} to be served"), || self.object(cluster, AMKO_CLUSTERS).is_object());
            let object = json!({
                "apiVersion": "amko.vmware.com/v1alpha1", "kind": "AMKOCluster", "metadata": {"name": "federation"},
                "spec": {
                    "clusterContext": cluster, "clusters": contexts, "isLeader": cluster == contexts[0],
                    "version": "1.8.1", "leaderElection": true
                }
            });
            self.make(cluster, AMKO_CLUSTERS, &object);
        }
    }

    /// Who leads the federation, as a cluster shows it; empty when that is not known.
    pub(crate) fn operator_shown(&self, cluster: &str) -> String {
        let object = self.object(cluster, &format!("{AMKO_CLUSTERS}/federation"));
        object["status"]["leader"]["clusterContext"].as_str().unwrap_or_default().to_owned()
    }

    /// AMKO in each cluster.
    pub(crate) fn start_federation(&mut self) {
        for (part, cluster) in [("amko", "s1az1"), ("amko-s1az2", "s1az2"), ("amko-s2", "s2")] {
            let own = format!("{}/{cluster}.kubeconfig", self.kube_directory(cluster));
            let members = self.path("kube/members.kubeconfig");
            let args =
                ["--kubeconfig", &own, "--members-kubeconfig", &members, "--leader-context", cluster, "--federation"];
            self.spawn(part, &args);
        }
    }

    /// Gives contexts of the kubeconfigs other names.
    pub(crate) fn rename_contexts(&self, names: &[(&str, &str)]) {
        for file in ["kube/members.kubeconfig", "kube/leader.kubeconfig"] {
            let path = self.path(file);
            let mut config: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let renamed = |name: &Value| names.iter().find(|(old, _)| name == old).map(|(_, new)| Value::from(*new));
            for context in config["contexts"].as_array_mut().unwrap() {
                if let Some(name) = renamed(&context["name"]) {
                    context["name"] = name;
                }
            }
            if let Some(name) = renamed(&config["current-context"]) {
                config["current-context"] = name;
            }
            fs::write(path, config.to_string()).unwrap();
        }
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
