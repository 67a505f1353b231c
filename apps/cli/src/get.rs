//! `meridian get TYPE [NAME]`.

use anyhow::{Context, bail};
use avi_client::AviError;
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

/// What the controller has.
enum Found {
    /// The objects of a collection.
    All(Vec<Value>),
    /// One of them, or the only one there is of its type.
    One(Value),
}

impl Found {
    fn into_document(self) -> Value {
        match self {
            Self::All(objects) => json!({ "count": objects.len(), "results": objects }),
            Self::One(object) => object,
        }
    }
}

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
        let reading = || format!("reading {kind} from the controller");
        let found = match client.list(&path, &query, &self.connection.tenant).await {
            // A type with one object has no collection, the object itself is there (avi-api 1.8).
            Err(AviError::Decode { .. }) => {
                Found::One(client.get(&path, &[], &self.connection.tenant).await.with_context(reading)?)
            }
            listed => Found::All(listed.with_context(reading)?),
        };
        self.present(&kind, found)
    }

    fn present(&self, kind: &str, found: Found) -> anyhow::Result<String> {
        let found = match (found, &self.name) {
            (Found::All(objects), Some(name)) => objects.into_iter().next().map(Found::One).ok_or(name),
            (Found::One(object), Some(name)) if !is_called(&object, name) => Err(name),
            (found, _) => Ok(found),
        };
        match (self.output, found) {
            (_, Err(name)) => bail!("{kind} `{name}` not found in tenant {}", self.connection.tenant),
            (Format::Table, Ok(Found::All(objects))) if objects.is_empty() => Ok(format!("No {kind} found.\n")),
            (Format::Table, Ok(Found::All(objects))) => Ok(as_table(kind, &objects)),
            (Format::Table, Ok(Found::One(object))) => Ok(as_table(kind, &[object])),
            (Format::Json, Ok(found)) => output::json(&found.into_document()),
            (Format::Yaml, Ok(found)) => output::yaml(&found.into_document()),
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

fn is_called(object: &Value, name: &str) -> bool {
    ["/name", "/uuid"].iter().any(|pointer| object.pointer(pointer).and_then(Value::as_str) == Some(name))
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

    #[track_caller]
    fn check(arguments: &[&str], found: Found, expected: Result<&str, &str>) {
        let told = parse(arguments).present(arguments[0], found).map_err(|error| error.to_string());
        assert_eq!(told.as_deref().map_err(String::as_str), expected);
    }

    fn parse(arguments: &[&str]) -> GetArgs {
        use clap::{Args, FromArgMatches};
        let command = GetArgs::augment_args(clap::Command::new("get").no_binary_name(true));
        GetArgs::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
    }

    #[test]
    fn the_only_object_of_a_type_is_shown_as_it_is() {
        let cluster = || Found::One(json!({"name": "cluster-0-1", "uuid": "cluster-1"}));
        let table = "NAME          UUID\ncluster-0-1   cluster-1\n";
        check(&["cluster"], cluster(), Ok(table));
        check(&["cluster", "cluster-0-1"], cluster(), Ok(table));
        check(&["cluster", "other"], cluster(), Err("cluster `other` not found in tenant admin"));
        check(&["cluster", "-o", "yaml"], cluster(), Ok("name: cluster-0-1\nuuid: cluster-1\n"));
        let config = Found::One(json!({"uuid": "default-uuid"}));
        check(&["systemconfiguration"], config, Ok("NAME   UUID\n-      default-uuid\n"));
    }

    #[test]
    fn a_collection_is_shown_whole_or_by_name() {
        let one = || Found::All(vec![json!({"name": "a", "uuid": "1"})]);
        check(&["tenant", "-o", "yaml"], one(), Ok("count: 1\nresults:\n- name: a\n  uuid: \"1\"\n"));
        check(&["tenant", "a", "-o", "yaml"], one(), Ok("name: a\nuuid: \"1\"\n"));
        check(&["tenant"], Found::All(Vec::new()), Ok("No tenant found.\n"));
        check(&["tenant", "b"], Found::All(Vec::new()), Err("tenant `b` not found in tenant admin"));
    }
}
