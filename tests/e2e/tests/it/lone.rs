//! Parts as processes in a namespace of their own, without clusters.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::demo::{binary, prerequisites};
use crate::waiting::comes_true;
use crate::world::has_line;

/// Where the controller's API listens.
pub(crate) const CONTROLLER: &str = "127.0.0.1:9443";
/// Name of the service that [`Lone::set_up_dns`] makes, and its one answer.
pub(crate) const SHOP: (&str, &str) = ("shop.avi.example.com", "127.0.0.2");
const DOMAIN: &str = "avi.example.com";
const DNS_PORT: &str = "5353";

/// Processes by name, and the namespace they run in; all end with the value.
pub(crate) struct Lone {
    parts: BTreeMap<String, Child>,
    /// Holds the namespace.
    holder: Child,
    directory: tempfile::TempDir,
}

impl Lone {
    /// A namespace with a loopback device; `None`, with the reason printed, where that is not possible.
    pub(crate) fn start() -> Option<Self> {
        Self::start_after("true")
    }

    /// The same, where `before` ran first, in the directory of the parts, as root of the namespace.
    pub(crate) fn start_after(before: &str) -> Option<Self> {
        if let Err(reason) = prerequisites() {
            println!("skipped: {reason}");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("unshare");
        mount.args(["-r", "-n", "-m", "mount", "-t", "tmpfs", "tmpfs"]).arg(directory.path());
        if !mount.output().is_ok_and(|output| output.status.success()) {
            println!("skipped: this user may not mount in a namespace (unshare -rnm mount -t tmpfs tmpfs DIR)");
            return None;
        }
        let script = format!("ip link set lo up && {before} && echo ready && exec sleep 3600");
        let mut holder = Command::new("unshare");
        holder.args(["-r", "-n", "-m", "sh", "-c", &script]).current_dir(&directory).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        assert!(has_line(&mut holder, "ready"), "no namespace in which this runs: {script}");
        Some(Self { parts: BTreeMap::new(), holder, directory })
    }

    /// Starts `meridian ARGS`; its log is kept under `name`.
    pub(crate) fn spawn(&mut self, name: &str, args: &[&str]) {
        let log = File::options().create(true).append(true).open(self.path(&format!("{name}.log"))).unwrap();
        let child = self.enter(&binary()).args(args).stdin(Stdio::null()).stderr(log).spawn().unwrap();
        self.parts.insert(name.to_owned(), child);
    }

    /// Starts a controller on the directory `name`, with its API at [`CONTROLLER`], and waits until it answers.
    pub(crate) fn start_controller(&mut self, name: &str) {
        self.spawn(name, &["controller", "--data", &self.path(name), "--listen", CONTROLLER]);
        self.wait("the controller", || self.admin(9445, "readyz") == "ok\n");
    }

    /// Starts an engine on the directory `name`, which joins with the token of that name where it has to.
    pub(crate) fn start_engine(&mut self, name: &str) {
        let (data, token) = (self.path(name), self.path(&format!("{name}.token")));
        self.spawn(name, &["engine", "--data", &data, "--join", &token, "--workers", "1"]);
    }

    /// Writes a token of `controller` for `engine`.
    pub(crate) fn make_token(&self, controller: &str, engine: &str) {
        let token = self.path(&format!("{engine}.token"));
        let _ = fs::remove_file(&token);
        self.run(&["join-token", "--data", &self.path(controller), "--out", &token]);
    }

    /// Runs `meridian ARGS` to its end, which must be a good one; what it printed.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = self.enter(&binary()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `meridian ARGS` to its end, which must be a bad one; what it said.
    #[track_caller]
    pub(crate) fn refusal(&self, args: &[&str]) -> String {
        let output = self.enter("timeout").arg("60").arg(binary()).args(args).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{args:?} went well: {said}");
        said
    }

    /// Its process.
    pub(crate) fn id(&self, name: &str) -> u32 {
        self.parts[name].id()
    }

    /// Ends a part at once.
    pub(crate) fn kill(&mut self, name: &str) {
        let mut child = self.parts.remove(name).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a part a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str, signal: &str) {
        let pid = self.parts[name].id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    /// Ends a part as a service manager does; it must end well.
    pub(crate) fn stop(&mut self, name: &str) {
        let mut child = self.parts.remove(name).unwrap();
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let mut ended = None;
        self.wait(&format!("{name} to end"), || {
            ended = child.try_wait().unwrap();
            ended.is_some()
        });
        assert!(ended.unwrap().success(), "{}", self.log(name));
    }

    /// DNS profile, DNS virtual service, GSLB and one service, as an administrator makes them.
    pub(crate) fn set_up_dns(&self, controller: &str) {
        let (_, cluster) = self.rest(controller, "GET", "/api/cluster", None);
        self.create(controller, "applicationprofile", &json!({
            "name": "g-dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {"domain_names": [DOMAIN]}
        }));
        let port: u16 = DNS_PORT.parse().unwrap();
        let service = self.create(controller, "virtualservice", &json!({
            "name": "g-dns", "application_profile_ref": "/api/applicationprofile?name=g-dns",
            "services": [{"port": port}], "vip": [{"vip_id": "0", "ip_address": {"addr": "127.0.0.1", "type": "V4"}}]
        }));
        let site = json!({
            "name": "here", "cluster_uuid": cluster["uuid"], "member_type": "GSLB_ACTIVE_MEMBER", "port": 9443,
            "ip_addresses": [{"addr": "127.0.0.1", "type": "V4"}], "username": "admin",
            "password": self.password(controller),
            "dns_vses": [{"dns_vs_uuid": service["uuid"], "domain_names": [DOMAIN]}]
        });
        self.create(
            controller,
            "gslb",
            &json!({
                "name": "Default", "leader_cluster_uuid": cluster["uuid"], "dns_configs": [{"domain_name": DOMAIN}],
                "sites": [site]
            }),
        );
        self.create(controller, "gslbservice", &gslb_service(SHOP.0, SHOP.1));
    }

    /// Waits until the service made by [`Self::set_up_dns`] is answered.
    #[track_caller]
    pub(crate) fn wait_for_answers(&self) {
        self.wait("an answer", || self.dig(SHOP.0) == SHOP.1);
    }

    /// What is answered now for a name, in one try; empty when nothing is.
    pub(crate) fn dig(&self, name: &str) -> String {
        self.dig_with(&[name])
    }

    /// The same, with options of dig.
    pub(crate) fn dig_with(&self, args: &[&str]) -> String {
        let text = self.dig_all(&[&["+short"], args].concat());
        // That nobody answered is told among the answers.
        text.lines().filter(|line| !line.starts_with(';')).collect::<Vec<_>>().join("\n")
    }

    /// All that dig says, in one try.
    pub(crate) fn dig_all(&self, args: &[&str]) -> String {
        let mut dig = self.enter("dig");
        dig.args(["+tries=1", "+time=2", "@127.0.0.1", "-p", DNS_PORT]).args(args);
        String::from_utf8(dig.output().unwrap().stdout).unwrap()
    }

    /// Every one of twenty queries gets the right answer.
    #[track_caller]
    pub(crate) fn assert_answers(&self) {
        for _ in 0..20 {
            assert_eq!(self.dig(SHOP.0), SHOP.1, "{}", self.logs());
        }
    }

    /// What an admin address answers.
    pub(crate) fn admin(&self, port: u16, path: &str) -> String {
        let answer = self.enter("curl").args(["-s", &format!("http://127.0.0.1:{port}/{path}")]).output().unwrap();
        String::from_utf8(answer.stdout).unwrap()
    }

    /// A call of the API of the controller on the directory `controller`, with a login of its own.
    #[track_caller]
    pub(crate) fn rest(&self, controller: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.rest_at(CONTROLLER, controller, method, path, body)
    }

    /// The same, with what curl is to send.
    #[track_caller]
    pub(crate) fn send(&self, controller: &str, method: &str, path: &str, what: &[&str]) -> (u16, Value) {
        self.send_to(CONTROLLER, controller, method, path, what)
    }

    /// As [`Self::rest`], of one that listens at `address`.
    #[track_caller]
    pub(crate) fn rest_at(
        &self,
        address: &str,
        controller: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let with_body = ["-H", "Content-Type: application/json", "-d", &body];
        self.send_to(address, controller, method, path, if body.is_empty() { &with_body[..2] } else { &with_body })
    }

    /// As [`Self::send`], of one that listens at `address`.
    #[track_caller]
    pub(crate) fn send_to(
        &self,
        address: &str,
        controller: &str,
        method: &str,
        path: &str,
        what: &[&str],
    ) -> (u16, Value) {
        let (jar, authority) = (self.path("cookies"), self.path(&format!("{controller}/ca.pem")));
        let url = format!("https://{address}");
        let credentials = json!({"username": "admin", "password": self.password(controller)}).to_string();
        let json = "Content-Type: application/json";
        self.curl(&["--cacert", &authority, "-c", &jar, "-H", json, "-d", &credentials], &format!("{url}/login"));
        let cookies = fs::read_to_string(&jar).unwrap();
        let csrf = cookies.lines().find_map(|line| line.split_once("csrftoken\t")).unwrap().1;
        let (csrf, referer) = (format!("X-CSRFToken: {csrf}"), format!("Referer: {url}"));
        let mut args = vec!["--cacert", &authority, "-b", &jar, "-X", method, "-H", &csrf, "-H", &referer];
        args.extend(what);
        let (status, text) = self.curl(&args, &format!("{url}{path}"));
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    #[track_caller]
    pub(crate) fn create(&self, controller: &str, kind: &str, body: &Value) -> Value {
        let (status, answer) = self.rest(controller, "POST", &format!("/api/{kind}"), Some(body));
        assert_eq!(status, 201, "{answer}");
        answer
    }

    fn curl(&self, args: &[&str], url: &str) -> (u16, String) {
        let output = self.enter("curl").args(["-sS", "-w", "\n%{http_code}"]).args(args).arg(url).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), format!("{body}{}", String::from_utf8_lossy(&output.stderr)))
    }

    pub(crate) fn password(&self, controller: &str) -> String {
        self.text(&format!("{controller}/admin-password")).trim().to_owned()
    }

    /// Content of a file in the directory of the parts, as the parts see it.
    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.enter("cat").arg(self.path(name)).output().unwrap().stdout).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default()
    }

    fn logs(&self) -> String {
        let entries = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let names = entries.filter_map(|name| Some(name.to_str()?.strip_suffix(".log")?.to_owned()));
        names.map(|name| format!("-- {name}\n{}", self.log(&name))).collect()
    }

    /// Asks again and again until `condition` holds; shows the logs when it never does.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(comes_true(condition), "waited in vain for {what}\n{}", self.logs());
    }

    /// A program in the namespace, with its mounts.
    pub(crate) fn enter(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "-U", "-n", "-m", "-t", &self.holder.id().to_string(), "--", program]);
        command
    }
}

impl Drop for Lone {
    fn drop(&mut self) {
        for child in self.parts.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A GSLB service with one member and no monitor.
pub(crate) fn gslb_service(name: &str, ip: &str) -> Value {
    let members = json!([{"ip": {"addr": ip, "type": "V4"}}]);
    json!({"name": name, "domain_names": [name], "groups": [{"name": "first", "priority": 10, "members": members}]})
}
