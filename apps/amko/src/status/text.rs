//! A status for the terminal.

use std::collections::BTreeMap;
use std::fmt;

use super::document::{LeftOut, MemberLine, ServiceLine, StatusDocument};

/// Objects of one reason that are named; the rest is counted.
const NAMED_MAX: usize = 3;

impl fmt::Display for StatusDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Controller {}", self.controller.address)?;
        if let Some(site) = &self.controller.site {
            write!(f, " of site {site}, which leads")?;
        }
        match (&self.controller.trouble, self.controller.is_usable, self.is_synced) {
            (Some(trouble), false, _) => writeln!(f, ": cannot be used, {trouble}")?,
            (None, false, _) => writeln!(f, ": not read yet")?,
            (_, true, true) => writeln!(f, ": holds what it should")?,
            (_, true, false) => writeln!(f, ": being written")?,
        }
        match &self.gslb_config {
            Some(name) => writeln!(f, "GSLBConfig {name}")?,
            None => writeln!(f, "No valid GSLBConfig: nothing is written or deleted")?,
        }
        match &self.policy {
            Some(name) if self.selects.is_empty() => writeln!(f, "GlobalDeploymentPolicy {name} selects nothing")?,
            Some(name) => writeln!(f, "GlobalDeploymentPolicy {name} selects {}", self.selects.join(" in "))?,
            None => writeln!(f, "No GlobalDeploymentPolicy in force")?,
        }
        writeln!(f, "\nClusters")?;
        for cluster in &self.clusters {
            let reach = if cluster.is_readable { "reached" } else { "NOT reached, its members stay" };
            writeln!(f, "  {}: {reach}, {}", cluster.cluster, counted(cluster.members, "object", "serves", "serve"))?;
            cluster.problems.iter().try_for_each(|problem| writeln!(f, "    {problem}"))?;
        }
        writeln!(f, "\nNames")?;
        if self.services.is_empty() {
            writeln!(f, "  none")?;
        }
        self.services.iter().try_for_each(|service| name(f, service))?;
        self.left_out(f)
    }
}

impl StatusDocument {
    /// First those whose owners wait, one by one; the others by reason.
    fn left_out(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.left_out.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nLeft out")?;
        for left in self.left_out.iter().filter(|left| left.is_selected) {
            writeln!(f, "  {} of {}: {}", left.object, left.cluster, left.reason)?;
        }
        let mut reasons: BTreeMap<(&str, &str), Vec<&LeftOut>> = BTreeMap::new();
        for left in self.left_out.iter().filter(|left| !left.is_selected) {
            reasons.entry((&left.cluster, &left.reason)).or_default().push(left);
        }
        for ((cluster, reason), objects) in reasons {
            let named: Vec<&str> = objects.iter().take(NAMED_MAX).map(|left| left.object.as_str()).collect();
            let more = objects.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(f, "  {}{more} of {cluster}: {reason}", named.join(", "))?;
        }
        Ok(())
    }
}

fn name(f: &mut fmt::Formatter<'_>, service: &ServiceLine) -> fmt::Result {
    write!(f, "  {}", service.name)?;
    if service.tenant != "admin" {
        write!(f, " in tenant {}", service.tenant)?;
    }
    let others: Vec<&str> =
        service.domain_names.iter().filter(|name| **name != service.name).map(String::as_str).collect();
    if !others.is_empty() {
        write!(f, ", also {}", others.join(", "))?;
    }
    writeln!(f)?;
    let priorities: std::collections::BTreeSet<u32> = service.members.iter().map(|member| member.priority).collect();
    for MemberLine { address, cluster, object, ratio, priority, is_held } in &service.members {
        write!(f, "    {address} weight {ratio}")?;
        if priorities.len() > 1 {
            write!(f, " priority {priority}")?;
        }
        let held = if *is_held { ", kept as the controller has it" } else { "" };
        writeln!(f, "  {cluster}: {object}{held}")?;
    }
    match &service.trouble {
        Some(trouble) => writeln!(f, "    NOT written, trying again: {trouble}"),
        None => Ok(()),
    }
}

fn counted(number: usize, what: &str, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {what} {one}"),
        number => format!("{number} {what}s {many}"),
    }
}
