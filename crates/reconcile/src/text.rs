//! A plan as text: one line per write, with what differs below it.

use std::fmt;

use crate::plan::{Action, Conflict, Plan, Step};

impl Action {
    /// One word for it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Adopt { .. } => "adopt",
            Self::Detach { .. } => "detach",
            Self::Delete { .. } => "delete",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action.verb(), self.key)?;
        match &self.action {
            Action::Update { why, .. } => {
                for diff in why {
                    write!(f, "\n    {diff}")?;
                }
                Ok(())
            }
            Action::Adopt { from: Some(owner), .. } => write!(f, "\n    made by {owner}"),
            Action::Adopt { from: None, .. } => write!(f, "\n    made by nobody that it says"),
            Action::Create { .. } | Action::Detach { .. } | Action::Delete { .. } => Ok(()),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.as_deref().unwrap_or("somebody else");
        write!(f, "{} belongs to {owner}", self.key)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() && self.conflicts.is_empty() {
            return writeln!(f, "nothing to do");
        }
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        for conflict in &self.conflicts {
            writeln!(f, "leave {conflict}")?;
        }
        Ok(())
    }
}
