//! GSLB services and sites (avi-api 5.4, 7.3).

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use objects::{Object, Projection};
use se_protocol::{GslbServiceState, MemberState, PoolState, State};
use serde_json::{Map, Value, json};

use super::{View, is_enabled, list, monitors, status, virtual_service};
use crate::sites::{MemberStanding, SiteStanding, Standing, asks_for_quorum};

/// How long another site may take to dial this one, once this one has reached it.
const DIALS_WITHIN: Duration = Duration::from_secs(10);

/// State of a GSLB service, its pools and members (7.3).
pub(super) fn service(object: &Object, view: &View<'_>) -> Value {
    let View { projection, reports, .. } = *view;
    let found = reports.gslb_service(&object.uuid);
    let oper_status = match &found {
        _ if !is_enabled(&object.body) => status(State::Disabled, "", None),
        Some(GslbServiceState { state, reason, since_us, .. }) => status(*state, reason, Some(*since_us)),
        None => status(State::Unknown, "no engine has reported it", None),
    };
    let sites = Sites::read(projection);
    let groups = list(&object.body, "groups").iter().enumerate().map(|(index, group)| {
        let name = group.get("name").and_then(Value::as_str).unwrap_or_default();
        let pool = found.as_ref().and_then(|service| service.pool(index, name));
        gslb_pool(group, name, pool, object, &sites, view.standing)
    });
    let groups: Vec<Value> = groups.collect();
    let tenant = projection.get("tenant", &object.tenant).map_or(object.tenant.as_str(), |tenant| tenant.name.as_str());
    json!({
        "uuid": object.uuid, "name": object.name, "tenant_name": tenant, "domain_names": list(&object.body, "domain_names"),
        "oper_status": oper_status, "groups": groups,
    })
}

fn gslb_pool(
    group: &Value,
    name: &str,
    pool: Option<&PoolState>,
    service: &Object,
    sites: &Sites<'_>,
    standing: &Standing,
) -> Value {
    let members = group.get("members").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut reported: Vec<&MemberState> = pool.map(|pool| pool.members.iter().collect()).unwrap_or_default();
    let mut by_name = states_by_name(members, &mut reported).into_iter();
    let members: Vec<Value> = members
        .iter()
        .map(|member| {
            let configured = address_of(member);
            // The engine may have left members out, so addresses decide; each state is used once.
            let state = reported.iter().position(|state| Some(state.ip) == configured).map(|at| reported.remove(at));
            let state = state.or_else(|| if has_name(member) { by_name.next() } else { None });
            let mut shown = gslb_member(member, state, service, sites);
            let ip = state.map(|state| state.ip).or(configured);
            let elsewhere = ip.map(|ip| told_elsewhere(standing, &service.uuid, name, ip)).unwrap_or_default();
            if !elsewhere.is_empty() {
                let own = shown.get("datapath_status").and_then(Value::as_array).cloned().unwrap_or_default();
                let others = elsewhere.iter().map(|(uuid, told)| {
                    let state = told.map_or(State::Unknown, |told| told.datapath);
                    json!({"site_uuid": uuid, "oper_status": status(state, "", None)})
                });
                shown["datapath_status"] = Value::Array(own.into_iter().chain(others).collect());
            }
            if let (Some(state), true) = (state, asks_for_quorum(&service.body)) {
                shown["perceptions"] = perceptions(state, &elsewhere, sites);
            }
            shown
        })
        .collect();
    let state = pool.map_or(State::Unknown, |pool| pool.state);
    json!({"name": name, "oper_status": status(state, "", None), "members": members})
}

/// States of members whose names resolved to addresses that the object does not say, in its order: taken out of
/// `reported`, where all of them are there.
fn states_by_name<'s>(members: &[Value], reported: &mut Vec<&'s MemberState>) -> Vec<&'s MemberState> {
    let mut left: Vec<&MemberState> = reported.clone();
    let mut unmatched = 0;
    for member in members {
        match left.iter().position(|state| Some(state.ip) == address_of(member)) {
            Some(at) => drop(left.remove(at)),
            None if has_name(member) => unmatched += 1,
            None => {}
        }
    }
    if left.len() != unmatched {
        // Some are left out, and which is not known here.
        return Vec::new();
    }
    reported.retain(|state| !left.iter().any(|other| std::ptr::eq(*state, *other)));
    left
}

fn address_of(member: &Value) -> Option<std::net::IpAddr> {
    member.pointer("/ip/addr").and_then(Value::as_str).and_then(|addr| addr.parse().ok())
}

fn has_name(member: &Value) -> bool {
    member.get("fqdn").and_then(Value::as_str).is_some_and(|name| !name.is_empty())
}

fn gslb_member(member: &Value, state: Option<&MemberState>, service: &Object, sites: &Sites<'_>) -> Value {
    let text = |field: &str| member.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    for field in ["ip", "public_ip", "fqdn", "cluster_uuid", "vs_uuid", "ratio"] {
        if let Some(value) = member.get(field).filter(|value| **value != json!("")) {
            put(field, value.clone());
        }
    }
    if let Some(name) = text("cluster_uuid").and_then(|uuid| sites.name(uuid)) {
        put("site_name", json!(name));
    }
    put("vip_type", json!(if text("vs_uuid").is_some() { "AVI_VIP" } else { "NON_AVI_VIP" }));
    put("gs_uuid", json!(service.uuid));
    put("gs_name", json!(service.name));
    let Some(state) = state else {
        put("oper_status", status(State::Unknown, "no engine has reported it", None));
        return Value::Object(out);
    };
    if has_name(member) {
        put("ip", json!({"addr": state.ip, "type": if state.ip.is_ipv4() { "V4" } else { "V6" }}));
    }
    put("oper_status", status(state.state, &state.reason, Some(state.since_us)));
    if let Some(controller) = state.controller {
        put("controller_status", status(controller, "", None));
    }
    let datapath = status(state.datapath, "", None);
    put("datapath_status", json!([{"site_uuid": sites.own, "oper_status": datapath}]));
    if !state.monitors.is_empty() {
        let mut shown = monitors(&state.monitors);
        for monitor in shown.as_array_mut().into_iter().flatten() {
            // An engine of this site, or another site.
            let prober = monitor.get("probed_by").and_then(Value::as_str);
            if let Some(name) = prober.and_then(|uuid| sites.name(uuid)) {
                monitor["probed_by_site"] = json!(name);
            }
        }
        put("health_monitor_info", shown);
    }
    Value::Object(out)
}

/// State of the sites (5.4).
pub(super) fn sites(object: &Object, view: &View<'_>) -> Value {
    let projection = view.projection;
    let sites = Sites::read(projection);
    let leader = object.body.get("leader_cluster_uuid").and_then(Value::as_str).unwrap_or_default();
    let mut dns_enabled = false;
    let every = object.body.get("send_interval").and_then(Value::as_u64).unwrap_or(15).max(1);
    let retries = object.body.get("clear_on_max_retries").and_then(Value::as_u64).unwrap_or(20);
    let of_site = |site: &Value, kind: &str| {
        let text = |field: &str| site.get(field).and_then(Value::as_str).unwrap_or_default();
        let uuid = text("cluster_uuid");
        let enabled = site.get("enabled").and_then(Value::as_bool).unwrap_or(true);
        let own = uuid == sites.own;
        let other = view.standing.sites.get(uuid);
        let missed = other.and_then(|other| other.silence).map_or(0, |silence| silence.as_secs() / every);
        let mut seen = Seen::of(enabled, own || kind == "GSLB_THIRD_PARTY_SITE", other, missed >= retries);
        if own && enabled {
            seen.reason = not_found_by(view.standing, &sites);
        }
        if let Some(words) = remark(site, uuid == leader, &seen.reason, view.standing) {
            seen.reason = words.to_owned();
        }
        let mut info = json!({
            "name": text("name"), "cluster_uuid": uuid, "cluster_leader": uuid == leader, "site_type": kind,
            "role": if uuid == leader { "GSLB_LEADER" } else { "GSLB_MEMBER" }, "state": seen.state,
            "oper_status": status(seen.oper, &seen.reason, None), "enabled": enabled,
        });
        if let Some(other) = other {
            info["num_of_retries"] = json!(missed);
            info["sw_version"] = json!(other.software);
            info["last_changed_time"] = time(other.since);
            if let (Some(held), Some(replication)) = (other.held, &view.standing.replication) {
                info["replication_stats"] = json!({"held": held, "pending": replication.last.saturating_sub(held)});
            }
            let states: Vec<Value> =
                list_of(site, "dns_vses").iter().map(|listed| dns_vs_elsewhere(listed, other)).collect();
            if !states.is_empty() {
                let active = other.is_connected && other.dns_services.values().any(|vs| vs.state == State::Up);
                info["dns_info"] = json!({"dns_active": active, "dns_vs_states": states});
            }
        }
        if !seen.reason.is_empty() {
            info["state_reason"] = json!(seen.reason);
        }
        if own {
            info["sw_version"] = json!(env!("CARGO_PKG_VERSION"));
            let states = site.get("dns_vses").and_then(Value::as_array).map(|listed| dns_vs_states(listed, view));
            if let Some(states) = states.filter(|states| !states.is_empty()) {
                info["dns_info"] = json!({"dns_active": true, "dns_vs_states": states});
            }
        }
        json!({"site_info": info})
    };
    let avi: Vec<Value> = list(&object.body, "sites").iter().map(|site| of_site(site, "GSLB_AVI_SITE")).collect();
    let third = list(&object.body, "third_party_sites").iter().map(|site| of_site(site, "GSLB_THIRD_PARTY_SITE"));
    let third: Vec<Value> = third.collect();
    dns_enabled |= avi.iter().any(|site| site.pointer("/site_info/dns_info").is_some());
    let mut out = json!({"uuid": object.uuid, "name": object.name, "dns_enabled": dns_enabled, "site": avi});
    if let Some(replication) = &view.standing.replication {
        out["replication_stats"] = json!({
            "is_leader": replication.is_leader, "is_led": replication.is_led, "leader_cluster_uuid": replication.leader, "view_id": replication.view,
            "last_revision": replication.last, "shown_revision": replication.applied, "set_aside": replication.aside,
        });
    }
    for field in ["send_interval", "clear_on_max_retries", "view_id"] {
        if let Some(value) = object.body.get(field) {
            out[field] = value.clone();
        }
    }
    if !third.is_empty() {
        out["third_party_sites"] = Value::Array(third);
    }
    out
}

/// How one site looks from here.
struct Seen {
    /// `SITE_STATE_…`.
    state: &'static str,
    oper: State,
    reason: String,
}

impl Seen {
    fn of(is_enabled: bool, is_own: bool, other: Option<&SiteStanding>, is_lost: bool) -> Self {
        let seen = |state, oper, reason: &str| Self { state, oper, reason: reason.to_owned() };
        match other {
            _ if !is_enabled => seen("SITE_STATE_DISABLED", State::Disabled, ""),
            _ if is_own => seen("SITE_STATE_NULL", State::Up, ""),
            None => seen("SITE_STATE_INIT", State::Unknown, "no link to it has been tried yet"),
            Some(other) if other.is_connected => seen("SITE_STATE_NULL", State::Up, ""),
            Some(other) => {
                let reason = other.failure.as_deref().unwrap_or("the link to it is down");
                match (is_lost, other.silence) {
                    (true, _) => seen("SITE_STATE_UNREACHABLE", State::Down, reason),
                    (false, None) => seen("SITE_STATE_JOIN_IN_PROGRESS", State::Unknown, reason),
                    // Missed, and not yet given up.
                    (false, Some(_)) => seen("SITE_STATE_NULL", State::Up, reason),
                }
            }
        }
    }
}

/// What else is to be said of a site beside `reason`, or in its place.
fn remark(site: &Value, is_named_leader: bool, reason: &str, standing: &Standing) -> Option<&'static str> {
    let is_led = standing.replication.as_ref().is_none_or(|replication| replication.is_led);
    if is_named_leader && !is_led {
        return Some("it led last, and nobody leads until a majority of the active sites elects");
    }
    let is_suspended = site.get("suspend_mode") == Some(&json!(true));
    (reason.is_empty() && is_suspended).then_some("suspend_mode: what changes is kept back from it")
}

/// Which sites do not find the way to this one, though this one finds the way to them; empty while all do.
fn not_found_by(standing: &Standing, sites: &Sites<'_>) -> String {
    let is_long = |site: &SiteStanding| site.since.elapsed().is_ok_and(|since| since >= DIALS_WITHIN);
    let lost = standing.sites.iter().filter(|(_, site)| site.does_not_dial && is_long(site));
    let names: Vec<&str> = lost.map(|(uuid, _)| sites.name(uuid).unwrap_or(uuid)).collect();
    if names.is_empty() {
        return String::new();
    }
    let names = names.join(", ");
    format!(
        "{names} can be reached from here and cannot reach this site: check the ip_addresses of this site in the Gslb"
    )
}

fn dns_vs_elsewhere(listed: &Value, site: &SiteStanding) -> Value {
    let uuid = listed.get("dns_vs_uuid").and_then(Value::as_str).unwrap_or_default();
    let found = site.dns_services.get(uuid);
    let (name, state, reason) = match found {
        Some(vs) => (vs.name.as_str(), vs.state, vs.reason.as_str()),
        None => (uuid, State::Unknown, "the site has not told of it"),
    };
    let state = if site.is_connected { state } else { State::Unknown };
    json!({"uuid": uuid, "name": name, "oper_status": status(state, reason, None), "valid_dns_vs": found.is_some()})
}

/// What each other site tells of a member, with its uuid; `None` where it cannot be heard.
fn told_elsewhere<'a>(
    standing: &'a Standing,
    service: &'a str,
    pool: &'a str,
    ip: IpAddr,
) -> Vec<(&'a str, Option<&'a MemberStanding>)> {
    let told = standing.sites.iter().filter_map(|(uuid, site)| {
        let told = site.members.get(service)?.iter().find(|member| member.ip == ip && member.pool == pool)?;
        Some((uuid.as_str(), site.is_connected.then_some(told)))
    });
    told.collect()
}

/// How each site perceives a member whose service asks for a quorum of them, the own site first; `oper_status` is what
/// follows, with the reason.
fn perceptions(own: &MemberState, elsewhere: &[(&str, Option<&MemberStanding>)], sites: &Sites<'_>) -> Value {
    let elsewhere = elsewhere.iter().map(|(uuid, told)| (*uuid, told.map_or(State::Unknown, |told| told.perceived)));
    let all = std::iter::once((sites.own, own.perceived)).chain(elsewhere);
    let shown = all.map(|(uuid, state)| {
        json!({"site_uuid": uuid, "site_name": sites.name(uuid), "oper_status": status(state, "", None)})
    });
    Value::Array(shown.collect())
}

fn time(at: SystemTime) -> Value {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    json!({"secs": since.as_secs(), "usecs": since.subsec_micros()})
}

fn list_of<'a>(fields: &'a Value, field: &str) -> &'a [Value] {
    fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn dns_vs_states(listed: &[Value], view: &View<'_>) -> Vec<Value> {
    let states = listed.iter().filter_map(|vs| {
        let uuid = vs.get("dns_vs_uuid")?.as_str()?;
        let object = view.projection.get("virtualservice", uuid);
        let oper_status = object.map_or_else(
            || status(State::Unknown, "there is no such virtual service", None),
            |object| virtual_service::Summary::of(object, view).status.to_json(),
        );
        let name = object.map_or(uuid, |object| object.name.as_str());
        Some(json!({"uuid": uuid, "name": name, "oper_status": oper_status, "valid_dns_vs": object.is_some()}))
    });
    states.collect()
}

/// Names of the GSLB sites, and which is this controller's.
pub(in crate::routes) struct Sites<'a> {
    own: &'a str,
    gslb: Option<&'a Object>,
}

impl<'a> Sites<'a> {
    pub(in crate::routes) fn read(projection: &'a Projection) -> Self {
        let own = projection.single("cluster").map_or("", |cluster| cluster.uuid.as_str());
        Self { own, gslb: projection.single("gslb").map(AsRef::as_ref) }
    }

    pub(in crate::routes) fn name(&self, cluster_uuid: &str) -> Option<&'a str> {
        let body = &self.gslb?.body;
        let sites = list(body, "sites").iter().chain(list(body, "third_party_sites"));
        let site =
            sites.into_iter().find(|site| site.get("cluster_uuid").and_then(Value::as_str) == Some(cluster_uuid))?;
        site.get("name")?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sites::Replication;

    fn site(does_not_dial: bool, since: SystemTime) -> SiteStanding {
        SiteStanding {
            is_connected: !does_not_dial,
            since,
            silence: None,
            software: String::new(),
            failure: None,
            does_not_dial,
            dns_services: BTreeMap::new(),
            virtual_services: BTreeMap::new(),
            members: BTreeMap::new(),
            held: None,
        }
    }

    #[test]
    fn a_leader_that_does_not_lead_and_a_suspended_site_are_told() {
        let standing = |is_led| {
            let replication = Replication {
                is_leader: true,
                leader: "cluster-a".to_owned(),
                is_led,
                view: 1,
                last: 1,
                applied: 1,
                aside: 0,
            };
            Standing { sites: BTreeMap::new(), replication: Some(replication) }
        };
        let (plain, suspended) = (json!({}), json!({"suspend_mode": true}));
        assert_eq!(remark(&plain, true, "", &standing(true)), None);
        assert_eq!(remark(&plain, false, "", &standing(false)), None);
        assert!(remark(&plain, true, "", &standing(false)).unwrap().contains("nobody leads"));
        assert!(remark(&suspended, false, "", &standing(true)).unwrap().starts_with("suspend_mode"));
        assert_eq!(remark(&suspended, false, "no link", &standing(true)), None, "that it is away matters more");
    }

    #[test]
    fn sites_that_are_reached_and_do_not_reach_this_one_for_long_are_told_with_what_to_check() {
        let (long_ago, now) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(u32::MAX.into()));
        let sites = Sites { own: "cluster-a", gslb: None };
        let standing = |others: &[(&str, SiteStanding)]| Standing {
            sites: others.iter().map(|(uuid, site)| ((*uuid).to_owned(), site.clone())).collect(),
            replication: None,
        };
        // The second has only just begun, by its clock it has yet to.
        let well = standing(&[("cluster-b", site(false, long_ago)), ("cluster-c", site(true, now))]);
        assert_eq!(not_found_by(&well, &sites), "");
        let lost = standing(&[("cluster-b", site(false, long_ago)), ("cluster-c", site(true, long_ago))]);
        let words = not_found_by(&lost, &sites);
        assert!(words.starts_with("cluster-c can be reached from here and cannot reach this site"), "{words}");
    }
}
