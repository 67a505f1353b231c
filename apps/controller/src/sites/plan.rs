//! What a Gslb object means for the site that reads it: pure.

use std::{collections::BTreeMap, time::Duration};

use objects::Object;
use serde_json::Value;
use site_replication::{Leadership, Replication, Revision, Settings, SiteId, State, Timing};

/// How long a heartbeat is apart from the next where nobody's lease depends on it.
const HEARTBEAT_BY_HAND: Duration = Duration::from_millis(500);

/// Longest `async_interval`, in seconds.
const BATCH_MAX_S: u64 = 5;

/// A Gslb as one of its sites needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// Uuid of the Gslb.
    pub(crate) gslb: String,
    /// Cluster uuid of who leads, by the object.
    pub(crate) leader: SiteId,
    /// `view_id`.
    pub(crate) view: u64,
    /// All Avi sites, the own one among them.
    pub(crate) sites: BTreeMap<SiteId, Member>,
    /// For the log.
    pub(crate) settings: Settings,
    /// `send_interval` times `clear_on_max_retries`: so long a site may be silent before it is given up.
    pub(crate) silence_max: Duration,
    /// `error_resync_interval`: time between two tries to show what cannot be shown; `None` for never.
    pub(crate) resync_every: Option<Duration>,
}

/// One Avi site of a Gslb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) is_active: bool,
    /// Addresses of its controllers, without a port.
    pub(crate) hosts: Vec<String>,
    /// Port of its API.
    pub(crate) port: u16,
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Plan {
    /// Reads a Gslb. `view` is the log's state, where the checkpoint is looked up.
    pub(crate) fn read(gslb: &Object, view: Option<&State>) -> Self {
        let body = &gslb.body;
        let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |field: &str, default: u64| body.get(field).and_then(Value::as_u64).unwrap_or(default);
        let mut sites = BTreeMap::new();
        let mut suspended = std::collections::BTreeSet::new();
        for site in body.get("sites").and_then(Value::as_array).into_iter().flatten() {
            let id = SiteId::from(text(site, "cluster_uuid").as_str());
            let is = |field: &str, default: bool| site.get(field).and_then(Value::as_bool).unwrap_or(default);
            if is("suspend_mode", false) || !is("enabled", true) {
                suspended.insert(id.clone());
            }
            let addresses = site.get("ip_addresses").and_then(Value::as_array).into_iter().flatten();
            let mut hosts: Vec<String> = addresses.map(|address| text(address, "addr")).collect();
            hosts.extend(Some(text(site, "address")).filter(|host| hosts.is_empty() && !host.is_empty()));
            let port = site.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
            let member = Member {
                name: text(site, "name"),
                is_active: text(site, "member_type") == "GSLB_ACTIVE_MEMBER",
                hosts,
                port: port.unwrap_or(443),
                username: text(site, "username"),
                password: text(site, "password"),
            };
            sites.insert(id, member);
        }
        let active = sites.iter().filter(|(_, site)| site.is_active).map(|(id, _)| id.clone());
        let elected = body.get("leader_election").and_then(Value::as_bool) == Some(true);
        let timing = match elected {
            true => Timing::default(),
            false => Timing { heartbeat: HEARTBEAT_BY_HAND, ..Timing::default() },
        };
        let settings = Settings {
            leadership: if elected { Leadership::Elected } else { Leadership::ByHand },
            replication: replication(body.get("replication_policy"), view),
            batch: Duration::from_secs(number("async_interval", 0).min(BATCH_MAX_S)),
            suspended,
            maintenance: body.get("maintenance_mode").and_then(Value::as_bool) == Some(true),
            timing,
            ..Settings::new(active)
        };
        let leader = body.get("leader_cluster_uuid").and_then(Value::as_str).unwrap_or_default();
        Self {
            gslb: gslb.uuid.clone(),
            leader: leader.into(),
            view: number("view_id", 0),
            sites,
            settings,
            resync_every: Some(number("error_resync_interval", 300)).filter(|s| *s > 0).map(Duration::from_secs),
            silence_max: Duration::from_secs(number("send_interval", 15) * number("clear_on_max_retries", 20)),
        }
    }

    /// Whether other sites get the log.
    pub(crate) fn has_other_active(&self, own: &SiteId) -> bool {
        self.settings.active.iter().any(|site| site != own)
    }
}

/// `host:port`, an IPv6 address in brackets.
pub(crate) fn at(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn replication(policy: Option<&Value>, view: Option<&State>) -> Replication {
    let text = |field: &str| policy.and_then(|policy| policy.get(field)).and_then(Value::as_str);
    match text("replication_mode") {
        Some("REPLICATION_MODE_MANUAL") => {}
        Some("REPLICATION_MODE_ADAPTIVE") => return Replication::Adaptive,
        _ => return Replication::Continuous,
    }
    let uuid = text("checkpoint_ref").and_then(|stored| stored.rsplit('/').next());
    let stored = uuid.and_then(|uuid| view?.get(uuid));
    Replication::Manual { checkpoint: stored.map_or(Revision(0), |stored| stored.revision) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gslb(body: Value) -> Object {
        let Value::Object(body) = body else { unreachable!("an object was given") };
        Object::new("gslb", "gslb-1".into(), "Default".into(), "admin".into(), body, 1)
    }

    #[test]
    fn a_gslb_says_who_takes_part_and_how() {
        let plan = Plan::read(
            &gslb(json!({
                "leader_cluster_uuid": "cluster-a", "view_id": 3, "leader_election": true, "send_interval": 10,
                "clear_on_max_retries": 3, "sites": [
                    {"cluster_uuid": "cluster-a", "name": "a", "member_type": "GSLB_ACTIVE_MEMBER"},
                    {"cluster_uuid": "cluster-b", "name": "b", "member_type": "GSLB_ACTIVE_MEMBER", "suspend_mode": true,
                     "ip_addresses": [{"addr": "10.0.0.2", "type": "V4"}], "port": 9443},
                    {"cluster_uuid": "cluster-c", "name": "c", "member_type": "GSLB_PASSIVE_MEMBER"},
                ],
            })),
            None,
        );
        assert_eq!((plan.leader.as_str(), plan.view, plan.silence_max), ("cluster-a", 3, Duration::from_secs(30)));
        assert_eq!(plan.settings.active.len(), 2);
        assert_eq!(plan.settings.leadership, Leadership::Elected);
        assert_eq!(plan.settings.suspended.iter().map(SiteId::as_str).collect::<Vec<_>>(), ["cluster-b"]);
        assert_eq!(plan.sites[&SiteId::from("cluster-b")].hosts, ["10.0.0.2"]);
        assert!(plan.has_other_active(&"cluster-a".into()));
        assert_eq!(at("10.0.0.2", 9443), "10.0.0.2:9443");
        assert_eq!(at("2001:db8::1", 9443), "[2001:db8::1]:9443");
    }

    #[test]
    fn a_gslb_says_when_changes_go_to_the_others() {
        let adaptive = json!({"replication_policy": {"replication_mode": "REPLICATION_MODE_ADAPTIVE"},
            "async_interval": 3, "error_resync_interval": 0});
        let plan = Plan::read(&gslb(adaptive), None);
        assert_eq!((plan.settings.replication, plan.settings.batch), (Replication::Adaptive, Duration::from_secs(3)));
        assert_eq!(plan.resync_every, None);
        let plain = Plan::read(&gslb(json!({})), None);
        assert_eq!((plain.settings.replication, plain.settings.batch), (Replication::Continuous, Duration::ZERO));
        assert_eq!(plain.resync_every, Some(Duration::from_secs(300)));
    }

    #[test]
    fn manual_mode_shows_nothing_before_its_checkpoint() {
        let manual = json!({"replication_policy": {"replication_mode": "REPLICATION_MODE_MANUAL"}});
        let plan = Plan::read(&gslb(manual), None);
        assert_eq!(plan.settings.replication, Replication::Manual { checkpoint: Revision(0) });
    }
}
