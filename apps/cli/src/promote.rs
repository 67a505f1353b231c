//! `meridian promote`: the site of this controller becomes the leader of its GSLB (avi-api 5.8).

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::connection::ConnectionArgs;

/// Make the site of this controller the leader of its GSLB
///
/// For when the leader is lost: the federated objects are written here from now on, and the old leader follows when it is
/// back. What it had written alone stays readable there, aside.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian promote --controller https://10.10.20.43:9443
  meridian get gslb")]
pub struct PromoteArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl PromoteArgs {
    /// Asks the controller and returns what to print.
    ///
    /// # Errors
    /// When the controller cannot be asked, has no Gslb, or may not lead; the message says why.
    pub async fn run(&self) -> anyhow::Result<String> {
        let client = self.connection.client()?;
        let tenant = &self.connection.tenant;
        let cluster = client.get("/api/cluster", &[], tenant).await.context("asking which cluster this is")?;
        let own = cluster.get("uuid").and_then(Value::as_str).unwrap_or_default();
        let found = client.list("/api/gslb", &[], tenant).await.context("reading the Gslb")?;
        let Some(gslb) = found.first() else { bail!("this controller is not a site of a GSLB") };
        if gslb.get("leader_cluster_uuid").and_then(Value::as_str) == Some(own) {
            return Ok("This site leads the GSLB already.\n".to_owned());
        }
        let path = format!("/api/gslb/{}", gslb.get("uuid").and_then(Value::as_str).unwrap_or_default());
        let change = json!({"replace": {"leader_cluster_uuid": own}});
        let gslb = client.patch(&path, &change, tenant).await.context("making this site the leader")?;
        let view = gslb.get("view_id").and_then(Value::as_u64).unwrap_or_default();
        Ok(format!("This site leads the GSLB now (view {view}).\n"))
    }
}
