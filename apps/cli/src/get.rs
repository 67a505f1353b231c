//! `meridian get TYPE [NAME]`.

mod columns;

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
  meridian get virtualservice
  meridian get serviceengine
  meridian get gslb
  meridian get healthmonitor -o json")]
pub struct GetArgs {
    /// Type as the API names it: gslb, gslbservice, virtualservice, pool, vsvip, serviceengine, healthmonitor, tenant …
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
        if self.output == Format::Table && columns::SHOWING_STATE.contains(&kind.as_str()) {
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
            (Format::Table, Ok(Found::All(objects))) => Ok(columns::as_table(kind, &objects)),
            (Format::Table, Ok(Found::One(object))) => Ok(columns::as_table(kind, &[object])),
            (Format::Json, Ok(found)) => output::json(&found.into_document()),
            (Format::Yaml, Ok(found)) => output::yaml(&found.into_document()),
        }
    }
}

fn is_called(object: &Value, name: &str) -> bool {
    ["/name", "/uuid"].iter().any(|pointer| object.pointer(pointer).and_then(Value::as_str) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

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
