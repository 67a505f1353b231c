//! How a cluster is reached, and the client that does.

use std::path::PathBuf;
use std::time::Duration;

use k8s_watch::Problem;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// A context of a kubeconfig file, which is read again whenever the cluster cannot be reached.
    Kubeconfig {
        /// Path.
        path: PathBuf,
        /// Context; the current one of the file when `None`.
        context: Option<String>,
    },
    /// A context of a kubeconfig that came as text, from a Secret for example.
    Text {
        /// YAML.
        text: String,
        /// Where it came from, for messages: `Secret avi-system/gslb-config-secret`.
        origin: String,
        /// Context; the current one when `None`.
        context: Option<String>,
    },
    /// The service account of the pod this runs in.
    InCluster,
}

/// A kubeconfig or service account that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A kubeconfig cannot be read, or lacks the context, or what the context names.
    #[error("kubeconfig of {place}")]
    Kubeconfig {
        /// File or Secret.
        place: String,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no service account here.
    #[error("service account of this pod")]
    InCluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it says cannot be made a client.
    #[error("client for {place}")]
    Client {
        /// File, Secret, or service account.
        place: String,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Names in a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contexts {
    /// All contexts, in their order.
    pub all: Vec<String>,
    /// The one that is used where none is named.
    pub current: Option<String>,
}

impl Access {
    /// The same, by another context. A service account has none, and stays what it is.
    #[must_use]
    pub fn with_context(mut self, name: impl Into<String>) -> Self {
        if let Self::Kubeconfig { context, .. } | Self::Text { context, .. } = &mut self {
            *context = Some(name.into());
        }
        self
    }

    /// Contexts there are; none for a service account.
    ///
    /// # Errors
    /// The kubeconfig cannot be read or is none.
    pub async fn contexts(&self) -> Result<Contexts, AccessError> {
        let Some((kubeconfig, _)) = self.kubeconfig().await? else {
            return Ok(Contexts { all: Vec::new(), current: None });
        };
        let all = kubeconfig.contexts.into_iter().map(|context| context.name).collect();
        Ok(Contexts { all, current: kubeconfig.current_context })
    }

    /// File, Secret, or service account.
    fn place(&self) -> String {
        match self {
            Self::Kubeconfig { path, .. } => path.display().to_string(),
            Self::Text { origin, .. } => origin.clone(),
            Self::InCluster => "the service account".to_owned(),
        }
    }

    /// The kubeconfig as it is now, and the context in it; `None` for a service account.
    async fn kubeconfig(&self) -> Result<Option<(Kubeconfig, Option<&String>)>, AccessError> {
        let (kubeconfig, context) = match self {
            Self::InCluster => return Ok(None),
            Self::Kubeconfig { path, context } => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || Kubeconfig::read_from(path)).await;
                (read.map_err(|error| self.unusable(error))?, context)
            }
            Self::Text { text, context, .. } => (Kubeconfig::from_yaml(text), context),
        };
        Ok(Some((kubeconfig.map_err(|error| self.unusable(error))?, context.as_ref())))
    }

    async fn config(&self) -> Result<Config, AccessError> {
        let Some((kubeconfig, context)) = self.kubeconfig().await? else {
            return Config::incluster().map_err(|error| AccessError::InCluster(error.into()));
        };
        let options = KubeConfigOptions { context: context.cloned(), ..KubeConfigOptions::default() };
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| self.unusable(error))
    }

    fn unusable(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AccessError {
        AccessError::Kubeconfig { place: self.place(), source: error.into() }
    }

    async fn connect(&self, answer_max: Duration) -> Result<Client, AccessError> {
        let mut config = self.config().await?;
        config.connect_timeout = Some(answer_max); // the TLS handshake included
        config.default_retry = false; // it would hide for minutes what is wrong
        // A kubeconfig may name a program that fetches credentials: it may take its time, or never end.
        let made = timeout(answer_max, tokio::task::spawn_blocking(move || Client::try_from(config))).await;
        let failed = |source| AccessError::Client { place: self.place(), source };
        match made {
            Ok(Ok(client)) => client.map_err(|error| failed(error.into())),
            Ok(Err(error)) => Err(failed(error.into())),
            Err(elapsed) => Err(failed(elapsed.into())),
        }
    }
}

impl AccessError {
    /// As the operator is told.
    pub(crate) fn problem(&self, cluster: &str) -> Problem {
        let (Self::Kubeconfig { source, .. } | Self::InCluster(source) | Self::Client { source, .. }) = self;
        Problem {
            place: format!("cluster {cluster}"),
            what: format!("{self}: {}", chain(source.as_ref())),
            advice: match self {
                Self::InCluster(_) => "run it in a pod with a service account, or name a kubeconfig".to_owned(),
                _ => "correct it; it is read again every few seconds".to_owned(),
            },
        }
    }
}

/// The client in use. All kinds share it; who finds it useless has it made anew, from what the files say by then.
#[derive(Debug)]
pub(crate) struct Connection {
    access: Access,
    /// Longest wait for a connection, and for an answer on it.
    pub(crate) answer_max: Duration,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    client: Option<Client>,
    /// Counts the clients made.
    generation: u64,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(access: Access, answer_max: Duration) -> Self {
        Self { access, answer_max, current: Mutex::default() }
    }

    /// The client, and which one it is.
    pub(crate) async fn client(&self) -> Result<(Client, u64), AccessError> {
        let mut current = self.current.lock().await;
        if let Some(client) = &current.client {
            return Ok((client.clone(), current.generation));
        }
        let client = self.access.connect(self.answer_max).await?;
        current.client = Some(client.clone());
        current.generation += 1;
        Ok((client, current.generation))
    }

    /// This client did not help; unless another took its place meanwhile, the next one is made anew.
    pub(crate) async fn forget(&self, generation: u64) {
        let mut current = self.current.lock().await;
        if current.generation == generation {
            current.client = None;
        }
    }
}

/// An error and its causes, without those that the one before repeats already.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_wrong_with_a_kubeconfig_is_said_with_its_place() {
        let check = async |access: Access, expected: &str| {
            let problem = Connection::new(access, Duration::from_secs(1)).client().await.err().map(|e| e.problem("s2"));
            let problem = problem.unwrap().to_string();
            assert!(problem.contains(expected) && problem.starts_with("cluster s2: "), "{problem}");
        };
        let text = |text: &str, context: &str| Access::Text {
            text: text.to_owned(),
            origin: "Secret a/b".to_owned(),
            context: Some(context.to_owned()),
        };
        check(Access::Kubeconfig { path: "/nowhere".into(), context: None }, "kubeconfig of /nowhere").await;
        check(text("{", "s2"), "kubeconfig of Secret a/b").await;
        check(text("apiVersion: v1\nkind: Config\n", "s2"), "s2").await;
        check(Access::InCluster, "run it in a pod").await;
    }

    #[tokio::test]
    async fn contexts_are_named_and_chosen() {
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: b\ncontexts:\n- name: a\n- name: b\n".to_owned();
        let access = Access::Text { text, origin: "Secret a/b".to_owned(), context: None }.with_context("a");
        assert!(matches!(&access, Access::Text { context: Some(context), .. } if context == "a"));
        let expected = Contexts { all: vec!["a".to_owned(), "b".to_owned()], current: Some("b".to_owned()) };
        assert_eq!(access.contexts().await.unwrap(), expected);
        assert_eq!(Access::InCluster.with_context("a").contexts().await.unwrap().all, [""; 0]);
    }
}
