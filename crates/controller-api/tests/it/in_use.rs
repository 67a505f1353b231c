//! What is in use stays, and what is free can be had again: avi-api 1.10, 4.2, lines 76, 77, 79 to 81, 88 of 11.4 and
//! 97, 98 of 11.5, with the codes and texts that operators read.

use serde_json::{Value, json};

use crate::gslb::{monitor, service, with_gslb};
use crate::harness::{Client, Controller};

const CERTIFICATE: &str = include_str!("../../../certificates/tests/data/v3.pem");
const KEY: &str = include_str!("../../../certificates/tests/data/v3.key");

async fn post(client: &mut Client, kind: &str, body: Value) -> String {
    let made = client.post(&format!("/api/{kind}"), body).await.expect(201).json();
    format!("/api/{kind}/{}", made["uuid"].as_str().unwrap())
}

/// IPAM for `Default-Cloud` with addresses 10.0.0.10 to `last`; the paths of its network and profile.
async fn ipam(client: &mut Client, last: &str) -> (String, String) {
    let subnet = json!({"prefix": {"ip_addr": {"addr": "10.0.0.0"}, "mask": 24},
        "static_ip_ranges": [{"range": {"begin": {"addr": "10.0.0.10"}, "end": {"addr": last}}}]});
    let network = post(client, "network", json!({"name": "n", "configured_subnets": [subnet]})).await;
    let profile = json!({"name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL",
        "internal_profile": {"usable_networks": [{"nw_ref": "/api/network?name=n"}]}});
    let profile = post(client, "ipamdnsproviderprofile", profile).await;
    let cloud = client.get("/api/cloud?name=Default-Cloud").await.json();
    let cloud = format!("/api/cloud/{}", cloud["results"][0]["uuid"].as_str().unwrap());
    let change = json!({"replace": {"ipam_provider_ref": "/api/ipamdnsproviderprofile?name=ipam"}});
    client.patch(&cloud, change).await.expect(200);
    (network, profile)
}

fn allocated(name: &str) -> Value {
    json!({"name": name, "vip": [{"vip_id": "0", "auto_allocate_ip": true}]})
}

#[tokio::test]
async fn whatever_a_virtual_service_uses_is_deleted_after_it() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let client = &mut client;
    let (network, profile) = ipam(client, "10.0.0.11").await;
    let vs_vip = post(client, "vsvip", allocated("v")).await;
    let health = post(client, "healthmonitor", json!({"name": "hm", "type": "HEALTH_MONITOR_TCP"})).await;
    let sticky = json!({"name": "sticky", "persistence_type": "PERSISTENCE_TYPE_CLIENT_IP_ADDRESS"});
    let sticky = post(client, "applicationpersistenceprofile", sticky).await;
    let pool = json!({"name": "p", "health_monitor_refs": ["/api/healthmonitor?name=hm"],
        "application_persistence_profile_ref": "/api/applicationpersistenceprofile?name=sticky"});
    let pool = post(client, "pool", pool).await;
    let group = json!({"name": "g", "members": [{"pool_ref": "/api/pool?name=p"}]});
    let group = post(client, "poolgroup", group).await;
    let strings = post(client, "stringgroup", json!({"name": "strings", "type": "SG_TYPE_STRING"})).await;
    let rule = json!({"name": "r", "index": 0, "enable": true,
        "match": {"path": {"match_criteria": "BEGINS_WITH", "string_group_refs": ["/api/stringgroup?name=strings"]}},
        "switching_action": {"action": "HTTP_SWITCHING_SELECT_POOLGROUP", "pool_group_ref": "/api/poolgroup?name=g"}});
    let policy = post(client, "httppolicyset", json!({"name": "s", "http_request_policy": {"rules": [rule]}})).await;
    let certificate = json!({"name": "c", "certificate": {"certificate": CERTIFICATE}, "key": KEY});
    let certificate = post(client, "sslkeyandcertificate", certificate).await;
    let ssl = post(client, "sslprofile", json!({"name": "ssl"})).await;
    let application = json!({"name": "app", "type": "APPLICATION_PROFILE_TYPE_HTTP"});
    let application = post(client, "applicationprofile", application).await;
    let parent = json!({"name": "parent", "services": [{"port": 443, "enable_ssl": true}],
        "vsvip_ref": "/api/vsvip?name=v", "type": "VS_TYPE_VH_PARENT", "vh_type": "VS_TYPE_VH_ENHANCED",
        "ssl_key_and_certificate_refs": ["/api/sslkeyandcertificate?name=c"],
        "ssl_profile_ref": "/api/sslprofile?name=ssl", "application_profile_ref": "/api/applicationprofile?name=app",
        "pool_group_ref": "/api/poolgroup?name=g"});
    let parent = post(client, "virtualservice", parent).await;
    let child = json!({"name": "child", "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED",
        "vh_parent_vs_ref": "/api/virtualservice?name=parent",
        "http_policies": [{"http_policy_set_ref": "/api/httppolicyset?name=s", "index": 11}],
        "vh_matches": [{"host": "a.test"}]});
    let child = post(client, "virtualservice", child).await;

    for (path, users) in [
        (&network, "'IpamDnsProviderProfile ipam', 'VsVip v'"),
        (&profile, "'Cloud Default-Cloud'"),
        (&vs_vip, "'VirtualService parent'"),
        (&health, "'Pool p'"),
        (&sticky, "'Pool p'"),
        (&pool, "'PoolGroup g'"),
        (&group, "'HTTPPolicySet s', 'VirtualService parent'"),
        (&strings, "'HTTPPolicySet s'"),
        (&policy, "'VirtualService child'"),
        (&certificate, "'VirtualService parent'"),
        (&ssl, "'VirtualService parent'"),
        (&application, "'VirtualService parent'"),
        (&parent, "'VirtualService child'"),
    ] {
        let reply = client.delete(path).await.expect(403);
        assert_eq!(reply.error(), format!("Cannot delete, object is referred by: [{users}]"), "{path}");
        client.get(path).await.expect(200);
    }
    for path in
        [&child, &parent, &vs_vip, &policy, &strings, &group, &pool, &sticky, &health, &certificate, &ssl, &application]
    {
        let reply = client.delete(path).await.expect(204);
        assert_eq!((reply.text.as_str(), reply.headers.get("content-length").unwrap()), ("", &"0".parse().unwrap()));
        client.delete(path).await.refused(404, " object not found!");
    }
    client.delete(&network).await.refused(403, "['IpamDnsProviderProfile ipam']");
    assert_eq!(controller.store.range("/address/", None, 0).await.unwrap().0, []);
}

#[tokio::test]
async fn an_address_is_kept_on_change_and_free_once_its_vsvip_is_gone() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let client = &mut client;
    ipam(client, "10.0.0.11").await;
    let made = client.post("/api/vsvip", allocated("v1")).await.expect(201).json();
    assert_eq!(made["vip"][0]["ip_address"], json!({"addr": "10.0.0.10", "type": "V4"}));
    assert_eq!(made["vip"][0]["avi_allocated_vip"], true);
    let first = format!("/api/vsvip/{}", made["uuid"].as_str().unwrap());
    post(client, "vsvip", allocated("v2")).await;
    client.post("/api/vsvip", allocated("v3")).await.refused(400, "No available free IPs");
    assert_eq!(client.get("/api/vsvip?name=v3").await.json()["count"], 0);

    let kept = client.put(&first, allocated("v1")).await.expect(200).json();
    assert_eq!(kept["vip"][0]["ip_address"]["addr"], "10.0.0.10");
    let mut other = allocated("v1");
    other["vip"][0]["ip_address"] = json!({"addr": "10.0.0.11", "type": "V4"});
    client.put(&first, other).await.refused(400, "If a new preferred IP is needed, please recreate the VIP");
    let mut other = allocated("v1");
    other["vip"][0]["vip_id"] = json!("1");
    client.put(&first, other).await.refused(400, "Changing an existing VIP's vip_id is not supported");
    let mut other = allocated("v1");
    other["vrf_context_ref"] = json!("/api/vrfcontext?name=management");
    client.put(&first, other).await.refused(400, "Cannot modify VrfContext");

    client.delete(&first).await.expect(204);
    let again = client.post("/api/vsvip", allocated("v3")).await.expect(201).json();
    assert_eq!(again["vip"][0]["ip_address"]["addr"], "10.0.0.10");
    let mut taken = allocated("v4");
    taken["vip"] = json!([{"vip_id": "0", "ip_address": {"addr": "10.0.0.10", "type": "V4"}}]);
    client.post("/api/vsvip", taken).await.refused(400, "IP address 10.0.0.10 conflicts with VsVip v3");
}

#[tokio::test]
async fn older_clients_read_bare_references_and_post_with_a_slash() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    with_gslb(&mut client).await;
    let monitor = client.post("/api/healthmonitor/", monitor("a.avi.iberia.local")).await.expect(201).json();
    let made = client.post("/api/gslbservice/", service("a.avi.iberia.local")).await.expect(201).json();
    assert!(made["health_monitor_refs"][0].as_str().unwrap().contains('#'), "{made}");
    let listed = client.get("/api/gslbservice?page_size=100").await.json();
    let reference = listed["results"][0]["health_monitor_refs"][0].as_str().unwrap().to_owned();
    assert!(reference.ends_with(monitor["uuid"].as_str().unwrap()), "{reference}");
}
