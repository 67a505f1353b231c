//! Which members were up, on disk: an engine that starts again answers with them until their probes have a verdict.
//!
//! ```text
//! meridian engine up members 1
//! UUID ADDRESS                    one line each
//! ```

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use se_protocol::{Report, UpMembers};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    certificate::chain,
    private_file::{self, FileError},
};

const FILE: &str = "up-members";
const MAGIC: &str = "meridian engine up members 1";
/// Shortest time from one look at the reports to the next: members that come and go together are one write.
const SPACING: Duration = Duration::from_millis(100);
/// As many times as long as a look took is the time to the next, so that many members and a slow disk cost a twentieth
/// of one core at most.
const REST: u32 = 20;

/// What was kept last. A file that cannot be read is told as a warning and counts as none: members then wait for their
/// first probe.
pub(super) fn load(dir: &Path) -> UpMembers {
    let content = private_file::read(&dir.join(FILE)).unwrap_or_else(|error| {
        tracing::warn!(reason = chain(&error), "members that were up are not known: they wait for their first probe");
        None
    });
    let Some(content) = content else { return UpMembers::new() };
    parse(&content).unwrap_or_else(|| {
        tracing::warn!(file = FILE, reason = "it is damaged", "members that were up wait for their first probe");
        UpMembers::new()
    })
}

/// Keeps what the reports say, until the link stops or the engine reports no more: what was up for [`SPACING`], and the
/// time that a write takes, is up after a crash, and all of it after a stop. A disk that fails is told once.
pub(super) async fn keep(
    dir: PathBuf,
    mut kept: UpMembers,
    mut reports: watch::Receiver<Option<Arc<Report>>>,
    stop: CancellationToken,
) {
    let mut is_failing = false;
    loop {
        let goes_on = matches!(stop.run_until_cancelled(reports.changed()).await, Some(Ok(())));
        let begin = Instant::now();
        let up = reports.borrow_and_update().as_ref().map(|report| report.up_members());
        if let Some(up) = up.filter(|up| *up != kept) {
            let (dir, content) = (dir.clone(), text(&up));
            let written = tokio::task::spawn_blocking(move || private_file::write(&dir, FILE, content.as_bytes()));
            match written.await {
                Ok(Ok(())) => {
                    kept = up;
                    is_failing = false;
                }
                Ok(Err(error)) => tell_failure(&error, &mut is_failing),
                Err(error) => tracing::error!(reason = %error, "writing to disk ended badly"),
            }
        }
        if !goes_on {
            return;
        }
        let pause = SPACING.max(begin.elapsed() * REST);
        stop.run_until_cancelled(tokio::time::sleep(pause)).await.unwrap_or_default();
    }
}

fn tell_failure(error: &FileError, is_failing: &mut bool) {
    if !std::mem::replace(is_failing, true) {
        tracing::warn!(
            reason = chain(error),
            "members that are up are not kept on disk: after a restart they wait for their first probe"
        );
    }
}

fn text(up: &UpMembers) -> String {
    let mut text = format!("{MAGIC}\n");
    for (uuid, ip) in up.iter().flat_map(|(uuid, ips)| ips.iter().map(move |ip| (uuid, ip))) {
        text.push_str(&format!("{uuid} {ip}\n"));
    }
    text
}

fn parse(content: &[u8]) -> Option<UpMembers> {
    let mut lines = std::str::from_utf8(content).ok()?.lines();
    if lines.next() != Some(MAGIC) {
        return None;
    }
    let mut up = UpMembers::new();
    for line in lines {
        let (uuid, ip) = line.split_once(' ')?;
        up.entry(uuid.to_owned()).or_default().insert(ip.parse::<IpAddr>().ok()?);
    }
    Some(up)
}

#[cfg(test)]
mod tests {
    use model::{Revision, Version};
    use se_protocol::{GslbServiceState, MemberState, PoolState, State};

    use super::*;

    fn report(services: &[&str]) -> Arc<Report> {
        let ip = IpAddr::from([192, 0, 2, 1]);
        let member = |state| MemberState {
            ip,
            state,
            perceived: state,
            reason: String::new(),
            since_us: 0,
            datapath: state,
            controller: None,
            monitors: Vec::new(),
        };
        let pool = || PoolState { name: "pool".to_owned(), state: State::Up, members: vec![member(State::Up)] };
        let service = |uuid: &&str| {
            Arc::new(GslbServiceState {
                uuid: (*uuid).to_owned(),
                state: State::Up,
                reason: String::new(),
                since_us: 0,
                pools: vec![pool()],
            })
        };
        Arc::new(Report {
            version: Version { incarnation: String::new(), term: 0, revision: Revision(1) },
            dns_services: Vec::new(),
            gslb_services: services.iter().map(service).collect(),
            http_services: Vec::new(),
            http_pools: Vec::new(),
        })
    }

    #[tokio::test]
    async fn what_comes_up_just_before_a_stop_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (reports, seen) = watch::channel(None);
        let stop = CancellationToken::new();
        let keeping = tokio::spawn(keep(dir.path().to_owned(), UpMembers::new(), seen, stop.clone()));
        reports.send_replace(Some(report(&["a"])));
        while load(dir.path()).is_empty() {
            tokio::task::yield_now().await;
        }
        // Within the pause after the first write.
        reports.send_replace(Some(report(&["a", "b"])));
        stop.cancel();
        keeping.await.unwrap();
        assert_eq!(load(dir.path()).into_keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_kept_is_read_again_and_what_is_damaged_counts_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), UpMembers::new());
        let ips = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let up = UpMembers::from([("a".to_owned(), ips.into()), ("b".to_owned(), [ips[0]].into())]);
        private_file::write(dir.path(), FILE, text(&up).as_bytes()).unwrap();
        assert_eq!(load(dir.path()), up);
        for damaged in [&b""[..], b"a 192.0.2.1\n", b"meridian engine up members 1\na 192.0.2\n", b"\xff"] {
            private_file::write(dir.path(), FILE, damaged).unwrap();
            assert_eq!(load(dir.path()), UpMembers::new());
        }
    }
}
