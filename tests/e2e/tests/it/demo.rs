//! A demo in a network namespace of its own, and the commands of its users.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::waiting::comes_true;
use crate::world::turn::Turn;

/// Name of the story's application.
pub(crate) const HELLO: &str = "hello.avi.iberia.local";

/// A running demo. Everything in it ends with the value.
pub(crate) struct Demo {
    process: Child,
    pub(crate) data: PathBuf,
    directory: tempfile::TempDir,
    runs: u32,
    _turn: Turn,
}

impl Demo {
    /// Starts a fresh demo and waits for its banner. `None`, with the reason printed, where that is not possible.
    pub(crate) fn start() -> Option<Self> {
        if let Err(reason) = prerequisites() {
            println!("skipped: {reason}");
            return None;
        }
        let turn = Turn::take();
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let process = spawn(&directory, &data, 0, &[], "");
        let demo = Self { process, data, directory, runs: 0, _turn: turn };
        demo.wait_for_banner();
        Some(demo)
    }

    /// Stops the demo as Ctrl-C does, then starts it again on the same data.
    pub(crate) fn restart(&mut self, args: &[&str]) {
        self.stop();
        self.runs += 1;
        self.process = spawn(&self.directory, &self.data, self.runs, args, "");
        self.wait_for_banner();
    }

    /// Starts a demo, on data of its own, in a namespace where `before` ran first; returns it without waiting.
    pub(crate) fn start_after(before: &str) -> Option<Self> {
        if let Err(reason) = prerequisites() {
            println!("skipped: {reason}");
            return None;
        }
        let turn = Turn::take();
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let process = spawn(&directory, &data, 0, &[], before);
        Some(Self { process, data, directory, runs: 0, _turn: turn })
    }

    /// Interrupts the demo and waits for its end.
    pub(crate) fn stop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        self.wait_for_end();
    }

    /// Kills the demo without warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again after a kill.
    pub(crate) fn start_again(&mut self) {
        self.runs += 1;
        self.process = spawn(&self.directory, &self.data, self.runs, &[], "");
        self.wait_for_banner();
    }

    /// Waits for the end of the process by itself; returns whether it was a success.
    pub(crate) fn wait_for_end(&mut self) -> bool {
        let mut ended = None;
        let has_ended = comes_true(|| {
            ended = self.process.try_wait().unwrap();
            ended.is_some()
        });
        assert!(has_ended, "the demo did not end:\n{}", self.terminal());
        ended.unwrap().success()
    }

    pub(crate) fn wait_for_banner(&self) {
        self.wait("the banner", || self.terminal().contains("Ctrl-C stops everything"));
    }

    /// All that the present run printed.
    pub(crate) fn terminal(&self) -> String {
        fs::read_to_string(self.directory.path().join(format!("terminal-{}", self.runs))).unwrap_or_default()
    }

    /// Asks again and again until `condition` holds; shows the terminal when it never does.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(comes_true(condition), "waited in vain for {what}; the demo's terminal:\n{}", self.terminal());
    }

    /// Runs a program inside the demo's network namespace, with the variables of `connection.env`.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "-U", "-n", "-t", &self.process.id().to_string(), "--", program]);
        command.args(args).envs(self.connection()).stdin(Stdio::null());
        command.output().unwrap()
    }

    /// Runs a program that must succeed and returns what it printed.
    #[track_caller]
    pub(crate) fn text(&self, program: &str, args: &[&str]) -> String {
        let output = self.run(program, args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {error}\n{}", self.terminal());
        String::from_utf8(output.stdout).unwrap()
    }

    /// `meridian` with the variables of `connection.env`.
    #[track_caller]
    pub(crate) fn meridian(&self, args: &[&str]) -> String {
        self.text(&binary(), args)
    }

    /// What the story's application says at a VIP, and then the status: `text\n200`.
    #[track_caller]
    pub(crate) fn page(&self, ip: &str) -> String {
        let (host, url) = (format!("Host: {HELLO}"), format!("http://{ip}:8080/"));
        self.text("curl", &["-s", "-w", "%{http_code}", "-H", &host, &url])
    }

    /// `dig` against the demo's DNS service.
    #[track_caller]
    pub(crate) fn dig(&self, args: &[&str]) -> String {
        let dns = self.variable("MERIDIAN_DNS");
        let (ip, port) = dns.rsplit_once(':').unwrap();
        let server = format!("@{ip}");
        let mut all = vec!["+tries=1", "+time=2", &server, "-p", port];
        all.extend(args);
        self.text("dig", &all)
    }

    /// Addresses of `count` queries for the story's application, alternating UDP and TCP, counted: sorted pairs.
    pub(crate) fn count(&self, count: usize) -> Vec<(String, usize)> {
        let mut counts = std::collections::BTreeMap::new();
        for number in 0..count {
            let transport = if number % 2 == 0 { "+notcp" } else { "+tcp" };
            for line in self.dig(&["+short", transport, HELLO]).lines() {
                *counts.entry(line.to_owned()).or_insert(0) += 1;
            }
        }
        counts.into_iter().collect()
    }

    /// A call of the REST API; `method` and `body` for writes. Returns status and body.
    #[track_caller]
    pub(crate) fn rest(&self, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let jar = self.directory.path().join("cookies");
        let jar = jar.to_str().unwrap();
        let (url, ca) = (self.variable("MERIDIAN_CONTROLLER"), self.variable("MERIDIAN_CA"));
        let credentials = serde_json::json!({
            "username": self.variable("MERIDIAN_USERNAME"), "password": self.variable("MERIDIAN_PASSWORD")
        });
        let json = "Content-Type: application/json";
        let login = format!("{url}/login");
        self.text("curl", &["-sS", "--cacert", &ca, "-c", jar, "-H", json, "-d", &credentials.to_string(), &login]);
        let cookies = fs::read_to_string(jar).unwrap();
        let csrf = cookies.lines().find_map(|line| line.split_once("csrftoken\t")).unwrap().1;
        let csrf = format!("X-CSRFToken: {csrf}");
        let referer = format!("Referer: {url}");
        let target = format!("{url}{path}");
        let mut args = vec!["-sS", "--cacert", &ca, "-b", jar, "-X", method, "-w", "\n%{http_code}"];
        args.extend(["-H", json, "-H", &csrf, "-H", &referer, "-H", "X-Avi-Version: 30.2.1"]);
        if let Some(body) = body {
            args.extend(["-d", body]);
        }
        args.push(&target);
        let text = self.text("curl", &args);
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
    }

    /// Every object of a type.
    #[track_caller]
    pub(crate) fn objects(&self, kind: &str) -> Vec<Value> {
        let (status, body) = self.rest("GET", &format!("/api/{kind}?page_size=1000"), None);
        assert_eq!(status, 200, "{body}");
        body["results"].as_array().unwrap().clone()
    }

    /// The story's GSLB service, if it exists.
    #[track_caller]
    pub(crate) fn hello(&self) -> Option<Value> {
        self.objects("gslbservice").into_iter().find(|service| service["name"] == HELLO)
    }

    /// Ratios by address of the story's GSLB service, in the order of the object.
    #[track_caller]
    pub(crate) fn split(&self) -> Vec<(String, u64)> {
        let hello = self.hello();
        let groups = hello.as_ref().and_then(|hello| hello["groups"].as_array()).cloned().unwrap_or_default();
        let members = groups.iter().flat_map(|group| group["members"].as_array().cloned().unwrap_or_default());
        members.map(|m| (m["ip"]["addr"].as_str().unwrap().to_owned(), m["ratio"].as_u64().unwrap())).collect()
    }

    /// A file of a cluster.
    pub(crate) fn manifest(&self, path: &str) -> PathBuf {
        self.data.join("clusters").join(path)
    }

    /// Replaces text in a manifest, as an editor does.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let file = self.manifest(path);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(&file, text.replace(from, to)).unwrap();
    }

    pub(crate) fn variable(&self, name: &str) -> String {
        let found = self.connection().into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("connection.env sets no {name}")).1
    }

    fn connection(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.data.join("connection.env")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Path of the binary under test.
pub(crate) fn binary() -> String {
    option_env!("MERIDIAN_BIN").map_or_else(|| variable("MERIDIAN_BIN").unwrap_or_default(), str::to_owned)
}

fn spawn(directory: &tempfile::TempDir, data: &std::path::Path, run: u32, args: &[&str], before: &str) -> Child {
    let terminal = File::create(directory.path().join(format!("terminal-{run}"))).unwrap();
    let script = format!("ip link set lo up && {before} exec \"$@\"");
    Command::new("unshare")
        .args(["-r", "-n", "sh", "-c", &script, "sh", &binary(), "demo", "--data"])
        .arg(data)
        .args(args)
        .stdin(Stdio::null())
        .stderr(terminal.try_clone().unwrap())
        .stdout(terminal)
        .spawn()
        .unwrap()
}

pub(crate) fn prerequisites() -> Result<(), String> {
    let binary = binary();
    if binary.is_empty() {
        return Err("MERIDIAN_BIN is not set; run `cargo xtask ci`".to_owned());
    }
    assert!(PathBuf::from(&binary).exists(), "MERIDIAN_BIN={binary} does not exist");
    for (program, args) in [("dig", &["-v"][..]), ("curl", &["--version"]), ("nsenter", &["--version"])] {
        let found = Command::new(program).args(args).output();
        if !found.is_ok_and(|output| output.status.success()) {
            return Err(format!("no {program} on this machine"));
        }
    }
    let namespace = Command::new("unshare").args(["-r", "-n", "ip", "link", "set", "lo", "up"]).output();
    if !namespace.is_ok_and(|output| output.status.success()) {
        return Err("this user may not make network namespaces (unshare -rn ip link set lo up)".to_owned());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the harness is told by the environment which binary to test")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
