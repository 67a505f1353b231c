//! `--follow`: what is there, then what comes.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use avi_client::AviClient;
use jiff::Timestamp;
use serde_json::Value;

use super::whose::{Kind, Whose};
use super::{Form, LIMIT, LogsArgs, PAGE_SIZE_MAX, print, table, tell, text};

/// From one question to the next.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How late a log may come.
const OVERLAP: Duration = Duration::from_secs(3);

/// Goes on until the connection fails; Ctrl-C ends the program.
pub(super) async fn run(
    args: &LogsArgs,
    client: &AviClient,
    whose: &Whose,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> anyhow::Result<()> {
    let limit = args.limit.map_or(LIMIT, |limit| limit as usize);
    let found = args.newest(client, whose, limit).await?;
    tell(notes, &found)?;
    if args.output == Form::Table {
        print(out, &table::head(whose.kind))?;
    }
    let newest = found.end.parse().context("reading the time that the controller sent")?;
    let mut shown = Shown { newest, seen: HashMap::new() };
    write(args.output, whose.kind, out, &shown.new_of(found.logs))?;
    let mut query = args.query(whose);
    query.retain(|(name, _)| !["start", "duration"].contains(name));
    query.push(("orderby", "report_timestamp".to_owned()));
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        // More than a page in a second: the next question goes on where this one ends.
        let asked = [("start", shown.from().to_string()), ("page_size", PAGE_SIZE_MAX.to_string())];
        let page = args.page(client, query.iter().chain(&asked)).await?;
        write(args.output, whose.kind, out, &shown.new_of(page.logs))?;
    }
}

/// What was shown of the last moments. Engines, and threads within one, do not write in the order of time.
struct Shown {
    newest: Timestamp,
    seen: HashMap<(String, u64), Timestamp>,
}

impl Shown {
    /// From when on to ask.
    fn from(&self) -> Timestamp {
        self.newest.saturating_sub(OVERLAP).unwrap_or(self.newest)
    }

    /// Those that were not shown yet.
    fn new_of(&mut self, logs: Vec<Value>) -> Vec<Value> {
        let mut new = Vec::new();
        for log in logs {
            let key = (text(&log, "service_engine").to_owned(), log.get("log_id").and_then(Value::as_u64).unwrap_or(0));
            let at = text(&log, "report_timestamp").parse().unwrap_or(self.newest);
            if self.seen.insert(key, at).is_none() {
                self.newest = self.newest.max(at);
                new.push(log);
            }
        }
        let from = self.from();
        self.seen.retain(|_, at| *at >= from);
        new
    }
}

fn write(form: Form, kind: Kind, out: &mut impl Write, logs: &[Value]) -> anyhow::Result<()> {
    for log in logs {
        let line = match form {
            Form::Table => table::row(kind, log),
            Form::Json | Form::Csv => serde_json::to_string(log).context("printing JSON")? + "\n",
        };
        print(out, &line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_shown_is_not_shown_again() {
        let log = |at: &str, id: u64| json!({"report_timestamp": at, "service_engine": "e", "log_id": id});
        let ids = |logs: Vec<Value>| logs.iter().map(|log| log["log_id"].as_u64().unwrap()).collect::<Vec<_>>();
        let [t1, t2, t3] = [1, 2, 9].map(|second| format!("2024-01-01T00:00:0{second}.000000+00:00"));
        let mut shown = Shown { newest: "2024-01-01T00:00:00Z".parse().unwrap(), seen: HashMap::new() };
        assert_eq!(ids(shown.new_of(vec![log(&t1, 1), log(&t2, 2)])), [1, 2]);
        assert_eq!(ids(shown.new_of(vec![log(&t1, 1), log(&t1, 4), log(&t2, 2), log(&t2, 3)])), [4, 3]);
        assert_eq!(ids(shown.new_of(vec![log(&t2, 2), log(&t3, 5)])), [5]);
        assert_eq!((shown.seen.len(), shown.from().to_string().as_str()), (1, "2024-01-01T00:00:06Z"));
        assert_eq!(ids(shown.new_of(vec![log(&t3, 5)])), Vec::<u64>::new());
    }
}
