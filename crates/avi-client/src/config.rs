//! Where the controller is, who we are, and how its certificate is checked.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// Value of `X-Avi-Version` when the caller names none; the one the operators' library sends at login (amko 7.2).
pub const DEFAULT_API_VERSION: &str = "22.1.2";

/// Longest wait for one answer (amko 7.1).
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// How to reach a controller and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// Address of the controller: `https://host:port`, `http://…`, or only `host:port`, which means HTTPS.
    pub base_url: String,
    /// User name.
    pub username: String,
    /// Password; not part of the debug text.
    pub password: String,
    /// Token that takes the place of the password (avi-api 1.2); not part of the debug text.
    pub token: Option<String>,
    /// Value of `X-Avi-Version`, for example `22.1.2`.
    pub api_version: String,
    /// Value of `X-Avi-UserAgent`, for example `AMKO`.
    pub user_agent: String,
    /// How the controller's certificate is checked; without meaning for `http://`.
    pub tls: Verification,
    /// Longest wait for one answer, from sending to the last byte.
    pub request_timeout: Duration,
    /// Who writes only while it leads is asked before each write; `None`: it may always.
    pub fence: Option<Fence>,
}

/// What says, at the moment at which a write is sent, whether it may be, and in which term.
#[derive(Clone)]
pub struct Fence(Arc<dyn Fn() -> Result<Option<u64>, String> + Send + Sync>);

impl Fence {
    /// `check` gives the term of the leader that writes, `None` where it was not elected, or why it may not write.
    pub fn new(check: impl Fn() -> Result<Option<u64>, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    pub(crate) fn check(&self) -> Result<Option<u64>, String> {
        (self.0)()
    }
}

impl PartialEq for Fence {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Fence {}

impl Config {
    /// With the default version, time-out and user agent `meridian`.
    pub fn new(
        base_url: impl Into<String>,
        username: impl Into<String>,
        password: impl Into<String>,
        tls: Verification,
    ) -> Self {
        Self {
            base_url: base_url.into(),
            username: username.into(),
            password: password.into(),
            token: None,
            api_version: DEFAULT_API_VERSION.to_owned(),
            user_agent: "meridian".to_owned(),
            tls,
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
            fence: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url)
            .field("username", &self.username)
            .field("api_version", &self.api_version)
            .field("user_agent", &self.user_agent)
            .field("tls", &self.tls)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

/// How the controller's certificate is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It must chain to one of the certificates in this PEM file.
    CaFile(PathBuf),
    /// It must chain to one of the certificates in this PEM text.
    CaPem(Vec<u8>),
    /// It is not checked, as AMKO does (amko 7.1).
    Insecure,
}
