//! A screenful: what runs, and what to try.

use std::fmt::Write;
use std::path::Path;

use crate::backend;
use crate::story::{CLUSTERS, Cluster, HOST, LEADER};

/// What the banner tells.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    pub(crate) controller: &'a str,
    pub(crate) dns: std::net::SocketAddr,
    pub(crate) clusters: &'a Path,
    pub(crate) connection_file: &'a Path,
    /// Directory of this program, for the PATH.
    pub(crate) program_dir: &'a Path,
    pub(crate) members: &'a [Member],
    /// Process id of each cluster's backend, in the story's order.
    pub(crate) backends: &'a [u32],
    /// What had to be done differently, for example a port that was taken.
    pub(crate) notes: &'a [String],
}

/// A member in force, as the controller tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) address: String,
    pub(crate) weight: u64,
    pub(crate) state: String,
}

impl Banner<'_> {
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let ip = self.dns.ip();
        let port = self.dns.port();
        let clusters = self.clusters.display();
        for note in self.notes {
            let _ = writeln!(text, "! {note}");
        }
        let split: Vec<String> = self.members.iter().map(|member| member.weight.to_string()).collect();
        let _ =
            writeln!(text, "\n{HOST}, split {}\n", if split.is_empty() { "none".to_owned() } else { split.join(":") });
        for member in self.members {
            let (name, site) =
                Self::cluster_of(&member.address).map_or(("", ""), |cluster| (cluster.name, cluster.site));
            let _ = writeln!(
                text,
                "  {name:<7}{site:<11}{:<14} weight {:<3}{}",
                member.address, member.weight, member.state
            );
        }
        let _ = writeln!(
            text,
            "\nController  {}   DNS  {ip}:{port} (UDP, TCP)\nManifests   {clusters}   edit them, they are watched\n\n\
             Try, in another terminal:",
            self.controller
        );
        let _ = writeln!(
            text,
            "  export PATH={}:$PATH; set -a; . {}; set +a",
            self.program_dir.display(),
            self.connection_file.display()
        );
        let _ = writeln!(text, "  for i in $(seq 12); do dig +short @{ip} -p {port} {HOST}; done");
        let _ = writeln!(text, "  dig @{ip} -p {port} nothing.avi.iberia.local");
        let _ = writeln!(text, "  meridian explain dns {HOST} --client 10.1.2.3");
        let _ = writeln!(text, "  meridian logs --since 10m");
        let _ = writeln!(text, "  meridian get gslbservice");
        let _ = writeln!(text, "  meridian get healthmonitor -o yaml");
        let gdp = format!("{clusters}/{LEADER}/avi-system/global-gdp.yaml");
        let _ = writeln!(text, "Change the split to 6:3:1, drop a label, delete an Ingress:");
        let _ = writeln!(text, "  sed -i 's/weight: 4/weight: 3/; s/weight: 2/weight: 1/' {gdp}");
        let _ = writeln!(text, "  sed -i 's/app: gslb/app: none/' {clusters}/s1az2/hello.yaml");
        let _ = writeln!(text, "  rm {clusters}/s2/hello.yaml");
        let _ = writeln!(
            text,
            "Stop a backend: its member leaves after three failed probes (10 s apart), then bring it back:"
        );
        for (cluster, pid) in CLUSTERS.iter().zip(self.backends) {
            let _ = writeln!(text, "  kill {pid:<8} # {}", cluster.name);
            let _ = writeln!(text, "  {}", backend::command(cluster));
        }
        let _ = writeln!(text, "\nCtrl-C stops everything; the next run goes on from here; --fresh starts over.\n");
        text
    }

    fn cluster_of(address: &str) -> Option<&'static Cluster> {
        CLUSTERS.iter().find(|cluster| cluster.vip.to_string() == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_fits_a_screen_and_tells_the_split_in_force() {
        let members: Vec<Member> = CLUSTERS
            .iter()
            .zip([6, 3, 1])
            .map(|(cluster, weight)| Member { address: cluster.vip.to_string(), weight, state: "up".into() })
            .collect();
        let text = Banner {
            controller: "https://127.0.0.1:9443",
            dns: "127.0.0.1:5301".parse().unwrap(),
            clusters: Path::new("/d/clusters"),
            connection_file: Path::new("/d/connection.env"),
            program_dir: Path::new("/b"),
            members: &members,
            backends: &[11, 12, 13],
            notes: &["port 5300 is taken, DNS answers on 5301".to_owned()],
        }
        .text();
        assert!(text.lines().count() <= 40, "{}", text.lines().count());
        for part in ["split 6:3:1", "-p 5301 hello.avi.iberia.local", "! port 5300 is taken", "kill 13"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
