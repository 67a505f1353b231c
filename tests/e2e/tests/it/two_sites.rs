//! Two sites whose clusters call one application by different names, and HostRules that give both the same global one.

use serde_json::{Value, json};

use crate::world::World;
use crate::world::sites::SITES;

const GLOBAL: &str = "fruit.gslb.avi.iberia.local";
/// Cluster, its context, the host there, and its address.
const HOME: Member = Member {
    cluster: "s1az1",
    context: "k8slab-admin@k8slab",
    site: "site1",
    host: "fruit-global.avi.iberia.local",
    address: "10.10.25.46",
};
const REMOTE: Member = Member {
    cluster: "s2",
    context: "tkgs-cluster-1-admin@tkgs-cluster-1",
    site: "site2",
    host: "fruit-site-2.lab.iberia.local",
    address: "10.10.23.40",
};
const TTL: u32 = 2;
const CONFIG: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs/gc-1";
const POLICY: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies/global-gdp";

struct Member {
    cluster: &'static str,
    context: &'static str,
    /// Whose controller its virtual service is on.
    site: &'static str,
    host: &'static str,
    address: &'static str,
}

/// Story 8.
#[test]
fn two_hosts_with_one_global_name_are_one_service_of_two_members() {
    let Some(mut world) = World::start_sites_without_operator() else { return };
    let sites = [HOME, REMOTE];
    world.rename_contexts(&sites.each_ref().map(|site| (site.cluster, site.context)));
    configure(&world, &sites);
    for site in &sites {
        install(&world, site);
    }
    world.start_amko();
    world.wait_until_synced();
    one_service_has_both(&world, &sites);
    a_site_that_is_disabled_serves_nobody(&world);
}

/// Story 8.2, and the TTL of 8.3.
fn one_service_has_both(world: &World, sites: &[Member]) {
    let services = world.held("gslbservice");
    assert_eq!(services.keys().collect::<Vec<_>>(), [GLOBAL], "nothing under the hosts' own names");
    let service = &services[GLOBAL];
    assert_eq!((&service["domain_names"], &service["ttl"]), (&json!([GLOBAL]), &json!(TTL)));
    let members = service["groups"][0]["members"].as_array().unwrap();
    let mut members: Vec<&str> = members.iter().map(|member| member["ip"]["addr"].as_str().unwrap()).collect();
    members.sort_unstable();
    assert_eq!(members, [REMOTE.address, HOME.address]);
    assert_eq!(requests(world), ["HEAD /apple HTTP/1.0", "HEAD /banana HTTP/1.0"]);

    for server in SITES.map(|site| site.dns) {
        world.wait(&format!("{server} to answer in turns"), || {
            world.answers_of(server, GLOBAL, 4) == [REMOTE.address, REMOTE.address, HOME.address, HOME.address]
        });
    }
    for path in ["apple", "banana"] {
        for site in sites {
            let url = format!("http://{GLOBAL}/{path}");
            assert_eq!(world.page(site.address, &url, &[]).1.trim(), site.cluster);
        }
    }
    assert!(world.resolves(GLOBAL), "behind Unbound");
}

/// Story 8.3.
fn a_site_that_is_disabled_serves_nobody(world: &World) {
    let gslb = world.held("gslb")["Default"].clone();
    let enable = |enabled: bool| {
        let mut sites = gslb["sites"].clone();
        let site = sites.as_array_mut().unwrap().iter_mut().find(|site| site["name"] == REMOTE.site).unwrap();
        site["enabled"] = enabled.into();
        world.tune("gslb", gslb["uuid"].as_str().unwrap(), &json!({"sites": sites}));
    };
    enable(false);
    for server in [SITES[0].dns, SITES[1].dns] {
        world.wait(&format!("{server} to answer with one site"), || {
            world.answers_of(server, GLOBAL, 4) == [HOME.address; 4]
        });
    }
    world.wait("clients to be told of one", || world.resolve(GLOBAL).trim() == HOME.address);
    enable(true);
    for server in SITES.map(|site| site.dns) {
        world.wait(&format!("{server} to answer with both"), || {
            world.answers_of(server, GLOBAL, 4) == [REMOTE.address, REMOTE.address, HOME.address, HOME.address]
        });
    }
}

/// Custom names, two members by the names of their contexts, no split, a short time to live.
fn configure(world: &World, sites: &[Member]) {
    let contexts = |key: &str, more: &Value| -> Vec<Value> {
        let entries = sites.iter().map(|site| {
            let mut entry = more.clone();
            entry[key] = site.context.into();
            entry
        });
        entries.collect()
    };
    let spec = json!({"memberClusters": contexts("clusterContext", &json!({})), "useCustomGlobalFqdn": true});
    world.merge(HOME.cluster, CONFIG, &json!({"spec": spec}));
    let matched = contexts("cluster", &json!({}));
    world.merge(HOME.cluster, POLICY, &json!({"spec": {"matchClusters": matched, "trafficSplit": null, "ttl": TTL}}));
}

/// The application in its namespace, its status as AKO writes it, and the rule that names it.
fn install(world: &World, site: &Member) {
    let Member { cluster, host, address, .. } = site;
    let namespace = json!({"metadata": {"name": "fruit"}});
    world.make(cluster, "/api/v1/namespaces", &namespace);
    let path = |name: &str| {
        let backend = json!({"service": {"name": format!("{name}-service"), "port": {"number": 5678}}});
        json!({"path": format!("/{name}"), "pathType": "Prefix", "backend": backend})
    };
    let sites = world.held("gslb")["Default"]["sites"].clone();
    let owner = sites.as_array().unwrap().iter().find(|it| it["name"] == site.site).unwrap();
    let annotations = json!({
        "ako.vmware.com/host-fqdn-vs-uuid-map": json!({*host: format!("virtualservice-{cluster}")}).to_string(),
        "ako.vmware.com/controller-cluster-uuid": owner["cluster_uuid"],
    });
    let ingress = json!({
        "metadata": {"name": "ingress-example", "labels": {"app": "gslb"}, "annotations": annotations},
        "spec": {
            "ingressClassName": "avi-lb",
            "rules": [{"host": host, "http": {"paths": [path("apple"), path("banana")]}}]
        },
        "status": {"loadBalancer": {"ingress": [{"ip": address, "hostname": host}]}}
    });
    world.make(cluster, "/apis/networking.k8s.io/v1/namespaces/fruit/ingresses", &ingress);

    world.make(cluster, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &host_rule_definition());
    let rules = "/apis/ako.vmware.com/v1beta1/namespaces/fruit/hostrules";
    world.wait("HostRules to be served", || world.object(cluster, rules)["kind"] == "HostRuleList");
    let rule = json!({
        "apiVersion": "ako.vmware.com/v1beta1", "kind": "HostRule", "metadata": {"name": "fruit"},
        "spec": {"virtualhost": {"fqdn": host, "gslb": {"fqdn": GLOBAL}}},
        "status": {"status": "Accepted"}
    });
    world.make(cluster, rules, &rule);
}

/// AKO's definition, without what it says of the fields.
fn host_rule_definition() -> Value {
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let version = json!({
        "name": "v1beta1", "served": true, "storage": true, "schema": schema, "subresources": {"status": {}}
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "hostrules.ako.vmware.com"},
        "spec": {
            "group": "ako.vmware.com", "scope": "Namespaced", "versions": [version],
            "names": {"plural": "hostrules", "singular": "hostrule", "kind": "HostRule", "listKind": "HostRuleList"}
        }
    })
}

/// What the monitors of the operator ask for, sorted.
fn requests(world: &World) -> Vec<String> {
    let monitors = world.held("healthmonitor").into_iter().filter(|(name, _)| name.starts_with("amko--"));
    let mut requests: Vec<String> =
        monitors.map(|(_, monitor)| monitor["http_monitor"]["http_request"].as_str().unwrap().to_owned()).collect();
    requests.sort();
    requests
}
