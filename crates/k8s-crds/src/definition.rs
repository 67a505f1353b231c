//! What an API server is told about the custom kinds: `CustomResourceDefinition`s, with the limits of amko 2.
//!
//! The schemas are tables of our own rather than derived from the types: the types are lenient, so that one bad field
//! does not hide an object, and the schemas are strict. A test holds each field of the types against its schema.
//! Of AMKO's kinds `AMKOCluster` alone has a status sub-resource, and none has printer columns (amko 2).

mod multi_cluster;
mod schema;

use serde_json::{Value, json};

use self::schema::{array, boolean, integer, object, one_of, string, string_map};

/// Group of all kinds of AMKO.
pub const GROUP: &str = "amko.vmware.com";
/// Group of all kinds of AKO.
pub const AKO_GROUP: &str = "ako.vmware.com";

/// How a member is chosen (amko 2.4).
const ALGORITHMS: [&str; 4] =
    ["GSLB_ALGORITHM_CONSISTENT_HASH", "GSLB_ALGORITHM_GEO", "GSLB_ALGORITHM_ROUND_ROBIN", "GSLB_ALGORITHM_TOPOLOGY"];
/// What geo falls back to (amko 2.4).
const FALLBACKS: [&str; 2] = ["GSLB_ALGORITHM_CONSISTENT_HASH", "GSLB_ALGORITHM_ROUND_ROBIN"];
/// What is answered when all is down (amko 2.5).
const DOWN_RESPONSES: [&str; 4] = [
    "GSLB_SERVICE_DOWN_RESPONSE_NONE",
    "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS",
    "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP",
    "GSLB_SERVICE_DOWN_RESPONSE_EMPTY",
];
/// What can be asked of a label.
const SELECTOR_OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];
/// Bits of a mask (amko 2.4).
const HASH_MASK: (i64, i64) = (1, 31);

/// The names under which an API server serves a kind.
struct Names {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: Option<&'static str>,
    version: &'static str,
    /// Whether its status is written apart from the rest.
    has_status: bool,
}

/// The definitions, each with the name of its file.
#[must_use]
pub fn definitions() -> Vec<(String, Value)> {
    let names = |kind, plural, short, version| Names { group: GROUP, kind, plural, short, version, has_status: false };
    let config = names("GSLBConfig", "gslbconfigs", Some("gc"), "v1alpha1");
    let policy = names("GlobalDeploymentPolicy", "globaldeploymentpolicies", Some("gdp"), "v1alpha2");
    let rule = names("GSLBHostRule", "gslbhostrules", Some("ghr"), "v1alpha1");
    let cluster = Names { has_status: true, ..names("AMKOCluster", "amkoclusters", None, "v1alpha1") };
    let kinds = [
        (config, gslb_config()),
        (policy, global_deployment_policy()),
        (rule, gslb_host_rule()),
        (cluster, amko_cluster()),
    ];
    let kinds = kinds.into_iter().chain(multi_cluster::kinds());
    kinds.map(|(names, schema)| (format!("{}_{}.yaml", names.group, names.plural), define(&names, &schema))).collect()
}

/// amko 2.6. Fields beyond it are told in their description.
fn amko_cluster() -> Value {
    let spec = object(
        "What is wanted.",
        &[],
        [
            ("clusterContext", string("Own context; one of clusters, and in the kubeconfig of the members.")),
            ("clusters", array("Contexts of all clusters of the federation.", string("Its context."))),
            (
                "isLeader",
                boolean("Whether this cluster leads; with leaderElection only whether it is the first to try."),
            ),
            ("version", string("Version of the operator, the same in all clusters.")),
            ("leaderElection", boolean("Beyond AMKO: leases in the clusters settle who leads.")),
        ],
    );
    let condition = object(
        "What became of one step.",
        &[],
        [
            ("type", string("Which step.")),
            ("status", string("What became of it.")),
            ("reason", string("Why; empty where all went well.")),
        ],
    );
    let leader = object(
        "Beyond AMKO: who leads, as far as this cluster can tell.",
        &[],
        [
            ("clusterContext", string("Its context.")),
            ("term", integer("Number of its term, larger than those before; absent where nobody elects.", None)),
        ],
    );
    let status = object(
        "What was found.",
        &[],
        [("conditions", array("One for each step of the last federation.", condition)), ("leader", leader)],
    );
    let mut schema = root("The part that one cluster has in a federation.", spec, status);
    // Required of the other kinds alone.
    schema.as_object_mut().map(|schema| schema.remove("required"));
    schema
}

fn define(names: &Names, schema: &Value) -> Value {
    let Names { group, kind, plural, short, version, has_status } = names;
    let short: Vec<&str> = short.iter().copied().collect();
    let mut served = json!({
        "name": version,
        "served": true,
        "storage": true,
        "schema": { "openAPIV3Schema": schema },
    });
    if *has_status {
        served["subresources"] = json!({ "status": {} });
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group,
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.to_lowercase(),
                "shortNames": short,
            },
            "scope": "Namespaced",
            "conversion": { "strategy": "None" },
            "versions": [served],
        },
    })
}

/// An object of a custom kind; the API server itself knows about `metadata`.
fn root(about: &str, spec: Value, status: Value) -> Value {
    let mut schema = root_without_status(about, spec);
    schema["properties"]["status"] = status;
    schema
}

/// One of a kind that nobody answers in.
fn root_without_status(about: &str, spec: Value) -> Value {
    let fields = [
        ("apiVersion", string("Version of this kind.")),
        ("kind", string("Name of this kind.")),
        ("metadata", json!({ "type": "object" })),
        ("spec", spec),
    ];
    object(about, &["spec"], fields)
}

/// amko 2.1.
fn gslb_config() -> Value {
    let leader = object(
        "The leader controller.",
        &[],
        [
            ("credentials", string("Secret in avi-system with the keys username and password.")),
            ("controllerVersion", string("API version that is spoken with the controller.")),
            ("controllerIP", string("Address of the controller, optionally with a port.")),
            ("tenant", string("Default tenant; admin when absent.")),
        ],
    );
    let member = object(
        "A cluster that takes part.",
        &[],
        [("clusterContext", string("Context in the kubeconfig of the member clusters."))],
    );
    let spec = object(
        "What is wanted.",
        &[],
        [
            ("gslbLeader", leader),
            ("memberClusters", array("Clusters that take part.", member)),
            ("refreshInterval", integer("Seconds between two resyncs; 600 when absent or not positive.", None)),
            ("logLevel", one_of("How much is logged; INFO when absent.", &["DEBUG", "INFO", "WARN", "ERROR"])),
            ("useCustomGlobalFqdn", boolean("Global names come from host rules instead of the objects.")),
        ],
    );
    let state = string("What became of this configuration.");
    let controller = string("The controller in use, where the one of the spec does not lead.");
    let status = object("What was found.", &[], [("state", state), ("controller", controller)]);
    root("Which controller is written to, and which clusters take part.", spec, status)
}

/// amko 2.2.
fn global_deployment_policy() -> Value {
    let spec = object(
        "What is wanted.",
        &[],
        [
            ("matchRules", match_rules()),
            ("matchClusters", match_clusters()),
            ("trafficSplit", traffic_split()),
            ("controlPlaneHmOnly", boolean("No health monitors that probe members.")),
            ("healthMonitorRefs", array("Federated health monitors, in place of generated ones.", string("Its name."))),
            (
                "healthMonitorTemplate",
                string("Federated health monitor whose request line and response codes are copied."),
            ),
            ("ttl", integer("Time to live of answers in seconds.", Some((0, 86_400)))),
            ("sitePersistenceRef", string("Federated application persistence profile.")),
            ("pkiProfileRef", string("Federated PKI profile, for site persistence.")),
            ("defaultDomain", string("Suffix of routes that have a sub-domain only.")),
            ("poolAlgorithmSettings", pool_algorithm_settings()),
            ("downResponse", down_response()),
        ],
    );
    let status = [("errorStatus", string("success, or what is wrong.")), ("warnings", warnings())];
    let status = object("What was found.", &[], status);
    root("Which objects become members of global services, and how traffic is split.", spec, status)
}

/// amko 2.3. A third-party site has no limit of priority.
fn gslb_host_rule() -> Value {
    let persistence = object(
        "Site persistence; as the policy says when absent.",
        &[],
        [
            ("enabled", boolean("Whether there is any.")),
            ("profileRef", string("Federated application persistence profile.")),
            ("pkiProfileRef", string("Federated PKI profile; the policy's when absent.")),
        ],
    );
    let third_party = [
        ("vip", string("Its address.")),
        ("site", string("Third-party site of the GSLB configuration.")),
        ("publicIP", string("Its public address.")),
    ];
    let public_ip = [("cluster", string("Context of the cluster.")), ("ip", string("IPv4 or IPv6 address."))];
    let spec = object(
        "What is wanted; as the policy says where it is absent.",
        &[],
        [
            ("fqdn", string("Global name that it is about.")),
            ("ttl", integer("Time to live of answers in seconds.", Some((0, 86_400)))),
            ("sitePersistence", persistence),
            ("thirdPartyMembers", array("Members outside of clusters.", object("A member.", &[], third_party))),
            ("controlPlaneHmOnly", boolean("No health monitors that probe members.")),
            ("healthMonitorRefs", array("Federated health monitors, in place of generated ones.", string("Its name."))),
            (
                "healthMonitorTemplate",
                string("Federated health monitor whose request line and response codes are copied."),
            ),
            ("poolAlgorithmSettings", pool_algorithm_settings()),
            ("trafficSplit", rule_split()),
            (
                "publicIP",
                array(
                    "Public addresses of the members of clusters.",
                    object("A cluster.", &["cluster", "ip"], public_ip),
                ),
            ),
            ("downResponse", down_response()),
        ],
    );
    let status = [
        ("status", string("Accepted or Rejected.")),
        ("error", string("Why it is rejected.")),
        ("warnings", warnings()),
    ];
    root("What one global name has otherwise than the policy says.", spec, object("What was found.", &[], status))
}

/// Beyond the original.
fn warnings() -> Value {
    array("Services that the controller will not have, and what else is amiss.", string("What, and why."))
}

fn rule_split() -> Value {
    let mut weight = integer("Share of the traffic.", Some((1, 20)));
    let mut priority = integer("The highest priority that is up gets the traffic.", None);
    weight["default"] = 1.into();
    priority["default"] = 1.into();
    priority["minimum"] = 0.into();
    let fields = [
        ("cluster", string("Context of the cluster, or third-party site.")),
        ("weight", weight),
        ("priority", priority),
    ];
    array("Weight and priority of clusters and third-party sites.", object("A cluster or site.", &[], fields))
}

fn match_rules() -> Value {
    object(
        "Which objects are selected.",
        &[],
        [
            ("appSelector", selector("Labels that the object must carry.")),
            ("namespaceSelector", selector("Labels that its namespace must carry.")),
        ],
    )
}

/// `matchLabels` and `matchExpressions` are beyond the original.
fn selector(about: &str) -> Value {
    let requirement = [
        ("key", string("Key of the label.")),
        ("operator", one_of("What has to hold of its value.", &SELECTOR_OPERATORS)),
        ("values", array("Values, for In and NotIn.", string("A value."))),
    ];
    let requirement = object("What has to hold of one label.", &["key", "operator"], requirement);
    let fields = [
        ("label", string_map("The label, key and value; exactly one counts.")),
        ("matchLabels", string_map("Labels, all of them: keys and values.")),
        ("matchExpressions", array("What else has to hold of the labels.", requirement)),
    ];
    object(about, &[], fields)
}

fn match_clusters() -> Value {
    let fields = [
        ("cluster", string("Context of the cluster.")),
        ("syncVipOnly", boolean("Members are published by address alone.")),
    ];
    array("Which clusters are selected; none when empty.", object("A cluster.", &[], fields))
}

/// Defaults as in the schema of the original: the API server fills them in.
fn traffic_split() -> Value {
    let with_default = |mut schema: Value, default: i64| {
        schema["default"] = default.into();
        schema
    };
    let fields = [
        ("cluster", string("Context of the cluster.")),
        ("weight", with_default(integer("Share of the traffic.", Some((1, 20))), 1)),
        ("priority", with_default(integer("The highest priority that is up gets the traffic.", Some((0, 100))), 10)),
    ];
    array("Weight and priority of clusters.", object("A cluster.", &[], fields))
}

fn pool_algorithm_settings() -> Value {
    let mask = || integer("Bits of the client's address that count, for consistent hash.", Some(HASH_MASK));
    let fallback = object(
        "What geo falls back to.",
        &[],
        [("lbAlgorithm", one_of("The algorithm.", &FALLBACKS)), ("hashMask", mask())],
    );
    let fields =
        [("lbAlgorithm", one_of("The algorithm.", &ALGORITHMS)), ("hashMask", mask()), ("geoFallback", fallback)];
    object("How a member is chosen; round robin when absent.", &[], fields)
}

fn down_response() -> Value {
    let fields = [
        ("type", one_of("Kind of answer.", &DOWN_RESPONSES)),
        ("fallbackIP", string("Address that is answered, for the fallback.")),
    ];
    object("What is answered when all members are down.", &["type"], fields)
}
