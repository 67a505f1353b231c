//! Which namespaces are served, and in which tenant (ako 11).

use ako_translate::ObjectType;
use serde_json::json;

use crate::world::{World, bodies, hosts, ingress, left_out, namespace, service};

#[test]
fn only_selected_namespaces_are_served() {
    let mut world = World::new();
    world.set("labelKey", "app");
    world.set("labelValue", "migrate");
    world.put(ingress("red/ing", &[("foo.com", &["/=web"])]));
    world.put(service("red/lb", json!({"type": "LoadBalancer", "ports": [{"port": 80}]})));
    let lines = |what: &str| [format!("Ingress red/ing: {what}"), format!("Service red/lb: {what}")];
    assert_eq!(left_out(&world.outcome()), lines("its namespace lacks the label app=migrate"));
    world.put(namespace("red", json!({"app": "other"}), json!({})));
    assert_eq!(left_out(&world.outcome()), lines("its namespace lacks the label app=migrate"));
    world.put(namespace("red", json!({"app": "migrate"}), json!({})));
    assert_eq!(hosts(&world.outcome()), ["foo.com"]);
    world.set("blockedNamespaceList", r#"["red"]"#);
    assert_eq!(left_out(&world.outcome()), lines("its namespace is in blockedNamespaceList"), "it wins");
}

/// 14.7, 157.
#[test]
fn a_namespace_may_choose_its_tenant() {
    let mut world = World::new();
    world.put(ingress("red/ing", &[("foo.com", &["/=web"])]));
    world.put(ingress("blue/ing", &[("foo.com", &["/blue=web"])]));
    world.put(namespace("red", json!({}), json!({"ako.vmware.com/tenant-name": "nonadmin"})));
    let outcome = world.outcome();
    let tenants = |kind| -> Vec<String> {
        outcome
            .desired
            .objects()
            .filter(|o| o.key.kind == kind)
            .map(|o| format!("{}/{}", o.key.tenant, o.key.name))
            .collect()
    };
    assert_eq!(
        tenants(ObjectType::VirtualService),
        ["admin/cluster--Shared-L7-EVH-0", "nonadmin/cluster--Shared-L7-EVH-0"],
        "each tenant has its own family of parents"
    );
    assert_eq!(tenants(ObjectType::ChildVirtualService).len(), 2);
    let vips = bodies(&outcome, ObjectType::VsVip);
    assert_eq!(vips[1]["dns_info"][0]["fqdn"], "cluster--Shared-L7-EVH-0.nonadmin.avi.internal");
    assert_eq!(outcome.ingresses.len(), 2);
}

#[test]
fn a_namespace_with_an_infra_setting_is_not_served_without_it() {
    let mut world = World::new();
    world.put(ingress("red/ing", &[("foo.com", &["/=web"])]));
    world.put(namespace("red", json!({}), json!({"aviinfrasetting.ako.vmware.com/name": "infra"})));
    let reason = "Ingress red/ing: AviInfraSetting infra of its namespace is not supported by this release";
    assert_eq!(left_out(&world.outcome()), [reason]);
}
