//! Tenants (amko 5.9).

use serde_json::json;

use crate::world::{World, edit, ingress, namespace, rejections};

fn tenants(world: &mut World) -> Vec<String> {
    world.outcome().desired.services.keys().map(ToString::to_string).collect()
}

fn in_tenant(tenant: &str) -> k8s_crds::Object {
    edit(&ingress("ing1", &[("foo.avi.com", "10.1.1.1")]), |body| {
        body["metadata"]["annotations"] = json!({"ako.vmware.com/tenant-name": tenant});
    })
}

#[test]
fn without_a_namespace_annotation_the_default_tenant_counts() {
    let mut world = World::new();
    world.put("k8s", in_tenant("tenant2"));
    assert_eq!(tenants(&mut world), ["admin/foo.avi.com"]);
    world.config.tenant = "billing".into();
    assert_eq!(tenants(&mut world), ["billing/foo.avi.com"]);
}

#[test]
fn a_membership_stays_while_namespace_and_object_disagree() {
    let mut world = World::new();
    world.put("k8s", in_tenant("admin"));
    world.placed = world.outcome().placed();
    world.put("k8s", namespace("default", json!({}), json!({"ako.vmware.com/tenant-name": "tenant2"})));
    assert_eq!(tenants(&mut world), ["admin/foo.avi.com"]);
    world.put("k8s", in_tenant("tenant2"));
    let outcome = world.outcome();
    assert_eq!(tenants(&mut world), ["tenant2/foo.avi.com"]);
    assert!(outcome.desired.monitors.keys().all(|key| key.tenant == "tenant2"));
    let service = outcome.desired.services.values().next().unwrap();
    assert_eq!(service.to_body()["tenant_ref"], "https:///api/tenant/?name=tenant2");
}

#[test]
fn a_new_object_waits_until_namespace_and_object_agree() {
    let mut world = World::new();
    world.put("k8s", namespace("default", json!({}), json!({"ako.vmware.com/tenant-name": "tenant2"})));
    world.put("k8s", in_tenant("admin"));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty());
    let expected = "its namespace is annotated with tenant tenant2, it itself is in tenant admin";
    assert_eq!(rejections(&outcome), [format!("Ingress default/ing1: {expected}")]);
}
