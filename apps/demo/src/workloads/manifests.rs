//! The Deployments and Services of a directory, read again when their files change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use k8s_openapi::api::apps::v1::Deployment as DeploymentObject;
use k8s_openapi::api::core::v1::{Container, Service as ServiceObject};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::Value;
use tracing::warn;

use super::pod::PodSpec;
use super::slices;

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Most pods of one Deployment.
const REPLICAS_MAX: u32 = 50;

/// What the files of a directory say of workloads.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    files: BTreeMap<PathBuf, File>,
    /// The directory itself was gone at the last look.
    is_away: bool,
}

#[derive(Debug, Default)]
struct File {
    /// Time of the last change, and size.
    stamp: Option<(SystemTime, u64)>,
    /// It was gone at the last look: an editor may be about to put another one in its place.
    is_missing: bool,
    deployments: Vec<Deployment>,
    services: Vec<Service>,
}

/// A Deployment, as far as it matters here.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) replicas: u32,
    pub(super) pod: PodSpec,
}

/// A Service, as far as it matters here.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) selector: BTreeMap<String, String>,
    pub(super) ports: Vec<ServicePort>,
}

/// A port of a Service, and where its pods listen.
#[derive(Debug)]
pub(super) struct ServicePort {
    pub(super) name: String,
    pub(super) target: TargetPort,
}

/// Where the pods of a Service listen.
#[derive(Debug)]
pub(super) enum TargetPort {
    Number(u16),
    /// A named port of the container.
    Name(String),
}

impl Manifests {
    /// Looks at the files of `directory` and below; says whether anything is other than before. As long as the directory
    /// itself is gone, all stays as it was, as with those who watch it.
    pub(super) fn look(&mut self, directory: &Path) -> bool {
        let was_away = std::mem::replace(&mut self.is_away, !directory.is_dir());
        if self.is_away {
            if !was_away {
                warn!(directory = %directory.display(), "the directory of a cluster has gone: its pods go on as they were");
            }
            return false;
        }
        let mut files = BTreeMap::new();
        list(directory, &mut files);
        // What the demo wrote into it is gone too.
        let mut changed = was_away;
        self.files.retain(|path, file| {
            let stays = files.contains_key(path) || !file.is_missing;
            file.is_missing = !files.contains_key(path);
            changed |= !stays;
            stays
        });
        for (path, stamp) in files {
            let known = self.files.entry(path.clone()).or_default();
            if known.stamp == Some(stamp) {
                continue;
            }
            known.stamp = Some(stamp);
            // What cannot be read, or holds nothing, is an edit that is not done.
            if let Some((deployments, services)) = fs::read_to_string(&path).ok().and_then(|text| read(&text)) {
                (known.deployments, known.services) = (deployments, services);
                changed = true;
            }
        }
        changed
    }

    pub(super) fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.files.values().flat_map(|file| &file.deployments)
    }

    pub(super) fn services(&self) -> impl Iterator<Item = &Service> {
        self.files.values().flat_map(|file| &file.services)
    }
}

/// Manifests in `directory` and below it, but for hidden ones and for what is written by ourselves.
fn list(directory: &Path, found: &mut BTreeMap<PathBuf, (SystemTime, u64)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let is_manifest = [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending));
        if metadata.is_dir() && name != slices::DIRECTORY {
            list(&path, found);
        } else if let (true, Ok(modified)) = (metadata.is_file() && is_manifest, metadata.modified())
            && metadata.len() <= FILE_BYTES_MAX
        {
            found.insert(path, (modified, metadata.len()));
        }
    }
}

/// What a file says; `None` when it cannot be read, or holds no object.
fn read(text: &str) -> Option<(Vec<Deployment>, Vec<Service>)> {
    let (mut deployments, mut services, mut objects) = (Vec::new(), Vec::new(), 0);
    for document in text.split("\n---").filter(|document| document.lines().any(|line| !is_blank(line))) {
        let object: Value = serde_saphyr::from_str(document.trim_start_matches("---")).ok()?;
        objects += 1;
        match object.get("kind").and_then(Value::as_str) {
            Some("Deployment") => deployments.push(deployment(DeploymentObject::deserialize(object).ok()?)?),
            Some("Service") => services.extend(service(ServiceObject::deserialize(object).ok()?)),
            _ => {}
        }
    }
    (objects > 0).then_some((deployments, services))
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "---" || line.starts_with('#')
}

fn deployment(object: DeploymentObject) -> Option<Deployment> {
    let spec = object.spec?;
    let labels = spec.template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
    let container = spec.template.spec?.containers.into_iter().next()?;
    let replicas = u32::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0).min(REPLICAS_MAX);
    Some(Deployment {
        namespace: object.metadata.namespace.unwrap_or_else(|| "default".to_owned()),
        name: object.metadata.name?,
        replicas,
        pod: pod(&container, labels),
    })
}

fn pod(container: &Container, labels: BTreeMap<String, String>) -> PodSpec {
    let argument = |flag: &str| container.args.iter().flatten().find_map(|argument| argument.strip_prefix(flag));
    let number = |port: i32| u16::try_from(port).ok();
    let ports = container.ports.iter().flatten();
    let named = ports.clone().filter_map(|port| Some((port.name.clone()?, number(port.container_port)?)));
    let listen = argument("-listen=:").and_then(|port| port.parse().ok());
    PodSpec {
        labels,
        ports: named.collect(),
        port: listen.or_else(|| number(ports.clone().next()?.container_port)).unwrap_or(8080),
        text: argument("-text=").unwrap_or(&container.name).to_owned(),
    }
}

/// `None` of one that picks no pods.
fn service(object: ServiceObject) -> Option<Service> {
    let spec = object.spec?;
    let port = |port: k8s_openapi::api::core::v1::ServicePort| {
        let target = match port.target_port {
            Some(IntOrString::Int(number)) => TargetPort::Number(u16::try_from(number).ok()?),
            Some(IntOrString::String(name)) => TargetPort::Name(name),
            None => TargetPort::Number(u16::try_from(port.port).ok()?),
        };
        Some(ServicePort { name: port.name.unwrap_or_default(), target })
    };
    Some(Service {
        namespace: object.metadata.namespace.unwrap_or_else(|| "default".to_owned()),
        name: object.metadata.name?,
        selector: spec.selector.filter(|selector| !selector.is_empty())?,
        ports: spec.ports.into_iter().flatten().filter_map(port).collect(),
    })
}
