//! `meridian get TYPE [NAME]`.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::connection::ConnectionArgs;
use crate::output::{self, Format};

/// Show objects of the controller
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian get gslbservice
  meridian get gslbservice hello.avi.iberia.local -o yaml
  meridian get healthmonitor -o json")]
pub struct GetArgs {
    /// Type as the API names it: gslbservice, healthmonitor, virtualservice, applicationprofile, tenant, gslb …
    #[arg(value_name = "TYPE")]
    kind: String,

    /// Name of one object; all when absent
    name: Option<String>,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// A column: its title and how its text comes from an object.
type Column = (&'static str, fn(&Value) -> String);

impl GetArgs {
    /// Asks the controller and returns what to print.
    ///
    /// # Errors
    /// When the controller cannot be asked, or has no such type or object.
    pub async fn run(&self) -> anyhow::Result<String> {
        let client = self.connection.client()?;
        let kind = self.kind.to_lowercase();
        let path = format!("/api/{kind}");
        let mut query = vec![("include_name", "true"), ("page_size", "1000")];
        if self.output == Format::Table && kind == "gslbservice" {
            query.push(("join_subresources", "runtime"));
        }
        if let Some(name) = &self.name {
            query.push(("name", name));
        }
        let objects = client
            .list(&path, &query, &self.connection.tenant)
            .await
            .with_context(|| format!("reading {kind} from the controller"))?;
        if let Some(name) = &self.name
            && objects.is_empty()
        {
            bail!("{kind} `{name}` not found in tenant {}", self.connection.tenant);
        }
        match (self.output, &self.name) {
            (Format::Table, _) if objects.is_empty() => Ok(format!("No {kind} found.\n")),
            (Format::Table, _) => Ok(as_table(&kind, &objects)),
            (Format::Json, Some(_)) => output::json(&objects[0]),
            (Format::Json, None) => output::json(&json!({ "count": objects.len(), "results": objects })),
            (Format::Yaml, Some(_)) => output::yaml(&objects[0]),
            (Format::Yaml, None) => output::yaml(&json!({ "count": objects.len(), "results": objects })),
        }
    }
}

fn as_table(kind: &str, objects: &[Value]) -> String {
    let columns = columns(kind);
    let header: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
    let rows = objects.iter().map(|object| columns.iter().map(|(_, cell)| cell(object)).collect()).collect();
    output::table(&header, rows)
}

fn columns(kind: &str) -> &'static [Column] {
    match kind {
        "gslbservice" => &[
            ("name", |o| text(o, "/name")),
            ("state", |o| state(o, "/runtime/oper_status/state")),
            ("up", members_up),
            ("split", split),
            ("ttl", |o| text(o, "/ttl")),
            ("monitors", |o| count(o, "/health_monitor_refs")),
            ("created by", |o| text(o, "/created_by")),
        ],
        "healthmonitor" => &[
            ("name", |o| text(o, "/name")),
            ("type", |o| text(o, "/type").replace("HEALTH_MONITOR_", "")),
            ("port", |o| text(o, "/monitor_port")),
            ("interval", |o| text(o, "/send_interval") + "s"),
            ("timeout", |o| text(o, "/receive_timeout") + "s"),
            ("up/down after", |o| format!("{}/{}", text(o, "/successful_checks"), text(o, "/failed_checks"))),
            ("description", |o| text(o, "/description")),
        ],
        _ => &[("name", |o| text(o, "/name")), ("uuid", |o| text(o, "/uuid"))],
    }
}

fn text(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn state(object: &Value, pointer: &str) -> String {
    text(object, pointer).replace("OPER_", "").to_lowercase()
}

fn count(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len).to_string()
}

fn list<'v>(object: &'v Value, key: &str) -> &'v [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Members that are up, of all: `2/3`.
fn members_up(object: &Value) -> String {
    let groups = object.pointer("/runtime/groups").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    let members: Vec<&Value> = groups.iter().flat_map(|group| list(group, "members")).collect();
    if members.is_empty() {
        return "-".to_owned();
    }
    let up = members.iter().filter(|member| state(member, "/oper_status/state") == "up").count();
    format!("{up}/{}", members.len())
}

/// Address and ratio of every member: `192.0.2.1=6 192.0.2.2=4`, pools apart by ` | `.
fn split(object: &Value) -> String {
    let pools: Vec<String> = list(object, "groups")
        .iter()
        .map(|group| {
            let members: Vec<String> = list(group, "members")
                .iter()
                .map(|member| format!("{}={}", text(member, "/ip/addr"), text(member, "/ratio")))
                .collect();
            members.join(" ")
        })
        .collect();
    pools.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_shows_its_state_split_and_members() {
        let service = json!({
            "name": "app.example.com", "created_by": "amko-1", "health_monitor_refs": ["a"],
            "groups": [{"members": [{"ip": {"addr": "192.0.2.1"}, "ratio": 6}, {"ip": {"addr": "192.0.2.2"}, "ratio": 4}]}],
            "runtime": {"oper_status": {"state": "OPER_UP"}, "groups": [{"members": [
                {"oper_status": {"state": "OPER_UP"}}, {"oper_status": {"state": "OPER_DOWN"}}]}]}
        });
        assert_eq!(
            as_table("gslbservice", &[service]),
            "NAME              STATE   UP    SPLIT                     TTL   MONITORS   CREATED BY\n\
             app.example.com   up      1/2   192.0.2.1=6 192.0.2.2=4   -     1          amko-1\n"
        );
    }

    #[test]
    fn a_type_without_columns_of_its_own_shows_name_and_uuid() {
        let tenant = json!({"name": "admin", "uuid": "admin"});
        assert_eq!(as_table("tenant", &[tenant]), "NAME    UUID\nadmin   admin\n");
    }
}
