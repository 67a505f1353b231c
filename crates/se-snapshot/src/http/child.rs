//! `vh_matches` of an EVH child: which requests are its (avi-api 2.4, 10.2).

use model::http::{HostMatch, PathRule, RequestMatch};

use super::request_match;
use crate::{field::Message, reading::Reading};

/// Hosts with their rules; names alone where there are no `vh_matches`. A host all of whose rules cannot be expressed is
/// left out: without rules it would take every request.
pub(super) fn matches(service: &Message<'_>, reading: &mut Reading<'_, '_>) -> Vec<HostMatch> {
    let mut found = Vec::new();
    let entries = service.messages("vh_matches");
    for entry in &entries {
        let Some(host) = entry.text("host") else {
            reading.tell(entry.problem("host", "no host given; skipped"));
            continue;
        };
        let (rules, listed) = rules(entry, reading);
        if rules.is_empty() && listed {
            reading.tell(entry.problem("rules", "none of them can be used; no request to the host is the child's"));
            continue;
        }
        found.push(HostMatch { host: host.to_owned(), rules });
    }
    if entries.is_empty() {
        let names = service.texts("vh_domain_name").filter(|name| !name.is_empty());
        found.extend(names.map(|host| HostMatch { host: host.to_owned(), rules: Vec::new() }));
    }
    found
}

/// The rules that can be used, and whether there are any at all.
fn rules(entry: &Message<'_>, reading: &mut Reading<'_, '_>) -> (Vec<PathRule>, bool) {
    let (rules, paths) = (entry.messages("rules"), entry.messages("path"));
    let listed = !rules.is_empty() || !paths.is_empty();
    let mut found = Vec::new();
    for rule in &rules {
        match request_match::read(&rule.message("matches"), reading) {
            Ok(matches) => found.push(PathRule { name: rule.text("name").unwrap_or_default().to_owned(), matches }),
            Err(problem) => reading.tell(problem.then("the rule takes no request")),
        }
    }
    // The shape before 22.1.3.
    for (index, path) in paths.iter().enumerate() {
        match request_match::path(path, reading) {
            Ok(path) => {
                let matches = RequestMatch { path: Some(path), ..RequestMatch::default() };
                found.push(PathRule { name: format!("path-{index}"), matches });
            }
            Err(problem) => reading.tell(problem.then("the path takes no request")),
        }
    }
    (found, listed)
}
