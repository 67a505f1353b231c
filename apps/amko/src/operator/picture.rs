//! What the operator shows of itself.

use reconcile::Observed;

use super::Operator;
use crate::ControllerLine;
use crate::api::{Picture, Question};
use crate::status::Health;

impl Operator {
    /// Answers with a copy, so that whoever asked takes its time.
    pub(super) fn answer(&self, question: Question) {
        let picture = Picture {
            index: self.clusters.picture(),
            config: self.config.clone(),
            outcome: self.outcome.clone(),
            health: self.health(),
            observed: if question.wants_observed { self.observed.clone() } else { Observed::default() },
        };
        // Who asked may have gone.
        drop(question.answer.send(picture));
    }

    fn health(&self) -> Health {
        let is_usable = self.link.is_up();
        Health {
            controller: ControllerLine {
                address: self.target.url().to_owned(),
                site: self.target.elsewhere().map(|place| place.site.clone()),
                is_usable,
                trouble: self.trouble.clone().filter(|_| !is_usable),
            },
            is_synced: self.is_synced(),
            readable: self.readable(),
            reach: self.clusters.reach(),
            failing: self.work.failing(),
        }
    }
}
