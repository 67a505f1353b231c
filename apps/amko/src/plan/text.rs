//! A plan for the terminal.

use std::fmt;

use serde_json::Value;

use super::document::{Change, FieldChange, PlanDocument, Verdict};

/// Longest text of one value on a line.
const VALUE_MAX: usize = 100;

impl fmt::Display for PlanDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f)?;
        self.clusters.iter().filter(|cluster| !cluster.is_readable || !cluster.problems.is_empty()).try_for_each(
            |cluster| {
                writeln!(f, "! cluster {} cannot be read in full; its members stay as they are", cluster.cluster)?;
                cluster.problems.iter().try_for_each(|problem| writeln!(f, "    {problem}"))
            },
        )?;
        self.notes.iter().try_for_each(|note| writeln!(f, "! {note}"))?;
        for status in self.statuses.iter().filter(|status| status.is_error) {
            writeln!(f, "! {} is not accepted: {}", status.object, status.text)?;
        }
        for change in &self.changes {
            writeln!(f)?;
            self.change(f, change)?;
        }
        for blocked in &self.in_the_way {
            writeln!(f, "\n! not written: {blocked}; delete it there, or choose another host")?;
        }
        for status in self.statuses.iter().filter(|status| status.is_new && !status.is_error) {
            writeln!(f, "\n  {} becomes: {}", status.object, status.text)?;
        }
        writeln!(f, "\n{}", self.sum())
    }
}

impl PlanDocument {
    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan for {}", self.controller)?;
        if let Some(config) = &self.gslb_config {
            write!(f, " by GSLBConfig {config} of cluster {}", self.leader)?;
        }
        match &self.candidates[..] {
            [] => writeln!(f, ", as things are"),
            candidates => writeln!(f, ", with {} as in the file", candidates.join(", ")),
        }
    }

    fn change(&self, f: &mut fmt::Formatter<'_>, change: &Change) -> fmt::Result {
        let (sign, _) = signs(change.verdict);
        write!(f, "{sign} {} {}", change.kind, change.name)?;
        if change.tenant != "admin" {
            write!(f, " in tenant {}", change.tenant)?;
        }
        match change.verdict {
            Verdict::Replace => write!(f, ", deleted and made anew")?,
            Verdict::Adopt => write!(f, ", taken over")?,
            _ => {}
        }
        writeln!(f)?;
        let is_new = change.verdict == Verdict::Create;
        // What a new monitor probes is in the reason, what stands behind a new service too.
        let is_told = |field: &&FieldChange| !is_new || change.kind == "gslbservice" && field.path != "description";
        change.fields.iter().filter(is_told).try_for_each(|field| fields(f, field))?;
        let is_shown =
            |why: &&String| !change.fields.iter().any(|field| why.contains(&format!("otherwise: {}", field.path)));
        for why in change.why.iter().filter(is_shown) {
            writeln!(f, "    because: {why}")?;
        }
        let is_drift = change.verdict == Verdict::Change && !change.why.iter().any(|why| is_shown(&why));
        if is_drift {
            writeln!(f, "    because: the controller has it otherwise")?;
        }
        if change.is_due_anyway {
            writeln!(f, "    due without the file too")?;
        }
        Ok(())
    }

    fn sum(&self) -> String {
        let count = |verdict| self.changes.iter().filter(|change| change.verdict == verdict).count();
        let verdicts = [Verdict::Create, Verdict::Change, Verdict::Adopt, Verdict::Replace, Verdict::Delete];
        let counted = verdicts.iter().filter(|verdict| count(**verdict) > 0);
        let text: Vec<String> =
            counted.map(|verdict| format!("{} to {}", count(*verdict), signs(*verdict).1)).collect();
        let stay = match self.unchanged {
            1 => "1 GSLB service stays as it is".to_owned(),
            number => format!("{number} GSLB services stay as they are"),
        };
        if text.is_empty() { format!("Nothing to do; {stay}.") } else { format!("{}; {stay}.", text.join(", ")) }
    }
}

fn signs(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Create => ("+", "create"),
        Verdict::Change => ("~", "change"),
        Verdict::Adopt => ("~", "take over"),
        Verdict::Replace => ("±", "replace"),
        Verdict::Delete => ("-", "delete"),
    }
}

fn fields(f: &mut fmt::Formatter<'_>, field: &FieldChange) -> fmt::Result {
    if field.path == "groups" && field.from.is_none() {
        let groups = field.to.as_ref().and_then(Value::as_array).into_iter().flatten();
        for group in groups {
            let members = group["members"].as_array().into_iter().flatten();
            let members: Vec<_> =
                members.map(|m| format!("{}*{}", shown(&m["ip"]["addr"]), shown(&m["ratio"]))).collect();
            let algorithm = shown(&group["algorithm"]);
            let algorithm = algorithm.trim_start_matches("GSLB_ALGORITHM_").to_lowercase();
            writeln!(f, "    {}: {} ({algorithm})", shown(&group["name"]), members.join(", "))?;
        }
        return Ok(());
    }
    match (&field.from, &field.to) {
        (Some(from), Some(to)) => writeln!(f, "    {}: {} → {}", field.path, shown(from), shown(to)),
        (None, Some(to)) => writeln!(f, "    {}: {}", field.path, shown(to)),
        (Some(from), None) => writeln!(f, "    {}: {} → unset", field.path, shown(from)),
        (None, None) => Ok(()),
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let name = |item: &str| item.rsplit_once("?name=").map_or(item, |(_, name)| name).to_owned();
            items.iter().filter_map(Value::as_str).map(name).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    match text.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
