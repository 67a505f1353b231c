//! Sites as network namespaces of their own, joined by pairs of virtual devices through one that routes between them: a
//! site that is cut off has lost its link, and neither it nor anybody else was told.
//!
//! ```text
//!            core ── leader       10.10.20.42   g-dns 10.10.24.186
//!             ├───── site1        10.10.20.43   g-dns-site1 10.10.22.40
//!             │        ├── s1az1  10.10.24.160  VIPs 10.10.25.0/24   VRF_AZ1: no default route
//!             │        └── s1az2  10.10.24.170  VIPs 10.10.26.0/24   VRF_AZ2: no default route
//!             ├───── site2        10.10.20.44   g-dns-site2 10.10.21.50, cluster s2 10.10.24.180, VIPs 10.10.23.0/24
//!             └───── clients      10.10.30.10   Unbound; the parent zone's name server 10.10.30.53
//! ```

use std::process::{Child, Command, Stdio};

use super::{enter, has_line};

/// What the routes of a VRF lead to: management, nodes and clients, and no VIP of another network.
const VRF: &[&str] = &["10.10.20.0/24", "10.10.24.0/24", "10.10.30.0/24"];
const EVERYTHING: &[&str] = &["default"];

/// One network namespace: what is reached there, and what it reaches.
struct Place {
    name: &'static str,
    /// What it is linked to; the core when there is nothing between.
    behind: Option<&'static str>,
    /// What it calls itself by.
    address: &'static str,
    /// All of it is local to the place.
    prefixes: &'static [&'static str],
    routes: &'static [&'static str],
}

const PLACES: [Place; 6] = [
    Place {
        name: "leader",
        behind: None,
        address: "10.10.20.42",
        prefixes: &["10.10.20.42/32", "10.10.24.186/32"],
        routes: EVERYTHING,
    },
    Place {
        name: "site1",
        behind: None,
        address: "10.10.20.43",
        prefixes: &["10.10.20.43/32", "10.10.22.0/24"],
        routes: EVERYTHING,
    },
    Place {
        name: "s1az1",
        behind: Some("site1"),
        address: "10.10.24.160",
        prefixes: &["10.10.24.160/32", "10.10.25.0/24", "10.34.0.0/16"],
        routes: VRF,
    },
    Place {
        name: "s1az2",
        behind: Some("site1"),
        address: "10.10.24.170",
        prefixes: &["10.10.24.170/32", "10.10.26.0/24", "10.35.0.0/16"],
        routes: VRF,
    },
    Place {
        name: "site2",
        behind: None,
        address: "10.10.20.44",
        prefixes: &["10.10.20.44/32", "10.10.21.0/24", "10.10.24.180/32", "10.10.23.0/24", "10.36.0.0/16"],
        routes: EVERYTHING,
    },
    Place {
        name: "clients",
        behind: None,
        address: "10.10.30.10",
        prefixes: &["10.10.30.10/32", "10.10.30.53/32"],
        routes: EVERYTHING,
    },
];

/// Where a part runs, by the end of its name: `engine-site1`, `ako-s2`, the API server of `s2`.
pub(super) fn place_of(part: &str) -> &'static str {
    let site = part.rsplit('-').next().unwrap_or(part);
    match site {
        "s2" => "site2",
        "controller" | "engine" => "leader",
        "amko" => "s1az1",
        name => PLACES.iter().find(|place| place.name == name).map_or("clients", |place| place.name),
    }
}

/// The namespaces; they end with the value.
pub(super) struct Net {
    /// Each held by a process that does nothing else, in the order of [`PLACES`].
    holders: Vec<Child>,
}

impl Net {
    /// Builds all of it around `core`, a namespace that has nothing but itself.
    pub(super) fn build(core: &Child) -> Self {
        shell(core, "echo 1 > /proc/sys/net/ipv4/ip_forward");
        let mut net = Self { holders: Vec::new() };
        for (number, place) in PLACES.iter().enumerate() {
            let mut holder = enter(core, "unshare");
            let script = "ip link set lo up && echo 1 > /proc/sys/net/ipv4/ip_forward && echo ready && exec sleep 3600";
            let mut holder = holder.args(["-n", "sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
            assert!(has_line(&mut holder, "ready"), "no network namespace for {}", place.name);
            net.holders.push(holder);
            net.link(core, number);
        }
        net
    }

    fn link(&self, core: &Child, number: usize) {
        let (place, holder) = (&PLACES[number], &self.holders[number]);
        let (near, far) = (format!("10.255.{number}.1"), format!("10.255.{number}.2"));
        let name = place.name;
        let hub = self.hub(core, number);
        shell(hub, &format!("ip link add to-{name} type veth peer name outside netns {}", holder.id()));
        shell(hub, &format!("ip addr add {near}/30 dev to-{name}"));
        let mut script = format!("ip addr add {far}/30 dev outside && ip link set outside up");
        for prefix in place.prefixes {
            // Some servers listen on addresses of devices alone.
            script += &match prefix.strip_suffix("/32") {
                Some(address) => format!(" && ip addr add {address}/32 dev lo"),
                None => format!(" && ip route add local {prefix} dev lo"),
            };
        }
        shell(holder, &script);
        self.join(core, name);
        let to = |route| format!("ip route add {route} via {near} dev outside src {}", place.address);
        shell(holder, &place.routes.iter().map(to).collect::<Vec<_>>().join(" && "));
    }

    /// The link to a place goes down; what is sent there meanwhile is lost, and nobody is told.
    pub(super) fn cut(&self, core: &Child, place: &str) {
        let hub = self.hub(core, number(place));
        shell(hub, &format!("ip link set to-{place} down"));
    }

    /// The link is there again, and so are the routes that went with it.
    pub(super) fn join(&self, core: &Child, name: &str) {
        let number = number(name);
        let (far, hub) = (format!("10.255.{number}.2"), self.hub(core, number));
        let behind = PLACES.iter().filter(|place| place.name == name || place.behind == Some(name));
        let prefixes: Vec<&str> = behind.flat_map(|place| place.prefixes).copied().collect();
        let mut script = format!("ip link set to-{name} up");
        for prefix in &prefixes {
            script += &format!(" && ip route replace {prefix} via {far} dev to-{name}");
            script += &format!(" && ip route replace blackhole {prefix} metric 1000");
        }
        shell(hub, &script);
    }

    pub(super) fn holder(&self, place: &str) -> &Child {
        &self.holders[number(place)]
    }

    /// What a place is linked to.
    fn hub<'a>(&'a self, core: &'a Child, number: usize) -> &'a Child {
        PLACES[number].behind.map_or(core, |name| self.holder(name))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

fn number(name: &str) -> usize {
    PLACES.iter().position(|place| place.name == name).unwrap()
}

#[track_caller]
fn shell(holder: &Child, script: &str) {
    let mut command: Command = enter(holder, "sh");
    let done = command.args(["-c", script]).output().unwrap();
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}
