//! Takes over what tasks found out and did.

use std::sync::Arc;

use ako_translate::{Site, asked_for_by};
use avi_client::{AviError, ErrorClass, chain};
use serde_json::Value;
use tokio::time::Instant;

use super::Operator;
use crate::AkoEvent;
use crate::instructions::Instructions;
use crate::reading::{ADDRESS_WAIT, ReadError, Reading};
use crate::writer::Written;

impl Operator {
    pub(super) fn have_read(
        &mut self,
        instructions: &Arc<Instructions>,
        result: Result<Reading, ReadError>,
        now: Instant,
    ) {
        if self.instructions.as_ref() != Some(instructions) {
            return self.link.drop_reading();
        }
        let reading = match result {
            Ok(reading) => reading,
            Err(error) => return self.cannot_read(&error, now),
        };
        let refresh = if reading.held.has_all_addresses() { instructions.full_sync } else { ADDRESS_WAIT };
        if self.link.up(now, refresh) {
            self.teller.tell(AkoEvent::ControllerBack);
        }
        let site = Site::new(instructions.settings.clone(), reading.cloud);
        let before = std::mem::replace(&mut self.held, reading.held);
        match &self.site {
            Some(known) if **known == site => self.held.remember(&before),
            // Other bodies: only their checksums tell.
            _ => {
                if self.site.as_ref().is_some_and(|known| known.user == site.user) {
                    self.held.remember(&before);
                    self.held.doubt();
                } else {
                    // Another name: nothing of what there was is ours any more, empty parents among it.
                    self.outcome = None;
                    self.empty_parents.clear();
                }
                self.site = Some(Arc::new(site));
                self.is_synced_told = false;
                self.writes_before = self.teller.counts().read().0;
            }
        }
        self.client = Some(reading.client);
        self.routes.vrf = reading.vrf;
        self.labelled_group = reading.labelled_group;
    }

    fn cannot_read(&mut self, error: &ReadError, now: Instant) {
        let kind = match error {
            ReadError::Call(AviError::InvalidCredentials { .. }) => "credentials",
            ReadError::Call(error) if error.class() == ErrorClass::Transport => "transport",
            ReadError::Call(_) => "answer",
            ReadError::Client(_) => "client",
            ReadError::NotUp(_) => "state",
            ReadError::Mismatch(_) => "settings",
        };
        if self.link.away(now, kind) {
            self.teller.tell(AkoEvent::ControllerAway { reason: chain(error) });
        }
    }

    /// Takes over what became of a write; says whether another look has to follow: it failed, or something else is wanted
    /// from the object by now.
    pub(super) fn have_written(&mut self, written: Written, now: Instant) -> bool {
        let Written { step, effect, failure } = written;
        match effect {
            Some(Some(object)) => self.held.insert(step.key.clone(), object),
            Some(None) => self.held.remove(&step.key),
            None => {}
        }
        let Some(failure) = failure else {
            // An address that came with it can be shown.
            return self.work.succeeded(&step.key) || step.key.kind == ako_translate::ObjectType::ChildVirtualService;
        };
        if is_about_the_link(failure.class, failure.status) {
            self.work.interrupted(&step.key);
            self.lose_link(failure.class, &failure.reason, now);
        } else if self.work.failed(&step, &failure, now) {
            let of = match (&step.unit, &self.outcome) {
                (Some(unit), Some(outcome)) => asked_for_by(&self.cluster.said().index, outcome, unit),
                _ => "left by an earlier run".to_owned(),
            };
            let (kind, name) = (step.key.kind.path(), step.key.name);
            self.teller.tell(AkoEvent::NotWritten { kind, name, of, reason: failure.reason });
        }
        true
    }

    pub(super) fn have_written_routes(&mut self, result: Result<Value, AviError>, now: Instant) {
        self.routes.is_busy = false;
        self.teller.counts().count(result.is_ok());
        match result {
            Ok(vrf) => {
                self.routes.vrf = Some(vrf);
                self.routes.back_off.reset();
                self.routes.told = None;
            }
            Err(error) if is_about_the_link(error.class(), error.status()) => {
                self.lose_link(error.class(), &chain(&error), now);
            }
            Err(error) => {
                self.routes.until = Some(now + self.routes.back_off.next());
                let reason = chain(&error);
                if self.routes.told.as_ref() != Some(&reason) {
                    let name = "routes to the nodes".to_owned();
                    self.teller.tell(AkoEvent::NotWritten {
                        kind: "vrfcontext",
                        name,
                        of: "nodes".to_owned(),
                        reason: reason.clone(),
                    });
                }
                self.routes.told = Some(reason);
            }
        }
    }

    pub(super) fn have_removed_label(&mut self, result: Result<(), AviError>, now: Instant) {
        self.teller.counts().count(result.is_ok());
        if let Err(error) = result {
            let reason = chain(&error);
            tracing::warn!(
                cluster = self.source.cluster(),
                reason,
                "the label of the service engine group cannot be removed"
            );
            self.link.restart(now);
        }
    }

    fn lose_link(&mut self, class: ErrorClass, reason: &str, now: Instant) {
        self.work.clear();
        let kind = match class {
            ErrorClass::InvalidCredentials => "credentials",
            ErrorClass::Transport => "transport",
            _ => "answer",
        };
        if self.link.away(now, kind) {
            self.teller.tell(AkoEvent::ControllerAway { reason: reason.to_owned() });
        }
    }
}

/// Whether a failure says that no other call would fare better.
fn is_about_the_link(class: ErrorClass, status: Option<u16>) -> bool {
    match class {
        ErrorClass::Transport | ErrorClass::InvalidCredentials | ErrorClass::Unauthorized | ErrorClass::NotLeader => {
            true
        }
        ErrorClass::Unavailable | ErrorClass::Other => matches!(status, Some(502..=504)),
        _ => false,
    }
}
