//! C1: from an Ingress applied to its page and to its answer: API server, AKO, REST, store, snapshot, proxy. In a network
//! namespace of its own, because API servers refuse loopback addresses for pods.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::Output;
use crate::clusters::{Clusters, create, ingress};
use crate::measure::{Server, memory_mib, percentile, wait_for};
use crate::system::{BACKEND_PORT, DOMAIN, System, counter, free_address, serve_http, wait_ready};
use crate::table::Row;

/// Goal at this stage of the project, milliseconds.
const C1_P99_MS_MAX: f64 = 150.0;
const POD: Ipv4Addr = Ipv4Addr::new(10, 34, 1, 1);
const CLUSTER: &str = "s1az1";

/// Runs [`inside`] in a namespace in which every 10.x address is local.
pub(crate) fn run(output: &Output) -> anyhow::Result<()> {
    in_namespace("page-inside", output)
}

/// Runs `command_inside` of this program in such a namespace.
pub(crate) fn in_namespace(command_inside: &str, output: &Output) -> anyhow::Result<()> {
    let script = "ip link set lo up && ip route add local 10.0.0.0/8 dev lo && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-r", "-n", "sh", "-c", script, "sh"]).arg(std::env::current_exe().context("our own program")?);
    command.arg(command_inside).arg("--meridian").arg(&output.meridian);
    if output.quick {
        command.arg("--quick");
    }
    if let Some(json) = &output.json {
        command.arg("--json").arg(json);
    }
    let status = command.status().context("running unshare")?;
    if !status.success() {
        bail!("the run in a network namespace ended with {status}");
    }
    Ok(())
}

/// Applies Ingresses one after another, and asks for each page and each name until they are there.
pub(crate) async fn inside(quick: bool, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let count = if quick { 20 } else { 200 };
    serve_http(&[POD])?;
    let clusters = Clusters::start(System::start(meridian, None).await?).await?;
    let (system, client) = (&clusters.system, clusters.clients[0].clone());
    set_up_networks(system).await?;
    prepare_cluster(&client, system).await?;
    for number in 0..=count {
        make_service(&client, &format!("page-{number}")).await?;
    }
    let admin = free_address()?;
    let kubeconfig = system.directory.path().join(format!("kube/{CLUSTER}.kubeconfig")).display().to_string();
    let ako = system.start_part("ako", &["--kubeconfig", &kubeconfig], admin)?;
    wait_ready("AKO", admin)?;

    // The first one also makes what all share.
    let address = first_page(&client, system).await?;
    let (mut pages, mut answers, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=count {
        let name = format!("page-{number}");
        let host = format!("{name}.{DOMAIN}");
        let start = now();
        apply(&client, &name, &host).await?;
        let page = wait_for_page(address, &host, start)?;
        let answer = wait_for_answer(system.dns, &host, address.ip(), start)?;
        pages.push(page);
        answers.push(answer);
        both.push(page.max(answer));
    }
    let mut rows = rows("Ingress applied to page served", &pages);
    rows.extend(self::rows("Ingress applied to answer served", &answers));
    rows.extend(memory(system, &ako)?);
    let writes = counter(admin, "meridian_controller_writes_total")?.unwrap_or(f64::NAN);
    rows.push(Row::alone("-", "REST writes of AKO per Ingress", writes / (count + 1) as f64, None));
    rows.push(deleted(&client, count, address).await?);
    Ok(rows)
}

/// The address and port that the first page is served at.
async fn first_page(client: &Client, system: &System) -> anyhow::Result<SocketAddr> {
    let host = format!("page-0.{DOMAIN}");
    apply(client, "page-0", &host).await?;
    let ingresses: Api<Ingress> = Api::default_namespaced(client.clone());
    let mut found = None;
    for _ in 0..1000 {
        let now = ingresses.get("page-0").await.context("reading an Ingress")?;
        let entries = now.status.and_then(|status| status.load_balancer?.ingress).unwrap_or_default();
        found = entries.first().and_then(|entry| entry.ip.as_deref()?.parse::<IpAddr>().ok());
        if found.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let address = SocketAddr::new(found.context("the first Ingress got no address within 20 s")?, BACKEND_PORT);
    wait_for_page(address, &host, now())?;
    wait_for_answer(system.dns, &host, address.ip(), now())?;
    Ok(address)
}

/// How long it takes until the page of a deleted Ingress is gone, at most.
async fn deleted(client: &Client, count: usize, address: SocketAddr) -> anyhow::Result<Row> {
    let ingresses: Api<Ingress> = Api::default_namespaced(client.clone());
    let mut times = Vec::new();
    for number in 1..=count.min(50) {
        let name = format!("page-{number}");
        let start = now();
        ingresses.delete(&name, &DeleteParams::default()).await.context("deleting an Ingress")?;
        let host = format!("{name}.{DOMAIN}");
        wait_for("the page to be gone", || status_of(address, &host).is_some_and(|status| status == 404))?;
        times.push(milliseconds(start));
    }
    Ok(Row::alone(
        "-",
        format!("Ingress deleted to 404, {} changes, p99, ms", times.len()),
        percentile(&times, 99.0),
        None,
    ))
}

fn memory(system: &System, ako: &Server) -> anyhow::Result<Vec<Row>> {
    let parts = [("controller", &system.controller), ("engine", &system.engine), ("AKO", ako)];
    let row = |(part, server): (&str, &Server)| {
        let (resident, _) = memory_mib(server.pid())?;
        Ok(Row::alone("-", format!("memory of {part} with the pages, resident, MiB"), resident, None))
    };
    parts.into_iter().map(row).collect()
}

fn rows(what: &str, times: &[f64]) -> Vec<Row> {
    let what = |figure: &str| format!("{what}, {} changes, {figure}, ms", times.len());
    vec![
        Row::alone("C1", what("p50"), percentile(times, 50.0), None),
        Row::alone("C1", what("p99"), percentile(times, 99.0), Some(C1_P99_MS_MAX)),
    ]
}

/// A network with addresses for VIPs, and the profiles of the cloud.
async fn set_up_networks(system: &System) -> anyhow::Result<()> {
    let api = &system.api;
    let v4 = |addr: &str| json!({"addr": addr, "type": "V4"});
    let range = json!({"range": {"begin": v4("10.10.25.40"), "end": v4("10.10.25.59")}, "type": "STATIC_IPS_FOR_VIP"});
    let subnet = json!({"prefix": {"ip_addr": v4("10.10.25.0"), "mask": 24}, "static_ip_ranges": [range]});
    let network = json!({"name": "vip", "configured_subnets": [subnet]});
    let network: Value = api.post("/api/network", &network, "admin").await?;
    let ipam = json!({"name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL",
        "internal_profile": {"usable_networks": [{"nw_ref": network["url"]}]}});
    let dns = json!({"name": "dns", "type": "IPAMDNS_TYPE_INTERNAL_DNS",
        "internal_profile": {"dns_service_domain": [{"domain_name": DOMAIN, "pass_through": true}]}});
    let ipam: Value = api.post("/api/ipamdnsproviderprofile", &ipam, "admin").await?;
    let dns: Value = api.post("/api/ipamdnsproviderprofile", &dns, "admin").await?;
    let clouds = api.get("/api/cloud", &[("name", "Default-Cloud")], "admin").await?;
    let mut cloud = clouds["results"][0].clone();
    cloud["ipam_provider_ref"] = ipam["url"].clone();
    cloud["dns_provider_ref"] = dns["url"].clone();
    let path = format!("/api/cloud/{}", cloud["uuid"].as_str().context("the cloud's uuid")?);
    api.put(&path, &cloud, "admin").await?;
    Ok(())
}

/// What the chart of AKO puts into a cluster.
async fn prepare_cluster(client: &Client, system: &System) -> anyhow::Result<()> {
    let namespace = Some("avi-system");
    let secret = json!({"metadata": {"name": "avi-secret"}, "stringData": {
        "username": "admin", "password": system.password()?, "certificateAuthorityData": system.authority()?}});
    create(client, "", "v1", "Secret", namespace, secret).await?;
    let class = json!({"metadata": {"name": "avi-lb"}, "spec": {"controller": "ako.vmware.com/avi-lb"}});
    create(client, "networking.k8s.io", "v1", "IngressClass", None, class).await?;
    let networks = json!([{"networkName": "vip", "cidr": "10.10.25.0/24"}]);
    let config = json!({"metadata": {"name": "avi-k8s-config"}, "data": {
        "controllerIP": system.listen.to_string(), "controllerVersion": "30.2.1", "cloudName": "Default-Cloud",
        "clusterName": CLUSTER, "enableEVH": "true", "vipNetworkList": networks.to_string(), "defaultDomain": DOMAIN,
        "shardVSSize": "SMALL", "serviceType": "ClusterIP", "logLevel": "INFO", "deleteConfig": "false",
        "serviceEngineGroupName": "Default-Group", "disableStaticRouteSync": "true"}});
    create(client, "", "v1", "ConfigMap", namespace, config).await
}

/// A Service with one pod.
async fn make_service(client: &Client, name: &str) -> anyhow::Result<()> {
    let service = json!({"metadata": {"name": name}, "spec": {"ports": [{"name": "http", "port": 80}]}});
    create(client, "", "v1", "Service", Some("default"), service).await?;
    let slice = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}}, "addressType": "IPv4",
        "ports": [{"name": "http", "port": BACKEND_PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [POD], "conditions": {"ready": true}}]
    });
    create(client, "discovery.k8s.io", "v1", "EndpointSlice", Some("default"), slice).await
}

async fn apply(client: &Client, name: &str, host: &str) -> anyhow::Result<()> {
    let ingresses: Api<Ingress> = Api::default_namespaced(client.clone());
    let mut body = ingress(name, host)?;
    body.spec.get_or_insert_default().ingress_class_name = Some("avi-lb".to_owned());
    ingresses.create(&PostParams::default(), &body).await.with_context(|| format!("creating the Ingress of {host}"))?;
    Ok(())
}

/// Milliseconds from `start` until the page is served.
fn wait_for_page(address: SocketAddr, host: &str, start: Instant) -> anyhow::Result<f64> {
    wait_for(&format!("the page of {host} at {address}"), || {
        (0..1000).any(|_| {
            let is_there = status_of(address, host) == Some(200);
            if !is_there {
                std::thread::sleep(Duration::from_millis(1));
            }
            is_there
        })
    })?;
    Ok(milliseconds(start))
}

/// The status that a request for `/` gets.
fn status_of(address: SocketAddr, host: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).ok()?;
    std::str::from_utf8(&answer[..length]).ok()?.split(' ').nth(1)?.parse().ok()
}

/// Milliseconds from `start` until the only address of the name is `wanted`.
fn wait_for_answer(dns: SocketAddr, host: &str, wanted: IpAddr, start: Instant) -> anyhow::Result<f64> {
    let IpAddr::V4(wanted) = wanted else { bail!("{wanted} is no IPv4 address") };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a socket")?;
    socket.connect(dns).context("connecting to the DNS service")?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    let query = crate::path::query(host);
    let mut answer = [0_u8; 512];
    wait_for(&format!("{host} to answer {wanted}"), || {
        (0..1000).any(|_| {
            let received = socket.send(&query).and_then(|_| socket.recv(&mut answer));
            // The address is the last thing in an answer without OPT.
            let is_there = received.is_ok_and(|length| answer[7] == 1 && answer[..length].ends_with(&wanted.octets()));
            if !is_there {
                std::thread::sleep(Duration::from_millis(1));
            }
            is_there
        })
    })?;
    Ok(milliseconds(start))
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
