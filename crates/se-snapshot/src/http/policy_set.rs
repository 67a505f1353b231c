//! `HTTPPolicySet` (avi-api 2.9, 10.4).

use std::sync::Arc;

use model::http::{PolicySet, RequestMatch, RequestRule, SecurityAction, SecurityRule};

use super::{action, request_match, response};
use crate::{Problem, field::Message, reading::Reading};

/// A policy set, and what it lacks.
#[derive(Debug, Clone)]
pub(super) struct Translated {
    /// Without the rules that cannot be expressed.
    pub(super) set: Arc<PolicySet>,
    /// Its security rules that cannot be expressed, in their order.
    gaps: Vec<Gap>,
    /// Whether one of its security rules does anything else than allow.
    denies: bool,
}

/// A security rule that cannot be expressed.
#[derive(Debug, Clone)]
struct Gap {
    /// Its name, and why.
    what: String,
    allows: bool,
    /// Whether a rule of its set comes after it that does anything else than allow.
    is_denied_later: bool,
}

/// The policy set, without the rules that cannot be expressed; `None` where there is none of that uuid.
pub(super) fn read(uuid: &str, reading: &mut Reading<'_, '_>) -> Option<Translated> {
    let object = reading.get("httppolicyset", uuid)?;
    let label = format!("HTTPPolicySet {}", object.name);
    let set = Message::root(&label, object.fields);
    let response = set.message("http_response_policy");
    if enabled_rules(&response).next().is_some() {
        reading.tell(response.problem("rules", "responses are not changed by this release; they pass as they are"));
    }
    let (mut security, mut gaps, mut denies) = (Vec::new(), Vec::<Gap>::new(), false);
    for rule in enabled_rules(&set.message("http_security_policy")) {
        let allows = rule.message("action").text("action") == Some("HTTP_SECURITY_ACTION_ALLOW");
        if !allows {
            gaps.iter_mut().for_each(|gap| gap.is_denied_later = true);
            denies = true;
        }
        let read = security_rule(&rule, reading);
        if let Err(problem) = &read {
            let what = format!("security rule `{}` of {label} ({problem})", name(&rule));
            gaps.push(Gap { what, allows, is_denied_later: false });
        }
        security.extend(kept(&rule, read, reading));
    }
    let request = enabled_rules(&set.message("http_request_policy"))
        .filter_map(|rule| kept(&rule, request_rule(&rule, reading), reading))
        .collect();
    let set = Arc::new(PolicySet { uuid: object.uuid.to_owned(), name: object.name.to_owned(), security, request });
    Some(Translated { set, gaps, denies })
}

impl Translated {
    /// The first security rule without which requests pass that it would stop, or are stopped that it lets through; `later`
    /// are the sets that are evaluated after this one.
    pub(super) fn gap<'t>(&self, later: impl IntoIterator<Item = &'t Self>) -> Option<&str> {
        let is_denied_later = later.into_iter().any(|set| set.denies);
        let gap = self.gaps.iter().find(|gap| !gap.allows || gap.is_denied_later || is_denied_later)?;
        Some(&gap.what)
    }
}

/// In ascending index.
fn enabled_rules<'a>(policy: &Message<'a>) -> impl Iterator<Item = Message<'a>> + use<'a> {
    let mut rules = policy.messages("rules");
    rules.sort_by_key(|rule| rule.number("index"));
    rules.into_iter().filter(|rule| rule.flag("enable", true))
}

/// The rule, or the problem with it.
fn kept<T>(rule: &Message<'_>, read: Result<T, Problem>, reading: &mut Reading<'_, '_>) -> Option<T> {
    if rule.flag("log", false) {
        reading.tell(rule.problem("log", "a rule forces no log entry in this release"));
    }
    read.map_err(|problem| reading.tell(problem.then("the rule is left out"))).ok()
}

fn matches(rule: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<RequestMatch, Problem> {
    request_match::read(&rule.message("match"), reading)
}

fn name(rule: &Message<'_>) -> String {
    rule.text("name").unwrap_or_default().to_owned()
}

fn security_rule(rule: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<SecurityRule, Problem> {
    let action = rule.message("action");
    let does = match action.text("action").unwrap_or_default() {
        "HTTP_SECURITY_ACTION_ALLOW" => SecurityAction::Allow,
        "HTTP_SECURITY_ACTION_CLOSE_CONN" => SecurityAction::CloseConnection,
        "HTTP_SECURITY_ACTION_SEND_RESPONSE" => SecurityAction::Respond(response::read(&action)?),
        "HTTP_SECURITY_ACTION_REDIRECT_TO_HTTPS" => SecurityAction::RedirectToHttps {
            port: action.number("https_port").and_then(|port| u16::try_from(port).ok()).unwrap_or(443),
        },
        other => return Err(action.problem("action", format!("`{other}` is not done by this release"))),
    };
    Ok(SecurityRule { name: name(rule), matches: matches(rule, reading)?, action: does })
}

fn request_rule(rule: &Message<'_>, reading: &mut Reading<'_, '_>) -> Result<RequestRule, Problem> {
    if rule.has("rewrite_url_action") {
        return Err(rule.problem("rewrite_url_action", "addresses are not rewritten by this release"));
    }
    let matches = matches(rule, reading)?;
    let action = action::read(rule)?;
    Ok(RequestRule { name: name(rule), matches, header_edits: action::header_edits(rule, reading), action })
}
