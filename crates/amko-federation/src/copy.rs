//! What to write to a member so that it has the leader's objects of one kind, and no others (amko 9.3 steps 7 and 8).

use serde_json::{Map, Value, json};

/// Annotation of a `GSLBConfig` that goes with its `spec`.
const UUID_ANNOTATION: &str = "amko.vmware.com/amko-uuid";

/// A kind that is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Copied {
    /// `GSLBConfig`.
    Config,
    /// `GlobalDeploymentPolicy`.
    Policy,
}

/// One write to a member.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// An object that is not there.
    Create {
        /// Its name.
        name: String,
        /// All of it.
        body: Value,
    },
    /// An object that differs, as it is to be; it carries the resource version that it had.
    Replace {
        /// Its name.
        name: String,
        /// All of it.
        body: Value,
    },
    /// An object that the leader does not have.
    Delete {
        /// Its name.
        name: String,
    },
}

impl Copied {
    /// As the original calls it in its errors.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Config => "GSLBConfig",
            Self::Policy => "GlobalDeploymentPolicy",
        }
    }

    /// Objects of it, in a message about their list.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Config => "GSLBConfigs",
            Self::Policy => "GlobalDeploymentPolicies",
        }
    }

    /// What is said where the leader has several.
    pub(crate) fn several(self) -> String {
        format!(
            "more than one {} are present in the current cluster",
            match self {
                Self::Config => "GSLBConfig objects",
                Self::Policy => "GlobalDeploymentPolicies",
            }
        )
    }
}

/// What leads from what a member has to what the leader has. Neither is changed; where they are the same, nothing is
/// written.
#[must_use]
pub fn writes(kind: Copied, leader: Option<&Value>, member: &[Value]) -> Vec<Write> {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let extra = member.iter().filter(|object| leader.is_none_or(|leader| name(leader) != name(object)));
    let mut writes: Vec<Write> = extra.map(|object| Write::Delete { name: name(object) }).collect();
    let Some(leader) = leader else { return writes };
    match member.iter().find(|object| name(object) == name(leader)) {
        None => writes.push(Write::Create { name: name(leader), body: fresh(leader) }),
        Some(there) => {
            let body = updated(kind, leader, there);
            if body != *there {
                writes.push(Write::Replace { name: name(leader), body });
            }
        }
    }
    writes
}

/// A copy for a cluster that has none: `spec`, labels and annotations.
fn fresh(leader: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "labels", "annotations"] {
        if let Some(value) = leader["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    json!({
        "apiVersion": leader["apiVersion"], "kind": leader["kind"], "metadata": metadata, "spec": leader["spec"],
    })
}

/// The member's object with the leader's `spec`, and of a `GSLBConfig` the identity.
fn updated(kind: Copied, leader: &Value, there: &Value) -> Value {
    let mut body = there.clone();
    body["spec"] = leader["spec"].clone();
    let uuid = leader["metadata"]["annotations"].get(UUID_ANNOTATION);
    if let (Copied::Config, Some(uuid)) = (kind, uuid) {
        // There may be no annotations at all: the original crashes on that.
        if !body["metadata"]["annotations"].is_object() {
            body["metadata"]["annotations"] = json!({});
        }
        body["metadata"]["annotations"][UUID_ANNOTATION] = uuid.clone();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, interval: u64, annotations: Value) -> Value {
        json!({
            "apiVersion": "amko.vmware.com/v1alpha1", "kind": "GSLBConfig",
            "metadata": {
                "name": name, "namespace": "avi-system", "resourceVersion": "7", "uid": "u", "labels": {"l": "1"},
                "annotations": annotations
            },
            "spec": {"refreshInterval": interval}, "status": {"state": "success: gslb config accepted"}
        })
    }

    // catalogue amko: 178, 188
    #[test]
    fn a_copy_has_spec_identity_labels_and_annotations_and_nothing_of_its_cluster() {
        let leader = config("gc-1", 60, json!({UUID_ANNOTATION: "id", "other": "x"}));
        let before = leader.clone();
        let written = writes(Copied::Config, Some(&leader), &[]);
        let body = json!({
            "apiVersion": "amko.vmware.com/v1alpha1", "kind": "GSLBConfig",
            "metadata": {
                "name": "gc-1", "namespace": "avi-system", "labels": {"l": "1"},
                "annotations": {UUID_ANNOTATION: "id", "other": "x"}
            },
            "spec": {"refreshInterval": 60}
        });
        assert_eq!(written, [Write::Create { name: "gc-1".to_owned(), body }]);
        assert_eq!(leader, before);
    }

    // catalogue amko: 179
    #[test]
    fn a_change_goes_along_and_leaves_the_member_s_own_status_and_annotations() {
        let leader = config("gc-1", 60, json!({UUID_ANNOTATION: "id", "other": "x"}));
        for annotations in [json!({"mine": "y"}), Value::Null] {
            let there = config("gc-1", 30, annotations.clone());
            let written = writes(Copied::Config, Some(&leader), std::slice::from_ref(&there));
            let [Write::Replace { body, .. }] = &written[..] else { panic!("{written:?}") };
            assert_eq!(body["spec"]["refreshInterval"], 60);
            assert_eq!((&body["status"], &body["metadata"]["resourceVersion"]), (&there["status"], &json!("7")));
            let annotations = body["metadata"]["annotations"].as_object().unwrap();
            assert_eq!(annotations[UUID_ANNOTATION], "id");
            assert!(!annotations.contains_key("other"), "copied only when the object is created");
            assert_eq!(writes(Copied::Config, Some(&leader), std::slice::from_ref(body)), []);
        }
        // A policy's annotations are its own.
        let policy = config("gdp", 60, json!({UUID_ANNOTATION: "id"}));
        assert_eq!(writes(Copied::Policy, Some(&policy), &[config("gdp", 60, Value::Null)]), []);
    }

    // catalogue amko: 183, 184
    #[test]
    fn what_the_leader_does_not_have_is_deleted() {
        let leader = config("gc-1", 60, Value::Null);
        let extra = config("gc-2", 60, Value::Null);
        let deleted = |name: &str| Write::Delete { name: name.to_owned() };
        assert_eq!(writes(Copied::Config, Some(&leader), &[extra.clone(), leader.clone()]), [deleted("gc-2")]);
        assert_eq!(writes(Copied::Policy, None, &[extra, leader]), [deleted("gc-2"), deleted("gc-1")]);
    }
}
