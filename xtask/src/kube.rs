//! Real clusters on one machine, without containers or root: etcd and an API server per cluster.
//!
//! `up` writes into a run directory: `leader.kubeconfig` (the first cluster), `members.kubeconfig` (a context per
//! cluster), `NAME.kubeconfig`, `tokens.csv`, and a log and process id per process. `down` stops what `up` started, by
//! process id. `stop` and `start` do so with one process, which keeps its address.
//!
//! [`binaries`] finds or builds the programs, [`clusters`] knows their arguments, [`processes`] runs them, [`access`]
//! writes keys and kubeconfigs. Readiness is asked with `curl`: a TLS library would make this program, which is built
//! before anything else, three times as large, and rustup's own installation needs `curl` anyway.

mod access;
mod binaries;
mod clusters;
mod go;
mod processes;

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use nix::sys::signal::Signal;

use crate::workshop::{Workshop, answers, now};
use access::{Entry, Tokens};
use binaries::Program;
use clusters::Cluster;
use processes::{LOOK_EVERY, Process, Tie};

/// Longest wait for `/readyz`.
const READY_MAX: Duration = Duration::from_secs(90);
/// Port of an API server whose address was chosen by the user.
const PORT: u16 = 6443;

const SIGNING_KEY: &str = "service-accounts.key";
const TOKENS: &str = "tokens.csv";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start clusters; programs that are missing are built first
    Up(UpArgs),
    /// Stop all that runs in a run directory
    Down(Directory),
    /// Stop one process: `etcd`, or the API server of the cluster with that name
    Stop {
        name: String,
        /// End it at once, as a crash would
        #[arg(long)]
        kill: bool,
        #[command(flatten)]
        directory: Directory,
    },
    /// Start one process again, at its old address, and wait until it is ready
    Start {
        name: String,
        #[command(flatten)]
        directory: Directory,
    },
    /// Find or build the programs, start nothing; with `--check`, only say whether that would do
    Programs {
        /// Build nothing
        #[arg(long)]
        check: bool,
    },
}

#[derive(clap::Args)]
struct UpArgs {
    #[command(flatten)]
    directory: Directory,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    clusters: u8,
    /// Number of the first one, which says its name and its networks; others may run elsewhere
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=50))]
    first: u8,
    /// Address of an API server, for network namespaces; once per cluster. Port 6443 then, else a free one on loopback
    #[arg(long, value_name = "IP")]
    address: Vec<IpAddr>,
    /// Run kube-controller-manager in each cluster
    #[arg(long)]
    controller_manager: bool,
    /// Run KWOK in each cluster, which plays its nodes
    #[arg(long)]
    kwok: bool,
    /// Let etcd wait for the disk, for tests of durability
    #[arg(long)]
    durable: bool,
    /// Stay, and stop everything when standard input ends
    #[arg(long)]
    foreground: bool,
    /// Remove the run directory then
    #[arg(long, requires = "foreground")]
    remove: bool,
}

#[derive(clap::Args)]
struct Directory {
    /// Run directory; `kube` in the target directory when not given
    #[arg(long = "dir", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Directory {
    /// Absolute, since processes run elsewhere.
    fn resolve(&self, workshop: &Workshop) -> anyhow::Result<PathBuf> {
        let chosen = self.directory.clone().unwrap_or_else(|| workshop.target.join("kube"));
        std::path::absolute(&chosen).with_context(|| format!("resolving {}", chosen.display()))
    }
}

/// # Errors
/// A program is missing and cannot be built, or a process does not start or end.
pub(crate) fn run(workshop: &Workshop, args: &Args) -> anyhow::Result<ExitCode> {
    match &args.verb {
        Verb::Up(args) => up(workshop, args)?,
        Verb::Down(directory) => down(&directory.resolve(workshop)?)?,
        Verb::Stop { name, kill, directory } => {
            let directory = directory.resolve(workshop)?;
            let signal = if *kill { Signal::SIGKILL } else { Signal::SIGTERM };
            find(&directory, name)?.stop(&directory, signal)?;
        }
        Verb::Start { name, directory } => {
            let directory = directory.resolve(workshop)?;
            let process = find(&directory, name)?;
            if process.running(&directory).is_none() {
                process.start(&directory, Tie::Detached)?;
            }
            wait_ready(&directory, std::slice::from_ref(&process))?;
        }
        Verb::Programs { check: true } => {
            if let Err(why) = binaries::is_within_reach(workshop) {
                println!("{why}");
                return Ok(ExitCode::FAILURE);
            }
        }
        Verb::Programs { check: false } => {
            for program in binaries::NEEDED {
                println!("{}", binaries::ensure(workshop, program)?.display());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Have the programs that tests and guides need, where that is possible; say otherwise what is skipped.
///
/// # Errors
/// Go is here, and cannot build them.
pub(crate) fn offer(workshop: &Workshop) -> anyhow::Result<()> {
    match binaries::bring_within_reach(workshop) {
        Ok(()) => {
            binaries::NEEDED.into_iter().try_for_each(|program| binaries::ensure(workshop, program).map(drop))?;
            for (program, arguments) in binaries::CLIENTS {
                if !answers(workshop.command(program.name()).args(arguments)) {
                    binaries::ensure(workshop, program)?;
                }
            }
        }
        Err(why) => println!("tests with real API servers are skipped: {why}"),
    }
    Ok(())
}

/// Where programs are looked up: the machine's own first, then those that were built here.
pub(crate) fn search_path(workshop: &Workshop) -> anyhow::Result<OsString> {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&own).chain([binaries::cache(workshop)]);
    std::env::join_paths(places).context("a colon in the path of the cache's directory")
}

fn up(workshop: &Workshop, args: &UpArgs) -> anyhow::Result<()> {
    let directory = args.directory.resolve(workshop)?;
    if let Some(process) = processes::load(&directory)?.iter().find(|process| process.running(&directory).is_some()) {
        bail!(
            "{} runs already in {dir}; stop it with `cargo xtask kube down --dir {dir}`, or choose another --dir",
            process.name,
            dir = directory.display()
        );
    }
    let clusters = place(args)?;
    fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    let begin = now();
    let processes = plan(workshop, args, &directory, &clusters)?;
    write_access(&directory, &clusters)?;
    processes::save(&directory, &processes)?;
    let tie = if args.foreground { Tie::Attached } else { Tie::Detached };
    if let Err(error) = start_all(&directory, &processes, tie) {
        processes::stop_all(&directory, &processes)?;
        return Err(error);
    }
    tell(&directory, &clusters, begin.elapsed());
    if args.foreground {
        // Whoever holds the other end ends the clusters by ending, and reads no more words.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        processes::stop_all(&directory, &processes)?;
        if args.remove {
            fs::remove_dir_all(&directory).with_context(|| format!("removing {}", directory.display()))?;
        }
    }
    Ok(())
}

fn down(directory: &Path) -> anyhow::Result<()> {
    let processes = processes::load(directory)?;
    let running = processes.iter().filter(|process| process.running(directory).is_some()).count();
    processes::stop_all(directory, &processes)?;
    println!("stopped {running} processes of {}", directory.display());
    Ok(())
}

fn find(directory: &Path, name: &str) -> anyhow::Result<Process> {
    let processes = processes::load(directory)?;
    let names: Vec<&str> = processes.iter().map(|process| process.name.as_str()).collect();
    let found = processes.iter().find(|process| process.name == name);
    found.cloned().with_context(|| match names.is_empty() {
        true => format!("nothing was started in {}", directory.display()),
        false => format!("there is no process `{name}` in {}; there are: {}", directory.display(), names.join(", ")),
    })
}

/// Names and addresses of the clusters.
fn place(args: &UpArgs) -> anyhow::Result<Vec<Cluster>> {
    let count = usize::from(args.clusters);
    if !args.address.is_empty() && args.address.len() != count {
        bail!("{} addresses for {count} clusters; give --address once for each, or not at all", args.address.len());
    }
    let ports = free_ports(count)?;
    let places = ports.into_iter().enumerate().map(|(at, port)| {
        let (host, port) = match args.address.get(at) {
            Some(address) => (address.to_string(), PORT),
            None => ("127.0.0.1".to_owned(), port),
        };
        let number = at + usize::from(args.first);
        Cluster { name: clusters::name(number), number, host, port }
    });
    Ok(places.collect())
}

/// Ports that were free a moment ago, all different.
fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let listeners: std::io::Result<Vec<_>> = (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
    let listeners = listeners.context("looking for free ports on 127.0.0.1; is `lo` up?")?;
    let ports: std::io::Result<Vec<u16>> = listeners.iter().map(|it| Ok(it.local_addr()?.port())).collect();
    ports.context("looking for free ports")
}

/// The processes, etcd first.
fn plan(workshop: &Workshop, args: &UpArgs, directory: &Path, clusters: &[Cluster]) -> anyhow::Result<Vec<Process>> {
    let ports = free_ports(2)?;
    let etcd = binaries::ensure(workshop, Program::Etcd)?;
    let api_server = binaries::ensure(workshop, Program::ApiServer)?;
    let mut processes = vec![clusters::etcd(&etcd, directory, ports[0], ports[1], args.durable)];
    processes.extend(clusters.iter().map(|it| clusters::api_server(&api_server, directory, it, ports[0])));
    if args.controller_manager {
        let program = binaries::ensure(workshop, Program::ControllerManager)?;
        processes.extend(clusters.iter().map(|it| clusters::controller_manager(&program, directory, it)));
    }
    if args.kwok {
        let program = binaries::ensure(workshop, Program::Kwok)?;
        let stages = workshop.root.join("tools/kube/kwok-stages.yaml");
        processes.extend(clusters.iter().map(|it| clusters::kwok(&program, directory, it, &stages)));
    }
    for process in &mut processes {
        // What `/proc` will show.
        process.program = fs::canonicalize(&process.program).context("resolving the path of a program")?;
    }
    Ok(processes)
}

/// Keys, tokens and kubeconfigs. The signing key of an earlier run is kept with the objects it signed for.
fn write_access(directory: &Path, clusters: &[Cluster]) -> anyhow::Result<()> {
    let key = directory.join(SIGNING_KEY);
    if !key.exists() {
        access::write_secret(&key, &access::signing_key()?)?;
    }
    let tokens = Tokens::draw()?;
    access::write_secret(&directory.join(TOKENS), &tokens.file())?;
    let servers: Vec<String> = clusters.iter().map(Cluster::server).collect();
    let each = clusters.iter().zip(&servers);
    let entries: Vec<Entry<'_>> = each.map(|(it, server)| entry(directory, it, server, &tokens.admin)).collect();
    for (cluster, entry) in clusters.iter().zip(&entries) {
        access::write_secret(&kubeconfig(directory, &cluster.name), &access::kubeconfig(std::slice::from_ref(entry)))?;
    }
    access::write_secret(&kubeconfig(directory, "members"), &access::kubeconfig(&entries))?;
    access::write_secret(&kubeconfig(directory, "leader"), &access::kubeconfig(&entries[..1]))
}

fn entry<'a>(directory: &Path, cluster: &'a Cluster, server: &'a str, token: &'a str) -> Entry<'a> {
    let authority = certificates(directory, &cluster.name).join("apiserver.crt");
    Entry { name: &cluster.name, server, authority, token }
}

/// Where an API server keeps the certificate it makes.
fn certificates(directory: &Path, cluster: &str) -> PathBuf {
    directory.join(cluster)
}

fn kubeconfig(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.kubeconfig"))
}

/// Starts etcd and API servers, then those that need an API server.
fn start_all(directory: &Path, processes: &[Process], tie: Tie) -> anyhow::Result<()> {
    let (first, then): (Vec<_>, Vec<_>) =
        processes.iter().cloned().partition(|process| process.name == "etcd" || process.ready_at.is_some());
    for group in [first, then] {
        for process in &group {
            process.start(directory, tie)?;
        }
        wait_ready(directory, &group)?;
    }
    Ok(())
}

/// Waits until all API servers among `processes` say they are ready.
fn wait_ready(directory: &Path, processes: &[Process]) -> anyhow::Result<()> {
    let begin = now();
    for process in processes {
        let mut ready = false;
        while !ready {
            if process.running(directory).is_none() {
                bail!("{} ended; its log says:\n{}", process.name, process.last_words(directory));
            }
            ready = match &process.ready_at {
                Some(server) => is_ready(server)?,
                None => true,
            };
            if !ready && begin.elapsed() > READY_MAX {
                let seconds = READY_MAX.as_secs();
                bail!(
                    "{} is not ready after {seconds} s; its log says:\n{}",
                    process.name,
                    process.last_words(directory)
                );
            }
            if !ready {
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
    Ok(())
}

/// Anybody may ask this, and nothing secret is sent: so the certificate, which may not be written yet, is not checked.
fn is_ready(server: &str) -> anyhow::Result<bool> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--insecure", "--noproxy", "*", "--max-time", "2", "--output", "/dev/null"]);
    curl.arg(format!("https://{server}/readyz")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status =
        curl.status().context("starting `curl`, which asks whether an API server is ready; is it installed?")?;
    Ok(status.success())
}

fn tell(directory: &Path, clusters: &[Cluster], took: Duration) {
    for cluster in clusters {
        let kubeconfig = kubeconfig(directory, &cluster.name);
        println!("{:6} https://{:21} {}", cluster.name, cluster.server(), kubeconfig.display());
    }
    println!("leader  {}", kubeconfig(directory, "leader").display());
    println!("members {}", kubeconfig(directory, "members").display());
    println!("ready after {:.1} s; to stop: cargo xtask kube down --dir {}", took.as_secs_f64(), directory.display());
}
