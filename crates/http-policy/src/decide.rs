//! What is to be done with a request.

use model::http::{HeaderEdit, LocalResponse, Redirect};

use crate::matching::Request;
use crate::pool::Binding;
use crate::table::{Action, Rule, Service, VirtualHost};

/// What is to be done with a request, and why.
#[derive(Debug)]
pub struct Decision<'t> {
    /// The virtual service or child that took it.
    pub host: &'t VirtualHost,
    /// Place of the child, see [`Service::host`]; `None` for the virtual service itself.
    pub child: Option<usize>,
    /// Name of the rule that gave it to a child. Log field `vh_match_rule`.
    pub child_rule: Option<&'t str>,
    /// Changes to the head that a server gets, in order.
    pub edits: Vec<&'t [HeaderEdit]>,
    /// What is to be done.
    pub outcome: Outcome<'t>,
    /// Why.
    pub reason: Reason<'t>,
    /// The rule that decided, see [`VirtualHost::rule_name`].
    pub rule: Option<RulePlace>,
}

/// Where a rule stands in its virtual host: for those who outlive a decision, and would have to copy its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RulePlace {
    /// Among the security rules.
    Security(usize),
    /// A set, and the rule's place in that.
    Request(usize, usize),
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Outcome<'t> {
    /// A server of this pool or group answers.
    Forward(&'t Binding),
    /// The client goes elsewhere, see [`crate::location`].
    Redirect(&'t Redirect),
    /// We answer.
    Respond(&'t LocalResponse),
    /// 404: nobody takes it.
    NotFound,
    /// The connection closes without an answer.
    CloseConnection,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'t> {
    /// A security rule of that name.
    SecurityRule(&'t str),
    /// A request rule of that name.
    RequestRule(&'t str),
    /// The profile sends plain HTTP to HTTPS.
    HttpToHttps,
    /// No rule decided, so its own pool or group.
    OwnTarget,
    /// No rule decided, and it has neither pool nor group.
    NoTarget,
}

impl std::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SecurityRule(name) => write!(f, "security rule `{name}`"),
            Self::RequestRule(name) => write!(f, "request rule `{name}`"),
            Self::HttpToHttps => f.write_str("the application profile redirects HTTP to HTTPS"),
            Self::OwnTarget => f.write_str("no rule decided: its own pool"),
            Self::NoTarget => f.write_str("no rule decided, and it has no pool"),
        }
    }
}

impl Service {
    /// Assigns the request and decides what is to be done with it (avi-api 10.2 to 10.4).
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision<'_> {
        let (child, child_rule) = match self.hosts.find(request) {
            Some((child, rule)) => (Some(child), rule),
            None => (None, None),
        };
        let host = self.host(child).unwrap_or(&self.parent);
        let mut decision = Decision {
            host,
            child,
            child_rule,
            edits: Vec::new(),
            outcome: Outcome::NotFound,
            reason: Reason::NoTarget,
            rule: None,
        };
        let by_rule = secure(host, request).or_else(|| apply_rules(host, request, &mut decision.edits));
        (decision.outcome, decision.reason) = match by_rule {
            Some((outcome, reason, rule)) => {
                decision.rule = Some(rule);
                (outcome, reason)
            }
            None => by_default(host, request),
        };
        decision
    }
}

/// The first security rule that matches decides; one that allows ends the search only.
fn secure<'t>(host: &'t VirtualHost, request: &Request<'_>) -> Option<(Outcome<'t>, Reason<'t>, RulePlace)> {
    let (place, rule) = host.security.iter().enumerate().find(|(_, rule)| rule.matcher.matches(request))?;
    Some((rule.outcome()?, Reason::SecurityRule(&rule.name), RulePlace::Security(place)))
}

/// One rule per set: the first that matches. Its edits count; where it has no action, the next set is looked at.
fn apply_rules<'t>(
    host: &'t VirtualHost,
    request: &Request<'_>,
    edits: &mut Vec<&'t [HeaderEdit]>,
) -> Option<(Outcome<'t>, Reason<'t>, RulePlace)> {
    for (set_place, set) in host.request.iter().enumerate() {
        let found = set.iter().enumerate().find(|(_, rule)| rule.matcher.matches(request));
        let Some((place, rule)) = found else { continue };
        if !rule.edits.is_empty() {
            edits.push(&rule.edits);
        }
        if let Some(outcome) = rule.outcome() {
            return Some((outcome, Reason::RequestRule(&rule.name), RulePlace::Request(set_place, place)));
        }
    }
    None
}

fn by_default<'t>(host: &'t VirtualHost, request: &Request<'_>) -> (Outcome<'t>, Reason<'t>) {
    if host.source.profile.http_to_https && !request.https {
        return (Outcome::Redirect(&host.to_https), Reason::HttpToHttps);
    }
    match &host.target {
        Some(binding) => (Outcome::Forward(binding), Reason::OwnTarget),
        None => (Outcome::NotFound, Reason::NoTarget),
    }
}

impl Rule {
    fn outcome(&self) -> Option<Outcome<'_>> {
        Some(match self.action.as_ref()? {
            Action::Close => Outcome::CloseConnection,
            Action::Respond(response) => Outcome::Respond(response),
            Action::Redirect(redirect) => Outcome::Redirect(redirect),
            Action::Forward(binding) => Outcome::Forward(binding),
        })
    }
}
