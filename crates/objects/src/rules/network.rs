//! Network: subnets that exist, ranges that lie in them (avi-api 2.17).

use std::net::IpAddr;

use serde_json::Value;

use super::{Draft, TypeRules};
use crate::error::WriteError;
use crate::ipam::Prefix;
use crate::write::guards::Guards;

pub(super) struct Network;

impl TypeRules for Network {
    fn check(&self, draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        let subnets = draft.object.body.get("configured_subnets").and_then(Value::as_array).into_iter().flatten();
        let mut seen: Vec<Prefix> = Vec::new();
        for (index, subnet) in subnets.enumerate() {
            let at = format!("configured_subnets[{index}]");
            let Some(prefix) = subnet.get("prefix").and_then(Prefix::parse) else {
                return Err(WriteError::invalid(
                    format!("{at}.prefix"),
                    "is no subnet: an address and a mask that fits it",
                ));
            };
            if seen.contains(&prefix) {
                return Err(WriteError::invalid(format!("{at}.prefix"), format!("{prefix} is configured twice")));
            }
            seen.push(prefix);
            check_ranges(subnet, prefix, &at)?;
        }
        Ok(())
    }
}

fn check_ranges(subnet: &Value, prefix: Prefix, at: &str) -> Result<(), WriteError> {
    let list = |name: &str| subnet.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let typed = list("static_ip_ranges").iter().enumerate();
    let typed = typed.map(|(index, range)| (format!("{at}.static_ip_ranges[{index}].range"), range.get("range")));
    let older = list("static_ranges").iter().enumerate();
    let older = older.map(|(index, range)| (format!("{at}.static_ranges[{index}]"), Some(range)));
    for (at, range) in typed.chain(older) {
        let end = |name: &str| -> Option<IpAddr> { range?.get(name)?.get("addr")?.as_str()?.parse().ok() };
        match (end("begin"), end("end")) {
            (Some(begin), Some(end)) if !prefix.contains(begin) || !prefix.contains(end) => {
                return Err(WriteError::invalid(at, format!("{begin} to {end} is not within {prefix}")));
            }
            (Some(begin), Some(end)) if begin > end => {
                return Err(WriteError::invalid(at, format!("it begins with {begin} and ends before, with {end}")));
            }
            (Some(_), Some(_)) => {}
            _ => return Err(WriteError::invalid(at, "begin and end have to be addresses")),
        }
    }
    Ok(())
}
