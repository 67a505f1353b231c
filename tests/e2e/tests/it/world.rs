//! Three API servers, and controller, engine and operator as processes, in one network namespace.

mod bad_peers;
pub(crate) mod clients;
pub(crate) mod clusters;
pub(crate) mod custom_names;
mod federation;
mod in_cluster;
pub(crate) mod load;
mod logs;
mod net;
pub(crate) mod pages;
mod resolvers;
pub(crate) mod seen;
mod service_discovery;
mod set_up;
pub(crate) mod sites;
pub(crate) mod turn;
mod undisturbed;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::demo::{HELLO, binary, prerequisites};
use crate::waiting::comes_true;
use net::Net;
use turn::Turn;

const CONTROLLER: &str = "10.10.20.42:9443";
const DNS: &str = "10.10.24.186";
const DOMAIN: &str = "avi.iberia.local";
const CLUSTERS: [(&str, &str, &str); 3] = [
    ("s1az1", "10.10.24.160", "10.10.25.46"),
    ("s1az2", "10.10.24.170", "10.10.26.40"),
    ("s2", "10.10.24.180", "10.10.23.40"),
];
const GSLB_CONFIGS: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs";
const POLICIES: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies";
const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";

/// Everything that runs; it ends with the value.
pub(crate) struct World {
    parts: BTreeMap<&'static str, Child>,
    backends: Vec<Child>,
    /// Their API servers.
    clusters: Vec<Child>,
    /// The controller whose API is used.
    asked: Cell<&'static str>,
    /// Where sites have namespaces of their own.
    net: Option<Net>,
    /// Holds the namespace; with sites, the one that routes between theirs.
    holder: Child,
    directory: tempfile::TempDir,
    _turn: Turn,
}

impl World {
    /// Brings all of it up; `None`, with the reason printed, where that is not possible.
    pub(crate) fn start() -> Option<Self> {
        Self::bring_up(Turn::take())
    }

    /// As [`World::start`], when no other story runs, and none begins before this one ends.
    pub(crate) fn start_alone() -> Option<Self> {
        Self::bring_up(Turn::take_alone())
    }

    fn bring_up(turn: Turn) -> Option<Self> {
        let mut world = Self::bring_up_to_operator(turn)?;
        world.start_amko();
        Some(world)
    }

    /// A namespace with API servers in it, `with` these flags; `None`, with the reason printed, where that is not possible.
    fn begin(turn: Turn, with: &[&str]) -> Option<Self> {
        let mut world = Self::begin_empty(turn, "ip route add local 10.0.0.0/8 dev lo")?;
        let mut args: Vec<&str> = CLUSTERS.iter().flat_map(|(_, address, _)| ["--address", address]).collect();
        args.extend(with);
        world.start_clusters(CLUSTERS[0].0, &args);
        Some(world)
    }

    /// A namespace, `prepared` by root of it; `None`, with the reason printed, where that is not possible.
    fn begin_empty(turn: Turn, prepared: &str) -> Option<Self> {
        let reason = prerequisites().err().or_else(|| programs().err());
        if let Some(reason) = reason {
            println!("skipped: {reason}");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let script = format!("ip link set lo up && {prepared} && echo ready && exec sleep 3600");
        let mut holder = Command::new("unshare");
        holder.args(["-r", "-n", "sh", "-c", &script]).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        assert!(has_line(&mut holder, "ready"), "no network namespace with the story's addresses");
        let (parts, backends, clusters) = (BTreeMap::new(), Vec::new(), Vec::new());
        let asked = Cell::new("controller");
        Some(Self { parts, backends, clusters, asked, net: None, holder, directory, _turn: turn })
    }

    /// Starts API servers where the cluster `at` is, in its run directory.
    fn start_clusters(&mut self, at: &str, args: &[&str]) {
        let mut up = self.at(at, env!("CARGO"));
        up.args(["run", "--quiet", "--package", "xtask", "--", "kube", "up", "--foreground", "--dir"]);
        up.arg(self.kube_directory(at)).args(args);
        up.current_dir(root()).stdin(Stdio::piped()).stdout(Stdio::piped());
        forget_this_package(&mut up);
        let mut clusters = up.spawn().unwrap();
        assert!(has_line(&mut clusters, "ready after"), "clusters did not start; the reason is above");
        self.clusters.push(clusters);
    }

    fn bring_up_to_operator(turn: Turn) -> Option<Self> {
        let mut world = Self::begin(turn, &[])?;
        for (cluster, _, vip) in CLUSTERS {
            let listen = format!("{vip}:80");
            let backend = world.enter(&binary()).args(["backend", "--listen", &listen, "--message", cluster]).spawn();
            world.backends.push(backend.unwrap());
        }
        world.start_controller();
        world.set_up_gslb();
        world.join_engine();
        world.start_engine();
        world.fill_clusters();
        Some(world)
    }

    pub(crate) fn start_controller(&mut self) {
        self.start_controller_of("controller");
    }

    /// One of several controllers.
    fn start_controller_of(&mut self, part: &'static str) {
        let (data, listen) = (self.path(part), format!("{}:9443", host_of(part)));
        self.spawn(part, &["--data", &data, "--listen", &listen, "--privileged-ports"]);
        self.wait(part, || self.admin_of(part, 9445, "readyz") == "ok\n");
    }

    /// Makes the token that an engine joins with.
    fn join_engine(&self) {
        self.make_token("engine", &[]);
    }

    /// The same for one of several, with more arguments.
    fn make_token(&self, engine: &str, with: &[&str]) {
        let (data, token) = (self.path(self.asked.get()), self.path(&format!("{engine}.token")));
        let mut made = self.enter(&binary());
        let made = made.args(["join-token", "--data", &data, "--out", &token]).args(with).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    pub(crate) fn start_engine(&mut self) {
        self.start_engine_of("engine");
    }

    /// One of several engines.
    fn start_engine_of(&mut self, engine: &'static str) {
        let (data, token) = (self.path(engine), self.path(&format!("{engine}.token")));
        self.spawn(engine, &["--data", &data, "--join", &token, "--workers", "2"]);
        self.wait(engine, || self.admin_of(engine, 9446, "readyz") == "ok\n");
    }

    pub(crate) fn start_amko(&mut self) {
        let (leader, members) = (self.path("kube/leader.kubeconfig"), self.path("kube/members.kubeconfig"));
        self.spawn("amko", &["--kubeconfig", &leader, "--members-kubeconfig", &members]);
    }

    /// Waits until the operator says that the controller holds what it should.
    pub(crate) fn wait_until_synced(&self) {
        self.wait_ready(9447);
    }

    pub(crate) fn kill(&mut self, part: &str) {
        let mut child = self.parts.remove(part).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends a part as a service manager does; it must end well and in time.
    pub(crate) fn stop(&mut self, part: &str) {
        let mut child = self.parts.remove(part).unwrap();
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let mut ended = None;
        self.wait(&format!("{part} to end"), || {
            ended = child.try_wait().unwrap();
            ended.is_some()
        });
        assert!(ended.unwrap().success(), "{part}: {}", self.log(part));
    }

    pub(crate) fn set_weights(&self, weights: [u64; 3]) {
        let split: Vec<Value> = CLUSTERS
            .iter()
            .zip(weights)
            .map(|((name, ..), weight)| json!({"cluster": name, "weight": weight}))
            .collect();
        let patch = json!({"spec": {"trafficSplit": split}});
        self.kube("s1az1", "PATCH", &format!("{POLICIES}/global-gdp"), MERGE, &patch.to_string());
    }

    pub(crate) fn label_ingress(&self, cluster: &str, app: &str) {
        let patch = json!({"metadata": {"labels": {"app": app}}});
        self.kube(cluster, "PATCH", &format!("{INGRESSES}/hello"), MERGE, &patch.to_string());
    }

    /// Sorted addresses and how often each is the answer.
    pub(crate) fn counts(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
        let mut counts: Vec<_> = expected.iter().map(|(ip, count)| ((*ip).to_owned(), *count)).collect();
        counts.sort();
        counts
    }

    /// Answers to `count` queries, counted; those over TCP are every other one.
    pub(crate) fn count(&self, count: usize) -> Vec<(String, usize)> {
        let mut counts = BTreeMap::new();
        for number in 0..count {
            let transport = if number % 2 == 0 { "+notcp" } else { "+tcp" };
            let server = format!("@{DNS}");
            let dig = self.enter("dig").args(["+short", "+tries=1", "+time=2", transport, &server, HELLO]).output();
            for line in String::from_utf8(dig.unwrap().stdout).unwrap().lines() {
                *counts.entry(line.to_owned()).or_insert(0) += 1;
            }
        }
        counts.into_iter().collect()
    }

    /// Waits until as many queries as there are turns are answered exactly so.
    #[track_caller]
    pub(crate) fn wait_for_split(&self, expected: &[(&str, usize)]) {
        let turns = expected.iter().map(|(_, count)| count).sum();
        self.wait(&format!("the split {expected:?}"), || self.count(turns) == Self::counts(expected));
    }

    /// Waits until a name is answered.
    #[track_caller]
    pub(crate) fn wait_for_name(&self, name: &str) {
        let server = format!("@{DNS}");
        self.wait(name, || {
            let dig = self.enter("dig").args(["+short", "+tries=1", "+time=2", &server, name]).output().unwrap();
            !dig.stdout.is_empty()
        });
    }

    /// Waits until the engine would start again with these members up.
    #[track_caller]
    pub(crate) fn wait_until_kept_up(&self, members: &[&str]) {
        self.wait("members that are up, on the engine's disk", || {
            let kept = fs::read_to_string(self.path("engine/up-members")).unwrap_or_default();
            members.iter().all(|member| kept.lines().any(|line| line.split(' ').nth(1) == Some(*member)))
        });
    }

    /// Uuid and `_last_modified` of everything that the operator writes.
    pub(crate) fn written(&self) -> Vec<(String, String)> {
        let kinds = ["gslbservice", "healthmonitor"];
        let objects = kinds.iter().flat_map(|kind| {
            let (status, body) = self.rest("GET", &format!("/api/{kind}?page_size=1000"), None);
            assert_eq!(status, 200, "{body}");
            body["results"].as_array().unwrap().clone()
        });
        let text = |object: &Value, key: &str| object[key].as_str().unwrap().to_owned();
        objects.map(|object| (text(&object, "uuid"), text(&object, "_last_modified"))).collect()
    }

    pub(crate) fn explain(&self) -> String {
        let (status, body) = self.rest("GET", &format!("/api/explain/dns?name={HELLO}"), None);
        assert_eq!(status, 200, "{body}");
        body.to_string()
    }

    /// What an admin address answers.
    pub(crate) fn admin(&self, port: u16, path: &str) -> String {
        let part = match port {
            9445 => "controller",
            9446 => "engine",
            9447 => "amko",
            _ => "",
        };
        self.admin_of(part, port, path)
    }

    /// The same of one of several parts that have the same port, each where its site is.
    pub(crate) fn admin_of(&self, part: &str, port: u16, path: &str) -> String {
        let url = format!("http://127.0.0.1:{port}/{path}");
        let answer = self.at(part, "curl").args(["-s", &url]).output().unwrap();
        String::from_utf8(answer.stdout).unwrap()
    }

    fn wait_ready(&self, port: u16) {
        self.wait(&format!("/readyz on {port}"), || self.admin(port, "readyz") == "ok\n");
    }

    /// Asks again and again until `condition` holds; shows the logs when it never does.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(comes_true(condition), "waited in vain for {what}\n{}", self.logs());
    }

    #[track_caller]
    fn kube(&self, cluster: &str, method: &str, path: &str, kind: &str, body: &str) {
        let (status, answer) = self.ask(cluster, method, path, kind, body);
        assert!((200..300).contains(&status), "{cluster} {method} {path}: {status} {answer}");
    }

    /// A request to an API server, as administrator.
    fn ask(&self, cluster: &str, method: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
        let run = self.kube_directory(cluster);
        let tokens = fs::read_to_string(format!("{run}/tokens.csv")).unwrap();
        let authorization = format!("Authorization: Bearer {}", tokens.split(',').next().unwrap());
        let address = CLUSTERS.iter().find(|(name, ..)| *name == cluster).unwrap().1;
        let authority = format!("{run}/{cluster}/apiserver.crt");
        let (kind, url) = (format!("Content-Type: {kind}"), format!("https://{address}:6443{path}"));
        let mut args = vec!["--cacert", &authority, "-H", &authorization, "-H", &kind, "-X", method];
        if !body.is_empty() {
            args.extend(["--data-binary", body]);
        }
        self.curl_at(cluster, &args, &url)
    }

    #[track_caller]
    pub(crate) fn create(&self, kind: &str, body: &Value) -> Value {
        let (status, answer) = self.rest("POST", &format!("/api/{kind}"), Some(body));
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// A call of the controller's API, with a login of its own.
    fn rest(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let asked = self.asked.get();
        let (jar, authority) = (self.path("cookies"), self.path(&format!("{asked}/ca.pem")));
        let url = format!("https://{}:9443", host_of(asked));
        let credentials = json!({"username": "admin", "password": self.password()}).to_string();
        let json = format!("Content-Type: {JSON}");
        let login = ["--cacert", &authority, "-c", &jar, "-H", &json, "-d", &credentials];
        self.curl_at(asked, &login, &format!("{url}/login"));
        let cookies = fs::read_to_string(&jar).unwrap();
        let csrf = cookies.lines().find_map(|line| line.split_once("csrftoken\t")).unwrap().1;
        let (csrf, referer) = (format!("X-CSRFToken: {csrf}"), format!("Referer: {url}"));
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut args = vec!["--cacert", &authority, "-b", &jar, "-X", method, "-H", &json, "-H", &csrf, "-H", &referer];
        args.extend(["-H", "X-Avi-Version: 30.2.1"]);
        if !body.is_empty() {
            args.extend(["-d", &body]);
        }
        let (status, text) = self.curl_at(asked, &args, &format!("{url}{path}"));
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn curl(&self, args: &[&str], url: &str) -> (u16, String) {
        self.curl_at("clients", args, url)
    }

    fn curl_at(&self, part: &str, args: &[&str], url: &str) -> (u16, String) {
        let output: Output =
            self.at(part, "curl").args(["-sS", "-w", "\n%{http_code}"]).args(args).arg(url).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), format!("{body}{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn password(&self) -> String {
        fs::read_to_string(self.password_file()).unwrap().trim().to_owned()
    }

    fn password_file(&self) -> String {
        self.path(&format!("{}/admin-password", self.asked.get()))
    }

    /// Certificates that signed those of all controllers.
    fn authorities(&self) -> String {
        let parts = ["controller", "controller-site1", "controller-site2"];
        parts.iter().filter_map(|part| fs::read_to_string(self.path(&format!("{part}/ca.pem"))).ok()).collect()
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn logs(&self) -> String {
        let files = fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut parts: Vec<String> =
            files.filter_map(|name| Some(name.to_str()?.strip_suffix(".log")?.to_owned())).collect();
        parts.sort();
        parts.iter().map(|part| self.log(part)).collect()
    }

    fn log(&self, part: &str) -> String {
        format!("-- {part}\n{}", fs::read_to_string(self.path(&format!("{part}.log"))).unwrap_or_default())
    }

    /// Starts a part; one of several has its name behind a dash: `ako-s2`.
    fn spawn(&mut self, part: &'static str, args: &[&str]) {
        let verb = part.split('-').next().unwrap();
        let log = File::options().create(true).append(true).open(self.path(&format!("{part}.log"))).unwrap();
        let child = self.at(part, &binary()).arg(verb).args(args).stdin(Stdio::null()).stderr(log).spawn().unwrap();
        self.parts.insert(part, child);
    }

    /// A command where clients are.
    fn enter(&self, program: &str) -> Command {
        self.at("clients", program)
    }

    /// A command where a part, a cluster or a site is.
    fn at(&self, part: &str, program: &str) -> Command {
        enter(self.net.as_ref().map_or(&self.holder, |net| net.holder(net::place_of(part))), program)
    }

    /// Run directory of a cluster's API server.
    fn kube_directory(&self, cluster: &str) -> String {
        match self.net {
            Some(_) => self.path(&format!("kube-{cluster}")),
            None => self.path("kube"),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in self.parts.values_mut().chain(&mut self.backends) {
            let _ = child.kill();
            let _ = child.wait();
        }
        // The clusters end when the other end of this does.
        for clusters in &mut self.clusters {
            drop(clusters.stdin.take());
        }
        for clusters in &mut self.clusters {
            let _ = clusters.wait();
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const MERGE: &str = "application/merge-patch+json";

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn example(path: &str) -> String {
    fs::read_to_string(root().join("examples/iberia").join(path)).unwrap()
}

/// Address of a controller.
fn host_of(controller: &str) -> &'static str {
    match controller {
        "controller-site1" => "10.10.20.43",
        "controller-site2" => "10.10.20.44",
        _ => "10.10.20.42",
    }
}

/// A command in the namespace that `holder` holds.
fn enter(holder: &Child, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--preserve-credentials", "-U", "-n", "-t", &holder.id().to_string(), "--", program]);
    command
}

/// Reads what a process prints until a line begins so; `false` when it ended before.
pub(crate) fn has_line(process: &mut Child, begin: &str) -> bool {
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).any(|line| line.starts_with(begin))
}

/// Whether API servers can be had here.
fn programs() -> Result<(), String> {
    let mut check = Command::new(env!("CARGO"));
    check.args(["run", "--quiet", "--package", "xtask", "--", "kube", "programs", "--check"]).current_dir(root());
    forget_this_package(&mut check);
    let check = check.output().unwrap();
    if check.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&check.stdout).trim().to_owned()) }
}

/// What Cargo says about this package is not true of the one that is run.
fn forget_this_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
}
