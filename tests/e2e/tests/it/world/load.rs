//! Many queries while many names change.

use std::fs;
use std::process::Command;

use super::clients::Client;
use super::{CONTROLLER, DNS, World};

/// What `dnsperf` says at its end.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) sent: u64,
    pub(crate) completed: u64,
    pub(crate) lost: u64,
    /// Response codes with their counts, as it prints them.
    pub(crate) codes: String,
    pub(crate) seconds: f64,
}

impl World {
    /// Makes `count` names, and changes `per_second` of them a second from its first line of input on.
    pub(crate) fn client_change(&self, count: usize, per_second: u32) -> Client {
        let (authority, password) = (self.path("controller/ca.pem"), self.path("controller/admin-password"));
        let (count, per_second) = (count.to_string(), per_second.to_string());
        let mut client = self.client("change", &[CONTROLLER, &authority, &password, &count, &per_second]);
        client.expect("ready");
        client
    }

    /// Checks answers for those names, `per_second` a second.
    pub(crate) fn client_generations(&self, count: usize, per_second: u32) -> Client {
        self.client("generations", &[DNS, &count.to_string(), &per_second.to_string()])
    }

    /// Asks for those names in turn, `per_second` times a second for `seconds`.
    pub(crate) fn dnsperf(&self, count: usize, per_second: u32, seconds: u32) -> Load {
        let questions: String = (0..count).map(|number| format!("g{number}.avi.iberia.local A\n")).collect();
        fs::write(self.path("questions"), questions).unwrap();
        let (rate, seconds) = (per_second.to_string(), seconds.to_string());
        // As many may be under way as leave in a second: a client that waits would hide what is slow.
        let args = ["-s", DNS, "-d", &self.path("questions"), "-Q", &rate, "-l", &seconds, "-q", &rate];
        let mut dnsperf = self.enter("dnsperf");
        // Many clients, so that the engine's workers share them; a buffer that holds what comes while it is not run.
        let output = dnsperf.args(args).args(["-c", "64", "-t", "5", "-b", "4096"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        Load::read(&text).unwrap_or_else(|| panic!("not understood: {text}"))
    }

    /// What the kernel counted of UDP in the namespace; for who reads of a loss.
    pub(crate) fn udp_counts(&self) -> String {
        let output = self.enter("sh").args(["-c", "grep Udp: /proc/net/snmp; cat /proc/net/udp"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Load {
    fn read(text: &str) -> Option<Self> {
        let after = |label: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
            Some(line.trim().to_owned())
        };
        let first = |label: &str| after(label)?.split_whitespace().next()?.parse::<f64>().ok();
        let count = |label: &str| after(label)?.split_whitespace().next()?.parse::<u64>().ok();
        Some(Self {
            sent: count("Queries sent:")?,
            completed: count("Queries completed:")?,
            lost: count("Queries lost:")?,
            codes: after("Response codes:")?,
            seconds: first("Run time (s):")?,
        })
    }
}

/// Whether `dnsperf` is here.
pub(crate) fn has_dnsperf() -> bool {
    let found = Command::new("dnsperf").arg("-h").output().is_ok();
    if !found {
        println!("skipped: no dnsperf on this machine");
    }
    found
}
