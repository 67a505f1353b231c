//! Aliases of services that rules claim and another service has (amko 4.3).

use amko_translate::Outcome;

use super::Operator;
use crate::AmkoEvent;

impl Operator {
    /// Tells of each claim once, as long as it is refused.
    pub(super) fn tell_refused_aliases(&self, outcome: &Outcome) {
        let before = self.outcome.as_ref().map(|before| before.aliases.refused.as_slice()).unwrap_or_default();
        for refused in outcome.aliases.refused.iter().filter(|refused| !before.contains(refused)) {
            self.teller.tell(AmkoEvent::AliasRefused { refused: refused.clone() });
        }
    }
}
