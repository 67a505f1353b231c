//! `enable_config_by_members` (avi-api 2.22, 5.2): a follower switches groups and members of a GSLB service on and off, and
//! nothing else.
//!
//! The follower passes the flags on to the leader, which writes them there as any other change; so they are the same at all
//! sites, and in the order of the log. Only flags travel: whatever a follower asks for, it changes nothing else.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use controller_api::{Clock, LiveProjection, Sites, SitesError};
use objects::{Object, Origin, Projection, Visibility, WriteContext};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use site_link::ForwardError;
use site_replication::{Refusal, SiteId};

use super::{LinkedSites, WRITE_WITHIN};

/// What a follower asks of the leader.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// These are to be the `enabled` flags of a GSLB service.
    Switch(Flags),
}

/// The `enabled` flags of a GSLB service.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Flags {
    uuid: String,
    /// `_last_modified` of the service that the follower saw, which has so many groups and members.
    based_on: i64,
    groups: Vec<GroupFlags>,
}

/// Those of one group; `None` where the flag is not set.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GroupFlags {
    enabled: Option<bool>,
    members: Vec<Option<bool>>,
}

/// What the leader answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// Done; `_last_modified` of the service now.
    Done(i64),
    Refused(String),
    Unavailable(String),
    Unknown(String),
}

/// Answers followers, at the leader.
pub(super) struct Switchboard {
    pub(super) live: Arc<LiveProjection>,
    pub(super) clock: Arc<dyn Clock>,
    /// Filled once, when the sites are there.
    pub(super) sites: OnceLock<Weak<LinkedSites>>,
}

#[async_trait]
impl site_link::Handler for Switchboard {
    async fn answer(&self, from: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, String> {
        let Request::Switch(flags) = serde_json::from_slice(&request)
            .map_err(|_| "this release does not know this request of another site".to_owned())?;
        let answer = match self.switch(from, &flags).await {
            Ok(modified) => Answer::Done(modified),
            Err(SitesError::Refused(words)) => Answer::Refused(words),
            Err(SitesError::Unavailable(words)) => Answer::Unavailable(words),
            Err(SitesError::Unknown(words)) => Answer::Unknown(words),
        };
        serde_json::to_vec(&answer).map_err(|error| error.to_string())
    }
}

impl Switchboard {
    async fn switch(&self, from: &SiteId, flags: &Flags) -> Result<i64, SitesError> {
        let sites = self.sites.get().and_then(Weak::upgrade).ok_or_else(super::ended)?;
        let write = self.live.read(|state| {
            let projection = &state.projection;
            if !lets_members_switch(projection) {
                return Err(SitesError::Refused(Refusal::NotLeader { leader: None }.to_string()));
            }
            let groups = switched(projection, flags)?;
            let context = WriteContext {
                tenant: objects::ADMIN,
                visibility: Visibility::All,
                now_us: self.clock.wall_us(),
                new_uuid: &|| uuid::Uuid::new_v4().to_string(),
                slug: None,
                origin: Origin::Client,
                attempt: 0,
            };
            let schema = avi_schema::by_path("gslbservice").ok_or_else(super::ended)?;
            objects::patch(projection, schema, &flags.uuid, &json!({"replace": {"groups": groups}}), &context)
                .map_err(|error| SitesError::Refused(error.to_string()))
        })?;
        match sites.write(&write).await {
            Some(outcome) => outcome?,
            None => return Err(SitesError::Unavailable("this site has no other sites any more".to_owned())),
        };
        tracing::info!(target: "audit", site = %from, service = flags.uuid, "groups and members switched by another site");
        Ok(self.live.read(|state| modified(&state.projection, &flags.uuid)).unwrap_or_default())
    }
}

impl LinkedSites {
    /// Has the leader switch what differs between `before` and `after`, and waits until it is shown here.
    pub(super) async fn switch_at_leader(
        &self,
        leader: &SiteId,
        before: &Object,
        after: &Object,
    ) -> Result<store::Revision, SitesError> {
        let request = Request::Switch(flags(before, after));
        let request = serde_json::to_vec(&request).map_err(|error| SitesError::Unavailable(error.to_string()))?;
        let link =
            self.shared.forwarder.get().ok_or_else(|| {
                SitesError::Unavailable("the link to other sites is not open yet: try again".to_owned())
            })?;
        let answer = link.forward(leader, request).await.map_err(|error| not_answered(&error))?;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|_| SitesError::Unknown("the leader's answer makes no sense here: read the object".to_owned()))?;
        let wanted = match answer {
            Answer::Done(modified) => modified,
            Answer::Refused(words) => return Err(SitesError::Refused(words)),
            Answer::Unavailable(words) => return Err(SitesError::Unavailable(words)),
            Answer::Unknown(words) => return Err(SitesError::Unknown(words)),
        };
        let live = &self.shared.live;
        let mut revisions = live.revisions();
        let is_shown = |uuid: &str| live.read(|state| modified(&state.projection, uuid)).is_none_or(|it| it >= wanted);
        let shown = revisions.wait_for(|_| is_shown(&after.uuid));
        match tokio::time::timeout(WRITE_WITHIN, shown).await {
            Ok(_) => Ok(live.read(|state| state.revision)),
            Err(_) => {
                let words = "the leader has the change, and this site does not show it yet: read the object later";
                Err(SitesError::Unknown(words.to_owned()))
            }
        }
    }
}

fn not_answered(error: &ForwardError) -> SitesError {
    match error {
        ForwardError::Lost { .. } | ForwardError::Late { .. } => {
            SitesError::Unknown(format!("{error}: it may happen yet, read the object"))
        }
        ForwardError::NotConnected { .. } | ForwardError::Busy { .. } => SitesError::Unavailable(error.to_string()),
        ForwardError::TooLarge { .. } | ForwardError::Refused { .. } => SitesError::Refused(error.to_string()),
    }
}

fn lets_members_switch(projection: &Projection) -> bool {
    let flag = projection.single("gslb").and_then(|gslb| gslb.body.get("enable_config_by_members")?.as_bool());
    flag == Some(true)
}

fn modified(projection: &Projection, uuid: &str) -> Option<i64> {
    projection.get("gslbservice", uuid).map(|object| object.last_modified_us)
}

/// The flags of `after`, for a leader that has `before`.
fn flags(before: &Object, after: &Object) -> Flags {
    let enabled = |of: &Value| of.get("enabled").and_then(Value::as_bool);
    let list = |of: Option<&Value>| of.and_then(Value::as_array).cloned().unwrap_or_default();
    let groups = list(after.body.get("groups"));
    let groups = groups.iter().map(|group| GroupFlags {
        enabled: enabled(group),
        members: list(group.get("members")).iter().map(enabled).collect(),
    });
    Flags { uuid: after.uuid.clone(), based_on: before.last_modified_us, groups: groups.collect() }
}

/// Whether nothing but flags differs.
pub(super) fn is_switch(before: &Object, after: &Object) -> bool {
    let mut body = before.body.clone();
    let groups = body.get("groups").cloned().unwrap_or_default();
    let Some(groups) = with_flags(groups, &flags(before, after)) else { return false };
    body.insert("groups".to_owned(), groups);
    (before.path, &before.name) == ("gslbservice", &after.name) && body == after.body
}

/// The groups that the service is to have.
fn switched(projection: &Projection, flags: &Flags) -> Result<Value, SitesError> {
    let service = projection.get("gslbservice", &flags.uuid);
    let service = service.filter(|service| service.last_modified_us == flags.based_on).ok_or_else(|| {
        let words =
            "the leader has another version of this object than this site shows: try again when it is here, or there";
        SitesError::Unavailable(words.to_owned())
    })?;
    let groups = service.body.get("groups").cloned().unwrap_or_default();
    with_flags(groups, flags).ok_or_else(|| SitesError::Refused("the service has other groups or members".to_owned()))
}

/// The groups with these flags; `None` where those are the flags of others.
fn with_flags(mut groups: Value, flags: &Flags) -> Option<Value> {
    let list = groups.as_array_mut().filter(|groups| groups.len() == flags.groups.len())?;
    for (group, flags) in list.iter_mut().zip(&flags.groups) {
        set(group, flags.enabled);
        let members = group.get_mut("members").and_then(Value::as_array_mut).map_or(&mut [][..], Vec::as_mut_slice);
        if members.len() != flags.members.len() {
            return None;
        }
        members.iter_mut().zip(&flags.members).for_each(|(member, flag)| set(member, *flag));
    }
    Some(groups)
}

fn set(of: &mut Value, enabled: Option<bool>) {
    let Some(of) = of.as_object_mut() else { return };
    match enabled {
        Some(enabled) => drop(of.insert("enabled".to_owned(), enabled.into())),
        None => drop(of.remove("enabled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(groups: Value) -> Object {
        let Value::Object(body) = json!({"ttl": 2, "groups": groups}) else { unreachable!("an object was given") };
        Object::new("gslbservice", "gslbservice-1".into(), "a".into(), "admin".into(), body, 1)
    }

    #[test]
    fn flags_of_groups_and_members_are_a_switch_and_whatever_else_differs_is_none() {
        let member = |ip: &str, enabled: bool| json!({"ip": {"addr": ip}, "enabled": enabled});
        let before =
            service(json!([{"name": "g", "enabled": true, "members": [member("10.0.0.1", true)]}, {"name": "h"}]));
        let off =
            service(json!([{"name": "g", "members": [member("10.0.0.1", false)]}, {"name": "h", "enabled": false}]));
        assert!(is_switch(&before, &off) && is_switch(&before, &before));
        let others = [
            json!([{"name": "g", "enabled": true, "members": [member("10.0.0.2", true)]}, {"name": "h"}]),
            json!([{"name": "g", "enabled": true, "members": []}, {"name": "h"}]),
            json!([{"name": "g", "enabled": true, "members": [member("10.0.0.1", true)]}]),
        ];
        for groups in others {
            assert!(!is_switch(&before, &service(groups.clone())), "{groups}");
        }
        let mut slower = off.clone();
        slower.body.insert("ttl".to_owned(), json!(3));
        assert!(!is_switch(&before, &slower));
        let there = with_flags(before.body["groups"].clone(), &flags(&before, &off)).unwrap();
        assert_eq!(there, off.body["groups"]);
    }
}
