//! What the controller will not have stands in the status of the object that wants it (amko 12 lines 7 and 8).

use serde_json::{Value, json};

use super::{INGRESSES, POLICY, ingress};
use crate::world::World;

const RULES: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/default/gslbhostrules";

/// Somebody's service has the name already: told in the policy, then in the rule that comes, and taken back there once the
/// name is free.
pub(super) fn stand_in_the_statuses(world: &World) {
    let name = "taken.avi.iberia.local";
    let members = json!([{"ip": {"addr": "10.10.23.64", "type": "V4"}}]);
    let groups = json!([{"name": "by-hand", "priority": 10, "members": members}]);
    let by_hand = world.create("gslbservice", &json!({"name": "by-hand", "domain_names": [name], "groups": groups}));
    world.make("s2", INGRESSES, &ingress("taken", &[(name, "10.10.23.64", &["/"])]));
    let status = |path: &str| world.object("s1az1", path)["status"].clone();
    let is_warned = |status: &Value| {
        let warnings = status["warnings"].as_array().map_or(&[][..], Vec::as_slice);
        let text = warnings.first().and_then(Value::as_str).unwrap_or_default();
        warnings.len() == 1
            && text.starts_with(&format!("GSLB service admin/{name} is not written, trying again: POST "))
            && text.contains("answered 400: ")
            && text.contains("domain name conflicting with existing domain name")
    };
    world.wait("the policy to be warned", || is_warned(&status(POLICY)));
    assert_eq!(status(POLICY)["errorStatus"], "success", "the policy itself is in force");

    let spec = json!({"fqdn": name, "ttl": 5});
    let rule = json!({
        "apiVersion": "amko.vmware.com/v1alpha1", "kind": "GSLBHostRule", "metadata": {"name": "taken"}, "spec": spec,
    });
    world.make("s1az1", RULES, &rule);
    let rule = format!("{RULES}/taken");
    world.wait("the rule to be warned in its place", || {
        is_warned(&status(&rule)) && status(POLICY).get("warnings").is_none()
    });
    assert_eq!((&status(&rule)["status"], &status(&rule)["error"]), (&json!("Accepted"), &json!("")));

    let free = json!({"domain_names": ["by-hand.avi.iberia.local"]});
    world.tune("gslbservice", by_hand["uuid"].as_str().unwrap(), &free);
    world.wait("the service", || world.held("gslbservice").contains_key(name));
    world.wait("the warning to be taken back", || status(&rule).get("warnings").is_none());
    world.remove("s1az1", &rule);
    world.remove("s2", &format!("{INGRESSES}/taken"));
    world.wait("the service to go", || !world.held("gslbservice").contains_key(name));
}
