//! Definitions and objects of the story with custom names, and an operator that calls the clusters as it does.

use std::fs;

use serde_json::{Value, json};

use super::{MERGE, World, YAML, root};

/// A cluster, and its context in the story's kubeconfig; the first is the leader.
pub(crate) const CONTEXTS: [(&str, &str); 2] =
    [("s1az1", "k8slab-admin@k8slab"), ("s2", "tkgs-cluster-1-admin@tkgs-cluster-1")];
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

impl World {
    /// Teaches an API server a kind, from a file of the repository, and waits until `collection` is served.
    pub(crate) fn define(&self, cluster: &str, file: &str, collection: &str) {
        let text = fs::read_to_string(root().join(file)).unwrap();
        self.kube(cluster, "POST", DEFINITIONS, YAML, &text);
        self.wait(&format!("{collection} to be served"), || self.ask(cluster, "GET", collection, YAML, "").0 == 200);
    }

    /// Makes an object from a file of the repository.
    #[track_caller]
    pub(crate) fn make_from(&self, cluster: &str, collection: &str, file: &str) {
        let text = fs::read_to_string(root().join(file)).unwrap();
        self.kube(cluster, "POST", collection, YAML, &text);
    }

    /// What AKO writes: a status, on the sub-resource of its kind.
    #[track_caller]
    pub(crate) fn set_status(&self, cluster: &str, path: &str, status: &Value) {
        self.kube(cluster, "PATCH", &format!("{path}/status"), MERGE, &json!({ "status": status }).to_string());
    }

    /// Lets the DNS virtual service answer for another domain too.
    pub(crate) fn serve_domain(&self, domain: &str) {
        let mut profile = self.held("applicationprofile").remove("g-dns").unwrap();
        profile["dns_service_profile"]["domain_names"].as_array_mut().unwrap().push(domain.into());
        let fields = json!({"dns_service_profile": profile["dns_service_profile"]});
        self.tune("applicationprofile", profile["uuid"].as_str().unwrap(), &fields);
        let mut gslb = self.held("gslb").remove("Default").unwrap();
        gslb["dns_configs"].as_array_mut().unwrap().push(json!({"domain_name": domain}));
        gslb["sites"][0]["dns_vses"][0]["domain_names"].as_array_mut().unwrap().push(domain.into());
        gslb["sites"][0]["password"] = self.password().into();
        let fields = json!({"dns_configs": gslb["dns_configs"], "sites": gslb["sites"]});
        self.tune("gslb", gslb["uuid"].as_str().unwrap(), &fields);
    }

    /// An operator whose kubeconfigs have the story's contexts.
    pub(crate) fn start_amko_with_contexts(&mut self) {
        for name in ["leader", "members"] {
            let text = fs::read_to_string(self.path(&format!("kube/{name}.kubeconfig"))).unwrap();
            let mut config: Value = serde_saphyr::from_str(&text).unwrap();
            let called =
                |name: &Value| CONTEXTS.iter().find(|(cluster, _)| name == cluster).map(|(_, context)| *context);
            config["contexts"].as_array_mut().unwrap().retain(|context| called(&context["name"]).is_some());
            for context in config["contexts"].as_array_mut().unwrap() {
                context["name"] = called(&context["name"]).into();
            }
            config["current-context"] = called(&config["current-context"]).into();
            fs::write(self.path(&format!("{name}-story.kubeconfig")), config.to_string()).unwrap();
        }
        let (leader, members) = (self.path("leader-story.kubeconfig"), self.path("members-story.kubeconfig"));
        self.spawn("amko", &["--kubeconfig", &leader, "--members-kubeconfig", &members]);
    }

    /// Answers to so many queries for a name, one after the other: addresses, and the TTL of each.
    pub(crate) fn answers(&self, name: &str, count: usize) -> Vec<(String, u32)> {
        let server = format!("@{}", super::DNS);
        let ask = |_| {
            let args = ["+noall", "+answer", "+tries=1", "+time=2", &server, name];
            let dig = self.enter("dig").args(args).output().unwrap();
            let text = String::from_utf8(dig.stdout).unwrap();
            text.lines()
                .map(|line| {
                    let fields: Vec<&str> = line.split_whitespace().collect();
                    (fields[4].to_owned(), fields[1].parse().unwrap())
                })
                .collect::<Vec<_>>()
        };
        (0..count).flat_map(ask).collect()
    }
}
