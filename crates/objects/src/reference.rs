//! References: the forms clients send, and the one that is stored (avi-api 1.7).

use std::collections::BTreeSet;

use avi_schema::{Kind, MessageSchema};
use serde_json::{Map, Value};

use crate::error::{SENT_CHARS_MAX, WriteError};
use crate::object::Object;
use crate::projection::{ADMIN, Projection};

/// Finds the objects that references of one object mean.
pub(crate) struct Resolver<'a> {
    pub(crate) projection: &'a Projection,
    /// Tenant of the referring object; its objects and `admin`'s can be referred to.
    pub(crate) tenant: &'a str,
    /// The referring object lives in no tenant and may refer to any.
    pub(crate) any_tenant: bool,
    /// Cloud of the referring object: names of cloud-scoped objects are looked up there.
    pub(crate) cloud: Option<String>,
}

/// What a reference says.
#[derive(Debug, PartialEq, Eq)]
enum Target<'t> {
    Uuid { path: &'t str, uuid: &'t str },
    Query { path: &'t str, query: &'t str },
    Bare(&'t str),
}

/// The stored form: `/api/<path>/<uuid>`.
pub(crate) fn stored(path: &str, uuid: &str) -> String {
    format!("/api/{path}/{uuid}")
}

/// Path and uuid of a stored reference.
pub(crate) fn parse_stored(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("/api/")?.split_once('/')
}

/// Uuid of the cloud an object lives in.
pub(crate) fn cloud_of(object: &Object) -> Option<&str> {
    let (_, uuid) = parse_stored(object.body.get("cloud_ref")?.as_str()?)?;
    Some(uuid)
}

/// Every stored reference in a body, at any depth.
pub(crate) fn collect(message: &MessageSchema, body: &Map<String, Value>, into: &mut BTreeSet<String>) {
    for field in message.fields {
        if let Some(value) = body.get(field.name) {
            collect_value(&field.kind, value, into);
        }
    }
}

impl Resolver<'_> {
    /// The stored form of what `text` refers to, an object of type `path`; `at` is the field, for messages.
    pub(crate) fn resolve(&self, path: &'static str, text: &str, at: &str) -> Result<String, WriteError> {
        let wrong_type =
            |sent: &str| WriteError::invalid(at, format!("'{text}' refers to type '{sent}', expected '{path}'"));
        let found = match parse(text) {
            None => return Err(WriteError::invalid(at, format!("'{text}' is not a reference"))),
            Some(Target::Uuid { path: sent, .. } | Target::Query { path: sent, .. })
                if !sent.eq_ignore_ascii_case(path) =>
            {
                return Err(wrong_type(sent));
            }
            Some(Target::Uuid { uuid, .. }) => self.by_uuid(path, uuid),
            Some(Target::Query { query, .. }) => self.by_query(path, query),
            Some(Target::Bare(text)) => self.by_uuid(path, text).or_else(|| self.by_name(path, text, None, None)),
        };
        match found {
            Some(object) => Ok(object.reference()),
            None => Err(WriteError::Dangling {
                model: self.projection.types().get(path).map_or("Referenced", |schema| schema.model),
                path,
                field: at.to_owned(),
                sent: text.chars().take(SENT_CHARS_MAX).collect(),
            }),
        }
    }

    /// The object of a default such as `Default-Cloud`, if it exists.
    pub(crate) fn resolve_default(&self, path: &str, name: &str) -> Option<String> {
        self.by_name(path, name, None, None).map(Object::reference)
    }

    fn by_uuid(&self, path: &str, uuid: &str) -> Option<&Object> {
        let object = self.projection.get(path, uuid)?;
        let reachable = self.any_tenant || object.tenant == self.tenant || object.tenant == ADMIN;
        reachable.then_some(object)
    }

    fn by_query(&self, path: &str, query: &str) -> Option<&Object> {
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        let value_of = |keys: &[&str]| pairs().find(|(key, _)| keys.contains(key)).map(|(_, value)| value);
        let named = |path: &str, keys: &[&str]| {
            let readings = readings(value_of(keys)?);
            readings.iter().find_map(|name| self.projection.by_name(path, self.tenant, None, name)).map(|o| &o.uuid)
        };
        let cloud = named("cloud", &["cloud_ref.name", "cloud"])
            .map(String::as_str)
            .or_else(|| value_of(&["cloud_ref.uuid", "cloud_uuid"]));
        let tenant = named("tenant", &["tenant_ref.name", "tenant"])
            .map(String::as_str)
            .or_else(|| value_of(&["tenant_ref.uuid", "tenant_uuid"]));
        if let Some(uuid) = value_of(&["uuid"]) {
            return self.by_uuid(path, uuid);
        }
        readings(value_of(&["name"])?).iter().find_map(|name| self.by_name(path, name, cloud, tenant))
    }

    fn by_name(&self, path: &str, name: &str, cloud: Option<&str>, tenant: Option<&str>) -> Option<&Object> {
        let is_cloud_scoped = self.projection.types().get(path).is_some_and(|schema| schema.scope.is_in_cloud());
        let cloud = cloud.or(self.cloud.as_deref()).filter(|_| is_cloud_scoped);
        let found = self.projection.by_name(path, tenant.unwrap_or(self.tenant), cloud, name)?;
        self.by_uuid(path, &found.uuid)
    }
}

/// Text as it came, percent-decoded, and form-decoded: clients send names in each of these ways, and a name may
/// itself hold a `+` or a `%`.
fn readings(text: &str) -> Vec<String> {
    let mut readings = vec![text.to_owned()];
    for candidate in [percent_decode(text), percent_decode(&text.replace('+', " "))].into_iter().flatten() {
        if !readings.contains(&candidate) {
            readings.push(candidate);
        }
    }
    readings
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn parse(text: &str) -> Option<Target<'_>> {
    let whole = text.trim().split('#').next()?;
    let has_host = whole.starts_with("https://") || whole.starts_with("http://");
    let local = if has_host { whole.split_once("://")?.1.split_once('/')?.1 } else { whole };
    let Some(rest) = local.trim_start_matches('/').strip_prefix("api/") else {
        return (!has_host && !whole.is_empty()).then_some(Target::Bare(whole));
    };
    let rest = rest.trim_start_matches('/');
    if let Some((path, query)) = rest.split_once('?') {
        return Some(Target::Query { path: path.trim_end_matches('/'), query });
    }
    let (path, uuid) = rest.trim_end_matches('/').split_once('/')?;
    (!uuid.is_empty()).then_some(Target::Uuid { path, uuid })
}

fn collect_value(kind: &Kind, value: &Value, into: &mut BTreeSet<String>) {
    match (kind, value) {
        (Kind::Ref(_), Value::String(text)) if parse_stored(text).is_some() => {
            into.insert(text.clone());
        }
        (Kind::Message(message), Value::Object(body)) => collect(message, body, into),
        (Kind::List { of, .. }, Value::Array(elements)) => {
            for element in elements {
                collect_value(of, element, into);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Target<'_>>) {
        assert_eq!(parse(text), expected, "{text}");
    }

    #[test]
    fn every_form_that_clients_send_is_understood() {
        let uuid = || Some(Target::Uuid { path: "pool", uuid: "pool-1" });
        check("https://10.0.0.1/api/pool/pool-1", uuid());
        check("https://10.0.0.1/api/pool/pool-1#a/b c", uuid());
        check("https://10.0.0.1//api/pool/pool-1", uuid());
        check("/api/pool/pool-1", uuid());
        check("api/pool/pool-1#x", uuid());
        check("/api/pool/pool-1/", uuid());
        check("/api/pool?name=a/b", Some(Target::Query { path: "pool", query: "name=a/b" }));
        check("/api/pool/?name=a&cloud=c", Some(Target::Query { path: "pool", query: "name=a&cloud=c" }));
        check("https://x/api/tenant/?name=admin", Some(Target::Query { path: "tenant", query: "name=admin" }));
        check("pool-1", Some(Target::Bare("pool-1")));
        check("a/b", Some(Target::Bare("a/b")));
        check("/api/pool/", None);
        check("https://x", None);
        check("", None);
    }

    #[test]
    fn a_name_is_read_raw_before_it_is_decoded() {
        assert_eq!(readings("a+b"), ["a+b", "a b"]);
        assert_eq!(readings("a%2Fb"), ["a%2Fb", "a/b"]);
        assert_eq!(readings("100%"), ["100%"]);
        assert_eq!(readings("plain"), ["plain"]);
    }
}
