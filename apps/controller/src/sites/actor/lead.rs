//! What the leader tells in the log: who leads, and where the sites are.

use site_replication::{SiteId, State, Term, Write};

use super::{Actor, INVITE_EVERY};
use crate::sites::{
    invite,
    known::{self, Known},
    plan::at,
};

impl Actor {
    /// At the leader: what the log has to say of who leads and where the sites are.
    pub(super) async fn tell(&mut self) {
        if !self.is_to_tell {
            return;
        }
        let Some(running) = &self.running else { return };
        let now = self.clock.monotonic();
        if !running.site.is_writer(now) {
            self.is_to_tell = running.site.is_leader();
            return;
        }
        let (view, term) = (running.site.view(), running.site.term().clone());
        let mut writes = Vec::new();
        if let Some(plan) = &running.plan {
            writes.extend(led(view, &plan.gslb, &term));
            let own = plan.sites.get(&self.own).zip(self.link.as_ref());
            if let Some((member, link)) = own {
                let port = link.local_addr().port();
                let addresses = member.hosts.iter().map(|host| at(host, port)).collect();
                let known = Known { addresses, certificate: self.shared.certificate.lock().clone() };
                writes.extend(known::tell(view, self.own.as_str(), &known));
            }
            let others = self.known.iter().filter(|(uuid, _)| plan.sites.contains_key(&SiteId::from(uuid.as_str())));
            writes.extend(others.filter_map(|(uuid, known)| known::tell(view, uuid, known)));
        }
        self.is_to_tell = false;
        if !writes.is_empty() {
            // The next look at the clock tries again what could not be written now.
            self.is_to_tell = self.write(writes).await.is_none();
            // Who leads, and where sites are, is not kept back.
            if let Some(running) = &mut self.running {
                let last = running.site.durable().log.last().revision;
                let effects = running.site.release(now, last);
                self.perform(effects).await;
            }
        }
    }

    /// At the leader: asks sites anew that no link stands to. One that was away while others came may not know them, and
    /// among them its leader.
    pub(super) fn invite_again(&mut self) {
        let now = self.clock.monotonic();
        while self.invitations.try_join_next().is_some() {}
        let Some(running) = self.running.as_ref().filter(|running| running.site.is_writer(now)) else { return };
        if now < self.invite_at || !self.invitations.is_empty() {
            return;
        }
        self.invite_at = now.saturating_add(INVITE_EVERY);
        let (Some(plan), Some(gslb)) = (&running.plan, self.gslb.clone()) else { return };
        let Some(own) = plan.sites.get(&self.own).zip(self.link.as_ref()) else { return };
        let addresses = own.0.hosts.iter().map(|host| at(host, own.1.local_addr().port())).collect();
        let certificate = self.shared.certificate.lock().clone();
        let mut sites = self.known.clone();
        sites.insert(self.own.to_string(), Known { addresses, certificate });
        for guest in self.shared.away(&invite::guests(None, &gslb, &self.own).0) {
            let (gslb, own, sites) = (gslb.clone(), self.own.clone(), sites.clone());
            self.invitations.spawn(async move {
                match invite::ask(&guest, &gslb, &own, &sites).await {
                    Ok(_) => {
                        let name = &guest.member.name;
                        tracing::info!(name, site = %guest.id, "a site that was away was told of the others");
                    }
                    Err(error) => tracing::debug!(name = guest.member.name, site = %guest.id, reason = %error, "a site is still away"),
                }
            });
        }
    }
}

/// The write that makes the Gslb name its leader; `None` when it does.
fn led(view: &State, gslb: &str, term: &Term) -> Option<Write> {
    let object = &view.get(gslb)?.object;
    let mut packed: serde_json::Value = serde_json::from_slice(&object.body).ok()?;
    let body = packed.pointer_mut("/object/body")?;
    let leader = body.get("leader_cluster_uuid").and_then(serde_json::Value::as_str);
    let view_id = body.get("view_id").and_then(serde_json::Value::as_u64);
    if leader == Some(term.leader.as_str()) && view_id == Some(term.view) {
        return None;
    }
    body["leader_cluster_uuid"] = term.leader.as_str().into();
    body["view_id"] = term.view.into();
    let body = packed.to_string().into_bytes().into();
    let based_on = Some(object.last_modified_us);
    Some(Write::Put { uuid: gslb.to_owned(), kind: object.kind.clone(), claims: Vec::new(), body, based_on })
}
