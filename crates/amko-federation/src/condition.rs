//! What is said of each step, word for word (amko 9.4).

use k8s_crds::AmkoClusterCondition;

/// A step of a federation that has a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The own `AMKOCluster`.
    Validation,
    /// A client for each other cluster.
    Initialisation,
    /// The `AMKOCluster` of each other cluster.
    MemberValidation,
    /// Copies of the `GSLBConfig`.
    Config,
    /// Copies of the `GlobalDeploymentPolicy`.
    Policy,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    /// This cluster does not lead.
    NotLeader,
    /// Some members failed, for these reasons.
    Some(Vec<String>),
    /// Nothing more is done, for this reason.
    Hard(String),
}

impl Step {
    /// Its `type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "current AMKOCluster Validation",
            Self::Initialisation => "member cluster initialisation",
            Self::MemberValidation => "member cluster validation",
            Self::Config => "GSLBConfig Federation",
            Self::Policy => "GDP Federation",
        }
    }

    /// What is said of it.
    pub(crate) fn condition(self, outcome: &Outcome) -> AmkoClusterCondition {
        let reason = match outcome {
            Outcome::Success => String::new(),
            Outcome::NotLeader => "AMKO not a leader".to_owned(),
            Outcome::Some(reasons) => reasons.join(","),
            Outcome::Hard(reason) => reason.clone(),
        };
        AmkoClusterCondition { kind: self.as_str().to_owned(), status: self.status(outcome).to_owned(), reason }
    }

    fn status(self, outcome: &Outcome) -> &'static str {
        match (self, outcome) {
            (_, Outcome::NotLeader) => "won't federate objects",
            (Self::Validation, Outcome::Success) => "valid AMKOCluster object",
            (Self::Validation, _) => "invalid AMKOCluster object",
            (Self::Initialisation, Outcome::Success) => "all cluster clients fetched",
            (Self::Initialisation, Outcome::Some(_)) => "some member cluster clients couldn't be fetched",
            (Self::MemberValidation, Outcome::Success) => "validated all member clusters",
            (Self::MemberValidation, Outcome::Some(_)) => "error in validating some member clusters",
            (Self::Initialisation | Self::MemberValidation, Outcome::Hard(_)) => "member cluster clients invalid",
            (Self::Config | Self::Policy, Outcome::Success) => "federated to all valid clusters successfully",
            (Self::Config | Self::Policy, Outcome::Some(_)) => "error in federating to some clusters",
            (Self::Config | Self::Policy, Outcome::Hard(_)) => "failure in federation",
        }
    }
}

/// Takes the place of the condition of the same type, and of no other; a new one comes last.
pub fn replace(conditions: &mut Vec<AmkoClusterCondition>, condition: AmkoClusterCondition) {
    match conditions.iter_mut().find(|before| before.kind == condition.kind) {
        Some(before) => *before = condition,
        None => conditions.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A type that has no number cannot be asked for: the steps are an enum.
    // catalogue amko: 186
    #[test]
    fn a_condition_takes_the_place_of_its_own_type_alone_and_several_errors_are_joined() {
        let mut conditions = vec![Step::Validation.condition(&Outcome::Success)];
        let soft = Outcome::Some(vec!["one".to_owned(), "two".to_owned()]);
        replace(&mut conditions, Step::Config.condition(&soft));
        replace(&mut conditions, Step::Policy.condition(&Outcome::Hard("all".to_owned())));
        let shown = |conditions: &[AmkoClusterCondition]| {
            conditions.iter().map(|c| format!("{} / {} / {}", c.kind, c.status, c.reason)).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&conditions),
            [
                "current AMKOCluster Validation / valid AMKOCluster object / ",
                "GSLBConfig Federation / error in federating to some clusters / one,two",
                "GDP Federation / failure in federation / all",
            ]
        );
        let before = conditions.clone();
        replace(&mut conditions, Step::Config.condition(&Outcome::Success));
        assert_eq!(conditions[1].status, "federated to all valid clusters successfully");
        assert_eq!((&conditions[0], &conditions[2]), (&before[0], &before[2]));
    }
}
