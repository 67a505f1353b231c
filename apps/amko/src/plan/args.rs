//! The command line of a plan, and what it reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use k8s_crds::{GslbConfig, Object};
use k8s_watch::{Event, ManifestDirectory, Source, read_objects};
use k8s_watch_api::ApiServer;

use crate::named::{choose_named, given};
use crate::rehearse::{CANDIDATE_KINDS, rehearse};
use crate::serve::prepare;
use crate::{AmkoArgs, AmkoConfig};

/// Longest wait for the leader to show its `GSLBConfig`.
const LEADER_WAIT: Duration = Duration::from_secs(20);

/// What is read, and what is tried out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian amko plan --kubeconfig leader.kubeconfig --members-kubeconfig members.kubeconfig --ca DATA/ca.pem
  meridian amko plan --config amko.yaml --policy new-gdp.yaml
  meridian amko plan --config amko.yaml --policy new-gdp.yaml --policy rule.yaml -o json
  meridian amko plan --directories DATA/clusters --leader-context s1az1 --policy new-gdp.yaml \\
    --controller https://127.0.0.1:9443 --password-file DATA/admin-password --ca DATA/ca.pem")]
pub struct PlanArgs {
    #[command(flatten)]
    operator: AmkoArgs,

    /// File with GSLBConfig, GlobalDeploymentPolicy or GSLBHostRules to try out, in place of those of their names; more than one by more flags
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,

    /// Directory with one directory of manifests for each cluster, in place of API servers; needs --leader-context and --controller
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kubeconfig", "members_kubeconfig"])]
    directories: Option<PathBuf>,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

impl PlanArgs {
    /// Reads everything, and says what the operator would write.
    ///
    /// # Errors
    /// A file, the leader cluster or the controller cannot be read.
    pub(crate) async fn run(self) -> anyhow::Result<String> {
        let mut candidates = Vec::new();
        for path in &self.policy {
            candidates.extend(read_candidates(path)?);
        }
        let config = match &self.directories {
            Some(root) => on_directories(&self.operator, root)?,
            None => on_api_servers(self.operator, &candidates).await?,
        };
        let plan = rehearse(config, candidates).await?;
        match self.output {
            Output::Text => Ok(plan.to_string()),
            Output::Json => Ok(serde_json::to_string_pretty(&plan).context("printing JSON")? + "\n"),
        }
    }
}

fn read_candidates(path: &Path) -> anyhow::Result<Vec<Object>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let (objects, problems) = read_objects(path, &bytes, CANDIDATE_KINDS);
    if let Some(problem) = problems.first() {
        bail!("{problem}");
    }
    ensure!(
        !objects.is_empty(),
        "{} has no GSLBConfig, GlobalDeploymentPolicy or GSLBHostRule, which are what can be tried out",
        path.display()
    );
    Ok(objects)
}

fn on_directories(operator: &AmkoArgs, root: &Path) -> anyhow::Result<AmkoConfig> {
    let leader = operator.leader_context()?.context("--directories needs --leader-context, the leader's directory")?;
    let (controller, tls) = operator.controller()?;
    let controller = controller.context("--directories needs --controller and --password-file: there is no Secret")?;
    let mut sources: Vec<Arc<dyn Source>> = Vec::new();
    let entries = std::fs::read_dir(root).with_context(|| format!("reading {}", root.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("reading {}", root.display()))?.path();
        if let (true, Some(name)) = (path.is_dir(), path.file_name().and_then(|name| name.to_str())) {
            sources.push(Arc::new(ManifestDirectory::new(name, &path)));
        }
    }
    Ok(AmkoConfig { leader, sources, controller: given(&controller, tls)?, events: None, log_level: None })
}

async fn on_api_servers(operator: AmkoArgs, candidates: &[Object]) -> anyhow::Result<AmkoConfig> {
    let resolved = operator.resolve()?;
    let (leader, policies, members) = prepare(&resolved).await?;
    let sources = members.sources(&leader, &resolved.leader);
    let controller = match &resolved.controller {
        Some(controller) => given(controller, resolved.tls)?,
        None => {
            let configs = configs(&leader, &policies, candidates).await?;
            let named = choose_named(&policies, &configs, resolved.tls.is_none()).await;
            let named = named.context("no valid GSLBConfig names a controller; or name one with --controller")?;
            named.map_err(anyhow::Error::msg)?.config(resolved.tls)
        }
    };
    Ok(AmkoConfig { leader, sources, controller, events: None, log_level: None })
}

/// The leader's `GSLBConfig`s, with the candidates in their place.
async fn configs(leader: &str, policies: &ApiServer, candidates: &[Object]) -> anyhow::Result<Vec<GslbConfig>> {
    let mut events = policies.watch();
    let first = async {
        let mut problem = None;
        while let Some(event) = events.recv().await {
            match event {
                Event::Reset(objects) => return Ok(objects),
                Event::Problems(problems) => problem = problems.into_iter().next().or(problem),
                Event::Apply(_) | Event::Delete(_) | Event::Served(..) => {}
            }
        }
        Err(problem)
    };
    let objects = match tokio::time::timeout(LEADER_WAIT, first).await {
        Ok(Ok(objects)) => objects,
        Ok(Err(Some(problem))) => bail!("{problem}"),
        Ok(Err(None)) | Err(_) => bail!("cluster {leader} does not answer; look at its kubeconfig"),
    };
    let all = objects.into_iter().chain(candidates.iter().cloned());
    let configs = all.filter_map(|object| match object {
        Object::GslbConfig(config) => Some((config.metadata.name.clone(), config)),
        _ => None,
    });
    Ok(configs.collect::<BTreeMap<_, _>>().into_values().collect())
}
