//! What tests of DNS logs need of the world: policies, senders, `meridian logs`, a disk that is full.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{CONTROLLER, DNS, World, root};
use crate::demo::binary;

/// Bytes of the disk that is full.
const SMALL_DISK: &str = "256k";

impl World {
    /// The DNS virtual service logs every answer, and nothing is throttled.
    pub(crate) fn log_everything(&self) {
        self.log_at(0, 0);
    }

    /// Full client logs for ever, at these rates of the virtual service and of the group.
    pub(crate) fn log_at(&self, own: u64, group: u64) {
        let rates = json!({"replace": {"significant_log_throttle": group, "non_significant_log_throttle": group}});
        self.patch("serviceenginegroup", &rates);
        let full = json!({"enabled": true, "duration": 0, "throttle": own});
        let policy = json!({"significant_log_throttle": own, "full_client_logs": full});
        self.patch("virtualservice", &json!({"replace": {"analytics_policy": policy}}));
    }

    fn patch(&self, kind: &str, body: &Value) {
        let (_, listed) = self.rest("GET", &format!("/api/{kind}"), None);
        let uuid = listed["results"][0]["uuid"].as_str().unwrap();
        let (status, answer) = self.rest("PATCH", &format!("/api/{kind}/{uuid}"), Some(body));
        assert_eq!(status, 200, "{answer}");
    }

    /// A GSLB service that an administrator makes: members with weights, without monitors.
    pub(crate) fn create_service(&self, name: &str, members: &[(&str, u64)]) {
        let member = |(ip, ratio): &(&str, u64)| json!({"ip": {"addr": ip, "type": "V4"}, "ratio": ratio});
        let members: Vec<Value> = members.iter().map(member).collect();
        let group = json!({"name": "pool", "priority": 10, "members": members});
        self.create("gslbservice", &json!({"name": name, "domain_names": [name], "groups": [group]}));
    }

    /// Sends `count` queries for `name` at `per_s` from `client`; the output is told when they are done.
    pub(crate) fn start_dnsperf(&self, name: &str, client: &str, count: usize, per_s: usize) -> Child {
        let file = self.path(&format!("{name}-{client}"));
        fs::write(&file, format!("{name} A\n")).unwrap();
        let (count, per_s) = (count.to_string(), per_s.to_string());
        let args = ["-s", DNS, "-a", client, "-d", &file, "-n", &count, "-Q", &per_s, "-c", "1", "-T", "1", "-t", "10"];
        self.enter("dnsperf").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Whether an answer to this client is logged now: what was written of the policy is in force.
    #[track_caller]
    pub(crate) fn wait_until_logged(&self, name: &str, client: &str) {
        self.wait(&format!("a log of {client}"), || {
            let dig = self.enter("dig").args(["+short", "+tries=1", "-b", client, &format!("@{DNS}"), name]).output();
            !dig.unwrap().stdout.is_empty() && self.meridian_logs(&["--client", client, "-o", "json"]).contains(client)
        });
    }

    /// What `meridian logs` prints.
    #[track_caller]
    pub(crate) fn meridian_logs(&self, args: &[&str]) -> String {
        let mut command = self.enter(&binary());
        command.args([
            "logs",
            "--controller",
            &format!("https://{CONTROLLER}"),
            "--ca",
            &self.path("controller/ca.pem"),
        ]);
        let output = command.args(["--password", &self.password()]).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exports the logs of one client as CSV and lets the script, which is none of the program, count the addresses.
    pub(crate) fn exported_counts(&self, name: &str, client: &str) -> BTreeMap<String, usize> {
        let file = self.path(&format!("{name}-{client}.csv"));
        self.meridian_logs(&["--name", name, "--client", client, "-o", "csv", "--out", &file]);
        let script = root().join("tests/e2e/scripts/count_dns_ips.py");
        let counted = Command::new("python3").arg(script).arg(&file).output().unwrap();
        assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
        let lines = String::from_utf8(counted.stdout).unwrap();
        let pair = |line: &str| line.split_once(' ').map(|(ip, count)| (ip.to_owned(), count.parse().unwrap()));
        lines.lines().filter_map(pair).collect()
    }

    /// A value of the engine's metrics.
    pub(crate) fn engine_metric(&self, name: &str) -> u64 {
        self.metric_of("engine", name)
    }

    /// The same of one of several engines.
    pub(crate) fn metric_of(&self, engine: &str, name: &str) -> u64 {
        let metrics = self.admin_of(engine, 9446, "metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    /// Starts the engine with its logs on a disk of their own that has hardly any room.
    pub(crate) fn start_engine_with_small_disk(&mut self) {
        let (data, binary) = (self.path("engine"), binary());
        fs::create_dir_all(format!("{data}/logs")).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={SMALL_DISK} tmpfs {data}/logs && exec {binary} engine --data {data} --workers 2"
        );
        let log = File::options().create(true).append(true).open(self.path("engine.log")).unwrap();
        let mut command = self.enter("unshare");
        command.args(["-m", "sh", "-c", &script]).stdin(Stdio::null()).stderr(log);
        self.parts.insert("engine", command.spawn().unwrap());
        self.wait_ready(9446);
    }

    /// Makes room on the disk of the engine's logs.
    pub(crate) fn make_room(&self) {
        let (engine, logs) = (self.parts["engine"].id().to_string(), self.path("engine/logs"));
        let args = ["-m", "-t", &engine, "--", "mount", "-o", "remount,size=64m", &logs];
        let mounted = self.enter("nsenter").args(args).output().unwrap();
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
    }

    /// What a part wrote to its log.
    pub(crate) fn said(&self, part: &str) -> String {
        self.log(part)
    }
}
