//! What the engine cannot do is told with object and field, and left out where running without it would be wrong.

use model::http::{
    FailAction, HeaderEdit, HeaderValue, HttpObjects, LocalResponse, RequestAction, SecurityAction, StringCriterion,
    UriPart,
};
use serde_json::{Value, json};

use crate::plan::{Plan, check, runs_not};
use crate::world::{CERTIFICATE, KEY, compile};

fn has_no_request_rule(http: &HttpObjects) -> bool {
    http.services[0].host.policies[0].request.is_empty()
}

#[test]
fn all_of_it_runs_when_nothing_is_odd() {
    let (snapshot, problems) = Plan::new().world().snapshot();
    assert_eq!(problems, [] as [String; 0]);
    compile(&snapshot);
}

#[test]
fn other_kinds_of_services_do_not_run() {
    for name in ["System-L4-Application", "System-SSL-Application"] {
        let kind = if name == "System-L4-Application" { "L4" } else { "SSL" };
        let expected = format!(
            "VirtualService vs, application_profile_ref: `APPLICATION_PROFILE_TYPE_{kind}` is not run by this release; \
             the service does not run"
        );
        let edit = |plan: &mut Plan| {
            plan.service["application_profile_ref"] = json!(format!("/api/applicationprofile?name={name}"));
        };
        check(edit, &[&expected], runs_not);
    }
    check(
        |plan| plan.service["type"] = json!("VS_TYPE_VH_PARENT"),
        &["VirtualService vs, vh_type: virtual hosting by server name is not run by this release, only \
            VS_TYPE_VH_ENHANCED; the service does not run"],
        runs_not,
    );
}

#[test]
fn a_port_that_cannot_speak_http_is_not_listened_on() {
    check(
        |plan| {
            plan.service["services"] = json!([{"port": 80, "enable_http2": true},
                {"port": 81, "override_network_profile_ref": "/api/networkprofile?name=System-UDP-Fast-Path"},
                {"port": 82, "override_application_profile_ref": "/api/applicationprofile?name=System-L4-Application"},
                {"port": 83, "port_range_end": 84},
                {"port": 85, "override_network_profile_ref": "/api/networkprofile?name=System-TCP-Fast-Path"}]);
        },
        &[
            "VirtualService vs, services[0].enable_http2: HTTP/2 is offered with TLS only; HTTP/1.1 is spoken",
            "VirtualService vs, services[1].override_network_profile_ref: HTTP needs TCP, not \
             PROTOCOL_TYPE_UDP_FAST_PATH; the port is not listened on",
            "VirtualService vs, services[2].override_application_profile_ref: a port has no profile of its own in this \
             release; it is not listened on",
        ],
        |http| http.services[0].ports.iter().map(|port| port.port).eq([80, 83, 84, 85]),
    );
}

#[test]
fn a_pool_that_wants_tls_is_not_spoken_to_in_plain_text() {
    check(
        |plan| plan.pool["ssl_profile_ref"] = json!("/api/sslprofile?name=System-Standard"),
        &["Pool pool, ssl_profile_ref: servers are not spoken to with TLS by this release; the pool gets no requests"],
        |http| http.pools.is_empty() && http.pool_groups.len() == 1 && http.services.len() == 1,
    );
    check(
        |plan| plan.pool["use_service_port"] = json!(true),
        &["Pool pool, use_service_port: servers have ports of their own in this release; the pool gets no requests"],
        |http| http.pools.is_empty(),
    );
}

#[test]
fn what_a_pool_and_its_group_lack_is_told() {
    check(
        |plan| {
            plan.pool["lb_algorithm"] = json!("LB_ALGORITHM_CONSISTENT_HASH");
            plan.pool["application_persistence_profile_ref"] =
                json!("/api/applicationpersistenceprofile?name=System-Persistence-Client-IP");
            plan.pool["servers"] = json!([{"ip": {"addr": "web.example.com", "type": "DNS"}},
                {"ip": {"addr": "192.0.2.10"}, "enabled": false}]);
            plan.group["members"] = json!([
                {"pool_ref": "/api/pool?name=pool", "priority_label": "shop.example.com/", "ratio": 100}]);
            plan.group["deactivate_primary_pool_on_down"] = json!(true);
            plan.service["pool_ref"] = json!("/api/pool?name=pool");
            plan.service["pool_group_ref"] = json!("");
            plan.rule["switching_action"] =
                json!({"action": "HTTP_SWITCHING_SELECT_POOLGROUP", "pool_group_ref": "/api/poolgroup?name=group"});
        },
        &[
            "Pool pool, application_persistence_profile_ref: clients do not stay with a server in this release",
            "Pool pool, servers[0].ip: `web.example.com` is not an IP address; skipped",
            "Pool pool, lb_algorithm: `LB_ALGORITHM_CONSISTENT_HASH` is not in this release; \
             LB_ALGORITHM_LEAST_CONNECTIONS is used",
            "PoolGroup group, deactivate_primary_pool_on_down: not applied by this release",
            "PoolGroup group, members[0].priority_label: `shop.example.com/` is no number, and scripts that choose labels \
             are not run; the member is skipped",
        ],
        |http| http.pools[0].servers.len() == 1 && !http.pools[0].servers[0].enabled,
    );
}

#[test]
fn what_makes_no_difference_is_told() {
    check(
        |plan| {
            plan.service["analytics_policy"] = json!({"all_headers": true});
            plan.service["max_cps_per_client"] = json!(100);
            plan.service["ssl_key_and_certificate_refs"] = json!([]);
            plan.profile["http_profile"] = json!({"respond_with_100_continue": false,
                "compression_profile": {"compression": true, "remove_accept_encoding_header": true,
                    "type": "AUTO_COMPRESSION"}});
            plan.profile["preserve_client_ip"] = json!(true);
            plan.pool["append_port"] = json!("NEVER");
            plan.pool["server_reselect"] = json!({"enabled": true});
            plan.rule["log"] = json!(true);
        },
        &[
            "VirtualService vs, max_cps_per_client: not applied by this release",
            "VirtualService vs, analytics_policy.all_headers: not applied by this release",
            "ApplicationProfile profile, http_profile.compression_profile.compression: not applied by this release",
            "ApplicationProfile profile, http_profile.respond_with_100_continue: the engine answers Expect: 100-continue \
             itself",
            "ApplicationProfile profile, preserve_client_ip: servers see the engine's address",
            "HTTPPolicySet set, http_request_policy.rules[0].log: a rule forces no log entry in this release",
            "Pool pool, append_port: the Host header passes as it is",
            "Pool pool, server_reselect: not applied by this release",
        ],
        |http| http.services.len() == 1 && http.pools.len() == 1,
    );
}

#[test]
fn fail_actions_are_answers_of_our_own() {
    let action = |action: Value, problems: &[&str]| {
        let mut plan = Plan::new();
        plan.pool["fail_action"] = action;
        let (snapshot, found) = plan.world().snapshot();
        assert_eq!(found, problems);
        snapshot.http.pools[0].fail_action.clone()
    };
    assert_eq!(action(json!({"type": "FAIL_ACTION_CLOSE_CONN"}), &[]), FailAction::CloseConnection);
    let local = json!({"type": "FAIL_ACTION_HTTP_LOCAL_RSP", "local_rsp": {"status_code": "FAIL_HTTP_STATUS_CODE_200",
        "file": {"content_type": "text/plain", "file_content": "back soon"}}});
    let file = Some(("text/plain".to_owned(), b"back soon".to_vec()));
    assert_eq!(action(local, &[]), FailAction::Respond(LocalResponse { status: 200, file }));
    let elsewhere = json!({"type": "FAIL_ACTION_HTTP_REDIRECT", "redirect": {"protocol": "HTTPS",
        "host": "sorry.example.com", "path": "/down", "query": "from=app", "status_code": "HTTP_REDIRECT_STATUS_CODE_307"}});
    let FailAction::Redirect(redirect) = action(elsewhere, &[]) else { panic!("a redirect") };
    assert_eq!((redirect.status, redirect.path), (307, vec![UriPart::Text("/down?from=app".into())]));
    let problem = "Pool pool, fail_action.type: `FAIL_ACTION_BACKUP_POOL` is not done by this release; clients get 503";
    assert_eq!(action(json!({"type": "FAIL_ACTION_BACKUP_POOL"}), &[problem]), FailAction::ServiceUnavailable);
}

#[test]
fn a_rule_whose_match_cannot_be_expressed_matches_nothing() {
    let query = json!({"match_criteria": "QUERY_MATCH_CONTAINS", "match_str": ["debug"]});
    let cookie = json!({"name": "a", "match_criteria": "HDR_EQUALS", "value": "b"});
    let countries = json!({"match_criteria": "IS_IN", "group_refs": ["/api/ipaddrgroup?name=countries"]});
    for (field, criterion, at, why) in [
        (
            "query",
            query,
            "HTTPPolicySet set, http_request_policy.rules[0].match.query",
            "cannot be matched by this release",
        ),
        (
            "cookie",
            cookie,
            "HTTPPolicySet set, http_request_policy.rules[0].match.cookie",
            "cannot be matched by this release",
        ),
        ("client_ip", countries, "IpAddrGroup countries, country_codes", "countries cannot be matched by this release"),
    ] {
        let expected = format!("{at}: {why}; the rule is left out");
        check(
            |plan| {
                plan.rule["match"] = json!({"path": {"match_criteria": "BEGINS_WITH", "match_str": ["/admin"]}});
                plan.rule["match"][field] = criterion;
            },
            &[&expected],
            has_no_request_rule,
        );
    }
}

#[test]
fn a_rule_whose_action_cannot_be_done_is_left_out() {
    let rewrite = json!({"path": {"type": "URI_PARAM_TYPE_TOKENIZED", "tokens": [
        {"type": "URI_TOKEN_TYPE_STRING", "str_value": "x"}]}});
    let at = "HTTPPolicySet set, http_request_policy.rules[0]";
    for (field, action, problem) in [
        ("rewrite_url_action", rewrite, "rewrite_url_action: addresses are not rewritten by this release"),
        (
            "switching_action",
            json!({"action": "HTTP_SWITCHING_SELECT_POOL", "pool_ref": "/api/pool?name=pool",
                "server": {"ip": {"addr": "192.0.2.10"}}}),
            "switching_action.server: a single server of a pool cannot be chosen by this release",
        ),
        (
            "redirect_action",
            json!({"protocol": "HTTPS", "path": {"type": "URI_PARAM_TYPE_TOKENIZED", "tokens": [
                {"type": "URI_TOKEN_TYPE_REGEX", "str_value": "a"}]}}),
            "redirect_action.path.tokens[0].type: `URI_TOKEN_TYPE_REGEX` is not resolved by this release",
        ),
    ] {
        let expected = format!("{at}.{problem}; the rule is left out");
        check(|plan| plan.rule[field] = action, &[&expected], has_no_request_rule);
    }
}

#[test]
fn a_header_of_which_nothing_is_known_is_taken_away() {
    check(
        |plan| {
            plan.rule["hdr_action"] = json!([
                {"action": "HTTP_REPLACE_HDR", "hdr": {"name": "Host", "value": {"val": "app.local"}}},
                {"action": "HTTP_REPLACE_HDR",
                    "hdr": {"name": "X-Client", "value": {"var": "HTTP_POLICY_VAR_SSL_CLIENT_SUBJECT"}}},
                {"action": "HTTP_ADD_HDR", "hdr": {"name": "X-User", "value": {"var": "HTTP_POLICY_VAR_USER_NAME"}}},
                {"action": "HTTP_ADD_HDR", "hdr": {"name": "X-From", "value": {"var": "HTTP_POLICY_VAR_SOURCE_IP"}}},
                {"action": "HTTP_REMOVE_HDR", "hdr": {"name": "X-Old"}}]);
        },
        &[
            "HTTPPolicySet set, http_request_policy.rules[0].hdr_action[1].hdr.value.var: \
             `HTTP_POLICY_VAR_SSL_CLIENT_SUBJECT` is not known to this release; the header is removed",
            "HTTPPolicySet set, http_request_policy.rules[0].hdr_action[2].hdr.value.var: `HTTP_POLICY_VAR_USER_NAME` is \
             not known to this release; the edit is left out",
        ],
        |http| {
            http.services[0].host.policies[0].request[0].header_edits
                == [
                    HeaderEdit::Replace("Host".into(), HeaderValue::Text("app.local".into())),
                    HeaderEdit::Remove("X-Client".into()),
                    HeaderEdit::Add("X-From".into(), HeaderValue::ClientIp),
                    HeaderEdit::Remove("X-Old".into()),
                ]
        },
    );
}

#[test]
fn every_criterion_of_a_match_is_read() {
    check(
        |plan| {
            plan.rule["match"] = json!({
                "client_ip": {"match_criteria": "IS_NOT_IN", "group_refs": ["/api/ipaddrgroup?name=addresses"],
                    "ranges": [{"begin": {"addr": "2001:db8::1"}, "end": {"addr": "2001:db8::9"}}]},
                "vs_port": {"match_criteria": "IS_NOT_IN", "ports": [80, 443]},
                "protocol": {"match_criteria": "IS_NOT_IN", "protocols": "HTTP"},
                "method": {"match_criteria": "IS_IN", "methods": ["HTTP_METHOD_GET", "HTTP_METHOD_HEAD"]},
                "path": {"match_criteria": "REGEX_DOES_NOT_MATCH", "match_case": "SENSITIVE",
                    "match_decoded_string": false, "string_group_refs": ["/api/stringgroup?name=strings"]},
                "host_hdr": {"match_criteria": "HDR_ENDS_WITH", "value": [".example.com"]},
                "hdrs": [{"hdr": "X-A", "match_criteria": "HDR_DOES_NOT_EXIST"}]});
            plan.security["action"] = json!({"action": "HTTP_SECURITY_ACTION_REDIRECT_TO_HTTPS", "https_port": 8443});
        },
        &[],
        |http| {
            let set = &http.services[0].host.policies[0];
            let rule = &set.request[0];
            assert!(matches!(rule.action, Some(RequestAction::Respond(LocalResponse { status: 404, file: None }))));
            assert_eq!(set.security[0].action, SecurityAction::RedirectToHttps { port: 8443 });
            let matches = &rule.matches;
            let ip = matches.client_ip.as_ref().unwrap();
            let range = |first: &str, last: &str| (first.parse().unwrap(), last.parse().unwrap());
            let expected = [
                range("2001:db8::1", "2001:db8::9"),
                range("192.0.2.7", "192.0.2.7"),
                range("198.51.100.0", "198.51.100.255"),
            ];
            assert_eq!(ip.ranges, expected);
            let path = matches.path.as_ref().unwrap();
            assert_eq!(
                (path.criterion, path.negated, path.case_sensitive, path.decoded),
                (StringCriterion::Regex, true, true, false)
            );
            assert_eq!(path.values, ["/a", "/b"]);
            assert_eq!(matches.https, Some(true));
            assert_eq!(matches.method.as_ref().unwrap().1, ["GET", "HEAD"]);
            let host = matches.host.as_ref().unwrap();
            assert_eq!((host.criterion, host.negated), (StringCriterion::EndsWith, false));
            let header = &matches.headers[0];
            (header.header.as_str(), header.criterion, header.negated) == ("X-A", StringCriterion::Exists, true)
        },
    );
}

#[test]
fn what_a_profile_lacks_is_told_and_the_rest_is_read() {
    check(
        |plan| {
            plan.profile["http_profile"] = json!({"hsts_enabled": true, "xff_update": "ADD_NEW_XFF_HEADER",
                "xff_alternate_name": "X-Real-IP", "client_max_body_size": 2, "client_body_timeout": 0,
                "max_keepalive_requests": 0, "client_max_header_size": 64, "websockets_enabled": false});
        },
        &["ApplicationProfile profile, http_profile.hsts_enabled: not applied by this release"],
        |http| {
            let profile = &http.services[0].host.profile;
            let forwarded = profile.forwarded_for.as_ref().unwrap();
            assert_eq!((forwarded.header.as_str(), profile.header_size_max), ("X-Real-IP", 65_536));
            (profile.body_size_max, profile.body_timeout.as_secs(), profile.keepalive_requests_max, profile.websockets)
                == (2048, 0, 0, false)
        },
    );
}

#[test]
fn an_own_ssl_profile_is_told_of_and_a_certificate_has_its_issuers() {
    let mut plan = Plan::new();
    plan.service["services"] = json!([{"port": 443, "enable_ssl": true}]);
    plan.service["ssl_profile_ref"] = json!("/api/sslprofile?name=own");
    plan.service["pool_group_ref"] = json!("");
    let mut world = plan.world();
    let other = include_str!("../../../certificates/tests/data/ec.pem");
    world.create(
        "sslkeyandcertificate",
        json!({"name": "ca", "type": "SSL_CERTIFICATE_TYPE_CA", "certificate": {"certificate": other}}),
    );
    world.create(
        "sslkeyandcertificate",
        json!({"name": "c", "certificate": {"certificate": CERTIFICATE}, "key": KEY,
            "ca_certs": [{"name": "ca", "ca_ref": "/api/sslkeyandcertificate/?name=ca"}]}),
    );
    let vs = world.uuid("virtualservice", "vs");
    let own = "VirtualService vs, ssl_profile_ref: SSLProfile own is not applied: TLS 1.2 and 1.3 are offered, with the \
               engine's ciphers";
    let none = "VirtualService vs, ssl_key_and_certificate_refs: no certificate that can be shown; TLS connections to it \
                fail";
    assert_eq!(world.snapshot().1, [own, none]);
    let edit = |name: &str| json!({"replace": {"ssl_key_and_certificate_refs": [format!("/api/sslkeyandcertificate?name={name}")]}});
    world.patch("virtualservice", &vs, &edit("c"));
    let (snapshot, problems) = world.snapshot();
    assert_eq!(problems, [own]);
    let chain = format!("{}\n{}\n", CERTIFICATE.trim_end(), other.trim_end());
    assert_eq!(snapshot.http.services[0].certificates[0].chain_pem, chain);
    world.patch("virtualservice", &vs, &edit("ca"));
    let no_key = "SSLKeyAndCertificate ca, key: no private key; clients are not shown the certificate";
    assert_eq!(world.snapshot().1, [own, none, no_key]);
}
