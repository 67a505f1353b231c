//! Whether this operator may write: by itself, as leader of a federation, or not at present.

use std::sync::Arc;

use avi_client::Fence;
use lease_election::{Candidate, Leader};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// What this operator is in its federation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing is written before this is settled or put right.
    Waits {
        /// What is missing or wrong.
        reason: String,
    },
    /// Another one leads.
    Follows {
        /// Its context, where it is known.
        leader: Option<String>,
    },
    /// This one leads.
    Leads {
        /// Number of its term, where it was elected.
        term: Option<u64>,
    },
}

/// Where a role is set.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    role: Arc<watch::Sender<Role>>,
    /// Until when an elected leader may write. It moves on with every renewal, which wakes nobody.
    until: Arc<Mutex<Option<Instant>>>,
}

/// Says whether a write may begin.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    role: watch::Receiver<Role>,
    until: Arc<Mutex<Option<Instant>>>,
}

impl Roles {
    /// Nothing is settled yet.
    pub(crate) fn new() -> Self {
        let waits = Role::Waits { reason: "who leads is not settled yet".to_owned() };
        Self { role: Arc::new(watch::Sender::new(waits)), until: Arc::default() }
    }

    pub(crate) fn permit(&self) -> Permit {
        Permit { role: self.role.subscribe(), until: Arc::clone(&self.until) }
    }

    /// Sets what is not the outcome of an election.
    pub(crate) fn set(&self, role: Role) {
        *self.until.lock() = None;
        self.change(role);
    }

    /// Takes over how an election stands. `began` is the beginning of the candidate's clock.
    pub(crate) fn follow(&self, candidate: &Candidate, began: Instant, now: Instant) {
        let elapsed = now.saturating_duration_since(began);
        match candidate.mandate(elapsed) {
            Some(mandate) => {
                *self.until.lock() = Some(began + mandate.until);
                self.change(Role::Leads { term: Some(mandate.term) });
            }
            None => self.set(Role::Follows { leader: candidate.leader(elapsed).map(|leader| context(&leader)) }),
        }
    }

    fn change(&self, role: Role) {
        self.role.send_if_modified(|before| {
            let is_other = *before != role;
            if is_other {
                tell(before, &role);
                *before = role;
            }
            is_other
        });
    }
}

impl Permit {
    /// What this operator is.
    #[must_use]
    pub(crate) fn role(&self) -> Role {
        self.role.borrow().clone()
    }

    /// Whether a write may begin at `now`; the term that it is written in, where there is one.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check(&self, now: Instant) -> Result<Option<u64>, String> {
        match (&*self.role.borrow(), *self.until.lock()) {
            (Role::Leads { term: Some(term) }, Some(until)) if now < until => Ok(Some(*term)),
            (Role::Leads { term: None }, _) => Ok(None),
            (Role::Leads { term: Some(_) }, _) => {
                Err("the leases of this operator could not be renewed in time".to_owned())
            }
            (Role::Follows { leader: Some(leader) }, _) => Err(format!("the operator of cluster {leader} leads")),
            (Role::Follows { leader: None }, _) => Err("this operator does not lead".to_owned()),
            (Role::Waits { reason }, _) => Err(reason.clone()),
        }
    }

    /// As a client of the controller asks it.
    pub(crate) fn fence(self) -> Fence {
        Fence::new(move || self.check(Instant::now()))
    }

    /// Waits for another role. Never ready again when no role will be set any more.
    pub(crate) async fn changed(&mut self) {
        if self.role.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The context in the name of a candidate.
pub(crate) fn context(leader: &Leader) -> String {
    let name = &leader.holder;
    name.rsplit_once('/').map_or(name.as_str(), |(context, _)| context).to_owned()
}

fn tell(from: &Role, to: &Role) {
    match to {
        Role::Leads { term: Some(term) } => {
            tracing::info!(term, reason = "it holds a majority of the leases", "this operator leads")
        }
        Role::Leads { term: None } => tracing::info!(reason = "its AMKOCluster says so", "this operator leads"),
        Role::Follows { leader } => {
            let leader = leader.as_deref().unwrap_or("nobody yet");
            match from {
                Role::Leads { .. } => tracing::warn!(leader, "this operator leads no more"),
                _ => tracing::info!(leader, "this operator follows"),
            }
        }
        Role::Waits { reason } => tracing::error!(reason, "this operator may not lead, nothing is written"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_elected_leader_writes_until_its_time_is_over_whether_or_not_anybody_says_so() {
        let roles = Roles::new();
        let permit = roles.permit();
        let now = Instant::now();
        assert!(permit.check(now).unwrap_err().contains("not settled"));
        *roles.until.lock() = Some(now + Duration::from_secs(6));
        roles.change(Role::Leads { term: Some(7) });
        assert_eq!(permit.check(now + Duration::from_secs(5)), Ok(Some(7)));
        assert!(permit.check(now + Duration::from_secs(6)).unwrap_err().contains("in time"));
        roles.set(Role::Leads { term: None });
        assert_eq!(permit.check(now + Duration::from_secs(600)), Ok(None));
        roles.set(Role::Follows { leader: Some("s2".to_owned()) });
        assert_eq!(permit.check(now).unwrap_err(), "the operator of cluster s2 leads");
    }
}
