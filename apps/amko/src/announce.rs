//! Events in the leader cluster, where `kubectl get events` and `kubectl describe` show them (amko 8.3).
//!
//! They are about the operator's Pod, and where there is none about the `GSLBConfig`. Reasons and words are those of
//! the original, but for what it does not do; arguments are in their place. What repeats itself is counted in the event
//! that is there, and one object gets no more than a burst and then one every five minutes, as in client-go.

mod book;

use std::time::Duration;

use amko_translate::{ACCEPTED, NAMESPACE};
use jiff::Timestamp;
use k8s_watch_api::{ApiCalls, CallError};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::event::{LEADER_FLAG_CHANGED, OTHER_ADDRESS};
use crate::{AmkoEvent, Progress};
use book::{Book, Write};

/// Happenings that wait for a slow API server; further ones are left out, the log has them all.
pub(crate) const WAITING_MAX: usize = 64;
/// Who says so.
const COMPONENT: &str = "avi-multicluster-kubernetes-operator";
/// Where the API server keeps them.
const EVENTS: &str = "/api/v1/namespaces/avi-system/events";
/// Longest message that an API server takes.
const MESSAGE_MAX: usize = 1024;
/// Tries of one write, a pause apart.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// The Pod in which the operator runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pod {
    pub(crate) name: String,
    /// Events of a Pod are found by it.
    pub(crate) uid: Option<String>,
}

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Announcement {
    is_warning: bool,
    reason: &'static str,
    message: String,
}

impl Announcement {
    fn new(is_warning: bool, reason: &'static str, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        let end = message.char_indices().map(|(at, _)| at).take_while(|at| *at <= MESSAGE_MAX - 4).last();
        if message.len() > MESSAGE_MAX {
            message.truncate(end.unwrap_or_default());
            message.push('…');
        }
        Self { is_warning, reason, message }
    }

    fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(false, reason, message)
    }

    fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(true, reason, message)
    }
}

/// Something to announce, and the `GSLBConfig` that it is about where there is no Pod.
#[derive(Debug)]
pub(crate) struct Item {
    announcement: Announcement,
    config: Option<String>,
}

/// Makes announcements of what operators tell.
#[derive(Debug)]
pub(crate) struct Announcer {
    waiting: mpsc::Sender<Item>,
    /// Name of the `GSLBConfig`, once something was told of it.
    config: Option<String>,
    is_synced: bool,
}

impl Announcer {
    /// With the announcements that it makes.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Item>) {
        let (waiting, items) = mpsc::channel(WAITING_MAX);
        (Self { waiting, config: None, is_synced: false }, items)
    }

    /// Takes note of what an operator tells.
    pub(crate) fn note(&mut self, event: &AmkoEvent, progress: &Progress) {
        if let AmkoEvent::Status { object, .. }
        | AmkoEvent::ConfigEdited { object, .. }
        | AmkoEvent::ConfigDoubtful { object, .. } = event
            && let Some(name) = object.strip_prefix("GSLBConfig avi-system/")
        {
            self.config = Some(name.to_owned());
        }
        for announcement in announcements(event, progress, self.is_synced) {
            self.announce(announcement);
        }
        self.is_synced |= matches!(event, AmkoEvent::Synced { .. });
    }

    fn announce(&self, announcement: Announcement) {
        // The log has them all.
        drop(self.waiting.try_send(Item { announcement, config: self.config.clone() }));
    }
}

/// Writes announcements until none can come any more.
pub(crate) async fn run(calls: ApiCalls, pod: Option<Pod>, mut items: mpsc::Receiver<Item>) {
    let mut book = Book::new(pod);
    let mut is_refusal_told = false;
    while let Some(Item { announcement, config }) = items.recv().await {
        let Some(write) = book.take(announcement, config.as_deref(), Timestamp::now()) else { continue };
        if let Err(error) = write_out(&calls, &mut book, write).await {
            tracing::debug!(reason = %error, "an event cannot be written");
            if !std::mem::replace(&mut is_refusal_told, true) {
                tracing::warn!(reason = %error, "no events in the leader cluster; grant create and patch on events");
            }
        }
    }
}

/// What is worth an event. Of objects that cannot be served their statuses tell.
fn announcements(event: &AmkoEvent, progress: &Progress, is_synced_before: bool) -> Vec<Announcement> {
    let is_config = |object: &str| object.starts_with("GSLBConfig ");
    let one = |announcement| vec![announcement];
    match event {
        AmkoEvent::Status { object, text, is_error: true } if is_config(object) => {
            one(Announcement::warning("GSLBConfigError", text))
        }
        AmkoEvent::Status { object, text, .. } if is_config(object) && text == ACCEPTED => {
            one(Announcement::normal("GSLBConfigValidation", "GSLB Configuration validated and accepted."))
        }
        AmkoEvent::ConfigEdited { changes, .. } => {
            let message = format!("gslb config edited, in force without a restart: {}", changes.join("; "));
            one(Announcement::normal("GSLBConfigValidation", message))
        }
        AmkoEvent::ConfigDoubtful { object, reason } if is_config(object) => {
            one(Announcement::warning("GSLBConfigError", reason))
        }
        AmkoEvent::Synced { .. } if !is_synced_before => {
            let readable = progress.clusters.iter().filter(|(_, is_readable)| **is_readable);
            let ready = |cluster: &String| {
                Announcement::normal("AMKOClusterReady", format!("Event handlers active for cluster {cluster}"))
            };
            let mut all: Vec<_> = readable.map(|(cluster, _)| ready(cluster)).collect();
            if all.len() == progress.clusters.len() {
                all.push(Announcement::normal("MemberClusterValidation", "GSLB Member clusters validated."));
            }
            all.push(Announcement::normal("GSLBConfigValidation", "Initial bootup sync completed."));
            all
        }
        AmkoEvent::ClusterSilent { .. } | AmkoEvent::Problem { .. } => {
            one(Announcement::warning("MemberClusterValidation", event.to_string()))
        }
        AmkoEvent::ClusterBack { cluster } | AmkoEvent::ProblemsSolved { cluster } => {
            one(Announcement::normal("AMKOClusterReady", format!("Event handlers active for cluster {cluster}")))
        }
        AmkoEvent::ControllerAway { reason } if reason.contains("Invalid credentials") => {
            one(Announcement::warning("AviControllerError", format!("Invalid Avi credentials: {reason}")))
        }
        AmkoEvent::ControllerAway { .. } => one(Announcement::warning("AviControllerError", event.to_string())),
        // The original has itself restarted for that.
        AmkoEvent::ControllerMoved { reason, .. } if reason == OTHER_ADDRESS => {
            one(Announcement::warning("AMKOShutdown", OTHER_ADDRESS))
        }
        AmkoEvent::ControllerMoved { .. } | AmkoEvent::CredentialsChanged { .. } => {
            one(Announcement::normal("AviControllerReady", event.to_string()))
        }
        // The same.
        AmkoEvent::LeaderFlagChanged { .. } => one(Announcement::warning("AMKOShutdown", LEADER_FLAG_CHANGED)),
        AmkoEvent::ControllerBack => one(Announcement::normal("AviControllerReady", event.to_string())),
        AmkoEvent::NotWritten { .. } | AmkoEvent::InTheWay { .. } => {
            one(Announcement::warning("GSLBServiceError", event.to_string()))
        }
        _ => vec![],
    }
}

/// Writes; one that the API server has forgotten is made anew.
async fn write_out(calls: &ApiCalls, book: &mut Book, write: Write) -> Result<(), CallError> {
    let mut tries = 1;
    loop {
        let written = match &write {
            Write::New { body } => calls.create(EVENTS, body).await,
            Write::Again { name, patch, .. } => calls.merge(&format!("{EVENTS}/{name}"), patch).await,
        };
        match (written, &write) {
            (Ok(_), _) => return Ok(()),
            (Err(error), Write::Again { whole, .. }) if error.is_not_found() => {
                let body = book.anew(whole, Timestamp::now());
                return calls.create(EVENTS, &body).await.map(drop);
            }
            (Err(error @ CallError::Refused { .. }), _) => return Err(error),
            (Err(error), _) if tries == TRIES => return Err(error),
            (Err(_), _) => {}
        }
        tries += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// What an event is about.
fn about(pod: Option<&Pod>, config: Option<&str>) -> Option<Value> {
    if let Some(Pod { name, uid }) = pod {
        return Some(json!({"apiVersion": "v1", "kind": "Pod", "namespace": NAMESPACE, "name": name, "uid": uid}));
    }
    let name = config?;
    Some(json!({"apiVersion": "amko.vmware.com/v1alpha1", "kind": "GSLBConfig", "namespace": NAMESPACE, "name": name}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(event: &AmkoEvent) -> Vec<String> {
        let clusters = [("s1".to_owned(), true), ("s2".to_owned(), false)].into();
        let progress = Progress { clusters, ..Progress::default() };
        let all = announcements(event, &progress, false);
        all.iter()
            .map(|it| format!("{} {}: {}", if it.is_warning { '!' } else { '-' }, it.reason, it.message))
            .collect()
    }

    #[test]
    fn words_are_those_of_amko() {
        let status = |object: &str, text: &str, is_error| AmkoEvent::Status {
            object: object.to_owned(),
            text: text.to_owned(),
            is_error,
        };
        let config = "GSLBConfig avi-system/gc-1";
        assert_eq!(
            of(&status(config, ACCEPTED, false)),
            ["- GSLBConfigValidation: GSLB Configuration validated and accepted."]
        );
        assert_eq!(of(&status(config, "error: x", true)), ["! GSLBConfigError: error: x"]);
        assert!(of(&status("GlobalDeploymentPolicy avi-system/a", "x", true)).is_empty());
        assert_eq!(
            of(&AmkoEvent::Synced { services: 1, in_the_way: 0 }),
            [
                "- AMKOClusterReady: Event handlers active for cluster s1",
                "- GSLBConfigValidation: Initial bootup sync completed.",
            ]
        );
        let flipped = of(&AmkoEvent::LeaderFlagChanged { is_leader: false });
        assert_eq!(flipped, ["! AMKOShutdown: AMKO leader flag changed."]);
        let reason = "error: issue in connecting to the controller API, Invalid credentials".to_owned();
        let told = of(&AmkoEvent::ControllerAway { reason });
        assert!(told[0].starts_with("! AviControllerError: Invalid Avi credentials: "), "{told:?}");
    }

    #[test]
    fn a_long_message_is_cut_where_an_api_server_would_refuse_it() {
        let long = Announcement::normal("x", "ä".repeat(2000));
        assert!(long.message.len() <= MESSAGE_MAX && long.message.ends_with('…'));
        assert_eq!(Announcement::normal("x", "a".repeat(MESSAGE_MAX)).message.len(), MESSAGE_MAX);
    }
}
