//! Controller and engine as processes of their own, on loopback, unprivileged, with one DNS service.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use avi_client::{AviClient, Config, Verification};
use serde_json::{Value, json};

use crate::measure::{Server, free_port, wait_for};

/// Sub-domain of all names.
pub(crate) const DOMAIN: &str = "avi.iberia.local";
/// The port that a monitor of port 80 really probes in an unprivileged engine.
pub(crate) const BACKEND_PORT: u16 = 8080;

/// Both processes; they end with the value.
pub(crate) struct System {
    meridian: PathBuf,
    pub(crate) controller: Server,
    pub(crate) engine: Server,
    pub(crate) api: AviClient,
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// Where the DNS service listens.
    pub(crate) dns: SocketAddr,
    admin: SocketAddr,
    /// Removed last.
    pub(crate) directory: tempfile::TempDir,
}

impl System {
    /// Starts both; the engine joins by a token. `engine_core` pins the engine, with one UDP worker, to a processor.
    pub(crate) async fn start(meridian: &Path, engine_core: Option<u32>) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("making a directory for the run")?;
        let (listen, engine_listen, dns) = (free_address()?, free_address()?, free_address()?);
        let (admin, engine_admin) = (free_address()?, free_address()?);
        let data = shown(&directory.path().join("controller"));
        let controller = Part { meridian, directory: directory.path(), core: None }.start(
            "controller",
            &["--data", &data, "--listen", &listen.to_string(), "--engine-listen", &engine_listen.to_string()],
            admin,
        )?;
        wait_ready("the controller", admin)?;
        let data = Path::new(&data);
        let password = fs::read_to_string(data.join("admin-password")).context("reading the first password")?;
        let verification = Verification::CaFile(data.join("ca.pem"));
        let config = Config::new(listen.to_string(), "admin", password.trim(), verification);
        let api = AviClient::new(Config { api_version: "30.2.1".into(), ..config })?;
        set_up_gslb(&api, listen, dns, password.trim()).await?;

        let token = shown(&directory.path().join("engine.token"));
        let join = ["join-token", "--data", &shown(data), "--out", &token].map(str::to_owned);
        let joined = Command::new(meridian).args(join).output().context("running meridian join-token")?;
        if !joined.status.success() {
            bail!("meridian join-token: {}", String::from_utf8_lossy(&joined.stderr));
        }
        let engine_data = shown(&directory.path().join("engine"));
        let mut args = vec!["--data", &engine_data, "--join", &token];
        if engine_core.is_some() {
            args.extend(["--workers", "1"]);
        }
        let engine = Part { meridian, directory: directory.path(), core: engine_core };
        let engine = engine.start("engine", &args, engine_admin)?;
        wait_ready("the engine", engine_admin)?;
        Ok(Self { meridian: meridian.to_path_buf(), controller, engine, api, listen, dns, admin, directory })
    }

    /// Starts another part, with its log in the run's directory.
    pub(crate) fn start_part(&self, name: &str, args: &[&str], admin: SocketAddr) -> anyhow::Result<Server> {
        Part { meridian: &self.meridian, directory: self.directory.path(), core: None }.start(name, args, admin)
    }

    /// The first password.
    pub(crate) fn password(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.directory.path().join("controller/admin-password"));
        Ok(text.context("reading the first password")?.trim().to_owned())
    }

    /// The certificate that signed the controller's, in PEM.
    pub(crate) fn authority(&self) -> anyhow::Result<String> {
        fs::read_to_string(self.directory.path().join("controller/ca.pem")).context("reading the authority")
    }

    /// The sum of a counter of the controller over all its labels; `None` when it has no such counter.
    pub(crate) fn controller_counter(&self, name: &str) -> anyhow::Result<Option<f64>> {
        counter(self.admin, name)
    }
}

/// How a part is started.
pub(crate) struct Part<'a> {
    pub(crate) meridian: &'a Path,
    /// Where its log goes.
    pub(crate) directory: &'a Path,
    /// The processor it is pinned to.
    pub(crate) core: Option<u32>,
}

impl Part<'_> {
    pub(crate) fn start(&self, name: &str, args: &[&str], admin: SocketAddr) -> anyhow::Result<Server> {
        let log = File::options().create(true).append(true).open(self.directory.join(format!("{name}.log")));
        let mut command = match self.core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(self.meridian);
                command
            }
            None => Command::new(self.meridian),
        };
        if name == "amko" {
            command.env("MIMALLOC_PURGE_DELAY", "0"); // as its chart starts it
        }
        command.arg(name).args(args).args(["--admin-listen", &admin.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log.with_context(|| format!("opening the log of {name}"))?);
        Ok(Server(command.spawn().with_context(|| format!("starting {} {name}", self.meridian.display()))?))
    }
}

/// An address of loopback whose port is free.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)))
}

/// Answers 200 to everything on each address, for the monitors.
pub(crate) fn serve_http(addresses: &[Ipv4Addr]) -> anyhow::Result<()> {
    for address in addresses {
        let address = SocketAddr::new(IpAddr::V4(*address), BACKEND_PORT);
        let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
        std::thread::spawn(move || {
            for mut stream in listener.incoming().filter_map(Result::ok) {
                let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(1)));
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
    }
    Ok(())
}

/// Waits until the part behind an admin address says it is.
pub(crate) fn wait_ready(what: &str, admin: SocketAddr) -> anyhow::Result<()> {
    wait_for(&format!("{what} to be ready"), || {
        http_get(admin, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    })
}

fn http_get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let asking = || format!("asking {address} for {path}");
    let mut stream = std::net::TcpStream::connect(address).with_context(asking)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").with_context(asking)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(asking)?;
    Ok(answer)
}

/// The sum of a counter over all its labels; `None` when there is no such counter.
pub(crate) fn counter(admin: SocketAddr, name: &str) -> anyhow::Result<Option<f64>> {
    let metrics = http_get(admin, "/metrics")?;
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
    let values = metrics.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next());
    let values: Vec<f64> =
        values.map(str::parse).collect::<Result<_, _>>().with_context(|| format!("reading {name}"))?;
    Ok(if values.is_empty() { None } else { Some(values.iter().sum()) })
}

/// DNS profile, DNS virtual service and GSLB, as an administrator makes them.
async fn set_up_gslb(api: &AviClient, listen: SocketAddr, dns: SocketAddr, password: &str) -> anyhow::Result<()> {
    let cluster = api.get("/api/cluster", &[], "admin").await?;
    let profile = json!({
        "name": "g-dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {"domain_names": [DOMAIN]}
    });
    api.post("/api/applicationprofile", &profile, "admin").await?;
    let service = json!({
        "name": "g-dns", "application_profile_ref": "/api/applicationprofile?name=g-dns",
        "services": [{"port": dns.port()}],
        "vip": [{"vip_id": "0", "ip_address": {"addr": dns.ip(), "type": "V4"}}]
    });
    let service: Value = api.post("/api/virtualservice", &service, "admin").await?;
    let site = json!({
        "name": "site1", "cluster_uuid": cluster["uuid"], "member_type": "GSLB_ACTIVE_MEMBER", "port": listen.port(),
        "ip_addresses": [{"addr": listen.ip(), "type": "V4"}], "username": "admin", "password": password,
        "dns_vses": [{"dns_vs_uuid": service["uuid"], "domain_names": [DOMAIN]}]
    });
    let gslb = json!({
        "name": "Default", "leader_cluster_uuid": cluster["uuid"], "dns_configs": [{"domain_name": DOMAIN}],
        "sites": [site]
    });
    api.post("/api/gslb", &gslb, "admin").await?;
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
