//! L1 to L4: CPU per HTTP request, our proxy against HAProxy and nginx, with 500 virtual services in front of one server.
//!
//! One thread each, on one core; server and load on the other. All of them send X-Forwarded-For, keep connections to the
//! server, and write no log. The three take turns, and medians are compared.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, ensure};
use http_proxy::{NoLog, Options, Proxy};
use model::http::{Certificate, HttpConfig, ServicePort};
use model::testing::{child, http_config, http_pool, to_pool, virtual_service};

use crate::measure::{Server, cpu_time, free_port, median, wait_for};
use crate::table::Row;

/// Virtual services: children with a host and a pool of their own.
const SERVICES: u16 = 500;
const PROXY_CORE: u32 = 0;
const LOAD_CORE: u32 = 1;
const CONNECTIONS: u32 = 32;

/// What is measured, and what our CPU divided by HAProxy's must not exceed.
const CASES: [Case; 5] = [
    Case { goal: "L1", what: "HTTP keep-alive", tls: None, close: false, ratio_max: 1.0 / 0.95 },
    Case { goal: "L2", what: "HTTPS keep-alive", tls: Some("ec"), close: false, ratio_max: 1.0 / 1.1 },
    Case { goal: "L3", what: "new connection", tls: None, close: true, ratio_max: 1.0 / 0.85 },
    Case { goal: "L4", what: "TLS handshake and request, P-256", tls: Some("ec"), close: true, ratio_max: 1.0 / 1.5 },
    Case {
        goal: "L4",
        what: "TLS handshake and request, RSA-2048",
        tls: Some("rsa"),
        close: true,
        ratio_max: 1.0 / 1.3,
    },
];

struct Case {
    goal: &'static str,
    what: &'static str,
    /// Name of the certificate.
    tls: Option<&'static str>,
    /// Whether each request has a connection of its own.
    close: bool,
    ratio_max: f64,
}

/// Ports of one proxy.
#[derive(Debug, Clone, Copy)]
struct Ports {
    plain: u16,
    ec: u16,
    rsa: u16,
}

/// Where our proxy listens, and what it serves; `http` starts it.
#[derive(Debug, clap::Args)]
pub(crate) struct ProxyArgs {
    #[arg(long)]
    plain: u16,
    #[arg(long)]
    ec: u16,
    #[arg(long)]
    rsa: u16,
    #[arg(long)]
    backend: u16,
    /// Directory with the certificates
    #[arg(long)]
    directory: PathBuf,
}

/// Runs the three in turn and compares the medians; of `only` these goals where there are any.
pub(crate) fn run(quick: bool, only: &[String]) -> anyhow::Result<Vec<Row>> {
    for program in ["nginx", "haproxy", "wrk", "openssl", "taskset"] {
        find(program)?;
    }
    let (rounds, seconds) = if quick { (3, 1) } else { (7, 4) };
    let directory = tempfile::tempdir().context("making a directory for the run")?;
    let root = directory.path();
    certificates(root)?;
    let backend_port = free_port()?;
    let _backend = backend(root, backend_port)?;
    let proxies = [
        ("HAProxy", haproxy(root, backend_port)?),
        ("nginx", nginx(root, backend_port)?),
        ("ours", ours(root, backend_port)?),
    ];
    let mut rows = Vec::new();
    for case in CASES.iter().filter(|case| only.is_empty() || only.iter().any(|goal| goal == case.goal)) {
        let script = script(root, case)?;
        let mut runs: [Vec<f64>; 3] = Default::default();
        for _ in 0..rounds {
            for (runs, (_, (server, ports))) in runs.iter_mut().zip(&proxies) {
                runs.push(measure(server, *ports, case, &script, seconds)?);
            }
        }
        let [haproxy, nginx, ours] = runs.map(|runs| median(&runs));
        let what = format!("CPU per request, {}, {SERVICES} services, us", case.what);
        rows.push(Row::against(case.goal, what.clone(), "HAProxy", haproxy, ours, case.ratio_max));
        let beside_nginx = Row::against(case.goal, what, "nginx", nginx, ours, 1.0);
        rows.push(Row { target: None, met: None, ..beside_nginx });
    }
    Ok(rows)
}

/// Our proxy alone, until killed.
pub(crate) async fn serve(args: ProxyArgs) -> anyhow::Result<()> {
    let options = Options { workers: NonZeroUsize::MIN, ..Options::default() };
    let mut proxy = Proxy::start(options, Arc::new(NoLog)).context("starting the proxy")?;
    let problems = proxy.apply(&config(&args)?).await;
    ensure!(problems.is_empty(), "{problems:?}");
    tokio::signal::ctrl_c().await.context("waiting for a signal")?;
    Ok(())
}

fn config(args: &ProxyArgs) -> anyhow::Result<HttpConfig> {
    let backend = SocketAddr::from((Ipv4Addr::LOCALHOST, args.backend));
    let pools = (0..SERVICES).map(|n| http_pool(&n.to_string(), &[(backend, 1)])).collect();
    let mut services = Vec::new();
    for (name, port, certificate) in
        [("plain", args.plain, None), ("ec", args.ec, Some("ec")), ("rsa", args.rsa, Some("rsa"))]
    {
        let mut service = virtual_service(name, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), to_pool("0"));
        service.addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        service.ports = vec![ServicePort { port, listen_port: port, tls: certificate.is_some(), http2: false }];
        service.host.profile.keepalive_requests_max = 0;
        for n in 0..SERVICES {
            service.children.push(child(&format!("{name}-{n}"), &host(n), to_pool(&n.to_string())));
        }
        if let Some(name) = certificate {
            let read = |end: &str| fs::read_to_string(args.directory.join(format!("{name}.{end}")));
            service.certificates.push(Arc::new(Certificate {
                uuid: format!("sslkeyandcertificate-{name}"),
                name: name.into(),
                chain_pem: read("crt").context("reading a certificate")?,
                key_pem: read("key").context("reading a key")?,
            }));
        }
        services.push(service);
    }
    Ok(http_config(1, services, pools))
}

fn host(n: u16) -> String {
    format!("app-{n}.example.com")
}

/// Loads `server` and divides the CPU it used by the requests it answered, in microseconds.
fn measure(server: &Server, ports: Ports, case: &Case, script: &Path, seconds: u32) -> anyhow::Result<f64> {
    let (scheme, port) = match case.tls {
        None => ("http", ports.plain),
        Some("rsa") => ("https", ports.rsa),
        Some(_) => ("https", ports.ec),
    };
    let url = format!("{scheme}://127.0.0.1:{port}/");
    let load =
        |seconds| if case.tls.is_some() && case.close { shake(port, seconds) } else { load(&url, script, seconds) };
    load(1)?;
    let before = cpu_time(server.pid())?;
    let requests = load(seconds)?;
    let used = cpu_time(server.pid())? - before;
    Ok(used.as_secs_f64() * 1e6 / requests)
}

/// Runs `wrk` and returns how many requests were answered with 200.
fn load(url: &str, script: &Path, seconds: u32) -> anyhow::Result<f64> {
    let output = Command::new("taskset")
        .args(["-c", &LOAD_CORE.to_string(), "wrk", "-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "-s"])
        .arg(script)
        .arg(url)
        .output()
        .context("running wrk")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(!text.contains("Non-2xx"), "requests failed:\n{text}");
    let line =
        text.lines().find(|line| line.contains(" requests in ")).with_context(|| format!("wrk printed:\n{text}"))?;
    let requests = line.split_whitespace().next().context("an empty line")?;
    requests.parse().context("reading a figure of wrk")
}

/// Runs `shake` and returns how many connections had a whole handshake and an answer.
fn shake(port: u16, seconds: u32) -> anyhow::Result<f64> {
    let program = std::env::current_exe().context("finding this program")?;
    let output = Command::new("taskset")
        .args(["-c", &LOAD_CORE.to_string()])
        .arg(program)
        .args(["shake", "--port", &port.to_string(), "--seconds", &seconds.to_string()])
        .args(["--connections", &CONNECTIONS.to_string(), "--hosts", &SERVICES.to_string()])
        .output()
        .context("running this program as a client")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let counted = text.trim().parse();
    counted.with_context(|| format!("shaking hands failed:\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// A script that asks each host in turn.
fn script(root: &Path, case: &Case) -> anyhow::Result<PathBuf> {
    let close = if case.close { ", [\"Connection\"] = \"close\"" } else { "" };
    let text = format!(
        "local requests, next = {{}}, 0\n\
         init = function()\n  for n = 0, {} do\n    requests[n] = wrk.format(\"GET\", \"/\", {{ [\"Host\"] = \"app-\" .. n .. \
         \".example.com\"{close} }})\n  end\nend\n\
         request = function()\n  next = (next + 1) % {SERVICES}\n  return requests[next]\nend\n",
        SERVICES - 1
    );
    let file = root.join(if case.close { "close.lua" } else { "keep.lua" });
    fs::write(&file, text).context("writing the script")?;
    Ok(file)
}

/// A P-256 and an RSA certificate, each also with its key in one file.
fn certificates(root: &Path) -> anyhow::Result<()> {
    for (name, algorithm) in [("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"].as_slice()), ("rsa", &["rsa:2048"])]
    {
        let file = |end: &str| root.join(format!("{name}.{end}")).display().to_string();
        let output = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=*.example.com", "-newkey"])
            .args(algorithm)
            .args(["-keyout", &file("key"), "-out", &file("crt")])
            .output()
            .context("running openssl")?;
        ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        let both = [fs::read(file("crt"))?, fs::read(file("key"))?].concat();
        fs::write(file("pem"), both).context("writing a certificate with its key")?;
    }
    Ok(())
}

fn backend(root: &Path, port: u16) -> anyhow::Result<Server> {
    let body = "x".repeat(128);
    let http = format!("server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 \"{body}\"; }} }}");
    let server = start_nginx(root, "backend", &http, LOAD_CORE)?;
    wait_until_open(port)?;
    Ok(server)
}

fn nginx(root: &Path, backend: u16) -> anyhow::Result<(Server, Ports)> {
    let ports = Ports { plain: free_port()?, ec: free_port()?, rsa: free_port()? };
    // The same protocol for all: older versions of nginx leave TLS 1.3 out unless told.
    let mut http = String::from("server_names_hash_max_size 4096; ssl_protocols TLSv1.2 TLSv1.3;\n");
    for n in 0..SERVICES {
        let name = host(n);
        writeln!(
            http,
            "upstream pool{n} {{ server 127.0.0.1:{backend}; keepalive 32; keepalive_requests 100000000; }}"
        )?;
        write!(http, "server {{ server_name {name}; ")?;
        write!(http, "listen 127.0.0.1:{}; listen 127.0.0.1:{} ssl; ", ports.plain, ports.ec)?;
        writeln!(
            http,
            "ssl_certificate {root}/ec.crt; ssl_certificate_key {root}/ec.key; {}",
            proxy_pass(n),
            root = root.display()
        )?;
        write!(http, "server {{ server_name {name}; listen 127.0.0.1:{} ssl; ", ports.rsa)?;
        writeln!(
            http,
            "ssl_certificate {root}/rsa.crt; ssl_certificate_key {root}/rsa.key; {}",
            proxy_pass(n),
            root = root.display()
        )?;
    }
    let server = start_nginx(root, "nginx", &http, PROXY_CORE)?;
    wait_until_open(ports.plain)?;
    Ok((server, ports))
}

fn proxy_pass(n: u16) -> String {
    format!(
        "location / {{ proxy_pass http://pool{n}; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }} }}"
    )
}

fn start_nginx(root: &Path, name: &str, http: &str, core: u32) -> anyhow::Result<Server> {
    let prefix = root.join(name);
    fs::create_dir_all(prefix.join("logs")).context("making a directory for nginx")?;
    let file = prefix.join("nginx.conf");
    let config = format!(
        "daemon off; master_process off; pid {prefix}/pid; error_log {prefix}/error.log;\n\
         events {{ worker_connections 8192; }}\n\
         http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {prefix}/b; proxy_temp_path {prefix}/p;\n\
         fastcgi_temp_path {prefix}/f; uwsgi_temp_path {prefix}/u; scgi_temp_path {prefix}/s;\n{http}\n}}\n",
        prefix = prefix.display()
    );
    fs::write(&file, config).context("configuring nginx")?;
    let args = ["-c".to_owned(), file.display().to_string(), "-p".to_owned(), prefix.display().to_string()];
    Server::pinned(core, &find("nginx")?, &args)
}

fn haproxy(root: &Path, backend: u16) -> anyhow::Result<(Server, Ports)> {
    let ports = Ports { plain: free_port()?, ec: free_port()?, rsa: free_port()? };
    let map: String = (0..SERVICES).map(|n| format!("{} pool{n}\n", host(n))).collect();
    fs::write(root.join("hosts.map"), map).context("writing HAProxy's map")?;
    let mut config = format!(
        "global\n nbthread 1\n maxconn 8192\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n http-reuse always\n \
         option forwardfor\n\
         frontend all\n bind 127.0.0.1:{}\n bind 127.0.0.1:{} ssl crt {root}/ec.pem\n \
         bind 127.0.0.1:{} ssl crt {root}/rsa.pem\n use_backend %[req.hdr(host),lower,map({root}/hosts.map,pool0)]\n",
        ports.plain,
        ports.ec,
        ports.rsa,
        root = root.display()
    );
    for n in 0..SERVICES {
        writeln!(config, "backend pool{n}\n server s 127.0.0.1:{backend}")?;
    }
    let file = root.join("haproxy.cfg");
    fs::write(&file, config).context("configuring HAProxy")?;
    let server = Server::pinned(
        PROXY_CORE,
        &find("haproxy")?,
        &["-db".to_owned(), "-f".to_owned(), file.display().to_string()],
    )?;
    wait_until_open(ports.plain)?;
    Ok((server, ports))
}

fn ours(root: &Path, backend: u16) -> anyhow::Result<(Server, Ports)> {
    let ports = Ports { plain: free_port()?, ec: free_port()?, rsa: free_port()? };
    let program = std::env::current_exe().context("finding this program")?.display().to_string();
    let option = |name: &str, value: String| [format!("--{name}"), value];
    let args: Vec<String> = [
        option("plain", ports.plain.to_string()),
        option("ec", ports.ec.to_string()),
        option("rsa", ports.rsa.to_string()),
        option("backend", backend.to_string()),
        option("directory", root.display().to_string()),
    ]
    .concat();
    let server = Server::pinned(PROXY_CORE, &program, &[vec!["http-proxy".to_owned()], args].concat())?;
    wait_until_open(ports.plain)?;
    Ok((server, ports))
}

fn wait_until_open(port: u16) -> anyhow::Result<()> {
    wait_for("a proxy to listen", || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
}

/// The path of a program, also from the directories that only root's PATH has.
fn find(program: &str) -> anyhow::Result<String> {
    ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"]
        .iter()
        .map(|directory| format!("{directory}/{program}"))
        .find(|path| Path::new(path).exists())
        .with_context(|| format!("{program} is missing: apt-get install nginx haproxy wrk openssl util-linux"))
}
