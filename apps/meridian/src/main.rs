//! The one binary: parses the command line, sets up logging, calls the part.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use telemetry::{Colour, FILTER_DEFAULT, Format};

/// The C library walks its free lists for blocks of 8 KiB, of which each connection of the HTTP proxy needs several.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One name for many clusters: DNS answers by weight and health, configured through the Avi API
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Args {
    #[command(subcommand)]
    command: Command,

    /// What to log: `info`, or per part as in `info,service_engine=debug`; for `ako` and `amko` in place of the cluster's logLevel
    #[arg(long, env = "MERIDIAN_LOG", global = true, hide_short_help = true)]
    log: Option<String>,

    /// How logs of `controller`, `engine`, `ako` and `amko` are written: `human` or `json`
    #[arg(long, env = "MERIDIAN_LOG_FORMAT", global = true, default_value = "human", hide_short_help = true)]
    log_format: Format,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Controller(controller::ControllerArgs),
    JoinToken(controller::JoinTokenArgs),
    Engine(service_engine::EngineArgs),
    Ako(ako::AkoArgs),
    Amko(amko::AmkoCommand),
    ServiceDiscovery(amko::ServiceDiscoveryArgs),
    Get(cli::GetArgs),
    Explain(cli::ExplainArgs),
    Logs(cli::LogsArgs),
    Promote(cli::PromoteArgs),
    #[command(hide = true)]
    Backend(demo::BackendArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "meridian: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    match args.command {
        Command::Demo(demo) => {
            // Each write also shows as what its author says of it; the controller's own record would repeat it.
            let log = args.log.unwrap_or_else(|| format!("{FILTER_DEFAULT},audit=warn"));
            telemetry::init_to(Format::Human, Colour::of(&stdout), &log, std::io::stdout)?;
            demo.run(&mut stdout).await
        }
        Command::Controller(controller) => {
            telemetry::init(args.log_format, log(args.log.as_ref()))?;
            controller.run().await
        }
        Command::Engine(engine) => {
            telemetry::init(args.log_format, log(args.log.as_ref()))?;
            engine.run().await
        }
        Command::Amko(amko) => {
            let (amko, verb) = amko.split();
            if let Some(verb) = verb {
                if let Some(filter) = &args.log {
                    telemetry::init(args.log_format, filter)?;
                }
                return print(&mut stdout, &verb.run().await?);
            }
            let filter = telemetry::init(args.log_format, log(args.log.as_ref()))?;
            // Who says what to log need not fear that the GSLBConfig says otherwise.
            amko.run(args.log.is_none().then_some(filter)).await
        }
        Command::ServiceDiscovery(discovery) => {
            telemetry::init(args.log_format, log(args.log.as_ref()))?;
            discovery.run().await
        }
        Command::Ako(ako) => {
            let filter = telemetry::init(args.log_format, log(args.log.as_ref()))?;
            ako.run(args.log.is_none().then_some(filter)).await
        }
        Command::JoinToken(token) => token.run(),
        Command::Get(get) => print(&mut stdout, &get.run().await?),
        Command::Logs(logs) => logs.run(&mut stdout, &mut std::io::stderr()).await,
        Command::Explain(explain) => print(&mut stdout, &explain.run().await?),
        Command::Promote(promote) => print(&mut stdout, &promote.run().await?),
        Command::Backend(backend) => backend.run().await,
    }
}

fn log(chosen: Option<&String>) -> &str {
    chosen.map_or(FILTER_DEFAULT, String::as_str)
}

/// Prints a verb's text; a reader that closed the pipe early is no error.
fn print(stdout: &mut impl Write, text: &str) -> anyhow::Result<()> {
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
