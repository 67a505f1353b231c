//! `PoolGroup` (avi-api 2.7, 10.5).

use std::sync::Arc;

use model::http::{PoolGroup, PoolGroupMember};

use super::unsupported;
use crate::{field::Message, reading::Reading};

/// The pool group; `None` where there is none of that uuid.
pub(super) fn read(uuid: &str, reading: &mut Reading<'_, '_>) -> Option<Arc<PoolGroup>> {
    let object = reading.get("poolgroup", uuid)?;
    let label = format!("PoolGroup {}", object.name);
    let group = Message::root(&label, object.fields);
    unsupported::of_pool_group(&group, reading);
    let members = group.messages("members");
    let members = members.iter().filter_map(|entry| member(entry, reading)).collect();
    let servers_min = group.number("min_servers").map_or(0, |count| u16::try_from(count).unwrap_or(u16::MAX));
    Some(Arc::new(PoolGroup { uuid: object.uuid.to_owned(), name: object.name.to_owned(), members, servers_min }))
}

fn member(entry: &Message<'_>, reading: &mut Reading<'_, '_>) -> Option<PoolGroupMember> {
    let Some(pool) = entry.reference("pool_ref") else {
        reading.tell(entry.problem("pool_ref", "no pool; the member is skipped"));
        return None;
    };
    let priority = match entry.text("priority_label") {
        None => 0,
        Some(label) => match label.parse() {
            Ok(priority) => priority,
            Err(_) => {
                let reason = format!(
                    "`{label}` is no number, and scripts that choose labels are not run; the member is skipped"
                );
                reading.tell(entry.problem("priority_label", reason));
                return None;
            }
        },
    };
    let ratio = entry.number("ratio").unwrap_or(1);
    let Some(ratio) = u16::try_from(ratio).ok().filter(|ratio| *ratio <= 1000) else {
        reading.tell(entry.problem("ratio", format!("{ratio} is outside 0 to 1000; the member is skipped")));
        return None;
    };
    Some(PoolGroupMember { pool: pool.to_owned(), ratio, priority })
}
