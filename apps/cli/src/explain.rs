//! `meridian explain dns NAME`.

use std::net::IpAddr;

use anyhow::Context;
use se_protocol::explain::DnsExplanation;
use serde_json::Value;

use crate::connection::ConnectionArgs;
use crate::output::{self, Format};

/// Tell how a query would be answered now, and why
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A DNS query: each step, and why each other member was passed over
    #[command(after_help = "Example:
  meridian explain dns hello.avi.iberia.local --client 10.1.2.3

Asking does not use up a turn: the next real query gets the answer shown.")]
    Dns(DnsArgs),
}

#[derive(Debug, clap::Args)]
struct DnsArgs {
    /// Name asked for
    name: String,

    /// Record type asked for
    #[arg(long = "type", default_value = "A", value_name = "TYPE")]
    qtype: String,

    /// Address of the client
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,

    #[command(flatten)]
    connection: ConnectionArgs,
}

impl ExplainArgs {
    /// Asks the controller and returns what to print.
    ///
    /// # Errors
    /// When the controller or its engine cannot be asked, or the question makes no sense.
    pub async fn run(&self) -> anyhow::Result<String> {
        let What::Dns(args) = &self.what;
        let client_text = args.client.map(|client| client.to_string());
        let mut query = vec![("name", args.name.as_str()), ("qtype", args.qtype.as_str())];
        if let Some(client) = &client_text {
            query.push(("client", client));
        }
        let value = args
            .connection
            .client()?
            .get("/api/explain/dns", &query, &args.connection.tenant)
            .await
            .context("asking the controller for an explanation")?;
        match args.output {
            Format::Json => output::json(&value),
            Format::Yaml => output::yaml(&value),
            Format::Table => as_text(&value),
        }
    }
}

fn as_text(value: &Value) -> anyhow::Result<String> {
    let explanation: DnsExplanation =
        serde_json::from_value(value.clone()).context("reading the explanation that the controller sent")?;
    let question = &explanation.question;
    let client = question.client.map_or(String::new(), |client| format!(" from {client}"));
    let mut text = format!("{} {}{client}, asked of {}\n\n", question.qtype, question.name, explanation.dns_service);
    for (number, step) in (1..).zip(&explanation.steps) {
        text += &format!("{number:>3}  {:<10} {}\n", step.step, step.outcome);
    }
    if !explanation.members.is_empty() {
        let rows = explanation
            .members
            .iter()
            .map(|member| {
                vec![
                    if member.chosen { "->" } else { "" }.to_owned(),
                    member.ip.to_string(),
                    member.pool.clone(),
                    member.weight.to_string(),
                    member.reason.clone(),
                ]
            })
            .collect();
        text += "\n";
        text += &output::table(&["", "member", "pool", "weight", "why"], rows);
    }
    text += &format!("\n{}, configuration {}\n", explanation.answer.rcode, explanation.version);
    for (section, records) in [("answer", &explanation.answer.answer), ("authority", &explanation.answer.authority)] {
        for record in records {
            text += &format!("  {section:<10} {record}\n");
        }
    }
    Ok(text)
}
