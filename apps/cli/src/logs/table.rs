//! Logs as lines for people.

mod dns;
mod http;

use serde_json::Value;

use super::text;
use super::whose::Kind;
use crate::output;

/// A column: its title, and its width in a table that grows; the last one needs none.
type Column = (&'static str, usize);

/// A table of all of them.
pub(super) fn whole(kind: Kind, logs: &[Value]) -> String {
    if logs.is_empty() {
        return "No logs found.\n".to_owned();
    }
    let titles: Vec<&str> = columns(kind).iter().map(|(title, _)| *title).collect();
    output::table(&titles, logs.iter().map(|log| cells(kind, log)).collect())
}

/// Head of a table that grows.
pub(super) fn head(kind: Kind) -> String {
    line(kind, columns(kind).iter().map(|(title, _)| title.to_uppercase()).collect())
}

/// One more line of it.
pub(super) fn row(kind: Kind, log: &Value) -> String {
    line(kind, cells(kind, log))
}

fn line(kind: Kind, cells: Vec<String>) -> String {
    let widths = columns(kind).iter().map(|(_, width)| *width);
    let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    format!("{}\n", padded.join("   ").trim_end())
}

fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Dns => &dns::COLUMNS,
        Kind::Http => &http::COLUMNS,
    }
}

/// What clients chose is in some of them, and a terminal obeys control characters.
fn cells(kind: Kind, log: &Value) -> Vec<String> {
    let cells = match kind {
        Kind::Dns => dns::cells(log),
        Kind::Http => http::cells(log),
    };
    cells.into_iter().map(|cell| cell.replace(char::is_control, "\u{fffd}")).collect()
}

/// The first of these members that has a text, else a dash.
fn first<'v>(log: &'v Value, names: &[&str]) -> &'v str {
    names.iter().map(|name| text(log, name)).find(|text| !text.is_empty()).unwrap_or("-")
}

/// To the millisecond, in UTC: `2026-01-31T10:00:00.123Z`.
fn moment(text: &str) -> String {
    text.get(..23).map_or_else(|| text.to_owned(), |text| format!("{text}Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_by_what_a_client_sent() {
        let log = json!({"host": "h", "uri_path": "/\u{1b}[2J\u{9b}31m\r\n\tx", "method": "GET", "response_code": 200});
        for shown in [row(Kind::Http, &log), whole(Kind::Http, &[log])] {
            assert!(shown.contains("/\u{fffd}[2J\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}x"), "{shown:?}");
        }
        assert_eq!(whole(Kind::Http, &[]), "No logs found.\n");
    }
}
