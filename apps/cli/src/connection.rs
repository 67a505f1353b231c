//! Where the controller is and who asks: flags, or the variables that `connection.env` sets.

use std::path::PathBuf;

use anyhow::Context;
use avi_client::{AviClient, Config, Verification};

/// How to reach the controller. Every flag has a variable; the demo writes them all to `connection.env`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Address of the controller, for example https://127.0.0.1:9443
    #[arg(long, env = "MERIDIAN_CONTROLLER", value_name = "URL")]
    controller: Option<String>,

    /// User name
    #[arg(long, env = "MERIDIAN_USERNAME", default_value = "admin")]
    username: String,

    /// Password
    #[arg(long, env = "MERIDIAN_PASSWORD", hide_env_values = true)]
    password: Option<String>,

    /// File with the certificate that signed the controller's
    #[arg(long, env = "MERIDIAN_CA", value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,

    /// Do not check the controller's certificate
    #[arg(long)]
    insecure: bool,

    /// Tenant; `*` reads all of them
    #[arg(long, env = "MERIDIAN_TENANT", default_value = "admin")]
    pub(crate) tenant: String,
}

impl ConnectionArgs {
    pub(crate) fn client(&self) -> anyhow::Result<AviClient> {
        const HOW: &str =
            "pass it, or load the file that `meridian demo` names: `set -a; . PATH/connection.env; set +a`";
        let controller = self
            .controller
            .as_deref()
            .with_context(|| format!("no controller (--controller, MERIDIAN_CONTROLLER): {HOW}"))?;
        let password =
            self.password.as_deref().with_context(|| format!("no password (--password, MERIDIAN_PASSWORD): {HOW}"))?;
        let tls = match &self.ca {
            Some(file) => Verification::CaFile(file.clone()),
            None if self.insecure => Verification::Insecure,
            None => anyhow::bail!("no CA certificate (--ca, MERIDIAN_CA): {HOW}; or accept any with --insecure"),
        };
        let mut config = Config::new(controller, &self.username, password, tls);
        config.user_agent = "meridian-cli".to_owned();
        Ok(AviClient::new(config)?)
    }
}
