//! C1: from a change to the answer served: operator, REST, store, snapshot, probe, answer. Once from a manifest through a
//! whole demo, once from an Ingress through real API servers and processes of their own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::clusters::{Clusters, apply, ingress, set_status};
use crate::measure::{memory_mib, percentile, wait_for};
use crate::system::{System, serve_http};
use crate::table::Row;

/// Goal at this stage of the project, milliseconds.
const C1_P99_MS_MAX: f64 = 300.0;
const NAME: &str = "bench.avi.iberia.local";
/// The application moves between these two addresses.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 10, 25, 58), Ipv4Addr::new(127, 10, 25, 59)];

/// Both ways.
pub(crate) async fn run(quick: bool, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let changes = if quick { 20 } else { 200 };
    serve_http(&ADDRESSES)?;
    let mut rows = through_demo(changes, meridian)?;
    rows.extend(through_api_servers(changes, meridian).await?);
    let size = fs::metadata(meridian).map_or(f64::NAN, |file| file.len() as f64 / (1024.0 * 1024.0));
    rows.push(Row::alone("-", "size of the binary, MiB", size, None));
    Ok(rows)
}

/// Changes the manifest again and again, and asks until the answer follows.
fn through_demo(changes: usize, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let demo = Demo::start(meridian)?;
    let manifest = demo.data.path().join("clusters/s1az1/bench.yaml");
    let mut times = Vec::new();
    for change in 0..=changes {
        let address = ADDRESSES[change % 2];
        write_in_one_step(&manifest, &manifest_of(address))?;
        let start = now();
        wait_for_answer(demo.dns, address)?;
        // The first one also makes the service and its monitor.
        if change > 0 {
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let (rss, pss) = memory_mib(demo.process.id())?;
    let mut rows = rows("manifest changed to answer served", &times);
    rows.push(Row::alone("-", "memory of the demo after it, resident, MiB", rss, None));
    rows.push(Row::alone("-", "memory of the demo after it, proportional, MiB", pss, None));
    Ok(rows)
}

/// Changes the status of an Ingress again and again; the time begins before the request to the API server.
async fn through_api_servers(changes: usize, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let mut clusters = Clusters::start(System::start(meridian, None).await?).await?;
    let client = clusters.clients[1].clone();
    apply(&client, &ingress("bench", NAME)?, NAME, ADDRESSES[0]).await?;
    clusters.start_amko()?;
    wait_for_answer(clusters.system.dns, ADDRESSES[0])?;
    let mut times = Vec::new();
    for change in 1..=changes {
        let address = ADDRESSES[change % 2];
        let start = now();
        set_status(&client, "bench", NAME, address).await?;
        wait_for_answer(clusters.system.dns, address)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let mut rows = rows("Ingress status written to answer served, API servers", &times);
    let amko = clusters.amko.as_ref().context("the operator")?;
    let parts = [("controller", &clusters.system.controller), ("engine", &clusters.system.engine), ("amko", amko)];
    for (part, server) in parts {
        let (resident, _) = memory_mib(server.pid())?;
        rows.push(Row::alone("-", format!("memory of {part} after it, resident, MiB"), resident, None));
    }
    Ok(rows)
}

fn rows(what: &str, times: &[f64]) -> Vec<Row> {
    let what = |figure: &str| format!("{what}, {} changes, {figure}, ms", times.len());
    vec![
        Row::alone("C1", what("p50"), percentile(times, 50.0), None),
        Row::alone("C1", what("p99"), percentile(times, 99.0), Some(C1_P99_MS_MAX)),
    ]
}

/// A demo of its own, ended with the value.
struct Demo {
    process: Child,
    dns: SocketAddr,
    data: tempfile::TempDir,
}

impl Demo {
    fn start(meridian: &Path) -> anyhow::Result<Self> {
        let data = tempfile::tempdir().context("making a data directory")?;
        let mut process = Command::new(meridian)
            .args(["demo", "--data"])
            .arg(data.path())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {} demo", meridian.display()))?;
        let output = process.stdout.take().context("the demo's output")?;
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.starts_with("Ctrl-C") {
                    let _ = ready.send(());
                }
            }
        });
        if is_ready.recv_timeout(Duration::from_secs(30)).is_err() {
            let _ = process.kill();
            bail!("the demo did not come up within 30 s");
        }
        let dns = connection(&data.path().join("connection.env"), "MERIDIAN_DNS")?.parse().context("MERIDIAN_DNS")?;
        Ok(Self { process, dns, data })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id()).map(nix::unistd::Pid::from_raw);
        if let Ok(pid) = pid {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT);
        }
        let _ = self.process.wait();
    }
}

fn connection(file: &PathBuf, name: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.map(str::to_owned).with_context(|| format!("{} sets no {name}", file.display()))
}

fn manifest_of(address: Ipv4Addr) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n\
         metadata: {{name: bench, namespace: default, labels: {{app: gslb}}}}\n\
         spec: {{rules: [{{host: {NAME}}}]}}\n\
         status: {{loadBalancer: {{ingress: [{{ip: {address}, hostname: {NAME}}}]}}}}\n"
    )
}

fn write_in_one_step(file: &Path, text: &str) -> anyhow::Result<()> {
    let fresh = file.with_extension("yaml.new");
    fs::write(&fresh, text)
        .and_then(|()| fs::rename(&fresh, file))
        .with_context(|| format!("writing {}", file.display()))
}

/// Asks each millisecond until the only address is `wanted`. A query in the moment in which a service has no member that
/// is known to be up gets no answer (avi-api 5.5, 5.6): it is soon given up.
fn wait_for_answer(dns: SocketAddr, wanted: Ipv4Addr) -> anyhow::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a socket")?;
    socket.connect(dns).context("connecting to the DNS service")?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    let query = query(NAME);
    let mut answer = [0_u8; 512];
    wait_for(&format!("{NAME} to answer {wanted}"), || {
        for _ in 0..1_000 {
            let received = socket.send(&query).and_then(|_| socket.recv(&mut answer));
            // The address is the last thing in an answer without OPT.
            if received.is_ok_and(|length| answer[7] == 1 && answer[..length].ends_with(&wanted.octets())) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    })
}

/// A query for the address of a name.
pub(crate) fn query(name: &str) -> Vec<u8> {
    let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap_or(0));
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
