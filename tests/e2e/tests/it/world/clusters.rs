//! Objects in the clusters and on the controller one at a time, and API servers that stop or are replaced.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{DNS, JSON, MERGE, World, forget_this_package, has_line, root};
use crate::demo::binary;

/// Something else that listens at an address until the value is dropped.
pub(crate) struct StandIn(Child);

impl World {
    /// Makes an object; a status in it is written as its controller does.
    #[track_caller]
    pub(crate) fn make(&self, cluster: &str, collection: &str, object: &Value) {
        self.kube(cluster, "POST", collection, JSON, &object.to_string());
        if object.get("status").is_some() {
            let path = format!("{collection}/{}/status", object["metadata"]["name"].as_str().unwrap());
            self.kube(cluster, "PATCH", &path, MERGE, &json!({"status": object["status"]}).to_string());
        }
    }

    /// Merges into an object.
    #[track_caller]
    pub(crate) fn merge(&self, cluster: &str, path: &str, patch: &Value) {
        self.kube(cluster, "PATCH", path, MERGE, &patch.to_string());
    }

    /// The same, of which it is not known that it succeeds: status and answer.
    pub(crate) fn try_merge(&self, cluster: &str, path: &str, patch: &Value) -> (u16, String) {
        self.ask(cluster, "PATCH", path, MERGE, &patch.to_string())
    }

    #[track_caller]
    pub(crate) fn remove(&self, cluster: &str, path: &str) {
        self.kube(cluster, "DELETE", path, JSON, "");
    }

    /// An object as its API server has it; null when there is none.
    pub(crate) fn object(&self, cluster: &str, path: &str) -> Value {
        let (status, text) = self.ask(cluster, "GET", path, JSON, "");
        if status == 404 { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// All objects of a type on the controller, by name, references with the names of what they refer to.
    pub(crate) fn held(&self, kind: &str) -> BTreeMap<String, Value> {
        let (status, body) = self.rest("GET", &format!("/api/{kind}?page_size=1000&include_name"), None);
        assert_eq!(status, 200, "{body}");
        let objects = body["results"].as_array().unwrap().iter();
        objects.map(|object| (object["name"].as_str().unwrap().to_owned(), object.clone())).collect()
    }

    /// Puts fields into an object of the controller by hand.
    #[track_caller]
    pub(crate) fn tune(&self, kind: &str, uuid: &str, fields: &Value) {
        let path = format!("/api/{kind}/{uuid}");
        let (status, mut body) = self.rest("GET", &path, None);
        assert_eq!(status, 200, "{body}");
        for (key, value) in fields.as_object().unwrap() {
            body[key] = value.clone();
        }
        let (status, answer) = self.rest("PUT", &path, Some(&body));
        assert_eq!(status, 200, "{answer}");
    }

    /// Answers to `count` queries for a name, counted.
    pub(crate) fn count_of(&self, name: &str, count: usize) -> Vec<(String, usize)> {
        let mut counts = BTreeMap::new();
        for _ in 0..count {
            let dig = self.enter("dig").args(["+short", "+tries=1", "+time=2", &format!("@{DNS}"), name]).output();
            for line in String::from_utf8(dig.unwrap().stdout).unwrap().lines() {
                *counts.entry(line.to_owned()).or_insert(0) += 1;
            }
        }
        counts.into_iter().collect()
    }

    /// Waits until as many queries as there are turns are answered exactly so.
    #[track_caller]
    pub(crate) fn wait_for_split_of(&self, name: &str, expected: &[(&str, usize)]) {
        let turns = expected.iter().map(|(_, count)| count).sum();
        self.wait(&format!("{name} to be {expected:?}"), || self.count_of(name, turns) == Self::counts(expected));
    }

    /// How much a part has logged so far.
    pub(crate) fn mark(&self, part: &str) -> usize {
        self.log(part).len()
    }

    /// Whether a part logged a line with all these words since a mark.
    pub(crate) fn has_said(&self, part: &str, mark: usize, words: &[&str]) -> bool {
        self.log(part)[mark..].lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// What the controller's audit records say that somebody did to objects of these names since a mark: `changed
    /// gslbservice`.
    pub(crate) fn writes_of(&self, agent: &str, mark: usize, names: &[&str]) -> Vec<String> {
        let log = self.log("controller");
        let writes = log[mark..].lines().filter(|line| line.contains("configuration written"));
        let field = |line: &str, name: &str| {
            let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_default().to_owned()
        };
        let theirs = writes.filter(|line| {
            field(line, "agent").eq_ignore_ascii_case(agent) && names.contains(&field(line, "name").as_str())
        });
        theirs.map(|line| format!("{} {}", field(line, "action"), field(line, "kind"))).collect()
    }

    #[track_caller]
    pub(crate) fn wait_until_said(&self, part: &str, mark: usize, words: &[&str]) {
        self.wait(&format!("{part} to say {words:?}"), || self.has_said(part, mark, words));
    }

    /// An operator that also logs what its watches do.
    pub(crate) fn start_amko_that_tells_of_watches(&mut self) {
        let (leader, members) = (self.path("kube/leader.kubeconfig"), self.path("kube/members.kubeconfig"));
        let log = "info,k8s_watch_api=debug";
        self.spawn("amko", &["--kubeconfig", &leader, "--members-kubeconfig", &members, "--log", log]);
    }

    /// Lets a part stand still, or go on.
    pub(crate) fn signal(&self, part: &str, signal: &str) {
        let id = self.parts[part].id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Ends it in good order, which takes its time.
    pub(crate) fn stop_api_server(&self, cluster: &str) {
        self.api_server(&["stop", cluster]);
    }

    /// Ends it as a crash does.
    pub(crate) fn kill_api_server(&self, cluster: &str) {
        self.api_server(&["stop", "--kill", cluster]);
    }

    /// Starts it again at its address, and waits until it is ready.
    pub(crate) fn start_api_server(&self, cluster: &str) {
        self.api_server(&["start", cluster]);
    }

    fn api_server(&self, what: &[&str]) {
        let cluster = what.last().unwrap();
        let mut command = self.at(cluster, env!("CARGO"));
        command.args(["run", "--quiet", "--package", "xtask", "--", "kube"]).args(what);
        command.arg("--dir").arg(self.kube_directory(cluster)).current_dir(root());
        forget_this_package(&mut command);
        let done = command.stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{what:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A server of `stand_in.py`. Where it speaks TLS, it does so with the certificate of a cluster's API server.
    pub(crate) fn stand_in(&self, mode: &str, address: &str, port: u16, cluster: &str) -> StandIn {
        let keys = ["crt", "key"].map(|end| self.path(&format!("kube/{cluster}/apiserver.{end}")));
        let mut python = self.enter("python3");
        python.arg(root().join("tests/e2e/scripts/stand_in.py")).args([mode, address, &port.to_string()]);
        let mut child = python.args(keys).stdout(Stdio::piped()).spawn().unwrap();
        assert!(has_line(&mut child, "ready"), "no {mode} server at {address}:{port}");
        StandIn(child)
    }

    /// Another application, which answers HTTP, and accepts connections.
    pub(crate) fn add_backend(&mut self, listen: &str) {
        let backend = self.enter(&binary()).args(["backend", "--listen", listen, "--message", listen]).spawn();
        self.backends.push(backend.unwrap());
    }

    /// Kills the application of the cluster with this place.
    pub(crate) fn kill_backend(&mut self, place: usize) {
        self.backends[place].kill().unwrap();
        self.backends[place].wait().unwrap();
    }

    /// Starts one that was added again.
    pub(crate) fn revive_backend_at(&mut self, place: usize, listen: &str) {
        let backend = self.enter(&binary()).args(["backend", "--listen", listen, "--message", listen]).spawn();
        self.backends[place] = backend.unwrap();
    }

    /// Starts it again.
    pub(crate) fn revive_backend(&mut self, place: usize) {
        let (cluster, _, vip) = super::CLUSTERS[place];
        let listen = format!("{vip}:80");
        let backend = self.enter(&binary()).args(["backend", "--listen", &listen, "--message", cluster]).spawn();
        self.backends[place] = backend.unwrap();
    }
}

impl StandIn {
    pub(super) fn of(child: Child) -> Self {
        Self(child)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether Python, which plays the servers that misbehave, is here; says so where it is not.
pub(crate) fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("skipped: no python3 on this machine");
    }
    found
}
