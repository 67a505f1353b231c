//! What federated files hold, for the other sites: asked for in parts, by checksum.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use controller_api::{Files, LiveProjection};
use objects::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use site_link::Handler;
use site_replication::SiteId;

/// Octets that are asked for at once: as much as a link has on its way anyway, so that what is small never waits for more.
pub(super) const PART_BYTES: u64 = 256 * 1024;

/// A request to another site. A release that does not know it says so in words.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Part of a file; the answer is made by [`answer`].
    FilePart { checksum: String, offset: u64, length: u64 },
}

/// A federated file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    /// Hexadecimal SHA-256 of what it holds.
    pub(super) checksum: String,
    /// In octets.
    pub(super) size: u64,
    /// What people call it: `controller://gslb/places.csv`.
    pub(super) path: String,
}

impl File {
    fn of(object: &Object) -> Option<Self> {
        let text = |field| object.body.get(field).and_then(Value::as_str);
        let is_federated = object.body.get("is_federated").and_then(Value::as_bool) == Some(true);
        let size = object.body.get("size").and_then(Value::as_u64).unwrap_or_default();
        let path = text("path").unwrap_or(&object.name).to_owned();
        is_federated.then_some(())?;
        Some(Self { checksum: text("checksum")?.to_owned(), size, path })
    }
}

/// All federated files.
pub(super) fn federated(live: &LiveProjection) -> BTreeSet<File> {
    live.read(|state| state.projection.objects("fileobject").filter_map(|object| File::of(object)).collect())
}

/// The checksums of all files that there are objects of.
pub(super) fn used(live: &LiveProjection) -> BTreeSet<String> {
    let checksum = |object: &Object| object.body.get("checksum").and_then(Value::as_str).map(str::to_owned);
    live.read(|state| state.projection.objects("fileobject").filter_map(|object| checksum(object)).collect())
}

/// Gives other sites what they ask for.
pub(super) struct FileServer {
    pub(super) live: Arc<LiveProjection>,
    pub(super) files: Files,
    /// Answers whatever else they ask.
    pub(super) others: Arc<dyn Handler>,
}

#[async_trait]
impl Handler for FileServer {
    async fn answer(&self, from: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let Ok(Request::FilePart { checksum, offset, length }) = serde_json::from_slice(&request) else {
            return self.others.answer(from, request).await;
        };
        // What one site has for itself alone is no business of another.
        if !federated(&self.live).iter().any(|file| file.checksum == checksum) {
            return Err("no federated file holds that here".to_owned());
        }
        let files = self.files.clone();
        let reading = move || files.part(&checksum, offset, length.min(PART_BYTES));
        let read = tokio::task::spawn_blocking(reading).await.map_err(|error| error.to_string())?;
        let (size, bytes) = read.map_err(|error| format!("the file cannot be read: {error}"))?;
        Ok(answer(size, &bytes))
    }
}

/// An answer: the size of the whole file in 8 octets, and what was asked for.
pub(super) fn answer(size: u64, bytes: &[u8]) -> Vec<u8> {
    [size.to_be_bytes().as_slice(), bytes].concat()
}

/// What [`answer`] made.
pub(super) fn read_answer(answer: &[u8]) -> Option<(u64, &[u8])> {
    let (size, bytes) = answer.split_first_chunk()?;
    Some((u64::from_be_bytes(*size), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_asked_for_and_answered_in_a_form_that_both_read() {
        let request = Request::FilePart { checksum: "ab".to_owned(), offset: 7, length: 9 };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(text, r#"{"file_part":{"checksum":"ab","offset":7,"length":9}}"#);
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        assert!(serde_json::from_str::<Request>(r#"{"of_a_later_release":{}}"#).is_err());
        assert_eq!(read_answer(&answer(1 << 33, b"part")), Some((1 << 33, b"part".as_slice())));
        assert_eq!(read_answer(b"short"), None);
    }
}
