//! What the state machine says is done here.

use std::{collections::BTreeMap, sync::Arc};

use controller_api::SitesError;
use site_replication::{Change, Effect, Entry};

use super::{Actor, disk::save};
use crate::sites::{
    known::{self, Known},
    shower::Show,
};

impl Actor {
    /// Does what the state machine says.
    pub(super) async fn perform(&mut self, effects: Vec<Effect>) {
        let Some(running) = &mut self.running else { return };
        let (mut saves, mut rest) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Save(save) => saves.push(save),
                other => rest.push(other),
            }
        }
        if !saves.is_empty()
            && let Err(error) = save(Arc::clone(&running.log), saves).await
        {
            self.is_broken(&error);
            return;
        }
        let mut met = BTreeMap::new();
        for effect in rest {
            match effect {
                Effect::Save(_) => {}
                Effect::Send(to, message) => {
                    if let Some(link) = &self.link {
                        link.send(&to, message);
                    }
                }
                Effect::Apply(entry) => {
                    met.extend(met_in(&entry));
                    let _ = self.show.send(Show::Entry(entry));
                }
                Effect::Replace => {
                    let view = running.site.view().clone();
                    met.extend(view.objects().filter_map(|stored| known::read(&stored.object)));
                    let _ = self.show.send(Show::All(Box::new(view)));
                }
                Effect::Acknowledge(revision) => {
                    let later = running.waiting.split_off(&revision.next());
                    for reply in std::mem::replace(&mut running.waiting, later).into_values() {
                        let _ = self.show.send(Show::Reply(reply));
                    }
                }
                Effect::Abandon(revision) => {
                    for reply in running.waiting.split_off(&revision.next()).into_values() {
                        let words = "this site stopped leading before the write was known to a majority: it may happen yet, read the object";
                        let _ = reply.send(Err(SitesError::Unknown(words.to_owned())));
                    }
                }
                Effect::Lead(term) => {
                    // The same again where only the sites changed.
                    if self.led.as_ref() != Some(&term) {
                        tracing::info!(view_id = term.view, "this site leads the GSLB");
                        self.led = Some(term);
                    }
                    self.is_to_tell = true;
                }
                Effect::Follow => {
                    let leader = &running.site.term().leader;
                    let name = running.plan.as_ref().and_then(|plan| plan.sites.get(leader)).map(|it| it.name.as_str());
                    tracing::warn!(%leader, name, "this site no longer leads the GSLB");
                }
            }
        }
        if !met.is_empty() {
            self.meet(met);
        }
    }
}

/// The site that an entry tells of.
fn met_in(entry: &Entry) -> Option<(String, Known)> {
    match &entry.change {
        Change::Put(object) => known::read(object),
        _ => None,
    }
}
