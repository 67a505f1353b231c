//! What protects a service is never left out: it does not run without.

use serde_json::{Value, json};

use crate::plan::{Plan, check, runs_not};

#[test]
fn a_service_does_not_run_without_what_protects_it() {
    check(
        |plan| {
            plan.profile["http_profile"] = json!({"ssl_client_certificate_mode": "SSL_CLIENT_CERTIFICATE_REQUIRE"});
        },
        &["VirtualService vs, application_profile_ref: the profile asks for client certificates, which this release \
            cannot require; the service does not run"],
        runs_not,
    );
    check(
        |plan| plan.service["saml_sp_config"] = json!({"entity_id": "x"}),
        &["VirtualService vs, saml_sp_config: clients are not authenticated by this release; the service does not run"],
        runs_not,
    );
}

#[test]
fn a_service_does_not_run_without_a_security_rule_that_protects_it() {
    let query = json!({"query": {"match_criteria": "QUERY_MATCH_CONTAINS", "match_str": ["debug"]}});
    let countries =
        json!({"client_ip": {"match_criteria": "IS_IN", "group_refs": ["/api/ipaddrgroup?name=countries"]}});
    let rate_limit = json!({"action": "HTTP_SECURITY_ACTION_RATE_LIMIT"});
    for (field, value, why) in [
        (
            "match",
            query,
            "HTTPPolicySet set, http_security_policy.rules[0].match.query: cannot be matched by this release",
        ),
        ("match", countries, "IpAddrGroup countries, country_codes: countries cannot be matched by this release"),
        (
            "action",
            rate_limit,
            "HTTPPolicySet set, http_security_policy.rules[0].action.action: `HTTP_SECURITY_ACTION_RATE_LIMIT` is not done \
             by this release",
        ),
    ] {
        let of_service = format!(
            "VirtualService vs, http_policies[0].http_policy_set_ref: security rule `s` of HTTPPolicySet set ({why}) cannot \
             be applied; the service does not run: change the rule, or switch it off"
        );
        let of_set = format!("{why}; the rule is left out");
        check(|plan| plan.security[field] = value.clone(), &[&of_service, &of_set], runs_not);
        // Switched off, it protects nothing.
        let off = |plan: &mut Plan| {
            plan.security[field] = value;
            plan.security["enable"] = json!(false);
        };
        check(off, &[], |http| http.services.len() == 1);
    }
}

#[test]
fn an_allow_rule_is_missed_only_where_a_later_rule_denies() {
    let allow = json!({"index": 0, "name": "a", "action": {"action": "HTTP_SECURITY_ACTION_ALLOW"},
        "match": {"query": {"match_criteria": "QUERY_MATCH_CONTAINS", "match_str": ["token"]}}});
    let deny = json!({"index": 1, "name": "d", "action": {"action": "HTTP_SECURITY_ACTION_CLOSE_CONN"}});
    let set = |name: &str, rules: &[&Value]| json!({"name": name, "http_security_policy": {"rules": rules}});
    let runs = |sets: [Value; 2]| {
        let mut plan = Plan::new();
        plan.service["http_policies"] = json!([{"index": 2, "http_policy_set_ref": "/api/httppolicyset?name=second"},
            {"index": 1, "http_policy_set_ref": "/api/httppolicyset?name=first"}]);
        let policies = std::mem::replace(&mut plan.service["http_policies"], json!([]));
        let mut world = plan.world();
        for set in sets {
            world.create("httppolicyset", set);
        }
        let vs = world.uuid("virtualservice", "vs");
        world.patch("virtualservice", &vs, &json!({"replace": {"http_policies": policies}}));
        let (snapshot, problems) = world.snapshot();
        assert!(problems.iter().any(|problem| problem.ends_with(
            "match.query: cannot be matched by this release; the rule \
            is left out"
        )));
        let is_told = problems.iter().any(|problem| problem.contains("security rule `a`"));
        assert_eq!(snapshot.http.services.is_empty(), is_told, "{problems:?}");
        !is_told
    };
    assert!(!runs([set("first", &[&allow, &deny]), set("second", &[])]));
    assert!(!runs([set("first", &[&allow]), set("second", &[&deny])]), "sets follow each other");
    assert!(runs([set("first", &[&deny]), set("second", &[&allow])]));
    assert!(runs([set("first", &[&allow]), set("second", &[])]));
}

#[test]
fn a_child_does_not_run_without_its_security_rule_and_its_parent_does() {
    let mut plan = Plan::new();
    plan.service["http_policies"] = json!([]);
    plan.service["type"] = json!("VS_TYPE_VH_PARENT");
    plan.service["vh_type"] = json!("VS_TYPE_VH_ENHANCED");
    plan.security["action"] = json!({"action": "HTTP_SECURITY_ACTION_RATE_LIMIT"});
    let mut world = plan.world();
    world.create(
        "virtualservice",
        json!({"name": "child", "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED",
            "vh_parent_vs_ref": "/api/virtualservice?name=vs", "vh_matches": [{"host": "app.example.com"}],
            "application_profile_ref": "/api/applicationprofile?name=profile",
            "http_policies": [{"index": 1, "http_policy_set_ref": "/api/httppolicyset?name=set"}]}),
    );
    let (snapshot, problems) = world.snapshot();
    assert!(problems[0].starts_with("VirtualService child, http_policies[0].http_policy_set_ref: security rule `s`"));
    assert_eq!(snapshot.http.services[0].children, []);
}
