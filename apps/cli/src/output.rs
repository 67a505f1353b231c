//! Tables, JSON, YAML.

use anyhow::Context;
use comfy_table::{Table, presets};
use serde_json::Value;

/// How objects are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// As the API sends it
    Json,
    /// The same, easier to read
    Yaml,
}

/// A table in the manner of kubectl: capitals, no lines, columns three blanks apart.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header.iter().map(|title| title.to_uppercase()));
    table.add_rows(rows);
    let last = header.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 3 }));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

pub(crate) fn json(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value).context("printing JSON")? + "\n")
}

pub(crate) fn yaml(value: &Value) -> anyhow::Result<String> {
    serde_saphyr::to_string(value).context("printing YAML")
}
