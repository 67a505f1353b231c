//! The columns that people see of each type.

use serde_json::Value;

use crate::output;

/// Types whose columns show their state: the API joins it when asked.
pub(super) const SHOWING_STATE: [&str; 5] = ["gslb", "gslbservice", "virtualservice", "pool", "serviceengine"];

/// A column: its title and how its text comes from an object.
type Column = (&'static str, fn(&Value) -> String);

/// Objects of a type as a table.
pub(super) fn as_table(kind: &str, objects: &[Value]) -> String {
    let columns = columns(kind);
    // Of a GSLB people look at its sites.
    let sites: Vec<Value> = objects.iter().filter(|_| kind == "gslb").flat_map(sites).collect();
    let objects = if sites.is_empty() { objects } else { &sites };
    let header: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
    let rows = objects.iter().map(|object| columns.iter().map(|(_, cell)| cell(object)).collect()).collect();
    output::table(&header, rows)
}

fn columns(kind: &str) -> &'static [Column] {
    match kind {
        "gslb" => &[
            ("site", |o| text(o, "/site_info/name")),
            ("role", |o| text(o, "/site_info/role").replace("GSLB_", "").to_lowercase()),
            ("type", |o| text(o, "/type").replace("GSLB_", "").replace("_MEMBER", "").to_lowercase()),
            ("state", |o| state(o, "/site_info/oper_status/state")),
            ("address", |o| text(o, "/address")),
            ("dns up", dns_up),
            ("behind", |o| text(o, "/site_info/replication_stats/pending")),
            ("version", |o| text(o, "/site_info/sw_version")),
            ("why", |o| text(o, "/site_info/state_reason")),
        ],
        "gslbservice" => &[
            ("name", |o| text(o, "/name")),
            ("state", |o| state(o, "/runtime/oper_status/state")),
            ("up", members_up),
            ("split", split),
            ("ttl", |o| text(o, "/ttl")),
            ("monitors", |o| count(o, "/health_monitor_refs")),
            ("created by", |o| text(o, "/created_by")),
        ],
        "virtualservice" => &[
            ("name", |o| text(o, "/name")),
            ("type", |o| text(o, "/type").replace("VS_TYPE_VH_", "").replace("VS_TYPE_", "").to_lowercase()),
            ("vip", vips_of_service),
            ("ports", ports),
            ("state", |o| state(o, "/runtime/oper_status/state")),
            ("pools up", |o| share(o, "/runtime/num_pools_up", "/runtime/num_pools")),
            ("servers up", |o| share(o, "/runtime/num_servers_up", "/runtime/num_servers_enabled")),
            ("hosts", hosts),
        ],
        "pool" => &[
            ("name", |o| text(o, "/name")),
            ("state", |o| state(o, "/runtime/oper_status/state")),
            ("servers up", |o| share(o, "/runtime/num_servers_up", "/runtime/num_servers_enabled")),
            ("servers", |o| count(o, "/servers")),
            ("port", ports_of_servers),
            ("algorithm", |o| text(o, "/lb_algorithm").replace("LB_ALGORITHM_", "").to_lowercase()),
            ("monitors", |o| names(list(o, "health_monitor_refs"))),
            ("created by", |o| text(o, "/created_by")),
        ],
        "vsvip" => &[
            ("name", |o| text(o, "/name")),
            ("vip", |o| addresses(list(o, "vip"))),
            ("network", |o| names(all(list(o, "vip"), "/ipam_network_subnet/network_ref"))),
            ("names", |o| words(&all(list(o, "dns_info"), "/fqdn"))),
            ("used by", |o| names(list(o, "vs_refs"))),
        ],
        "serviceengine" => &[
            ("name", |o| text(o, "/name")),
            ("state", |o| state(o, "/runtime/oper_status/state")),
            ("address", |o| text(o, "/mgmt_vnic/vnic_networks/0/ip/ip_addr/addr")),
            ("version", |o| text(o, "/runtime/version")),
            ("group", |o| name(&text(o, "/se_group_ref"))),
            ("services", |o| count(o, "/vs_refs")),
            ("revision", |o| text(o, "/runtime/config_revision")),
        ],
        "healthmonitor" => &[
            ("name", |o| text(o, "/name")),
            ("type", |o| text(o, "/type").replace("HEALTH_MONITOR_", "")),
            ("port", |o| text(o, "/monitor_port")),
            ("interval", |o| text(o, "/send_interval") + "s"),
            ("timeout", |o| text(o, "/receive_timeout") + "s"),
            ("up/down after", |o| format!("{}/{}", text(o, "/successful_checks"), text(o, "/failed_checks"))),
            ("description", |o| text(o, "/description")),
        ],
        _ => &[("name", |o| text(o, "/name")), ("uuid", |o| text(o, "/uuid"))],
    }
}

fn text(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn state(object: &Value, pointer: &str) -> String {
    text(object, pointer).replace("OPER_", "").to_lowercase()
}

fn count(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len).to_string()
}

fn list<'v>(object: &'v Value, key: &str) -> &'v [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The sites of a GSLB with what their configuration says of type and address.
fn sites(gslb: &Value) -> Vec<Value> {
    let states = gslb.pointer("/runtime/site").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    let with_config = states.iter().map(|state| {
        let uuid = text(state, "/site_info/cluster_uuid");
        let config = list(gslb, "sites").iter().find(|site| text(site, "/cluster_uuid") == uuid);
        let mut site = state.clone();
        if let Some(config) = config {
            site["type"] = config.get("member_type").cloned().unwrap_or_default();
            site["address"] = config.pointer("/ip_addresses/0/addr").cloned().unwrap_or_default();
        }
        site
    });
    with_config.collect()
}

/// DNS virtual services of a site that are up, of all: `1/1`.
fn dns_up(site: &Value) -> String {
    let states = site.pointer("/site_info/dns_info/dns_vs_states").and_then(Value::as_array);
    let Some(states) = states.filter(|states| !states.is_empty()) else { return "-".to_owned() };
    let up = states.iter().filter(|vs| state(vs, "/oper_status/state") == "up").count();
    format!("{up}/{}", states.len())
}

/// Members that are up, of all: `2/3`.
fn members_up(object: &Value) -> String {
    let groups = object.pointer("/runtime/groups").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    let members: Vec<&Value> = groups.iter().flat_map(|group| list(group, "members")).collect();
    if members.is_empty() {
        return "-".to_owned();
    }
    let up = members.iter().filter(|member| state(member, "/oper_status/state") == "up").count();
    format!("{up}/{}", members.len())
}

/// Address, or name, and ratio of every member: `192.0.2.1=6 app.example.org=4`, pools apart by ` | `.
fn split(object: &Value) -> String {
    let pools: Vec<String> = list(object, "groups")
        .iter()
        .map(|group| {
            let members: Vec<String> = list(group, "members")
                .iter()
                .map(|member| {
                    let has_address = member.pointer("/ip/addr").is_some();
                    let target = if has_address { "/ip/addr" } else { "/fqdn" };
                    format!("{}={}", text(member, target), text(member, "/ratio"))
                })
                .collect();
            members.join(" ")
        })
        .collect();
    pools.join(" | ")
}

/// `2/3` of two numbers; nothing when there is nothing to count.
fn share(object: &Value, up: &str, of: &str) -> String {
    match object.pointer(of).and_then(Value::as_u64) {
        None | Some(0) => "-".to_owned(),
        Some(of) => format!("{}/{of}", text(object, up)),
    }
}

/// Addresses that a virtual service is reached at; of a child, those of its parent.
fn vips_of_service(object: &Value) -> String {
    let vips = object.pointer("/runtime/vip_summary").and_then(Value::as_array);
    addresses(vips.map_or_else(|| list(object, "vip"), Vec::as_slice))
}

fn addresses(vips: &[Value]) -> String {
    let families = ["/ip_address/addr", "/ip6_address/addr"];
    words(&vips.iter().flat_map(|vip| families.iter().filter_map(|family| vip.pointer(family))).collect::<Vec<_>>())
}

/// Listening ports: `80 443s`, with `s` where TLS ends.
fn ports(object: &Value) -> String {
    let ports = list(object, "services").iter().map(|service| {
        let (first, last) = (text(service, "/port"), text(service, "/port_range_end"));
        let range = if [first.as_str(), "-", "0"].contains(&last.as_str()) { first } else { format!("{first}-{last}") };
        let is_tls = service.get("enable_ssl").and_then(Value::as_bool) == Some(true);
        if is_tls { range + "s" } else { range }
    });
    let ports: Vec<String> = ports.collect();
    if ports.is_empty() { "-".to_owned() } else { ports.join(" ") }
}

/// Ports that the servers of a pool are reached at: of those that name none, that of the pool.
fn ports_of_servers(object: &Value) -> String {
    let own = |server: &Value| server.get("port").and_then(Value::as_u64).filter(|port| *port != 0);
    let default = text(object, "/default_server_port");
    let mut ports: Vec<String> = Vec::new();
    for port in
        list(object, "servers").iter().map(|server| own(server).map_or(default.clone(), |port| port.to_string()))
    {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    if ports.is_empty() { default } else { ports.join(" ") }
}

/// Names that a virtual service answers to.
fn hosts(object: &Value) -> String {
    let mut found = all(list(object, "vh_matches"), "/host");
    for name in list(object, "vh_domain_name") {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    if found.is_empty() {
        found.extend(object.get("fqdn"));
    }
    words(&found)
}

/// What a pointer finds in each element, each thing once.
fn all<'v>(elements: &'v [Value], pointer: &str) -> Vec<&'v Value> {
    let mut found: Vec<&Value> = Vec::new();
    for value in elements.iter().filter_map(|element| element.pointer(pointer)) {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// Names of referenced objects.
fn names<'v>(references: impl IntoIterator<Item = &'v Value>) -> String {
    let names: Vec<String> = references.into_iter().filter_map(Value::as_str).map(name).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(" ") }
}

/// The name behind a reference's `#`, which may hold further ones; all of it where it has no name.
fn name(reference: &str) -> String {
    reference.split_once('#').map_or(reference, |(_, name)| name).to_owned()
}

fn words(values: &[&Value]) -> String {
    let words: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_shows_its_state_split_and_members() {
        let service = json!({
            "name": "app.example.com", "created_by": "amko-1", "health_monitor_refs": ["a"],
            "groups": [{"members": [{"ip": {"addr": "192.0.2.1"}, "ratio": 6}, {"fqdn": "b.test", "ratio": 4}]}],
            "runtime": {"oper_status": {"state": "OPER_UP"}, "groups": [{"members": [
                {"oper_status": {"state": "OPER_UP"}}, {"oper_status": {"state": "OPER_DOWN"}}]}]}
        });
        assert_eq!(
            as_table("gslbservice", &[service]),
            "NAME              STATE   UP    SPLIT                  TTL   MONITORS   CREATED BY\n\
             app.example.com   up      1/2   192.0.2.1=6 b.test=4   -     1          amko-1\n"
        );
    }

    #[test]
    fn a_type_without_columns_of_its_own_shows_name_and_uuid() {
        let tenant = json!({"name": "admin", "uuid": "admin"});
        assert_eq!(as_table("tenant", &[tenant]), "NAME    UUID\nadmin   admin\n");
    }

    #[test]
    fn a_virtual_service_shows_where_it_is_reached_and_what_is_up_behind_it() {
        let parent = json!({
            "name": "parent", "type": "VS_TYPE_VH_PARENT", "services": [{"port": 80, "port_range_end": 80},
                {"port": 443, "enable_ssl": true}, {"port": 8000, "port_range_end": 8010}],
            "runtime": {"oper_status": {"state": "OPER_UP"}, "num_pools": 0, "num_pools_up": 0,
                "vip_summary": [{"ip_address": {"addr": "192.0.2.1"}, "ip6_address": {"addr": "2001:db8::1"}}]}
        });
        let child = json!({
            "name": "child", "type": "VS_TYPE_VH_CHILD", "vh_matches": [{"host": "a.test"}, {"host": "b.test"}],
            "runtime": {"oper_status": {"state": "OPER_DOWN"}, "num_pools": 1, "num_pools_up": 0, "num_servers_up": 0,
                "num_servers_enabled": 2, "vip_summary": [{"ip_address": {"addr": "192.0.2.1"}}]}
        });
        assert_eq!(
            as_table("virtualservice", &[parent, child]),
            "NAME     TYPE     VIP                     PORTS               STATE   POOLS UP   SERVERS UP   HOSTS\n\
             parent   parent   192.0.2.1 2001:db8::1   80 443s 8000-8010   up      -          -            -\n\
             child    child    192.0.2.1               -                   down    0/1        0/2          a.test b.test\n"
        );
    }

    #[test]
    fn the_port_of_a_pool_is_that_of_its_servers() {
        let port = |servers: Value| ports_of_servers(&json!({"default_server_port": 80, "servers": servers}));
        assert_eq!(port(json!([{"port": 8080}, {"port": 8080}])), "8080");
        assert_eq!(port(json!([{"port": 8080}, {}, {"port": 9090}])), "8080 80 9090");
        assert_eq!([port(json!([])), ports_of_servers(&json!({}))], ["80", "-"]);
    }

    #[test]
    fn pools_vsvips_and_engines_have_columns_of_their_own() {
        let pool = json!({
            "name": "p", "servers": [{}, {}], "default_server_port": 8080, "created_by": "ako-c",
            "lb_algorithm": "LB_ALGORITHM_ROUND_ROBIN", "health_monitor_refs": ["https://c/api/healthmonitor/h#System-TCP"],
            "runtime": {"oper_status": {"state": "OPER_UP"}, "num_servers_up": 1, "num_servers_enabled": 2}
        });
        assert_eq!(
            as_table("pool", &[pool]),
            "NAME   STATE   SERVERS UP   SERVERS   PORT   ALGORITHM     MONITORS     CREATED BY\n\
             p      up      1/2          2         8080   round_robin   System-TCP   ako-c\n"
        );
        let vs_vip = json!({
            "name": "v", "vip": [{"ip_address": {"addr": "192.0.2.1"},
                "ipam_network_subnet": {"network_ref": "https://c/api/network/n#vip-net"}}],
            "dns_info": [{"fqdn": "a.test"}], "vs_refs": ["https://c/api/virtualservice/x#parent"]
        });
        assert_eq!(
            as_table("vsvip", &[vs_vip]),
            "NAME   VIP         NETWORK   NAMES    USED BY\nv      192.0.2.1   vip-net   a.test   parent\n"
        );
        let engine = json!({
            "name": "se-a", "se_group_ref": "https://c/api/serviceenginegroup/g#Default-Group", "vs_refs": ["a", "b"],
            "mgmt_vnic": {"vnic_networks": [{"ip": {"ip_addr": {"addr": "192.0.2.9"}}}]},
            "runtime": {"oper_status": {"state": "OPER_UP"}, "version": "0.1.0", "config_revision": 7}
        });
        assert_eq!(
            as_table("serviceengine", &[engine]),
            "NAME   STATE   ADDRESS     VERSION   GROUP           SERVICES   REVISION\n\
             se-a   up      192.0.2.9   0.1.0     Default-Group   2          7\n"
        );
    }

    #[test]
    fn of_a_gslb_its_sites_are_shown() {
        let gslb = json!({
            "name": "Default",
            "sites": [{"cluster_uuid": "a", "member_type": "GSLB_ACTIVE_MEMBER", "ip_addresses": [{"addr": "192.0.2.1"}]}],
            "runtime": {"site": [{"site_info": {
                "name": "site1", "cluster_uuid": "a", "role": "GSLB_LEADER", "oper_status": {"state": "OPER_UP"},
                "dns_info": {"dns_vs_states": [{"oper_status": {"state": "OPER_UP"}}]}, "sw_version": "1.0",
            }}]},
        });
        assert_eq!(
            as_table("gslb", &[gslb]),
            "SITE    ROLE     TYPE     STATE   ADDRESS     DNS UP   BEHIND   VERSION   WHY\n\
             site1   leader   active   up      192.0.2.1   1/1      -        1.0       -\n"
        );
    }
}
