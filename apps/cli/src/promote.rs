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
        let path = format!("/api/gslb/{}", gslb.get("uuid").and_then(Value::as_str).unwrap_or_default());
        if gslb.get("leader_cluster_uuid").and_then(Value::as_str) == Some(own) {
            let runtime = client.get(&format!("{path}/runtime"), &[], tenant).await.context("asking who leads")?;
            if runtime.pointer("/replication_stats/is_led") == Some(&json!(false)) {
                bail!(
                    "this site led the GSLB last, and does not now: the active sites elect, and fewer than a majority of \
                     them are heard here. It leads again, or another one does, when they are back"
                );
            }
            return Ok("This site leads the GSLB already.\n".to_owned());
        }
        let change = json!({"replace": {"leader_cluster_uuid": own}});
        let gslb = client.patch(&path, &change, tenant).await.context("making this site the leader")?;
        let view = gslb.get("view_id").and_then(Value::as_u64).unwrap_or_default();
        let runtime = client.get(&format!("{path}/runtime"), &[], tenant).await.context("asking who follows it")?;
        if runtime.pointer("/replication_stats/is_leader") == Some(&json!(false)) {
            let leader = runtime.pointer("/replication_stats/leader_cluster_uuid").and_then(Value::as_str);
            bail!("{} was promoted, too, and leads now: this site follows it", leader.unwrap_or("another site"));
        }
        Ok(format!("This site leads the GSLB now (view {view}).\n{}", followers(&gslb, &runtime, own)))
    }
}

/// A line for each other active site: whether it has answered this one as its leader.
fn followers(gslb: &Value, runtime: &Value, own: &str) -> String {
    let list = |of: &Value, field: &str| of.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |of: &Value, pointer: &str| of.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows = list(runtime, "site");
    let mut lines = String::new();
    for site in list(gslb, "sites") {
        let uuid = text(&site, "/cluster_uuid");
        if uuid == own || text(&site, "/member_type") != "GSLB_ACTIVE_MEMBER" {
            continue;
        }
        let name = text(&site, "/name");
        let row = rows.iter().find(|row| text(row, "/site_info/cluster_uuid") == uuid).cloned().unwrap_or_default();
        if row.pointer("/site_info/replication_stats").is_some() {
            lines.push_str(&format!("{name} follows it.\n"));
            continue;
        }
        let reason = text(&row, "/site_info/state_reason");
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        lines.push_str(&format!(
            "{name} has not answered{reason}: it follows when it does, unless it was promoted as well.\n"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_answered_the_new_leader_follows_it_and_who_has_not_is_told() {
        let site = |name: &str, kind: &str| json!({"name": name, "cluster_uuid": name, "member_type": kind});
        let gslb = json!({"sites": [
            site("a", "GSLB_ACTIVE_MEMBER"), site("b", "GSLB_ACTIVE_MEMBER"), site("c", "GSLB_ACTIVE_MEMBER"),
            site("d", "GSLB_PASSIVE_MEMBER"),
        ]});
        let runtime = json!({"site": [
            {"site_info": {"cluster_uuid": "b", "replication_stats": {"held": 7}}},
            {"site_info": {"cluster_uuid": "c", "state_reason": "10.0.0.3:9449: no route"}},
        ]});
        let said = followers(&gslb, &runtime, "a");
        let missing =
            "c has not answered (10.0.0.3:9449: no route): it follows when it does, unless it was promoted as well.";
        assert_eq!(said, format!("b follows it.\n{missing}\n"));
    }
}
