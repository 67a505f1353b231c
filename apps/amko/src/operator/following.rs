//! Uses the controller that is to be used: as configured, or where its leader is (amko 7.6, 12 lines 1, 3 and 4).

use std::time::Duration;

use amko_translate::{Config, Identity};
use avi_client::{AviClient, ConfigError, Fence, chain};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{LastAddress, Operator};
use crate::AmkoEvent;
use crate::event::{OTHER_ADDRESS, Teller};

/// Longest pause between two tries while there is more than one address to try.
const SEARCH_WAIT_MAX: Duration = Duration::from_secs(5);

impl Operator {
    /// Uses other credentials or another address from now on; says whether anything changed.
    pub(super) fn reconfigure(&mut self, config: avi_client::Config) -> bool {
        let config = as_operator(config, self.fence.as_ref());
        let from = self.target.url().to_owned();
        *self.address.lock() = Some(config.base_url.clone());
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
        match client(controller, self.identity.as_ref()) {
            Ok(client) => {
                self.client = client;
                self.client_number += 1;
                self.vigil.begin_anew();
            }
            Err(error) => {
                tracing::error!(reason = chain(&error), "address, CA or version of the controller cannot be used");
            }
        }
    }
}

/// Tells that the controller is another one by now than the operator before had, which ended as other things changed too.
pub(super) fn tell_another_address(teller: &Teller, last: &LastAddress, to: &str) {
    let before = last.lock().replace(to.to_owned());
    if let Some(from) = before.filter(|before| before != to) {
        let reason = OTHER_ADDRESS.to_owned();
        teller.tell(AmkoEvent::ControllerMoved { from, to: to.to_owned(), reason });
    }
}

/// As the operator reaches it: under its own name, and with the fence that holds for all that it writes.
pub(super) fn as_operator(config: avi_client::Config, fence: Option<&Fence>) -> avi_client::Config {
    avi_client::Config { user_agent: "AMKO".to_owned(), fence: fence.cloned(), ..config }
}

/// A client that says for whom it writes: only such a one tells its term.
fn client(controller: avi_client::Config, identity: Option<&Identity>) -> Result<AviClient, ConfigError> {
    let client = AviClient::new(controller)?;
    Ok(match identity {
        Some(identity) => client.on_behalf_of(identity.as_str()),
        None => client,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use avi_client::Verification;
    use axum::Router;
    use axum::extract::{Request, State};
    use axum::response::IntoResponse;
    use parking_lot::Mutex;
    use uuid::Uuid;

    use super::*;
    use crate::operator::target::Target;

    /// Method and fence of each request.
    type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

    async fn answer(State(asked): State<Asked>, request: Request) -> impl IntoResponse {
        let fence = request.headers().get("x-meridian-fence").map(|fence| fence.to_str().unwrap().to_owned());
        asked.lock().push((format!("{} {}", request.method(), request.uri().path()), fence));
        let cookies = [("set-cookie", "csrftoken=t; Path=/"), ("set-cookie", "sessionid=s; Path=/")];
        (axum::response::AppendHeaders(cookies), axum::Json(json!({})))
    }

    #[tokio::test]
    async fn an_operator_that_begins_anew_at_another_address_says_so_once() {
        let directory = tempfile::tempdir().unwrap();
        let address = LastAddress::default();
        let (events, mut told) = tokio::sync::mpsc::channel(16);
        for port in [1, 2, 2] {
            let source = k8s_watch::ManifestDirectory::new("s1", directory.path());
            let url = format!("http://127.0.0.1:{port}");
            let config = crate::AmkoConfig {
                leader: "s1".to_owned(),
                sources: vec![Arc::new(source)],
                controller: avi_client::Config::new(url, "admin", "secret", Verification::Insecure),
                events: Some(events.clone()),
                log_level: None,
            };
            let beside = crate::operator::Beside { address: Arc::clone(&address), ..Default::default() };
            crate::operator::start_with(config, beside).await.unwrap().shutdown().await;
        }
        drop(events);
        let mut moved = Vec::new();
        while let Some(event) = told.recv().await {
            if let AmkoEvent::ControllerMoved { .. } = event {
                moved.push(event.to_string());
            }
        }
        let expected = "controller http://127.0.0.1:2 in use, not http://127.0.0.1:1: GSLB Leader IP changed";
        assert_eq!(moved, [expected]);
    }

    #[tokio::test]
    async fn the_fence_and_the_name_of_the_owner_go_along_to_another_controller() {
        let asked = Asked::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&asked));
        tokio::spawn(async move { drop(axum::serve(listener, router).await) });

        let term = Arc::new(Mutex::new(Ok(Some(7))));
        let fence = Fence::new({
            let term = Arc::clone(&term);
            move || term.lock().clone()
        });
        let config = |url: &str| avi_client::Config::new(url, "admin", "secret", Verification::Insecure);
        let mut target = Target::new(as_operator(config("http://127.0.0.1:1"), Some(&fence)));
        let same = as_operator(config("http://127.0.0.1:1"), Some(&fence));
        assert!(!target.configure(same), "the same fence is no other configuration");
        assert!(target.configure(as_operator(config(&url), Some(&fence))));

        let identity = Identity::new(Uuid::from_u128(1));
        let client = client(target.config(), Some(&identity)).unwrap();
        client.put("/api/gslbservice/x", &json!({}), "admin").await.unwrap();
        *term.lock() = Err("the operator of cluster s2 leads".to_owned());
        let refused = client.put("/api/gslbservice/x", &json!({}), "admin").await.unwrap_err();
        assert!(refused.to_string().contains("s2 leads"), "{refused}");
        let writes: Vec<_> = asked.lock().iter().filter(|(line, _)| line.starts_with("PUT")).cloned().collect();
        let expected = format!("{};term=7", identity.as_str());
        assert_eq!(writes, [("PUT /api/gslbservice/x".to_owned(), Some(expected))]);
    }
}
