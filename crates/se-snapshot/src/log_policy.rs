//! `analytics_policy` of a `VirtualService`, and the log throttles of its `ServiceEngineGroup` (avi-api 2.4, 2.20, 7.5).

use model::{FullLogs, LogGroup, LogPolicy};

use crate::{Object, World, field::Message};

/// Name of the group of virtual services that name none.
const DEFAULT_GROUP: &str = "Default-Group";
/// Microseconds of a minute.
const MINUTE_US: i64 = 60_000_000;
/// Minutes that full client logs last where the object does not say.
const MINUTES: u64 = 30;

/// What is logged of a virtual service. The time of full client logs begins with the last write of the object.
pub(crate) fn read(object: Object<'_>, service: &Message<'_>, group: Option<Object<'_>>) -> LogPolicy {
    let defaults = LogPolicy::default();
    let policy = service.message("analytics_policy");
    let full = policy.message("full_client_logs");
    let minutes = full.number("duration").unwrap_or(MINUTES);
    let lasts_us = i64::try_from(minutes).unwrap_or(i64::MAX).saturating_mul(MINUTE_US);
    LogPolicy {
        significant_per_s: rate(&policy, "significant_log_throttle", defaults.significant_per_s),
        full: full.flag("enabled", false).then(|| FullLogs {
            per_s: rate(&full, "throttle", 10),
            until_us: (minutes > 0).then(|| object.modified_us.saturating_add(lasts_us)),
        }),
        group: group.map(|group| read_group(group, &defaults.group)).unwrap_or(defaults.group),
    }
}

/// The group of a virtual service.
pub(crate) fn group<'a>(service: &Message<'_>, world: &World<'a>) -> Option<Object<'a>> {
    match service.reference("se_group_ref") {
        Some(uuid) => world.get("serviceenginegroup", uuid),
        None => default_group(world),
    }
}

/// The group of virtual services that name none.
pub(crate) fn default_group<'a>(world: &World<'a>) -> Option<Object<'a>> {
    world.of("serviceenginegroup").find(|group| group.name == DEFAULT_GROUP)
}

fn read_group(object: Object<'_>, defaults: &LogGroup) -> LogGroup {
    let label = format!("ServiceEngineGroup {}", object.name);
    let group = Message::root(&label, object.fields);
    LogGroup {
        uuid: object.uuid.to_owned(),
        significant_per_s: rate(&group, "significant_log_throttle", defaults.significant_per_s),
        non_significant_per_s: rate(&group, "non_significant_log_throttle", defaults.non_significant_per_s),
    }
}

/// Logs per second, 0 = no limit.
fn rate(message: &Message<'_>, field: &str, default: u32) -> u32 {
    message.number(field).map_or(default, |rate| u32::try_from(rate).unwrap_or(u32::MAX))
}
