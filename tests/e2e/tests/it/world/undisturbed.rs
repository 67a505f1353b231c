//! What a controller and an operator make of the same clusters when nothing disturbs them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::{GSLB_CONFIGS, JSON, MERGE, POLICIES, World};

impl World {
    /// All that the operator has made, by type and name. References stand by name, and what tells one object or one
    /// moment from another is left out.
    pub(crate) fn made_by_operator(&self) -> BTreeMap<String, Value> {
        let mut made = self.made(&["gslbservice", "healthmonitor"]);
        made.retain(|_, object| object["created_by"].as_str().is_some_and(|by| by.starts_with("amko")));
        made
    }

    /// All objects of these types, likewise.
    pub(super) fn made(&self, kinds: &[&'static str]) -> BTreeMap<String, Value> {
        let objects: Vec<(&str, Value)> = kinds
            .iter()
            .flat_map(|kind| {
                let (status, body) = self.rest("GET", &format!("/api/{kind}?page_size=1000"), None);
                assert_eq!(status, 200, "{body}");
                body["results"].as_array().unwrap().iter().map(|object| (*kind, object.clone())).collect::<Vec<_>>()
            })
            .collect();
        let text = |object: &Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let (_, cluster) = self.rest("GET", "/api/cluster", None);
        let mut names: Vec<(String, String)> =
            objects.iter().map(|(kind, object)| (text(object, "uuid"), format!("{kind} {}", object["name"]))).collect();
        names.push((text(&cluster, "uuid"), "cluster".to_owned()));
        let made = objects.into_iter();
        made.map(|(kind, mut object)| {
            let key = format!("{kind} {}", object["name"]);
            let fields = object.as_object_mut().unwrap();
            fields.retain(|field, _| field != "_last_modified");
            // How often it was written.
            if let Some(attributes) = fields.get_mut("configpb_attributes").and_then(Value::as_object_mut) {
                attributes.remove("version");
            }
            name_references(&mut object, &names);
            (key, object)
        })
        .collect()
    }

    /// What the operator says to the clusters of its configuration and of the policy.
    pub(crate) fn statuses(&self) -> Vec<Value> {
        let paths = [format!("{GSLB_CONFIGS}/gc-1"), format!("{POLICIES}/global-gdp")];
        let objects = paths.map(|path| self.ask("s1az1", "GET", &path, JSON, ""));
        objects.map(|(_, text)| serde_json::from_str::<Value>(&text).unwrap()["status"].clone()).into()
    }

    /// Puts away what a controller and its engine know, so that both start as new.
    pub(super) fn forget_controller(&self) {
        for part in ["controller", "engine"] {
            fs::rename(self.path(part), self.path(&format!("{part}-before"))).unwrap();
        }
        fs::remove_file(self.path("engine.token")).unwrap_or_default();
    }

    /// Starts a controller, an engine and an operator that know nothing, in place of those that ran, which have to be
    /// stopped; waits until they have made everything.
    pub(crate) fn start_over(&mut self) {
        self.forget_controller();
        self.start_controller();
        self.set_up_gslb();
        self.join_engine();
        self.start_engine();
        let authority = fs::read_to_string(self.path("controller/ca.pem")).unwrap();
        let secret = json!({"stringData": {"password": self.password(), "certificateAuthorityData": authority}});
        let path = "/api/v1/namespaces/avi-system/secrets/gslb-avi-secret";
        self.kube("s1az1", "PATCH", path, MERGE, &secret.to_string());
        self.start_amko();
        self.wait_until_synced();
    }
}

/// Puts names in the place of identifiers, wherever they stand.
fn name_references(value: &mut Value, names: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (uuid, name) in names {
                *text = text.replace(uuid.as_str(), name);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| name_references(item, names)),
        Value::Object(fields) => fields.values_mut().for_each(|field| name_references(field, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
