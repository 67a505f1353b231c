//! Kinds of AKO that join Services of several clusters (ako 7.7).

use serde_json::Value;

use super::schema::{array, boolean, integer, object, string};
use super::{AKO_GROUP, Names, root, root_without_status};

/// Share of the traffic (ako 7.7).
const WEIGHT: (i64, i64) = (1, 100);
const PORTS: (i64, i64) = (1, 65_535);

/// The kinds, with their schemas.
pub(super) fn kinds() -> [(Names, Value); 3] {
    let names = |kind, plural, short, has_status| Names {
        group: AKO_GROUP,
        kind,
        plural,
        short: Some(short),
        version: "v1alpha1",
        has_status,
    };
    [
        (names("MultiClusterIngress", "multiclusteringresses", "mci", true), multi_cluster_ingress()),
        (names("ServiceImport", "serviceimports", "si", false), service_import()),
        (names("ClusterSet", "clustersets", "cs", false), cluster_set()),
    ]
}

fn multi_cluster_ingress() -> Value {
    let service = object(
        "The Service.",
        &[],
        [
            ("name", string("Its name.")),
            ("port", integer("Port of the Service.", Some(PORTS))),
            ("namespace", string("Its namespace.")),
        ],
    );
    let backend = object(
        "A Service of one cluster.",
        &[],
        [
            ("path", string("Path under which it is served; / when absent.")),
            ("cluster", string("Context of its cluster.")),
            ("weight", integer("Share of the traffic.", Some(WEIGHT))),
            ("service", service),
        ],
    );
    let spec = object(
        "What is wanted.",
        &[],
        [
            ("hostName", string("Host name.")),
            ("secretName", string("Secret with the certificate of the host.")),
            ("config", array("Back ends.", backend)),
        ],
    );
    let entry = object("One address.", &[], [("hostname", string("Host name.")), ("ip", string("Address."))]);
    let status = object(
        "What was found.",
        &[],
        [
            ("loadBalancer", object("Where it is served.", &[], [("ingress", array("Addresses.", entry))])),
            (
                "status",
                object(
                    "Whether it is accepted.",
                    &[],
                    [("accepted", boolean("Whether it is.")), ("reason", string("Why not."))],
                ),
            ),
        ],
    );
    root("One host whose back ends are Services of several clusters.", spec, status)
}

fn service_import() -> Value {
    let endpoint = object(
        "A node, and its port.",
        &[],
        [("ip", string("Address of the node.")), ("port", integer("Node port.", Some(PORTS)))],
    );
    let port = object(
        "One port.",
        &[],
        [
            ("port", integer("Port of the Service.", Some(PORTS))),
            ("endpoints", array("Where it is reached.", endpoint)),
        ],
    );
    let spec = object(
        "What was found.",
        &[],
        [
            ("cluster", string("Context of its cluster.")),
            ("namespace", string("Its namespace.")),
            ("service", string("Its name.")),
            ("svcPorts", array("Its ports.", port)),
        ],
    );
    root_without_status("Where a Service of another cluster is reached from outside of it.", spec)
}

fn cluster_set() -> Value {
    let member = object("A cluster.", &[], [("context", string("Context in the kubeconfig."))]);
    let spec = object(
        "What is wanted.",
        &[],
        [
            ("clusters", array("The clusters.", member)),
            ("secretName", string("Secret in avi-system whose key clusters is a kubeconfig.")),
        ],
    );
    root_without_status("The clusters whose Services are imported.", spec)
}
