//! Two engines of one site split the probes of members, counted where they arrive.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::lone::Lone;
use crate::world::clients::has_python;

const NAME: &str = "many.avi.example.com";
/// Members: 127.0.1.1 and so on.
const MEMBERS: usize = 20;
const PORT: u16 = 9_900;
/// Probes over which a rate is taken.
const ENOUGH: usize = 400;
/// Answers HTTP at all addresses, notes which one was asked, and says 503 at those that a file lists.
const SERVER: &str = "
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('0.0.0.0', int(sys.argv[1])))
server.listen(512)
asked = open(sys.argv[2], 'a', buffering=1)
while True:
    client, _ = server.accept()
    try:
        ip = client.getsockname()[0]
        client.settimeout(1)
        client.recv(4096)
        print(ip, file=asked)
        bad = ip in open(sys.argv[3]).read().split()
        client.sendall(b'HTTP/1.0 %s\\r\\nContent-Length: 0\\r\\n\\r\\n' % (b'503 No' if bad else b'200 OK'))
    except OSError:
        pass
    client.close()
";

struct World {
    lone: Lone,
    server: Child,
    /// What the server keeps, outside the namespace's own mounts.
    files: tempfile::TempDir,
}

impl World {
    fn start() -> Option<Self> {
        if !has_python() {
            return None;
        }
        let mut lone = Lone::start()?;
        let files = tempfile::tempdir().unwrap();
        fs::write(files.path().join("bad"), "").unwrap();
        let mut python = lone.enter("python3");
        python.args(["-c", SERVER, &PORT.to_string()]).arg(files.path().join("asked")).arg(files.path().join("bad"));
        let server = python.stdin(Stdio::null()).spawn().unwrap();
        lone.start_controller("controller");
        for (engine, admin) in [("engine", "127.0.0.1:9446"), ("other", "127.0.0.1:9448")] {
            lone.make_token("controller", engine);
            let (data, token) = (lone.path(engine), lone.path(&format!("{engine}.token")));
            let args = ["engine", "--data", &data, "--join", &token, "--workers", "1", "--admin-listen", admin];
            lone.spawn(engine, &[&args[..], &["--name", engine]].concat());
        }
        lone.set_up_dns("controller");
        let world = Self { lone, server, files };
        world.create_service();
        Some(world)
    }

    fn create_service(&self) {
        let monitor = json!({
            "name": "page", "type": "HEALTH_MONITOR_HTTP", "is_federated": true, "monitor_port": PORT,
            "http_monitor": {"http_request": "GET / HTTP/1.0", "http_response_code": ["HTTP_2XX"]},
            "failed_checks": 2, "successful_checks": 1, "send_interval": 1, "receive_timeout": 1
        });
        self.lone.create("controller", "healthmonitor", &monitor);
        let members: Vec<_> = addresses().iter().map(|ip| json!({"ip": {"addr": ip, "type": "V4"}})).collect();
        let service = json!({
            "name": NAME, "domain_names": [NAME], "num_dns_ip": 0,
            "health_monitor_refs": ["/api/healthmonitor?name=page"],
            "groups": [{"name": "first", "priority": 10, "members": members}]
        });
        self.lone.create("controller", "gslbservice", &service);
    }

    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.files.path().join("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Members that each engine probes, as it counts them.
    fn shares(&self) -> [usize; 2] {
        [9_446, 9_448].map(|port| {
            // One that is stopped does not answer.
            let args = ["-s", "-m", "2", &format!("http://127.0.0.1:{port}/metrics")];
            let output = self.lone.enter("curl").args(args).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("meridian_probe_targets "));
            line.map_or(0, |value| value.parse().unwrap())
        })
    }

    /// How long so many more probes take to arrive.
    fn time_of_probes(&self) -> Duration {
        let (before, began) = (self.asked().len(), now());
        self.lone.wait("probes", || self.asked().len() >= before + ENOUGH);
        now().saturating_duration_since(began)
    }

    /// Each member is probed from now on.
    #[track_caller]
    fn wait_for_a_probe_of_each(&self) {
        let before = self.asked().len();
        self.lone.wait("a probe of each member", || {
            self.asked().iter().skip(before).collect::<BTreeSet<_>>().len() == MEMBERS
        });
    }

    fn split(&self, is_on: bool) {
        let (_, found) = self.lone.rest("controller", "GET", "/api/gslb", None);
        let mut sites = found["results"][0]["sites"].clone();
        sites[0]["hm_shard_enabled"] = json!(is_on);
        let path = format!("/api/gslb/{}", found["results"][0]["uuid"].as_str().unwrap());
        let (status, answer) =
            self.lone.rest("controller", "PATCH", &path, Some(&json!({"replace": {"sites": sites}})));
        assert_eq!(status, 200, "{answer}");
    }

    /// Makes pages of members bad, and waits until so many queries in a row, of both engines, have all others.
    fn make_bad(&self, bad: &[String]) {
        fs::write(self.files.path().join("bad"), bad.join("\n")).unwrap();
        let good: BTreeSet<String> = addresses().into_iter().filter(|ip| !bad.contains(ip)).collect();
        self.lone.wait("both engines to know", || {
            (0..16).all(|_| self.lone.dig(NAME).lines().map(str::to_owned).collect::<BTreeSet<_>>() == good)
        });
    }

    fn signal(&self, engine: &str, signal: &str) {
        let id = self.lone.id(engine).to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for rates of probes")]
fn now() -> Instant {
    Instant::now()
}

fn addresses() -> Vec<String> {
    (1..=MEMBERS).map(|last| format!("127.0.1.{last}")).collect()
}

#[test]
fn two_engines_of_a_site_probe_each_member_once_and_take_over_from_one_that_is_silent() {
    let Some(mut world) = World::start() else { return };
    world.make_bad(&[]);
    let each_probes_all = world.time_of_probes();
    world.split(true);
    world.lone.wait("both to have their share", || world.shares().iter().all(|share| (3..=17).contains(share)));
    assert_eq!(world.shares().iter().sum::<usize>(), MEMBERS);
    let split = world.time_of_probes();
    let ratio = split.as_secs_f64() / each_probes_all.as_secs_f64();
    println!("{ENOUGH} probes arrived in {each_probes_all:?}, split in {split:?}: {ratio:.2} times as long");
    assert!((1.4..3.0).contains(&ratio), "half the probes: {ratio}");

    // What one finds the other knows.
    world.make_bad(&addresses()[..MEMBERS / 2]);
    world.make_bad(&[]);

    // A silent one: its share is taken over.
    world.signal("other", "-STOP");
    world.lone.wait("the other's share to be taken over", || world.shares().contains(&MEMBERS));
    world.wait_for_a_probe_of_each();
    world.signal("other", "-CONT");
    world.lone.wait("both to have their share again", || world.shares().iter().all(|share| (3..=17).contains(share)));

    // Without a controller each probes all by itself again.
    world.lone.kill("controller");
    world.lone.wait("both to be on their own", || {
        ["engine", "other"].iter().all(|engine| world.lone.log(engine).contains("no connection to the controller"))
    });
    let alone = world.time_of_probes();
    let ratio = split.as_secs_f64() / alone.as_secs_f64();
    println!("{ENOUGH} probes arrived in {alone:?} without a controller: {ratio:.2}");
    assert!((1.4..3.0).contains(&ratio), "all the probes: {ratio}");
    world.lone.kill("other");
    world.wait_for_a_probe_of_each();
}
