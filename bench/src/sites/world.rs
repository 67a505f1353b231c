//! Three controllers with an engine each, in one namespace.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, bail};
use avi_client::{AviClient, Config, Verification};
use serde_json::{Value, json};

use crate::measure::Server;
use crate::system::{DOMAIN, Part, wait_ready};

/// Name, address of the controller, address of the DNS virtual service.
const SITES: [(&str, Ipv4Addr, Ipv4Addr); 3] = [
    ("leader", Ipv4Addr::new(10, 10, 20, 42), Ipv4Addr::new(10, 10, 24, 186)),
    ("site1", Ipv4Addr::new(10, 10, 20, 43), Ipv4Addr::new(10, 10, 22, 40)),
    ("site2", Ipv4Addr::new(10, 10, 20, 44), Ipv4Addr::new(10, 10, 21, 50)),
];
const API_PORT: u16 = 9443;
/// Metrics of a site's controller and engine; no connection goes out from such ports.
const ADMIN_PORTS: [u16; 2] = [9446, 9447];
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(300);

/// The sites; the first leads until somebody else is elected.
pub(crate) struct World {
    pub(crate) sites: Vec<Site>,
    /// Number of the site that took the last write.
    leading: AtomicUsize,
    /// Path of the Gslb.
    gslb: String,
    meridian: PathBuf,
    /// Removed last.
    directory: tempfile::TempDir,
}

impl World {
    /// Starts all, with a Gslb of the first alone.
    pub(crate) async fn start(meridian: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("making a directory for the run")?;
        let mut sites = Vec::new();
        for number in 0..SITES.len() {
            sites.push(Site::start(meridian, number, directory.path()).await?);
        }
        let first = sites.first().context("the first site")?;
        let gslb = json!({
            "name": "Default", "leader_cluster_uuid": first.entry["cluster_uuid"], "sites": [first.entry],
            "dns_configs": [{"domain_name": DOMAIN}], "send_interval": 1, "clear_on_max_retries": 3
        });
        let gslb = first.api.post("/api/gslb", &gslb, "admin").await?;
        let gslb = format!("/api/gslb/{}", gslb["uuid"].as_str().context("the Gslb's uuid")?);
        Ok(Self { sites, leading: AtomicUsize::new(0), gslb, meridian: meridian.to_path_buf(), directory })
    }

    /// The site that took the last write of [`Self::put`]; at first the first.
    pub(crate) fn leader(&self) -> &Site {
        &self.sites[self.leading.load(Ordering::Relaxed)]
    }

    /// Replaces an object at the leader, whoever that is, and waits for one where there is none.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (start, mut body, mut in_doubt) = (now(), body.clone(), false);
        loop {
            let asked = self.leading.load(Ordering::Relaxed);
            let refused = match self.sites[asked].api.put(path, &body, "admin").await {
                Ok(stored) => return Ok(stored),
                Err(error) => error,
            };
            // One that was not answered may have been stored all the same, and is of another time now; while it is not
            // committed, the time to read is still the old one.
            if refused.status() == Some(412) && in_doubt && start.elapsed() < PATIENCE {
                body["_last_modified"] = self.sites[asked].api.get(path, &[], "admin").await?["_last_modified"].take();
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            in_doubt |= refused.status().is_none_or(|s| s >= 500);
            let elsewhere = refused.to_string().contains("ONLY on leader") || refused.status().is_none_or(|s| s >= 500);
            if !elsewhere || start.elapsed() > PATIENCE {
                return Err(refused.into());
            }
            // Whoever else was refused here looks on from there.
            let next = (asked + 1) % self.sites.len();
            let _ = self.leading.compare_exchange(asked, next, Ordering::Relaxed, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes the first `count` sites those of the Gslb.
    pub(crate) async fn federate(&self, count: usize) -> anyhow::Result<()> {
        let mut gslb = self.leader().api.get(&self.gslb, &[], "admin").await?;
        gslb["sites"] = self.sites.iter().take(count).map(|site| site.entry.clone()).collect();
        self.leader().api.put(&self.gslb, &gslb, "admin").await?;
        Ok(())
    }

    /// Has the sites elect who leads from now on.
    pub(crate) async fn elect(&self) -> anyhow::Result<()> {
        let change = json!({"replace": {"leader_election": true}});
        self.leader().api.patch(&self.gslb, &change, "admin").await?;
        Ok(())
    }

    /// Puts a site that knows nothing in the place of another, which is in no Gslb any more.
    pub(crate) async fn replace(&mut self, number: usize) -> anyhow::Result<()> {
        let old = self.sites.remove(number);
        let directory = old.directory.clone();
        drop(old); // ends its processes
        fs::remove_dir_all(&directory).with_context(|| format!("removing {}", directory.display()))?;
        self.sites.insert(number, Site::start(&self.meridian, number, self.directory.path()).await?);
        Ok(())
    }

    /// Waits until every site has as many services as the first.
    pub(crate) async fn wait_until_equal(&self) -> anyhow::Result<()> {
        wait_until("the sites to have as many services as each other", async || {
            let wanted = self.leader().count().await;
            for site in &self.sites {
                if wanted.is_none() || site.count().await != wanted {
                    return false;
                }
            }
            true
        })
        .await
    }
}

/// One controller and its engine; they end with the value.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) api: AviClient,
    /// Where its names are answered.
    pub(crate) dns: SocketAddr,
    /// As the Gslb lists it.
    entry: Value,
    config: Config,
    meridian: PathBuf,
    directory: PathBuf,
    admin: SocketAddr,
    listen: SocketAddr,
    controller: Option<Server>,
    /// Only held.
    _engine: Server,
}

impl Site {
    async fn start(meridian: &Path, number: usize, root: &Path) -> anyhow::Result<Self> {
        let (name, host, dns) = SITES[number];
        let directory = root.join(name);
        let [admin, engine_admin] = ADMIN_PORTS.map(|port| SocketAddr::from((host, port)));
        fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
        let (listen, data) = (SocketAddr::from((host, API_PORT)), directory.join("controller"));
        let controller = start_controller(meridian, &directory, listen, admin)?;
        wait_ready(name, admin)?;
        let password = fs::read_to_string(data.join("admin-password")).context("reading the first password")?;
        let config =
            Config::new(listen.to_string(), "admin", password.trim(), Verification::CaFile(data.join("ca.pem")));
        let config = Config { api_version: "30.2.1".into(), ..config };
        let api = AviClient::new(config.clone())?;

        let token = directory.join("engine.token");
        let mut join = Command::new(meridian);
        join.args(["join-token", "--data"]).arg(&data).arg("--out").arg(&token);
        let joined = join.output().context("running meridian join-token")?;
        if !joined.status.success() {
            bail!("meridian join-token: {}", String::from_utf8_lossy(&joined.stderr));
        }
        let part = Part { meridian, directory: &directory, core: None };
        let engine_data = directory.join("engine").display().to_string();
        let args = ["--data", &engine_data, "--join", &token.display().to_string(), "--workers", "1"];
        let engine = part.start("engine", &args, engine_admin)?;
        wait_ready("an engine", engine_admin)?;
        let entry = entry(&api, name, host, dns, password.trim()).await?;
        Ok(Self {
            name,
            api,
            dns: SocketAddr::from((dns, 53)),
            entry,
            config,
            meridian: meridian.to_path_buf(),
            directory,
            admin,
            listen,
            controller: Some(controller),
            _engine: engine,
        })
    }

    /// Ends the controller at once, as `kill -9` does; its engine goes on.
    pub(crate) fn kill_controller(&mut self) {
        self.controller = None;
    }

    /// Starts the controller again, and does not wait for it.
    pub(crate) fn start_controller(&mut self) -> anyhow::Result<()> {
        self.controller = Some(start_controller(&self.meridian, &self.directory, self.listen, self.admin)?);
        Ok(())
    }

    /// Waits until the controller says it is ready.
    pub(crate) fn wait_ready(&self) -> anyhow::Result<()> {
        wait_ready(self.name, self.admin)
    }

    /// A client of its own, which waits for an answer no longer than that.
    pub(crate) fn impatient(&self, longest: Duration) -> anyhow::Result<AviClient> {
        Ok(AviClient::new(Config { request_timeout: longest, ..self.config.clone() })?)
    }

    /// How many services the site has; `None` while it does not say.
    pub(crate) async fn count(&self) -> Option<u64> {
        let query = [("page_size", "1"), ("fields", "name")];
        self.api.get("/api/gslbservice", &query, "admin").await.ok()?["count"].as_u64()
    }

    /// Process of the controller.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        Ok(self.controller.as_ref().context("no controller runs")?.pid())
    }
}

fn start_controller(
    meridian: &Path,
    directory: &Path,
    listen: SocketAddr,
    admin: SocketAddr,
) -> anyhow::Result<Server> {
    let data = directory.join("controller").display().to_string();
    let args = ["--data", &data, "--listen", &listen.to_string(), "--privileged-ports"];
    Part { meridian, directory, core: None }.start("controller", &args, admin)
}

/// Makes the DNS virtual service of a site; the site as a Gslb lists it.
async fn entry(api: &AviClient, name: &str, host: Ipv4Addr, dns: Ipv4Addr, password: &str) -> anyhow::Result<Value> {
    let cluster = api.get("/api/cluster", &[], "admin").await?;
    let profile = json!({
        "name": "g-dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {"domain_names": [DOMAIN]}
    });
    api.post("/api/applicationprofile", &profile, "admin").await?;
    let service = json!({
        "name": "g-dns", "application_profile_ref": "/api/applicationprofile?name=g-dns", "services": [{"port": 53}],
        "vip": [{"vip_id": "0", "ip_address": {"addr": dns, "type": "V4"}}]
    });
    let service = api.post("/api/virtualservice", &service, "admin").await?;
    Ok(json!({
        "name": name, "cluster_uuid": cluster["uuid"], "member_type": "GSLB_ACTIVE_MEMBER", "port": API_PORT,
        "ip_addresses": [{"addr": host, "type": "V4"}], "username": "admin", "password": password,
        "dns_vses": [{"dns_vs_uuid": service["uuid"], "domain_names": [DOMAIN]}]
    }))
}

/// A GSLB service with one member and no monitor.
pub(crate) fn service(name: &str, address: Ipv4Addr) -> Value {
    json!({
        "name": name, "domain_names": [format!("{name}.{DOMAIN}")], "is_federated": true, "ttl": 2,
        "groups": [{"name": "pool", "priority": 10, "members": [{"ip": {"addr": address, "type": "V4"}}]}]
    })
}

/// Asks each millisecond until the only address of the name is `wanted`; when it was.
pub(crate) fn answered(dns: SocketAddr, name: &str, wanted: Ipv4Addr) -> anyhow::Result<Instant> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("opening a socket")?;
    socket.connect(dns).context("connecting to the DNS service")?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    let (query, start) = (crate::path::query(&format!("{name}.{DOMAIN}")), now());
    let mut answer = [0_u8; 512];
    while start.elapsed() < PATIENCE {
        let received = socket.send(&query).and_then(|_| socket.recv(&mut answer));
        // The address is the last thing in an answer without OPT.
        if received.is_ok_and(|length| answer[7] == 1 && answer[..length].ends_with(&wanted.octets())) {
            return Ok(now());
        }
        thread::sleep(Duration::from_millis(1));
    }
    bail!("waited five minutes in vain for {name} to be {wanted} at {dns}")
}

/// Asks until `condition` holds.
pub(crate) async fn wait_until(what: &str, mut condition: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    let start = now();
    while start.elapsed() < PATIENCE {
        if condition().await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("waited five minutes in vain for {what}")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
