//! What a process used, and statistics of a few runs.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, bail};

/// CPU time that all threads of `pid` have used so far, user and system, from the scheduler's own nanoseconds.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let mut total = 0_u64;
    for task in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("looking at process {pid}"))? {
        let file = task?.path().join("schedstat");
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let first = text.split_whitespace().next().context("an empty schedstat")?;
        total += first.parse::<u64>().context("reading schedstat")?;
    }
    Ok(Duration::from_nanos(total))
}

/// Resident and proportional memory of `pid` in MiB: `Rss` and `Pss` of `smaps_rollup`.
pub(crate) fn memory_mib(pid: u32) -> anyhow::Result<(f64, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).with_context(|| format!("process {pid}"))?;
    let field = |name: &str| -> anyhow::Result<f64> {
        let line = text.lines().find(|line| line.starts_with(name)).context("no such field")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no value")?.parse().context("reading a size")?;
        Ok(kib / 1024.0)
    };
    Ok((field("Rss:")?, field("Pss:")?))
}

/// The most memory that was ever resident, in MiB: `VmHWM` of `status`.
pub(crate) fn peak_memory_mib(pid: u32) -> anyhow::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.split_whitespace().next().context("no value")?.parse().context("reading a size")?;
    Ok(kib / 1024.0)
}

/// The value in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// The value that `percent` of the values do not exceed.
pub(crate) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive rank")]
    sorted.get(rank as usize - 1).copied().unwrap_or(f64::NAN)
}

/// A child process that is ended with the value.
pub(crate) struct Server(pub(crate) Child);

impl Server {
    /// Starts `command` on one core (`taskset`), with its output thrown away.
    pub(crate) fn pinned(core: u32, program: &str, args: &[String]) -> anyhow::Result<Self> {
        let child = Command::new("taskset")
            .args(["-c", &core.to_string(), program])
            .args(args)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .with_context(|| format!("starting {program} with taskset"))?;
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port of loopback that is free for UDP and TCP.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    for _ in 0..100 {
        let udp = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context("looking for a free port")?;
        let address = udp.local_addr()?;
        if TcpListener::bind(address).is_ok() {
            return Ok(address.port());
        }
    }
    bail!("found no port that is free for UDP and TCP")
}

/// Asks until `condition` holds, at most five minutes.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) -> anyhow::Result<()> {
    for _ in 0..30_000 {
        if condition() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("waited five minutes in vain for {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(median(&values), 100.0);
        assert_eq!(percentile(&values, 99.0), 198.0);
        assert_eq!(percentile(&[7.0], 99.0), 7.0);
    }
}
