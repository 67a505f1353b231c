//! Whom a site speaks with, and who is refused.

use std::collections::BTreeMap;

use site_replication::SiteId;

use crate::pin::Pin;

/// Addresses of a peer that are tried.
pub const ADDRESSES_MAX: usize = 3;

/// All other sites; replaced as a whole whenever it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// By cluster uuid, without the site itself.
    pub peers: BTreeMap<SiteId, PeerAddress>,
}

/// Where another site is, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// What people call it, for the log; may be empty.
    pub name: String,
    /// `host:port`, tried in turn, the first [`ADDRESSES_MAX`] of them.
    pub addresses: Vec<String>,
    /// [`crate::Identity::certificate_pem`] of that site. Its key is what counts.
    pub certificate_pem: String,
}

/// Why a site is not spoken with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stranger {
    #[error("site {site} is not among the sites that {own} knows")]
    Unknown { own: SiteId, site: SiteId },
    #[error("the key shown is not the one that {own} has pinned for site {site}")]
    OtherKey { own: SiteId, site: SiteId },
    #[error("the certificate that {own} has pinned for site {site} cannot be read")]
    BadPin { own: SiteId, site: SiteId },
}

impl Roster {
    /// Whose key this is.
    pub(crate) fn who(&self, shown: &Pin) -> Option<SiteId> {
        let mut peers = self.peers.iter();
        peers.find(|(_, peer)| Pin::of_pem(&peer.certificate_pem).as_ref() == Some(shown)).map(|(site, _)| site.clone())
    }

    /// Whether who has this key may be `site`.
    pub(crate) fn check(&self, own: &SiteId, site: &SiteId, shown: &Pin) -> Result<(), Stranger> {
        let (own, site) = (own.clone(), site.clone());
        let Some(peer) = self.peers.get(&site).filter(|_| own != site) else {
            return Err(Stranger::Unknown { own, site });
        };
        match Pin::of_pem(&peer.certificate_pem) {
            None => Err(Stranger::BadPin { own, site }),
            Some(pin) if pin == *shown => Ok(()),
            Some(_) => Err(Stranger::OtherKey { own, site }),
        }
    }
}
