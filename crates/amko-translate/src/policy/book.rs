//! Which policy is in force, over time.
//!
//! ```text
//!            valid policy                     invalid update
//!   Nothing --------------> InForce(policy) -----------------> InForce(policy as it was last valid)
//!      ^                        |   ^  |
//!      |        policy deleted  |   |  | valid update
//!      +------------------------+   +--+
//! ```
//!
//! A policy that was never valid since the start leaves everything as it is: [`InForce::Unknown`]. So does one that may
//! exist in a file which cannot be read.

use k8s_crds::GlobalDeploymentPolicy;

use super::{Policy, PolicyError, validate};
use crate::{Config, ControllerView, Index, NAMESPACE, selection};

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum InForce {
    /// Not known: nothing may be written or deleted on the strength of it.
    #[default]
    Unknown,
    /// There is no policy: nothing is selected.
    Nothing,
    /// This one.
    Policy(Box<Policy>),
}

/// Remembers which policy is in force.
#[derive(Debug, Clone, Default)]
pub struct PolicyBook {
    in_force: InForce,
}

/// Result of examining the policies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// Name and `status.errorStatus` of each policy in `avi-system`: `success` or the text of its error.
    pub statuses: Vec<(String, String)>,
}

/// `status.errorStatus` of a valid policy.
const SUCCESS: &str = "success";

impl PolicyBook {
    /// What is in force.
    #[must_use]
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// Tenant in which objects named by a policy are looked for: that of `avi-system` in the leader cluster.
    #[must_use]
    pub fn lookup_tenant(index: &Index, config: &Config) -> String {
        selection::namespace_tenant(index, index.leader(), NAMESPACE).unwrap_or_else(|| config.tenant.clone())
    }

    /// Examines all policies and settles which is in force. What they name has to be in `view` by now, see
    /// [`lookups`](super::lookups).
    pub fn review(&mut self, index: &Index, config: &Config, view: &ControllerView) -> Review {
        let tenant = Self::lookup_tenant(index, config);
        let ranked = self.ranked(index);
        let current = match &self.in_force {
            InForce::Policy(policy) => {
                ranked.iter().find(|object| name(object) == policy.name).map(|object| name(object))
            }
            InForce::Unknown | InForce::Nothing => None,
        };
        if current.is_none()
            && (self.in_force != InForce::Unknown || index.is_settled(index.leader()) && ranked.is_empty())
        {
            self.in_force = InForce::Nothing;
        }
        let mut review = Review::default();
        let mut is_taken = false;
        for object in ranked {
            let text = if is_taken {
                PolicyError::Another.to_string()
            } else {
                is_taken = current.as_ref() == Some(&name(object));
                match validate(object, &config.clusters, &tenant, view) {
                    Ok(policy) => {
                        is_taken = true;
                        self.in_force = InForce::Policy(Box::new(policy));
                        SUCCESS.to_owned()
                    }
                    Err(error) => error.to_string(),
                }
            };
            review.statuses.push((name(object), text));
        }
        review
    }

    /// Order of preference: the one in force, one that was valid before, the oldest, the first by name.
    fn ranked<'a>(&self, index: &'a Index) -> Vec<&'a GlobalDeploymentPolicy> {
        let mut all: Vec<_> = index.policies().collect();
        all.sort_by_cached_key(|object| {
            let is_current = matches!(&self.in_force, InForce::Policy(policy) if policy.name == name(object));
            let was_valid = object.status.as_ref().is_some_and(|status| status.error_status == SUCCESS);
            let created = object.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (!is_current, !was_valid, created.is_none(), created, name(object))
        });
        all
    }
}

fn name(object: &GlobalDeploymentPolicy) -> String {
    object.metadata.name.clone().unwrap_or_default()
}
