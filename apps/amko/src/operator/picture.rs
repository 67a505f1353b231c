//! What the operator shows of itself.

use reconcile::Observed;

use super::Operator;
use crate::api::{Picture, Question};

impl Operator {
    /// Answers with a copy, so that whoever asked takes its time.
    pub(super) fn answer(&self, question: Question) {
        let picture = Picture {
            index: self.clusters.picture(),
            config: self.config.clone(),
            outcome: self.outcome.clone(),
            observed: if question.wants_observed { self.observed.clone() } else { Observed::default() },
        };
        // Who asked may have gone.
        drop(question.answer.send(picture));
    }
}
