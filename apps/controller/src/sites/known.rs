//! The other sites that this one has met: their addresses and the certificates that tell them apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use site_link::{PeerAddress, Roster};
use site_replication::{Leadership, Object, Settings, SiteId, State, Write};

/// Type, in the log, of what tells a site's address to all others; no client of the API sees it.
pub(super) const KIND: &str = "site";

/// A site as others find and recognise it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// `host:port` of its link.
    pub(super) addresses: Vec<String>,
    /// PEM.
    pub(super) certificate: String,
}

/// By cluster uuid.
pub(super) type KnownSites = BTreeMap<String, Known>;

/// What the leader sends to a site that is to join.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Invitation {
    /// Uuid of the Gslb.
    pub(super) gslb: String,
    /// Cluster uuid of the site that is meant.
    pub(super) cluster_uuid: String,
    /// Whether it is to hold the federated objects.
    pub(super) is_active: bool,
    /// Cluster uuid of the leader.
    pub(super) leader: String,
    /// Cluster uuids of all active sites.
    pub(super) active: Vec<String>,
    /// Whether these elect who leads.
    pub(super) elects: bool,
    /// All sites, the leader among them.
    pub(super) sites: KnownSites,
    /// The leader's release; empty of one that does not say so.
    #[serde(default)]
    pub(super) software: String,
}

impl Invitation {
    /// What a site goes by until it has the Gslb.
    pub(super) fn settings(&self) -> Settings {
        let active =
            self.active.iter().chain([&self.leader, &self.cluster_uuid]).map(|uuid| SiteId::from(uuid.as_str()));
        let mut settings = Settings::new(active);
        if self.elects {
            settings.leadership = Leadership::Elected;
        }
        settings
    }
}

/// What the site answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Introduction {
    /// Its cluster uuid.
    pub(super) cluster_uuid: String,
    /// Its certificate in PEM.
    pub(super) certificate: String,
    /// Port of its link, at the addresses of its API.
    pub(super) port: u16,
    /// Its release.
    pub(super) software: String,
}

/// Why two releases do not go together, in words: they are more than one apart (avi-api 5.1). What is no release is not
/// judged.
pub(super) fn too_far_apart(own: &str, other: &str) -> Option<String> {
    let parse = |release: &str| -> Option<(u64, u64)> {
        let mut parts = release.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let (a, b) = (parse(own)?, parse(other)?);
    let (old, new) = (a.min(b), a.max(b));
    // What came last before the first of a new major release is not known.
    let is_near = old.0 == new.0 && new.1 - old.1 <= 1 || old.0 + 1 == new.0 && new.1 == 0;
    let words = || format!("it runs release {other}, and this one {own}: bring the older one within one release first");
    (!is_near).then(words)
}

/// Whom to speak with: those of `known` that have a name, which may be empty.
pub(super) fn roster(known: &KnownSites, own: &SiteId, name: impl Fn(&SiteId) -> Option<String>) -> Roster {
    let peers = known.iter().map(|(uuid, known)| (SiteId::from(uuid.as_str()), known));
    let peers = peers.filter(|(id, _)| id != own).filter_map(|(id, known)| {
        let Known { addresses, certificate } = known.clone();
        let name = name(&id)?;
        Some((id, PeerAddress { name, addresses, certificate_pem: certificate }))
    });
    Roster { peers: peers.collect() }
}

/// The site that an object of the log tells of.
pub(super) fn read(object: &Object) -> Option<(String, Known)> {
    let uuid = object.uuid.strip_prefix("site-").filter(|_| object.kind == KIND)?;
    Some((uuid.to_owned(), serde_json::from_slice(&object.body).ok()?))
}

/// The write that makes the log tell of a site; `None` when it does.
pub(super) fn tell(view: &State, uuid: &str, known: &Known) -> Option<Write> {
    let at = format!("site-{uuid}");
    let stored = view.get(&at).map(|stored| &stored.object);
    if stored.and_then(|object| read(object)).is_some_and(|(_, told)| told == *known) {
        return None;
    }
    let body: Value = json!(known);
    let based_on = stored.map(|object| object.last_modified_us);
    let body = body.to_string().into_bytes().into();
    Some(Write::Put { uuid: at, kind: KIND.to_owned(), claims: Vec::new(), body, based_on })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_next_to_each_other_go_together_and_others_do_not() {
        for (own, other) in [("0.1.0", "0.1.7"), ("0.2.0", "0.1.9"), ("0.9.1", "1.0.0"), ("1.0.0", "unknown")] {
            assert_eq!((too_far_apart(own, other), too_far_apart(other, own)), (None, None), "{own} {other}");
        }
        for (own, other) in [("0.1.0", "0.3.0"), ("0.9.0", "1.1.0"), ("3.0.0", "1.0.0")] {
            let words = too_far_apart(own, other).unwrap();
            assert!(words.contains(&format!("it runs release {other}, and this one {own}")), "{words}");
            assert!(too_far_apart(other, own).is_some());
        }
    }
}
