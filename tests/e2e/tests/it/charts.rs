//! The charts, rendered by Helm where it is installed: what they make is what the operators read, and needs no more rights.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

use ako_translate::{AutoFqdn, ServiceType, SettingError, Settings};
use serde_json::{Value, json};

use crate::first_ingress::{Followed, blocks, follow, root};

/// As people have it: texts where the original has texts, numbers and booleans where they wrote those.
const AKO_VALUES: &str = r#"
replicaCount: 2
image: {repository: registry.example/ako/ako, pullPolicy: Always}
AKOSettings:
  clusterName: S1-AZ1
  logLevel: INFO
  fullSyncFrequency: 31104000
  apiServerPort: 8080
  disableStaticRouteSync: true
  enableEVH: true
  layer7Only: "false"
  cniPlugin: Antrea
  namespaceSelector: {labelKey: team, labelValue: red}
  blockedNamespaceList: [kube-system]
  servicesAPI:
NetworkSettings:
  nodeNetworkList: [{networkName: REGIONB_VMS_3024, cidrs: [10.10.24.0/24]}]
  enableRHI: true
  bgpPeerLabels: [peer1]
  vipNetworkList: [{networkName: AVI_FRONTEND_3025, cidr: 10.10.25.0/24}]
  nsxtT1LR:
L7Settings: {defaultIngController: "false", serviceType: NodePort, shardVSSize: SMALL, fqdnReusePolicy: Strict}
L4Settings: {defaultLBController: false, defaultDomain: avi.iberia.local, autoFQDN: flat}
ControllerSettings:
  serviceEngineGroupName: S1-AZ1-SE-Group
  controllerVersion: 22.1.3
  cloudName: Default-Cloud
  controllerHost: 10.10.20.43
  tenantName: admin
nodePortSelector: {key: role, value: 1}
avicredentials: {username: admin, password: 12345}
"#;

const AMKO_VALUES: &str = r#"
federation: {currentCluster: s1az1, currentClusterIsLeader: true, memberClusters: [s1az1, s1az2, s2]}
configs:
  gslbLeaderController: 10.10.20.42
  controllerVersion: 30.2
  memberClusters: [{clusterContext: s1az1}, {clusterContext: s1az2}, {clusterContext: s2}]
gslbLeaderCredentials: {username: admin, password: secret}
globalDeploymentPolicy:
  appSelector: {label: {app: gslb}}
  matchClusters: [{cluster: s1az1}, {cluster: s1az2}, {cluster: s2}]
  trafficSplit: [{cluster: s1az1, weight: 6}, {cluster: s1az2, weight: 4}, {cluster: s2, weight: 2}]
  ttl: 0
"#;

#[test]
fn a_values_file_of_ako_becomes_the_settings_that_the_operator_reads() {
    let Some(objects) = render("ako", AKO_VALUES) else { return };
    let settings: BTreeMap<String, String> =
        serde_json::from_value(find(&objects, "ConfigMap", "avi-k8s-config")["data"].clone()).unwrap();
    // The operator names each key that it reads, by this name, in one of these files.
    let sources =
        ["crates/ako-translate/src/settings/parse.rs", "apps/ako/src/instructions.rs", "apps/ako/src/operator/look.rs"];
    let sources: String = sources.iter().map(|path| fs::read_to_string(root().join(path)).unwrap()).collect();
    let unread: Vec<_> = settings.keys().filter(|key| !sources.contains(&format!("\"{key}\""))).collect();
    assert!(unread.is_empty(), "nobody reads {unread:?}");

    let read = Settings::parse(&settings, "avi-system").unwrap();
    assert_eq!((read.cluster.as_str(), read.se_group.as_str()), ("S1-AZ1", "S1-AZ1-SE-Group"));
    assert_eq!((read.shards, read.service_type, read.auto_fqdn), (1, ServiceType::NodePort, AutoFqdn::Flat));
    assert_eq!(read.namespace_selector, Some(("team".to_owned(), "red".to_owned())));
    assert_eq!(read.node_port_selector, Some(("role".to_owned(), "1".to_owned())));
    assert_eq!(read.vip_network.v4.unwrap().to_string(), "10.10.25.0/24");
    assert_eq!(read.node_networks.len(), 1);
    assert_eq!(
        (read.blocked_namespaces, read.bgp_peer_labels),
        (vec!["kube-system".to_owned()], vec!["peer1".to_owned()])
    );
    assert_eq!(read.default_domain.as_deref(), Some("avi.iberia.local"), "AKO's former place of it");
    assert_eq!((read.cni.as_str(), read.tier1), ("antrea", None));
    assert!(read.strict_hosts && read.enable_rhi && read.primary);
    assert!(
        !read.static_routes && !read.layer7_only && !read.default_lb_controller && !read.default_ingress_controller
    );
    assert_eq!(settings["controllerIP"], "10.10.20.43");
    assert_eq!((settings["fullSyncFrequency"].as_str(), settings["logLevel"].as_str()), ("31104000", "INFO"));

    assert_eq!(find(&objects, "Secret", "avi-secret")["data"], json!({"username": "YWRtaW4=", "password": "MTIzNDU="}));
    assert!(find(&objects, "IngressClass", "avi-lb")["metadata"]["annotations"].is_null(), "not the default class");
    let set = find(&objects, "StatefulSet", "ako");
    assert_eq!(set["spec"]["replicas"], 1, "there is no election of a leader");
    let image = container(set)["image"].as_str().unwrap();
    assert!(image.starts_with("meridian:"), "{image}: AKO's own image cannot be run");
    runs_unprivileged(set);
}

#[test]
fn the_charts_rights_are_those_of_the_manifest_and_a_second_instance_leaves_the_first_ones_alone() {
    let Some(objects) = render("ako", AKO_VALUES) else { return };
    let manifest = objects_of(&fs::read_to_string(root().join("deploy/ako/rbac.yaml")).unwrap());
    for expected in &manifest {
        let found = find(&objects, text(&expected["kind"]), text(&expected["metadata"]["name"]));
        assert_eq!(found, expected);
    }
    let second =
        format!("{AKO_VALUES}\nrbac: {{}}\n").replace("clusterName:", "primaryInstance: false\n  clusterName:");
    let second = render("ako", &second).unwrap();
    let kinds: BTreeSet<&str> = second.iter().map(|object| text(&object["kind"])).collect();
    assert!(!kinds.contains("ClusterRole") && !kinds.contains("IngressClass"), "{kinds:?}");
    find(&second, "ClusterRoleBinding", "ako-crb-avi-system");
}

#[test]
fn a_values_file_of_amko_becomes_the_objects_that_the_operator_reads() {
    let Some(objects) = render("amko", AMKO_VALUES) else { return };
    let config = &find(&objects, "GSLBConfig", "gc-1")["spec"];
    assert_eq!(config["gslbLeader"]["controllerVersion"], "30.2", "a text, which the schema asks for");
    assert_eq!(config["memberClusters"][2]["clusterContext"], "s2");
    let policy = &find(&objects, "GlobalDeploymentPolicy", "global-gdp")["spec"];
    assert_eq!(policy["matchRules"], json!({"appSelector": {"label": {"app": "gslb"}}}));
    assert_eq!(policy["trafficSplit"][0], json!({"cluster": "s1az1", "weight": 6}));
    assert_eq!(policy["ttl"], 0);
    let set = find(&objects, "StatefulSet", "amko");
    assert_eq!(container(set)["args"][1], "--leader-context=s1az1");
    assert!(container(set)["args"].as_array().unwrap().contains(&json!("--federation")));
    runs_unprivileged(set);

    assert_eq!(set["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
    let with_discovery = render("amko", &format!("{AMKO_VALUES}\nmultiClusterIngress: {{enable: true}}\n")).unwrap();
    let containers = &find(&with_discovery, "StatefulSet", "amko")["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[1]["args"], json!(["service-discovery"]));
    find(&with_discovery, "RoleBinding", "amko-service-discovery");

    let follower = AMKO_VALUES.replace("currentClusterIsLeader: true", "currentClusterIsLeader: false");
    let follower = render("amko", &follower).unwrap();
    assert_eq!(find(&follower, "StatefulSet", "amko")["spec"]["replicas"], 1, "it stands by");
    let part = |objects: &[Value]| find(objects, "AMKOCluster", "amkocluster-federation")["spec"].clone();
    let clusters = json!(["s1az1", "s1az2", "s2"]);
    let version = part(&objects)["version"].clone();
    assert!(version.as_str().is_some_and(|version| !version.is_empty()));
    let expected = json!({"clusterContext": "s1az1", "isLeader": true, "clusters": clusters, "version": version});
    assert_eq!(part(&objects), expected);
    assert_eq!(part(&follower)["isLeader"], false);
    let electing = render("amko", &format!("{AMKO_VALUES}meridian: {{leaderElection: true}}\n")).unwrap();
    assert_eq!(part(&electing)["leaderElection"], true);
    for name in ["gslbconfigs", "globaldeploymentpolicies", "gslbhostrules", "amkoclusters"] {
        let file = format!("amko.vmware.com_{name}.yaml");
        let read = |place: &str| fs::read_to_string(root().join(place).join(&file)).unwrap();
        assert!(read("deploy/crds") == read("charts/amko/crds"), "copy deploy/crds/{file} to charts/amko/crds");
    }
}

#[test]
fn a_bad_value_is_refused_with_its_place_and_what_to_write() {
    for (chart, values, expected) in [
        ("ako", "AKOSettings: {clusterName: a b}", "AKOSettings.clusterName is `a b`; give the cluster a name of"),
        (
            "ako",
            "NetworkSettings: {vipNetworkList: [{cidr: 10.0.0.0/8}]}",
            "vipNetworkList[0] names no network; give it",
        ),
        ("ako", "avicredentials: {username: admin}", "avicredentials is half filled; give username, and password"),
        ("ako", "L7Settings: {serviceType: Some}", "'ClusterIP', 'NodePort', 'NodePortLocal'"),
        ("ako", "AKOSettings: {enableEVH: maybe}", "/AKOSettings/enableEVH"),
        ("amko", "configs: {amkoUUID: short}", "AMKO-UUID length should be equal to 36."),
        (
            "amko",
            "globalDeploymentPolicy: {matchClusters: [{cluster: s9}]}",
            "matchClusters[0].cluster is `s9`; name one of",
        ),
        ("amko", "globalDeploymentPolicy: {ttl: 100000}", "/globalDeploymentPolicy/ttl"),
    ] {
        let Some(output) = helm(chart, values) else { return };
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{values}: {error}");
    }
}

#[test]
fn the_notes_name_every_value_that_the_operator_refuses() {
    let values = r#"
AKOSettings: {vipPerNamespace: "true", istioEnabled: true, servicesAPI: true, vpcMode: true, cniPlugin: calico}
L7Settings: {enableMCI: "true", shardVSSize: DEDICATED}
NetworkSettings: {vipNetworkList: [{networkName: a}, {networkName: b}]}
"#;
    let local = "L7Settings: {serviceType: NodePortLocal}";
    let notes = fs::read_to_string(chart_at("ako").join("templates/NOTES.txt")).unwrap();
    let mut refused = BTreeSet::new();
    for values in [values, local] {
        let Some(objects) = render("ako", values) else { return };
        let settings = find(&objects, "ConfigMap", "avi-k8s-config")["data"].clone();
        for error in Settings::parse(&serde_json::from_value(settings).unwrap(), "avi-system").unwrap_err() {
            let SettingError::Unsupported { key, .. } = error else { continue };
            let (section, _) = notes.split_once("Not done by this release").unwrap();
            assert!(section.contains(key), "the notes do not tell that {key} is refused");
            refused.insert(key);
        }
    }
    // Each of them, so that a release that honours one strikes it from the notes too.
    let expected = ["cniPlugin", "enableEVH", "enableMCI", "istioEnabled", "serviceType", "servicesAPI", "shardVSSize"];
    let expected = expected.into_iter().chain(["vipNetworkList", "vipPerNamespace", "vpcMode"]).collect();
    assert_eq!(refused, expected);
}

#[test]
fn the_guide_to_the_charts_says_what_happens() {
    let (first, charts) = (blocks("your-first-ingress"), blocks("install-with-helm"));
    // Of the first guide, all up to the operator's rights, and the Ingress after the operator.
    let operator = first.iter().position(|block| block.contains("deploy/ako/rbac.yaml")).unwrap();
    let ako = charts.iter().position(|block| block.contains("helm upgrade")).unwrap();
    let script = [&first[1..operator], &charts[..ako], &first[operator + 2..operator + 4], &charts[ako..]].concat();
    let Some(Followed { said, told }) = follow(&script, &["helm"]) else { return };
    let count = |line: &str| said.lines().filter(|of| *of == line).count();
    for line in ["10.10.25.40", "refused", "success: gslb config accepted", "a global name", "the rights suffice"] {
        assert_eq!(count(line), 1, "`{line}` in\n{told}");
    }
    // The controller, and both operators with the rights of their accounts alone.
    assert_eq!(count("ok"), 3, "{told}");
    assert!(said.contains("hello from pod 10.244.1.1"), "{told}");
    assert!(said.contains("release \"ako\" uninstalled"), "{told}");
}

/// Not root, nothing to write to, nothing to gain; asked on the port that it listens on.
#[track_caller]
fn runs_unprivileged(set: &Value) {
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = container(set);
    assert_eq!(
        container["securityContext"],
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "privileged": false, "readOnlyRootFilesystem": true})
    );
    let port = &container["ports"][0]["containerPort"];
    let listen = format!("--admin-listen=0.0.0.0:{port}");
    assert!(container["args"].as_array().unwrap().contains(&json!(listen)), "{listen}");
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], container["ports"][0]["name"]);
    }
}

fn container(set: &Value) -> &Value {
    &set["spec"]["template"]["spec"]["containers"][0]
}

#[track_caller]
fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// All that a chart makes of a values file; `None`, with the reason printed, where there is no Helm.
#[track_caller]
fn render(chart: &str, values: &str) -> Option<Vec<Value>> {
    let output = helm(chart, values)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(objects_of(&String::from_utf8(output.stdout).unwrap()))
}

fn helm(chart: &str, values: &str) -> Option<Output> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(values.as_bytes()).unwrap();
    let mut helm = Command::new("helm");
    helm.args(["template", chart])
        .arg(chart_at(chart))
        .args(["--namespace", "avi-system", "--values"])
        .arg(file.path());
    match helm.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: helm cannot be run: {error}");
            None
        }
    }
}

fn chart_at(chart: &str) -> PathBuf {
    root().join("charts").join(chart)
}

fn objects_of(manifests: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifests).unwrap();
    documents.into_iter().filter(|document| document.is_object()).collect()
}
