//! Other sites: who this one is to them, who they are, and the link to them.

use std::sync::Arc;

use anyhow::Context;
use controller_api::SitesError;
use site_link::{Identity, Link, LinkConfig};
use site_replication::{Durable, Site, SiteId};

use super::{Actor, Running, disk::INVITATION};
use crate::{
    listen,
    sites::{
        files::FileServer,
        known::{self, Introduction, Invitation, KnownSites},
        plan::Plan,
    },
};

impl Actor {
    pub(super) fn introduce(&mut self) -> anyhow::Result<Introduction> {
        self.open_link()?;
        let link = self.link.as_ref().context("the link to other sites is not open")?;
        let certificate = self.shared.certificate.lock().clone();
        let port = link.local_addr().port();
        let software = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Introduction { cluster_uuid: self.own.to_string(), certificate, port, software })
    }

    /// Keeps the addresses of sites; those that are known otherwise are replaced.
    pub(super) fn meet(&mut self, sites: KnownSites) {
        let mut known = self.known.clone();
        known.extend(sites.into_iter().filter(|(uuid, _)| uuid != self.own.as_str()));
        self.keep_known(known);
    }

    pub(super) fn keep_known(&mut self, known: KnownSites) {
        if known == self.known {
            return;
        }
        self.known = known;
        self.is_to_tell = true;
        let text = serde_json::to_vec_pretty(&self.known).unwrap_or_default();
        if let Err(error) = crate::data_dir::write_private(&self.place.known, &text) {
            tracing::error!(reason = %error, "the addresses of other sites cannot be kept");
        }
        self.set_roster();
    }

    pub(super) fn set_roster(&mut self) {
        let plan = match &self.running {
            // Who has just joined does not know yet who belongs to it.
            Some(running) => running.plan.clone(),
            None => self.gslb.as_ref().map(|gslb| Plan::read(gslb, None)),
        };
        let roster = known::roster(&self.known, &self.own, |id| match &plan {
            Some(plan) => plan.sites.get(id).map(|member| member.name.clone()),
            None => Some(String::new()),
        });
        self.roster.send_if_modified(|before| {
            let is_news = **before != roster;
            if is_news {
                *before = Arc::new(roster);
            }
            is_news
        });
    }

    /// A site that was away while others came hears of them from who leads now, and could not follow that one before.
    fn widen(&mut self, invitation: &Invitation) {
        let settings = invitation.settings();
        let Some(running) = self.running.as_ref() else { return };
        let known = running.plan.as_ref().map(|plan| &plan.settings.active);
        if known.is_none_or(|known| settings.active.is_subset(known)) || running.site.is_leader() {
            return;
        }
        let Some(Running { site, log, .. }) = self.running.take() else { return };
        let (site, _) = Site::new(self.own.clone(), settings, site.durable().clone(), self.clock.monotonic());
        // Its own Gslb is of before; the next one settles who belongs to it.
        self.running = Some(Running::new(site, log, None));
        tracing::info!(leader = invitation.leader, "this site was told of others that came while it was away");
    }

    pub(super) fn join(&mut self, invitation: Invitation) -> Result<Introduction, SitesError> {
        if invitation.cluster_uuid != self.own.as_str() {
            let words = format!("this controller is cluster {}, not {}", self.own, invitation.cluster_uuid);
            return Err(SitesError::Refused(words));
        }
        if let Some(words) = known::too_far_apart(env!("CARGO_PKG_VERSION"), &invitation.software) {
            return Err(SitesError::Refused(format!("the leader cannot lead this site: {words}")));
        }
        if !invitation.sites.contains_key(&invitation.leader) {
            return Err(SitesError::Refused("sites: the leader is not among them".to_owned()));
        }
        if self.removed.contains(&SiteId::from(invitation.leader.as_str())) {
            let words = format!("site {} was taken out of this GSLB: add it at the leader", invitation.leader);
            return Err(SitesError::Refused(words));
        }
        if let Some(gslb) = &self.gslb
            && gslb.uuid != invitation.gslb
        {
            let words = format!("this site has a Gslb of its own, '{}': delete that first", gslb.name);
            return Err(SitesError::Refused(words));
        }
        let mut joined = || -> anyhow::Result<Introduction> {
            let leader = SiteId::from(invitation.leader.as_str());
            self.meet(invitation.sites.clone());
            if invitation.is_active && self.running.is_none() {
                let first = Durable::new(leader);
                let settings = invitation.settings();
                let log = self.open_log(&first)?;
                log.lock().set_note(INVITATION, &serde_json::to_string(&invitation)?)?;
                let (site, effects) = Site::new(self.own.clone(), settings, first, self.clock.monotonic());
                debug_assert!(effects.is_empty(), "a follower waits");
                self.running = Some(Running::new(site, log, None));
                tracing::info!(leader = invitation.leader, "this site joins a GSLB");
            }
            self.widen(&invitation);
            self.set_roster();
            self.introduce()
        };
        joined().map_err(|error| SitesError::Unavailable(format!("{error:#}")))
    }

    pub(super) fn open_link(&mut self) -> anyhow::Result<()> {
        if self.link.is_some() {
            return Ok(());
        }
        let listener = listen::bind(crate::Listen::At(self.place.listen)).context("opening the link to other sites")?;
        let identity = Identity::open(&self.place.identity).context("opening the identity of this site")?;
        *self.shared.certificate.lock() = identity.certificate_pem().to_owned();
        let config = LinkConfig {
            own: self.own.clone(),
            listener,
            identity,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            keep_alive: LinkConfig::KEEP_ALIVE,
            handler: Arc::new(FileServer {
                live: self.live.clone(),
                files: self.place.files.clone(),
                others: self.switchboard.clone(),
            }),
        };
        let link = Link::start(config, self.roster.subscribe(), self.incoming.0.clone())?;
        tracing::info!(address = %link.local_addr(), "the link to other sites is open");
        self.shared.opened(&link);
        self.link = Some(link);
        Ok(())
    }
}
