//! What is between clients and sites: the parent zone, served by BIND, and Unbound in front, which follows the delegation.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::clients::Client;
use super::{World, root};

/// Where clients ask.
pub(crate) const RESOLVER: &str = "10.10.30.10";
/// Name server of the parent zone.
const PARENT: &str = "10.10.30.53";

/// Pages that come one after another where nothing is in their way: more than a resolver answers from what it keeps.
const PAGES_IN_A_ROW: u32 = 50;

/// The three name servers of the delegated zone.
const ZONE: &str = "\
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 30
@ IN NS ns
ns IN A 10.10.30.53
avi IN NS g-dns
avi IN NS g-dns-site1
avi IN NS g-dns-site2
g-dns IN A 10.10.24.186
g-dns-site1 IN A 10.10.22.40
g-dns-site2 IN A 10.10.21.50
";

/// A client's own view of the machine's resolver settings; then the rest of the arguments as a command.
const CLIENT: &str = r#"
mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)"
[ ! -e /etc/nsswitch.conf ] || mount --bind "$1/nsswitch.conf" "$(readlink -f /etc/nsswitch.conf)"
shift
exec "$@"
"#;

impl World {
    /// Starts both, and waits until the parent's own names can be resolved.
    pub(super) fn start_resolvers(&mut self) {
        let directory = self.path("resolvers");
        fs::create_dir(&directory).unwrap();
        let file = |name: &str, text: &str| fs::write(format!("{directory}/{name}"), text).unwrap();
        file("iberia.local.zone", ZONE);
        file(
            "named.conf",
            &format!(
                "options {{ directory \"{directory}\"; pid-file none; session-keyfile none; listen-on {{ {PARENT}; }}; \
                 listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; }};\n\
                 controls {{}};\nzone \"iberia.local\" {{ type primary; file \"iberia.local.zone\"; }};\n"
            ),
        );
        file(
            "unbound.conf",
            &format!(
                "server:\n  interface: {RESOLVER}\n  access-control: 10.0.0.0/8 allow\n  username: \"\"\n  chroot: \"\"\n  \
                 directory: \"{directory}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  verbosity: 1\n  \
                 do-daemonize: no\n  do-ip6: no\n  module-config: \"iterator\"\n  root-hints: \"\"\n\
                 remote-control:\n  control-enable: no\n\
                 stub-zone:\n  name: iberia.local\n  stub-addr: {PARENT}\n"
            ),
        );
        file("resolv.conf", &format!("nameserver {RESOLVER}\n"));
        file("nsswitch.conf", "hosts: files dns\n");
        self.start_resolver("named", &["-g", "-4", "-n", "1", "-c", &format!("{directory}/named.conf")]);
        self.start_resolver("unbound", &["-d", "-p", "-c", &format!("{directory}/unbound.conf")]);
        self.wait("the parent zone through Unbound", || self.resolve("g-dns-site2.iberia.local") == "10.10.21.50\n");
    }

    /// What a client is told of a name.
    pub(crate) fn resolve(&self, name: &str) -> String {
        let at = format!("@{RESOLVER}");
        let dig = self.enter("dig").args(["+short", "+tries=1", "+time=5", &at, name]).output().unwrap();
        String::from_utf8(dig.stdout).unwrap()
    }

    /// Whether a client is told an address of a name.
    pub(crate) fn resolves(&self, name: &str) -> bool {
        self.resolve(name).lines().any(|line| line.parse::<std::net::IpAddr>().is_ok())
    }

    /// Waits until clients get pages, [`PAGES_IN_A_ROW`] one after another: the resolver asks no name server that is dead.
    #[track_caller]
    pub(crate) fn wait_for_pages(&self, name: &str) {
        let page = format!("http://{name}/");
        let mut opened = 0;
        self.wait(&format!("pages of {name}"), || {
            let curl = ["curl", "-s", "-f", "-o", "/dev/null", "--connect-timeout", "2", "--max-time", "4", &page];
            let came = self.client_command(&curl).status().unwrap().success();
            opened = if came { opened + 1 } else { 0 };
            opened >= PAGES_IN_A_ROW
        });
    }

    /// A command that a client runs.
    fn client_command(&self, command: &[&str]) -> Command {
        let mut client = self.enter("unshare");
        client.args(["-m", "sh", "-ec", CLIENT, "sh", &self.path("resolvers")]).args(command);
        client
    }

    /// Name servers of the delegated zone, as the parent's server refers to them; sorted.
    pub(crate) fn delegation(&self) -> Vec<String> {
        let at = format!("@{PARENT}");
        let args = ["+norec", "+noall", "+authority", "+tries=1", "+time=5", &at, "avi.iberia.local", "NS"];
        let dig = self.enter("dig").args(args).output().unwrap();
        let text = String::from_utf8(dig.stdout).unwrap();
        let mut names: Vec<String> =
            text.lines().filter_map(|line| line.split_whitespace().last().map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// Asks DNS servers for a name and opens its page through Unbound, all the time.
    pub(crate) fn client_watch(&self, name: &str, servers: &[&str]) -> Client {
        let script = root().join("tests/e2e/scripts/watch.py");
        let mut python = self.client_command(&["python3", "-B"]);
        python.arg(script).arg(name).args(servers);
        let mut client = Client::start("watch", python);
        client.expect("ready");
        client
    }

    /// Runs from a link of its own, so that no profile of AppArmor, which go by path, keeps it out of the directory.
    fn start_resolver(&mut self, program: &'static str, args: &[&str]) {
        let log = fs::File::create(self.path(&format!("{program}.log"))).unwrap();
        let own = self.path(&format!("resolvers/{program}"));
        let path = path_of(program).unwrap();
        fs::copy(&path, &own).map(|_| ()).or_else(|_| symlink(&path, &own)).unwrap();
        let mut command = self.enter(&own);
        command.args(args).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.parts.insert(program, command.spawn().unwrap());
    }
}

/// Whether both are installed here.
pub(super) fn programs() -> Result<(), String> {
    for (program, package) in [("named", "bind9"), ("unbound", "unbound")] {
        path_of(program).ok_or_else(|| format!("no {program} on this machine (Debian package {package})"))?;
    }
    Ok(())
}

fn path_of(program: &str) -> Option<String> {
    let found = Command::new("sh").args(["-c", &format!("PATH=$PATH:/usr/sbin command -v {program}")]).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?.trim().to_owned();
    Path::new(&path).exists().then_some(path)
}
