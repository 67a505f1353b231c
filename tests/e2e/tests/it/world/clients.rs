//! Clients that run beside a story: scripts, so that what they see does not depend on our own code.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::{CLUSTERS, CONTROLLER, DNS, World, root};

/// A script of `scripts/` that runs until its input ends; then it prints what it has seen, as JSON.
pub(crate) struct Client {
    name: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl World {
    /// Asks for names all the time.
    pub(crate) fn client_ask(&self) -> Client {
        let mut client = self.client("ask", &[DNS]);
        client.expect("ready");
        client
    }

    /// Writes objects to the controller all the time; the first is there when this returns.
    pub(crate) fn client_write(&self, seed: u64) -> Client {
        let (authority, password) = (self.path("controller/ca.pem"), self.path("controller/admin-password"));
        let mut client = self.client("write", &[CONTROLLER, &authority, &password, &seed.to_string()]);
        client.expect("ready");
        client
    }

    /// Sends a signal to everything behind the VIPs: `STOP` makes it silent, `CONT` goes on.
    pub(crate) fn signal_backends(&self, signal: &str) {
        for backend in &self.backends {
            let sent = Command::new("kill").args([format!("-{signal}"), backend.id().to_string()]).status().unwrap();
            assert!(sent.success());
        }
    }

    /// Edits objects on the API servers all the time.
    pub(crate) fn client_churn(&self, seed: u64) -> Client {
        let (kube, tokens, seed) = (self.path("kube"), self.path("kube/tokens.csv"), seed.to_string());
        let clusters: Vec<String> = CLUSTERS.iter().map(|(name, address, _)| format!("{name}={address}")).collect();
        let mut args = vec![kube.as_str(), &tokens, &seed];
        args.extend(clusters.iter().map(String::as_str));
        self.client("churn", &args)
    }

    pub(super) fn client(&self, name: &'static str, args: &[&str]) -> Client {
        let script = root().join(format!("tests/e2e/scripts/{name}.py"));
        let mut python = self.enter("python3");
        python.arg("-B").arg(script).args(args);
        Client::start(name, python)
    }
}

impl Client {
    /// Starts `command`, which runs a script.
    pub(super) fn start(name: &'static str, mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { name, input: child.stdin.take(), output, child }
    }

    /// Writes a line to its input.
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap_or_else(|error| panic!("{} ended too early: {error}", self.name));
    }

    /// Writes a line to its input, and waits until it has taken it.
    #[track_caller]
    pub(crate) fn tell_and_wait(&mut self, line: &str) {
        self.tell(line);
        self.expect(line);
    }

    /// Reads the next line, which must be this one.
    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str) {
        let mut read = String::new();
        self.output.read_line(&mut read).unwrap();
        assert_eq!(read.trim_end(), line, "{} ended too early", self.name);
    }

    /// Ends its input and returns what it has seen.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Value {
        drop(self.input.take());
        self.until_end()
    }

    /// Waits until it ends by itself; returns what it has seen.
    #[track_caller]
    pub(crate) fn until_end(mut self) -> Value {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{} ended with {status}: {text}", self.name);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error} in {text}", self.name))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the scripts can run here.
pub(crate) fn has_python() -> bool {
    let found = Command::new("python3").args(["-c", "import ssl"]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: no python3 on this machine");
    }
    found
}
