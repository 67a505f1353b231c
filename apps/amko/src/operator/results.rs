//! Takes over what tasks found out and did.

use std::collections::BTreeSet;

use amko_translate::{ControllerView, Identity, Lookup, NAMESPACE, NameBook, PublishedMonitor, PublishedService};
use avi_client::{AviError, ErrorClass};
use k8s_crds::Kind;
use k8s_watch::WriteBack;
use reconcile::{ObjectType, Owner, Ownership};
use tokio::time::Instant;

use super::look::{leader_object, owner};
use super::{LOOK_UP_AGAIN, Operator, Phase};
use crate::AmkoEvent;
use crate::reading::{ReadError, Reading, chain};
use crate::writer::{Failure, Written};

impl Operator {
    pub(super) fn have_read(&mut self, identity: &Identity, result: Result<Reading, ReadError>, now: Instant) {
        let reading = match result {
            Ok(reading) => reading,
            Err(error) => return self.cannot_read(&error, now),
        };
        let Some(config) = self.config.as_ref().filter(|_| self.identity.as_ref() == Some(identity)) else {
            return self.link.drop_reading();
        };
        if self.link.up(now, config.refresh_interval) {
            self.teller.tell(AmkoEvent::ControllerBack);
        }
        if let Some(leadership) = &reading.leadership {
            self.target.is_usable(leadership);
        }
        self.view = reading.view;
        self.absent.lookups.clear();
        let before = std::mem::take(&mut self.observed);
        let objects = reading.observed.objects.into_iter().map(|(key, object)| match before.objects.get(&key) {
            Some(known) => (key, object.known_as(known)),
            None => (key, object),
        });
        self.observed.objects = objects.collect();
        if self.published.is_none() {
            let (services, monitors) = self.published_by(&owner(identity));
            self.names = NameBook::new(&services);
            self.published = Some((services, monitors));
        }
    }

    fn cannot_read(&mut self, error: &ReadError, now: Instant) {
        let (kind, moves) = match error {
            ReadError::Connect(AviError::InvalidCredentials { .. }) => ("credentials", false),
            ReadError::Connect(error) if is_no_answer(error) => ("transport", true),
            ReadError::Connect(_) => ("answer", false),
            ReadError::Leader(_) => ("leader", false),
            ReadError::NotLeader(_) => ("follower", true),
        };
        let is_new = self.note_trouble(now, kind);
        if moves {
            let from = self.target.url().to_owned();
            let has_moved = match error {
                ReadError::NotLeader(leadership) => self.target.is_follower(leadership),
                _ => self.target.is_unreachable(),
            };
            if has_moved {
                let reason = match error {
                    ReadError::NotLeader(_) => format!("{from} follows another site"),
                    error => error.to_string(),
                };
                return self.go_on_elsewhere(&from, is_new, reason);
            }
        }
        if is_new {
            self.trouble = Some(error.to_string());
            self.teller.tell(AmkoEvent::ControllerAway { reason: error.to_string() });
        }
        let Some(config) = &self.config else { return };
        // Once accepted, it stays so while the controller is away; but a follower and wrong credentials are matters of
        // configuration.
        let is_misconfigured =
            matches!(error, ReadError::NotLeader(_) | ReadError::Connect(AviError::InvalidCredentials { .. }));
        if is_new && (self.phase == Phase::Starting || is_misconfigured) {
            let key = leader_object(Kind::GslbConfig, NAMESPACE, &config.name);
            let status = self.config_status(&error.to_string());
            self.statuses.write(&key, WriteBack::Status(status));
            self.phase = Phase::Starting;
        }
    }

    /// What the controller has of ours, in the form from which members are held.
    fn published_by(&self, owner: &Owner) -> (Vec<PublishedService>, Vec<PublishedMonitor>) {
        let ours = |kind: ObjectType| {
            let objects = self.observed.objects.iter();
            objects.filter(move |(key, object)| key.kind == kind && owner.ownership(kind, object) == Ownership::Ours)
        };
        let services = ours(ObjectType::GslbService);
        let monitors = ours(ObjectType::HealthMonitor);
        (
            services.map(|(key, object)| PublishedService::from_body(&key.tenant, &object.body())).collect(),
            monitors.filter_map(|(key, object)| PublishedMonitor::from_body(&key.tenant, &object.body())).collect(),
        )
    }

    pub(super) fn have_looked_up(
        &mut self,
        view: ControllerView,
        asked: Vec<(String, Lookup)>,
        error: Option<AviError>,
        now: Instant,
    ) {
        self.is_looking_up = false;
        let has_failed = error.is_some();
        if let Some(error) = error {
            if is_about_the_link(error.class(), error.status()) {
                return self.lose_link(error.class(), &chain(&error), now);
            }
            tracing::warn!(reason = chain(&error), "an object that a policy names cannot be looked up");
        }
        self.view = view;
        let absent = asked.into_iter().filter(|(tenant, lookup)| !self.view.answers(tenant, lookup));
        let absent: BTreeSet<_> = absent.collect();
        self.absent.doubtful = if has_failed { absent.clone() } else { BTreeSet::new() };
        self.absent.lookups.extend(absent);
        if !self.absent.lookups.is_empty() {
            self.absent.again_at = Some(now + LOOK_UP_AGAIN);
        }
    }

    /// Takes over what a unit's task did; says whether another look has to follow: it failed, or something else is wanted
    /// from the unit by now.
    pub(super) fn have_written(&mut self, written: Written, now: Instant) -> bool {
        for (key, object) in written.effects {
            match object {
                Some(mut object) => {
                    object.share_sent(&mut self.shapes);
                    self.observed.objects.insert(key, object);
                }
                None => drop(self.observed.objects.remove(&key)),
            }
        }
        let Some(failure) = written.failure else {
            return self.work.succeeded(&written.unit);
        };
        self.work.interrupted(&written.unit, written.why);
        if is_about_the_link(failure.class, failure.status) {
            self.lose_link(failure.class, &failure.reason, now);
        } else if self.work.failed(&written.unit, written.steps, &failure, now) {
            let Failure { kind, name, reason, .. } = failure;
            self.teller.tell(AmkoEvent::NotWritten { kind, name, reason });
        }
        true
    }

    pub(super) fn lose_link(&mut self, class: ErrorClass, reason: &str, now: Instant) {
        self.work.clear();
        let kind = match class {
            ErrorClass::InvalidCredentials => "credentials",
            ErrorClass::Transport => "transport",
            ErrorClass::NotLeader => "follower",
            _ => "answer",
        };
        if self.note_trouble(now, kind) {
            self.trouble = Some(reason.to_owned());
            self.teller.tell(AmkoEvent::ControllerAway { reason: reason.to_owned() });
        }
        let state = match class {
            ErrorClass::NotLeader => "Config Operations can be done ONLY on leader".to_owned(),
            ErrorClass::InvalidCredentials => format!("error: issue in connecting to the controller API, {reason}"),
            _ => return,
        };
        if let Some(config) = &self.config {
            let key = leader_object(Kind::GslbConfig, NAMESPACE, &config.name);
            let status = self.config_status(&state);
            self.statuses.write(&key, WriteBack::Status(status));
            self.phase = Phase::Starting;
        }
    }
}

/// Whether nothing that is a controller was there: no answer at all, or one of a proxy before it.
fn is_no_answer(error: &AviError) -> bool {
    error.class() == ErrorClass::Transport || matches!(error.status(), Some(502..=504))
}

/// Whether a failure says that no other call would fare better.
pub(super) fn is_about_the_link(class: ErrorClass, status: Option<u16>) -> bool {
    match class {
        ErrorClass::Transport | ErrorClass::InvalidCredentials | ErrorClass::Unauthorized | ErrorClass::NotLeader => {
            true
        }
        ErrorClass::Unavailable | ErrorClass::Other => matches!(status, Some(502..=504)),
        _ => false,
    }
}
