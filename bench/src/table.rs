//! Rows of a result, as a table and as JSON.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

/// One measured promise.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Short name of the goal, for example `D1`.
    pub(crate) goal: &'static str,
    /// What was measured, with its unit.
    pub(crate) what: String,
    /// Who is compared with; empty for an absolute figure.
    pub(crate) peer: String,
    /// The peer's figure.
    pub(crate) peer_value: Option<f64>,
    /// Our figure.
    pub(crate) ours: f64,
    /// Ours divided by the peer's.
    pub(crate) ratio: Option<f64>,
    /// What the ratio, or our figure where there is no peer, must not exceed.
    pub(crate) target: Option<f64>,
    /// Whether it does not.
    pub(crate) met: Option<bool>,
}

impl Row {
    /// A row against a peer: the ratio counts.
    pub(crate) fn against(
        goal: &'static str,
        what: impl Into<String>,
        peer: &str,
        peer_value: f64,
        ours: f64,
        target: f64,
    ) -> Self {
        let ratio = ours / peer_value;
        Self {
            goal,
            what: what.into(),
            peer: peer.to_owned(),
            peer_value: Some(peer_value),
            ours,
            ratio: Some(ratio),
            target: Some(target),
            met: Some(ratio <= target),
        }
    }

    /// A row of its own: the figure counts, where there is a target.
    pub(crate) fn alone(goal: &'static str, what: impl Into<String>, ours: f64, target: Option<f64>) -> Self {
        let met = target.map(|target| ours <= target);
        Self { goal, what: what.into(), peer: String::new(), peer_value: None, ours, ratio: None, target, met }
    }
}

/// Prints the rows, and writes them to `json` if given.
pub(crate) fn publish(rows: &[Row], json: Option<&Path>) -> anyhow::Result<()> {
    print(rows);
    json.map_or(Ok(()), |file| write(&serde_json::json!(rows), file))
}

/// Prints more rows, and adds them to those that are in `json` if given.
pub(crate) fn publish_more(rows: &[Row], json: Option<&Path>) -> anyhow::Result<()> {
    print(rows);
    let Some(file) = json else { return Ok(()) };
    let before = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let mut all: Vec<Value> = serde_json::from_str(&before).with_context(|| format!("reading {}", file.display()))?;
    all.extend(rows.iter().map(|row| serde_json::json!(row)));
    write(&Value::Array(all), file)
}

fn write(rows: &Value, file: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(rows).context("printing JSON")?;
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

#[expect(clippy::print_stdout, reason = "a benchmark's table is its product")]
fn print(rows: &[Row]) {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    println!(
        "{:<5} {:<58} {:<16} {:>9} {:>9} {:>7} {:>8}  met",
        "goal", "what", "peer", "peer's", "ours", "ratio", "target"
    );
    for row in rows {
        println!(
            "{:<5} {:<58} {:<16} {:>9} {:>9.3} {:>7} {:>8}  {}",
            row.goal,
            row.what,
            if row.peer.is_empty() { "-" } else { &row.peer },
            number(row.peer_value),
            row.ours,
            number(row.ratio),
            number(row.target),
            row.met.map_or("-", |met| if met { "yes" } else { "NO" })
        );
    }
}
