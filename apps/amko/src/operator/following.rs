//! Uses the controller that is to be used: as configured, or where its leader is (amko 7.6, 12 lines 1, 3 and 4).

use std::time::Duration;

use amko_translate::Config;
use avi_client::{AviClient, chain};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Operator;
use crate::AmkoEvent;
use crate::event::OTHER_ADDRESS;

/// Longest pause between two tries while there is more than one address to try.
const SEARCH_WAIT_MAX: Duration = Duration::from_secs(5);

impl Operator {
    /// Uses other credentials or another address from now on; says whether anything changed.
    pub(super) fn reconfigure(&mut self, mut config: avi_client::Config) -> bool {
        config.user_agent = "AMKO".to_owned();
        let from = self.target.url().to_owned();
        if !self.target.configure(config) {
            return false;
        }
        let to = self.target.url().to_owned();
        self.teller.tell(if from == to {
            AmkoEvent::CredentialsChanged { controller: to }
        } else {
            AmkoEvent::ControllerMoved { from, to, reason: OTHER_ADDRESS.to_owned() }
        });
        self.renew_client(Instant::now());
        true
    }

    /// Follows what the `GSLBConfig` says about the controller, but for its address and credentials.
    pub(super) fn follow_config(&mut self, config: &Config, now: Instant) {
        let from = self.target.url().to_owned();
        let goes_back = self.target.set_follows(config.follows_leader);
        if goes_back {
            let to = self.target.url().to_owned();
            self.teller.tell(AmkoEvent::ControllerMoved {
                from,
                to,
                reason: "told not to follow the leader".to_owned(),
            });
        }
        if goes_back || self.api_version != config.api_version {
            self.api_version.clone_from(&config.api_version);
            self.renew_client(now);
        }
    }

    /// The controller in use cannot be used; says whether that is news.
    pub(super) fn note_trouble(&mut self, now: Instant, kind: &'static str) -> bool {
        if self.target.has_alternatives() {
            self.link.away_at_most(now, kind, SEARCH_WAIT_MAX);
        } else {
            self.link.away(now, kind);
        }
        self.target.is_news(kind)
    }

    /// The target is another address by now.
    pub(super) fn go_on_elsewhere(&mut self, from: &str, is_new: bool, reason: String) {
        self.trouble = Some(reason.clone());
        if is_new {
            let to = self.target.url().to_owned();
            self.teller.tell(AmkoEvent::ControllerMoved { from: from.to_owned(), to, reason });
        }
        self.make_client();
    }

    /// Status of the `GSLBConfig`: its state, and the controller in use where that is not the one it names.
    pub(super) fn config_status(&self, state: &str) -> Value {
        let place = self.target.elsewhere().map(|place| format!("{} (site {})", place.url, place.site));
        json!({"state": state, "controller": place})
    }

    fn renew_client(&mut self, now: Instant) {
        self.make_client();
        self.link.restart(now);
    }

    fn make_client(&mut self) {
        let mut controller = self.target.config();
        if let Some(version) = &self.api_version {
            controller.api_version.clone_from(version);
        }
        match AviClient::new(controller) {
            Ok(client) => {
                self.client = match &self.identity {
                    Some(identity) => client.on_behalf_of(identity.as_str()),
                    None => client,
                };
                self.client_number += 1;
            }
            Err(error) => {
                tracing::error!(reason = chain(&error), "address, CA or version of the controller cannot be used");
            }
        }
    }
}
