//! Whether the controller is reached (amko 8.1; the form of errors is that of ako 9).

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::AmkoEvent;

/// Errors that are kept, the newest.
const ERRORS_MAX: usize = 10;

/// What is known about the controller.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// Whether it was ever reached since the start.
    has_contact: bool,
    is_away: bool,
    errors: VecDeque<(Timestamp, String)>,
}

impl Status {
    /// Another operator took over, which knows nothing yet.
    pub(super) fn begin(&mut self) {
        self.is_away = false;
    }

    pub(super) fn contact(&mut self, has_contact: bool) {
        self.has_contact |= has_contact;
    }

    pub(super) fn note(&mut self, event: &AmkoEvent, now: Timestamp) {
        match event {
            AmkoEvent::ControllerAway { reason } => {
                self.is_away = true;
                if self.errors.len() == ERRORS_MAX {
                    self.errors.pop_front();
                }
                self.errors.push_back((now, reason.clone()));
            }
            AmkoEvent::ControllerBack | AmkoEvent::Synced { .. } => {
                self.is_away = false;
                self.has_contact = true;
            }
            _ => {}
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let connection = match (self.is_away, self.has_contact) {
            (true, _) => "DISCONNECTED",
            (false, true) => "CONNECTED",
            (false, false) => "INITIATING",
        };
        let errors = self.errors.iter().map(|(at, error)| json!({"error": error, "timestamp": at.to_string()}));
        json!({"avi_api": {"connection_status": connection, "errors": errors.collect::<Vec<_>>()}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(status: &Status) -> Value {
        status.to_json()["avi_api"]["connection_status"].clone()
    }

    #[test]
    fn the_newest_errors_are_kept_and_the_controller_may_come_back() {
        let mut status = Status::default();
        assert_eq!(status.to_json(), json!({"avi_api": {"connection_status": "INITIATING", "errors": []}}));
        status.contact(true);
        assert_eq!(connection(&status), "CONNECTED");
        for second in 0..12 {
            let event = AmkoEvent::ControllerAway { reason: format!("refused {second}") };
            status.note(&event, Timestamp::from_second(second).unwrap());
        }
        assert_eq!(connection(&status), "DISCONNECTED");
        let errors = &status.to_json()["avi_api"]["errors"];
        assert_eq!(errors.as_array().unwrap().len(), ERRORS_MAX);
        assert_eq!(errors[9], json!({"error": "refused 11", "timestamp": "1970-01-01T00:00:11Z"}));
        status.note(&AmkoEvent::ControllerBack, Timestamp::UNIX_EPOCH);
        assert_eq!(connection(&status), "CONNECTED");
    }
}
