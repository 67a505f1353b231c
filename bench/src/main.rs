//! Benchmarks against the peers: each command finds its peer, runs both in turn, and prints one table.
//!
//! Figures are ratios and medians of interleaved runs; CPU per operation is the server's own, user and system. See
//! `docs/targets.md` for the promises they keep.

mod boot;
mod change;
mod clusters;
mod dns;
mod engine;
mod http;
mod measure;
mod page;
mod path;
mod shake;
mod sites;
mod system;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// CPU per query of the engine and of gdnsd, weighted answers with health on
    Dns(Output),
    /// From a change to the answer served: a manifest through a whole demo, an Ingress through real API servers
    Path(Output),
    /// From an Ingress applied to its page and its answer served, through a real API server and AKO
    Page(Output),
    /// The same, in the namespace that `page` makes
    #[command(hide = true)]
    PageInside(Output),
    /// Three controllers as sites of one GSLB: delay, catch-up, failover, writes
    Sites(Output),
    /// The same, in the namespace that `sites` makes
    #[command(hide = true)]
    SitesInside(Output),
    /// The operator's start and restart beside three API servers with 5,000 Ingresses each
    Boot(Output),
    /// CPU per HTTP request of our proxy, HAProxy and nginx, with 500 virtual services
    Http {
        #[command(flatten)]
        output: Output,
        /// Only these goals, as L1
        #[arg(long, value_name = "GOAL")]
        only: Vec<String>,
    },
    /// Runs our proxy on a fixed configuration; `http` starts it
    #[command(hide = true)]
    HttpProxy(http::ProxyArgs),
    /// Loads a server with TLS handshakes; `http` starts it
    #[command(hide = true)]
    Shake(shake::ShakeArgs),
    /// CPU of one changed service, by how many services there are
    Change(Output),
    /// Runs an engine on a fixed snapshot; `dns` starts it
    #[command(hide = true)]
    Engine(engine::EngineArgs),
}

/// What every benchmark takes.
#[derive(clap::Args)]
struct Output {
    /// Fewer and shorter runs, to see that it works
    #[arg(long)]
    quick: bool,
    /// Also write the rows to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The `meridian` binary to measure
    #[arg(long, env = "MERIDIAN_BIN", default_value = "meridian")]
    meridian: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse().what {
        What::Dns(output) => table::publish(&dns::run(output.quick, &output.meridian).await?, output.json.as_deref()),
        What::Path(output) => table::publish(&path::run(output.quick, &output.meridian).await?, output.json.as_deref()),
        What::Page(output) => page::run(&output),
        What::PageInside(output) => {
            table::publish(&page::inside(output.quick, &output.meridian).await?, output.json.as_deref())
        }
        What::Sites(output) => sites::run(&output),
        What::SitesInside(output) => {
            table::publish(&sites::inside(output.quick, &output.meridian).await?, output.json.as_deref())
        }
        What::Boot(output) => table::publish(&boot::run(output.quick, &output.meridian).await?, output.json.as_deref()),
        What::Http { output, only } => table::publish(&http::run(output.quick, &only)?, output.json.as_deref()),
        What::HttpProxy(args) => http::serve(args).await,
        What::Shake(args) => shake::run(args).await,
        What::Change(output) => {
            table::publish(&change::run(output.quick, &output.meridian).await?, output.json.as_deref())
        }
        What::Engine(args) => engine::run(args).await,
    }
}
