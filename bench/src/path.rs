//! C1: from a changed manifest to the answer served, through a whole demo: file, operator, REST, store, snapshot, probe,
//! answer.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::measure::{memory_mib, percentile, wait_for};
use crate::table::Row;

/// Goal at this stage of the project, milliseconds.
const C1_P99_MS_MAX: f64 = 300.0;
const NAME: &str = "bench.avi.iberia.local";
/// The application moves between these two addresses.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 10, 25, 58), Ipv4Addr::new(127, 10, 25, 59)];
/// The port that a monitor of port 80 really probes.
const BACKEND_PORT: u16 = 8080;

/// Changes the manifest again and again, and asks until the answer follows.
pub(crate) fn run(quick: bool, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let changes = if quick { 20 } else { 200 };
    for address in ADDRESSES {
        serve_http(SocketAddr::new(IpAddr::V4(address), BACKEND_PORT))?;
    }
    let demo = Demo::start(meridian)?;
    let manifest = demo.data.path().join("clusters/s1az1/bench.yaml");
    let mut times = Vec::new();
    for change in 0..=changes {
        let address = ADDRESSES[change % 2];
        write_in_one_step(&manifest, &ingress(address))?;
        let start = now();
        wait_for_answer(demo.dns, address)?;
        // The first one also makes the service and its monitor.
        if change > 0 {
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let (rss, pss) = memory_mib(demo.process.id())?;
    let size = fs::metadata(meridian).map_or(f64::NAN, |file| file.len() as f64 / (1024.0 * 1024.0));
    let what = |figure: &str| format!("manifest changed to answer served, {changes} changes, {figure}, ms");
    Ok(vec![
        Row::alone("C1", what("p50"), percentile(&times, 50.0), None),
        Row::alone("C1", what("p99"), percentile(&times, 99.0), Some(C1_P99_MS_MAX)),
        Row::alone("-", "memory of the demo after it, resident, MiB", rss, None),
        Row::alone("-", "memory of the demo after it, proportional, MiB", pss, None),
        Row::alone("-", "size of the binary, MiB", size, None),
    ])
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

fn ingress(address: Ipv4Addr) -> String {
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

/// Asks each millisecond until the only address is `wanted`.
fn wait_for_answer(dns: SocketAddr, wanted: Ipv4Addr) -> anyhow::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a socket")?;
    socket.connect(dns).context("connecting to the DNS service")?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let query = query();
    let mut answer = [0_u8; 512];
    wait_for(&format!("{NAME} to answer {wanted}"), || {
        for _ in 0..10 {
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

fn query() -> Vec<u8> {
    let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in NAME.split('.') {
        query.push(u8::try_from(label.len()).unwrap_or(0));
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}

/// Answers 200 to everything, for the monitors.
fn serve_http(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
