//! What rules do with a request (avi-api 10.3, 10.4).

use std::sync::Arc;

use http_policy::{Binding, Outcome, Reason, Request, location};
use model::http::{
    HeaderEdit, HeaderValue, LocalResponse, PolicySet, Redirect, RequestAction, RequestMatch, RequestRule,
    SecurityAction, SecurityRule, StringCriterion, Target,
};
use model::testing::{path, to_pool};

use crate::{compile, config, decide, get, service};

fn set(security: Vec<SecurityRule>, request: Vec<RequestRule>) -> Arc<PolicySet> {
    Arc::new(PolicySet { uuid: "httppolicyset-1".into(), name: "set".into(), security, request })
}

fn secure(name: &str, matches: RequestMatch, action: SecurityAction) -> SecurityRule {
    SecurityRule { name: name.into(), matches, action }
}

fn rule(name: &str, matches: RequestMatch, action: Option<RequestAction>) -> RequestRule {
    let header_edits = vec![HeaderEdit::Add("X-Rule".into(), HeaderValue::Text(name.into()))];
    RequestRule { name: name.into(), matches, header_edits, action }
}

fn begins(value: &str) -> RequestMatch {
    path(StringCriterion::BeginsWith, value)
}

#[test]
fn a_request_goes_to_its_own_pool_when_no_rule_decides() {
    let table = compile(&config(service(to_pool("a")), &["a"]));
    let decision = decide(&table, &get("any", "/"));
    assert_eq!(decision.reason, Reason::OwnTarget);
    let Outcome::Forward(binding) = decision.outcome else { panic!("{decision:?}") };
    assert_eq!(binding.choose(0, &[]).unwrap().pool.source.name, "a");
}

#[test]
fn nobody_s_request_is_not_found() {
    let table = compile(&config(service(None), &[]));
    let decision = decide(&table, &get("any", "/"));
    assert!(matches!((decision.outcome, decision.reason), (Outcome::NotFound, Reason::NoTarget)));
}

#[test]
fn the_first_security_rule_decides_and_allowing_ends_only_that() {
    let mut vs = service(to_pool("a"));
    vs.host.policies = vec![set(
        vec![
            secure("allow", begins("/admin/open"), SecurityAction::Allow),
            secure("deny", begins("/admin"), SecurityAction::CloseConnection),
            secure("tls", begins("/tls"), SecurityAction::RedirectToHttps { port: 8443 }),
        ],
        vec![rule("local", begins("/admin"), Some(RequestAction::Respond(LocalResponse { status: 403, file: None })))],
    )];
    let table = compile(&config(vs, &["a"]));
    assert!(matches!(decide(&table, &get("h", "/admin/x")).outcome, Outcome::CloseConnection));
    let open = decide(&table, &get("h", "/admin/open"));
    assert!(matches!(open.outcome, Outcome::Respond(LocalResponse { status: 403, .. })));
    assert_eq!(open.reason, Reason::RequestRule("local"));
    let request = get("h.example.com", "/tls");
    let Outcome::Redirect(redirect) = decide(&table, &request).outcome else { panic!("no redirect") };
    assert_eq!(location(redirect, &request), "https://h.example.com:8443/tls");
}

#[test]
fn edits_of_a_rule_without_action_count_and_the_next_set_decides() {
    let mut vs = service(to_pool("a"));
    let select = RequestAction::Select(Target::Pool("pool-b".into()));
    vs.host.policies = vec![
        set(vec![], vec![rule("edit", begins("/"), None), rule("never", begins("/"), None)]),
        set(vec![], vec![rule("switch", begins("/b"), Some(select))]),
    ];
    let table = compile(&config(vs, &["a", "b"]));
    let decision = decide(&table, &get("h", "/b"));
    assert_eq!(decision.edits.iter().map(|edits| edits.len()).sum::<usize>(), 2);
    assert_eq!(decision.reason, Reason::RequestRule("switch"));
    assert_eq!(decide(&table, &get("h", "/c")).reason, Reason::OwnTarget);
}

#[test]
fn a_rule_s_redirect_comes_before_the_profile_s() {
    let mut vs = service(to_pool("a"));
    vs.host.profile.http_to_https = true;
    let redirect = RequestAction::Redirect(Redirect::to_https(8443));
    vs.host.policies = vec![set(vec![], vec![rule("redirect", begins("/r"), Some(redirect))])];
    let table = compile(&config(vs, &["a"]));
    assert_eq!(decide(&table, &get("h", "/r")).reason, Reason::RequestRule("redirect"));
    assert_eq!(decide(&table, &get("h", "/")).reason, Reason::HttpToHttps);
    let by_tls = Request { https: true, ..get("h", "/") };
    assert_eq!(decide(&table, &by_tls).reason, Reason::OwnTarget);
}

#[test]
fn what_cannot_be_used_is_said_and_the_rest_serves() {
    let mut vs = service(to_pool("gone"));
    let bad = rule("bad", path(StringCriterion::Regex, "("), None);
    vs.host.policies = vec![set(vec![], vec![bad])];
    let (table, problems) = http_policy::Table::compile(&config(vs, &[]), None);
    let texts: Vec<&str> = problems.iter().map(|problem| problem.text.as_str()).collect();
    assert!(texts[0].contains("rule `bad` is left out") && texts[1].contains("pool-gone does not exist"), "{texts:?}");
    assert!(matches!(decide(&table, &get("h", "/")).outcome, Outcome::Forward(Binding::Missing)));
}

#[test]
fn nothing_passes_a_security_rule_that_cannot_be_used() {
    let bad = |name, action| secure(name, path(StringCriterion::Regex, "(?=x)"), action);
    let allow = || secure("allow", begins("/open"), SecurityAction::Allow);
    let mut vs = service(to_pool("a"));
    vs.host.policies = vec![
        set(vec![allow(), bad("broken", SecurityAction::CloseConnection)], vec![]),
        set(vec![bad("needless", SecurityAction::Allow)], vec![]),
    ];
    let (table, problems) = http_policy::Table::compile(&config(vs.clone(), &["a"]), None);
    let texts: Vec<&str> = problems.iter().map(|problem| problem.text.as_str()).collect();
    assert!(
        texts[0].starts_with("security rule `broken` cannot be used") && texts[1].contains("`needless` is left out")
    );
    let refused = decide(&table, &get("h", "/"));
    assert!(matches!(refused.outcome, Outcome::Respond(LocalResponse { status: 503, .. })), "{refused:?}");
    assert_eq!(refused.reason, Reason::SecurityRule("broken"));
    assert_eq!(decide(&table, &get("h", "/open")).reason, Reason::OwnTarget);

    // One that allows is missed where another set denies after it.
    vs.host.policies = vec![
        set(vec![bad("broken", SecurityAction::Allow)], vec![]),
        set(vec![secure("deny", begins("/admin"), SecurityAction::CloseConnection)], vec![]),
    ];
    let (table, _) = http_policy::Table::compile(&config(vs, &["a"]), None);
    assert_eq!(decide(&table, &get("h", "/")).reason, Reason::SecurityRule("broken"));
}
