//! The `EndpointSlices` of a cluster, in one file beside the manifests.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::PodKey;
use super::manifests::{Service, TargetPort};
use super::pod::Pod;

/// Directory, among the manifests, of what the demo writes by itself.
pub(super) const DIRECTORY: &str = "generated";
const FILE: &str = "endpoint-slices.yaml";
const HEAD: &str = "# Written by the demo, as a cluster writes by itself which pods are behind each Service. Change the Deployment \
                    instead.\n";

/// Writes which pods are behind each Service, in one step, where it is not written yet. Without Services there is no file.
pub(super) fn write<'a>(
    directory: &Path,
    services: impl Iterator<Item = &'a Service>,
    pods: &BTreeMap<PodKey, Pod>,
) -> io::Result<()> {
    if !directory.is_dir() {
        // The user took the cluster away.
        return Ok(());
    }
    let directory = directory.join(DIRECTORY);
    let file = directory.join(FILE);
    let mut text = HEAD.to_owned();
    let mut documents = 0;
    for service in services {
        let slice = serde_json::to_string_pretty(&slice(service, pods)).map_err(io::Error::other)?;
        text = format!("{text}---\n{slice}\n");
        documents += 1;
    }
    let is_written = fs::read_to_string(&file).is_ok_and(|known| known == text);
    if documents == 0 {
        return if file.exists() { fs::remove_file(file) } else { Ok(()) };
    }
    if is_written {
        return Ok(());
    }
    fs::create_dir_all(&directory)?;
    let fresh = directory.join(format!(".{FILE}.new"));
    fs::write(&fresh, text)?;
    fs::rename(fresh, file)
}

fn slice(service: &Service, pods: &BTreeMap<PodKey, Pod>) -> Value {
    let is_behind = |(namespace, ..): &PodKey, pod: &Pod| {
        let labels = &pod.spec.labels;
        *namespace == service.namespace && service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let behind: Vec<(&PodKey, &Pod)> = pods.iter().filter(|(key, pod)| is_behind(key, pod)).collect();
    let endpoints: Vec<Value> = behind.iter().map(|(key, pod)| endpoint(key, pod)).collect();
    let port_of = |target: &TargetPort| match target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => behind.iter().find_map(|(_, pod)| pod.spec.ports.get(name).copied()),
    };
    let ports = service
        .ports
        .iter()
        .filter_map(|port| Some(json!({"name": port.name, "port": port_of(&port.target)?, "protocol": "TCP"})));
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{}-demo", service.name),
            "namespace": service.namespace,
            "labels": {
                "kubernetes.io/service-name": service.name,
                "endpointslice.kubernetes.io/managed-by": "demo.meridian",
            },
        },
        "addressType": "IPv4",
        "ports": ports.collect::<Vec<Value>>(),
        "endpoints": endpoints,
    })
}

fn endpoint((namespace, name, number): &PodKey, pod: &Pod) -> Value {
    json!({
        "addresses": [pod.address.to_string()],
        "conditions": {"ready": true, "serving": true, "terminating": false},
        "targetRef": {"kind": "Pod", "namespace": namespace, "name": format!("{name}-{number}")},
    })
}
