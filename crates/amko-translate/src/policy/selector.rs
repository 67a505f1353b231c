//! Which labels a policy asks for: the one `label` of amko 2.2 and, beyond it, `matchLabels` and `matchExpressions`
//! with the meaning that they have all over Kubernetes (amko 12 line 13).
//!
//! A `label` with several entries selects nothing, as in the original, and so is refused beside the others: whoever
//! wrote it means more than it says.

use std::collections::BTreeMap;
use std::fmt;

use k8s_crds::{LabelRequirement, LabelSelector};

/// Characters of a name or value at most (Kubernetes: "Labels and Selectors").
const PART_MAX: usize = 63;
/// Characters of the domain before the slash of a key at most.
const DOMAIN_MAX: usize = 253;

/// All of these have to hold of a set of labels. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

/// What has to hold of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// The label is there, with this value.
    Is {
        /// Key.
        key: String,
        /// Value.
        value: String,
    },
    /// It is there, with one of these values.
    In {
        /// Key.
        key: String,
        /// Values.
        values: Vec<String>,
    },
    /// It has none of these values; perhaps it is not there.
    NotIn {
        /// Key.
        key: String,
        /// Values.
        values: Vec<String>,
    },
    /// It is there.
    Exists {
        /// Key.
        key: String,
    },
    /// It is not there.
    DoesNotExist {
        /// Key.
        key: String,
    },
}

/// Why a selector is invalid. The field that it is about stands before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each text says what its variant is")]
pub enum SelectorError {
    #[error(
        "label with {0} entries selects nothing, and does not go with matchLabels or matchExpressions; move them to matchLabels"
    )]
    SeveralLabels(usize),
    #[error(
        "{field}: the key \"{key}\" is not valid; it is a name of at most 63 letters, digits, '-', '_' and '.', perhaps after a domain and a slash"
    )]
    Key { field: String, key: String },
    #[error("{field}: the value \"{value}\" of {key} is not valid; at most 63 letters, digits, '-', '_' and '.'")]
    Value { field: String, key: String, value: String },
    #[error("{field}: the operator \"{operator}\" is not one of In, NotIn, Exists, DoesNotExist")]
    Operator { field: String, operator: String },
    #[error("{field}: {operator} needs values")]
    NoValues { field: String, operator: String },
    #[error("{field}: {operator} takes no values")]
    Values { field: String, operator: String },
}

impl Selector {
    /// What a policy asks for; `None` when it asks for nothing that counts. The pairs of `label` are taken as they are.
    ///
    /// # Errors
    /// When it cannot mean anything.
    pub(super) fn parse(selector: &LabelSelector) -> Result<Option<Self>, SelectorError> {
        let is_full = !selector.match_labels.is_empty() || !selector.match_expressions.is_empty();
        let mut requirements = Vec::new();
        match selector.label.iter().next() {
            Some((key, value)) if selector.label.len() == 1 => requirements.push(is(key, value)),
            Some(_) if is_full => return Err(SelectorError::SeveralLabels(selector.label.len())),
            _ => {}
        }
        for (key, value) in &selector.match_labels {
            let field = "matchLabels".to_owned();
            check_key(&field, key)?;
            check_value(&field, key, value)?;
            requirements.push(is(key, value));
        }
        for (place, expression) in selector.match_expressions.iter().enumerate() {
            requirements.push(requirement(format!("matchExpressions[{place}]"), expression)?);
        }
        Ok((!requirements.is_empty()).then_some(Self(requirements)))
    }

    /// What of it does not hold of these labels first; `None` when all of it does.
    #[must_use]
    pub fn unmet(&self, labels: Option<&BTreeMap<String, String>>) -> Option<&Requirement> {
        self.unmet_of(&|key| labels?.get(key).map(String::as_str))
    }

    /// The same, of labels that are looked up.
    pub(crate) fn unmet_of<'l>(&self, value: &dyn Fn(&str) -> Option<&'l str>) -> Option<&Requirement> {
        let is_among = |key: &str, values: &[String]| value(key).is_some_and(|it| values.iter().any(|v| v == it));
        self.0.iter().find(|requirement| !match requirement {
            Requirement::Is { key, value: wanted } => value(key) == Some(wanted),
            Requirement::In { key, values } => is_among(key, values),
            Requirement::NotIn { key, values } => !is_among(key, values),
            Requirement::Exists { key } => value(key).is_some(),
            Requirement::DoesNotExist { key } => value(key).is_none(),
        })
    }

    /// All that has to hold; never empty.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Key and value, where it asks for that one label alone.
    #[must_use]
    pub fn pair(&self) -> Option<(&str, &str)> {
        match &self.0[..] {
            [Requirement::Is { key, value }] => Some((key, value)),
            _ => None,
        }
    }
}

impl Requirement {
    /// What an object lacks that does not meet it: `lacks the label app=gslb`.
    #[must_use]
    pub fn lack(&self) -> String {
        match self {
            Self::Is { key, value } => format!("lacks the label {key}={value}"),
            Self::Exists { key } => format!("lacks the label {key}"),
            Self::DoesNotExist { key } => format!("has the label {key}, which is excluded"),
            Self::In { .. } | Self::NotIn { .. } => format!("does not satisfy {self}"),
        }
    }
}

/// As `kubectl get --selector` takes it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is { key, value } => write!(f, "{key}={value}"),
            Self::In { key, values } => write!(f, "{key} in ({})", values.join(",")),
            Self::NotIn { key, values } => write!(f, "{key} notin ({})", values.join(",")),
            Self::Exists { key } => write!(f, "{key}"),
            Self::DoesNotExist { key } => write!(f, "!{key}"),
        }
    }
}

/// As `kubectl get --selector` takes it.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, requirement) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

fn is(key: &str, value: &str) -> Requirement {
    Requirement::Is { key: key.to_owned(), value: value.to_owned() }
}

fn requirement(field: String, expression: &LabelRequirement) -> Result<Requirement, SelectorError> {
    let LabelRequirement { key, operator, values } = expression;
    check_key(&field, key)?;
    values.iter().try_for_each(|value| check_value(&field, key, value))?;
    let (key, values, operator) = (key.clone(), values.clone(), operator.clone());
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => Err(SelectorError::NoValues { field, operator }),
        "In" => Ok(Requirement::In { key, values }),
        "NotIn" => Ok(Requirement::NotIn { key, values }),
        "Exists" | "DoesNotExist" if !values.is_empty() => Err(SelectorError::Values { field, operator }),
        "Exists" => Ok(Requirement::Exists { key }),
        "DoesNotExist" => Ok(Requirement::DoesNotExist { key }),
        _ => Err(SelectorError::Operator { field, operator }),
    }
}

/// A key that no object can have would never match, and nobody would know why.
fn check_key(field: &str, key: &str) -> Result<(), SelectorError> {
    let (domain, name) = key.split_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    let is_domain = |domain: &str| domain.len() <= DOMAIN_MAX && domain.split('.').all(is_part);
    match is_part(name) && domain.is_none_or(is_domain) {
        true => Ok(()),
        false => Err(SelectorError::Key { field: field.to_owned(), key: key.to_owned() }),
    }
}

fn check_value(field: &str, key: &str, value: &str) -> Result<(), SelectorError> {
    match value.is_empty() || is_part(value) {
        true => Ok(()),
        false => Err(SelectorError::Value { field: field.to_owned(), key: key.to_owned(), value: value.to_owned() }),
    }
}

/// Letters and digits at both ends; between them dashes, underscores and dots too.
fn is_part(text: &str) -> bool {
    let is_end = |end: Option<char>| end.is_some_and(|end| end.is_ascii_alphanumeric());
    let is_inner = |inner: char| inner.is_ascii_alphanumeric() || matches!(inner, '-' | '_' | '.');
    text.len() <= PART_MAX && is_end(text.chars().next()) && is_end(text.chars().last()) && text.chars().all(is_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(selector: Value) -> Result<Option<Selector>, SelectorError> {
        Selector::parse(&serde_json::from_value(selector).unwrap())
    }

    #[track_caller]
    fn check(selector: Value, labels: &[(&str, &str)], unmet: &str) {
        let selector = parse(selector).unwrap().unwrap();
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(selector.unmet(Some(&labels)).map(Requirement::lack).unwrap_or_default(), unmet);
    }

    #[test]
    fn each_operator_means_what_it_means_in_kubernetes() {
        let expression = |operator: &str| json!({"matchExpressions": [{"key": "env", "operator": operator}]});
        let of = |operator: &str| json!({"matchExpressions": [{"key": "env", "operator": operator, "values": ["prod", "qa"]}]});
        check(of("In"), &[("env", "qa")], "");
        check(of("In"), &[("env", "dev")], "does not satisfy env in (prod,qa)");
        check(of("In"), &[], "does not satisfy env in (prod,qa)");
        check(of("NotIn"), &[("env", "dev")], "");
        check(of("NotIn"), &[], "");
        check(of("NotIn"), &[("env", "prod")], "does not satisfy env notin (prod,qa)");
        check(expression("Exists"), &[("env", "")], "");
        check(expression("Exists"), &[("other", "")], "lacks the label env");
        check(expression("DoesNotExist"), &[("other", "")], "");
        check(expression("DoesNotExist"), &[("env", "x")], "has the label env, which is excluded");
    }

    #[test]
    fn all_of_a_selector_has_to_hold() {
        let selector = json!({
            "label": {"app": "gslb"},
            "matchLabels": {"example.com/tier": "", "env": "prod"},
            "matchExpressions": [{"key": "hidden", "operator": "DoesNotExist"}],
        });
        let labels = [("app", "gslb"), ("example.com/tier", ""), ("env", "prod")];
        check(selector.clone(), &labels, "");
        check(selector.clone(), &labels[1..], "lacks the label app=gslb");
        check(selector.clone(), &labels[..2], "lacks the label env=prod");
        check(selector.clone(), &[&labels[..], &[("hidden", "")]].concat(), "has the label hidden, which is excluded");
        let shown = parse(selector).unwrap().unwrap();
        assert_eq!(shown.to_string(), "app=gslb,env=prod,example.com/tier=,!hidden");
        assert_eq!((shown.pair(), shown.unmet(None).is_some()), (None, true));
        assert_eq!(parse(json!({"matchLabels": {"a": "b"}})).unwrap().unwrap().pair(), Some(("a", "b")));
    }

    #[test]
    fn what_asks_for_nothing_is_no_selector() {
        for empty in [
            json!({}),
            json!({"label": {}}),
            json!({"label": {"a": "b", "c": "d"}}),
            json!({"matchLabels": {}, "matchExpressions": []}),
        ] {
            assert_eq!(parse(empty), Ok(None));
        }
    }

    #[test]
    fn what_cannot_mean_anything_is_told_with_its_field() {
        let long = "x".repeat(64);
        let expression = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
        for (selector, expected) in [
            (json!({"label": {"a": "b", "c": "d"}, "matchLabels": {"e": "f"}}), "label with 2 entries"),
            (json!({"matchLabels": {"": "b"}}), "matchLabels: the key \"\""),
            (json!({"matchLabels": {"-a": "b"}}), "matchLabels: the key \"-a\""),
            (json!({"matchLabels": {"a/b/c": "b"}}), "matchLabels: the key \"a/b/c\""),
            (json!({"matchLabels": {"/b": "b"}}), "matchLabels: the key \"/b\""),
            (json!({"matchLabels": {"a": "b c"}}), "matchLabels: the value \"b c\" of a"),
            (json!({"matchLabels": {"a": long}}), "matchLabels: the value"),
            (expression("in", &["b"]), "matchExpressions[0]: the operator \"in\""),
            (expression("In", &[]), "matchExpressions[0]: In needs values"),
            (expression("NotIn", &[]), "matchExpressions[0]: NotIn needs values"),
            (expression("Exists", &["b"]), "matchExpressions[0]: Exists takes no values"),
            (expression("In", &["ä"]), "matchExpressions[0]: the value \"ä\" of a"),
        ] {
            let error = parse(selector).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
