//! What was announced, so that what repeats itself is counted and not written anew. No clock.

use std::collections::BTreeMap;

use amko_translate::NAMESPACE;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Announcement, COMPONENT, Pod, about};

/// Writes at once, and how often there is one more after that (client-go's defaults).
const BURST: u32 = 25;
const ONE_MORE: SignedDuration = SignedDuration::from_mins(5);
/// Announcements that are remembered; the one that was made longest ago is forgotten first.
const REMEMBERED_MAX: usize = 256;

/// What was announced.
pub(super) struct Book {
    pod: Option<Pod>,
    known: BTreeMap<Announcement, Known>,
    tokens: u32,
    /// Since when the next token is waited for.
    refilled: Option<Timestamp>,
    /// Names of events are made of it.
    made: u64,
}

/// An event of the API server.
struct Known {
    name: String,
    first: Timestamp,
    last: Timestamp,
    count: u64,
}

/// What to ask the API server for.
#[derive(Debug, PartialEq)]
pub(super) enum Write {
    /// A new event.
    New {
        /// The event.
        body: Value,
    },
    /// An event that repeats itself.
    Again {
        /// Its name.
        name: String,
        /// How often by now.
        patch: Value,
        /// What it says, for an API server that has forgotten it.
        whole: Box<AnnouncementOf>,
    },
}

/// An announcement and what it is about.
#[derive(Debug, PartialEq)]
pub(super) struct AnnouncementOf {
    announcement: Announcement,
    about: Value,
}

impl Book {
    pub(super) fn new(pod: Option<Pod>) -> Self {
        let known = BTreeMap::new();
        Self { pod, known, tokens: BURST, refilled: None, made: 0 }
    }

    /// What to write for it; nothing where there is nothing that it could be about, or too much was written lately.
    pub(super) fn take(&mut self, announcement: Announcement, config: Option<&str>, now: Timestamp) -> Option<Write> {
        let about = about(self.pod.as_ref(), config)?;
        if !self.has_token(now) {
            tracing::debug!(reason = announcement.reason, "too many events, one left out");
            return None;
        }
        if let Some(known) = self.known.get_mut(&announcement) {
            known.count += 1;
            known.last = now;
            let patch = json!({"count": known.count, "lastTimestamp": stamp(now)});
            let whole = Box::new(AnnouncementOf { announcement, about });
            return Some(Write::Again { name: known.name.clone(), patch, whole });
        }
        Some(Write::New { body: self.make(announcement, about, now) })
    }

    /// The event anew, from the first time on.
    pub(super) fn anew(&mut self, whole: &AnnouncementOf, now: Timestamp) -> Value {
        self.make(whole.announcement.clone(), whole.about.clone(), now)
    }

    fn make(&mut self, announcement: Announcement, about: Value, now: Timestamp) -> Value {
        self.made += 1;
        let name = format!("{}.{:x}{:x}", about["name"].as_str().unwrap_or("amko"), now.as_microsecond(), self.made);
        let Announcement { is_warning, reason, message } = &announcement;
        let body = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "involvedObject": about,
            "type": if *is_warning { "Warning" } else { "Normal" },
            "reason": reason,
            "message": message,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self.pod.as_ref().map_or("", |pod| pod.name.as_str()),
            "firstTimestamp": stamp(now),
            "lastTimestamp": stamp(now),
            "count": 1,
        });
        self.known.insert(announcement, Known { name, first: now, last: now, count: 1 });
        if self.known.len() > REMEMBERED_MAX {
            let oldest = self.known.iter().min_by_key(|(_, known)| (known.last, known.first));
            if let Some(oldest) = oldest.map(|(announcement, _)| announcement.clone()) {
                self.known.remove(&oldest);
            }
        }
        body
    }

    fn has_token(&mut self, now: Timestamp) -> bool {
        let since = *self.refilled.get_or_insert(now);
        let waited = now.duration_since(since).max(SignedDuration::ZERO);
        let more = u32::try_from(waited.as_secs() / ONE_MORE.as_secs()).unwrap_or(BURST).min(BURST);
        self.tokens = self.tokens.saturating_add(more).min(BURST);
        self.refilled = Some(match (self.tokens, more) {
            // A full purse waits for nothing.
            (BURST, _) => now,
            (_, more) => since + ONE_MORE * i32::try_from(more).unwrap_or(i32::MAX),
        });
        let has_one = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        has_one
    }
}

/// Seconds are all that these fields hold.
fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn book() -> Book {
        Book::new(Some(Pod { name: "amko-0".to_owned(), uid: Some("u-1".to_owned()) }))
    }

    fn hello(number: usize) -> Announcement {
        Announcement::warning("MemberClusterValidation", format!("cluster s{number} does not answer"))
    }

    #[test]
    fn what_repeats_itself_is_counted() {
        let mut book = book();
        let Some(Write::New { body }) = book.take(hello(1), None, at(1)) else { panic!() };
        let about =
            json!({"apiVersion": "v1", "kind": "Pod", "namespace": "avi-system", "name": "amko-0", "uid": "u-1"});
        assert_eq!((&body["involvedObject"], &body["type"], &body["count"]), (&about, &"Warning".into(), &1.into()));
        assert_eq!(body["source"]["component"], "avi-multicluster-kubernetes-operator");
        let Some(Write::Again { name, patch, whole }) = book.take(hello(1), None, at(61)) else { panic!() };
        assert_eq!(name, body["metadata"]["name"]);
        assert_eq!(patch, json!({"count": 2, "lastTimestamp": "1970-01-01T00:01:01Z"}));
        // The API server has forgotten it.
        let anew = book.anew(&whole, at(62));
        assert_eq!((&anew["count"], &anew["message"]), (&1.into(), &body["message"]));
        assert_ne!(anew["metadata"]["name"], body["metadata"]["name"]);
        assert!(matches!(book.take(hello(2), None, at(63)), Some(Write::New { .. })));
    }

    #[test]
    fn after_a_burst_there_is_one_every_five_minutes() {
        let mut book = book();
        let written =
            |book: &mut Book, second| (0..100).filter(|n| book.take(hello(*n), None, at(second)).is_some()).count();
        assert_eq!(written(&mut book, 0), 25);
        assert_eq!(written(&mut book, 299), 0);
        assert_eq!(written(&mut book, 300), 1);
        assert_eq!(written(&mut book, 599), 0);
        assert_eq!(written(&mut book, 905), 2);
        assert_eq!(written(&mut book, 100_000), 25);
        // A clock that goes back gives nothing.
        assert_eq!(written(&mut book, 10), 0);
    }

    #[test]
    fn without_a_pod_events_are_about_the_config_once_it_is_known() {
        let mut book = Book::new(None);
        assert_eq!(book.take(hello(1), None, at(0)), None);
        let Some(Write::New { body }) = book.take(hello(1), Some("gc-1"), at(0)) else { panic!() };
        assert_eq!(
            (&body["involvedObject"]["kind"], &body["involvedObject"]["name"]),
            (&"GSLBConfig".into(), &"gc-1".into())
        );
    }

    #[test]
    fn only_so_many_announcements_are_remembered() {
        let mut book = book();
        for number in 0..1000 {
            book.tokens = BURST;
            book.take(hello(number), None, at(i64::try_from(number).unwrap()));
        }
        assert_eq!(book.known.len(), REMEMBERED_MAX);
        book.tokens = BURST;
        assert!(matches!(book.take(hello(999), None, at(2000)), Some(Write::Again { .. })));
    }
}
