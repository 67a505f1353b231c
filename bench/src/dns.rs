//! D1: CPU per query, engine against gdnsd, both weighted with health on, one UDP thread each, no query log.
//!
//! The engine runs twice: alone on a fixed snapshot, and as `meridian engine` that its controller tells what to serve.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::json;

use crate::engine::{MEMBERS, NAME};
use crate::measure::{Server, cpu_time, free_port, median, wait_for};
use crate::system::System;
use crate::table::Row;

/// Goal for the ratio to gdnsd at this stage of the project.
const D1_RATIO_MAX: f64 = 1.15;
const SERVER_CORE: u32 = 0;
const LOAD_CORE: u32 = 1;

/// One run of one server.
struct Run {
    microseconds_per_query: f64,
    queries_per_second: f64,
}

/// Runs both in turn and compares the medians.
pub(crate) async fn run(quick: bool, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    for program in ["gdnsd", "dnsperf", "taskset", "dig"] {
        find(program)?;
    }
    let (rounds, seconds) = if quick { (2, 1) } else { (7, 4) };
    let directory = tempfile::tempdir().context("making a directory for the run")?;
    let queries = directory.path().join("queries");
    fs::write(&queries, format!("{NAME} A\n")).context("writing the queries")?;
    let backends = Backends::start()?;

    let system = System::start(meridian, Some(SERVER_CORE)).await?;
    create_service(&system, backends.port).await?;

    let (mut peer, mut ours, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let port = free_port()?;
        peer.push(measure(&gdnsd(directory.path(), port)?, port, &queries, seconds)?);
        let port = free_port()?;
        ours.push(measure(&engine(port, backends.port)?, port, &queries, seconds)?);
        told.push(measure(&system.engine, system.dns.port(), &queries, seconds)?);
    }
    let of = |runs: &[Run], value: fn(&Run) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
    let cpu = |run: &Run| run.microseconds_per_query;
    let rate = |run: &Run| run.queries_per_second / 1000.0;
    let what = "CPU per query, weighted, health on, no log, 1 thread, us";
    Ok(vec![
        Row::against("D1", what, "gdnsd", of(&peer, cpu), of(&ours, cpu), D1_RATIO_MAX),
        Row::against(
            "D1",
            "the same, as a process that a controller tells what to serve",
            "gdnsd",
            of(&peer, cpu),
            of(&told, cpu),
            D1_RATIO_MAX,
        ),
        Row {
            target: None,
            met: None,
            ..Row::against(
                "-",
                "thousand answers a second at saturation",
                "gdnsd",
                of(&peer, rate),
                of(&ours, rate),
                1.0,
            )
        },
    ])
}

/// Loads `server` and divides the CPU it used by the answers it gave.
fn measure(server: &Server, port: u16, queries: &Path, seconds: u32) -> anyhow::Result<Run> {
    let answers = || {
        let output = Command::new("dig")
            .args(["+short", "+tries=1", "+time=1", "@127.0.0.1", "-p", &port.to_string(), NAME])
            .output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("127.10."))
    };
    wait_for("the server's first answer", answers)?;
    load(port, queries, 1)?;
    let before = cpu_time(server.pid())?;
    let (completed, queries_per_second) = load(port, queries, seconds)?;
    let used = cpu_time(server.pid())? - before;
    Ok(Run { microseconds_per_query: used.as_secs_f64() * 1e6 / completed, queries_per_second })
}

/// Runs `dnsperf` and returns the queries completed and the rate.
fn load(port: u16, queries: &Path, seconds: u32) -> anyhow::Result<(f64, f64)> {
    let output = Command::new("taskset")
        .args(["-c", &LOAD_CORE.to_string(), "dnsperf", "-s", "127.0.0.1", "-p", &port.to_string(), "-d"])
        .arg(queries)
        .args(["-l", &seconds.to_string(), "-c", "8", "-q", "200"])
        .output()
        .context("running dnsperf")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figure = |name: &str| -> anyhow::Result<f64> {
        let line = text.lines().find(|line| line.trim_start().starts_with(name));
        let line = line.with_context(|| format!("dnsperf printed no `{name}`:\n{text}"))?;
        let value = line.split(':').nth(1).and_then(|rest| rest.split_whitespace().next());
        value.with_context(|| format!("no figure in `{line}`"))?.parse().context("reading a figure of dnsperf")
    };
    let (sent, completed) = (figure("Queries sent")?, figure("Queries completed")?);
    if completed < 0.999 * sent {
        bail!("only {completed} of {sent} queries were answered");
    }
    Ok((completed, figure("Queries per second")?))
}

/// gdnsd with its `weighted` plugin and the built-in service type `up`.
fn gdnsd(directory: &Path, port: u16) -> anyhow::Result<Server> {
    let root = directory.join(format!("gdnsd-{port}"));
    let doing = || format!("configuring gdnsd in {}", root.display());
    for part in ["zones", "run", "state"] {
        fs::create_dir_all(root.join(part)).with_context(doing)?;
    }
    let members: Vec<String> =
        (1..).zip(MEMBERS).map(|(number, (ip, weight))| format!("m{number} => [ {ip}, {weight} ]")).collect();
    let config = format!(
        "options => {{ listen => [ 127.0.0.1:{port} ], udp_threads => 1, tcp_threads => 1, run_dir => \"{root}/run\", \
         state_dir => \"{root}/state\" }}\n\
         plugins => {{ weighted => {{ service_types => up, split => {{ {} }} }} }}\n",
        members.join(", "),
        root = root.display(),
    );
    fs::write(root.join("config"), config).with_context(doing)?;
    let zone = "@ SOA ns hostmaster 1 10800 3600 86400 30\n@ NS ns\nns A 127.0.0.1\nhello 30 DYNA weighted!split\n";
    fs::write(root.join("zones").join("avi.iberia.local"), zone).with_context(doing)?;
    let program = find("gdnsd")?;
    Server::pinned(SERVER_CORE, &program, &["-c".into(), root.display().to_string(), "start".into()])
}

fn engine(port: u16, backend_port: u16) -> anyhow::Result<Server> {
    let program = std::env::current_exe().context("finding this program")?.display().to_string();
    let listen = format!("127.0.0.1:{port}");
    let args = ["engine", "--listen", &listen, "--backend-port", &backend_port.to_string()].map(str::to_owned);
    Server::pinned(SERVER_CORE, &program, &args)
}

/// The service of [`MEMBERS`] with a TCP monitor, made over the API.
async fn create_service(system: &System, backend_port: u16) -> anyhow::Result<()> {
    let monitor = json!({
        "name": "tcp", "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": backend_port,
        "send_interval": 1, "receive_timeout": 1, "successful_checks": 2, "failed_checks": 2, "tcp_monitor": {}
    });
    system.api.post("/api/healthmonitor", &monitor, "admin").await?;
    let members = MEMBERS.map(|(ip, ratio)| json!({"ip": {"addr": ip, "type": "V4"}, "ratio": ratio}));
    let service = json!({
        "name": "bench", "domain_names": [NAME], "is_federated": true,
        "health_monitor_refs": ["/api/healthmonitor?name=tcp"],
        "groups": [{"name": "all", "priority": 10, "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN", "members": members}]
    });
    system.api.post("/api/gslbservice", &service, "admin").await?;
    Ok(())
}

/// Something that accepts connections on every member's address, for the monitors.
struct Backends {
    port: u16,
}

impl Backends {
    fn start() -> anyhow::Result<Self> {
        let port = free_port()?;
        for (ip, _) in MEMBERS {
            let listener = TcpListener::bind((ip, port)).with_context(|| format!("listening on {ip}:{port}"))?;
            std::thread::spawn(move || listener.incoming().for_each(drop));
        }
        Ok(Self { port })
    }
}

/// The path of a program, also from the directories that only root's PATH has.
fn find(program: &str) -> anyhow::Result<String> {
    ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"]
        .iter()
        .map(|directory| format!("{directory}/{program}"))
        .find(|path| Path::new(path).exists())
        .with_context(|| format!("{program} is missing: apt-get install gdnsd dnsperf bind9-dnsutils util-linux"))
}
