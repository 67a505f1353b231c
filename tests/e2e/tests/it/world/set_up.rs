//! What stories begin with: a GSLB at the controller, definitions, credentials and objects in the clusters.

use std::fs;

use serde_json::{Value, json};

use super::{
    CLUSTERS, CONTROLLER, DNS, DOMAIN, GSLB_CONFIGS, INGRESSES, JSON, MERGE, POLICIES, World, YAML, example, host_of,
    root,
};
use crate::demo::HELLO;

impl World {
    /// DNS profile, DNS virtual service and GSLB, as an administrator makes them.
    pub(super) fn set_up_gslb(&self) {
        let site = self.set_up_dns("site1", "g-dns", DNS);
        self.set_up_sites(&[site], &json!({}));
    }

    /// The Gslb of these sites, the first of which leads; `more` of its fields.
    pub(super) fn set_up_sites(&self, sites: &[Value], more: &Value) {
        let mut gslb = json!({
            "name": "Default", "leader_cluster_uuid": sites[0]["cluster_uuid"], "dns_configs": [{"domain_name": DOMAIN}],
            "sites": sites
        });
        gslb.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        // A site that has just begun, on a busy machine, may be too late for the leader.
        let mut answer = (0, Value::Null);
        self.wait("the Gslb to be made", || {
            answer = self.rest("POST", "/api/gslb", Some(&gslb));
            answer.0 != 400 || !answer.1.to_string().contains("no answer from the controller")
        });
        assert_eq!(answer.0, 201, "{}", answer.1);
    }

    /// DNS profile and DNS virtual service on a controller; returns its site.
    pub(super) fn set_up_dns(&self, site: &str, name: &str, address: &str) -> Value {
        let (_, cluster) = self.rest("GET", "/api/cluster", None);
        let profile = json!({
            "name": "g-dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {
                "domain_names": [DOMAIN], "error_response": "DNS_ERROR_RESPONSE_ERROR"
            }
        });
        self.create("applicationprofile", &profile);
        let service = self.create_dns_service(name, address, "Default-Group");
        json!({
            "name": site, "cluster_uuid": cluster["uuid"], "member_type": "GSLB_ACTIVE_MEMBER", "port": 9443,
            "ip_addresses": [{"addr": host_of(self.asked.get()), "type": "V4"}],
            "username": "admin", "password": self.password(),
            "dns_vses": [{"dns_vs_uuid": service["uuid"], "domain_names": [DOMAIN]}]
        })
    }

    pub(super) fn create_dns_service(&self, name: &str, address: &str, group: &str) -> Value {
        let service = json!({
            "name": name, "application_profile_ref": "/api/applicationprofile?name=g-dns",
            "se_group_ref": format!("/api/serviceenginegroup?name={group}"), "services": [{"port": 53}],
            "vip": [{"vip_id": "0", "ip_address": {"addr": address, "type": "V4"}}]
        });
        self.create("virtualservice", &service)
    }

    /// The leader's part, and an Ingress with its status in each cluster.
    pub(super) fn fill_clusters(&self) {
        self.fill_leader();
        for (cluster, _, vip) in CLUSTERS {
            self.kube(cluster, "POST", INGRESSES, YAML, &example(&format!("{cluster}/hello.yaml")));
            let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": vip, "hostname": HELLO}]}}});
            self.kube(cluster, "PATCH", &format!("{INGRESSES}/hello/status"), MERGE, &status.to_string());
        }
    }

    /// Definitions, credentials, GSLBConfig and policy in the leader.
    pub(crate) fn fill_leader(&self) {
        self.install_operator("s1az1", &["globaldeploymentpolicies", "gslbconfigs", "gslbhostrules"]);
        let config = example("s1az1/avi-system/gslb-config.yaml").replace("127.0.0.1:9443", CONTROLLER);
        self.kube("s1az1", "POST", GSLB_CONFIGS, YAML, &config);
        // Statuses are written by hand here, without the identifiers that AKO adds.
        let policy = example("s1az1/avi-system/global-gdp.yaml");
        let (head, split) = policy.split_once("  trafficSplit:").unwrap();
        let head = CLUSTERS.iter().fold(head.to_owned(), |text, (name, ..)| {
            text.replace(&format!("cluster: {name}\n"), &format!("cluster: {name}\n      syncVipOnly: true\n"))
        });
        self.kube("s1az1", "POST", POLICIES, YAML, &format!("{head}  trafficSplit:{split}"));
    }

    pub(super) fn define_amko(&self, cluster: &str, kind: &str) {
        let text = fs::read_to_string(root().join(format!("deploy/crds/amko.vmware.com_{kind}.yaml"))).unwrap();
        self.kube(cluster, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", YAML, &text);
    }

    /// Definitions of these kinds, and the credentials, in a cluster that AMKO is to run in.
    pub(super) fn install_operator(&self, cluster: &str, kinds: &[&str]) {
        for kind in kinds {
            self.define_amko(cluster, kind);
        }
        self.make_namespace(cluster);
        let authority = self.authorities();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gslb-avi-secret"},
            "stringData": {"username": "admin", "password": self.password(), "certificateAuthorityData": authority}
        });
        self.kube(cluster, "POST", "/api/v1/namespaces/avi-system/secrets", JSON, &secret.to_string());
        for path in [GSLB_CONFIGS, POLICIES] {
            self.wait(&format!("{path} to be served"), || self.ask(cluster, "GET", path, JSON, "").0 == 200);
        }
    }

    /// `avi-system`, which may be there.
    pub(super) fn make_namespace(&self, cluster: &str) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "avi-system"}});
        let (status, answer) = self.ask(cluster, "POST", "/api/v1/namespaces", JSON, &namespace.to_string());
        assert!([201, 409].contains(&status), "{answer}");
    }
}
