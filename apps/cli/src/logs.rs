//! `meridian logs [VIRTUALSERVICE]`.

mod follow;
mod help;
mod nothing;
mod statuses;
mod table;
mod whose;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use avi_client::AviClient;
use serde_json::{Value, json};

use crate::connection::ConnectionArgs;
use crate::output;
use statuses::Statuses;
use whose::{Kind, Whose};

/// Largest page of the API, and the most that it shows of one question.
const PAGE_SIZE_MAX: usize = 10_000;
const LOGS_MAX: usize = 100_000;
/// Logs shown when nobody says how many.
const LIMIT: usize = 100;
const PATH: &str = "/api/analytics/logs";

/// Show, filter and export what DNS answered and what HTTP requests came to, and why
#[derive(Debug, clap::Args)]
#[command(after_help = help::AFTER)]
pub struct LogsArgs {
    /// Name or uuid of the virtual service; one with children has their logs too [default: the only one for DNS]
    #[arg(value_name = "VIRTUALSERVICE")]
    virtual_service: Option<String>,

    /// How far back: 90s, 10m, 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = seconds, conflicts_with = "start")]
    since: Option<u64>,

    /// From this moment on, as 2026-01-31T10:00:00Z; in UTC without an offset
    #[arg(long, value_name = "MOMENT")]
    start: Option<String>,

    /// Up to this moment [default: now]
    #[arg(long, value_name = "MOMENT", conflicts_with = "follow")]
    end: Option<String>,

    /// Only those for which op(FIELD,VALUE) holds; may be given more than once
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,

    /// Only queries for this name; of HTTP, requests whose Host begins with it
    #[arg(long)]
    name: Option<String>,

    /// Only HTTP requests whose path begins with this
    #[arg(long)]
    path: Option<String>,

    /// Only HTTP requests with this status: 404, 5xx
    #[arg(long, value_parser = Statuses::parse)]
    status: Option<Statuses>,

    /// Only queries or requests of this client
    #[arg(long, value_name = "ADDRESS")]
    client: Option<std::net::IpAddr>,

    /// Only errors
    #[arg(long)]
    errors: bool,

    /// Most logs, the newest ones [default: 100; with csv all, the oldest first, an error beyond 100,000]
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: Option<u32>,

    /// Go on with what comes, until interrupted
    #[arg(short, long, conflicts_with = "out")]
    follow: bool,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = Form::Table)]
    output: Form,

    /// Write to this file instead of the terminal
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// How logs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Columns for people
    Table,
    /// As the API sends it; one log a line with --follow
    Json,
    /// As the API exports it; of DNS 87 columns, `dns_fqdn` and `dns_ips` in BI and BJ of a spreadsheet
    Csv,
}

/// Logs, and what is to be said about them.
struct Found {
    count: u64,
    logs: Vec<Value>,
    /// Until when was searched.
    end: String,
    notes: Vec<String>,
}

impl LogsArgs {
    /// Asks the controller and writes to `out`, or to the file that was named; what is to be said beside goes to `notes`.
    ///
    /// # Errors
    /// When the controller cannot be asked, a parameter makes no sense, or the output cannot be written.
    pub async fn run(&self, out: &mut impl Write, notes: &mut impl Write) -> anyhow::Result<()> {
        let client = self.connection.client()?;
        let tenant = &self.connection.tenant;
        let whose = match &self.virtual_service {
            Some(given) => Whose::named(given, &client, tenant).await?,
            None => Whose::only_dns(&client, tenant).await?,
        };
        self.fits(&whose)?;
        if self.follow {
            if self.output == Form::Csv {
                bail!("csv is an export: leave out --follow, or choose json");
            }
            return follow::run(self, &client, &whose, out, notes).await;
        }
        let text = match (self.output, self.limit) {
            (Form::Csv, _) => self.csv(&client, &whose, notes).await?,
            (form, limit) => {
                let limit = limit.map_or(LIMIT, |limit| limit as usize);
                let found = self.newest(&client, &whose, limit).await?;
                tell(notes, &found)?;
                match form {
                    Form::Json => output::json(&json!({"count": found.count, "results": found.logs}))?,
                    Form::Table | Form::Csv => table::whole(whose.kind, &found.logs),
                }
            }
        };
        match &self.out {
            Some(file) => fs::write(file, text).with_context(|| format!("writing {}", file.display())),
            None => print(out, &text),
        }
    }

    /// Whether what was asked for is of this virtual service's logs. Of one that nobody knows, the controller says that.
    fn fits(&self, whose: &Whose) -> anyhow::Result<()> {
        if whose.is_known() && whose.kind == Kind::Dns && (self.path.is_some() || self.status.is_some()) {
            bail!("{} answers DNS: --path and --status are for HTTP virtual services, name one of them", whose.name);
        }
        Ok(())
    }

    /// The parameters that stay the same from page to page.
    fn query(&self, whose: &Whose) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("virtualservice", whose.uuid.clone()),
            ("type", whose.kind.wire().to_owned()),
            ("nf", (!self.errors).to_string()),
            ("timeout", "20".to_owned()),
        ];
        let given = [("start", &self.start), ("end", &self.end)];
        query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        query.extend(self.since.map(|seconds| ("duration", seconds.to_string())));
        query.extend(self.name.iter().map(|name| ("filter", whose.kind.filter_of_name(name.trim_end_matches('.')))));
        query.extend(self.path.iter().map(|path| ("filter", format!("sw(uri_path,{path})"))));
        query.extend(self.status.iter().flat_map(Statuses::filters).map(|filter| ("filter", filter)));
        query.extend(self.client.iter().map(|client| {
            let column = if client.is_ipv4() { "client_ip" } else { "client_ip6" };
            ("filter", format!("eq({column},{client})"))
        }));
        query.extend(self.filters.iter().map(|filter| ("filter", filter.clone())));
        query
    }

    /// The newest logs, the oldest of them first.
    async fn newest(&self, client: &AviClient, whose: &Whose, limit: usize) -> anyhow::Result<Found> {
        let mut query = self.query(whose);
        let mut found: Option<Found> = None;
        for (page, size) in pages(limit) {
            let asked = [("page", page.to_string()), ("page_size", size.to_string())];
            let next = self.page(client, query.iter().chain(&asked)).await?;
            let is_last = next.logs.len() < size;
            match &mut found {
                None => {
                    // Logs that come meanwhile must not move the pages.
                    query.retain(|(name, _)| !["end", "duration"].contains(name));
                    query.push(("end", next.end.clone()));
                    query.extend(next.start_of(self.since));
                    found = Some(next.into_found());
                }
                Some(found) => found.logs.extend(next.logs),
            }
            if is_last {
                break;
            }
        }
        let mut found = found.context("no page was asked for")?;
        found.logs.truncate(limit);
        found.logs.reverse();
        if found.count > found.logs.len() as u64 {
            found.notes.push(format!("the newest {} of {}; --limit shows more", found.logs.len(), found.count));
        }
        if found.count == 0 {
            found.notes.extend(self.why_none(whose));
        }
        Ok(found)
    }

    /// The export as the API sends it, page after page, with one header.
    async fn csv(&self, client: &AviClient, whose: &Whose, notes: &mut impl Write) -> anyhow::Result<String> {
        let oldest_first = self.limit.is_none();
        let (mut query, limit) = (self.query(whose), self.limit.map_or(LOGS_MAX, |limit| limit as usize));
        // Counted first: the rows themselves do not say whether they are all.
        let asked = [("page", "1".to_owned()), ("page_size", "1".to_owned())];
        let first = self.page(client, query.iter().chain(&asked)).await?;
        if oldest_first {
            all_fit(first.count)?;
        }
        query.retain(|(name, _)| !["end", "duration"].contains(name));
        query.push(("end", first.end.clone()));
        query.extend(first.start_of(self.since));
        query.push(("format", "csv".to_owned()));
        if oldest_first {
            query.push(("orderby", "report_timestamp".to_owned()));
        }
        let mut text = String::new();
        let mut rows = 0;
        for (page, size) in pages(limit) {
            let asked = [("page", page.to_string()), ("page_size", size.to_string())];
            let query: Vec<(&str, &str)> =
                query.iter().chain(&asked).map(|(name, text)| (*name, text.as_str())).collect();
            let answer = client.get_text(PATH, &query, &self.connection.tenant).await.context(DOING)?;
            let body = if page == 1 { answer.as_str() } else { answer.split_once('\n').map_or("", |(_, rows)| rows) };
            text += body;
            rows += size;
            if u64::try_from(rows).unwrap_or(u64::MAX) >= first.count {
                break;
            }
        }
        let mut found = first.into_found();
        let shown = u64::try_from(limit).unwrap_or(u64::MAX);
        if !oldest_first && found.count > shown {
            found.notes.push(format!("the newest {shown} of {}", found.count));
        }
        if found.count == 0 {
            found.notes.extend(self.why_none(whose));
        }
        tell(notes, &found)?;
        Ok(text)
    }

    async fn page<'q>(
        &self,
        client: &AviClient,
        query: impl Iterator<Item = &'q (&'static str, String)>,
    ) -> anyhow::Result<Page> {
        let query: Vec<(&str, &str)> = query.map(|(name, text)| (*name, text.as_str())).collect();
        let value = client.get(PATH, &query, &self.connection.tenant).await.context(DOING)?;
        Page::read(value)
    }

    /// What keeps logs out of those of this virtual service.
    fn why_none(&self, whose: &Whose) -> Option<String> {
        if self.errors { None } else { nothing::why(whose) }
    }
}

const DOING: &str = "asking the controller for logs";

/// One page as the API sends it.
struct Page {
    count: u64,
    logs: Vec<Value>,
    start: String,
    end: String,
    notes: Vec<String>,
}

impl Page {
    fn read(mut value: Value) -> anyhow::Result<Self> {
        let Some(Value::Array(logs)) = value.get_mut("results").map(Value::take) else {
            bail!("the controller sent no logs: there is no list `results`");
        };
        let incomplete = value.get("incomplete").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let note =
            |engine: &Value| format!("logs of engine {} are missing: {}", text(engine, "name"), text(engine, "reason"));
        Ok(Self {
            count: value.get("count").and_then(Value::as_u64).unwrap_or(logs.len() as u64),
            logs,
            start: text(&value, "start").to_owned(),
            end: text(&value, "end").to_owned(),
            notes: incomplete.iter().map(note).collect(),
        })
    }

    /// The start that a duration meant, for the pages after this one.
    fn start_of(&self, since: Option<u64>) -> Option<(&'static str, String)> {
        since.map(|_| ("start", self.start.clone()))
    }

    fn into_found(self) -> Found {
        Found { count: self.count, logs: self.logs, end: self.end, notes: self.notes }
    }
}

/// Number and size of the pages that hold `limit` logs; all of one size, so that they do not overlap.
fn pages(limit: usize) -> impl Iterator<Item = (usize, usize)> {
    let size = limit.min(PAGE_SIZE_MAX);
    (1..=limit.div_ceil(size)).map(move |page| (page, size))
}

/// A file that is said to hold all logs must not end with the first of them.
fn all_fit(count: u64) -> anyhow::Result<()> {
    if count > LOGS_MAX as u64 {
        bail!(
            "there are {count} logs, and one export holds {LOGS_MAX}: export shorter times with --start and --end, \
             filter, or take the newest with --limit {LOGS_MAX}; nothing was written"
        );
    }
    Ok(())
}

fn tell(notes: &mut impl Write, found: &Found) -> anyhow::Result<()> {
    found.notes.iter().try_for_each(|note| print(notes, &format!("meridian: {note}\n")))
}

/// A reader that closed the pipe early is no error.
fn print(out: &mut impl Write, text: &str) -> anyhow::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("printing logs"),
        _ => Ok(()),
    }
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// `90s`, `10m`, `2h`, `7d`.
fn seconds(text: &str) -> Result<u64, String> {
    let unit = |unit: char| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    };
    let seconds = text.char_indices().last().and_then(|(end, last)| {
        let number = text[..end].parse::<u64>().ok()?;
        number.checked_mul(unit(last)?).filter(|seconds| *seconds > 0)
    });
    seconds.ok_or_else(|| "write a number and a unit, for example 90s, 10m, 2h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_back_has_a_unit() {
        assert_eq!([seconds("90s"), seconds("10m")], [Ok(90), Ok(600)]);
        assert_eq!([seconds("2h"), seconds("7d")], [Ok(7_200), Ok(604_800)]);
        for text in ["", "90", "m", "10ñ", "0s", "-1m", "10w", "1.5h", "99999999999999999999d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pages_are_of_one_size_and_hold_the_limit() {
        assert_eq!(pages(7).collect::<Vec<_>>(), [(1, 7)]);
        assert_eq!(pages(10_000).collect::<Vec<_>>(), [(1, 10_000)]);
        assert_eq!(pages(25_000).collect::<Vec<_>>(), [(1, 10_000), (2, 10_000), (3, 10_000)]);
    }

    #[test]
    fn an_export_that_cannot_hold_all_fails() {
        assert!(all_fit(100_000).is_ok());
        let why = all_fit(100_001).unwrap_err().to_string();
        assert!(why.starts_with("there are 100001 logs, and one export holds 100000: export shorter times"), "{why}");
    }

    fn args(arguments: &[&str]) -> LogsArgs {
        use clap::{Args, FromArgMatches};
        let command = LogsArgs::augment_args(clap::Command::new("logs").no_binary_name(true));
        LogsArgs::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
    }

    #[test]
    fn a_status_is_asked_of_all_but_what_is_known_to_answer_dns() {
        let asked = args(&["--status", "5xx"]);
        let whose = |kind, object| Whose { uuid: "vs".into(), name: "name".into(), kind, object };
        let known = json!({"uuid": "vs"});
        assert!(asked.fits(&whose(Kind::Http, known.clone())).is_ok());
        assert!(asked.fits(&whose(Kind::Dns, Value::Null)).is_ok(), "the controller says that there is none");
        let why = asked.fits(&whose(Kind::Dns, known)).unwrap_err().to_string();
        assert!(why.starts_with("name answers DNS"), "{why}");
    }

    #[track_caller]
    fn check_flags(kind: Kind, arguments: &[&str], expected: &str) {
        let args = args(arguments);
        let whose = Whose { uuid: "vs".into(), name: "name".into(), kind, object: Value::Null };
        let query: Vec<String> = args.query(&whose).iter().map(|(name, text)| format!("{name}={text}")).collect();
        assert_eq!(query.join(" "), expected);
    }

    #[test]
    fn flags_become_parameters() {
        check_flags(
            Kind::Dns,
            &["--since", "10m", "--name", "a.b.", "--client", "2001:db8::1", "--filter", "co(all,x)", "--errors"],
            "virtualservice=vs type=0 nf=false timeout=20 duration=600 filter=eq(dns_fqdn,a.b) \
             filter=eq(client_ip6,2001:db8::1) filter=co(all,x)",
        );
        check_flags(
            Kind::Http,
            &["--name", "a.b", "--path", "/cart", "--status", "5xx", "--client", "10.1.2.3"],
            "virtualservice=vs type=1 nf=true timeout=20 filter=sw(host,a.b) filter=sw(uri_path,/cart) \
             filter=ge(response_code,500) filter=le(response_code,599) filter=eq(client_ip,10.1.2.3)",
        );
    }
}
