//! Gslb: what a federation needs before it can exist (avi-api 5.1, 5.8).

use std::net::IpAddr;

use model::DomainName;
use serde_json::{Map, Value};

use super::{Draft, TypeRules, federation};
use crate::defaults::join;
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::Projection;
use crate::reference;
use crate::write::guards::Guards;

pub(super) struct Gslb;

impl TypeRules for Gslb {
    fn our_fields(&self) -> &'static [&'static str] {
        &["leader_election"]
    }

    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let named_before = draft.before.and_then(|before| before.body.get("leader_cluster_uuid")).cloned();
        let body = &mut draft.object.body;
        if named_before.is_some() && named_before.as_ref() != body.get("leader_cluster_uuid") {
            // Split groups tell each other apart by it: a new leader starts a new epoch.
            let view_id = draft.before.and_then(|before| before.body.get("view_id")?.as_i64()).unwrap_or(0);
            body.insert("view_id".to_owned(), Value::from(view_id + 1));
        } else if let Some(view_id) = draft.before.and_then(|before| before.body.get("view_id")) {
            // Not for clients to say.
            body.insert("view_id".to_owned(), view_id.clone());
        }
        let known = draft.before.map(|before| elements(&before.body, "third_party_sites").to_vec()).unwrap_or_default();
        for site in body.get_mut("third_party_sites").and_then(Value::as_array_mut).into_iter().flatten() {
            let before = known.iter().find(|known| known.get("name") == site.get("name"));
            let cluster_uuid = before.and_then(|before| before.get("cluster_uuid")).cloned();
            let cluster_uuid =
                cluster_uuid.unwrap_or_else(|| format!("tp_cluster-{}", (draft.context.new_uuid)()).into());
            if let Some(site) = site.as_object_mut() {
                site.entry("cluster_uuid").or_insert(cluster_uuid);
            }
        }
        Ok(())
    }

    fn check(&self, draft: &Draft<'_>, _guards: &mut Guards) -> Result<(), WriteError> {
        let (projection, body) = (draft.projection, &draft.object.body);
        let led = draft.before.and_then(|before| before.body.get("leader_cluster_uuid"));
        if !federation::is_leader(projection, body) {
            let leads = draft.before.is_some_and(|before| federation::is_leader(projection, &before.body));
            if !leads {
                return Err(WriteError::NotLeader);
            }
            let words = "a site is made the leader there: ask that one, or run `meridian promote` with its address";
            return Err(WriteError::invalid("leader_cluster_uuid", words));
        }
        check_sub_domains(body)?;
        check_sites(body)?;
        // Who takes the lead in a disaster may lead without DNS of its own.
        if let Some(before) = draft.before.filter(|_| led.is_some() && led != body.get("leader_cluster_uuid")) {
            return check_promotion(before, &draft.object);
        }
        check_own_site(projection, body)?;
        check_addresses(projection, body)
    }

    fn check_delete(&self, projection: &Projection, object: &Object, _guards: &mut Guards) -> Result<(), WriteError> {
        // No guard of its own: a new GSLB service writes the back-reference guard of the Gslb.
        let services: Vec<String> =
            projection.objects("gslbservice").take(20).map(|service| format!("GslbService {}", service.name)).collect();
        if services.is_empty() || object.path != "gslb" {
            return Ok(());
        }
        Err(WriteError::Referred { model: "Gslb", referrers: services })
    }

    fn points_at(&self, body: &Map<String, Value>) -> Vec<(&'static str, String)> {
        let sites = elements(body, "sites").iter().filter_map(Value::as_object);
        let dns_vses = sites.flat_map(|site| elements(site, "dns_vses"));
        dns_vses.filter_map(|vs| Some(("virtualservice", vs.get("dns_vs_uuid")?.as_str()?.to_owned()))).collect()
    }
}

/// The sub-domains of a Gslb.
pub(super) fn sub_domains(gslb: &Map<String, Value>) -> Vec<DomainName> {
    let configured = elements(gslb, "dns_configs").iter().filter_map(|config| config.get("domain_name")?.as_str());
    configured.filter_map(|name| DomainName::parse(name).ok()).collect()
}

fn check_sub_domains(body: &Map<String, Value>) -> Result<(), WriteError> {
    let configs = elements(body, "dns_configs");
    if configs.is_empty() {
        return Err(WriteError::Required("dns_configs".to_owned()));
    }
    for (index, config) in configs.iter().enumerate() {
        let name = config.get("domain_name").and_then(Value::as_str).unwrap_or_default();
        if let Err(error) = DomainName::parse(name) {
            return Err(WriteError::invalid(format!("dns_configs[{index}].domain_name"), error.to_string()));
        }
    }
    Ok(())
}

/// A site is listed once, under a name of its own; and who elects are three or more.
fn check_sites(body: &Map<String, Value>) -> Result<(), WriteError> {
    let sites = elements(body, "sites");
    for field in ["cluster_uuid", "name"] {
        let all = || sites.iter().map(|site| site.get(field).and_then(Value::as_str).unwrap_or_default());
        for (index, value) in all().enumerate() {
            if all().take(index).any(|before| before == value) {
                let words = format!("'{value}' is another site's, too: list each site once");
                return Err(WriteError::invalid(format!("sites[{index}].{field}"), words));
            }
        }
    }
    let active = |site: &&Value| site.get("member_type").and_then(Value::as_str) == Some("GSLB_ACTIVE_MEMBER");
    let elects = body.get("leader_election").and_then(Value::as_bool) == Some(true);
    if elects && sites.iter().filter(active).count() < 3 {
        let words = "three active sites are needed: of two, neither alone is a majority";
        return Err(WriteError::invalid("leader_election", words));
    }
    for list in ["sites", "third_party_sites"] {
        for (index, site) in elements(body, list).iter().enumerate() {
            let at = format!("{list}[{index}].hm_proxies");
            let proxies = site.get("hm_proxies").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            if active(&site) && !proxies.is_empty() {
                let words = "an active site probes by itself: proxies are for passive and third-party sites";
                return Err(WriteError::invalid(at, words));
            }
            check_proxies(&at, proxies, sites.iter().filter(active))?;
        }
    }
    Ok(())
}

/// Each is another active site (avi-api 5.5).
fn check_proxies<'v>(
    at: &str,
    proxies: &[Value],
    active: impl Iterator<Item = &'v Value> + Clone,
) -> Result<(), WriteError> {
    let named = || proxies.iter().map(|proxy| proxy.get("site_uuid").and_then(Value::as_str).unwrap_or_default());
    for (index, uuid) in named().enumerate() {
        let at = format!("{at}[{index}].site_uuid");
        if !active.clone().any(|site| site.get("cluster_uuid").and_then(Value::as_str) == Some(uuid)) {
            return Err(WriteError::invalid(
                at,
                format!("'{uuid}' is no active site of this Gslb, by its cluster_uuid"),
            ));
        }
        if named().take(index).any(|before| before == uuid) {
            return Err(WriteError::invalid(at, format!("'{uuid}' is listed before: list each site once")));
        }
    }
    Ok(())
}

/// A site is made the leader by what it has of the Gslb: what else a write says would be lost.
fn check_promotion(before: &Object, after: &Object) -> Result<(), WriteError> {
    let words = "a site is made the leader alone: change this once it leads";
    if before.name != after.name {
        return Err(WriteError::invalid("name", words));
    }
    let (before, after) = (&before.body, &after.body);
    let fields = before.keys().chain(after.keys()).filter(|field| before.get(*field) != after.get(*field));
    let mut others = fields.filter(|field| !["leader_cluster_uuid", "view_id"].contains(&field.as_str()));
    others.next().map_or(Ok(()), |field| Err(WriteError::invalid(field.as_str(), words)))
}

fn check_own_site(projection: &Projection, body: &Map<String, Value>) -> Result<(), WriteError> {
    let own_uuid = projection.single("cluster").map(|cluster| cluster.uuid.as_str());
    let sites = elements(body, "sites").iter().filter_map(Value::as_object).enumerate();
    let mut own = sites.filter(|(_, site)| site.get("cluster_uuid").and_then(Value::as_str) == own_uuid);
    let Some((index, site)) = own.next() else {
        let own_uuid = own_uuid.unwrap_or_default();
        return Err(WriteError::invalid(
            "sites",
            format!("this controller's own cluster {own_uuid} is not among them"),
        ));
    };
    let at = format!("sites[{index}]");
    if site.get("member_type").and_then(Value::as_str) != Some("GSLB_ACTIVE_MEMBER") {
        return Err(WriteError::invalid(join(&at, "member_type"), "the leader's site is a GSLB_ACTIVE_MEMBER"));
    }
    let dns_vses = elements(site, "dns_vses");
    if dns_vses.is_empty() {
        return Err(WriteError::invalid(join(&at, "dns_vses"), "at least one DNS virtual service is needed"));
    }
    for (index, vs) in dns_vses.iter().enumerate() {
        let uuid = vs.get("dns_vs_uuid").and_then(Value::as_str).unwrap_or_default();
        let at = format!("{at}.dns_vses[{index}].dns_vs_uuid");
        match projection.get("virtualservice", uuid) {
            None => return Err(WriteError::invalid(at, format!("virtual service '{uuid}' does not exist"))),
            Some(vs) if !is_dns(projection, vs) => {
                return Err(WriteError::invalid(at, format!("virtual service '{}' is not of DNS type", vs.name)));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Each address is that of a host, and of one site; and the others have one for this site. More is not refused here: behind a
/// translation of addresses a site need not be able to reach itself where the others do.
fn check_addresses(projection: &Projection, body: &Map<String, Value>) -> Result<(), WriteError> {
    let own_uuid = projection.single("cluster").map(|cluster| cluster.uuid.as_str());
    let sites = elements(body, "sites");
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut taken: Vec<(String, u64, String)> = Vec::new();
    for (index, site) in sites.iter().enumerate() {
        let at = format!("sites[{index}].ip_addresses");
        let listed = site.get("ip_addresses").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_own = site.get("cluster_uuid").and_then(Value::as_str) == own_uuid;
        if is_own && sites.len() > 1 && listed.is_empty() && text(site, "address").is_empty() {
            let words = "an address is needed at which the other sites reach this controller";
            return Err(WriteError::invalid(at, words));
        }
        let port = site.get("port").and_then(Value::as_u64).unwrap_or(443);
        for (number, address) in listed.iter().map(|address| text(address, "addr")).enumerate() {
            let at = format!("{at}[{number}].addr");
            let ip = address.parse::<IpAddr>().ok();
            if ip.is_some_and(|ip| ip.is_unspecified() || ip.is_multicast()) {
                return Err(WriteError::invalid(at, format!("no controller is at {address}")));
            }
            let other =
                taken.iter().find(|(taken, on, name)| *taken == address && *on == port && *name != text(site, "name"));
            if let Some((_, _, name)) = other {
                let words = format!("site {name} is at {address} port {port}, too: no two controllers are");
                return Err(WriteError::invalid(at, words));
            }
            taken.push((address, port, text(site, "name")));
        }
    }
    Ok(())
}

fn is_dns(projection: &Projection, vs: &Object) -> bool {
    let profile = vs.body.get("application_profile_ref").and_then(Value::as_str);
    let profile = profile.and_then(reference::parse_stored).and_then(|(path, uuid)| projection.get(path, uuid));
    let kind = profile.and_then(|profile| profile.body.get("type")?.as_str());
    kind == Some("APPLICATION_PROFILE_TYPE_DNS")
}

fn elements<'v>(body: &'v Map<String, Value>, name: &str) -> &'v [Value] {
    body.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
