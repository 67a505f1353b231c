//! Kinds of AKO that join Services of several clusters (ako 7.7).

use serde_json::Value;

use super::schema::{array, boolean, integer, object, string};
use super::{AKO_GROUP, Names, root};

/// Share of the traffic (ako 7.7).
const WEIGHT: (i64, i64) = (1, 100);

/// The kinds, with their schemas. AKO writes the status of each apart from the rest.
pub(super) fn kinds() -> [(Names, Value); 1] {
    let ingress = Names {
        group: AKO_GROUP,
        kind: "MultiClusterIngress",
        plural: "multiclusteringresses",
        short: Some("mci"),
        version: "v1alpha1",
        has_status: true,
    };
    [(ingress, multi_cluster_ingress())]
}

fn multi_cluster_ingress() -> Value {
    let service = object(
        "The Service.",
        &[],
        [
            ("name", string("Its name.")),
            ("port", integer("Port of the Service.", Some((1, 65_535)))),
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
