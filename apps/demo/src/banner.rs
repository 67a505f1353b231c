//! A screenful: what runs, and what to try.

use std::fmt::Write;
use std::path::Path;

use crate::story::{CLUSTERS, Cluster, HOST, HTTP_PORT, HTTPS_PORT, LEADER, SECURE_HOST};

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
    /// What clients of the second application trust.
    pub(crate) certificate: &'a Path,
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
        let dig = format!("dig +short @{ip} -p {port}");
        let curl = |options: &str, host: &str, http_port: u16, scheme: &str| {
            format!("curl -s{options} --resolve {host}:{http_port}:$({dig} {host}) {scheme}://{host}:{http_port}/")
        };
        let hello = curl("", HOST, HTTP_PORT, "http");
        let certificate = format!(" --cacert {}", self.certificate.display());
        let secure = curl(&certificate, SECURE_HOST, HTTPS_PORT, "https");
        let _ = writeln!(text, "  for i in $(seq 12); do {dig} {HOST}; done");
        let _ = writeln!(text, "  for i in $(seq 12); do {hello}; done | sort | uniq -c");
        let _ = writeln!(text, "  {secure}");
        let _ = writeln!(text, "  meridian explain dns {HOST} --client 10.1.2.3");
        let _ = writeln!(text, "  meridian explain dns {SECURE_HOST}");
        let _ = writeln!(text, "  meridian logs --since 10m");
        let _ = writeln!(text, "  meridian get gslbservice; meridian get virtualservice; meridian get pool -o yaml");
        let gdp = format!("{clusters}/{LEADER}/avi-system/global-gdp.yaml");
        let _ = writeln!(text, "Change the split to 6:3:1, drop a label, delete an Ingress:");
        let _ = writeln!(text, "  sed -i 's/weight: 4/weight: 3/; s/weight: 2/weight: 1/' {gdp}");
        let _ = writeln!(text, "  sed -i 's/app: gslb/app: none/' {clusters}/s1az2/hello.yaml");
        let _ = writeln!(text, "  rm {clusters}/s2/hello.yaml");
        let _ = writeln!(
            text,
            "Scale to zero and back: the page is 503, its cluster leaves the answers, then both return:"
        );
        let _ = writeln!(text, "  sed -i 's/replicas: 2/replicas: 0/' {clusters}/{LEADER}/deployment.yaml");
        let _ = writeln!(text, "  sed -i 's/replicas: 0/replicas: 2/' {clusters}/{LEADER}/deployment.yaml");
        let _ = writeln!(text, "\nCtrl-C stops everything; the next run goes on from here; --fresh starts over.\n");
        text
    }

    fn cluster_of(address: &str) -> Option<&'static Cluster> {
        let address = address.parse().ok()?;
        CLUSTERS.iter().find(|cluster| cluster.has_vip(address))
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
            .map(|(cluster, weight)| {
                let [a, b, c] = cluster.vips;
                Member { address: format!("{a}.{b}.{c}.40"), weight, state: "up".into() }
            })
            .collect();
        let text = Banner {
            controller: "https://127.0.0.1:9443",
            dns: "127.0.0.1:5301".parse().unwrap(),
            clusters: Path::new("/d/clusters"),
            connection_file: Path::new("/d/connection.env"),
            program_dir: Path::new("/b"),
            members: &members,
            certificate: Path::new("/d/hackazon.crt"),
            notes: &["port 5300 is taken, DNS answers on 5301".to_owned()],
        }
        .text();
        assert!(text.lines().count() <= 40, "{}", text.lines().count());
        let curl = "curl -s --cacert /d/hackazon.crt --resolve hackazon.avi.iberia.local:8443:$(dig";
        for part in
            ["split 6:3:1", "-p 5301 hello.avi.iberia.local", "! port 5300 is taken", "Site1 AZ2  127.10.26.40", curl]
        {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
